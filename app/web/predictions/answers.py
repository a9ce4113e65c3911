"""Ready answers: each symbol's newest forecast as the bytes of its JSON, until something that it rests on changes.

An answer rests on the champion's pointer and proofs, the symbol's final bars and earnings days, the ledger's rows of
the symbol, the market's series, and the clock (from the instant at which another bar is final it says so). Each look
asks whether something was committed or the pointer moved, which costs microseconds and reads no row; only then is
looked which symbols are concerned.

While prices are refreshed a symbol's last forecast is its answer, for as long as the refresh is seen to live: each
commit tells its end, and a death without a word is noticed within `ALIVE_S`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from threading import Lock
from time import monotonic
from typing import Annotated, cast

from fastapi import Depends, Request

from app.core.errors import NextcloseError, NoHistory, StoreUnavailable
from app.forecasts.ledger import records
from app.forecasts.ledger.forecast import Forecast
from app.jobs import runs
from app.prices import store
from app.prices.symbols import is_series
from app.registry.promotion.decisions import withdrawn
from app.web.edge.deps import Services
from app.web.predictions.snapshot import Answer, Common, Snapshot, written
from app.web.predictions.standby import Standby

ALIVE_S = 1.5
"""A refresh that was seen to live is taken to live for so long."""


class Answers:
    """One process's ready answers; safe to share between threads."""

    def __init__(self, services: Services) -> None:
        """Keep the services; nothing is read before the first question."""
        self._services = services
        self._lock = Lock()
        self._seen: object = None
        self._looks = 0
        self._alive_until = 0.0
        self._snapshot = Snapshot()
        self._standby = Standby()
        self._prepared: dict[str, int] = {}
        self.making: bool | None = None
        """Whether a job makes forecasts that are missing; None where whoever asks for one makes it."""

    def ready(self, symbol: str, snapshot: Snapshot | None = None) -> Answer | None:
        """Return a symbol's answer if it is ready, in this snapshot or now, and true at this instant."""
        answer = (snapshot or self.snapshot()).answers.get(symbol)
        return answer if answer is not None and self._is_true(answer) else None

    def ready_many(self, symbols: Sequence[str]) -> list[Answer | NoHistory | None]:
        """Return for each symbol its answer, or why it can't have one, if that is ready and true at this instant."""
        now, at, lives = self.snapshot(), self._services.clock.now(), self._lives()
        true = {symbol: one for symbol in symbols if (one := now.answers.get(symbol)) and one.is_true(at, lives=lives)}
        return [true.get(symbol) or now.too_short.get(symbol) for symbol in symbols]

    def snapshot(self) -> Snapshot:
        """Return what is ready on the store and champion as they are now."""
        try:
            if self._state() != self._seen:
                with self._lock:
                    seen = self._state()
                    if seen != self._seen:  # else another thread has looked meanwhile
                        self._look()
                        self._seen = seen
        except StoreUnavailable:
            pass  # what is ready is still the answer; the rest is asked of the store, which says what is wrong
        return self._snapshot

    def _state(self) -> object:
        """Return what differs after each commit and each move of the pointer."""
        return self._services.database.commits.count(), self._services.champion.state()

    def fill(self, texts: Sequence[str], *, make: bool = True) -> list[Answer | NextcloseError]:
        """Return an answer or an error for each text, in order, and keep the answers ready.

        A forecast that had to be made is a new row of the ledger, on which its answer then rests: hence the second try.
        Without `make` none is, and the error of a symbol whose forecast is missing is `NoHistory` too.
        Errors: `NoChampion` alone is raised, where it is the answer for all.
        """
        answers: dict[str, Answer] = {}
        for _ in range(2):
            before = self.snapshot()
            found = self._services.forecaster.latest_many(texts, make=make)
            made, common = [one for one in found if isinstance(one, Forecast)], before.common
            answers = written(self._services, made, common.version, common.owing)
            refused = {text: one for text, one in zip(texts, found, strict=True) if make and isinstance(one, NoHistory)}
            # Under the symbol's own name only: its spellings are without number.
            if self._keep(before, answers, {text: refused[text] for text in refused.keys() & before.versions.keys()}):
                break
        return [answers[one.symbol] if isinstance(one, Forecast) else one for one in found]

    def prepare(self, most: int = 20) -> bool:
        """Make some answers ready that the ledger holds, computing no forecast; say whether more may be left.

        First those of the champion, then those of a version that forecast without being served yet.
        """
        before = self.snapshot()
        if before.has_provisional:
            with self._lock:
                self._see_refresh()
        missing = [symbol for symbol in before.versions if self._is_due(before, symbol)][:most]
        if not missing:
            return self._prepare_coming(before, most)
        version, owing = before.common.version, before.common.owing
        found = self._services.forecaster.stored_many(missing)
        self._keep(before, written(self._services, found, version, owing))
        self._prepared |= {symbol: before.stamp(symbol) for symbol in missing}
        return len(missing) == most

    def _prepare_coming(self, before: Snapshot, most: int) -> bool:
        version = self._standby.coming
        if version is None:
            return False
        owed = self._services.owes(version)
        symbols = [one for one in before.versions if not is_series(one)]
        with self._lock:
            missing = self._standby.missing(version, before, symbols, owed=owed)[:most]
        if not missing:
            return False
        found = self._services.forecaster.stored_many(missing, version)
        built = written(self._services, found, version, version if owed else None)
        now = self.snapshot()
        with self._lock:
            if (now.newest_seq, self._standby.coming) == (before.newest_seq, version):
                self._standby.keep(version, before, {**dict.fromkeys(missing), **built}, owed=owed)
        return len(missing) == most

    def missing(self) -> list[str]:
        """Return the stored symbols that have no answer, and aren't known to be without one."""
        now = self.snapshot()
        return [
            one for one in now.versions if one not in now.answers and one not in now.too_short and not is_series(one)
        ]

    def grounds(self) -> object:
        """Return what differs after each change of prices, earnings days or the champion."""
        now = self.snapshot()
        return now.common, now.prices

    def _is_due(self, snapshot: Snapshot, symbol: str) -> bool:
        """Say whether a symbol's answer should be made ready: it is none yet, or the clock went past it."""
        answer = snapshot.answers.get(symbol)
        if answer is None:
            return self._prepared.get(symbol) != snapshot.stamp(symbol)
        return not answer.provisional and not self._is_true(answer)

    def _is_true(self, answer: Answer) -> bool:
        return answer.is_true(self._services.clock.now(), lives=self._lives())

    def _see_refresh(self) -> None:
        """Look whether a refresh lives; under the lock, so that no earlier look's word comes after a later one's."""
        self._alive_until = monotonic() + ALIVE_S if runs.is_refreshing(self._services.database) else 0.0

    def _lives(self) -> bool:
        return monotonic() < self._alive_until

    def _look(self) -> None:
        """Find out what changed since the last look, and drop the answers that rest on it."""
        old, version, owing = self._snapshot, self._services.champion.version(), self._services.owing()
        with self._services.database.read() as db:
            prices, newest = store.data_version(db), records.newest_seq(db)
            versions = old.versions if prices == old.prices else store.symbol_versions(db)
            made = records.made_after(db, old.newest_seq) if 0 <= old.newest_seq < newest else set()
            series = frozenset(one for one in versions.items() if is_series(one[0]))
            fallen = frozenset(withdrawn(db) if version is None else ())
            is_open = runs.is_refresh_open(db)
        self._looks += 1
        new = Snapshot(Common(version, series, owing, fallen), prices, newest, versions, old.stamps, old.cleared)
        if not is_open:
            self._alive_until = 0.0
        elif not self._lives() and (old.has_provisional or new.repriced(old)):
            self._see_refresh()
        self._snapshot = self._after(old, new, made)
        self._standby.see(made, version)

    def _after(self, old: Snapshot, new: Snapshot, made: set[tuple[str, str]]) -> Snapshot:
        """Return the new snapshot with what is still ready; `made` are new forecasts' symbols and versions."""
        version = new.common.version
        if not 0 <= old.newest_seq <= new.newest_seq:
            self._standby = Standby()
            return replace(new, cleared=self._looks)
        if new.common != old.common:
            ready = self._standby.swap(old, new) if version != old.common.version else {}
            ready = {symbol: one for symbol, one in ready.items() if (symbol, version) not in made}
            return replace(new, cleared=self._looks, answers=ready)
        own, repriced = {symbol for symbol, its in made if version in {None, its}}, new.repriced(old)
        stamps = {**old.stamps, **dict.fromkeys(own | repriced, self._looks)}
        too_short = old.too_short if new.prices == old.prices else {}
        answers = self._kept(old, {symbol for symbol, _ in made}, own, repriced)
        return replace(new, stamps=stamps, answers=answers, too_short=too_short)

    def _kept(self, old: Snapshot, made: set[str], own: set[str], repriced: set[str]) -> dict[str, Answer]:
        """Return the answers that still are: of symbols without another price or another forecast by the champion.

        While prices are refreshed, one that was given a newer bar keeps its answer until its forecast is made.
        """
        lives, ahead = self._lives(), set[str]()
        if lives and (concerned := repriced & old.answers.keys()):
            with self._services.database.read() as db:
                last = store.last_bars(db, list(concerned))
            ahead = {one for one, bar in last.items() if bar.session > old.answers[one].forecast.as_of}
        return {
            symbol: replace(one, provisional=True) if symbol in ahead else one
            for symbol, one in old.answers.items()
            if symbol not in (made if one.provisional else own)
            and (symbol in ahead or symbol not in repriced)
            and (lives or not one.provisional)
        }

    def _keep(
        self, before: Snapshot, answers: Mapping[str, Answer], too_short: Mapping[str, NoHistory] | None = None
    ) -> bool:
        """Keep the answers whose grounds are still those of `before`; say whether these were all."""
        self.snapshot()
        with self._lock:
            if any(one.provisional for one in answers.values()):
                self._see_refresh()
            now, lives = self._snapshot, self._lives()
            kept = {
                symbol: one
                for symbol, one in answers.items()
                if before.stamp(symbol) == now.stamp(symbol) and (lives or not one.provisional)
            }
            same = (before.prices, before.cleared) == (now.prices, now.cleared)
            refused = {**now.too_short, **(too_short or {})} if same else now.too_short
            self._snapshot = replace(now, answers={**now.answers, **kept}, too_short=refused)
        return len(kept) == len(answers)


async def get_answers(request: Request) -> Answers:
    """Return the process's ready answers."""
    return cast("Answers", request.app.state.answers)


AnswersDep = Annotated[Answers, Depends(get_answers)]
"""A route's parameter of this type gets them."""
