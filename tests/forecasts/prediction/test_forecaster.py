"""The forecaster: the next session's close, from the ledger or computed, and the laws that hold for it."""

import shutil
from collections.abc import Callable
from datetime import date, datetime, timedelta
from threading import Thread
from typing import Any

import polars as pl
import pytest

from app.core.clock import Clock
from app.core.db import Database
from app.core.errors import InvalidSymbol, NoChampion, NoHistory, UnknownSymbol
from app.core.settings import Settings
from app.forecasts.ledger import audit, records
from app.forecasts.ledger.forecast import Forecast
from app.forecasts.prediction import forecaster as module
from app.forecasts.prediction.forecaster import Forecaster
from app.prices import store
from tests.forecasts import small
from tests.forecasts.small import LAST, NOW

Put = Callable[..., None]
Promote = Callable[[Any], None]
NEXT = date(2022, 1, 3)


def at(settings: Settings, database: Database, instant: datetime) -> Forecaster:
    """Return a forecaster of another process, at another time."""
    return Forecaster(settings, database, Clock(instant))


def test_the_forecast_is_for_the_first_session_after_the_last_bar(forecaster: Forecaster) -> None:
    """Law 2: as of the last stored session, for the exchange's next one, with all that tells where it comes from."""
    made = forecaster.latest("AAA")
    assert (made.symbol, made.as_of, made.target_session) == ("AAA", LAST, NEXT)
    assert made.target_close_at.isoformat() == "2022-01-03T21:00:00+00:00"
    assert made.last_close == small.bars(("AAA",))["close"][-1]
    assert made.predicted_close == pytest.approx(made.last_close * (1 + made.predicted_return), rel=1e-12)
    assert list(made.quantiles) == sorted(made.quantiles)
    assert made.interval(0.95).lower < made.interval(0.5).lower < made.interval(0.5).upper < made.interval(0.95).upper
    assert (made.model_version, made.origin, made.source) == ("v1", "live", "file")
    assert (made.made_at, made.fetched_at) == (NOW, NOW)


def test_no_stored_close_is_ever_forecast(settings: Settings, database: Database, put: Put, promote: Promote) -> None:
    """Law 2, day by day: whenever a bar arrives, the next answer's target lies after it."""
    put(small.bars(last=date(2021, 12, 20)))
    promote(small.model())
    for day in (21, 22, 23, 27):
        session = date(2021, 12, day)
        put(small.bars(first=session, last=session))
        now = datetime.combine(session, NOW.timetz())
        made = at(settings, database, now).latest("BBB")
        with database.read() as db:
            last = store.last_bars(db, ["BBB"])["BBB"].session
        assert (made.as_of, made.origin) == (session, "live")
        assert made.target_session > last == session


def test_a_past_answer_never_changes_because_later_bars_arrived(
    settings: Settings, database: Database, put: Put, promote: Promote
) -> None:
    """Law 1: the answer of an evening is the same to the bit in a store that holds the days after it, mutated."""
    evening = date(2021, 11, 30)
    put(small.bars(last=evening))
    promote(small.model())
    now = datetime.combine(evening, NOW.timetz())
    then = at(settings, database, now).latest("CCC")

    put(small.bars(first=evening + timedelta(days=1)).with_columns(pl.col("open", "high", "low", "close") * 1000.0))
    later = at(settings, database, NOW).latest("CCC")
    assert (later.as_of, later.target_session) == (LAST, NEXT)
    with database.read() as db:
        kept = records.page(db, symbol="CCC").entries
        assert [entry.forecast.id for entry in kept] == [later.id, then.id]
        assert kept[1].forecast == then


def test_asking_twice_gives_the_same_row(forecaster: Forecaster, settings: Settings, database: Database) -> None:
    """The first question keeps the answer; later ones, in whatever process, get that one and write nothing."""
    first = forecaster.latest("AAA")
    assert forecaster.latest("AAA") == first
    assert at(settings, database, NOW + timedelta(hours=1)).latest("aaa") == first
    with database.read() as db:
        assert records.count(db) == 1


def test_a_bad_symbol_never_fails_its_neighbours(forecaster: Forecaster, put: Put) -> None:
    """Law 5: the order is kept, and each bad one gets its own error."""
    put(small.bars().filter(pl.col("symbol") == "AAA").tail(30).with_columns(symbol=pl.lit("YOUNG")))
    asked = ["AAA", "AAA;DROP", "NOBODY", "YOUNG", "DDD", "AAA"]
    answers = forecaster.latest_many(asked)
    assert [answer.symbol if isinstance(answer, Forecast) else type(answer) for answer in answers] == [
        "AAA", InvalidSymbol, UnknownSymbol, NoHistory, "DDD", "AAA",
    ]  # fmt: skip
    assert answers[0] == answers[5]


def test_without_a_champion_the_answer_says_so(settings: Settings, database: Database, put: Put) -> None:
    """Nothing is forecast before a model was promoted, and the error says when to ask again."""
    put(small.bars())
    with pytest.raises(NoChampion) as caught:
        at(settings, database, NOW).latest("AAA")
    assert caught.value.retry_after_s == 30


def test_stored_forecasts_are_served_when_all_else_is_down(
    forecaster: Forecaster, settings: Settings, database: Database
) -> None:
    """Law 6: with no source, no MLflow and no model files the ledger still answers, and says how old the answer is."""
    made = forecaster.latest("AAA")
    shutil.rmtree(settings.models_dir)
    cut_off = settings.model_copy(update={"source": "yahoo", "mlflow_uri": "http://127.0.0.1:9"})
    days_later = Forecaster(cut_off, database, Clock(NOW + timedelta(days=7)))
    answers = days_later.latest_many(["AAA", "BBB", "NOBODY"])
    assert answers[0] == made
    assert [type(answer) for answer in answers[1:]] == [NoChampion, UnknownSymbol]
    assert days_later.freshness(made).sessions_behind == 5


