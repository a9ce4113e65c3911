"""What anybody may send: `python tests/benchmarks/fuzz.py [COUNT [SEED]]` prints counts by status and the slowest.

Requests are drawn by a seeded generator: every route of the service, with values that are right, nearly right and
nonsense in paths, queries, cursors, dates, headers, JSON and forms. They go straight into the app, so that nothing is
mended on the way; one in fifty goes over a connection as bytes that needn't be HTTP. None may end in 500, in a text
with a traceback, in JSON that is none, or without an answer in time. Exit code 1 says that some did.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import sys
import time
import traceback
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import quote, urlencode

sys.path.insert(0, str(Path(__file__).parents[2]))

LONGEST_S = 30.0
"""A hang, not a busy machine."""
TOKEN = "s3cret"
RIGHT = (
    "AAPL",
    "IBM",
    "FB",
    "brk.b",
    "^VIX",
    "v1",
    "2013-02-01",
    "2013-03-01",
    "1",
    "100",
    "0.5",
    "live",
    "6M",
    "move",
)
JUNK = (
    "", " ", "A" * 21, "A" * 9000, "../../etc/passwd", "..%2f", "\0", "AAPL\0", "a\r\nSet-Cookie: x=1",
    "'; DROP TABLE bar;--",
    "<script>alert(1)</script>", "{{7*7}}", "${jndi:ldap://x}", "=cmd|' /C calc'!A0", "NaN", "Infinity", "-1", "0",
    "1e309",
    "9" * 40, "-" + "9" * 40, "9" * 5000, "1.5", "0001-01-01", "9999-12-31", "2021-02-30", "20210101", "2021-W01-1",
    "1700000000",
    "é", "ß", "İ", "\u0661\u0662", "\u00b2", "\u202e", "💥", "\ud800", "null", "true", "[]", "*", "^", ".", "-", "%",
    "%zz",
)  # fmt: skip
HEADERS = {
    "accept": ("*/*", "text/html", "text/event-stream", "application/json;q=\u00b2", "text/html;q=.,*/*;q=",
    "\u00ff", "a" * 5000),
    "accept-encoding": ("gzip", "identity", "gzip;q=0", "\u00b2"),
    "authorization": (f"Bearer {TOKEN}", "Bearer \u00e9", "Basic eDp5", "Bearer", "\u00b2"),
    "content-length": ("0", "5", "-1", "\u00b2", "9" * 30, "9" * 5000),
    "content-type": ("application/json", "application/x-www-form-urlencoded", "multipart/form-data",
    "text/\u00b2; charset=\u00ff"),
    "cookie": ("a=b", "\u00ff" * 100, "nextclose_admin=1.\u00b2", "nextclose_admin=" + "9" * 5000 + ".a"),
    "host": ("127.0.0.1:8000", "[", "]:", "", "a" * 500, "[::1", "x:99999999", "\u00b2", "a@b@c"),
    "hx-request-type": ("partial", "full"),
    "hx-target": ("main#stock", "div#forecast", "#", "#\u00b2", "x#" + "y" * 3000, "div#../x"),
    "if-none-match": ("*", '"x"', 'W/"', ",,,", "\u00ff" * 3000),
    "origin": ("null", "http://[", "https://evil.example", "http://127.0.0.1:8000", "\u00b2"),
    "range": ("bytes=0-", "bytes=-1"),
    "referer": ("http://127.0.0.1:8000/", "//", "http://[", "\u00b2"),
    "sec-fetch-site": ("same-origin", "cross-site", "\u00b2"),
    "x-forwarded-for": ("192.0.2.1", "\u00b2"),
}  # fmt: skip
BODIES: tuple[Any, ...] = (
    {"symbols": ["AAPL", "NOPE", "^VIX", ""]}, {"symbols": ["A"] * 1001}, {"symbols": "AAPL"}, {"symbols": []},
    {"symbols": [None, 1]},
    {"symbols": ["\ud800", "\0", "É" * 50]}, {"reason": "x" * 5000}, {"reason": "\0\ud800"},
    {"kind": "move", "threshold": 1e308},
    {"kind": "band", "symbol": "\0"}, {"kind": "verdict", "level": "any"}, {"kind": "stale", "threshold": -1}, {},
    [], None, 1, "x",
)  # fmt: skip
RAW = (
    b"", b"{", b'{"symbols":["AAPL"', b"[" * 50_000, b"\xff\xfe\x00", b"NaN", b"1e400", b'{"a":' * 3000, b"=" * 100,
    b"&" * 5000,
    b"symbol=AAPL", b"symbol=%00", b"symbol=%ff%fe", b"percent=nan&kind=move", b"percent=1e999&kind=move",
    b"kind=band&threshold=x",
    b"x" * 300_000, b"\x1f\x8b\x08\x00",
)  # fmt: skip
NO_HTTP = (
    b"\0\0\0\0\r\n\r\n", b"GET\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n", b"GET / HTTP/1.1\r\n\r\n", b"GET /\r\n",
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    b"\x16\x03\x01\x02\x00\x01\x00", b"GET http://[ HTTP/1.1\r\nHost: [\r\n\r\n",
    b"OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n",
    b"CONNECT a:1 HTTP/1.1\r\nHost: x\r\n\r\n", b"GET /%ff%00?\xff\xfe=\x80 HTTP/1.1\r\nHost: x\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: x\r\nA: " + b"a" * 200_000, b"GET / HTTP/1.1\r\n" + b"A: b\r\n" * 5000 + b"\r\n",
    b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Length: -5\r\n\r\n",
    b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nabc",
    b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    b"POST /predict HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nFFFFFFFFFFFFFFFFF\r\n",
    b"POST /predict HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n[]",
    b"GET /healthz HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: upgrade\r\nSec-WebSocket-Key: x\r\n\r\n",
    b"GET /predict/AAPL HTTP/1.1\r\nHost: x\r\n\r\n" * 20 + b"\0garbage",
)  # fmt: skip
LEAKS = re.compile(rb"Traceback \(most recent|File \"/|site-packages|sqlalchemy|psycopg|sqlite3")


@dataclass
class Report:
    """What came of the requests."""

    statuses: Counter[str] = field(default_factory=Counter)
    slowest: list[tuple[float, str]] = field(default_factory=list)
    failures: dict[str, list[str]] = field(default_factory=dict)
    """Requests by what was wrong with their answers."""

    def note(self, status: str, took_s: float, what: str, wrong: str | None) -> None:
        """Count an answer."""
        self.statuses[status] += 1
        self.slowest = sorted([*self.slowest, (took_s, what[:120])], reverse=True)[:5]
        if wrong:
            self.failures.setdefault(wrong, []).append(what[:600])


class Fuzz:
    """A seeded generator of requests to one app."""

    def __init__(self, app: Any, seed: int) -> None:
        """Learn the routes of an app; it should ask for `TOKEN`."""
        self.app, self.random, self.report = app, Random(seed), Report()  # noqa: S311 - repeatable, not secret
        parameters = re.findall(
            r'"in": "query", "name": "(\w+)"|"name": "(\w+)", "in": "query"', json.dumps(app.openapi())
        )
        self.queries = sorted({one or other for one, other in parameters} | {"range", "above", "cursor", "before", "v"})
        self.routes = [(sorted(route.methods), route.path) for route in app.state.routes] + [
            (["GET"], "/static/{name}")
        ]

    def value(self) -> str:
        """Return something that may stand in a path, a query or a form."""
        draw = self.random.random()
        if draw < 0.45:
            return self.random.choice(RIGHT)
        if draw < 0.85:
            return self.random.choice(JUNK)
        return "".join(
            chr(self.random.choice((self.random.randrange(32, 127), self.random.randrange(0xD7FF)))) for _ in range(6)
        )

    def scope(self) -> dict[str, Any]:
        """Return a request's head, as a server would hand it over; jobs are never started, which costs minutes."""
        methods, path = self.random.choice(self.routes)
        path = re.sub(r"\{(\w+)(:\w+)?\}", lambda _: self.value(), path)
        path = re.sub(
            r"^(/api)?/jobs/(?!.*/)(refresh|train|score|monitor|forecast|backtest|cycle|\w+)$", r"\1/jobs/none", path
        )
        path = path.replace("alerts/test", "alerts/tests")
        method = self.random.choice((*methods * 8, "GET", "HEAD", "OPTIONS", "DELETE", "FOO", ""))
        pairs = [
            (self.random.choice(self.queries), self.value()) for _ in range(self.random.choice((0, 0, 1, 1, 2, 6)))
        ]
        query = urlencode(pairs, errors="replace").encode()
        if self.random.random() < 0.05:
            query = self.random.randbytes(12)
        names = self.random.sample(sorted(HEADERS), self.random.choice((0, 1, 2, 5)))
        kind = self.random.choice(HEADERS["content-type"][:2])  # without one a body isn't looked at
        said = {"host": "127.0.0.1:8000", "authorization": f"Bearer {TOKEN}", "content-type": kind} | {
            name: self.random.choice(HEADERS[name]) for name in names
        }
        headers = [(name.encode(), value.encode("latin-1")) for name, value in said.items()]
        address = ".".join(str(self.random.randrange(256)) for _ in range(4))  # none is refused for others' guesses
        return {
            "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": method, "scheme": "http",
            "root_path": "",
            "path": path.encode("utf-8", "replace").decode(), "raw_path": quote(path, errors="replace").encode(),
            "query_string": query,
            "headers": headers, "client": (address, 40_000), "server": ("127.0.0.1", 8000), "state": {},
        }  # fmt: skip

    def body(self) -> list[dict[str, Any]]:
        """Return a body as the messages in which it arrives; the last may never come."""
        draw = self.random.random()
        sent = json.dumps(self.random.choice(BODIES)).encode() if draw < 0.5 else self.random.choice(RAW)
        if draw > 0.9:
            sent = urlencode(
                [(self.random.choice(("symbol", "kind", "percent", "level")), self.value())], errors="replace"
            ).encode()
        half = len(sent) // 2
        parts = [
            {"type": "http.request", "body": part, "more_body": place == 0}
            for place, part in enumerate((sent[:half], sent[half:]))
        ]
        return parts[: 1 if self.random.random() < 0.05 else 2]

    async def ask(self) -> None:
        """Send one request into the app, and look at its answer."""
        scope, arriving = self.scope(), self.body()
        what = f"{scope['method']} {scope['path']!r} ? {scope['query_string']!r} {scope['headers']!r} {arriving!r}"
        sent: list[dict[str, Any]] = []

        async def receive() -> dict[str, Any]:
            return arriving.pop(0) if arriving else {"type": "http.disconnect"}

        async def send(message: dict[str, Any]) -> None:
            sent.append(message)

        begun, wrong = time.perf_counter(), None
        try:
            await asyncio.wait_for(self.app(scope, receive, send), LONGEST_S)
        except TimeoutError:
            wrong = "no answer in time"
        except Exception as error:  # noqa: BLE001 - whatever comes out of the app is a finding
            wrong = "".join(traceback.format_exception(error)[-2:])
        status = sent[0]["status"] if sent else 0
        self.report.note(str(status), time.perf_counter() - begun, what, wrong or fault(sent))

    async def ask_raw(self, port: int) -> None:
        """Send bytes over a connection, and read until it is closed."""
        sent = self.random.choice(NO_HTTP)
        if self.random.random() < 0.3:
            place = self.random.randrange(len(sent))
            sent = sent[:place] + self.random.randbytes(3) + sent[place + 1 :]
        begun, wrong, got = time.perf_counter(), None, b""
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(sent)
            writer.write_eof()
            got = await asyncio.wait_for(reader.read(), LONGEST_S)
            writer.close()
        except TimeoutError:
            wrong = "the connection hangs"
        except OSError:
            got = b""
        found = re.match(rb"HTTP/1.1 (\d+)", got)
        status = int(found[1]) if found else 0
        wrong = wrong or ("a server error" if status == 500 or LEAKS.search(got) else None)
        self.report.note(f"raw {status or 'closed'}", time.perf_counter() - begun, repr(sent), wrong)


