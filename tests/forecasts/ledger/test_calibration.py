"""Calibration: where closes fell, promised against held, over time and by group, from rows whose answer is known."""

from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest

from app.forecasts.ledger.calibration import WINDOW, calibration

FIRST = date(2021, 1, 1)


def rows(pit: np.ndarray, symbols: int = 2) -> pl.DataFrame:
    """Return settled rows with these places in their distributions, `symbols` a session; errors by symbol."""
    sessions = [FIRST + timedelta(days=place // symbols) for place in range(len(pit))]
    reach = np.abs(pit - 0.5) * 2
    return pl.DataFrame(
        {
            "symbol": [f"S{place % symbols}" for place in range(len(pit))],
            "model_version": ["v1"] * len(pit),
            "target_session": sessions,
            "pit": pit,
            "crps": [0.002 if place % symbols else 0.001 for place in range(len(pit))],
            "crps_random_walk": [0.002] * len(pit),
            "abs_error": [0.003] * len(pit),
            "abs_error_random_walk": [0.003] * len(pit),
            **{f"hit_{level}": reach <= level / 100 for level in (50, 80, 95)},
        }
    )


def test_a_right_forecast_is_flat_and_holds_what_it_promises() -> None:
    """Uniform places: a twentieth of the closes in each bin, and every level held."""
    found = calibration(rows(np.random.default_rng(1).random(20_000)))
    assert found.pit == pytest.approx([0.05] * 20, abs=0.006)
    assert [one.held for one in found.reliability] == pytest.approx(
        [one.promised for one in found.reliability], abs=0.015
    )
    assert found.reliability[-1].promised == 0.95


def test_bands_too_narrow_are_seen_as_such() -> None:
    """Closes at the ends of their distributions: high outer bins, every level under its promise."""
    found = calibration(rows(np.where(np.random.default_rng(2).random(4_000) < 0.5, 0.01, 0.99)))
    assert (found.pit[0], found.pit[-1]) == pytest.approx((0.5, 0.5), abs=0.03)
    assert [one.held for one in found.reliability] == [0.0] * 19


def test_coverage_over_time_waits_for_a_whole_window_and_savings_add_up() -> None:
    """The first quarter has no figure; from then on the share of its closes; savings are in basis points a session."""
    found = calibration(rows(np.tile([0.5, 0.9], 100)))
    assert [one.coverage_80 is None for one in found.over_time] == [True] * (WINDOW - 1) + [False] * (101 - WINDOW)
    assert found.over_time[-1].coverage_80 == 1.0
    assert found.over_time[-1].coverage_50 == 0.5
    assert found.over_time[-1].crps_saved == pytest.approx(100 * 5.0)
    assert found.over_time[-1].error_saved == 0.0


def test_groups_are_ratios_of_sums_best_first() -> None:
    """S0 has half of the random walk's CRPS, S1 all of it."""
    found = calibration(rows(np.full(10, 0.5)))
    assert [(one.name, one.n, one.crps_skill, one.mae_ratio) for one in found.by_symbol] == [
        ("S0", 5, pytest.approx(0.5), pytest.approx(1.0)),
        ("S1", 5, pytest.approx(0.0), pytest.approx(1.0)),
    ]
    assert [one.name for one in found.by_model] == ["v1"]


def test_nothing_settled_is_nothing_told() -> None:
    """No row scored: no bin, no level, no line, and no error."""
    found = calibration(rows(np.full(4, 0.5)).with_columns(crps=pl.lit(None, pl.Float64)))
    assert (found.n, found.pit, found.reliability, found.over_time, found.by_symbol) == (0, (), (), (), ())
