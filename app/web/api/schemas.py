"""What the API answers where that isn't a room's value type itself: snake_case, null where a number isn't known."""

from __future__ import annotations

from datetime import date
from typing import Any

from pydantic import BaseModel, Field

from app.core.public import Instant, Price
from app.jobs.plan import Upcoming
from app.jobs.timing import TimedRun
from app.prices.store import Action, EarningsDay, Revision, SymbolStatus
from app.web.predictions.outlook import Outlook
from app.web.predictions.schemas import LedgerEntry, Schema


class Symbols(Schema):
    """All stored symbols: what is known of each, and how its last refresh went."""

    symbols: list[SymbolStatus]


class Events(Schema):
    """Earnings days, oldest first."""

    events: list[EarningsDay]


class Bar(Schema):
    """One session's prices, split-adjusted."""

    session: date
    open: Price
    high: Price
    low: Price
    close: Price
    volume: int
    adj_close: Price | None


class Prices(Schema):
    """A symbol's stored bars, oldest first, with their source and age."""

    symbol: str
    source: str | None
    fetched_at: Instant | None
    sessions_behind: int | None
    bars: list[Bar]


class HeldBar(Schema):
    """A bar that failed a check, and what was decided on it: held, released, confirmed, cleared or dropped."""

    id: int
    symbol: str
    session: date
    open: Price | None
    high: Price | None
    low: Price | None
    close: Price | None
    volume: int | None
    adj_close: Price | None
    source: str
    fetched_at: Instant
    rule: str
    detail: str
    state: str
    decided_at: Instant | None


class Quarantine(Schema):
    """The bars that were kept out, newest session first; 1,000 at most."""

    bars: list[HeldBar]


class Changes(Schema):
    """What became of a symbol's prices, each newest first, 1,000 at most: actions, replaced bars, bars kept out."""

    symbol: str
    currency: str | None
    actions: list[Action]
    revisions: list[Revision]
    held: list[HeldBar]


class Indicators(Schema):
    """A symbol's technical indicators, oldest first; each row has `session` and one number per name in `columns`."""

    symbol: str
    source: str | None
    fetched_at: Instant | None
    columns: list[str]
    rows: list[dict[str, Any]]


class Ledger(Schema):
    """A page of the ledger, newest first; `cursor` asks for the next one."""

    forecasts: list[LedgerEntry]
    cursor: str | None


class Screened(Schema):
    """A page of outlooks; `found` counts all that were asked for, `stored` every symbol."""

    rows: list[Outlook]
    found: int
    stored: int


class Chance(Schema):
    """The probability that the close of the target session lies above a price."""

    prediction_id: str
    symbol: str
    as_of: date
    target_session: date
    last_close: Price
    above: float
    probability: float


class Proofs(Schema):
    """Which proofs of a version have run, and whether each held; `state` is held, failed, running or not run."""

    state: str
    ran: dict[str, bool]


class ModelBrief(Schema):
    """One stored version; `symbols` and `features` count those it learnt from."""

    version: str
    name: str
    champion: bool
    created_at: Instant
    trained_from: date
    trained_through: date
    symbols: int
    features: int
    verdict: str
    proofs: Proofs
    metrics: dict[str, Any]


class Decision(Schema):
    """What was decided on a version, and the evidence it was decided on.

    It became champion (`promotion`, `rollback`) or didn't (`refusal`), forecasts in shadow from then on (`challenge`)
    or no longer (`retirement`); the proofs that a very first champion owed hold (`proof`), or one doesn't
    (`withdrawal`).
    """

    id: int
    kind: str
    version: str
    previous_version: str | None
    reason: str
    evidence: dict[str, Any]
    decided_at: Instant


class Decisions(Schema):
    """A page of decisions, newest first; `before` asks for the older ones, null at the end."""

    decisions: list[Decision]
    before: int | None


class Models(Schema):
    """The stored versions and the newest decisions, newest first; `candidates` is the table of the champion's contest.

    `challengers` forecast in shadow beside the champion. `champion_expired` says that it learnt so long before the
    newest bar that its figures are those of younger models.
    """

    champion: str | None
    champion_expired: bool
    challengers: list[str]
    models: list[ModelBrief]
    candidates: list[dict[str, Any]]
    decisions: list[Decision]


class ModelDetail(Schema):
    """One version's card as it lies beside its files, and every decision about it."""

    champion: bool
    proofs: Proofs
    card: dict[str, Any]
    decisions: list[Decision]


class Jobs(Schema):
    """The newest runs, newest first, and when each scheduled job comes next."""

    jobs: list[TimedRun]
    upcoming: list[Upcoming]


class Watched(Schema):
    """Where a symbol stands after a change of the watchlist."""

    symbol: str
    watched: bool


class Promoted(Schema):
    """The version that is served from now on."""

    champion: str
    reason: str


class Reason(BaseModel):
    """Why a person moves the champion; kept with the decision."""

    reason: str = Field("", max_length=500)
