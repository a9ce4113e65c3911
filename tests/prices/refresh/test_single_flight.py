"""One flight a symbol, over threads and processes."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from threading import Barrier

import pytest

from app.core.clock import Clock, wall
from app.core.db import Database
from app.prices.refresh.run import refresh_one
from app.prices.refresh.single_flight import single_flight
from app.prices.store import sql
from tests.prices.market import Market, bars, evening


def test_who_comes_during_a_flight_waits_and_does_not_fetch(database: Database) -> None:
    """Eight threads want one symbol at once: one request, and all of them know the bars."""
    market, start = Market({"KO": bars("KO")}), Barrier(8)
    since = wall()

    def wanted(_: int) -> str:
        start.wait()
        return refresh_one(database, market, Clock(evening(date(2020, 12, 31))), "KO", since).outcome

    with ThreadPoolExecutor(8) as pool:
        outcomes = sorted(pool.map(wanted, range(8)))
    assert outcomes == ["unchanged"] * 7 + ["updated"]
    assert len(market.asked) == 1


def test_a_landed_flight_counts_for_who_began_before(database: Database) -> None:
    """Who began before the landing uses it; who begins after it flies again."""
    before = wall()
    with single_flight(database, "KO", before, wait_s=1) as ours:
        assert ours
    with single_flight(database, "KO", before, wait_s=1) as ours:
        assert not ours
    with single_flight(database, "KO", wall(), wait_s=1) as ours:
        assert ours


def test_a_failed_flight_does_not_count(database: Database) -> None:
    """A flight that ended by an error leaves the symbol to the next one."""
    before = wall()
    with pytest.raises(ZeroDivisionError), single_flight(database, "KO", before, wait_s=1):
        assert 1 / 0
    with single_flight(database, "KO", before, wait_s=1) as ours:
        assert ours


def test_a_flight_in_the_air_is_waited_for_only_so_long(database: Database) -> None:
    """A patient caller gives up after its time and is told not to fetch."""
    with (
        single_flight(database, "KO", wall(), wait_s=1) as first,
        single_flight(database, "KO", wall(), wait_s=0.15) as second,
    ):
        assert (first, second) == (True, False)


def test_the_flight_of_a_dead_process_is_over(database: Database) -> None:
    """A killed process's claim blocks nobody on its machine."""
    script = (
        "import os, sys\n"
        "from app.core.clock import wall\n"
        "from app.core.db import Database\n"
        "from app.prices.refresh.single_flight import single_flight\n"
        "with single_flight(Database(sys.argv[1]), 'KO', wall(), 1):\n"
        "    os._exit(9)\n"
    )
    url = database.url.render_as_string(hide_password=False)
    assert subprocess.run([sys.executable, "-c", script, url], check=False).returncode == 9
    with single_flight(database, "KO", wall(), wait_s=0) as ours:
        assert ours


def test_a_claim_of_elsewhere_expires(database: Database) -> None:
    """Another machine's claim is honoured until its time is over."""
    with database.write() as db:
        late = sql.instant(db, datetime.now(UTC) + timedelta(minutes=1))
        sql.run(db, "INSERT INTO flight (symbol, holder, until) VALUES ('KO', 'elsewhere/1/x', ?)", [late])
    with single_flight(database, "KO", wall(), wait_s=0) as ours:
        assert not ours
    with database.write() as db:
        over = sql.instant(db, datetime.now(UTC) - timedelta(seconds=1))
        sql.run(db, "UPDATE flight SET until = ?", [over])
    with single_flight(database, "KO", wall(), wait_s=0) as ours:
        assert ours
