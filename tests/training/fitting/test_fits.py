"""What is fitted finds what was planted, and trusts nothing that isn't there."""

import numpy as np
import pytest

from app.registry.components.panel import Array
from app.registry.components.shape import EventShape, PooledShape
from app.training.fitting.calibration import pooled_shape, shape_by_event, shrinkage
from app.training.fitting.forest import SETTINGS, fit_forest
from app.training.fitting.levels import PRIOR_ROWS, OwnLevels, levels_before, levels_now, symbol_levels
from app.training.fitting.location import fit_reversal, fit_ridge, neutral_target
from app.training.fitting.scale import OFFSET, fit_scale
from app.training.fitting.scale_trees import correction_target, fit_correction

RNG = np.random.default_rng(11)


def planted(n: int = 20_000) -> tuple[Array, Array]:
    """Regressors, and t returns whose log sigma is offset - 1 + 0.3 x."""
    offset, x = -4.0 + 0.3 * RNG.standard_normal(n), RNG.standard_normal(n)
    returns = np.exp(offset - 1.0 + 0.3 * x) * RNG.standard_t(4.0, n)
    return np.column_stack([offset, x]), returns


def test_scale_finds_planted_coefficients() -> None:
    """Fisher scoring recovers level and slope; the offset keeps its coefficient of one."""
    rows, returns = planted()
    fitted = fit_scale((OFFSET, "x"), rows, returns, np.array([20.0, 20.0]))
    assert fitted.start == pytest.approx(-1.0, abs=0.02)
    assert fitted.weights[1] == pytest.approx(0.3, abs=0.02)
    assert fitted.weights[0] == pytest.approx(0.0, abs=0.02)


def test_scale_is_the_same_to_the_bit_twice() -> None:
    """Nothing in the fit depends on chance or on what was fitted before."""
    rows, returns = planted(3000)
    fits = [fit_scale((OFFSET, "x"), rows, returns, np.array([20.0, 20.0])) for _ in range(2)]
    assert fits[0] == fits[1]


def test_a_regressor_that_never_moves_counts_for_nothing() -> None:
    """A constant column has no spread to divide by."""
    rows, returns = planted(3000)
    rows[:, 1] = 7.0
    assert fit_scale((OFFSET, "x"), rows, returns, np.array([20.0, 20.0])).weights[1] == pytest.approx(0.0)


def test_ridge_shrinks_towards_zero() -> None:
    """A coefficient keeps its sign and loses size."""
    x = RNG.standard_normal((5000, 2))
    fitted = fit_ridge(("a", "b"), x, 0.1 * x[:, 0] + RNG.standard_normal(5000), 0.3)
    assert 0.0 < fitted.weights[0] < 0.12
    assert abs(fitted.weights[1]) < 0.03


def test_reversal_is_found() -> None:
    """A tenth of the market's move comes back."""
    move = 0.01 * RNG.standard_normal(5000)
    rows = np.column_stack([move, np.ones(5000)])
    returns = -0.1 * move + 0.01 * RNG.standard_normal(5000)
    fitted = fit_reversal(("reversal", "beta_shrunk"), rows, returns, np.full(5000, 0.01), 5000)
    assert fitted.weights[0] == pytest.approx(-0.1, abs=0.03)


def test_neutral_target_sums_to_zero_in_each_session() -> None:
    """The market's own move isn't part of what is learnt between symbols."""
    day = np.repeat(np.arange(50), 4)
    target = neutral_target(RNG.standard_normal(200), np.ones(200), day)
    assert np.bincount(day, weights=target) == pytest.approx(np.zeros(50), abs=1e-12)


def trust(raw: np.ndarray, realised: np.ndarray, day: np.ndarray, refit_every: int = 1) -> float:
    """Return the trust in standardised forecasts."""
    return shrinkage(raw, realised, np.ones(len(day)), day, refit_every)


def test_noise_earns_no_trust_and_a_true_forecast_most_of_it() -> None:
    """The slope of realised on forecast returns, three errors from zero at least."""
    day = np.repeat(np.arange(300), 200)
    draws = np.random.default_rng(5)
    raw, noise = 0.05 * draws.standard_normal(60_000), draws.standard_normal(60_000)
    assert trust(raw, noise, day) == 0.0
    assert trust(raw, -raw + noise, day) == 0.0
    assert trust(raw, raw + noise, day) > 0.7
    assert trust(raw, 3 * raw + noise, day) == 1.0


def test_trust_is_no_more_than_a_turn_may_cost() -> None:
    """The stronger a forecast, and the rarer the refits, the less of it is taken."""
    day = np.repeat(np.arange(300), 20)
    draws = np.random.default_rng(5)
    raw, noise = 0.2 * draws.standard_normal(6000), draws.standard_normal(6000)
    often, seldom = (trust(raw, raw + noise, day, refit_every) for refit_every in (1, 63))
    assert 0.3 < often < 0.5
    assert 0.0 < seldom < 0.05


