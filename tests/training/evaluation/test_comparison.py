"""The winner beside the champion: by what its card recorded, by its own newer forecasts, or not at all."""

from dataclasses import replace
from datetime import date

import numpy as np
import pytest

from app.registry.versions.card import ModelCard
from app.registry.versions.model import Model
from app.training.evaluation.comparison import Comparison, compare
from app.training.evaluation.evaluator import mondays
from tests.training.contest.test_contest import model
from tests.training.walked import Walked


def champion(walked: Walked, better_by: float = 0.0, **card: object) -> Model:
    """Return the walk's volatility model as the champion, its recorded losses or its card changed as given."""
    made = model(walked, "volatility")
    metrics = made.card.metrics
    record = {
        week: loss.model_copy(update={"crps": (1.0 - better_by) * loss.crps}) for week, loss in metrics.by_week.items()
    }
    changed = {"metrics": metrics.model_copy(update={"by_week": record}), **card}
    return Model(made.card.model_copy(update=changed), made.pipeline)


def compared(walked: Walked, winner: str, in_place: Model) -> Comparison:
    """Compare a candidate of the walk with a champion."""
    return compare(walked.dataset, walked.evaluator, winner, in_place)


def test_what_the_card_recorded_stands_for_the_champion(walked: Walked) -> None:
    """Nothing came since: every judged session counts by the record, and the same losses are no worse."""
    same = compared(walked, "volatility", champion(walked))
    assert same.better
    assert same.behind == pytest.approx(0.0, abs=1e-12)
    assert (same.recorded, same.newer) == (len(np.unique(walked.evaluator.rows("volatility").day)), 0)
    assert same.rows == len(walked.evaluator.rows("volatility"))


def test_a_winner_worse_than_the_champion_is_refused(walked: Walked) -> None:
    """Three percent behind a champion's record is more than two errors; half a percent of ten months isn't."""
    worse = compared(walked, "volatility", champion(walked, better_by=0.03))
    assert not worse.better
    assert worse.behind == pytest.approx(-np.log(0.97))
    assert compared(walked, "random_walk", champion(walked)).better
    wild = compared(walked, "random_walk", champion(walked, better_by=0.03))
    assert not wild.better
    assert (wild.behind or 0.0) > 2 * (wild.behind_error or 0.0) > 0.0


def test_newer_sessions_are_forecast_by_the_champion_itself(walked: Walked) -> None:
    """Trained up to a session, it forecasts those since then; without a record they alone count."""
    card = model(walked, "volatility").card
    early = champion(
        walked,
        trained_through=walked.dataset.session(560),
        metrics=card.metrics.model_copy(update={"by_week": {}}),
    )
    found = compared(walked, "volatility", early)
    assert found.recorded == 0
    assert 70 < found.newer < 80
    assert found.how == f"beside the champion on {found.newer} newer ones that it forecast itself"
    both = compared(walked, "volatility", champion(walked, trained_through=walked.dataset.session(560)))
    assert both.newer == found.newer
    assert both.recorded > 150


def test_weeks_whose_bars_were_changed_dont_count(walked: Walked) -> None:
    """Another number of rows, or another loss of the random walk, is another week."""
    card = model(walked, "volatility").card
    record = dict(card.metrics.by_week)
    first, second, *_ = record
    record[first] = record[first].model_copy(update={"n": record[first].n + 1})
    record[second] = record[second].model_copy(update={"crps_random_walk": 1.001 * record[second].crps_random_walk})
    changed = champion(walked, metrics=card.metrics.model_copy(update={"by_week": record}))
    whole = compared(walked, "volatility", champion(walked))
    assert 6 <= whole.recorded - compared(walked, "volatility", changed).recorded <= 10


def test_nothing_in_common_decides_nothing(walked: Walked) -> None:
    """No record and no newer session: a champion that could still forecast isn't replaced unseen."""
    blank = model(walked, "volatility").card.metrics.model_copy(update={"by_week": {}})
    found = compared(walked, "volatility", champion(walked, metrics=blank))
    assert not found.better
    assert found.how.startswith("it can't be compared with the champion: 0 of its recorded sessions")
    gone = champion(walked, metrics=blank)
    location = replace(model(walked, "ridge").pipeline.location, features=("gone",) * 3)
    unreadable = Model(gone.card, replace(gone.pipeline, location=location))
    assert compared(walked, "volatility", unreadable).how == "the champion reads gone, which no longer exists"
    assert compared(walked, "volatility", champion(walked, symbols=("OTHER",))).better


def test_a_symbol_more_or_less_leaves_the_rest_comparable(walked: Walked) -> None:
    """Only the symbols that the champion learnt are compared on; a record of more of them is of other rows."""
    rows = walked.evaluator.rows("volatility")
    card: ModelCard = model(walked, "volatility").card
    fewer = champion(walked, symbols=card.symbols[1:])
    assert compared(walked, "volatility", fewer).recorded == 0
    assert len(np.unique(rows.symbol)) == len(card.symbols)


def test_weeks_begin_on_mondays() -> None:
    """Sunday belongs to the week before; New Year's to the year before."""
    days = np.array(["2022-01-02", "2022-01-03", "2022-01-09", "1970-01-01"], dtype="datetime64[D]")
    assert mondays(days).tolist() == [date(2021, 12, 27), date(2022, 1, 3), date(2022, 1, 3), date(1969, 12, 29)]
