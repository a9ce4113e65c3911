"""Mail: alerts that are due, together in one message, over the server that the settings name."""

from __future__ import annotations

import smtplib
import ssl
from collections.abc import Sequence
from contextlib import ExitStack
from email.message import EmailMessage
from email.utils import format_datetime
from typing import Final
from urllib.parse import SplitResult, unquote, urlsplit

from app.core.settings import Settings
from app.monitoring.alerts.addresses import DeliveryFailed, reason
from app.monitoring.alerts.tables import Alert

TIMEOUT_S: Final = 10.0
_PLAIN_PORT, _TLS_PORT = 25, 465


def send(settings: Settings, alerts: Sequence[Alert]) -> None:
    """Mail alerts; the message's id is that of the first. Errors: `DeliveryFailed` unless the server takes it."""
    url = urlsplit(settings.smtp_url.get_secret_value() if settings.smtp_url else "")
    host = url.hostname or ""
    try:
        with _connected(url) as server:
            _log_in(server, url)
            server.send_message(_message(settings, url, alerts))
    except smtplib.SMTPResponseException as error:  # the server's words may repeat what it was sent
        raise DeliveryFailed(f"{host} refused the mail with {error.smtp_code}") from None
    except smtplib.SMTPException as error:
        raise DeliveryFailed(f"{host} refused the mail ({type(error).__name__})") from None
    except OSError as error:
        raise DeliveryFailed(f"{host} can't be reached: {reason(error)}") from None


def _connected(url: SplitResult) -> smtplib.SMTP:
    host, context = url.hostname or "", ssl.create_default_context()
    if url.scheme == "smtps":
        return smtplib.SMTP_SSL(host, url.port or _TLS_PORT, timeout=TIMEOUT_S, context=context)
    server = smtplib.SMTP(host, url.port or _PLAIN_PORT, timeout=TIMEOUT_S)
    with ExitStack() as unless_ready:
        unless_ready.callback(server.close)
        server.ehlo()
        if server.has_extn("starttls"):
            server.starttls(context=context)
        unless_ready.pop_all()
    return server


def _log_in(server: smtplib.SMTP, url: SplitResult) -> None:
    """Log in where the address names a user; a password never goes over an open line."""
    if not url.username:
        return
    if not isinstance(server.sock, ssl.SSLSocket):
        raise DeliveryFailed(f"{url.hostname} offers no TLS, and a password isn't sent without")
    server.login(unquote(url.username), unquote(url.password or ""))


def _message(settings: Settings, url: SplitResult, alerts: Sequence[Alert]) -> EmailMessage:
    message = EmailMessage()
    user = unquote(url.username or "")
    message["From"] = user if "@" in user else f"nextclose@{url.hostname}"
    message["To"] = settings.alert_mail or ""
    message["Subject"] = alerts[0].title if len(alerts) == 1 else f"Nextclose: {len(alerts)} alerts"
    message["Message-ID"] = f"<{alerts[0].id}@nextclose.invalid>"
    message["Date"] = format_datetime(alerts[0].created_at)
    message["Auto-Submitted"] = "auto-generated"
    message.set_content("\n\n".join(f"{one.text}\n[{one.id}]" for one in alerts) + "\n")
    return message
