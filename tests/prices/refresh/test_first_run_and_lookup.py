"""A first run finds prices, and an unknown symbol is looked up once."""

from datetime import UTC, datetime

import pytest

from app.core.clock import Clock
from app.core.db import Database
from app.core.errors import InvalidSymbol, SourceUnavailable, UnknownSymbol
from app.core.settings import Settings
from app.prices import store
from app.prices.refresh import first_run
from app.prices.refresh.run import lookup
from app.prices.sources.protocol import Unreachable
from tests.prices.market import Market, bars

CLOCK = Clock(datetime(2021, 1, 4, 12, tzinfo=UTC))


@pytest.fixture
def auto(settings: Settings) -> Settings:
    """Return settings that prefer Yahoo and watch three symbols."""
    return settings.model_copy(update={"source": "auto", "symbols": ("NOPE", "KO", "AAPL")})


def down(_: str) -> Unreachable:
    """Fail as a machine without a network does."""
    return Unreachable("no network")


@pytest.fixture
def yahoo(monkeypatch: pytest.MonkeyPatch) -> Market:
    """Put the test's market where the settings would open Yahoo: the only network there is to replace."""
    market = Market({"AAPL": bars("AAPL"), "KO": bars("KO")})
    monkeypatch.setattr(first_run, "open_source", lambda _: market)
    return market


def test_prices_come_from_yahoo_where_it_answers(auto: Settings, database: Database, yahoo: Market) -> None:
    """The watchlist is the settings', an unknown name in it stops nothing, and no sample is mixed in."""
    fractions: list[float] = []
    assert first_run.find_prices(auto, database, CLOCK, lambda fraction, _: fractions.append(fraction)) == "yahoo"
    with database.read() as db:
        assert store.watchlist(db) == ["NOPE", "KO", "AAPL"]
        assert {last.source for last in store.last_bars(db).values()} == {"yahoo"}
    assert fractions == sorted(fractions)
    assert fractions[-1] == 1.0
    assert len(yahoo.asked) == 5
    assert yahoo.asked[-1] == ("^VIX", None)  # after all prices


def test_without_a_network_the_sample_is_there_at_once(auto: Settings, database: Database, yahoo: Market) -> None:
    """One attempt, then five names of 2000 to 2013; a later run takes Yahoo and drops the sample."""
    yahoo.fault = down
    assert first_run.find_prices(auto, database, CLOCK) == "sample"
    assert len(yahoo.asked) == 1
    with database.read() as db:
        assert sorted(store.last_bars(db)) == ["AAPL", "FB", "GOOG", "IBM", "MSFT"]
        assert store.status(db, "AAPL").error is None
        assert store.watchlist(db) == ["NOPE", "KO", "AAPL"]
    yahoo.fault = lambda _: None
    assert first_run.find_prices(auto, database, CLOCK) == "yahoo"
    with database.read() as db:
        assert {last.source for last in store.last_bars(db).values()} == {"yahoo"}


def test_the_sample_never_joins_other_prices(auto: Settings, database: Database, yahoo: Market) -> None:
    """A store with imported bars keeps them and nothing else while Yahoo is away."""
    yahoo.fault = down
    with database.write() as db:
        store.upsert(db, bars("KO"), "file", CLOCK.now())
    assert first_run.find_prices(auto, database, CLOCK) == "store"
    with database.read() as db:
        assert list(store.last_bars(db)) == ["KO"]


def test_who_insists_on_yahoo_is_told(auto: Settings, database: Database, yahoo: Market) -> None:
    """`NEXTCLOSE_SOURCE=yahoo` fails plainly instead of showing a sample."""
    yahoo.fault = down
    with pytest.raises(SourceUnavailable, match="no network"):
        first_run.find_prices(auto.model_copy(update={"source": "yahoo"}), database, CLOCK)


def test_the_sample_can_be_asked_for(settings: Settings, database: Database) -> None:
    """With `NEXTCLOSE_SOURCE=sample` nobody is asked."""
    assert first_run.find_prices(settings, database, CLOCK) == "sample"
    assert store.panel(database).height == 12_153


def test_an_unknown_symbol_is_fetched_and_stored(database: Database) -> None:
    """The second look-up asks nobody."""
    market = Market({"KO": bars("KO")})
    assert lookup(database, market, CLOCK, "ko").bars == bars("KO").height
    assert lookup(database, market, CLOCK, "KO").name == "KO Inc."
    assert len(market.asked) == 1


def test_a_miss_is_told_apart_from_an_outage(database: Database) -> None:
    """Nobody knows it, or nobody can be asked: two errors; what can't be a symbol is asked of nobody."""
    market = Market({})
    with pytest.raises(UnknownSymbol, match="NOPE"):
        lookup(database, market, CLOCK, "NOPE")
    with pytest.raises(SourceUnavailable, match="no network"):
        lookup(database, Market({}, fault=down), CLOCK, "KO", timeout_s=0.2)
    with pytest.raises(InvalidSymbol):
        lookup(database, market, CLOCK, "A;DROP")
    assert len(market.asked) == 1


def test_a_stored_symbol_is_served_whatever_is_down(database: Database) -> None:
    """Law 6: what is stored needs no source."""
    with database.write() as db:
        store.upsert(db, bars("KO"), "yahoo", CLOCK.now())
    assert lookup(database, Market({}, fault=down), CLOCK, "KO").source == "yahoo"


def test_the_sample_holds_nothing_that_was_not_final_then(settings: Settings, database: Database) -> None:
    """On an evening of its past it ends with that evening's bar, and who wasn't listed yet isn't there."""
    evening = Clock(datetime(2012, 3, 30, 22, tzinfo=UTC))
    assert first_run.find_prices(settings, database, evening) == "sample"
    with database.read() as db:
        last = store.last_bars(db)
    assert sorted(last) == ["AAPL", "GOOG", "IBM", "MSFT"]
    assert {bar.session.isoformat() for bar in last.values()} == {"2012-03-30"}
