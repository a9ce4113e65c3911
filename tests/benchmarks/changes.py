"""What readers notice of changes: `python tests/benchmarks/changes.py [BARS.parquet] [PHASE ...]`, a line a phase.

One server process is loaded on /predict of one symbol over 64 connections, while nothing else goes on (`quiet`), while
another process stores a new session of every symbol and forecasts it (`refresh`), while the service trains
(`training`), and while versions are promoted and one is rolled back to (`champion`), then in quiet again.
Beside the load a reader asks for all symbols in turn. Its answers are compared with the ledger: one that failed, whose
version and numbers aren't those of one row (`torn`), or which is by an earlier version than the one that had been
announced when it was asked for (`late`), is counted. Bars are a file's or simulated; their last session is the new one.
"""

from __future__ import annotations

import http.client
import json
import os
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import polars as pl

sys.path.insert(0, str(Path(__file__).parents[2]))
from tests.benchmarks.serving import Load, load, started

PORT = int(os.environ.get("PORT", "8791"))
ROUNDS = 4
SYMBOLS, SESSIONS = 100, 1000
ASKS_EVERY_S = 0.01
LEANS = {f"v{number}": 0.02 + 0.001 * number for number in range(1, 9)}
"""Versions that differ in their forecasts: each promotion is one that nothing was computed for."""


@dataclass
class Reader:
    """Asks for one symbol after the other, and keeps what was said.

    `announced` is the version that must be served; empty while the pointer is being moved.
    """

    symbols: list[str]
    announced: str = "v1"
    failed: int = 0
    late: int = 0
    answers: list[dict[str, Any]] = field(default_factory=list)
    took_ms: list[float] = field(default_factory=list)
    _stopped: threading.Event = field(default_factory=threading.Event)

    def run(self) -> None:
        """Ask until `stop`."""
        connection = http.client.HTTPConnection("127.0.0.1", PORT, timeout=30)
        while not self._stopped.wait(ASKS_EVERY_S):
            symbol, due = self.symbols[len(self.answers) % len(self.symbols)], self.announced
            begun = time.perf_counter()
            connection.request("GET", f"/predict/{symbol}")
            answer = connection.getresponse()
            said = json.loads(answer.read())
            self.took_ms.append(1e3 * (time.perf_counter() - begun))
            if answer.status != 200:
                self.failed += 1
                continue
            self.answers.append(said)
            self.late += bool(due) and due == self.announced != said["model"]["version"]

    def stop(self) -> None:
        """End `run`."""
        self._stopped.set()

    def torn(self) -> int:
        """Count the answers that aren't what one row of the ledger says."""
        from app.core.db import Database
        from app.core.settings import load_settings
        from app.forecasts.ledger import records

        database = Database(load_settings().database)
        with database.read() as db:
            kept = {one.id: one for one in records.of_ids(db, list({said["prediction_id"] for said in self.answers}))}
        database.dispose()
        return sum(not _is_of(said, kept.get(said["prediction_id"])) for said in self.answers)


def _is_of(said: dict[str, Any], row: Any) -> bool:
    """Say whether an answer is of a row: who made it, as of when, and each number, on the same basis."""
    if row is None or (said["symbol"], said["model"]["version"]) != (row.symbol, row.model_version):
        return False
    row = row.on_basis(said["last_close"])
    numbers = [(said["predicted_close"], row.predicted_close), (said["predicted_return"], row.predicted_return)]
    for told, made in zip(said["intervals"], row.intervals(), strict=True):
        numbers += [(told["lower"], made.lower), (told["upper"], made.upper)]
    same = all(abs(one - other) <= 1e-5 * max(1.0, abs(other)) for one, other in numbers)
    return same and said["as_of"] == row.as_of.isoformat()


def ask(method: str, path: str) -> Any:
    """Return the JSON of an answer."""
    connection = http.client.HTTPConnection("127.0.0.1", PORT, timeout=120)
    connection.request(method, path)
    answer = connection.getresponse()
    said = json.loads(answer.read())
    assert answer.status < 400, said
    return said