def test_few_sessions_earn_no_trust() -> None:
    """A hundred sessions calibrate nothing, however good they look."""
    day = np.repeat(np.arange(100), 20)
    raw = 0.2 * RNG.standard_normal(2000)
    assert trust(raw, raw, day) == 0.0


def test_trust_fades() -> None:
    """What held for two years and failed in the last half year is trusted no more."""
    day = np.repeat(np.arange(630), 20)
    draws = np.random.default_rng(5)
    raw, noise = 0.2 * draws.standard_normal(12600), draws.standard_normal(12600)
    assert trust(raw, np.where(day < 504, raw, 0.0) + noise, day) < 0.2
    assert trust(raw, np.where(day < 504, raw, -raw) + noise, day) == 0.0


def turned(edge: float, first_refit: int, symbols: int, seed: int) -> float:
    """Return what a forecast costs that is right for a year and the opposite of right for the next four.

    The share of the absolute error that it adds in the worst of the later years, wherever a year is said to begin;
    refits are 63 sessions apart, and returns have fat tails.
    """
    draws, sessions, year, every = np.random.default_rng(seed), 5 * 252, 252, 63
    raw = edge * draws.standard_normal((sessions, symbols))
    sign = np.where(np.arange(sessions) < year, 1.0, -1.0)[:, None]
    realised = sign * raw + draws.standard_t(4.0, (sessions, symbols))
    day, trusted = np.repeat(np.arange(sessions), symbols), np.zeros((sessions, 1))
    for start in range(first_refit or every, sessions, every):
        past = slice(start * symbols)
        trusted[start : start + every] = trust(raw.ravel()[past], realised.ravel()[past], day[past], every)
    error, base = (np.abs(one).sum(axis=1) for one in (realised - trusted * raw, realised))
    years = [slice(start, start + year) for start in range(year, sessions - year + 1, 21)]
    return max(float(error[one].sum() / base[one].sum()) - 1.0 for one in years)


@pytest.mark.parametrize("edge", [0.02, 0.05, 0.1, 0.3])
@pytest.mark.parametrize("symbols", [57, 300])
def test_an_edge_that_turns_costs_little_in_any_later_year(edge: float, symbols: int) -> None:
    """Less than 0.03 % of the absolute error, however strong it was, and wherever between two refits it turned."""
    assert max(turned(edge, first, symbols, seed=first) for first in range(0, 63, 9)) < 3e-4


def test_shape_is_the_residuals_quantiles() -> None:
    """Numpy's own quantiles, in order, and none from too few rows."""
    residuals = RNG.standard_normal(1001)
    shape = pooled_shape(residuals)
    assert shape is not None
    assert shape.z[10] == pytest.approx(np.median(residuals))
    assert list(shape.z) == sorted(shape.z)
    assert pooled_shape(residuals[:50]) is None


def test_events_have_a_shape_of_their_own_where_they_are_enough() -> None:
    """300 rows of any age for events, the recent ones for all others; fewer, and all recent rows share one."""
    residuals = RNG.standard_normal(3000)
    event, recent = np.arange(3000) % 10 == 0, np.arange(3000) >= 1000
    residuals[event] *= 3.0
    shape = shape_by_event(residuals, event, recent)
    assert isinstance(shape, EventShape)
    assert (shape.event.rows, shape.usual.rows) == (300, 1800)
    assert shape.event.z[10] == pytest.approx(np.median(residuals[event]))
    assert shape.usual.z[10] == pytest.approx(np.median(residuals[recent & ~event]))
    one = shape_by_event(residuals[1:], event[1:], recent[1:])
    assert isinstance(one, PooledShape)
    assert one.z[10] == pytest.approx(np.median(residuals[recent]))


def test_a_level_is_kept_as_far_as_it_lasts() -> None:
    """Levels that are the same in both halves of the past stay; those of noise, or that turn, are nothing."""
    symbol, session = (axis.ravel() for axis in np.meshgrid(np.arange(20), np.arange(400)))
    noise, level = np.random.default_rng(5).standard_normal(8000), np.where(np.arange(20) < 10, 0.3, -0.3)
    found = symbol_levels(level[symbol] + noise, symbol, session, 20)
    assert found == pytest.approx(level, abs=0.2)
    turning = level[symbol] * np.where(session < 200, 1.0, -1.0) + noise
    assert np.all(symbol_levels(turning, symbol, session, 20) == 0.0)
    assert np.abs(symbol_levels(noise, symbol, session, 20)).max() < 0.1
    assert np.all(symbol_levels(level[symbol] + noise, symbol, session % 100, 20) == 0.0)