def fault(sent: list[dict[str, Any]]) -> str | None:
    """Return what is wrong with an answer."""
    if not sent or sent[0]["type"] != "http.response.start" or sent[-1].get("more_body"):
        return "no whole answer"
    body = b"".join(message.get("body", b"") for message in sent[1:])
    kind = dict(sent[0]["headers"]).get(b"content-type", b"")
    if sent[0]["status"] >= 500 and sent[0]["status"] != 503:
        return "a server error"
    if LEAKS.search(body) and b"gzip" not in dict(sent[0]["headers"]).get(b"content-encoding", b""):
        return "an inside view"
    if b"json" in kind and body and b"content-encoding" not in dict(sent[0]["headers"]):
        try:
            json.loads(body, parse_constant=_refuse)
        except ValueError as error:
            return f"no JSON: {error}"
    return None


def _refuse(constant: str) -> float:
    raise ValueError(f"{constant} is no number there")


async def run(
    app: Any, count: int, seed: int, port: int | None = None, told: Callable[[str], None] | None = None
) -> Report:
    """Send so many requests, one in fifty of them as bytes to a port if there is one."""
    fuzz = Fuzz(app, seed)
    for number in range(1, count + 1):
        await (fuzz.ask_raw(port) if port and number % 50 == 0 else fuzz.ask())
        if told and number % 5000 == 0:
            told(f"{number:,} {dict(sorted(fuzz.report.statuses.items()))} failures {len(fuzz.report.failures)}")
    return fuzz.report


