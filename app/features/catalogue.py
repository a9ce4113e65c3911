"""Every feature, in order: what a model may see."""

from __future__ import annotations

from app.features import (
    averages,
    beta,
    candles,
    events,
    market,
    oscillators,
    ranks,
    returns,
    sessions,
    volatility,
    volume,
)
from app.features.feature import Feature

FEATURES: tuple[Feature, ...] = (
    *returns.FEATURES,
    *averages.FEATURES,
    *oscillators.FEATURES,
    *candles.FEATURES,
    *volatility.FEATURES,
    *volume.FEATURES,
    *beta.FEATURES,
    *ranks.FEATURES,
    *events.FEATURES,
    *market.FEATURES,
    *sessions.FEATURES,
)

SCALE_REGRESSORS: tuple[str, ...] = (
    "range_scale_1",
    "range_scale_5",
    "range_scale_22",
    "range_scale_66",
    "range_scale_250",
    "return_scale_5",
    "return_scale_22",
    "return_scale_66",
    "return_scale_250",
    "absolute_scale_1",
    "absolute_scale_5",
    "ewma_scale",
    "leverage",
    "lift",
    "slump_5",
    "market_log_sd",
    "market_log_sd_5",
    "market_log_sd_22",
    "market_log_sd_66",
    "market_dispersion",
    "market_dispersion_5",
    "market_dispersion_22",
    "market_size_1",
    "market_size_5",
    "market_size_22",
    "market_slump_1",
    "market_slump_5",
    "market_lift_1",
    "gap_days",
    "midweek_gap",
    "tuesday",
    "wednesday",
    "thursday",
    "friday",
    "volume_surprise",
    "volume_trend_5",
    "volume_trend_22",
    "market_surprise",
)
"""The features that the volatility model is linear in; all have values from a symbol's 23rd bar on."""
