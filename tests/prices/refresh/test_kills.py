"""Law 7: a process that is killed at any instant loses nothing that was committed and leaves no half symbol."""

import subprocess
import sys
import time
from pathlib import Path

import polars as pl

from app.core.clock import Clock
from app.core.db import Database
from app.prices import store
from app.prices.refresh.import_files import import_files
from app.prices.store import sql
from tests.prices.market import SESSIONS, bars, evening

SYMBOLS = [f"S{number:02}" for number in range(60)]
SCRIPT = """
import sys
from pathlib import Path
from app.core.clock import Clock
from app.core.db import Database
from app.prices.refresh import import_files
import_files._GROUP_ROWS = 200
import_files.import_files(Database(sys.argv[1]), [Path(sys.argv[2])], Clock())
"""


def counts(database: Database) -> dict[str, int]:
    """Return the number of bars of each symbol that has any, counted."""
    with database.read() as db:
        return dict(sql.run(db, "SELECT symbol, count(*) FROM bar GROUP BY symbol"))


def test_a_killed_import_leaves_whole_symbols_and_is_finished_by_the_next(database: Database, tmp_path: Path) -> None:
    """Killed three times in the middle: the store is sound, each symbol is there whole or not at all."""
    path = tmp_path / "many.parquet"
    pl.concat([bars(symbol) for symbol in SYMBOLS]).write_parquet(path)
    url = database.url.render_as_string(hide_password=False)
    for round_ in range(1, 4):
        before = len(counts(database))
        process = subprocess.Popen([sys.executable, "-c", SCRIPT, url, str(path)])
        limit = time.monotonic() + 20
        while len(counts(database)) < min(before + 5 * round_, len(SYMBOLS)) and time.monotonic() < limit:
            time.sleep(0.005)
        process.kill()
        process.wait()
        held = counts(database)
        assert len(held) >= before
        assert set(held.values()) == {len(SESSIONS)}
        with database.read() as db:
            if sql.is_sqlite(db):
                assert sql.run(db, "PRAGMA integrity_check") == [("ok",)]
            assert {status.symbol: status.bars for status in store.statuses(db) if status.bars} == held
    report = import_files(database, [path], Clock(evening(SESSIONS[-1]))).files[0]
    assert report.stored + report.unchanged == len(SYMBOLS) * len(SESSIONS)
    assert store.panel(database).height == report.rows
    assert list((tmp_path / "var").glob("import-*")) == []
