"""Load on an address over many connections: by `wrk` where it is installed, else from asyncio."""

from __future__ import annotations

import asyncio
import re
import shutil
import subprocess
import time
from tempfile import NamedTemporaryFile

Loaded = tuple[float, float, float, int]
"""Requests a second, median and 99th percentile of the latency in ms, and how many requests failed."""


def loaded(url: str, connections: int, seconds: int, body: str = "") -> Loaded:
    """Ask an address over and over, or send it a JSON body."""
    return (_by_wrk if shutil.which("wrk") else _by_asyncio)(url, connections, seconds, body)


def _by_wrk(url: str, connections: int, seconds: int, body: str) -> Loaded:
    """Load with wrk, on one thread."""
    command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", "20s", "--latency", url]
    with NamedTemporaryFile("w", suffix=".lua") as script:
        if body:
            script.write(f"wrk.method, wrk.body = 'POST', '{body}'\nwrk.headers['Content-Type'] = 'application/json'\n")
            script.flush()
            command += ["-s", script.name]
        text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    unit = {"us": 1e-3, "ms": 1.0, "s": 1e3}
    p50, p99 = (
        float(match[1]) * unit[match[2]]
        for share in (50, 99)
        if (match := re.search(rf"{share}%\s+([\d.]+)(us|ms|s)", text))
    )
    rate = re.search(r"Requests/sec:\s+([\d.]+)", text)
    wrong = sum(int(number) for number in re.findall(r"(?:Non-2xx.*: |connect |read |write |timeout )(\d+)", text))
    return float(rate[1]) if rate else 0.0, p50, p99, wrong


def _by_asyncio(url: str, connections: int, seconds: int, body: str) -> Loaded:
    """Load from this process, which costs more of the machine than wrk."""
    host, port, path = re.fullmatch(r"http://([^:]+):(\d+)(.*)", url).groups()  # type: ignore[union-attr]
    typed = f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n" if body else ""
    request = f"{'POST' if body else 'GET'} {path} HTTP/1.1\r\nHost: {host}\r\n{typed}\r\n{body}".encode()
    took: list[float] = []
    failed = 0

    async def ask(ends: float) -> None:
        nonlocal failed
        reader, writer = await asyncio.open_connection(host, int(port))
        while time.perf_counter() < ends:
            begun = time.perf_counter()
            writer.write(request)
            head = await reader.readuntil(b"\r\n\r\n")
            length = re.search(rb"content-length: (\d+)", head)
            await reader.readexactly(int(length[1]) if length else 0)
            took.append(1e3 * (time.perf_counter() - begun))
            failed += b" 200 " not in head[:20]
        writer.close()

    async def all_of_them() -> None:
        ends = time.perf_counter() + seconds
        await asyncio.gather(*(ask(ends) for _ in range(connections)))

    asyncio.run(all_of_them())
    took.sort()
    return len(took) / seconds, took[len(took) // 2], took[int(0.99 * len(took))], failed