def fill(bars: pl.DataFrame, folder: Path) -> list[str]:
    """Store all sessions but the last, and forecasts by the first of several versions; return the symbols."""
    from app.core.clock import Clock
    from app.core.db import Database, migrate
    from app.core.settings import load_settings
    from app.forecasts.prediction.forecaster import Forecaster
    from app.prices.refresh import import_files
    from app.registry.promotion import champion
    from app.registry.versions import artefact
    from tests.forecasts import small

    settings, clock = load_settings(), Clock(load_settings().now)
    database = Database(settings.database)
    migrate(database)
    bars.filter(pl.col("session") < pl.col("session").max()).rename({"session": "date"}).write_parquet(
        folder / "old.parquet"
    )
    import_files.import_files(database, [folder / "old.parquet"], clock)
    symbols = sorted(bars["symbol"].unique())
    for version, lean in LEANS.items():
        model = small.model(version, lean, through=bars["session"].max())
        card = model.card.model_copy(update={"symbols": tuple(symbols)})
        artefact.save(replace(model, card=card), settings.models_dir / version)
    champion.promote(settings, database, "v1", "benchmark", {}, clock.now())
    forecaster = Forecaster(settings, database, clock)
    forecaster.forecast_all()
    found = [one.symbol for one in forecaster.stored_many(symbols)]
    database.dispose()
    return found


def new_session(file: str) -> None:
    """Be the process that stores a new session and forecasts, as a cycle does, but from a market in memory."""
    from app.core.clock import Clock
    from app.core.db import Database
    from app.core.settings import load_settings
    from app.forecasts.prediction.forecaster import Forecaster
    from app.jobs import runs
    from app.prices.refresh.run import refresh
    from tests.prices.market import Market

    settings, bars = load_settings(), pl.read_parquet(file)
    database, clock = Database(settings.database), Clock(settings.now)
    market = Market(
        {str(symbol): its for (symbol,), its in bars.group_by("symbol")}, bars["session"].max(), name="file"
    )
    run = runs.start(database, "cycle", "benchmark", clock.now())
    reports = refresh(database, market, clock, sorted(market.bars), lambda *_: runs.report(database, run.id, 0.5, ""))
    Forecaster(settings, database, clock).forecast_all()
    runs.finish(database, run.id, "done", "", None, clock.now())
    print(sum(report.added for report in reports))


def refreshing(file: Path) -> None:
    """Store the new session in another process, which stands back as jobs do."""
    from app.jobs import processes

    command = [sys.executable, __file__, "--new-session", str(file)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, start_new_session=True)
    processes.put_back(process.pid)
    assert process.wait() == 0


def training(_reader: Reader) -> None:
    """Train for as long as the load lasts, then stop."""
    job = ask("POST", "/api/jobs/train")["id"]
    give_up = time.monotonic() + ROUNDS * 6
    while ask("GET", f"/api/jobs/{job}")["state"] == "running" and time.monotonic() < give_up:
        time.sleep(1.0)
    ask("POST", f"/api/jobs/{job}/cancel")
    while ask("GET", f"/api/jobs/{job}")["state"] == "running":
        time.sleep(0.2)


def champions(reader: Reader) -> None:
    """Promote versions that have forecast nothing yet, and roll back, over HTTP."""
    for version in list(LEANS)[1:4]:
        began, reader.announced = time.perf_counter(), ""
        ask("POST", f"/api/models/{version}/promote")
        reader.announced = version
        print(f"    promoted {version} over HTTP in {time.perf_counter() - began:.2f} s")
        time.sleep(3.0)
    reader.announced = ""
    reader.announced = ask("POST", "/api/models/rollback")["champion"]
    time.sleep(3.0)


