"""What is fitted finds what was planted, and trusts nothing that isn't there."""

import numpy as np
import pytest

from app.registry.components.panel import Array
from app.training.fitting.calibration import pooled_shape, shrinkage
from app.training.fitting.location import fit_reversal, fit_ridge, neutral_target
from app.training.fitting.scale import OFFSET, fit_scale

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


def test_noise_earns_no_trust_and_a_true_forecast_most_of_it() -> None:
    """The slope of realised on forecast returns, less its own error."""
    day = np.repeat(np.arange(300), 20)
    raw, sigma = 0.002 * RNG.standard_normal(6000), np.full(6000, 0.01)
    noise = 0.01 * RNG.standard_normal(6000)
    assert shrinkage(raw, -raw + noise, sigma, day) == 0.0
    assert shrinkage(raw, raw + noise, sigma, day) > 0.8
    assert shrinkage(raw, 5 * raw + noise, sigma, day) == 1.0


def test_few_sessions_earn_no_trust() -> None:
    """A hundred sessions calibrate nothing, however good they look."""
    day = np.repeat(np.arange(100), 20)
    raw = 0.002 * RNG.standard_normal(2000)
    assert shrinkage(raw, raw, np.full(2000, 0.01), day) == 0.0


def test_shape_is_the_residuals_quantiles() -> None:
    """Numpy's own quantiles, in order, and none from too few rows."""
    residuals = RNG.standard_normal(1001)
    shape = pooled_shape(residuals)
    assert shape is not None
    assert shape.z[10] == pytest.approx(np.median(residuals))
    assert list(shape.z) == sorted(shape.z)
    assert pooled_shape(residuals[:50]) is None
