"""Delivery to real receivers on this machine: a webhook and a mail server."""

import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from time import monotonic

import pytest
from pydantic import SecretStr
from sqlmodel import update

from app.core.clock import wall
from app.core.db import Database
from app.core.settings import Settings
from app.jobs.launch import environment
from app.monitoring.alerts import addresses, outbox
from app.monitoring.alerts.delivery import deliver
from app.monitoring.alerts.tables import Alert, DeliveryRow
from tests.monitoring.alerts.receivers import Hook, hook, mailbox

NOW = datetime(2021, 12, 31, 22, 0, tzinfo=UTC)

DELIVERS = """
from app.core.db import Database
from app.core.settings import load_settings
from app.monitoring.alerts.delivery import deliver
settings = load_settings()
deliver(settings, Database(settings.database))
"""


@pytest.fixture
def receiver() -> Iterator[Hook]:
    """Serve a webhook."""
    with hook() as made:
        yield made


def to(settings: Settings, **addresses: str) -> Settings:
    """Return settings with addresses of receivers on this machine."""
    secret = {"alert_url", "smtp_url"}
    values = {name: SecretStr(text) if name in secret else text for name, text in addresses.items()}
    return settings.model_copy(update={"alert_inner": "on", **values})


def put(database: Database, settings: Settings, *numbers: int) -> None:
    """Put alerts of one rule into the outbox."""
    with database.write() as db:
        alerts = [
            Alert(
                id=f"01J{number:023}",
                rule_id="r",
                kind="band",
                symbol="AAPL",
                session=NOW.date(),
                title="Nextclose: AAPL",
                text=f"AAPL left its band, {number}",
                created_at=NOW,
            )
            for number in numbers
        ]
        outbox.put(db, settings, [(one, one.text) for one in alerts])


def states(database: Database) -> list[tuple[str, str, int, str | None]]:
    """Return channel, state, attempts and error of every delivery, the newest alert's first."""
    with database.read() as db:
        told = outbox.recent(db)
    return [(way.channel, way.state, way.attempts, way.error) for one in told for way in one.deliveries]


def make_due(database: Database) -> None:
    """Let the pauses between attempts be over."""
    with database.write() as db:
        db.connection().execute(update(DeliveryRow).values(next_at=wall() - timedelta(seconds=1)))


def test_an_alert_arrives_as_json_once(settings: Settings, database: Database, receiver: Hook) -> None:
    """With an id in body and header; a second look sends nothing, and an alert of the same key isn't kept."""
    here = to(settings, alert_url=f"{receiver.url}/hooks/t0ken?room=1")
    put(database, here, 1)
    put(database, here, 1)
    assert deliver(here, database) == {"sent": 1, "failed": 0}
    assert deliver(here, database) == {"sent": 0, "failed": 0}
    (body,), (headers,) = receiver.bodies, receiver.headers
    assert body == {
        "id": f"01J{1:023}", "rule_id": "r", "kind": "band", "symbol": "AAPL", "session": "2021-12-31",
        "title": "Nextclose: AAPL", "text": "AAPL left its band, 1", "created_at": "2021-12-31T22:00:00Z",
        "test": False,
    }  # fmt: skip
    assert (headers["path"], headers["Idempotency-Key"]) == ("/hooks/t0ken?room=1", body["id"])
    assert states(database) == [("webhook", "sent", 1, None)]


def test_mails_arrive_together(settings: Settings, database: Database) -> None:
    """One mail tells of all alerts that are due; its id is the first one's."""
    with mailbox() as (box, address):
        here = to(settings, alert_mail="me@example.com", smtp_url=address)
        put(database, here, 1, 2)
        assert deliver(here, database) == {"sent": 2, "failed": 0}
    (mail,) = box.mails
    assert box.to == [["me@example.com"]]
    assert (mail["Subject"], mail["Message-ID"]) == ("Nextclose: 2 alerts", f"<01J{1:023}@nextclose.invalid>")
    assert "AAPL left its band, 1" in mail.get_payload()
    assert "AAPL left its band, 2" in mail.get_payload()


