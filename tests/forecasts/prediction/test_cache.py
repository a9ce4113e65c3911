"""The cache: what is computed again, and what isn't."""

from collections.abc import Callable

import polars as pl
import pytest

from app.core.db import Database
from app.forecasts.prediction.cache import PredictionCache
from tests.forecasts import small

Put = Callable[..., None]
PRICES = ("open", "high", "low", "close", "adj_close")


@pytest.fixture
def cache(database: Database, put: Put) -> PredictionCache:
    """Return what has seen the four symbols once."""
    put(small.bars())
    made = PredictionCache(database)
    made.of(small.model(), small.SYMBOLS)
    return made


def markets(cache: PredictionCache) -> object:
    """Return the markets it holds: the same object as long as they weren't worked out again."""
    assert cache._cached is not None
    return cache._cached.predictions.markets


def fresh(database: Database, *symbols: str) -> object:
    """Return what one that has seen nothing yet computes."""
    found = PredictionCache(database).of(small.model(), symbols)
    return [found.get(symbol) for symbol in symbols]


def test_a_stranger_is_computed_from_its_own_bars(cache: PredictionCache, database: Database, put: Put) -> None:
    """The market is kept when a symbol outside of it arrives or changes, and the prediction is the whole survey's."""
    before = markets(cache)
    for factor in (1.0, 2.0):
        put(small.bars(("WILD",)).with_columns(pl.col(PRICES) * factor))
        found = cache.of(small.model(), ["WILD", "AAA"])
        assert [found["WILD"], found["AAA"]] == fresh(database, "WILD", "AAA")
        assert markets(cache) is before


def test_a_change_of_the_market_is_seen_by_all(cache: PredictionCache, database: Database, put: Put) -> None:
    """When a symbol of the market changes, everything is computed again."""
    before = cache.of(small.model(), ["AAA"])["AAA"]
    put(small.bars(("BBB",)).tail(5).with_columns(pl.col(PRICES) * 1.1))
    after = cache.of(small.model(), ["AAA"])["AAA"]
    assert after != before
    assert [after] == fresh(database, "AAA")


def test_an_old_bar_that_changed_is_seen(cache: PredictionCache, database: Database, put: Put) -> None:
    """A correction deep in a symbol's window changes its prediction, though its last bar is the same."""
    put(small.bars(("WILD",)))
    before = cache.of(small.model(), ["WILD"])["WILD"]
    put(small.bars(("WILD",)).tail(12).head(1).with_columns(pl.col("high") * 1.2))
    after = cache.of(small.model(), ["WILD"])["WILD"]
    assert (after.last_close, after.as_of) == (before.last_close, before.as_of)
    assert after.sigma != before.sigma
    assert [after] == fresh(database, "WILD")


def test_another_model_is_asked_anew(cache: PredictionCache) -> None:
    """The predictions of one champion aren't the next one's."""
    before = cache.of(small.model(), ["AAA"])["AAA"]
    assert cache.of(small.model("v2", lean=0.5), ["AAA"])["AAA"].predicted_close != before.predicted_close


def test_a_symbol_that_isnt_warm_has_none(cache: PredictionCache, put: Put) -> None:
    """A young symbol is left out, asked alone or with others."""
    put(small.bars(("WILD",)).tail(30))
    assert sorted(cache.of(small.model(), ["WILD", "AAA"])) == list(small.SYMBOLS)
    assert "WILD" not in cache.of(small.model(), ["WILD"])
