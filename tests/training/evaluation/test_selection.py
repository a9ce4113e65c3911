"""The winner is the simplest that can't be told from the best, and one whose bands hold."""

from dataclasses import replace

import numpy as np

from app.registry.components.panel import Array
from app.training.evaluation.metrics import ScoredRows
from app.training.evaluation.selection import SessionSums, choose, coverage_refusal
from tests.training.evaluation.test_metrics import scored

DAYS, SYMBOLS = 500, 4
RNG = np.random.default_rng(17)
MARKET = np.repeat(1.0 + 0.3 * RNG.uniform(size=DAYS), SYMBOLS)
"""The loss that all candidates share: paired, it doesn't count."""


def candidate(more: float, spread: float = 0.0, held: Array | None = None) -> SessionSums:
    """Return a candidate whose CRPS lies so far above the market's loss, give or take by session."""
    noise = spread * RNG.standard_normal(DAYS)
    own = np.repeat(more + noise - noise.mean(), SYMBOLS)
    rows = replace(scored(days=DAYS, symbols=SYMBOLS), crps=MARKET * (1.0 + own))
    return SessionSums.of(replace(rows, inside=inside((0.5, 0.8, 0.95)) if held is None else held))


def inside(shares: tuple[float, float, float]) -> Array:
    """Return which outcomes are held, by interval, with the shares given."""
    return RNG.uniform(size=(DAYS * SYMBOLS, 3)) < np.array(shares)


def test_of_equals_the_simplest_wins() -> None:
    """Ahead by a tenth of a percent, with an error as large: luck, and luck prefers the complicated."""
    choice = choose({"plain": candidate(0.001, 0.02), "clever": candidate(0.0)})
    assert (choice.best, choice.winner) == ("clever", "plain")
    plain = choice.standing("plain")
    assert plain.among_the_best
    assert 0.0 < plain.behind < 2 * plain.behind_error
    assert str(choice).startswith("plain is the simplest within two errors of the least CRPS, clever's (0.")


def test_what_is_clearly_better_wins() -> None:
    """One percent, ten errors: the simple one isn't among the best."""
    choice = choose({"plain": candidate(0.01, 0.02), "clever": candidate(0.0)})
    assert choice.winner == "clever"
    assert not choice.standing("plain").among_the_best
    assert str(choice) == "clever has the least CRPS, and no simpler candidate is within two errors of it"


def test_bands_that_dont_hold_refuse_whatever_the_loss() -> None:
    """Three points too many at one level: refused, and not what the others are compared with."""
    wide = candidate(-0.05, held=inside((0.5, 0.85, 0.95)))
    choice = choose({"plain": candidate(0.0), "wide": wide, "worse": candidate(0.02)})
    assert (choice.best, choice.winner) == ("plain", "plain")
    assert choice.standing("wide").refused.startswith("its 80 % band holds 8")
    assert "; wide: its 80 % band holds " in str(choice)
    assert choose({"wide": wide}).winner == "wide"


def test_bands_that_fail_on_events_are_passed_over() -> None:
    """The simpler one's 95 % band holds 62 % of results days: one that holds is taken before it, if there is one."""
    candidates = {"plain": candidate(0.0), "aware": candidate(0.001, 0.02)}
    blind, aware = candidate(0.0, held=inside((0.5, 0.42, 0.62))), candidate(0.0, held=inside((0.5, 0.77, 0.94)))
    assert choose(candidates).winner == "plain"
    choice = choose(candidates, {"plain": blind, "aware": aware})
    assert choice.winner == "aware"
    assert choice.standing("plain").passed_over.startswith("on event sessions its 80 % band holds 4")
    assert not choice.standing("plain").refused
    assert choose(candidates, {"plain": blind, "aware": blind}).winner == "plain"


def test_chance_refuses_nothing() -> None:
    """Of 300 candidates whose bands hold in truth, with whole sessions missed together, hardly one is refused."""
    refused = 0
    for _ in range(300):
        together = np.repeat(RNG.uniform(size=(250, 1)), 3, axis=1) < (0.5, 0.8, 0.95)
        rows = replace(scored(days=250), inside=np.repeat(together, SYMBOLS, axis=0))
        refused += bool(coverage_refusal(SessionSums.of(rows)))
    assert refused <= 3


def test_few_sessions_refuse_nothing_and_all_inside_is_refused() -> None:
    """A hundred sessions are too few; of five hundred that all hold, the 50 % band holds twice too many."""
    always: ScoredRows = scored(days=100)
    assert coverage_refusal(SessionSums.of(always)) == ""
    assert coverage_refusal(SessionSums.of(scored(days=500))).startswith("its 50 % band holds 100.0 %")


def test_sums_before_a_session_know_nothing_later() -> None:
    """What a backtest chooses by in a fold."""
    sums = candidate(0.0).before(100)
    assert sums.session.tolist() == list(range(100))
    assert len(sums.rows) == len(sums.crps) == len(sums.inside) == 100
