"""Which price source the settings name."""

from __future__ import annotations

from functools import lru_cache

from app.core.settings import Settings
from app.prices.sources.protocol import PriceSource


@lru_cache(maxsize=4)
def open_source(settings: Settings) -> PriceSource:
    """Return the source that the settings name, the process's one; `auto` is Yahoo."""
    if settings.source == "sample":
        from app.prices.sources.sample import SampleSource

        return SampleSource()
    from app.prices.sources.yahoo_earnings import Yahoo

    return Yahoo()