def test_a_forest_walks_as_scikit_learn_does() -> None:
    """The exported trees say what the forest says, with missing values and on its own thresholds."""
    from sklearn.ensemble import RandomForestRegressor

    rows = RNG.standard_normal((6000, 5)).astype(np.float32)
    rows[:, 4] = np.round(rows[:, 4], 1)
    rows[RNG.uniform(size=rows.shape) < 0.1] = np.nan
    target = np.nan_to_num(rows[:, 0]) + (np.nan_to_num(rows[:, 4]) > 0.1) + RNG.standard_normal(6000)
    expected = RandomForestRegressor(**SETTINGS).fit(rows, target).predict(rows)
    found = fit_forest("some", rows, target).predict([rows[:, at].astype(np.float64) for at in range(5)])
    assert found == pytest.approx(expected, abs=1e-6)


def test_a_forest_may_ask_only_whether_a_value_is_missing() -> None:
    """Such a split has no finite threshold; the plain file has finite numbers only."""
    rng = np.random.default_rng(4)
    rows = np.zeros((4000, 1), dtype=np.float32)
    rows[rng.random(4000) < 0.5] = np.nan
    target = np.where(np.isnan(rows[:, 0]), 1.0, -1.0)
    found = fit_forest("some", rows, target).predict([rows[:, 0].astype(np.float64)])
    np.testing.assert_allclose(found, target, atol=1e-12)


def test_a_correction_says_nothing_of_the_market() -> None:
    """Its target has no mean over a session's symbols; a row that moved more than sigma asks for more."""
    squares, session = RNG.standard_normal(900) ** 2, np.repeat(np.arange(30), 30)
    target = correction_target(squares, session)
    assert np.bincount(session, weights=target) == pytest.approx(0.0, abs=1e-9)
    first = slice(0, 30)
    assert np.all(np.diff(target[first][np.argsort(squares[first])]) >= 0.0)


def test_events_are_taken_as_they_are() -> None:
    """A flag that is rarely 1 isn't standardised, or its value would be cut; its weight is what events ask for."""
    event = (np.arange(20_000) % 100 == 0).astype(np.float64)
    rows = np.column_stack([np.full(20_000, -4.0), event])
    returns = np.exp(-4.0 + 1.2 * event) * RNG.standard_t(4.0, 20_000)
    scale = fit_scale(("range_22", "earnings_day"), rows, returns, np.array([20.0, 5.0]), (False, True))
    assert (scale.mean[1], scale.spread[1]) == (0.0, 1.0)
    assert scale.weights[1] == pytest.approx(1.2, abs=0.15)


def test_what_is_known_of_a_symbol_before_a_row_is_its_earlier_rows_alone() -> None:
    """The mean of what came before, as if a year of rows at the pooled level stood before it; never the row itself."""
    target, symbol = np.array([1.0, 2.0, 3.0, 4.0, 9.0]), np.array([0, 2, 0, 0, 2])
    known = [0.0, 0.0, 1.0 / (1 + PRIOR_ROWS), 4.0 / (2 + PRIOR_ROWS), 2.0 / (1 + PRIOR_ROWS)]
    assert levels_before(target, symbol) == pytest.approx(known, rel=1e-15)
    now = levels_now(target, symbol, np.array(["AAA", "BBB", "CCC"]))
    assert now == OwnLevels(("AAA", "CCC"), (8.0 / (3 + PRIOR_ROWS), 11.0 / (2 + PRIOR_ROWS)))


def test_levels_of_symbols_keep_their_bits_when_later_rows_go() -> None:
    """Truncation: what a tree is grown on doesn't depend on where the rows end; and what serves is the next row's."""
    target, symbol = RNG.standard_normal(2000), RNG.integers(0, 7, 2000)
    whole, names = levels_before(target, symbol), np.array([f"S{number}" for number in range(7)])
    for stop in (1, 700, 1999):
        assert (levels_before(target[:stop], symbol[:stop]) == whole[:stop]).all()
        served = dict(zip(*levels_now(target[:stop], symbol[:stop], names), strict=True))
        later = np.flatnonzero(symbol[stop:] == symbol[stop - 1])[:1] + stop
        assert [served[f"S{symbol[stop - 1]}"]] * len(later) == pytest.approx(whole[later], rel=1e-12)


@pytest.mark.parametrize("kind", ["random_forest", "xgboost"])
def test_trees_learn_what_lasts_of_a_symbol(kind: str) -> None:
    """Symbols that are always missed by as much are told apart by their level; a stranger stands in the middle."""
    symbol = np.tile(np.arange(20), 600)
    target = np.linspace(-1.0, 1.0, 20)[symbol] + RNG.standard_normal(len(symbol))
    rows = np.column_stack([RNG.standard_normal(len(symbol)), levels_before(target, symbol)]).astype(np.float32)
    trees = fit_correction(kind, rows, target)
    levels = [*levels_now(target, symbol, np.arange(20).astype(str)).levels, 0.0]
    *found, stranger = trees.predict([np.zeros(21), np.array(levels)])
    assert max(found[:5]) < -0.3
    assert min(found[15:]) > 0.3
    assert max(found[:5]) < stranger < min(found[15:])
