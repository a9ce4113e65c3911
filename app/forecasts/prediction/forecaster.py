"""The served forecast: from the ledger when the champion already made it, else computed now and kept."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from time import sleep
from typing import Final

from ulid import ULID

from app.core.clock import Clock, calendar
from app.core.db import Database
from app.core.errors import InvalidSymbol, NextcloseError, NoChampion, NoHistory, UnknownSymbol
from app.core.progress import Progress, silent
from app.core.public import counted
from app.core.settings import Settings
from app.features.frame import WARM
from app.forecasts.ledger import records
from app.forecasts.ledger.forecast import Forecast, Freshness, Prediction
from app.forecasts.prediction.cache import PredictionCache
from app.forecasts.prediction.situation import Situation, situations
from app.prices import store
from app.prices.store import LastBar
from app.prices.symbols import stock
from app.registry.promotion.champion import Champion
from app.registry.versions.model import Model
from app.registry.versions.stored import is_expired, sessions_since

FEW: Final = 50
"""So many symbols are forecast, and answers made of that, in a fraction of a second."""
SEEN_S: Final = 2.0
"""Within this time a server has seen forecasts of a version that isn't served yet, and made answers of hundreds."""
_ASKED_FOR_AGE: Final = 10
"""Symbols whose newest bar tells how old the champion is."""


