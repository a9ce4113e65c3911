"""Alerts on the command line: rules, a test to a real receiver, and what became of it."""

import json

import pytest

from tests.cli.conftest import Nextclose
from tests.monitoring.alerts.receivers import hook


def test_rules_are_added_listed_and_removed(nextclose: Nextclose) -> None:
    """In words, and with an id by which one is removed; what means nothing is one line."""
    empty = nextclose("alerts")
    assert empty.code == 0
    assert "alerts go nowhere: set NEXTCLOSE_ALERT_URL" in empty.out
    assert "no rules yet" in empty.out
    made = json.loads(nextclose("alerts", "add", "move", "--symbol", "aapl", "--threshold", "0.04", "--json").out)
    assert made["when"] == "The expected move of AAPL is above 4.0\u202f%"
    assert f"{made['id']}  {made['when']}" in nextclose("alerts").out
    assert json.loads(nextclose("alerts", "--json").out) == {"webhook": None, "mail": None, "rules": [made]}
    for wrong, code in (
        (["add", "rain"], 2),
        (["add", "band", "--threshold", "0.9"], 2),
        (["add", "band", "--level", "watch"], 2),
        (["remove", "none"], 1),
    ):
        ran = nextclose("alerts", *wrong)
        assert (ran.code, ran.out, ran.err.count("\n")) == (code, "", 1)
    assert nextclose("alerts", "remove", made["id"]).code == 0
    assert json.loads(nextclose("alerts", "--json").out)["rules"] == []


def test_a_test_is_sent_and_stands_in_the_history(nextclose: Nextclose, monkeypatch: pytest.MonkeyPatch) -> None:
    """It says whether it arrived: exit code 0, or 3 where the receiver refuses; nowhere to send is wrong usage."""
    assert nextclose("alerts", "test").code == 2
    assert nextclose("alerts", "history").out == "no rule has found anything yet\n"
    monkeypatch.setenv("NEXTCLOSE_ALERT_INNER", "on")
    with hook() as receiver:
        monkeypatch.setenv("NEXTCLOSE_ALERT_URL", f"{receiver.url}/s3cret")
        sent = nextclose("alerts", "test")
        receiver.status = 500
        refused = nextclose("alerts", "test")
    assert (sent.code, sent.out) == (0, "  webhook: sent after 1 attempt\n")
    assert (refused.code, refused.out) == (3, "  webhook: waiting after 1 attempt (127.0.0.1 answered 500)\n")
    assert [body["test"] for body in receiver.bodies] == [True, True]
    history = json.loads(nextclose("alerts", "history", "--json").out)
    assert [one["deliveries"][0]["state"] for one in history] == ["waiting", "sent"]
    told = nextclose("alerts", "history", "--limit", "1").out
    assert "This is a test: alerts of Nextclose arrive here." in told
    assert "s3cret" not in nextclose("alerts").out + told
