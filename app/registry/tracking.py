"""MLflow: the only module that speaks it. Runs, metrics, artefacts, registered versions, aliases."""

from __future__ import annotations

from app.core.settings import Settings


class Tracker:
    """One contest's record in MLflow."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def ready(self) -> None:
        """Open MLflow's store; raises `TrackingUnavailable` in one line, before any work is done."""
        raise NotImplementedError
