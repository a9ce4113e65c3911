"""The ledger: append-only, chained, and read page by page."""

import io
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from app.core.db import Database
from app.core.errors import BadInput, NotThere
from app.forecasts.ledger import audit, due, records
from app.forecasts.ledger.forecast import Forecast, Score
from app.registry.promotion.decisions import decide
from app.registry.promotion.tables import DecisionRow
from tests.forecasts import small
from tests.tampering import unguard

MADE_AT = datetime(2021, 12, 31, 22, 0, tzinfo=UTC)


def forecast(number: int, symbol: str = "AAA", **changed: object) -> Forecast:
    """Return a forecast of the day with this number."""
    day = date(2021, 1, 4) + timedelta(days=number)
    made = Forecast(
        id=f"{symbol}{number:05}{changed.get('model_version', 'v1')}{changed.get('origin', 'live')}",
        symbol=symbol,
        as_of=day,
        target_session=day + timedelta(days=1),
        target_close_at=datetime(day.year, day.month, day.day, 21, tzinfo=UTC) + timedelta(days=1),
        last_close=100.0,
        predicted_close=100.0 + 1 / 3,
        predicted_return=1 / 300,
        prob_up=0.51,
        sigma=0.01,
        quantiles=tuple(100.0 + step / 7 for step in range(-10, 11)),
        model_name="ridge",
        model_version="v1",
        trained_through=date(2020, 12, 31),
        verdict="no point skill shown",
        feature_fingerprint="f" * 64,
        source="file",
        fetched_at=MADE_AT,
        origin="live",
        made_at=MADE_AT,
    )
    return made.model_copy(update=changed)


def score(forecast_id: str, revision: int = 0) -> Score:
    """Return a score of a forecast."""
    errors = {"abs_error": 1.0, "abs_error_random_walk": 1.0, "crps": 0.5, "crps_random_walk": 0.5, "pit": 0.7}
    hits = {"hit_direction": True, "hit_50": False, "hit_80": True, "hit_95": True}
    made = {"forecast_id": forecast_id, "revision": revision, "scored_at": MADE_AT}
    return Score(**made, realised_close=101.0, realised_return=0.01, **errors, **hits)


@pytest.fixture(autouse=True)
def _symbols(put: Callable[..., None]) -> None:
    put(small.bars(first=date(2021, 12, 31)))


def append(database: Database, *forecasts: Forecast) -> list[Forecast]:
    """Append in a transaction of its own."""
    with database.write() as db:
        return records.append(db, forecasts)


def test_a_forecast_comes_back_to_the_last_digit(database: Database) -> None:
    """What was written is what is read: floats, instants, quantiles."""
    made = forecast(1)
    append(database, made)
    with database.read() as db:
        assert records.get(db, made.id).forecast == made
        with pytest.raises(NotThere, match="'01J'"):
            records.get(db, "01J")


def test_the_first_forecast_of_its_kind_stays(database: Database) -> None:
    """A second one of the same symbol, session, version and origin is answered with the first; others are kept."""
    first = forecast(1)
    append(database, first)
    second = first.model_copy(update={"id": "OTHER", "prob_up": 0.9})
    other_version = forecast(1, model_version="v2")
    other_origin = forecast(1, origin="replay")
    assert append(database, second, other_version, other_origin) == [first, other_version, other_origin]
    with database.read() as db:
        assert records.count(db) == 3


def test_a_forecast_that_stands_twice_in_one_batch_is_kept_once(database: Database) -> None:
    """Two of a kind in one call become one row."""
    first = forecast(1)
    assert append(database, first, first.model_copy(update={"id": "TWIN"})) == [first, first]


def test_a_rolled_back_batch_leaves_nothing(database: Database) -> None:
    """All rows of a transaction are kept, or none: the chain has no hole."""
    append(database, forecast(1))
    with pytest.raises(IntegrityError):
        append(database, forecast(2), forecast(3, "NOBODY"))
    append(database, forecast(4))
    with database.read() as db:
        found = [(report.table, report.rows, report.broken) for report in audit.verify_chain(db)]
    assert found == [("forecast", 2, None), ("score", 0, None)]


def broken(database: Database) -> list[str | None]:
    """Return what is wrong with forecasts and with scores."""
    with database.read() as db:
        return [report.broken for report in audit.verify_chain(db)]


def run(database: Database, *statements: str) -> None:
    """Run SQL as somebody would who has the database but not the program."""
    with database.write() as db:
        for statement in statements:
            db.connection().execute(text(statement))


