"""What the tests of this room hand around."""

from dataclasses import dataclass

from app.training.dataset import Dataset
from app.training.judging import Judge
from app.training.walk import Made, Walk


@dataclass(frozen=True)
class Walked:
    """A finished walk: its forecasts, and what the judge made of them."""

    dataset: Dataset
    walk: Walk
    judge: Judge
    made: list[Made]
