"""Comparison and features show what the API says, to the digit; whatever the service answers is a clear line."""

import http.server
import threading
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from pydantic import SecretStr

from admin_ui import client
from app.core.db import Database
from app.core.settings import Settings
from tests.admin_ui.test_views import opened
from tests.web.api.test_comparisons import judged
from tests.web.conftest import Build
from tests.web.serving import serve

__all__ = ["judged"]


def test_candidates_are_compared_as_the_api_compares_them(judged: str, service: str) -> None:
    """The champion beside a candidate of its contest: differences, and skill by fold, year and symbol."""
    view = opened("comparison")
    assert not view.exception
    assert view.multiselect[0].value == [judged, f"{judged}/ridge"]
    view.multiselect[0].select(f"{judged}/random_walk").run()
    assert not view.exception
    chosen = list(view.multiselect[0].value)
    said = httpx.get(f"{service}/api/models/comparison", params={"entrant": chosen}).json()["entrants"]
    shown = view.dataframe[0].value
    assert list(shown["CRPS"]) == [one["crps"] for one in said]
    assert list(shown["Behind"]) == [one["behind"] for one in said]
    assert list(shown["More than chance"]) == ["no", "no", "yes"]
    by_fold = view.dataframe[1].value
    part = httpx.get(f"{service}/api/models/{judged}/contest").json()["parts"]["fold"]
    assert list(by_fold[f"{judged}/random_walk"]) == part["candidates"]["random_walk"]["crps_skill"]
    assert list(by_fold["Piece"]) == part["keys"]
    for part_name in ("Year", "Volatility tercile", "Kind of session", "Symbol"):
        view.segmented_control[0].select(part_name).run()
        assert not view.exception


def test_only_contests_of_what_is_chosen_are_asked_for(
    judged: str, service: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another version is offered without its candidates; once it is chosen, they are too, and what was chosen stays."""
    del service
    asked: list[str] = []
    contest = client.contest
    monkeypatch.setattr(client, "contest", lambda version: asked.append(version) or contest(version))
    view = opened("comparison")
    assert set(asked) == {judged}
    assert "v1" in view.multiselect[0].options
    view.multiselect[0].select("v1").run()
    assert not view.exception
    assert set(asked) == {judged, "v1"}
    assert view.multiselect[0].value == [judged, f"{judged}/ridge", "v1"]


def test_features_are_those_of_the_api(service: str) -> None:
    """Importance, and the dependence on the feature chosen; without a report no drift, and a word why."""
    view = opened("features")
    assert not view.exception
    said = httpx.get(f"{service}/api/models/v1/importance").json()["importance"]
    shown = view.dataframe[0].value
    assert [*zip(shown["Feature"], shown["Value"], shown["Share"], strict=True)] == [
        (one["feature"], one["value"], one["share"]) for one in said
    ]
    view.selectbox[1].select("ret_5").run()
    assert not view.exception
    points = httpx.get(f"{service}/api/models/v1/dependence?feature=ret_5").json()["points"]
    assert list(view.dataframe[1].value["expected_move"]) == [one["expected_move"] for one in points]
    assert "hasn't compared the features yet" in view.info[0].value


def test_a_missing_token_is_said(
    settings: Settings, seeded: Database, build: Build, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The service refuses to start a job: one line, and which setting helps; the rest of the view stands."""
    del seeded
    with serve(build(settings.model_copy(update={"admin_token": SecretStr("s" * 20)}))) as address:
        monkeypatch.setenv("NEXTCLOSE_API_URL", address)
        view = opened("operations")
        view.button[0].click().run()
        assert not view.exception
        assert len(view.error) == 1
        assert any("NEXTCLOSE_ADMIN_TOKEN" in one.value for one in view.caption)
        assert [one.value for one in view.subheader] == ["Runs", "What comes next", "Prices", "Quarantine"]


class Odd(http.server.BaseHTTPRequestHandler):
    """Answers what no Nextclose would: JSON that is no object, an error without a detail, or nothing for a while."""

    waiting = threading.Event()

    def do_GET(self) -> None:
        """Answer by the first part of the path."""
        kind = self.path.split("/")[1]
        if kind == "slow":
            self.waiting.wait(5)
        self.send_response(500 if kind == "failing" else 200)
        self.end_headers()
        self.wfile.write(b"[1, 2]")

    def log_message(self, *_: Any) -> None:
        """Stay silent."""


@pytest.fixture
def odd(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Serve odd answers, and wait for none longer than a moment."""
    monkeypatch.setattr(client, "TIMEOUT_S", 0.3)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Odd)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    Odd.waiting.set()
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.parametrize(
    ("kind", "said"),
    [("slow", "didn't answer within"), ("failing", "the service answered 500"), ("list", "isn't Nextclose")],
)
def test_odd_answers_are_one_clear_line(odd: str, monkeypatch: pytest.MonkeyPatch, kind: str, said: str) -> None:
    """Slow, failing, or not ours: never a traceback."""
    monkeypatch.setenv("NEXTCLOSE_API_URL", f"{odd}/{kind}")
    view = opened("overview")
    assert not view.exception
    assert said in view.error[0].value


def test_an_address_that_is_none_is_one_clear_line(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever stands in the environment."""
    monkeypatch.setenv("NEXTCLOSE_API_URL", "http://[::1")
    view = opened("models")
    assert not view.exception
    assert "doesn't answer" in view.error[0].value


def test_nothing_known_is_a_dash(app: FastAPI, service: str) -> None:
    """A table never says None."""
    del app, service
    view = opened("overview")
    assert all(one.proto.placeholder == "\u2013" for one in view.dataframe)
