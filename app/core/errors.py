"""The error tree: each error knows its HTTP status, its stable code and the command line's exit code.

NextcloseError
├── BadInput (2)          invalid_symbol 422 · bad_request 422 · malformed_file 422 · too_many_symbols 413
├── NotThere (1)          unknown_symbol 404 · not_found 404 · no_history 409 · no_champion 503 · job_running 409
├── Refused (2)           unauthorized 401 · forbidden 403 · rate_limited 429 · overloaded 503
└── OutsideFailed (3)     source_unavailable 503 · store_unavailable 503 · tracking_unavailable 503
"""

from __future__ import annotations

from typing import ClassVar


class NextcloseError(Exception):
    """Root of every error raised on purpose; its text is one line for the person who asked."""

    status: ClassVar[int] = 500
    code: ClassVar[str] = "internal"
    exit_code: ClassVar[int] = 1
    retry_after_s: int | None = None

    def __init__(self, detail: str, *, retry_after_s: int | None = None) -> None:
        """Keep the one-line detail, and after how many seconds a retry makes sense."""
        super().__init__(detail)
        self.detail = detail
        if retry_after_s is not None:
            self.retry_after_s = retry_after_s


class BadInput(NextcloseError):
    """The request itself is wrong; asking again the same way can't help."""

    status = 422
    code = "bad_request"
    exit_code = 2


class InvalidSymbol(BadInput):
    """The text can't be a ticker symbol."""

    code = "invalid_symbol"


class MalformedFile(BadInput):
    """An imported file isn't what its name or its header says."""

    code = "malformed_file"


class TooManySymbols(BadInput):
    """More symbols in one request than are answered at once."""

    status = 413
    code = "too_many_symbols"


class NotThere(NextcloseError):
    """The request is right; what it asks for isn't there (yet)."""

    status = 404
    code = "not_found"


class UnknownSymbol(NotThere):
    """Neither the store nor the source knows the symbol."""

    code = "unknown_symbol"


class NoHistory(NotThere):
    """The symbol is known, but has too few final bars for a forecast."""

    status = 409
    code = "no_history"


class NoChampion(NotThere):
    """No model has been trained and promoted yet."""

    status = 503
    code = "no_champion"
    retry_after_s = 30


class JobRunning(NotThere):
    """A job of this kind is already running."""

    status = 409
    code = "job_running"


class CheckFailed(NextcloseError):
    """A check or proof ran to its end, and its answer is no."""

    status = 409
    code = "check_failed"


class Refused(NextcloseError):
    """The caller may not do this, or not so often."""

    status = 403
    code = "forbidden"
    exit_code = 2


class Unauthorized(Refused):
    """The bearer token is missing or wrong."""

    status = 401
    code = "unauthorized"


class Forbidden(Refused):
    """This isn't allowed here, with or without a token."""


class RateLimited(Refused):
    """Too many requests."""

    status = 429
    code = "rate_limited"
    retry_after_s = 60


class Overloaded(Refused):
    """More requests at once than can be answered in time."""

    status = 503
    code = "overloaded"
    retry_after_s = 1


class OutsideFailed(NextcloseError):
    """An outside system failed: Yahoo, the database, MLflow."""

    status = 503
    code = "outside_failed"
    exit_code = 3
    retry_after_s = 60


class SourceUnavailable(OutsideFailed):
    """The price source can't be reached, refuses, or answers nonsense."""

    code = "source_unavailable"


class StoreUnavailable(OutsideFailed):
    """The database can't be opened, or is of a version that this program doesn't know."""

    code = "store_unavailable"


class TrackingUnavailable(OutsideFailed):
    """MLflow can't be reached."""

    code = "tracking_unavailable"


class BrokenArtefact(OutsideFailed):
    """A served model file is missing or doesn't match its hash."""

    code = "broken_artefact"
