"""The prediction: a pure function of the bars that count."""

from dataclasses import replace
from datetime import date

import polars as pl
import pytest

from app.forecasts.ledger.forecast import Prediction
from app.forecasts.prediction.predict import MARGIN, first_session, own_window, predict_all, predict_one, window
from app.registry.components.scale import EwmaScale
from app.registry.components.shape import HistoryShape
from app.registry.versions.model import Model
from tests.forecasts import small


def predictions(bars: pl.DataFrame, exchanges: dict[str, str], model: Model) -> dict[str, Prediction]:
    """Return all predictions."""
    return dict(predict_all(bars, exchanges, model).by_symbol)


EXCHANGES = dict.fromkeys(small.SYMBOLS, "XNYS")


def test_only_the_bars_of_the_window_count() -> None:
    """A prediction is the same to the bit from its window's bars alone, whatever stands before them."""
    model = small.model()
    whole = predictions(small.bars(), EXCHANGES, model)
    tail = small.bars().group_by("symbol", maintain_order=True).tail(window(model))
    assert tail.height < small.bars().height
    assert predictions(tail, EXCHANGES, model) == whole
    assert sorted(whole) == list(small.SYMBOLS)


@pytest.mark.parametrize("own_lookback", [False, True])
def test_one_symbol_needs_only_its_own_bars_beside_its_market(*, own_lookback: bool) -> None:
    """Given the market, a symbol's last bars give the same prediction to the bit as all symbols together do."""
    model = small.model()
    if own_lookback:
        parts = replace(model.pipeline, scale=EwmaScale(), shape=HistoryShape())
        model = replace(model, pipeline=parts)
    together = predict_all(small.bars(), EXCHANGES, model)
    for symbol in small.SYMBOLS:
        alone = small.bars((symbol,)).tail(own_window(model))
        assert predict_one(alone, "XNYS", together.markets["XNYS"], model) == together.by_symbol[symbol]
    assert predict_one(small.bars(("AAA",)).tail(30), "XNYS", together.markets["XNYS"], model) is None


def test_a_symbol_that_ended_earlier_is_judged_on_its_own_last_day() -> None:
    """A symbol without the newest bars gets the prediction it had on its last day, beside the others' newest."""
    ended = date(2021, 6, 30)
    bars = small.bars().filter((pl.col("symbol") != "BBB") | (pl.col("session") <= ended))
    together = predictions(bars, EXCHANGES, small.model())
    then = predictions(small.bars(last=ended), EXCHANGES, small.model())
    assert together["BBB"] == then["BBB"]
    assert together["BBB"].target_session == date(2021, 7, 1)
    assert together["AAA"].as_of == small.LAST


def test_a_stranger_moves_nobody() -> None:
    """A symbol that the model wasn't trained on gets its prediction from their market; theirs stay as they were."""
    wild = small.bars(("WILD",)).with_columns(pl.col("close") * (1 + 0.3 * (pl.int_range(pl.len()) % 2)))
    among = predict_all(pl.concat([small.bars(), wild]), EXCHANGES, small.model())
    assert {symbol: among.by_symbol[symbol] for symbol in small.SYMBOLS} == predictions(
        small.bars(), EXCHANGES, small.model()
    )
    assert among.by_symbol["WILD"].sigma > 0
    assert among.ahead == frozenset()


def test_a_stranger_ahead_of_the_market_is_forecast_all_the_same() -> None:
    """Before anybody else's bar of its last session is there, all symbols of its exchange are its market."""
    behind = small.bars(last=date(2021, 12, 30))
    ahead = predict_all(pl.concat([behind, small.bars(("WILD",))]), EXCHANGES, small.model())
    assert ahead.by_symbol["WILD"].as_of == small.LAST
    assert ahead.by_symbol["AAA"] == predictions(behind, EXCHANGES, small.model())["AAA"]
    assert ahead.ahead == frozenset({"WILD"})


def test_each_exchange_has_its_own_market_and_calendar() -> None:
    """A symbol in Tokyo is forecast for Tokyo's next session, with Tokyo's symbols as its market."""
    both = predictions(small.bars(("AAA", "BBB")), {"AAA": "XNYS", "BBB": "XTKS"}, small.model())
    alone = predictions(small.bars(("BBB",)), {"BBB": "XTKS"}, small.model())
    assert both["BBB"] == alone["BBB"]
    assert both["BBB"].target_session == date(2022, 1, 4)
    assert both["AAA"].target_session == date(2022, 1, 3)


def test_too_short_a_history_has_no_prediction() -> None:
    """A symbol that isn't warm is left out; its neighbours aren't."""
    bars = small.bars().filter((pl.col("symbol") != "CCC") | (pl.col("session") >= date(2021, 12, 1)))
    assert sorted(predictions(bars, EXCHANGES, small.model())) == ["AAA", "BBB", "DDD"]


def test_bars_are_read_from_the_oldest_window_on() -> None:
    """The window and its margin are counted back from the symbol that ended first; before 1960 all bars are read."""
    model = small.model()
    late, early = date(2021, 12, 31), date(2021, 12, 30)
    start = first_session({"AAA": late, "BBB": early}, EXCHANGES, model)
    assert start == first_session({"BBB": early}, EXCHANGES, model)
    assert start is not None
    assert start < small.bars()["session"].unique().sort()[-window(model) - MARGIN + 1]
    assert first_session({"AAA": date(1961, 1, 3)}, EXCHANGES, model) is None
    assert first_session({}, EXCHANGES, model) is None
