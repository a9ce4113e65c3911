"""The contest as a story: from bars in the store to a champion on disk, in MLflow, and in the decisions."""

import json
from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, datetime

import polars as pl
import pytest
from sqlmodel import select

from app.core.clock import Clock
from app.core.db import Database
from app.core.errors import NoHistory, TrackingUnavailable
from app.core.settings import Settings
from app.registry.promotion.champion import Champion
from app.registry.promotion.proofs import proofs_of
from app.registry.promotion.tables import DecisionRow
from app.registry.versions.model import Model
from app.training.contest import report
from app.training.contest.contest import run_contest
from app.training.contest.decision import Decision
from app.training.contest.report import Contestant
from app.training.proofs.proof import Proof
from tests.training.walked import Walked

CLOCK = Clock(datetime(2012, 8, 1, 12, tzinfo=UTC))
HELD = Proof("leakage", passed=True, details=("it holds",), elapsed_s=0.1)


def test_a_contest_makes_a_champion_once(
    settings: Settings, fill: Callable[[pl.DataFrame], Database], bars: pl.DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first contest promotes its winner with the evidence; the same data again gives the same version and table.

    The proofs are stood in for: the flow's first day runs both before a promotion.
    """
    monkeypatch.setattr(Decision, "_prove", lambda *_: [HELD])
    database = fill(bars)
    messages: list[str] = []
    first = run_contest(settings, database, CLOCK, lambda _, message: messages.append(message))
    second = run_contest(settings, database, CLOCK)

    assert first.promoted
    assert not second.promoted
    assert (first.version, first.winner, first.verdict) == (second.version, second.winner, second.verdict)
    assert [row.score for row in first.rows] == [row.score for row in second.rows]
    assert {"random_walk", "drift", "ridge", "random_forest", "xgboost"} <= {row.name for row in first.rows}
    document = json.loads(json.dumps(first.as_dict()))
    assert document["winner"] == first.winner
    assert document["choice"].startswith(first.winner)
    for row, line in zip(first.rows, document["rows"], strict=True):
        assert (line["name"], line["crps"]) == (row.name, row.score.crps)
        assert {"behind", "behind_error", "refused"} < set(line)
    assert any(message.startswith("fold ") for message in messages)

    champion = Champion(settings).current()
    assert champion is not None
    assert champion.card.version == first.version
    with database.read() as db:
        decisions = db.exec(select(DecisionRow)).all()
    assert [(row.kind, row.version) for row in decisions] == [("promotion", first.version)]
    assert decisions[0].evidence["proofs"] == [{**asdict(HELD), "details": ["it holds"]}]
    _check_mlflow(settings, first.version)


def test_a_very_first_champion_is_handed_over_before_proofs_and_mlflow(
    settings: Settings, fill: Callable[[pl.DataFrame], Database], bars: pl.DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where a first run asks for it: served with its out-of-fold rows, then proved, then recorded in MLflow."""
    database, seen = fill(bars), []

    def prove(_: Decision, model: Model) -> list[Proof]:
        """Stand in for the proofs, which another story runs: they find the winner served and owing."""
        with database.read() as db:
            assert proofs_of(db, [model.card.version])[model.card.version].owed
        seen.append("proofs")
        return [HELD]

    def serve(version: str, rows: pl.DataFrame) -> None:
        assert not (settings.home / "mlflow.db").exists()
        current = Champion(settings).current()
        seen.append(version if current is not None and current.card.version == version else "nobody")
        assert rows.height > 1000

    monkeypatch.setattr(Decision, "_prove", prove)
    result = run_contest(settings, database, CLOCK, serve_first=serve)
    assert seen == [result.version, "proofs"]
    assert (result.promoted, result.reason) == (True, "its proofs hold, which ran after it was served")
    with database.read() as db:
        decisions = db.exec(select(DecisionRow)).all()
    assert [row.kind for row in decisions] == ["promotion", "proof"]
    assert decisions[0].evidence["contest"][0]["name"]
    _check_mlflow(settings, result.version, contests=1)


def _check_mlflow(settings: Settings, version: str, contests: int = 2) -> None:
    """One parent run a contest with a child a candidate, one registered version, and both aliases on it."""
    from mlflow.tracking import MlflowClient

    client = MlflowClient(tracking_uri=settings.mlflow, registry_uri=settings.mlflow)
    experiment = client.get_experiment_by_name("nextclose")
    runs = client.search_runs([experiment.experiment_id])
    parents = [run for run in runs if "mlflow.parentRunId" not in run.data.tags]
    assert (len(parents), len(runs)) == (contests, 10 * contests)
    ridge = next(run for run in runs if run.data.params.get("name") == "ridge")
    assert len(client.get_metric_history(ridge.info.run_id, "crps")) > 2
    assert {file.path for file in client.list_artifacts(parents[0].info.run_id)} >= {"table.json", "card.json"}
    assert len(client.search_model_versions("name = 'nextclose'")) == 1
    assert client.get_model_version_by_alias("nextclose", "champion").tags["version"] == version


def test_training_stops_before_it_starts_without_mlflow(
    settings: Settings, fill: Callable[[pl.DataFrame], Database], bars: pl.DataFrame
) -> None:
    """A tracking store that can't be opened is one line, and nothing was done."""
    broken = settings.model_copy(update={"mlflow_uri": "sqlite:////proc/nowhere/mlflow.db"})
    with pytest.raises(TrackingUnavailable, match="training has not begun"):
        run_contest(broken, fill(bars), CLOCK)
    assert not settings.models_dir.exists()


def test_an_empty_store_has_nothing_to_learn_from(settings: Settings, database: Database) -> None:
    """No bars: one line says what to do, at once, without MLflow."""
    with pytest.raises(NoHistory, match="nextclose refresh"):
        run_contest(settings, database, CLOCK)
    assert not (settings.home / "mlflow.db").exists()


def model(walked: Walked, name: str) -> Model:
    """Return a candidate of the walk as a model with a card."""
    candidate = next(one for one in walked.walk.candidates if one.name == name)
    contestant = Contestant(
        candidate, walked.walk.fitted[name], walked.evaluator.metrics(name), walked.walk.out_of_fold[name]
    )
    return report.model_of(contestant, walked.dataset, "no point skill shown", 9, 63, CLOCK.now())


def test_a_version_is_named_for_what_it_is(walked: Walked) -> None:
    """Its last session and a hash of its numbers: the same numbers have the same name, others have not."""
    names = {name: model(walked, name).card.version for name in ("volatility", "ridge", "ewma")}
    assert len(set(names.values())) == 3
    assert names["ridge"] == model(walked, "ridge").card.version
    assert names["ridge"].startswith("20120717-")
