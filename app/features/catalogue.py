"""Every feature, in order: what a model may see."""

from __future__ import annotations

from app.features.engine.feature import Feature
from app.features.indicators import averages, beta, candles, oscillators, returns, volatility, volume
from app.features.market import context, earnings, events, ranks, sessions, volatility_index

FEATURES: tuple[Feature, ...] = tuple(
    feature
    for module in (
        *(returns, averages, oscillators, candles, volatility, volume, beta),
        *(ranks, earnings, events, context, volatility_index, sessions),
    )
    for feature in module.FEATURES
)

EARNINGS_REGRESSORS: tuple[str, ...] = tuple(
    f"earnings_{name}" for name in ("day", "beside", "learnt", "past", "seen", "heat", "level", "market")
)
"""What is 0 but on a target that may trade results; a model takes these as they are, unstandardised."""

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
    *(f"overnight_risk_{w}" for w in (5, 22, 66, 250)),
    *(f"inside_risk_{w}" for w in (1, 5, 22, 66, 250)),
    *(f"quiet_{w}" for w in (5, 22, 66, 250)),
    "index_level", "index_change_1", "index_change_5", "index_premium",
    "earnings_known",
    *EARNINGS_REGRESSORS,
)  # fmt: skip
"""The features that the volatility model is linear in; all have a value from a symbol's 23rd bar on,
the index's where it has a bar."""

LOCATION_REGRESSORS: tuple[str, ...] = ("reversal", "beta_shrunk")
"""What the market's reversal and its drift are worth to a symbol."""
