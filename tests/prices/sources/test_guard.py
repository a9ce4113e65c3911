"""The budget, the retries and the breaker, on a clock that the test moves."""

from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date
from functools import partial

import pytest

from app.prices.sources.guard import ASK_TIMEOUT_S, ATTEMPTS, Breaker, Guard, TokenBucket, guard_of
from app.prices.sources.protocol import Fetched, FetchFailed, Limited, NoSuchSymbol, Unreachable
from tests.prices.market import Market, bars


@dataclass
class Timer:
    """A monotonic clock that only moves when told."""

    now: float = 0.0
    slept: list[float] = field(default_factory=list)

    def __call__(self) -> float:
        """Tell the time."""
        return self.now

    def sleep(self, seconds: float) -> None:
        """Move on."""
        self.slept.append(seconds)
        self.now += seconds


@dataclass
class Guarded:
    """A market behind a guard."""

    market: Market
    guard: Guard

    def ask(self, symbol: str, start: date | None = None, attempts: int = ATTEMPTS) -> Fetched:
        """Ask for a symbol's bars."""
        return self.guard.call(symbol, partial(self.market.fetch, symbol, start, None), ASK_TIMEOUT_S, attempts)


def guard(market: Market, timer: Timer, failures: int = 5) -> Guarded:
    """Return the market behind a guard whose waits cost nothing."""
    bucket = TokenBucket(monotonic=timer)
    return Guarded(market, Guard(bucket, Breaker(failures=failures, monotonic=timer), timer.sleep))


def failing(*failures: FetchFailed) -> Market:
    """Return a market that fails with each of these once."""
    left = list(failures)
    return Market({"KO": bars("KO")}, fault=lambda _: left.pop(0) if left else None)


def test_the_bucket_lets_a_burst_through_and_then_the_rate() -> None:
    """Three at once, then two a second; a pause fills it again, not beyond the burst."""
    timer = Timer()
    bucket = TokenBucket(per_s=2, burst=3, monotonic=timer)
    assert [bucket.take() for _ in range(5)] == [0, 0, 0, 0.5, 1.0]
    timer.now = 100
    assert [bucket.take() for _ in range(4)] == [0, 0, 0, 0.5]


def test_a_passing_failure_is_retried() -> None:
    """Two broken lines, then the answer; the waits are short and grow."""
    timer, market = Timer(), failing(Unreachable("1"), Unreachable("2"))
    assert guard(market, timer).ask("KO").bars.height == bars("KO").height
    assert len(market.asked) == 3
    assert 0 < timer.slept[0] < timer.slept[1] + 1 < 6


def test_a_refusal_waits_longer() -> None:
    """After a 429 the first wait is two seconds and more."""
    timer = Timer()
    guard(failing(Limited("429")), timer).ask("KO")
    assert timer.slept[0] >= 2


def test_an_unknown_symbol_is_not_asked_twice() -> None:
    """What can't change by asking again isn't asked again."""
    timer, market = Timer(), failing(NoSuchSymbol("no"))
    with pytest.raises(NoSuchSymbol):
        guard(market, timer).ask("KO")
    assert len(market.asked) == 1


def test_after_three_attempts_the_last_failure_stands() -> None:
    """Three attempts, and no more."""
    market = failing(*(Unreachable(str(number)) for number in range(9)))
    with pytest.raises(Unreachable, match="2"):
        guard(market, Timer()).ask("KO")
    assert len(market.asked) == 3


def test_the_breaker_stops_hammering_and_says_until_when() -> None:
    """After two failures in a row nothing is asked for the pause, and each asker is told so."""
    timer, market = Timer(), failing(*(Limited("refused") for _ in range(9)))
    guarded = guard(market, timer, failures=2)
    for _ in range(3):
        with pytest.raises(Limited):
            guarded.ask("KO", attempts=1)
    assert len(market.asked) == 2
    with pytest.raises(Limited, match="not asked: refused; the next try is at") as caught:
        guarded.ask("KO", attempts=1)
    assert (caught.value.retry_after_s, caught.value.lasting) == (31, "refused")


def test_the_pause_doubles_while_trials_fail_and_ends_with_the_first_answer() -> None:
    """One trial after 30 s, the next after another 60; an answer closes the breaker, no restart needed."""
    timer, market = Timer(), failing(*(Limited("refused") for _ in range(3)))
    guarded = guard(market, timer, failures=2)
    for now, asked in [(0, 1), (0, 2), (29, 2), (31, 3), (90, 3), (92, 4), (92, 5)]:
        timer.now = now
        with suppress(Limited):
            guarded.ask("KO", attempts=1)
        assert len(market.asked) == asked, now
    assert isinstance(guarded.ask("KO"), Fetched)


def test_while_a_trial_is_out_others_wait_for_its_end() -> None:
    """After the pause one asker tries; the rest is still told to wait."""
    timer = Timer()
    breaker = Breaker(failures=1, monotonic=timer)
    breaker.failed(Limited("refused"), "KO")
    timer.now = 31
    breaker.let_through()
    with pytest.raises(Limited, match="not asked"):
        breaker.let_through()


def test_calls_under_way_when_it_opens_change_nothing() -> None:
    """Four calls that fail together make one pause, not four doublings."""
    timer = Timer()
    breaker = Breaker(failures=1, monotonic=timer)
    for _ in range(4):
        breaker.failed(Limited("refused"), "KO")
    timer.now = 31
    breaker.let_through()


def test_an_open_breaker_is_not_waited_for() -> None:
    """Who meets an open breaker is told at once; nothing is slept."""
    timer, market = Timer(), failing(Limited("refused"))
    guarded = guard(market, timer, failures=1)
    for _ in range(2):
        with pytest.raises(Limited):
            guarded.ask("KO")
    assert len(market.asked) == 1
    assert sum(timer.slept) < 5


def test_one_bad_symbol_never_closes_the_others_out() -> None:
    """Law 5: a symbol that fails for ever opens nothing; two that do speak of the source."""
    market = Market({"KO": bars("KO")}, fault=lambda symbol: Unreachable(symbol) if symbol in {"A", "B"} else None)
    guarded = guard(market, Timer(), failures=3)
    for _ in range(3):
        with pytest.raises(Unreachable):
            guarded.ask("A")
    assert guarded.ask("KO").bars.height == bars("KO").height
    for symbol in ("A", "B"):
        with pytest.raises(Unreachable):
            guarded.ask(symbol)
    with pytest.raises(Unreachable, match="not asked"):
        guarded.ask("KO")


def test_an_unknown_symbol_is_a_working_source() -> None:
    """Unknown symbols in a row don't open the breaker."""
    timer, market = Timer(), Market({"KO": bars("KO")})
    guarded = guard(market, timer, failures=1)
    for _ in range(3):
        with pytest.raises(NoSuchSymbol):
            guarded.ask("NOPE")
    assert guarded.ask("KO", date(2020, 12, 1)).bars.height == 22


def test_one_source_has_one_guard() -> None:
    """Whoever asks a source shares its budget."""
    market = failing()
    assert guard_of(market) is guard_of(market)
    assert guard_of(market) is not guard_of(failing())