class Forecaster:
    """Answers what the next close may be; thread-safe, one per process."""

    def __init__(
        self,
        settings: Settings,
        database: Database,
        clock: Clock,
        champion: Champion | None = None,
        is_refreshing: Callable[[], bool] = lambda: False,
    ) -> None:
        """Keep what is needed; nothing is read before the first question.

        `is_refreshing` says whether prices are being brought up to date: half of the newest session's market is missing
        then.
        """
        self._database = database
        self._is_refreshing = is_refreshing
        self._clock = clock
        self._champion = champion or Champion(settings)
        self._predictions = PredictionCache(database)
        self._exchanges: dict[str, str] = {}

    def latest(self, symbol: str) -> Forecast:
        """Return the forecast for the first session after the symbol's last final bar.

        Errors: `InvalidSymbol`, `UnknownSymbol`, `NoHistory` (too few bars), `NoChampion`.
        """
        found = self.latest_many([symbol])[0]
        if isinstance(found, NextcloseError):
            raise found
        return found

    def latest_many(self, symbols: Sequence[str], *, make: bool = True) -> list[Forecast | NextcloseError]:
        """Return one forecast or one error per symbol, in the order asked; one query of the ledger for all.

        Prices are on the basis of the store's present history, whatever has been split since the forecast was made.
        With `make`, what the ledger lacks is made. Without a champion that can be loaded, what an earlier one forecast
        as of the last bar is still the answer, unless that version was withdrawn.
        While prices are refreshed, a symbol's last forecast is, the champion's own where it made one: a forecast made
        on half a market would be kept for good.
        Errors: `NoChampion` alone is raised, where it is the answer for all.
        """
        model = self._champion.current()
        names = [_normalised(symbol) for symbol in symbols]
        asked = list(dict.fromkeys(name for name in names if isinstance(name, str)))
        last, found = self._stored(asked, model.card.version if model else None)
        missing = [symbol for symbol in last if symbol not in found]
        if missing and self._is_refreshing():
            with self._database.read() as db:
                own = records.last_of(db, missing, model.card.version) if model else {}
                found |= records.last_of(db, missing) | own
        missing = [symbol for symbol, bar in last.items() if symbol not in found and bar.bars > WARM]
        if model is not None and missing and make:
            found |= {one.symbol: one for one in self._make(model, missing)}
        if model is None and not found:
            raise _no_champion()
        return [self._answer(name, last, found, model) for name in names]

    def stored_many(self, symbols: Sequence[str], version: str | None = None) -> list[Forecast]:
        """Return what the champion, or this version, has forecast as of these symbols' last bars, computing nothing."""
        last, found = self._stored(symbols, version or self._champion.version())
        return [forecast.on_basis(last[symbol].close) for symbol, forecast in found.items()]

    def forecast_all(self, progress: Progress = silent) -> int:
        """Forecast every stored symbol that can be, keep what is new, and return how many were new."""
        model = self._champion.current()
        if model is None:
            raise _no_champion()
        progress(0.0, "forecasting")
        made = self._new(model)
        progress(1.0, counted(made, "new forecast"))
        return made

    def prepare(self, model: Model) -> None:
        """Let a version that is about to be served forecast every stored symbol, so that nobody waits for it then.

        Not while prices are refreshed: until that is through, a symbol's last forecast is its answer. Where it made
        many, servers are given the time to make answers of them.
        """
        if not self._is_refreshing() and self._new(model) > FEW:
            sleep(SEEN_S)

    def shadow_all(self, challengers: Sequence[Model], progress: Progress = silent) -> int:
        """Let challengers forecast every stored symbol unseen, beside the champion; return how many rows are new.

        Only what would be live if it were served is kept: a row that came late proves nothing.
        """
        made = 0
        for done, model in enumerate(challengers):
            progress(done / len(challengers), f"{model.card.version} forecasts in shadow")
            made += self._new(model, PredictionCache(self._database))
        progress(1.0, f"{counted(made, 'new forecast')} in shadow")
        return made

    def expired(self) -> tuple[date, int] | None:
        """Return through when the champion learnt and how many sessions ago that is, if that is too long.

        Its age is that of the newest bar of what it learnt: prices that end long ago make no model old.
        """
        model = self._champion.current()
        if model is None:
            return None
        with self._database.read() as db:
            last = store.last_bars(db, model.card.symbols[:_ASKED_FOR_AGE])
        through = model.card.trained_through
        newest = max((bar.session for bar in last.values()), default=through)
        return (through, sessions_since(through, newest)) if is_expired(through, newest) else None

    def freshness(self, forecast: Forecast) -> Freshness:
        """Say how many final sessions the forecast's last bar is behind, by the symbol's own exchange."""
        days, now = calendar(self._exchange(forecast.symbol)), self._clock.now()
        behind = days.sessions_behind(forecast.as_of, now)
        return Freshness(behind, behind > 0, *days.final_window(now))

    def situations(self, forecasts: Sequence[Forecast]) -> list[Situation]:
        """Return what stands beside each forecast, as it was known when that was made."""
        exchanges = {one.symbol: self._exchange(one.symbol) for one in forecasts}
        with self._database.read() as db:
            return situations(db, forecasts, exchanges)

    def _exchange(self, symbol: str) -> str:
        if symbol not in self._exchanges:
            with self._database.read() as db:
                self._exchanges = store.exchanges(db)
        return self._exchanges[symbol]

    def _stored(self, symbols: Sequence[str], version: str | None) -> tuple[dict[str, LastBar], dict[str, Forecast]]:
        """Return symbols' last bars, and what the ledger has as of each: a version's; without one, any that stands."""
        with self._database.read() as db:
            last = store.last_bars(db, symbols)
            return last, records.as_of(db, {symbol: bar.session for symbol, bar in last.items()}, version)

    def _answer(
        self,
        name: str | NextcloseError,
        last: Mapping[str, LastBar],
        found: Mapping[str, Forecast],
        model: Model | None,
    ) -> Forecast | NextcloseError:
        if isinstance(name, NextcloseError):
            return name
        if name in found:
            forecast, bar = found[name], last[name]
            return forecast.on_basis(bar.close) if forecast.as_of == bar.session else forecast
        with self._database.read() as db:
            try:
                bars = store.status(db, name).bars
            except UnknownSymbol as error:
                return error
        if model is None:
            return _no_champion()
        return NoHistory(
            f"{name} has {counted(bars, 'bar')}, too few for a forecast; refresh it, or ask again when it has more"
        )

    def _new(self, model: Model, shadow: PredictionCache | None = None) -> int:
        """Forecast every stored symbol, and return how many rows the ledger has more."""
        with self._database.read() as db:
            before, symbols = records.newest_seq(db), list(store.last_bars(db))
        self._make(model, symbols, shadow)
        with self._database.read() as db:
            return records.count(db, after=before, version=model.card.version)

    def _make(self, model: Model, symbols: Sequence[str], shadow: PredictionCache | None = None) -> list[Forecast]:
        """Compute what can be, and return it as it stands in the ledger; `shadow` computes for a challenger."""
        predictions = (shadow or self._predictions).of(model, symbols)
        with self._database.read() as db:
            last = store.last_bars(db, symbols)
        made_at = self._clock.now()
        forecasts = [
            _forecast(predictions[symbol], model, last[symbol], self._exchange(symbol), made_at)
            for symbol in symbols
            if symbol in predictions and symbol in last
        ]
        if shadow is not None:
            forecasts = [one.model_copy(update={"origin": "shadow"}) for one in forecasts if one.origin == "live"]
        if not forecasts:
            return []
        with self._database.write() as db:
            return records.append(db, forecasts)


def _forecast(made: Prediction, model: Model, bar: LastBar, exchange: str, made_at: datetime) -> Forecast:
    days = calendar(exchange)
    close_at = days.close_at(made.target_session)
    return Forecast(
        id=str(ULID.from_datetime(made_at)),
        **vars(made),
        target_close_at=close_at,
        model_name=model.card.name,
        model_version=model.card.version,
        trained_through=model.card.trained_through,
        verdict=model.card.verdict,
        source=bar.source,
        fetched_at=bar.fetched_at,
        origin="live" if days.close_at(made.as_of) <= made_at < close_at else "replay",
        made_at=made_at,
    )


def _no_champion() -> NoChampion:
    return NoChampion("no model has been trained yet; the first run does it, or `nextclose train`")


def _normalised(symbol: str) -> str | NextcloseError:
    try:
        return stock(symbol)
    except InvalidSymbol as error:
        return error
