"""How fast a ready forecast is served: `python tests/benchmarks/serving.py [BARS.parquet]` prints one line a server.

Five servers, one process each and the same server settings, are loaded in turn over 64 connections, in several rounds
so that a busy machine bears on all: our /predict/{symbol}; a FastAPI route that returns a constant dict of the same
size; the same bytes from a bare ASGI app; and the naive design, which in each request queries the bars, computes
indicators and asks a forest of 300 trees. The load comes from `wrk` where it is installed, else from asyncio.

With `--minutes N` ours alone is loaded for so long, four seconds of each five at its limit, which is 80 % of it; each
minute's memory is printed.
"""

from __future__ import annotations

import http.client
import json
import os
import re
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2]))
from tests.web.load import loaded

CONNECTIONS = 64
SECONDS, SECONDS_OF_NAIVE = 4, 20
ROUNDS = 3
FIRST_PORT = int(os.environ.get("PORT", "8761"))
SERVERS = ("ours", "constant", "bare", "naive")


@dataclass(frozen=True)
class Load:
    """What one round of load came to: requests a second, latency in ms, errors, CPU µs of the server a request."""

    rate: float
    p50: float
    p99: float
    failed: int
    cpu: float


def fill(bars: Path | None) -> list[str]:
    """Make a store of bars or the bundled sample, and a small champion; return the symbols that have a forecast."""
    from app.core.clock import Clock
    from app.core.db import Database, migrate
    from app.core.settings import load_settings
    from app.forecasts.prediction.forecaster import Forecaster
    from app.prices import store
    from app.prices.refresh import import_files
    from app.prices.refresh.first_run import store_sample
    from app.registry.promotion import champion
    from app.registry.versions import artefact
    from tests.forecasts import small

    settings, now = load_settings(), datetime.now(UTC)
    database = Database(settings.database)
    migrate(database)
    if bars:
        import_files.import_files(database, [bars], Clock())
    else:
        store_sample(database, now)
    with database.read() as db:
        symbols = sorted(store.last_bars(db))
    model = small.model()
    artefact.save(
        replace(model, card=model.card.model_copy(update={"symbols": tuple(symbols)})), settings.models_dir / "v1"
    )
    champion.promote(settings, database, "v1", "benchmark", {}, now)
    forecaster = Forecaster(settings, database, Clock())
    forecaster.forecast_all()
    found = [one.symbol for one in forecaster.stored_many(symbols)]
    database.dispose()
    return found


def constant() -> Any:
    """Return a FastAPI app whose route returns a constant dict."""
    from fastapi import FastAPI

    app, answer = FastAPI(), json.loads(os.environ["ANSWER"])

    @app.get("/predict/{symbol}")
    async def predict(symbol: str) -> dict[str, Any]:  # noqa: ARG001
        return answer  # type: ignore[no-any-return]

    return app


async def bare(scope: Any, receive: Any, send: Any) -> None:  # noqa: ARG001
    """Send constant bytes."""
    body = os.environb[b"ANSWER"]
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def naive() -> Any:
    """Return a FastAPI app that queries, computes indicators and asks a forest in each request."""
    import numpy as np
    from fastapi import FastAPI
    from sklearn.ensemble import RandomForestRegressor

    from app.core.db import Database
    from app.core.settings import load_settings
    from app.features.overlay import overlay
    from app.prices import store

    app, database, random = FastAPI(), Database(load_settings().database), np.random.default_rng(1)
    columns = ["sma_20", "sma_50", "rsi_14"]
    forest = RandomForestRegressor(300, min_samples_leaf=20, n_jobs=1, random_state=1)
    forest.fit(random.normal(size=(2000, len(columns))), random.normal(size=2000))

    @app.get("/predict/{symbol}")
    def predict(symbol: str) -> dict[str, Any]:
        with database.read() as db:
            bars = store.history(db, symbol, last=300)
        newest = overlay(bars).tail(1).select(columns).to_numpy()
        return {"symbol": symbol, "predicted_return": float(forest.predict(newest)[0])}

    return app


def serve(name: str, port: int) -> None:
    """Be one of the servers."""
    import uvicorn

    if name == "ours":
        from app.cli import main

        sys.argv = ["nextclose", "serve", "--port", str(port)]
        main()
    app: Any = bare if name == "bare" else {"constant": constant, "naive": naive}[name]()
    uvicorn.run(app, port=port, log_config=None, access_log=False, server_header=False)


@contextmanager
def started(name: str, port: int, answer: bytes, path: str = "/predict/AAPL") -> Iterator[int]:
    """Run a server in a process of its own, and yield its process id once it answers."""
    command = [sys.executable, __file__, "--serve", name, str(port)]
    environment = {**os.environ, "ANSWER": answer.decode(), "OPENBLAS_NUM_THREADS": "1"}
    process = subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL)
    try:
        while True:
            try:
                get(port, path)
                break
            except OSError:
                time.sleep(0.2)
        yield process.pid
    finally:
        process.terminate()
        process.wait()