def test_a_new_champion_is_served_at_once(forecaster: Forecaster, promote: Promote, database: Database) -> None:
    """A promotion needs no restart; the old champion's forecast stays in the ledger."""
    old = forecaster.latest("AAA")
    promote(small.model("v2", lean=0.5))
    new = forecaster.latest("AAA")
    assert (old.model_version, new.model_version) == ("v1", "v2")
    assert new.predicted_return != old.predicted_return
    with database.read() as db:
        assert records.count(db) == 2


def test_a_split_between_two_looks_moves_the_served_prices_only(
    forecaster: Forecaster, put: Put, database: Database
) -> None:
    """The ledger keeps the prices it was made with; the answer is told on the store's present basis."""
    before = forecaster.latest("AAA")
    prices = ("open", "high", "low", "close", "adj_close")
    put(small.bars(("AAA",)).with_columns(pl.col(prices) / 4.0), NOW + timedelta(hours=1))
    after = forecaster.latest("AAA")
    assert after.id == before.id
    assert after.last_close == before.last_close / 4
    assert after.quantiles[0] == pytest.approx(before.quantiles[0] / 4, rel=1e-12)
    assert (after.predicted_return, after.prob_up) == (before.predicted_return, before.prob_up)
    with database.read() as db:
        assert records.get(db, before.id).forecast == before


def test_an_answer_made_after_its_close_is_no_live_one(
    forecaster: Forecaster, settings: Settings, database: Database
) -> None:
    """`live` means made before the target's close; what is made later is a replay, kept beside it."""
    assert at(settings, database, datetime.fromisoformat("2022-01-03T21:00:00+00:00")).latest("AAA").origin == "replay"
    assert forecaster.latest("BBB").origin == "live"


def test_age_is_counted_in_final_sessions(forecaster: Forecaster, settings: Settings, database: Database) -> None:
    """On the evening itself the forecast is fresh; two final sessions later it is two behind."""
    made = forecaster.latest("AAA")
    assert forecaster.freshness(made).stale is False
    late = at(settings, database, datetime.fromisoformat("2022-01-04T22:00:00+00:00")).freshness(made)
    assert (late.sessions_behind, late.stale) == (2, True)


def test_all_symbols_are_forecast_once(forecaster: Forecaster, database: Database) -> None:
    """`forecast_all` counts what is new; a second run finds everything done."""
    assert forecaster.forecast_all() == 4
    assert forecaster.forecast_all() == 0
    with database.read() as db:
        assert audit.verify_chain(db)[0].intact


def test_servers_are_given_time_to_see_the_next_champions_forecasts(
    forecaster: Forecaster, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where there are many new ones; what had been forecast before is known to them."""
    rested: list[float] = []
    monkeypatch.setattr(module, "sleep", rested.append)
    forecaster.prepare(small.model("v2"))
    monkeypatch.setattr(module, "FEW", 3)
    forecaster.prepare(small.model("v2"))
    assert rested == []
    forecaster.prepare(small.model("v3"))
    assert rested == [module.SEEN_S]
    with database.read() as db:
        assert [records.count(db, version=version) for version in ("v2", "v3")] == [4, 4]


def test_many_threads_get_one_answer(forecaster: Forecaster, database: Database) -> None:
    """Threads that ask at once for the same symbols get equal answers, and each is kept once."""
    answers: list[list[object]] = []
    threads = [Thread(target=lambda: answers.append(list(forecaster.latest_many(small.SYMBOLS)))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(answers) == 4
    assert all(answer == answers[0] for answer in answers)
    with database.read() as db:
        assert records.count(db) == 4


def test_nothing_is_forecast_on_half_a_market(
    settings: Settings, database: Database, put: Put, promote: Promote
) -> None:
    """While a refresh goes from symbol to symbol, the last forecast is served, and says that it is behind."""
    evening = date(2021, 12, 30)
    put(small.bars(last=evening))
    promote(small.model())
    before = at(settings, database, datetime.combine(evening, NOW.timetz())).latest("AAA")
    put(small.bars(("AAA",), first=LAST))
    under_way = [True]
    forecaster = Forecaster(settings, database, Clock(NOW), is_refreshing=lambda: under_way[0])
    assert forecaster.latest("AAA") == before
    assert forecaster.freshness(before).sessions_behind == 1
    put(small.bars(("BBB", "CCC", "DDD"), first=LAST))
    under_way[0] = False
    made = forecaster.latest("AAA")
    assert made.as_of == LAST
    whole = Forecaster(settings, database, Clock(NOW)).latest("AAA")
    assert whole == made
    with database.read() as db:
        assert records.count(db) == 2


def test_a_symbol_without_any_forecast_gets_one_during_a_refresh(
    settings: Settings, database: Database, put: Put, promote: Promote
) -> None:
    """A stranger that was just looked up has no earlier answer."""
    put(small.bars())
    promote(small.model())
    assert Forecaster(settings, database, Clock(NOW), is_refreshing=lambda: True).latest("BBB").as_of == LAST


@pytest.mark.parametrize("instant", [datetime(2021, 6, 1, tzinfo=NOW.tzinfo), NOW.replace(hour=20), NOW + timedelta(5)])
def test_live_is_only_what_was_made_between_the_two_closes(
    settings: Settings, database: Database, forecaster: Forecaster, instant: datetime
) -> None:
    """A clock that stands before the last bar's close, as a replay sets it, doesn't make a forecast live."""
    assert at(settings, database, instant).latest("AAA").origin == "replay"
    assert forecaster.latest("BBB").origin == "live"
