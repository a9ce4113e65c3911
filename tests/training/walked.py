"""What the tests of this room hand around."""

from dataclasses import dataclass

from app.training.data.dataset import Dataset
from app.training.evaluation.evaluator import Evaluator
from app.training.walk_forward.walk_forward import FoldForecast, WalkForward


@dataclass(frozen=True)
class Walked:
    """A finished walk: its forecasts, and what the judge made of them."""

    dataset: Dataset
    walk: WalkForward
    evaluator: Evaluator
    made: list[FoldForecast]
