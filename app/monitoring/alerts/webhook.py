"""Webhook: one alert as a JSON POST, to an address that was looked at, following no redirect."""

from __future__ import annotations

import json
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from typing import Any, Final
from urllib.parse import urlsplit

from app.core.settings import Settings
from app.monitoring.alerts.addresses import DeliveryFailed, reason, resolve
from app.monitoring.alerts.tables import Alert

TIMEOUT_S: Final = 10.0
"""For a whole request, however slowly the receiver drips."""


class _Pinned(HTTPConnection):
    """A connection to the address that was looked at; the name is still what TLS and `Host` are about."""

    def __init__(self, host: str, port: int, address: str, tls: ssl.SSLContext | None) -> None:
        super().__init__(host, port, timeout=TIMEOUT_S)
        self._address = address
        self._tls = tls
        self.default_port = HTTPSConnection.default_port if tls else HTTPConnection.default_port

    def connect(self) -> None:
        """Connect to the address, whatever the name would resolve to by now."""
        plain = socket.create_connection((self._address, self.port), self.timeout)
        self.sock = self._tls.wrap_socket(plain, server_hostname=self.host) if self._tls else plain


def post(settings: Settings, alert: Alert) -> None:
    """Send an alert to the webhook. Errors: `DeliveryFailed` unless the receiver answers 2xx in time."""
    url = urlsplit(settings.alert_url.get_secret_value() if settings.alert_url else "")
    host, tls = url.hostname or "", ssl.create_default_context() if url.scheme == "https" else None
    port = url.port or (443 if tls else 80)
    address = resolve(host, port, inner=settings.alert_inner == "on")
    path = (url.path or "/") + (f"?{url.query}" if url.query else "")
    headers = {"Content-Type": "application/json", "User-Agent": "nextclose", "Idempotency-Key": alert.id}
    with closing(_Pinned(host, port, address, tls)) as connection, _in_time(connection):
        try:
            connection.request("POST", path, json.dumps(_body(alert)).encode(), headers)
            status = connection.getresponse().status
        except (OSError, HTTPException) as error:
            raise DeliveryFailed(f"{host} can't be reached: {reason(error)}") from None
    if not 200 <= status < 300:  # noqa: PLR2004 - what HTTP calls success
        raise DeliveryFailed(f"{host} answered {status}")


def _body(alert: Alert) -> dict[str, Any]:
    return {**alert.model_dump(mode="json"), "test": alert.kind == "test"}


@contextmanager
def _in_time(connection: HTTPConnection) -> Iterator[None]:
    """Cut the connection when the time is over; a timeout of its own counts from each byte."""

    def cut() -> None:
        with suppress(OSError):
            if connection.sock is not None:
                connection.sock.shutdown(socket.SHUT_RDWR)

    timer = threading.Timer(TIMEOUT_S, cut)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