def main(count: int, seed: int) -> int:
    """Fill a store, fuzz the service over it, and print what came of it."""
    from app.main import create_app
    from tests.benchmarks.serving import fill
    from tests.web.serving import serve

    fill(None)
    app = create_app(bind_host="127.0.0.1")
    with serve(app) as address:
        begun = time.perf_counter()
        report = asyncio.run(run(app, count, seed, int(address.rpartition(":")[2]), print))
    print(f"{count:,} requests, seed {seed}, {time.perf_counter() - begun:.0f} s")
    for status, number in sorted(report.statuses.items()):
        print(f"{status:12} {number:9,}")
    for took_s, what in report.slowest:
        print(f"{1e3 * took_s:9.1f} ms  {what}")
    for wrong, requests in report.failures.items():
        print(f"{len(requests)} times {wrong}: {requests[0]}")
    print(f"{sum(map(len, report.failures.values()))} failures")
    return 1 if report.failures else 0


if __name__ == "__main__":
    with TemporaryDirectory() as folder:
        os.environ |= {
            "NEXTCLOSE_HOME": folder, "NEXTCLOSE_MODELS_DIR": f"{folder}/models", "NEXTCLOSE_SOURCE": "sample",
            "NEXTCLOSE_SCHEDULER": "off", "NEXTCLOSE_ADMIN_TOKEN": TOKEN, "NEXTCLOSE_RATE_LIMIT": "0",
        }  # fmt: skip
        arguments = [int(text) for text in sys.argv[1:] if text.isdigit()]  # `make bench` passes a path
        sys.exit(main(arguments[0] if arguments else 2000, arguments[1] if len(arguments) > 1 else 1))
