"""The answers that are ready at one state of store and champion: their bytes, and what they rest on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from hashlib import sha256
from http import HTTPStatus

from starlette.responses import Response

from app.core.errors import NoHistory
from app.forecasts.ledger.forecast import Forecast
from app.forecasts.prediction.situation import Situation
from app.prices import store
from app.web.edge.deps import Services
from app.web.edge.negotiation import is_held
from app.web.predictions.schemas import Prediction

CACHE_CONTROL = "no-cache"
"""Caches may keep an answer, and must ask whether it still is the answer: which is 304, not its bytes."""


@dataclass(frozen=True, eq=False)
class Answer:
    """One symbol's newest forecast as JSON; true while the clock is in [since, until).

    A provisional one is true while prices are refreshed, too, and no longer.
    """

    forecast: Forecast
    situation: Situation
    body: bytes
    since: datetime
    until: datetime
    provisional: bool = False

    def is_true(self, at: datetime, *, lives: bool) -> bool:
        """Say whether it is the answer at an instant; `lives` says whether a refresh goes on."""
        return self.since <= at < self.until and (lives or not self.provisional)

    @cached_property
    def etag(self) -> str:
        """Names the content; weakly, for it is sent gzipped too."""
        return f'W/"{sha256(self.body).hexdigest()[:20]}"'

    def response(self, if_none_match: str | None = None) -> Response:
        """Return the answer to a client, or that it holds it already."""
        headers = {"ETag": self.etag, "Cache-Control": CACHE_CONTROL, "Vary": "Accept-Encoding"}
        if is_held(self.etag, if_none_match):
            return Response(status_code=HTTPStatus.NOT_MODIFIED, headers=headers)
        return Response(self.body, media_type="application/json", headers=headers)


@dataclass(frozen=True)
class Common:
    """What all answers rest on: the champion's version, the market's series, the version that owes proofs.

    Without a champion also the versions that were withdrawn: what others forecast is still the answer then.
    """

    version: str | None = None
    series: frozenset[tuple[str, int]] = frozenset()
    owing: str | None = None
    withdrawn: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Snapshot:
    """The answers that are ready on one state of store and champion; never changed, only replaced by the next one.

    `stamps` number the looks at which each symbol was found changed, `cleared` that at which all were. `too_short` are
    symbols without enough history; others' bars may be what one of them lacks, so any price drops them.
    """

    common: Common = Common()
    prices: str = ""
    newest_seq: int = -1
    versions: Mapping[str, int] = field(default_factory=dict)
    stamps: Mapping[str, int] = field(default_factory=dict)
    cleared: int = 0
    answers: Mapping[str, Answer] = field(default_factory=dict)
    too_short: Mapping[str, NoHistory] = field(default_factory=dict)

    @property
    def has_provisional(self) -> bool:
        """Whether some answer is true only as long as a refresh goes on."""
        return any(one.provisional for one in self.answers.values())

    def repriced(self, old: Snapshot) -> set[str]:
        """Return the symbols whose bars or earnings days have changed since an earlier one, came or went."""
        changed = {symbol for symbol, version in self.versions.items() if old.versions.get(symbol) != version}
        return changed | (old.versions.keys() - self.versions.keys())

    def stamp(self, symbol: str) -> int:
        """Return what differs after each change of what the symbol's answer rests on."""
        return max(self.cleared, self.stamps.get(symbol, 0))


def written(
    services: Services, forecasts: Sequence[Forecast], version: str | None, owing: str | None
) -> dict[str, Answer]:
    """Write answers by symbol, as they are where a version is served, and one may owe its proofs.

    A forecast that isn't as of the symbol's last bar, or the version's, makes a provisional one.
    """
    if not forecasts:
        return {}
    with services.database.read() as db:
        last = store.last_bars(db, [one.symbol for one in forecasts])
    answers, forecaster = {}, services.forecaster
    for forecast, situation in zip(forecasts, forecaster.situations(forecasts), strict=True):
        freshness, owed = forecaster.freshness(forecast), forecast.model_version == owing
        body = Prediction.of_newest(forecast, freshness, situation, proofs_owed=owed).model_dump_json().encode()
        its = forecast.as_of == last[forecast.symbol].session, version in {None, forecast.model_version}
        answers[forecast.symbol] = Answer(
            forecast, situation, body, freshness.since, freshness.until, provisional=not all(its)
        )
    return answers
