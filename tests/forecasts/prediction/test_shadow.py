"""In shadow: challengers forecast beside the champion, are scored as it is, and no reader sees them."""

from collections.abc import Callable
from datetime import datetime, timedelta

import polars as pl

from app.core.clock import Clock
from app.core.db import Database
from app.core.settings import Settings
from app.forecasts.ledger import audit, records
from app.forecasts.ledger.scoring import score_due
from app.forecasts.ledger.track_record import track_record
from app.forecasts.prediction.forecaster import Forecaster
from app.registry.versions.model import Model
from tests.forecasts import small

EVENING = datetime.combine(small.LAST - timedelta(days=1), small.NOW.timetz())


def test_a_challenger_forecasts_unseen(
    settings: Settings, database: Database, put: Callable[..., None], promote: Callable[[Model], None]
) -> None:
    """Both are kept and scored; the answer, the record and the last forecasts are the champion's alone."""
    put(small.bars(last=EVENING.date()), EVENING)
    promote(small.model())
    evening = Forecaster(settings, database, Clock(EVENING))
    challenger = small.model("v2", lean=0.5)
    assert (evening.forecast_all(), evening.shadow_all([challenger])) == (4, 4)
    assert (evening.forecast_all(), evening.shadow_all([challenger])) == (0, 0)
    assert {evening.latest(symbol).model_version for symbol in small.SYMBOLS} == {"v1"}
    with database.read() as db:
        assert {one.model_version for one in records.last_of(db, small.SYMBOLS).values()} == {"v1"}

    put(small.bars(first=small.LAST))
    assert score_due(database, Clock(small.NOW)) == 8
    with database.read() as db:
        shown, hidden = records.page(db).entries, records.page(db, origin="shadow").entries
        assert [record.n for record in (track_record(db), track_record(db, origin="shadow"))] == [4, 4]
        assert all(report.intact for report in audit.verify_chain(db))
    assert [{entry.forecast.model_version for entry in page} for page in (shown, hidden)] == [{"v1"}, {"v2"}]
    mine, theirs = ({entry.forecast.symbol: entry.score for entry in page} for page in (shown, hidden))
    assert all(theirs[symbol].realised_close == mine[symbol].realised_close for symbol in small.SYMBOLS)
    assert all(theirs[symbol].crps != mine[symbol].crps for symbol in small.SYMBOLS)


def test_what_came_late_is_not_kept_in_shadow(
    settings: Settings, database: Database, put: Callable[..., None], promote: Callable[[Model], None]
) -> None:
    """After the target's close a challenger's forecast proves nothing."""
    put(small.bars())
    promote(small.model())
    late = Forecaster(settings, database, Clock(small.NOW + timedelta(days=7)))
    assert late.shadow_all([small.model("v2")]) == 0


def test_a_promoted_challenger_answers_from_then_on(
    settings: Settings, database: Database, put: Callable[..., None], promote: Callable[[Model], None]
) -> None:
    """Its forecast in shadow is no answer: as champion it makes one of its own, the same to the bit."""
    put(small.bars())
    promote(small.model())
    forecaster, challenger = Forecaster(settings, database, Clock(small.NOW)), small.model("v2", lean=0.5)
    forecaster.forecast_all()
    forecaster.shadow_all([challenger])
    promote(challenger)
    made = forecaster.latest("AAA")
    with database.read() as db:
        shadow = next(e.forecast for e in records.page(db, symbol="AAA", origin="shadow").entries)
    assert (made.origin, made.model_version) == ("live", "v2")
    same = pl.Series([made.prob_up, *made.quantiles]) == pl.Series([shadow.prob_up, *shadow.quantiles])
    assert same.all()