@pytest.mark.parametrize(
    ("tampering", "row"),
    [
        ("UPDATE forecast SET prob_up = 0.99 WHERE seq = 2", 2),
        ("UPDATE forecast SET quantiles = '[101.0, 102.0]' WHERE seq = 2", 2),
        pytest.param("UPDATE forecast SET quantiles = 'no list' WHERE seq = 2", 2, marks=pytest.mark.sqlite),
        ("UPDATE forecast SET made_at = '2021-12-30 22:00:00.000000' WHERE seq = 2", 2),
        pytest.param("UPDATE forecast SET as_of = 'never' WHERE seq = 3", 3, marks=pytest.mark.sqlite),
        ("UPDATE forecast SET hash = previous_hash WHERE seq = 2", 2),
        ("DELETE FROM forecast WHERE seq = 1", 1),
        ("DELETE FROM forecast WHERE seq = 2", 2),
        pytest.param(
            "INSERT OR REPLACE INTO forecast SELECT * FROM forecast WHERE seq = 2", None, marks=pytest.mark.sqlite
        ),
    ],
)
def test_no_row_is_changed_and_if_one_was_the_chain_shows_it(
    database: Database, tampering: str, row: int | None
) -> None:
    """SQL is refused; where the refusal was taken off first, the first row that isn't what was written is named."""
    append(database, *(forecast(number) for number in range(3)))
    with pytest.raises(IntegrityError, match="append-only"):
        run(database, tampering)
    assert broken(database) == [None, None]
    unguard(database, "forecast")
    run(database, tampering)
    first, scores = broken(database)
    assert scores is None
    assert (first or "").startswith(f"row {row} ") if row else first is None


@pytest.mark.parametrize("table", ["forecast", "score", "decision"])
@pytest.mark.parametrize("change", ["UPDATE {0} SET {1} = {1}", "DELETE FROM {0}"])
def test_every_table_of_the_record_is_append_only(database: Database, table: str, change: str) -> None:
    """Forecasts, scores and decisions: neither a row's values nor the row can be taken back."""
    append(database, forecast(1))
    with database.write() as db:
        due.add_scores(db, [score(forecast(1).id)])
        db.add(DecisionRow(kind="promotion", version="v1", reason="test", evidence={}, decided_at=MADE_AT))
    with pytest.raises(IntegrityError, match=f"{table} is append-only"):
        run(database, change.format(table, "id" if table != "score" else "seq"))


@pytest.mark.parametrize("table", ["forecast", "score", "decision"])
@pytest.mark.postgres
def test_no_table_of_the_record_can_be_emptied(database: Database, table: str) -> None:
    """PostgreSQL's TRUNCATE fires no DELETE trigger; it is refused by one of its own."""
    append(database, forecast(1))
    with pytest.raises(IntegrityError, match=f"{table} is append-only"):
        run(database, f"TRUNCATE {table} CASCADE" if table == "score" else f"TRUNCATE {table}, score")


@pytest.mark.sqlite
@pytest.mark.parametrize("value", [b"f" * 64, b"AAA00001v1live", b"no point skill shown"])
def test_a_byte_changed_in_the_file_is_found(database: Database, value: bytes) -> None:
    """No SQL, no trigger: one letter of a stored text becomes another one, in whichever copy of it the file has."""
    append(database, forecast(1))
    with database.write() as db:
        due.add_scores(db, [score(forecast(1).id)])
    with database.engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    database.dispose()
    file = Path(database.url.database or "")
    stored = file.read_bytes()
    for at in {stored.index(value), stored.rindex(value)}:
        file.write_bytes(stored[:at] + bytes([stored[at] ^ 1]) + stored[at + 1 :])
        assert any(broken(database))
        database.dispose()
    file.write_bytes(stored)
    assert broken(database) == [None, None]


def test_a_score_is_chained_too(database: Database) -> None:
    """A score that was made better is named."""
    append(database, forecast(1), forecast(2))
    with database.write() as db:
        due.add_scores(db, [score(forecast(number).id) for number in (1, 2)])
    unguard(database, "score")
    run(database, "UPDATE score SET hit_95 = NOT hit_95 WHERE seq = 2")
    assert broken(database) == [None, "row 2 (AAA00002v1live) isn't what was written, or is missing"]


