"""The proof holds for what is built, and names the offender where a leak is planted."""

from collections.abc import Callable, Iterable
from typing import Any

import polars as pl
import pytest

from app.core.clock import Calendar
from app.core.db import Database
from app.core.settings import Settings
from app.features import frame
from app.training.proofs import leakage


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two symbols are enough to see a leak."""
    monkeypatch.setattr(leakage, "SYMBOLS", 2)
    monkeypatch.setattr(leakage, "SESSIONS", 560)


@pytest.mark.usefixtures("small")
def test_no_leak_in_what_is_built(
    settings: Settings, fill: Callable[[pl.DataFrame], Database], bars: pl.DataFrame
) -> None:
    """Features and walks stay when later bars are dropped or changed, later events unknown, or the unit another."""
    proof = leakage.leakage(settings, fill(bars))
    assert proof.passed, proof.details
    assert len(proof.details) == 8


def centred(
    bars: pl.DataFrame,
    calendar: Calendar,
    context: pl.DataFrame | None = None,
    *,
    names: Iterable[str] = ("ret_1",),
    **besides: pl.DataFrame | None,
) -> pl.DataFrame:
    """Build features whose volume is a mean centred on the day: it knows five later sessions."""
    made = frame.build(bars, calendar, context, names=names, **besides)
    leak: Any = pl.col("volume_5").rolling_mean(11, center=True).over("symbol")
    return made.with_columns(volume_5=leak) if "volume_5" in made.columns else made


@pytest.mark.usefixtures("small")
def test_a_planted_leak_is_named(
    settings: Settings, fill: Callable[[pl.DataFrame], Database], bars: pl.DataFrame
) -> None:
    """A centred rolling mean: the proof fails, and its first line names the feature and the law."""

    def leaky(
        frame_of: pl.DataFrame,
        days: Calendar,
        context: pl.DataFrame | None = None,
        *,
        names: Iterable[str] = frame.FEATURE_NAMES,
        **besides: pl.DataFrame | None,
    ) -> pl.DataFrame:
        return centred(frame_of, days, context, names=names, **besides)

    proof = leakage.leakage(settings, fill(bars), build=leaky)
    assert not proof.passed
    assert proof.details[0].startswith("truncation: volume_5 of ")
    assert any(".q" in line or "sigma" in line for line in proof.details)
