"""How long pages take and what they weigh: `python tests/benchmarks/pages.py [FOLDER|BARS.parquet] [SYMBOLS SESSIONS]`.

A line an address: milliseconds until the whole answer is here, asked for again (`stored`) and right after another
process has changed a bar (`fresh`), the server's CPU time of a fresh one, and its bytes as sent, gzipped. FOLDER holds
a store that an earlier run of this has built, or gets one: simulated bars of so many symbols and sessions, the first
ten watched, a small champion, its forecasts and its replayed record.
"""

from __future__ import annotations

import http.client
import os
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import polars as pl

sys.path.insert(0, str(Path(__file__).parents[2]))
from tests.benchmarks.serving import cpu_s, started

PORT = int(os.environ.get("PORT", "8792"))
SYMBOLS, SESSIONS, WATCHED = 500, 2520, 10
REPLAYED = 60
STORED, FRESH = 20, 10
MOST_STORED_MS, MOST_FRESH_MS, MOST_BYTES = 10.0, 30.0, 150_000
PART = {"hx-request": "true", "hx-request-type": "partial"}


def build(folder: Path, bars: pl.DataFrame) -> None:
    """Fill a folder with a store that has all that pages show."""
    from app.core.clock import Clock
    from app.core.db import Database, migrate
    from app.core.settings import load_settings
    from app.forecasts.ledger.replay import replay
    from app.forecasts.prediction.forecaster import Forecaster
    from app.prices import store
    from app.prices.refresh import import_files
    from app.registry.promotion import champion
    from app.registry.versions import artefact
    from tests.benchmarks.ledger import rows
    from tests.forecasts import small

    settings, clock = load_settings(), Clock(load_settings().now)
    database = Database(settings.database)
    migrate(database)
    bars.rename({"session": "date"}).write_parquet(folder / "bars.parquet")
    import_files.import_files(database, [folder / "bars.parquet"], clock)
    symbols = sorted(bars["symbol"].unique())
    with database.write() as db:
        store.watch(db, symbols[:WATCHED], clock.now())
    model = small.model("v1", through=bars["session"].max())
    card = model.card.model_copy(update={"symbols": tuple(symbols)})
    artefact.save(replace(model, card=card), settings.models_dir / "v1")
    champion.promote(settings, database, "v1", "benchmark", {}, clock.now())
    recent = bars["session"].unique().sort()[-REPLAYED:].implode()
    replay(database, clock, rows(bars.filter(pl.col("session").is_in(recent))))
    Forecaster(settings, database, clock).forecast_all()
    database.dispose()


def addresses(symbol: str, changed: str) -> dict[str, dict[str, str]]:
    """Return every page and fragment, with the headers that ask for it, and the longest lists of the API.

    A stock's page is asked for of a symbol that stays as it is, and of the one whose bar is changed before.
    """
    whole = [
        "/", "/screener", "/screener?sort=symbol&offset=200", f"/stocks/{symbol}", f"/stocks/{symbol}?range=All",
        f"/stocks/{changed}", f"/stocks/{changed}/numbers",
        "/track-record", "/models", "/models/v1", "/data", "/monitoring", "/jobs", "/alerts", "/docs", "/login",
        f"/embed/{symbol}", "/events.ics", "/decisions.atom", "/api/symbols", "/api/screener", "/api/track-record",
        "/api/models", f"/api/prices/{symbol}",
    ]  # fmt: skip
    parts = {
        f"/stocks/{symbol}?range=1Y": "section#chart", f"/stocks/{changed}?range=1Y": "section#chart",
        f"/stocks/{symbol}?above=50": "section#forecast",
        f"/stocks/{symbol}/drivers": "div#drivers", "/screener?sort=-move": "section#screen",
        f"/search?q={symbol[:4]}": "div#suggestions", "/?sort=symbol": "div#page",
    }  # fmt: skip
    return {one: {} for one in whole} | {one: {**PART, "hx-target": target} for one, target in parts.items()}


def ask(path: str, headers: dict[str, str]) -> tuple[int, int, float]:
    """Return an answer's status and bytes, and how long it took in ms."""
    connection = http.client.HTTPConnection("127.0.0.1", PORT, timeout=120)
    connection.connect()
    begun = time.perf_counter()
    connection.request("GET", path, headers={"accept": "text/html", "accept-encoding": "gzip", **headers})
    answer = connection.getresponse()
    size = len(answer.read())
    took = 1e3 * (time.perf_counter() - begun)
    connection.close()
    return answer.status, size, took