def test_a_dead_receiver_costs_its_own_retries_alone(settings: Settings, database: Database) -> None:
    """One attempt for all that wait, the pause doubles, mail goes through meanwhile; in the end it is given up."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        dead = f"http://127.0.0.1:{taken.getsockname()[1]}/t0ken"
    with mailbox() as (box, address):
        here = to(settings, alert_url=dead, alert_mail="me@example.com", smtp_url=address)
        put(database, here, 1, 2, 3)
        assert deliver(here, database) == {"sent": 3, "failed": 1}
        assert len(box.mails) == 1
    failed = [one for one in states(database) if one[0] == "webhook"]
    assert [one[2] for one in failed] == [0, 0, 1], "the newer two weren't tried in vain"
    assert failed[2][3] == "127.0.0.1 can't be reached: connection refused"
    with database.read() as db:
        assert not outbox.is_due(db)
    only = to(settings, alert_url=dead)
    for _ in range(3 * outbox.MOST_ATTEMPTS):
        make_due(database)
        deliver(only, database)
    assert {one[1:3] for one in states(database) if one[0] == "webhook"} == {("given_up", outbox.MOST_ATTEMPTS)}


def test_a_receiver_that_comes_back_gets_what_waited(settings: Settings, database: Database, receiver: Hook) -> None:
    """An error answer is retried until it is 2xx; no redirect is followed."""
    here = to(settings, alert_url=receiver.url)
    put(database, here, 1)
    for status in (500, 302, 204):
        receiver.status = status
        make_due(database)
        deliver(here, database)
    assert len(receiver.bodies) == 3
    assert {headers["path"] for headers in receiver.headers} == {"/"}
    assert states(database) == [("webhook", "sent", 3, None)]


def test_a_killed_delivery_is_made_again_with_the_same_id(
    settings: Settings, database: Database, receiver: Hook
) -> None:
    """Kill -9 after the receiver got it and before that was noted: it gets it twice, and can tell."""
    here = to(settings, alert_url=receiver.url)
    put(database, here, 1)
    processes: list[subprocess.Popen[bytes]] = []
    receiver.meanwhile = lambda: processes[0].send_signal(signal.SIGKILL)
    processes.append(subprocess.Popen([sys.executable, "-c", DELIVERS], env=environment(here)))
    assert processes[0].wait(60) == -signal.SIGKILL
    receiver.meanwhile = lambda: None
    assert states(database) == [("webhook", "waiting", 0, None)]
    assert deliver(here, database) == {"sent": 1, "failed": 0}
    assert [body["id"] for body in receiver.bodies] == [f"01J{1:023}"] * 2


def test_a_receiver_that_never_answers_is_cut_off(
    settings: Settings, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The time limit is of the whole request."""
    from app.monitoring.alerts import webhook

    monkeypatch.setattr(webhook, "TIMEOUT_S", 0.5)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        here = to(settings, alert_url=f"http://127.0.0.1:{silent.getsockname()[1]}/")
        put(database, here, 1)
        begun = monotonic()
        assert deliver(here, database) == {"sent": 0, "failed": 1}
        assert monotonic() - begun < 10.0
    assert states(database)[0][3] in {
        "127.0.0.1 can't be reached: no answer in time",
        "127.0.0.1 can't be reached: the connection was cut",
    }


def test_a_secret_is_in_no_error(
    settings: Settings, database: Database, capsys: pytest.CaptureFixture[str], receiver: Hook
) -> None:
    """Neither a token in an address, nor a password, nor what a server repeats of it, is stored or logged."""
    receiver.status = 403
    with mailbox() as (box, address):
        box.code = 550
        here = to(settings, alert_url=f"{receiver.url}/s3cret", alert_mail="me@example.com", smtp_url=address)
        put(database, here, 1)
        deliver(here, database)
        errors = {error for *_, error in states(database)}
        with_password = address.replace("smtp://", "smtp://user:s3cret@")
        put(database, here, 2)
        make_due(database)
        deliver(to(settings, alert_mail="me@example.com", smtp_url=with_password), database)
    errors |= {error for *_, error in states(database)}
    assert {"127.0.0.1 answered 403", "127.0.0.1 refused the mail with 550"} <= errors
    assert "127.0.0.1 offers no TLS, and a password isn't sent without" in errors
    said = capsys.readouterr()
    assert "s3cret" not in f"{errors} {said.out} {said.err} {here!r}"


def test_what_waits_for_an_address_that_was_removed_is_given_up(settings: Settings, database: Database) -> None:
    """It would wait for ever."""
    put(database, to(settings, alert_url="http://127.0.0.1:9/"), 1)
    assert deliver(settings, database) == {"sent": 0, "failed": 0}
    assert states(database) == [("webhook", "given_up", 0, "no address is set any more")]


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0",  # noqa: S104
        "224.0.0.1", "255.255.255.255", "::1", "::", "fe80::1", "fd00::1", "ff02::1", "::ffff:127.0.0.1",
        "2002:7f00:1::", "64:ff9b::a9fe:a9fe", "::ffff:10.0.0.1",
    ],
)  # fmt: skip
def test_an_inner_address_is_known_in_every_writing(address: str) -> None:
    """Loopback, private, link-local, metadata, shared, multicast; as IPv6 too."""
    assert addresses.is_inner(address)


@pytest.mark.parametrize("address", ["93.184.216.34", "2606:2800:220:1:248:1893:25c8:1946", "64:ff9b::5db8:d822"])
def test_an_address_of_the_internet_is_none(address: str) -> None:
    """They may be sent to."""
    assert not addresses.is_inner(address)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]", "0x7f.1", "2130706433"])
def test_inner_networks_are_refused_unless_allowed(
    settings: Settings, database: Database, host: str, receiver: Hook
) -> None:
    """By name or number, before a byte is sent."""
    port = receiver.url.rpartition(":")[2]
    here = to(settings, alert_url=f"http://{host}:{port}/").model_copy(update={"alert_inner": "off"})
    put(database, here, 1)
    assert deliver(here, database) == {"sent": 0, "failed": 1}
    assert receiver.bodies == []
    error = states(database)[0][3] or ""
    assert "an address of an inner network; NEXTCLOSE_ALERT_INNER=on allows it" in error


def test_the_address_that_was_looked_at_is_the_one_connected_to(
    settings: Settings, database: Database, receiver: Hook, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A name that answers an inner address the second time isn't asked a second time."""
    answers = iter(["127.0.0.1"])
    port = int(receiver.url.rpartition(":")[2])

    def resolved(host: str, *_: object, **__: object) -> list[tuple[object, ...]]:
        address = next(answers) if host == "rebinding.example" else host
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))]

    monkeypatch.setattr(socket, "getaddrinfo", resolved)  # no name server here answers twice differently
    here = to(settings, alert_url=f"http://rebinding.example:{port}/")
    put(database, here, 1)
    assert deliver(here, database) == {"sent": 1, "failed": 0}
    assert receiver.headers[0]["Host"] == f"rebinding.example:{port}"