def phase(name: str, reader: Reader, pid: int, work: Callable[[], None] | None) -> list[Load]:
    """Load the server while something goes on, or for some rounds."""
    beside, asked, late = threading.Thread(target=work) if work else None, len(reader.took_ms), reader.late
    if beside:
        beside.start()
    found: list[Load] = []
    while beside.is_alive() if beside else len(found) < ROUNDS:
        found.append(load(pid, PORT, f"/predict/{reader.symbols[0]}"))
    if beside:
        beside.join()
    rate, p50, p99 = (statistics.median(getattr(one, what) for one in found) for what in ("rate", "p50", "p99"))
    worst, failed = max(one.p99 for one in found), sum(one.failed for one in found)
    print(
        f"{name:9} {len(found):2} rounds {rate:9,.0f}/s  p50 {p50:6.2f}  p99 {p99:6.2f}  worst p99 {worst:6.2f} ms  "
        f"failed {failed}; reader {_told(sorted(reader.took_ms[asked:]))}, {reader.late - late} late",
        flush=True,
    )
    return found


def _told(took: list[float]) -> str:
    return f"p50 {took[len(took) // 2]:.1f} p99 {took[int(0.99 * len(took))]:.0f} max {took[-1]:.0f} ms of {len(took)}"


def main(bars: pl.DataFrame, folder: Path, wanted: list[str]) -> int:
    """Go through the phases, and print what came of them; fail unless all is answered, whole, and soon enough."""
    bars.write_parquet(folder / "bars.parquet")
    reader = Reader(fill(bars, folder))
    works = {"refresh": lambda: refreshing(folder / "bars.parquet"), "training": lambda: training(reader)}
    works["champion"] = lambda: champions(reader)
    with started("ours", PORT, b"{}", f"/predict/{reader.symbols[0]}") as pid:
        ask("GET", "/api/screener")
        thread = threading.Thread(target=reader.run)
        thread.start()
        load(pid, PORT, f"/predict/{reader.symbols[0]}")
        quiet, found = phase("quiet", reader, pid, None), {}
        for name in wanted or works:
            found[name] = phase(name, reader, pid, works[name])
        quiet += phase("quiet", reader, pid, None)
        reader.stop()
        thread.join()
    idle = statistics.median(one.p99 for one in quiet)
    ratios = {name: statistics.median(one.p99 for one in rounds) / idle for name, rounds in found.items()}
    torn = reader.torn()
    print(f"p99 over quiet: {', '.join(f'{name} {ratio:.2f} x' for name, ratio in ratios.items())}")
    print(f"a reader of {len(reader.symbols)} symbols: {len(reader.answers):,} answers, {reader.failed} failed, "
          f"{torn} torn, {reader.late} late")  # fmt: skip
    print(f"load average {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    failed = reader.failed + torn + reader.late + sum(one.failed for rounds in found.values() for one in rounds)
    return 0 if failed == 0 and max(ratios.values()) <= 2.0 else 1


def _bars(file: str | None) -> pl.DataFrame:
    """Read a file's bars, or simulate some; the last session is complete."""
    from app.prices.frame import BAR_SCHEMA
    from app.training.data.simulated import market

    if file is None:
        return market(1, SYMBOLS, SESSIONS)
    raw = pl.read_parquet(file).rename({"date": "session"}).drop_nulls(["open", "high", "low", "close"])
    raw = raw if "adj_close" in raw.columns else raw.with_columns(adj_close=None)
    ends = raw.filter(pl.col("session") == pl.col("session").max())["symbol"]
    return raw.filter(pl.col("symbol").is_in(ends.implode())).select(
        pl.col(name).cast(to) for name, to in BAR_SCHEMA.items()
    )


if __name__ == "__main__":
    if sys.argv[1:2] == ["--new-session"]:
        new_session(sys.argv[2])
        sys.exit()
    with TemporaryDirectory() as scratch:
        files = [one for one in sys.argv[1:] if Path(one).exists()]
        market_bars = _bars(files[0] if files else None)
        evening = datetime.combine(market_bars["session"].max(), datetime.min.time(), UTC) + timedelta(hours=22)
        os.environ |= {
            "NEXTCLOSE_HOME": scratch, "NEXTCLOSE_MODELS_DIR": f"{scratch}/models", "NEXTCLOSE_SOURCE": "sample",
            "NEXTCLOSE_SCHEDULER": "off", "NEXTCLOSE_NOW": evening.isoformat(),
        }  # fmt: skip
        sys.exit(main(market_bars, Path(scratch), [one for one in sys.argv[1:] if one not in files]))