def changer(symbol: str) -> Callable[[], None]:
    """Return what changes a symbol's last bar a little, as another process does."""
    from app.core.clock import Clock
    from app.core.db import Database
    from app.core.settings import load_settings
    from app.prices import store

    settings = load_settings()
    database, now = Database(settings.database), Clock(settings.now).now()
    with database.read() as db:
        bar = store.history(db, symbol, last=1)

    def change() -> None:
        nonlocal bar
        bar = bar.with_columns(pl.col("volume") + 1)
        with database.write() as db:
            store.upsert(db, bar, "file", now)

    return change


def main() -> None:
    """Ask for every address, and print the table and what is over its bounds."""
    from app.core.db import Database
    from app.core.settings import load_settings
    from app.prices import store

    database = Database(load_settings().database)
    with database.read() as db:
        symbols = sorted(store.last_bars(db))
    database.dispose()
    symbol, change, over = symbols[0], changer(symbols[-1]), []
    with started("ours", PORT, b"{}", f"/predict/{symbol}") as pid:
        while ask("/screener", {})[2] > 1e3 * 5 or ask("/metrics", {})[0] != 200:
            time.sleep(1.0)
        time.sleep(3.0)
        print(f"{len(symbols):,} symbols\n{'':44} stored  fresh    CPU    bytes")
        for path, headers in addresses(symbol, symbols[-1]).items():
            fresh, used = [], 0.0
            ask(path, headers)
            for _ in range(FRESH):
                change()
                before = cpu_s(pid)
                fresh.append(ask(path, headers)[2])
                used += cpu_s(pid) - before
            status, size, _ = ask(path, headers)
            stored = statistics.median(ask(path, headers)[2] for _ in range(STORED))
            most = MOST_STORED_MS, MOST_FRESH_MS / (2 if headers else 1)
            late = stored > most[0] or statistics.median(fresh) > most[1]
            bad = status != 200 or late or size > MOST_BYTES
            over += [path] * bad
            named = f"{path} {headers.get('hx-target', '')}"
            cpu = 1e3 * used / FRESH
            print(
                f"{named:44} {stored:6.1f} {statistics.median(fresh):6.1f} {cpu:6.1f} {size:8,}{' over' if bad else ''}"
            )
    print(f"over 10 ms stored, 30 ms fresh (a part 15) or 150 kB: {', '.join(over) or 'none'}")
    print(f"load average {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")


def _bars(given: str, symbols: int, sessions: int) -> pl.DataFrame:
    from app.prices.frame import BAR_SCHEMA
    from app.training.data.simulated import market

    if not given.endswith(".parquet"):
        return market(1, symbols, sessions)
    raw = pl.read_parquet(given).rename({"date": "session"}).drop_nulls(["open", "high", "low", "close"])
    raw = raw if "adj_close" in raw.columns else raw.with_columns(adj_close=None)
    return raw.select(pl.col(name).cast(kind) for name, kind in BAR_SCHEMA.items())


def _last(folder: Path) -> date:
    """Return the last session that a folder's store was built from."""
    found = pl.scan_parquet(folder / "bars.parquet").select(pl.col("date").max()).collect().item()
    assert isinstance(found, date)
    return found


if __name__ == "__main__":
    with TemporaryDirectory() as scratch:
        given = sys.argv[1] if len(sys.argv) > 1 else ""
        home = Path(scratch if not given or given.endswith(".parquet") else given)
        home.mkdir(exist_ok=True)
        os.environ |= {
            "NEXTCLOSE_HOME": str(home), "NEXTCLOSE_MODELS_DIR": f"{home}/models", "NEXTCLOSE_SOURCE": "sample",
            "NEXTCLOSE_SCHEDULER": "off",
        }  # fmt: skip
        made = None
        if not (home / "bars.parquet").exists():
            made = _bars(given, *(int(one) for one in (sys.argv[2:] or (SYMBOLS, SESSIONS))))
        ends = _last(home) if made is None else made["session"].max()
        os.environ["NEXTCLOSE_NOW"] = (
            datetime.combine(ends, datetime.min.time(), UTC) + timedelta(hours=22)
        ).isoformat()
        if made is not None:
            build(home, made)
            del made
        main()
