"""The whole record: summed up once for its page and its JSON, until the ledger or an earnings day says more."""

from __future__ import annotations

from dataclasses import dataclass

from app.forecasts.ledger.calibration import Calibration, calibration
from app.forecasts.ledger.forecast import PUBLIC, Origin
from app.forecasts.ledger.track_record import TrackRecord, settled, state, summed
from app.web.edge.deps import Services


@dataclass(frozen=True)
class Whole:
    """What all settled forecasts of one origin add up to."""

    record: TrackRecord
    calibration: Calibration


def whole(services: Services) -> dict[Origin, Whole]:
    """Return the record of live forecasts, and of replayed ones."""
    with services.database.read() as db:

        def summed_up() -> dict[Origin, Whole]:
            every = settled(db)
            return {one: Whole(summed(every, one), calibration(every.filter(origin=one))) for one in PUBLIC}

        return services.memo.of("record", state(db), summed_up)
