"""Delivery over TLS to real receivers whose certificate an authority of the test's own signed."""

import ssl
from pathlib import Path

import pytest

from app.core.db import Database
from app.core.settings import Settings
from app.monitoring.alerts.delivery import deliver
from tests.monitoring.alerts.certificates import certified
from tests.monitoring.alerts.receivers import Scheme, hook, mailbox
from tests.monitoring.alerts.test_delivery import put, states, to


@pytest.fixture(scope="module")
def signed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, ssl.SSLContext]:
    """Return the authority's file, and a server's side of TLS."""
    return certified(tmp_path_factory.mktemp("tls"))


@pytest.fixture
def tls(signed: tuple[Path, ssl.SSLContext], monkeypatch: pytest.MonkeyPatch) -> ssl.SSLContext:
    """Trust the authority, as an operator does by `SSL_CERT_FILE`."""
    monkeypatch.setenv("SSL_CERT_FILE", str(signed[0]))
    return signed[1]


def test_a_webhook_over_https_arrives(settings: Settings, database: Database, tls: ssl.SSLContext) -> None:
    """By the number of the machine and by its name."""
    with hook(tls) as receiver:
        for number, url in enumerate((receiver.url, receiver.url.replace("127.0.0.1", "localhost"))):
            here = to(settings, alert_url=f"{url}/hooks/t0ken")
            put(database, here, number)
            assert deliver(here, database) == {"sent": 1, "failed": 0}
    assert [body["id"] for body in receiver.bodies] == [f"01J{number:023}" for number in range(2)]


@pytest.mark.parametrize("scheme", ["starttls", "smtps"])
def test_mail_and_its_password_go_over_tls(
    settings: Settings, database: Database, tls: ssl.SSLContext, scheme: Scheme
) -> None:
    """Asked for on an open line or spoken from the first byte; what is escaped in the address is sent as it is."""
    with mailbox(scheme, tls) as (box, address):
        here = to(
            settings, alert_mail="me@example.com", smtp_url=address.replace("://", "://me%40example.com:s3%2Fcret@")
        )
        put(database, here, 1)
        assert deliver(here, database) == {"sent": 1, "failed": 0}
    assert box.logged_in == [(b"me@example.com", b"s3/cret")]
    assert [mail["From"] for mail in box.mails] == ["me@example.com"]


@pytest.mark.parametrize("scheme", ["starttls", "smtps", "https"])
def test_who_nobody_vouches_for_gets_nothing(
    settings: Settings, database: Database, signed: tuple[Path, ssl.SSLContext], scheme: Scheme | str
) -> None:
    """Neither alert nor password; the line names the setting that helps."""
    if scheme == "https":
        with hook(signed[1]) as receiver:
            _refused(to(settings, alert_url=receiver.url), database)
        assert receiver.bodies == []
        return
    with mailbox(scheme, signed[1]) as (box, address):
        smtp = address.replace("://", "://me:s3cret@")
        _refused(to(settings, alert_mail="me@example.com", smtp_url=smtp), database)
    assert (box.mails, box.logged_in) == ([], [])


def _refused(here: Settings, database: Database) -> None:
    put(database, here, 1)
    assert deliver(here, database) == {"sent": 0, "failed": 1}
    ((_, state, attempts, error),) = states(database)
    assert (state, attempts) == ("waiting", 1)
    assert (error or "").startswith("127.0.0.1 can't be reached: its certificate isn't trusted (")
    assert (error or "").endswith("; SSL_CERT_FILE names the authorities that are")
