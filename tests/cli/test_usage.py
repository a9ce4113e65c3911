"""What the command line says when nothing is there yet, or when it is asked wrongly."""

import json
import subprocess
import sys
from datetime import date
from pathlib import Path

import pytest
from yfinance.exceptions import YFPricesMissingError

from app.cli.prices import _told
from app.core.clock import calendar
from app.prices.outcomes import RefreshReport, common
from app.prices.sources.yahoo import failure_of
from tests.cli.conftest import Nextclose

HEAVY = ("mlflow", "xgboost", "sklearn", "yfinance", "pandas", "exchange_calendars", "fastapi", "polars", "sqlalchemy")


def test_help_loads_nothing_heavy() -> None:
    """`--help` answers at once, because no library that costs time is imported for it, and cuts no line short."""
    program = (
        "import sys; sys.argv = ['nextclose', '--help']\n"
        "from app.cli import main\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        f"print([name for name in {HEAVY} if name in sys.modules], file=sys.stderr)"
    )
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert "predict" in ran.stdout
    assert "..." not in ran.stdout.partition("Commands:")[2]
    assert ran.stderr.strip() == "[]"


def test_predict_without_a_champion_says_what_to_do(nextclose: Nextclose) -> None:
    """Before the first training there is nothing to predict with: exit code 1, one line."""
    ran = nextclose("predict", "AAPL")
    assert (ran.code, ran.out) == (1, "")
    assert ran.err.count("\n") == 1
    assert "nextclose train" in ran.err


@pytest.mark.parametrize("symbol", ["AAPL;DROP", "../etc", "A" * 40, "ÄÖ", ""])
def test_a_text_that_is_no_symbol_is_wrong_usage(nextclose: Nextclose, symbol: str) -> None:
    """Exit code 2 and one line, before anything is opened."""
    ran = nextclose("predict", symbol)
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.count("\n") == 1


def test_a_wrong_setting_is_one_line(nextclose: Nextclose, monkeypatch: pytest.MonkeyPatch) -> None:
    """The variable is named; there is no traceback."""
    monkeypatch.setenv("NEXTCLOSE_SCHEDULER", "maybe")
    ran = nextclose("status")
    assert ran.code == 2
    assert ran.err == "nextclose: NEXTCLOSE_SCHEDULER: Input should be 'on' or 'off'\n"