def test_pages_go_back_in_time_without_a_gap(database: Database) -> None:
    """Newest first; the cursor goes on where the page ended, also when rows were added meanwhile."""
    append(database, *(forecast(number) for number in range(5)))
    with database.read() as db:
        first = records.page(db, limit=2)
    append(database, forecast(9))
    with database.read() as db:
        second = records.page(db, limit=2, cursor=first.cursor)
        third = records.page(db, limit=2, cursor=second.cursor)
    seen = [entry.forecast.as_of.day for page in (first, second, third) for entry in page.entries]
    assert seen == [8, 7, 6, 5, 4]
    assert third.cursor is None


def test_a_page_holds_what_was_asked(database: Database) -> None:
    """By symbol, by model name or version, by target session; a made-up cursor is refused."""
    append(database, forecast(1), forecast(2, "BBB"), forecast(3, model_version="v2", model_name="forest"))
    with database.read() as db:

        def days(**asked: object) -> list[int]:
            return [entry.forecast.as_of.day for entry in records.page(db, **asked).entries]  # type: ignore[arg-type]

        assert days(symbol="BBB") == [6]
        assert days(model="forest") == days(model="v2") == [7]
        assert days(model="v1") == [6, 5]
        assert days(start=date(2021, 1, 7), end=date(2021, 1, 7)) == [6]
        with pytest.raises(BadInput, match="'x1'"):
            records.page(db, cursor="x1")


def test_the_newest_of_a_version_goes_live_before_replayed(database: Database) -> None:
    """`as_of` answers many symbols in one query, each at its own session."""
    append(
        database, forecast(1, origin="replay"), forecast(1), forecast(2, "BBB"), forecast(1, "CCC", model_version="v2")
    )
    asked = {"AAA": date(2021, 1, 5), "BBB": date(2021, 1, 6), "CCC": date(2021, 1, 5), "DDD": date(2021, 1, 5)}
    with database.read() as db:
        found = records.as_of(db, asked, "v1")
    assert {symbol: one.origin for symbol, one in found.items()} == {"AAA": "live", "BBB": "live"}


def test_any_version_answers_that_was_not_withdrawn(database: Database) -> None:
    """The newest row of a symbol's session, and the one before where that one's version was taken away."""
    append(database, forecast(1), forecast(1, model_version="v2"), forecast(1, "CCC", model_version="v2"))
    asked = {"AAA": date(2021, 1, 5), "CCC": date(2021, 1, 5)}

    def versions() -> dict[str, str]:
        with database.read() as db:
            return {symbol: one.model_version for symbol, one in records.as_of(db, asked, None).items()}

    assert versions() == {"AAA": "v2", "CCC": "v2"}
    decide(database, "withdrawal", "v2", "v2", "leakage fails", {}, small.NOW)
    assert versions() == {"AAA": "v1"}


def test_stored_prices_stand_apart_from_the_ledger() -> None:
    """A forecast told on another basis moves its prices, and nothing else."""
    made = forecast(1).on_basis(25.0)
    assert (made.last_close, made.predicted_close, made.quantiles[10]) == (25.0, pytest.approx(25.0833333), 25.0)
    assert (made.prob_up, made.sigma, made.id) == (0.51, 0.01, "AAA00001v1live")
    assert pl.Series(made.quantiles).is_sorted()


@pytest.mark.parametrize("cursor", ["9" * 30, "-1", "x", "\u00b2", ""])
def test_a_cursor_that_no_page_gave_is_bad_input(database: Database, cursor: str) -> None:
    """A number that no database can hold is none either."""
    with database.read() as db, pytest.raises(BadInput, match="cursor"):
        records.page(db, cursor=cursor)


def test_the_migration_takes_scores_along(database: Database) -> None:
    """Back before triggers a row can be changed and the first score stays; forward again all is chained and fixed."""
    append(database, forecast(1), forecast(2))
    with database.write() as db:
        due.add_scores(db, [score(forecast(1).id), score(forecast(1).id, revision=1), score(forecast(2).id)])
    config = Config(toml_file=Path(__file__).parents[3] / "pyproject.toml", stdout=io.StringIO())
    config.attributes["url"] = database.url.render_as_string(hide_password=False)
    command.downgrade(config, "0002")
    run(database, "UPDATE score SET pit = 0.25 WHERE forecast_id = 'AAA00002v1live'")
    command.upgrade(config, "head")
    assert broken(database) == [None, None]
    with database.read() as db:
        entries = records.page(db).entries
    assert [entry.score and (entry.score.revision, entry.score.pit) for entry in entries] == [(0, 0.25), (0, 0.7)]
    with pytest.raises(IntegrityError, match="append-only"):
        run(database, "DELETE FROM score")
