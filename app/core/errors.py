"""The error tree: each error knows its HTTP status, its stable code and the command line's exit code.

NextcloseError
├── BadInput (2)          invalid_symbol 422 · bad_request 422 · malformed_file 422 · too_many_symbols 413
├── NotThere (1)          unknown_symbol 404 · not_found 404 · no_history 409 · no_champion 503
│                         job_running 409 · job_ended 409
├── Refused (2)           unknown_host 400 · unauthorized 401 · forbidden 403 · rate_limited 429 · overloaded 503
└── OutsideFailed (3)     source_unavailable 503 · store_unavailable 503 · tracking_unavailable 503
                          cluster_unavailable 503 · broken_artefact 503
"""

from __future__ import annotations

from typing import Any, ClassVar


class NextcloseError(Exception):
    """Root of every error raised on purpose; its text is one line for the person who asked."""

    status: ClassVar[int] = 500
    code: ClassVar[str] = "internal"
    exit_code: ClassVar[int] = 1
    retry_after_s: int | None = None

    def __init_subclass__(cls, **values: Any) -> None:
        """Take what differs from the parent's status, code, exit code and time to a retry as keywords of the class."""
        super().__init_subclass__()
        for name, value in values.items():
            setattr(cls, name, value)

    def __init__(self, detail: str, *, retry_after_s: int | None = None) -> None:
        """Keep the one-line detail, and after how many seconds a retry makes sense."""
        super().__init__(detail)
        self.detail = detail
        if retry_after_s is not None:
            self.retry_after_s = retry_after_s


class BadInput(NextcloseError, status=422, code="bad_request", exit_code=2):
    """The request itself is wrong; asking again the same way can't help."""


class InvalidSymbol(BadInput, code="invalid_symbol"):
    """The text can't be a ticker symbol."""


class MalformedFile(BadInput, code="malformed_file"):
    """An imported file isn't what its name or its header says."""


class TooManySymbols(BadInput, status=413, code="too_many_symbols"):
    """More symbols in one request than are answered at once."""


class NotThere(NextcloseError, status=404, code="not_found"):
    """The request is right; what it asks for isn't there (yet)."""


class UnknownSymbol(NotThere, code="unknown_symbol"):
    """Neither the store nor the source knows the symbol."""


class NoHistory(NotThere, status=409, code="no_history"):
    """The symbol is known, but has too few final bars for a forecast."""


class NoChampion(NotThere, status=503, code="no_champion", retry_after_s=30):
    """No model has been trained and promoted yet."""


class JobRunning(NotThere, status=409, code="job_running"):
    """A job of this kind is already running."""


class JobEnded(NotThere, status=409, code="job_ended"):
    """The run has ended: there is nothing left to cancel."""


class CheckFailed(NextcloseError, status=409, code="check_failed"):
    """A check or proof ran to its end, and its answer is no."""


class Refused(NextcloseError, status=403, code="forbidden", exit_code=2):
    """The caller may not do this, or not so often."""


class UnknownHost(Refused, status=400, code="unknown_host"):
    """The request is addressed to a name that this service doesn't go by."""


class Unauthorized(Refused, status=401, code="unauthorized"):
    """The bearer token is missing or wrong."""


class Forbidden(Refused):
    """This isn't allowed here, with or without a token."""


class RateLimited(Refused, status=429, code="rate_limited", retry_after_s=60):
    """Too many requests."""


class Overloaded(Refused, status=503, code="overloaded", retry_after_s=1):
    """More requests at once than can be answered in time."""


class OutsideFailed(NextcloseError, status=503, code="outside_failed", exit_code=3, retry_after_s=60):
    """An outside system failed: Yahoo, the database, MLflow, the cluster."""


class SourceUnavailable(OutsideFailed, code="source_unavailable"):
    """The price source can't be reached, refuses, or answers nonsense."""


class StoreUnavailable(OutsideFailed, code="store_unavailable"):
    """The database can't be opened, or is of a version that this program doesn't know."""


class TrackingUnavailable(OutsideFailed, code="tracking_unavailable"):
    """MLflow can't be reached."""


class ClusterUnavailable(OutsideFailed, code="cluster_unavailable"):
    """The cluster that trainings are handed to can't be reached, lost its workers, or runs another program."""


class BrokenArtefact(OutsideFailed, code="broken_artefact"):
    """A served model file is missing or doesn't match its hash."""