@pytest.mark.parametrize("url", ["me:s3cret@db/store", "db/store?user=me&password=s3cret", "me:s3cret@db:x/store"])
def test_settings_mask_secrets(nextclose: Nextclose, monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    """Neither the token nor a database password is printed, wherever it stands in the URL."""
    monkeypatch.setenv("NEXTCLOSE_ADMIN_TOKEN", "s3cret")
    monkeypatch.setenv("NEXTCLOSE_DATABASE_URL", f"postgresql://{url}")
    text, document = nextclose("settings"), nextclose("settings", "--json")
    assert "s3cret" not in text.out + document.out
    assert json.loads(document.out)["NEXTCLOSE_ADMIN_TOKEN"] == "***"


@pytest.mark.sqlite
def test_a_store_that_cannot_be_written_is_an_outside_failure(nextclose: Nextclose, tmp_path: Path) -> None:
    """A file where the folder should be: exit code 3, one line."""
    (tmp_path / "var").write_text("in the way")
    ran = nextclose("status")
    assert (ran.code, ran.err.count("\n")) == (3, 1)
    assert "NEXTCLOSE_HOME" in ran.err


def test_status_of_an_empty_store(nextclose: Nextclose) -> None:
    """Nothing is there yet, and that is said without an error."""
    ran = nextclose("status", "--json")
    found = json.loads(ran.out)
    assert ran.code == 0
    assert (found["bars"], found["champion"], found["forecasts"], found["proofs"]) == (0, None, 0, None)


def test_watchlist_is_seeded_shown_and_changed(nextclose: Nextclose) -> None:
    """A new store watches the names in the settings; adding and removing keeps the order."""
    assert json.loads(nextclose("symbols", "--json").out)[0]["symbol"] == "AAPL"
    assert nextclose("symbols", "add", "brk-b", "KO").code == 0
    assert nextclose("symbols", "remove", "AAPL").code == 0
    watched = [row["symbol"] for row in json.loads(nextclose("symbols", "--json").out)]
    assert "BRK-B" in watched
    assert "AAPL" not in watched
    assert watched.count("KO") == 1


def test_removing_what_was_never_there(nextclose: Nextclose) -> None:
    """A symbol that the store doesn't know can't be removed from the list."""
    ran = nextclose("symbols", "remove", "NOPE")
    assert ran.code == 1
    assert "NOPE" in ran.err


def test_training_without_prices_says_what_to_do(nextclose: Nextclose) -> None:
    """An empty store can't train: exit code 1, one line with the way out."""
    ran = nextclose("train")
    assert ran.code == 1
    assert "nextclose refresh" in ran.err or "nextclose import" in ran.err


def test_doctor_finds_a_broken_bar_and_lists_what_is_held(nextclose: Nextclose, tmp_path: Path) -> None:
    """A clean store passes; a bar that fails a check is held, listed, and dropped by hand."""
    rows = [f"{day:%Y-%m-%d},10,10.5,9.5,10.{day.day:02d},1000" for day in sessions(30)]
    rows[20] = rows[20].replace(",10,10.5", ",10,8.5")
    (tmp_path / "ACME.csv").write_text("date,open,high,low,close,volume\n" + "\n".join(rows))
    assert "quarantined as ohlc_order" in nextclose("import", "ACME.csv").out
    listed = nextclose("doctor", "data")
    assert listed.code == 0, listed.out
    assert "ohlc_order ACME" in listed.out
    assert nextclose("doctor", "--drop", "1").out == "released 0, dropped 1\n"
    assert "ohlc_order" not in nextclose("doctor", "data").out
    assert nextclose("doctor", "--drop", "7").code == 1


def sessions(count: int) -> tuple[date, ...]:
    """Return some sessions of New York."""
    return calendar().between(date(2021, 1, 4), date(2021, 12, 31))[:count]


def test_a_folder_is_no_backtest(nextclose: Nextclose, tmp_path: Path) -> None:
    """It is told before minutes of work, not after."""
    ran = nextclose("backtest", "--out", str(tmp_path))
    assert ran.code == 2
    assert "is a directory" in ran.err
    assert "Traceback" not in ran.err


def test_status_lists_the_versions(nextclose: Nextclose) -> None:
    """Errors of `promote` send people there."""
    assert json.loads(nextclose("status", "--json").out)["versions"] == []


def test_an_empty_store_is_worth_a_look(nextclose: Nextclose) -> None:
    """`monitor` says so in a sentence, and by the same figures in one document; nothing is degraded."""
    text, document = nextclose("monitor"), nextclose("monitor", "--json")
    assert (text.code, document.code) == (0, 0)
    assert text.out.startswith("watch\n  No model has been trained yet.\n")
    report = json.loads(document.out)
    assert (report["verdict"], report["false_alarms"], len(report["claims"])) == ("watch", 0.1, 5)


def test_an_empty_ledger_holds(nextclose: Nextclose) -> None:
    """`doctor ledger` counts both tables and finds nothing changed."""
    ran = nextclose("doctor", "ledger")
    assert (ran.code, ran.out) == (
        0,
        "ledger: holds\n  forecast: 0 rows, none changed\n  score: 0 rows, none changed\n",
    )


def test_a_refresh_tells_what_many_symbols_share_once() -> None:
    """Behind the first few of them; nothing of a symbol about which there is nothing to say."""
    refused = [failure_of(f"S{number}", ValueError(""), 429) for number in range(7)]
    reports = [RefreshReport(f"S{number}", "limited", detail=str(error)) for number, error in enumerate(refused)]
    told = list(_told([RefreshReport("KO", "updated"), *reports, RefreshReport("IBM", "updated", detail="corrected")]))
    told_once = "S0 S1 S2 S3 S4 and 2 more: Yahoo refuses to answer for now: too many requests"
    assert told == [told_once, "IBM: corrected"]
    said = (
        (YFPricesMissingError("", ""), 400),
        (OSError("no line"), None),
        (ValueError("no JSON"), 200),
        (OSError(), 503),
    )
    for error, status in said:
        assert len({common(str(failure_of(name, error, status)), name) for name in ("KO", "BRK-B")}) == 1