def get(port: int, path: str) -> bytes:
    """Return one answer's body."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    connection.request("GET", path)
    return connection.getresponse().read()


def cpu_s(pid: int) -> float:
    """Return the CPU seconds that a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def load(pid: int, port: int, path: str = "/predict/AAPL", seconds: int = SECONDS) -> Load:
    """Load one server for a round."""
    before = cpu_s(pid)
    rate, p50, p99, failed = loaded(f"http://127.0.0.1:{port}{path}", CONNECTIONS, seconds)
    return Load(rate, p50, p99, failed, 1e6 * (cpu_s(pid) - before) / max(rate * seconds, 1.0))


def post(port: int, symbols: list[str], rounds: int = 100) -> None:
    """Print the time of POST /predict over one connection, plain and gzipped."""
    asked = (symbols * 500)[:500] if len(symbols) < 500 else symbols[:500]
    body = json.dumps({"symbols": asked}).encode()
    for encoding in ("identity", "gzip"):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        took, size = [], 0
        for _ in range(rounds):
            begun = time.perf_counter()
            connection.request(
                "POST", "/predict", body, {"content-type": "application/json", "accept-encoding": encoding}
            )
            size = len(connection.getresponse().read())
            took.append(1e3 * (time.perf_counter() - begun))
        took.sort()
        said = f"{statistics.median(took):7.2f} ms  p95 {took[95]:7.2f} ms  {size:,} bytes"
        print(f"POST /predict, 500 symbols, {encoding:8} {said}")


def endure(port: int, minutes: int) -> int:
    """Load ours for long; print errors and memory of each minute, and fail if one errs or memory grows by 5 %."""
    memory, failed = [], 0
    with started("ours", port, b"{}") as pid:
        load(pid, port)
        for minute in range(minutes):
            ends, found = time.monotonic() + 60.0, []
            while time.monotonic() < ends - SECONDS - 1.0:
                found.append(load(pid, port))
                time.sleep(SECONDS / 4)
            memory.append(int(re.findall(r"VmRSS:\s+(\d+)", Path(f"/proc/{pid}/status").read_text())[0]) / 1024)
            failed += sum(one.failed for one in found)
            rate, p99 = (statistics.median(getattr(one, what) for one in found) for what in ("rate", "p99"))
            print(
                f"minute {minute + 1:2}  {rate:9,.0f}/s  p99 {p99:7.2f} ms  {memory[-1]:7.1f} MB  failed {failed}",
                flush=True,
            )
    return 0 if failed == 0 and memory[-1] <= 1.05 * memory[0] else 1


def main(bars: Path | None) -> None:
    """Start the servers, load them in turn, and print what came of it."""
    symbols = fill(bars)
    with started("ours", FIRST_PORT, b"{}"):
        answer = get(FIRST_PORT, "/predict/AAPL")
        post(FIRST_PORT, symbols)
    ports = {name: FIRST_PORT + 1 + place for place, name in enumerate(SERVERS)}
    rounds: dict[str, list[Load]] = {name: [] for name in SERVERS}
    for _ in range(ROUNDS):
        for name, port in ports.items():
            with started(name, port, answer) as pid:
                rounds[name].append(load(pid, port, seconds=SECONDS_OF_NAIVE if name == "naive" else SECONDS))
    said = f"medians of {ROUNDS} rounds of {SECONDS} s, the naive design's of {SECONDS_OF_NAIVE} s"
    print(f"{len(answer):,} bytes, {CONNECTIONS} connections, {said}")
    base = statistics.median(one.rate for one in rounds["constant"])
    for name, found in rounds.items():
        rate, p50, p99, cpu = (
            statistics.median(getattr(one, field) for one in found) for field in ("rate", "p50", "p99", "cpu")
        )
        print(
            f"{name:9} {rate:9,.1f}/s  {rate / base:7.3f} x constant  p50 {p50:8.2f} ms  p99 {p99:8.2f} ms  "
            f"cpu {cpu:8.1f} us  failed {sum(one.failed for one in found)}"
        )


if __name__ == "__main__":
    if sys.argv[1:2] == ["--serve"]:
        serve(sys.argv[2], int(sys.argv[3]))
    else:
        with TemporaryDirectory() as folder:
            os.environ |= {
                "NEXTCLOSE_HOME": folder, "NEXTCLOSE_MODELS_DIR": f"{folder}/models", "NEXTCLOSE_SOURCE": "sample",
                "NEXTCLOSE_SCHEDULER": "off",
            }  # fmt: skip
            minutes = int(sys.argv.pop(sys.argv.index("--minutes") + 1)) if "--minutes" in sys.argv else 0
            files = [Path(one) for one in sys.argv[1:] if not one.startswith("--")]
            if minutes:
                fill(files[0] if files else None)
                sys.exit(endure(FIRST_PORT, minutes))
            main(files[0] if files else None)
