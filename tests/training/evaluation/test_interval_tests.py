"""Kupiec and Christoffersen: known values, and what they find."""

import numpy as np
import pytest

from app.training.evaluation import interval_tests


def one(*counts: float) -> list[np.ndarray]:
    """Return each count as an array of one symbol."""
    return [np.array([count]) for count in counts]


def test_kupiec_of_known_cases() -> None:
    """250 sessions at 99 %: the ratios for 0, 4, 5 and 7 misses are in every textbook on value at risk."""
    misses = np.array([0.0, 4.0, 5.0, 7.0])
    found = interval_tests.kupiec(np.full(4, 250.0), misses, 0.99)
    assert found == pytest.approx([5.025, 0.769, 1.957, 5.497], abs=1e-3)
    assert interval_tests.kupiec(*one(100.0, 20.0), 0.8)[0] == pytest.approx(0.0, abs=1e-12)


def test_christoffersen_by_hand() -> None:
    """Misses that are as likely after a miss have ratio 0; 80, 10, 5, 5: 2 (ln L of the chain - ln L of 15 in 100)."""
    assert interval_tests.christoffersen(*one(64, 16, 16, 4))[0] == pytest.approx(0.0, abs=1e-12)
    chain = 80 * np.log(80 / 90) + 10 * np.log(10 / 90) + 10 * np.log(0.5)
    alone = 85 * np.log(0.85) + 15 * np.log(0.15)
    assert interval_tests.christoffersen(*one(80, 10, 5, 5))[0] == pytest.approx(2 * (chain - alone))
    assert interval_tests.christoffersen(*one(100, 0, 0, 0))[0] == 0.0


def test_each_symbol_is_tested_by_itself() -> None:
    """Of three, one misses every fifth session, one never, one in runs: each test rejects those it should."""
    sessions = np.arange(1000)
    held = [sessions % 5 != 0, np.ones(1000, dtype=np.bool_), sessions % 200 >= 40]
    symbol, day = np.repeat([0, 1, 2], 1000), np.tile(sessions, 3)
    often, in_runs = interval_tests.rejected(symbol, day, np.concatenate(held), 0.8)
    assert often == pytest.approx(1 / 3)
    assert in_runs == pytest.approx(2 / 3)


def test_chance_rejects_about_one_in_twenty() -> None:
    """400 symbols of independent misses: 5 % within three standard errors, whatever the order of the rows."""
    draws = np.random.default_rng(8)
    symbol, day = np.repeat(np.arange(400), 1000), np.tile(np.arange(1000), 400)
    held, mixed = draws.uniform(size=400_000) < 0.8, draws.permutation(400_000)
    found = interval_tests.rejected(symbol, day, held, 0.8)
    assert all(0.017 < share < 0.083 for share in found)
    assert interval_tests.rejected(symbol[mixed], day[mixed], held[mixed], 0.8) == found


def test_a_gap_between_sessions_is_no_transition() -> None:
    """A symbol that is judged on every other session has no neighbours; too short a one isn't tested."""
    half = np.arange(0, 400, 2)
    held = np.repeat([True, False], 100)
    assert interval_tests.rejected(np.zeros(200, dtype=np.intp), half, held, 0.5) == (0.0, 0.0)
    assert interval_tests.rejected(np.zeros(200, dtype=np.intp), half // 2, held, 0.5) == (0.0, 1.0)
    assert np.isnan(interval_tests.rejected(np.zeros(99, dtype=np.intp), half[:99], held[:99], 0.5)).all()
