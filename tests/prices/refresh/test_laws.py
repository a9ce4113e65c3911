"""Laws over random histories: what was known stays readable, and writing twice is writing once."""

from datetime import UTC, datetime, timedelta
from itertools import count

import polars as pl
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.core.db import Database
from app.prices import store
from app.prices.store import sql, write
from tests.prices.market import SESSIONS, bars

FIRST = datetime(2021, 1, 4, 22, tzinfo=UTC)
_numbers = count()

edits = st.lists(
    st.dictionaries(st.integers(0, 5), st.sampled_from([90.0, 100.0, 110.0]), min_size=1), min_size=1, max_size=6
)


def _write(database: Database, symbol: str, edit: dict[int, float], at: datetime) -> None:
    whole = bars(symbol, SESSIONS[:6])
    with database.write() as db:
        rows = whole.filter(pl.col("session").is_in([SESSIONS[place] for place in edit]))
        closes = pl.Series("close", [edit[place] for place in sorted(edit)])
        store.upsert(db, rows.with_columns(closes), "yahoo", at)


@given(edits)
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_every_past_state_can_be_read(database: Database, history: list[dict[int, float]]) -> None:
    """After any writes, each earlier state reads as it was on its day."""
    symbol, states = f"L{next(_numbers)}", []
    with database.write() as db:
        write.ensure_symbols(db, [symbol], FIRST)
    for day, edit in enumerate(history):
        at = FIRST + timedelta(days=day)
        _write(database, symbol, edit, at)
        with database.read() as db:
            states.append((at, store.history(db, symbol)))
    with database.read() as db:
        for at, held in states:
            assert store.as_known(db, symbol, at).equals(held)
            assert store.as_known(db, symbol, at + timedelta(hours=1)).equals(held)


@given(edits)
@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_writing_twice_is_writing_once(database: Database, history: list[dict[int, float]]) -> None:
    """Each write repeated a second later changes neither bars nor revisions nor the data version."""
    symbol = f"M{next(_numbers)}"
    with database.write() as db:
        write.ensure_symbols(db, [symbol], FIRST)
    for day, edit in enumerate(history):
        _write(database, symbol, edit, FIRST + timedelta(days=day))
        before = _everything(database, symbol)
        _write(database, symbol, edit, FIRST + timedelta(days=day, seconds=1))
        assert _everything(database, symbol) == before


def _everything(database: Database, symbol: str) -> tuple[object, ...]:
    with database.read() as db:
        kept = sql.run(db, "SELECT * FROM bar_revision WHERE symbol = ? ORDER BY id", [symbol])
        held = sql.run(db, "SELECT * FROM bar WHERE symbol = ? ORDER BY session", [symbol])
        return held, kept, store.data_version(db), store.status(db, symbol)
