"""MLflow: the only module that speaks it. Runs, metrics, artefacts, registered versions, aliases.

A contest is one parent run with a child for each candidate. The served files never come from here: a version's
registered source is the folder of `trained_models` that was hashed when it was saved.
"""

from __future__ import annotations

import logging
import os
import time
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from app.core.errors import TrackingUnavailable
from app.core.settings import Settings

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities.model_registry import ModelVersion

EXPERIMENT = "nextclose"
MODEL = "nextclose"
_BATCH = 1000
_VALUE = 500


@dataclass(frozen=True)
class RunRecord:
    """What one run leaves behind: parameters, final metrics, metrics by step, and small text files."""

    name: str
    params: Mapping[str, object] = field(default_factory=dict)
    metrics: Mapping[str, float] = field(default_factory=dict)
    steps: Sequence[Mapping[str, float]] = ()
    tags: Mapping[str, str] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)


class Tracker:
    """The record of contests in MLflow; `connect` before anything else."""

    def __init__(self, settings: Settings) -> None:
        self._uri = settings.mlflow
        self._artefacts = (settings.home / "mlflow").absolute()
        self._client: MlflowClient | None = None
        self._experiment = ""

    def connect(self, consequence: str = "training has not begun") -> MlflowClient:
        """Open MLflow's store, once; raises `TrackingUnavailable` in one line that says what follows."""
        if self._client is not None:
            return self._client
        _quiet()
        with _translate_errors(consequence):
            from mlflow.tracking import MlflowClient

            if self._uri.startswith("sqlite:///"):
                Path(self._uri.removeprefix("sqlite:///")).parent.mkdir(parents=True, exist_ok=True)
            client = MlflowClient(tracking_uri=self._uri, registry_uri=self._uri)
            self._experiment = self._experiment_of(client)
        self._client = client
        return client

    def record(self, parent: RunRecord, children: Sequence[RunRecord]) -> str:
        """Write the parent run and its children; return the parent's run id."""
        client = self.connect()
        with _translate_errors("nothing was promoted"):
            parent_id = self._write(client, parent, {})
            for child in children:
                self._write(client, child, {"mlflow.parentRunId": parent_id})
        return parent_id

    def register(self, run_id: str, version: str, source: Path, description: str) -> str:
        """Register a saved version as the challenger, once; return its number in the registry."""
        client = self.connect()
        with _translate_errors("nothing was promoted"):
            if not client.search_registered_models(f"name = '{MODEL}'"):
                client.create_registered_model(MODEL)
            entry = _registered(client, version)
            if entry is None:
                where = source.absolute().as_uri()
                tags = {"version": version}
                entry = client.create_model_version(MODEL, where, run_id=run_id, tags=tags, description=description)
            client.set_registered_model_alias(MODEL, "challenger", entry.version)
        return str(entry.version)

    def set_champion(self, version: str) -> bool:
        """Let the alias champion follow the pointer; say whether MLflow knows the version."""
        client = self.connect()
        with _translate_errors(f"version {version} is champion all the same, only the alias is missing"):
            entry = _registered(client, version)
            if entry is not None:
                client.set_registered_model_alias(MODEL, "champion", entry.version)
        return entry is not None

    def _experiment_of(self, client: MlflowClient) -> str:
        found = client.get_experiment_by_name(EXPERIMENT)
        if found is not None:
            return str(found.experiment_id)
        location = self._artefacts.as_uri() if self._uri.startswith("sqlite") else None
        return str(client.create_experiment(EXPERIMENT, artifact_location=location))

    def _write(self, client: MlflowClient, record: RunRecord, tags: dict[str, Any]) -> str:
        from mlflow.entities import Metric, Param, RunTag

        run = client.create_run(self._experiment, run_name=record.name, tags={**tags, **record.tags})
        run_id = str(run.info.run_id)
        stamp = int(time.time() * 1000)
        metrics = [Metric(key, value, stamp, 0) for key, value in record.metrics.items()]
        for step, values in enumerate(record.steps):
            metrics += [Metric(key, value, stamp, step) for key, value in values.items()]
        params = [Param(key, str(value)[:_VALUE]) for key, value in record.params.items()]
        client.log_batch(run_id, params=params, tags=[RunTag("kind", "contest")])
        for begin in range(0, len(metrics), _BATCH):
            client.log_batch(run_id, metrics=metrics[begin : begin + _BATCH])
        for name, text in record.files.items():
            client.log_text(run_id, text, name)
        client.set_terminated(run_id)
        return run_id


def _registered(client: MlflowClient, version: str) -> ModelVersion | None:
    """Return MLflow's entry of a saved version."""
    known = client.search_model_versions(f"name = '{MODEL}'")
    return next((entry for entry in known if entry.tags.get("version") == version), None)


@contextmanager
def _translate_errors(consequence: str) -> Iterator[None]:
    """Turn whatever fails in MLflow into one line that says what it means for training."""
    from mlflow.exceptions import MlflowException
    from requests.exceptions import RequestException
    from sqlalchemy.exc import SQLAlchemyError

    try:
        yield
    except (MlflowException, SQLAlchemyError, RequestException, OSError) as error:
        reason = str(error).strip().split("\n", 1)[0]
        raise TrackingUnavailable(
            f"MLflow can't be used ({reason}); {consequence}; see NEXTCLOSE_MLFLOW_URI"
        ) from error


def _quiet() -> None:
    """Switch off MLflow's usage reports before it is imported, warnings that are its own affair, and its long patience.

    By default it asks an unreachable server for minutes, and warns before each new try.
    """
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "2")
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "10")
    logging.getLogger("urllib3.connectionpool").setLevel(logging.ERROR)
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    os.environ.setdefault("MLFLOW_LOGGING_LEVEL", "WARNING")
    os.environ.setdefault("GIT_PYTHON_REFRESH", "quiet")
    warnings.filterwarnings("ignore", module=r"mlflow\..*")
