"""The ledger: append-only, chained, and read page by page."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta

import polars as pl
import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from app.core.db import Database
from app.core.errors import BadInput, NotThere
from app.forecasts import ledger
from app.forecasts.forecast import Forecast
from tests.forecasts import small

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


@pytest.fixture(autouse=True)
def _symbols(put: Callable[..., None]) -> None:
    put(small.bars(first=date(2021, 12, 31)))


def append(database: Database, *forecasts: Forecast) -> list[Forecast]:
    """Append in a transaction of its own."""
    with database.write() as db:
        return ledger.append(db, forecasts)


def test_a_forecast_comes_back_to_the_last_digit(database: Database) -> None:
    """What was written is what is read: floats, instants, quantiles."""
    made = forecast(1)
    append(database, made)
    with database.read() as db:
        assert ledger.get(db, made.id).forecast == made
        with pytest.raises(NotThere, match="'01J'"):
            ledger.get(db, "01J")


def test_the_first_forecast_of_its_kind_stays(database: Database) -> None:
    """A second one of the same symbol, session, version and origin is answered with the first; others are kept."""
    first = forecast(1)
    append(database, first)
    second = first.model_copy(update={"id": "OTHER", "prob_up": 0.9})
    other_version = forecast(1, model_version="v2")
    other_origin = forecast(1, origin="replay")
    assert append(database, second, other_version, other_origin) == [first, other_version, other_origin]
    with database.read() as db:
        assert ledger.count(db) == 3


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
        assert ledger.verify_chain(db) == ledger.ChainReport(rows=2, broken=None)


@pytest.mark.parametrize(
    "tampering",
    [
        "UPDATE forecast SET prob_up = 0.99 WHERE seq = 2",
        "UPDATE forecast SET quantiles = replace(quantiles, '101.', '102.') WHERE seq = 2",
        "UPDATE forecast SET made_at = '2021-12-30 22:00:00.000000' WHERE seq = 2",
        "UPDATE forecast SET hash = previous_hash WHERE seq = 2",
        "DELETE FROM forecast WHERE seq = 1",
        "DELETE FROM forecast WHERE seq = 2",
    ],
)
def test_the_chain_shows_where_it_was_tampered_with(database: Database, tampering: str) -> None:
    """A changed or missing row breaks the chain there."""
    append(database, *(forecast(number) for number in range(3)))
    with database.read() as db:
        assert ledger.verify_chain(db).intact
    with database.write() as db:
        db.connection().execute(text(tampering))
    with database.read() as db:
        assert not ledger.verify_chain(db).intact


def test_pages_go_back_in_time_without_a_gap(database: Database) -> None:
    """Newest first; the cursor goes on where the page ended, also when rows were added meanwhile."""
    append(database, *(forecast(number) for number in range(5)))
    with database.read() as db:
        first = ledger.page(db, limit=2)
    append(database, forecast(9))
    with database.read() as db:
        second = ledger.page(db, limit=2, cursor=first.cursor)
        third = ledger.page(db, limit=2, cursor=second.cursor)
    seen = [entry.forecast.as_of.day for page in (first, second, third) for entry in page.entries]
    assert seen == [8, 7, 6, 5, 4]
    assert third.cursor is None


def test_a_page_holds_what_was_asked(database: Database) -> None:
    """By symbol, by model name or version, by target session; a made-up cursor is refused."""
    append(database, forecast(1), forecast(2, "BBB"), forecast(3, model_version="v2", model_name="forest"))
    with database.read() as db:

        def days(**asked: object) -> list[int]:
            return [entry.forecast.as_of.day for entry in ledger.page(db, **asked).entries]  # type: ignore[arg-type]

        assert days(symbol="BBB") == [6]
        assert days(model="forest") == days(model="v2") == [7]
        assert days(model="v1") == [6, 5]
        assert days(start=date(2021, 1, 7), end=date(2021, 1, 7)) == [6]
        with pytest.raises(BadInput, match="'x1'"):
            ledger.page(db, cursor="x1")


def test_the_newest_of_a_version_goes_live_before_replayed(database: Database) -> None:
    """`as_of` answers many symbols in one query, each at its own session."""
    append(
        database, forecast(1, origin="replay"), forecast(1), forecast(2, "BBB"), forecast(1, "CCC", model_version="v2")
    )
    asked = {"AAA": date(2021, 1, 5), "BBB": date(2021, 1, 6), "CCC": date(2021, 1, 5), "DDD": date(2021, 1, 5)}
    with database.read() as db:
        found = ledger.as_of(db, asked, "v1")
    assert {symbol: one.origin for symbol, one in found.items()} == {"AAA": "live", "BBB": "live"}


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
        ledger.page(db, cursor=cursor)
