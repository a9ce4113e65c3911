"""Every feature, in order: what a model may see."""

from __future__ import annotations

from app.features.engine.feature import Feature
from app.features.indicators import averages, beta, candles, oscillators, returns, volatility, volume
from app.features.market import context, earnings, ranks, sessions

FEATURES: tuple[Feature, ...] = (
    *returns.FEATURES,
    *averages.FEATURES,
    *oscillators.FEATURES,
    *candles.FEATURES,
    *volatility.FEATURES,
    *volume.FEATURES,
    *beta.FEATURES,
    *ranks.FEATURES,
    *earnings.FEATURES,
    *context.FEATURES,
    *sessions.FEATURES,
)

SCALE_REGRESSORS: tuple[str, ...] = (
    *(f"range_{w}" for w in (1, 5, 22, 66, 250)),
    *(f"abs_return_{w}" for w in (22, 66, 250)),
    "fall_1", "rise_1", "fall_5",
    "volume_1", "volume_5", "volume_22",
    *(f"market_range_{w}" for w in (1, 2, 5, 10, 22, 66, 250)),
    "market_range_max22", "market_range_min22", "market_range_sd22",
    "market_overnight_1", "market_fall_1", "market_rise_1", "market_fall_5",
    "holiday_gap", "long_gap",
    "event_same_day", "event_1_day", "event_3_days", "event_1_day_sq",
    "event_year_same_day", "event_year_1_day", "event_recent", "event_due",
)  # fmt: skip
"""The features that the volatility model is linear in; all have a value from a symbol's 23rd bar on."""

LOCATION_REGRESSORS: tuple[str, ...] = ("reversal", "beta_shrunk")
"""What the market's reversal and its drift are worth to a symbol."""
