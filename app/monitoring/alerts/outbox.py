"""The outbox: alerts are kept in the transaction that found them, and leave it only once a receiver has them.

A process that is killed between the two sends again: at least once, with the same id. Times are about the network, so
the real clock counts, whatever instant the settings fix.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import ColumnElement, insert
from sqlmodel import Session, col, select, update
from ulid import ULID

from app.core.clock import wall
from app.core.settings import Settings
from app.monitoring.alerts.tables import Alert, AlertRow, Channel, Delivery, DeliveryRow

FIRST_RETRY: Final = timedelta(seconds=30)
LONGEST_RETRY: Final = timedelta(hours=6)
MOST_ATTEMPTS: Final = 13
"""With pauses that double from half a minute to six hours: given up after some 22 hours."""


@dataclass(frozen=True)
class Told:
    """An alert and how its deliveries stand."""

    alert: Alert
    deliveries: tuple[Delivery, ...]


def channels(settings: Settings) -> tuple[Channel, ...]:
    """Return where alerts go by the settings."""
    mail: tuple[Channel, ...] = ("mail",) if settings.alert_mail and settings.smtp_url else ()
    return (*(("webhook",) if settings.alert_url else ()), *mail)


def put(db: Session, settings: Settings, alerts: Iterable[tuple[Alert, str]]) -> int:
    """Keep alerts, each with its key, inside the caller's write transaction, to be delivered; return how many are new.

    A key names the state that an alert is about; a rule alerts once for each.
    """
    kept = 0
    for alert, key in alerts:
        alike = select(AlertRow.id).where(AlertRow.rule_id == alert.rule_id, AlertRow.key == key)
        if alert.rule_id is not None and db.exec(alike).first() is not None:
            continue
        db.connection().execute(insert(AlertRow), {**dict(alert), "key": key})
        ways = [Delivery(alert_id=alert.id, channel=channel, next_at=wall()) for channel in channels(settings)]
        if ways:
            db.connection().execute(insert(DeliveryRow), [dict(way) for way in ways])
        kept += 1
    return kept


def trial(now: datetime) -> Alert:
    """Return an alert that says only that alerts arrive."""
    text = "This is a test: alerts of Nextclose arrive here."
    return Alert(id=str(ULID()), kind="test", title="Nextclose: test", text=text, created_at=now)


def is_due(db: Session) -> bool:
    """Say whether a delivery waits whose time has come."""
    return db.exec(select(DeliveryRow.alert_id).where(*_is_due()).limit(1)).first() is not None


def due(db: Session, channel: Channel) -> list[Alert]:
    """Return the alerts that are due on a channel, oldest first."""
    rows = db.exec(select(AlertRow).join(DeliveryRow).where(*_is_due(), DeliveryRow.channel == channel))
    return sorted((Alert.model_validate(row) for row in rows), key=lambda one: one.id)


def sent(db: Session, channel: Channel, alerts: Sequence[Alert]) -> None:
    """Note that a receiver has these."""
    for alert in alerts:
        row = db.get_one(DeliveryRow, (alert.id, channel))
        values = {"state": "sent", "attempts": row.attempts + 1, "sent_at": wall(), "next_at": None, "error": None}
        _set(db, alert, channel, values)


def failed(db: Session, channel: Channel, alerts: Sequence[Alert], error: str) -> None:
    """Note a failed attempt, and when the next one is made, if any."""
    for alert in alerts:
        attempts = db.get_one(DeliveryRow, (alert.id, channel)).attempts + 1
        pause = min(FIRST_RETRY * 2 ** (attempts - 1), LONGEST_RETRY)
        given_up = attempts >= MOST_ATTEMPTS
        values = {"attempts": attempts, "error": error, "next_at": None if given_up else wall() + pause}
        _set(db, alert, channel, {**values, "state": "given_up" if given_up else "waiting"})


def postpone(db: Session, channel: Channel) -> None:
    """Let whatever is due on a channel whose receiver just failed wait: one attempt tells enough."""
    late = update(DeliveryRow).where(*_is_due(), col(DeliveryRow.channel) == channel)
    db.connection().execute(late.values(next_at=wall() + FIRST_RETRY))


def give_up(db: Session, kept: Sequence[Channel]) -> None:
    """Give up what waits for a channel that is no longer set up."""
    gone = update(DeliveryRow).where(col(DeliveryRow.state) == "waiting", col(DeliveryRow.channel).not_in(kept))
    values = {"state": "given_up", "next_at": None, "error": "no address is set any more"}
    db.connection().execute(gone.values(**values))


def recent(db: Session, limit: int = 50) -> list[Told]:
    """Return the newest alerts, newest first."""
    rows = db.exec(select(AlertRow).order_by(col(AlertRow.created_at).desc(), col(AlertRow.id).desc()).limit(limit))
    alerts = [Alert.model_validate(row) for row in rows]
    ways = db.exec(select(DeliveryRow).where(col(DeliveryRow.alert_id).in_([one.id for one in alerts]))).all()
    by_alert = {one.id: tuple(Delivery.model_validate(way) for way in ways if way.alert_id == one.id) for one in alerts}
    return [Told(one, by_alert[one.id]) for one in alerts]


def _is_due() -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    return col(DeliveryRow.state) == "waiting", col(DeliveryRow.next_at) <= wall()


def _set(db: Session, alert: Alert, channel: Channel, values: dict[str, object]) -> None:
    one = update(DeliveryRow).where(col(DeliveryRow.alert_id) == alert.id, col(DeliveryRow.channel) == channel)
    db.connection().execute(one.values(**values))
