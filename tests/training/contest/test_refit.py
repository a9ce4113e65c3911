"""A retraining: the champion's recipe fitted again, which goes in shadow; and proofs that needn't be run twice."""

from collections.abc import Callable

import polars as pl
from sqlmodel import select

from app.core.db import Database
from app.core.settings import Settings
from app.registry.promotion import champion
from app.registry.promotion.challengers import in_shadow, loaded
from app.registry.promotion.decisions import trainings
from app.registry.promotion.tables import DecisionRow
from app.registry.promotion.tracking import MODEL
from app.registry.versions import artefact
from app.training.contest import proving
from app.training.contest.contest import of_recipe, run_contest
from app.training.contest.decision import SAME_IN_SHADOW
from app.training.proofs.proof import Proof
from tests.training.contest.test_contest import CLOCK, model
from tests.training.walked import Walked


def test_a_refit_challenges_the_champion_once(
    settings: Settings, fill: Callable[[pl.DataFrame], Database], bars: pl.DataFrame, walked: Walked
) -> None:
    """One recipe beside the random walk, in MLflow and shadow; nothing is promoted, and the same data add nothing."""
    from mlflow.tracking import MlflowClient

    database, served = fill(bars), model(walked, "random_walk")
    artefact.save(served, settings.models_dir / served.card.version)
    champion.promote(settings, database, served.card.version, "by hand", {}, CLOCK.now())
    first = run_contest(settings, database, CLOCK, recipe="volatility", at_once=False)
    again = run_contest(settings, database, CLOCK, recipe="volatility", at_once=False)
    assert {row.name for row in first.rows} == {"random_walk", "volatility"}
    assert (first.winner, first.promoted, again.promoted) == ("volatility", False, False)
    assert first.reason.startswith("in shadow; beside the champion on ")
    assert (again.version, again.reason) == (first.version, SAME_IN_SHADOW)
    with database.read() as db:
        assert in_shadow(db) == (first.version,)
        rows = db.exec(select(DecisionRow)).all()
        learnt = trainings(db)
    assert [(row.kind, row.version) for row in rows] == [
        ("promotion", served.card.version), ("challenge", first.version),
    ]  # fmt: skip
    assert (rows[1].evidence["training"], rows[1].evidence["comparison"]["better"]) == ("refit", True)
    assert [(one.through.isoformat(), one.is_contest, one.at_once) for one in learnt] == [
        (first.last_session, False, False)
    ]
    assert [one.card.version for one in loaded(settings, [first.version])] == [first.version]
    alias = MlflowClient(settings.mlflow, settings.mlflow).get_model_version_by_alias(MODEL, "challenger")
    assert alias.tags["version"] == first.version


def test_a_recipe_brings_its_parts() -> None:
    """A combination is fitted with what it adds up, and judged beside the random walk."""
    assert [one.name for one in of_recipe("xgboost")] == ["random_walk", "xgboost"]
    assert {one.name for one in of_recipe("combination")} == {
        "random_walk", "reversal", "ridge", "random_forest", "xgboost", "combination",
    }  # fmt: skip


def test_a_proof_counts_for_the_program_that_passed_it(settings: Settings, database: Database, walked: Walked) -> None:
    """Other code, other libraries, or a failure: the markets are simulated again."""
    served = model(walked, "volatility")
    artefact.save(served, settings.models_dir / served.card.version)
    passed = Proof("placebo", passed=True, details=("2 of 2",), elapsed_s=1.0)
    failed = Proof("placebo", passed=False, details=("1 of 2",), elapsed_s=1.0)
    kept = proving.evidence_of([passed], served)

    def promote(evidence: dict[str, object]) -> Proof | None:
        champion.promote(settings, database, served.card.version, "test", evidence, CLOCK.now())
        return proving._proved_before(database, served)

    assert promote({}) is None
    assert promote(proving.evidence_of([failed], served)) is None
    assert promote({**kept, "proved_code": "other"}) is None
    assert promote(kept) == passed
