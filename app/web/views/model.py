"""What a model version's page shows beside its card: folds, what it makes of its features, and where it came from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from app.registry.promotion.tables import DecisionRow
from app.registry.versions.card import ModelCard
from app.registry.versions.importance import Importance, importance
from app.web.edge.deps import Services
from app.web.figures.folds import Estimate, Folds, folds

BASELINES: Final = ("random_walk", "drift", "ewma")
MOST_FEATURES: Final = 20
FIGURES: Final = ("crps_skill", "crps_skill_low", "crps_skill_high")


@dataclass(frozen=True)
class Origin:
    """Where a version came from: hashes of what it read and of the code, and MLflow's run; None where none was kept."""

    data: str
    features: str
    code: str | None
    run: str | None
    link: str | None


@dataclass(frozen=True)
class ByFold:
    """Skill by fold: the drawing, and the numbers of every candidate, the version's own first."""

    drawn: Folds
    names: tuple[str, ...]
    skills: dict[str, list[Estimate]]


def by_fold(card: ModelCard, evidence: dict[str, Any]) -> ByFold | None:
    """Return the version's folds and those of the candidates beside it, best CRPS first; None without any."""
    names = tuple(card.metrics.by_fold)
    own = [tuple(getattr(one, figure) for figure in FIGURES) for one in card.metrics.by_fold.values()]
    skills: dict[str, list[Any]] = {card.name: own}
    part = evidence.get("parts", {}).get("fold", {"keys": [], "candidates": {}})
    if tuple(part["keys"]) == names:
        for row in evidence["contest"]:
            if row["name"] not in skills and row["name"] in part["candidates"]:
                columns = part["candidates"][row["name"]]
                skills[row["name"]] = list(zip(*(columns[figure] for figure in FIGURES), strict=True))
    drawn = folds(names, {name: skills[name] for name in _beside(card.name, list(skills))})
    return ByFold(drawn, names, skills) if drawn else None


def _beside(own: str, names: list[str]) -> list[str]:
    """Return who is drawn: the version, the two best others, and the best baseline, zero being the random walk."""
    others = [name for name in names if name not in (own, *BASELINES)]
    return [own, *others[:2], *[name for name in names if name in BASELINES[1:]][:1]]


def features(services: Services, card: ModelCard) -> dict[str, list[Importance]]:
    """Return the features of each part of a version, the largest share first, the first few of each."""
    found: dict[str, list[Importance]] = {}
    for one in importance(services.champion.model_of(card.version).pipeline):
        found.setdefault(one.part, []).append(one)
    return {part: ranked[:MOST_FEATURES] for part, ranked in found.items()}


def origin(services: Services, card: ModelCard, decisions: Sequence[DecisionRow]) -> Origin:
    """Return where a version came from, by its card and the decisions about it."""

    def kept(name: str) -> str | None:
        return next((str(row.evidence[name]) for row in decisions if row.evidence.get(name)), None)

    run, pages = kept("mlflow_run"), services.settings.mlflow_pages
    return Origin(
        data=card.dataset_fingerprint,
        features=card.feature_fingerprint,
        code=kept("code") or kept("proved_code"),
        run=run,
        link=f"{pages}/#/runs/{run}" if pages and run else None,
    )
