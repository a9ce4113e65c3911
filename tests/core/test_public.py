"""Values as JSON gets them."""

import numpy as np
import pytest
from pydantic import TypeAdapter

from app.core.public import Price, all_rounded, counted, rounded


@pytest.mark.parametrize(
    ("price", "shown"),
    [
        (177.57000732421875, b"177.57"),
        (177.57126, b"177.5713"),
        (12345.678951, b"12345.679"),
        (10.0, b"10.0"),
        (9.8765432, b"9.87654"),
        (0.123456789, b"0.123457"),
        (0.000123456789, b"0.000123457"),
        (-2.34567891, b"-2.34568"),
        (0.0, b"0.0"),
        (None, b"null"),
    ],
)
def test_a_price_has_four_decimals_or_six_digits(price: float | None, shown: bytes) -> None:
    """Whichever is more; unknown stays unknown, and in the program it is what it was."""
    kind = TypeAdapter(Price | None)
    assert kind.dump_json(price) == shown
    assert kind.dump_python(price) == price


def test_many_are_rounded_as_each_alone() -> None:
    """To the bit: at ties and a step beside them, small and large, negative and unknown."""
    chance = np.random.default_rng(1)
    some = chance.uniform(-20.0, 10.0 ** chance.integers(1, 13, 5000))
    ties = chance.integers(10**5, 10**9, 5000) / 1e4 + 5e-5 + chance.choice([-1e-9, 0.0, 1e-9], 5000)
    prices = [None, 0.0, 10.0, *some.tolist(), *ties.tolist()]
    assert all_rounded(prices) == [None if one is None else rounded(one) for one in prices]
    assert all_rounded([]) == []


def test_a_count_stands_with_what_it_counts() -> None:
    """One thing is no things; thousands stand apart."""
    counts = (0, 1, 2, 1.0, 0.5, 12_345_678)
    assert [counted(count, "bar") for count in counts] == [
        "0 bars", "1 bar", "2 bars", "1 bar", "0.5 bars", "12,345,678 bars",
    ]  # fmt: skip
