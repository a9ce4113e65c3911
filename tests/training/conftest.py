"""A small simulated market, walked once for all tests that only look at the outcome."""

from collections.abc import Callable

import polars as pl
import pytest

from app.core.clock import Clock
from app.core.db import Database
from app.prices import store
from app.prices.store.tables import SymbolRow
from app.training.data import simulated
from app.training.data.dataset import Dataset, prepare
from app.training.data.folds import folds
from app.training.evaluation.evaluator import Evaluator
from app.training.walk_forward.walk_forward import FoldForecast, WalkForward
from tests.training.walked import Walked


@pytest.fixture(scope="session")
def bars() -> pl.DataFrame:
    """Five simulated symbols over 640 sessions."""
    return simulated.market(3, symbols=5, sessions=640)


@pytest.fixture(scope="session")
def dataset(bars: pl.DataFrame) -> Dataset:
    """Features and targets of the small market."""
    return prepare(bars)


@pytest.fixture(scope="session")
def walked(dataset: Dataset) -> Walked:
    """Every candidate, walked over the small market."""
    walk, evaluator = WalkForward(dataset, folds(dataset)), Evaluator(dataset)
    made: list[FoldForecast] = []

    def take(one: FoldForecast) -> None:
        evaluator(one)
        made.append(one)

    walk.run(take)
    return Walked(dataset, walk, evaluator, made)


@pytest.fixture
def fill(database: Database) -> Callable[[pl.DataFrame], Database]:
    """Put bars into the test's own store, as a file import would."""

    def put(frame: pl.DataFrame) -> Database:
        now = Clock().now()
        with database.write() as db:
            for symbol in frame["symbol"].unique(maintain_order=True):
                db.add(SymbolRow(symbol=symbol, added_at=now, watched=True))
            db.flush()
            store.upsert(db, frame, "file", now)
        return database

    return put
