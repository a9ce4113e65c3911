"""Drivers: what a forecast is made of, feature by feature; every list adds up, and says what the model says."""

from dataclasses import replace
from math import log

import numpy as np
import pytest

from app.core.db import Database
from app.core.errors import NotThere
from app.forecasts.prediction.explain import Drivers, explain
from app.forecasts.prediction.forecaster import Forecaster
from app.registry.components.location import SumLocation, ZeroLocation
from app.registry.components.panel import Panel
from app.registry.versions.drivers import log_sigma_terms, return_terms
from app.registry.versions.model import Model
from tests.forecasts import small


def drivers(forecaster: Forecaster, database: Database, symbol: str = "AAA") -> Drivers:
    """Explain a symbol's newest forecast by the small model."""
    made = forecaster.latest(symbol)
    return explain(database, small.model(), made, forecaster.situations([made])[0])


def test_both_lists_add_up_to_what_the_forecast_says(forecaster: Forecaster, database: Database) -> None:
    """The log of the expected over the usual move, and the simple return, largest contribution first."""
    made = forecaster.latest("AAA")
    beside = forecaster.situations([made])[0]
    found = drivers(forecaster, database)
    assert found.expected_move is not None
    assert beside.usual_move is not None
    assert found.expected_move.total == pytest.approx(log(beside.expected_move / beside.usual_move))
    for one in (found.expected_move, found.predicted_return):
        assert sum(part.contribution for part in one.contributions) == pytest.approx(one.total)
        assert sum(value for _, value in one.by_family) == pytest.approx(one.total)
        sizes = [abs(part.contribution) for part in one.contributions]
        assert sizes == sorted(sizes, reverse=True)
    assert found.predicted_return.total == pytest.approx(made.predicted_return)
    assert [part.feature for part in found.predicted_return.contributions] == ["ret_5"]


def test_a_wilder_week_is_what_makes_it_wider(forecaster: Forecaster, database: Database) -> None:
    """Bars of the last week three times as wide: the symbol's own ranges say so, and the move is wider than usual."""
    calm = drivers(forecaster, database).expected_move
    with database.write() as db:
        db.connection().exec_driver_sql(
            "UPDATE bar SET high = close * 1.06, low = close * 0.94 WHERE symbol = 'AAA' AND session >= '2021-12-20'"
        )
        db.connection().exec_driver_sql("UPDATE symbol SET version = version + 1 WHERE symbol = 'AAA'")
    made = forecaster.latest("AAA")
    wild = explain(database, small.model(), made, forecaster.situations([made])[0]).expected_move
    assert calm is not None
    assert wild is not None
    assert dict(wild.by_family)["own recent ranges"] > dict(calm.by_family)["own recent ranges"] + 0.2


def test_without_its_bars_nothing_is_explained(forecaster: Forecaster, database: Database) -> None:
    """A forecast whose last bar is gone can't be taken apart any more."""
    made = forecaster.latest("AAA")
    beside = forecaster.situations([made])[0]
    with database.write() as db:
        db.connection().exec_driver_sql("DELETE FROM bar WHERE symbol = 'AAA' AND session > '2021-12-01'")
    with pytest.raises(NotThere):
        explain(database, small.model(), made, beside)


@pytest.fixture(scope="module")
def panel() -> Panel:
    """Return features of the small market."""
    from app.core.clock import calendar
    from app.features import frame

    bars = small.bars()
    names = tuple(name for name in small.model().card.features if name in frame.FEATURE_NAMES)
    return Panel(frame.build(bars, calendar(), frame.market(bars), names=names))


def rows_of(panel: Panel) -> np.ndarray:
    """Return two warm rows of one symbol, a month apart."""
    warm = np.flatnonzero(panel.frame["warm"].to_numpy() & (panel.frame["symbol"] == "BBB").to_numpy())
    return warm[[-22, -1]]


def test_terms_differ_by_as_much_as_log_sigma(panel: Panel) -> None:
    """Between two rows of a symbol the terms explain the whole difference of log sigma."""
    model: Model = small.model()
    rows = rows_of(panel)
    terms = log_sigma_terms(model.pipeline, panel, rows)
    log_sigma = np.log(model.pipeline.sigma(panel)[rows])
    assert sum(float(values[1] - values[0]) for values in terms.values()) == pytest.approx(log_sigma[1] - log_sigma[0])


@pytest.mark.parametrize("shrinkage", [0.0, 0.5, 1.0])
def test_terms_of_the_return_are_what_is_served(panel: Panel, shrinkage: float) -> None:
    """They add up to the shrunk location, of a sum of locations too; without trust there are none."""
    plain = small.model().pipeline
    both = SumLocation((plain.location, ZeroLocation(), plain.location), (0.5, 1.0, 0.25))
    for pipeline in (replace(plain, shrinkage=shrinkage), replace(plain, shrinkage=shrinkage, location=both)):
        rows = rows_of(panel)
        sigma = pipeline.sigma(panel)[rows]
        terms = return_terms(pipeline, panel, rows, sigma)
        served = shrinkage * pipeline.location.predict(panel, sigma, rows)
        assert sum(terms.values(), np.zeros(2)) == pytest.approx(served)
        assert bool(terms) == bool(shrinkage)
