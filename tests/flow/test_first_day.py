"""The whole loop on the bundled sample: prices in, a contest, a forecast out, kept and scored."""

import json
from collections.abc import Iterator
from datetime import date
from typing import Any

import pytest
from sqlmodel import select

from app.core.db import Database
from app.core.settings import Settings
from app.registry.promotion.tables import DecisionRow
from tests.cli.conftest import Nextclose


@pytest.fixture
def trained(nextclose: Nextclose) -> Iterator[Nextclose]:
    """Fetch the sample and train on it."""
    fetched = nextclose("refresh", "--json")
    assert fetched.code == 0, fetched.err
    return nextclose


def test_prices_in_forecast_out(trained: Nextclose, settings: Settings) -> None:
    """From the sample to a forecast for the session after its last bar, with the random walk in the table."""
    contest = trained("train", "--json")
    assert contest.code == 0, contest.err
    table = json.loads(contest.out)
    names = {row["name"] for row in table["rows"]}
    assert {"random_walk", "drift", "ewma", "ridge", "random_forest", "xgboost"} <= names
    leakage, placebo = proofs(settings)
    assert leakage["passed"]
    assert placebo["details"][:2] == [
        "2 of 2 markets without an edge: no claim",
        "2 of 2 planted edges of 0.05 found",
    ]
    assert placebo["details"][2].endswith(" features and 5 locations know nothing")

    made = trained("predict", "AAPL", "ibm", "--json")
    assert made.code == 0, made.err
    first, second = json.loads(made.out)["predictions"]
    assert (first["symbol"], second["symbol"]) == ("AAPL", "IBM")
    assert date.fromisoformat(first["target_session"]) > date.fromisoformat(first["as_of"]) == date(2013, 3, 1)
    levels = [interval["level"] for interval in first["intervals"]]
    assert levels == [0.5, 0.8, 0.95]
    assert all(i["lower"] < first["last_close"] < i["upper"] for i in first["intervals"])
    assert first["model"]["verdict"]
    assert first["data"]["source"] == "sample"

    again = trained("predict", "AAPL", "--json")
    assert json.loads(again.out)["predictions"][0]["prediction_id"] == first["prediction_id"]

    unknown = trained("predict", "AAPL", "NOPE")
    assert unknown.code == 1
    assert "AAPL" in unknown.out
    assert "NOPE" in unknown.err

    status = json.loads(trained("status", "--json").out)
    assert status["champion"] == first["model"]["version"]
    assert status["ledger_intact"]
    assert status["proofs"] == "leakage held, placebo held"
    assert (status["forecasts"], status["replayed"]) == (0, 4 + 2012), "the sample's closes are long past"


def proofs(settings: Settings) -> list[dict[str, Any]]:
    """Return the proofs of the only promotion."""
    database = Database(settings.database)
    with database.read() as db:
        (promotion,) = db.exec(select(DecisionRow).where(DecisionRow.kind == "promotion")).all()
    database.dispose()
    found: list[dict[str, Any]] = promotion.evidence["proofs"]
    return found
