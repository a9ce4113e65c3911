"""Delivery: empty the outbox as far as the receivers allow; one that fails is asked again later."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from app.core import log
from app.core.db import Database
from app.core.errors import BadInput
from app.core.progress import Progress, silent
from app.core.settings import Settings
from app.monitoring.alerts import mail, outbox, webhook
from app.monitoring.alerts.addresses import DeliveryFailed
from app.monitoring.alerts.tables import Alert, Channel

MOST_IN_A_MAIL: Final = 100

_log = log.get(__name__)


def put_test(settings: Settings, database: Database, now: datetime) -> Alert:
    """Put a test into the outbox, for every address that is set. Errors: `BadInput` where none is."""
    if not outbox.channels(settings):
        raise BadInput("no address is set: NEXTCLOSE_ALERT_URL, or NEXTCLOSE_ALERT_MAIL with NEXTCLOSE_SMTP_URL")
    made = outbox.trial(now)
    with database.write() as db:
        outbox.put(db, settings, [(made, made.id)])
    return made


def deliver(settings: Settings, database: Database, progress: Progress = silent) -> dict[str, int]:
    """Send what is due; return how many alerts were sent, and how many attempts failed.

    Each success is noted at once. After a failure the channel rests: the next alert would go to the same receiver.
    """
    used = outbox.channels(settings)
    with database.write() as db:
        outbox.give_up(db, used)
    counts = {"sent": 0, "failed": 0}
    for channel in used:
        progress(0.5, f"alerts by {channel}")
        with database.read() as db:
            waiting = outbox.due(db, channel)
        for batch in _batches(channel, waiting):
            done = _attempt(settings, database, channel, batch)
            counts["sent" if done else "failed"] += len(batch) if done else 1
            if not done:
                break
    return counts


def _batches(channel: Channel, waiting: Sequence[Alert]) -> list[Sequence[Alert]]:
    """Return what is sent together: a mail holds many alerts, a webhook gets them one by one."""
    size = MOST_IN_A_MAIL if channel == "mail" else 1
    return [waiting[at : at + size] for at in range(0, len(waiting), size)]


def _attempt(settings: Settings, database: Database, channel: Channel, batch: Sequence[Alert]) -> bool:
    try:
        if channel == "mail":
            mail.send(settings, batch)
        else:
            webhook.post(settings, batch[0])
    except DeliveryFailed as error:
        _log.warning("alert not delivered", channel=channel, alerts=len(batch), error=error.detail)
        with database.write() as db:
            outbox.failed(db, channel, batch, error.detail)
            outbox.postpone(db, channel)
        return False
    with database.write() as db:
        outbox.sent(db, channel, batch)
    return True
