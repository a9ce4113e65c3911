"""Earnings days and market series on the command line."""

import json
from pathlib import Path

import pytest

from tests.cli.conftest import Nextclose


def _file(folder: Path, text: str) -> str:
    path = folder / "days.csv"
    path.write_text(text)
    return str(path)


def test_days_are_imported_and_shown_the_next_ones_first(
    nextclose: Nextclose, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A group whose default command takes symbols: `events`, `events KO` and `events import` all work."""
    monkeypatch.setenv("NEXTCLOSE_NOW", "2021-01-04T22:00:00Z")
    lines = "date,symbol,timing\n2021-04-20,KO,bmo\n2020-10-22,KO,bmo\n2021-01-27,AAPL,AMC\n2020-07-21,KO,bmo\n"
    ran = nextclose("events", "import", _file(tmp_path, lines))
    assert (ran.code, ran.out.rpartition("days.csv")[2]) == (0, ": 4 days of 2 symbols; 4 new\n")
    shown = nextclose("events")
    assert [line.split()[1] for line in shown.out.splitlines()[1:]] == [
        "2021-01-27", "2021-04-20", "2020-10-22", "2020-07-21",
    ]  # fmt: skip
    ko = json.loads(nextclose("events", "--json", "ko").out)
    assert [day["date"] for day in ko] == ["2021-04-20", "2020-10-22", "2020-07-21"]
    assert ko[0] | {"kind": "earnings", "timing": "bmo", "source": "file"} == ko[0]
    assert nextclose("events", "IBM").code == 1


def test_a_wrong_row_is_wrong_usage(nextclose: Nextclose, tmp_path: Path) -> None:
    """Exit code 2 and one line that names row and value."""
    ran = nextclose("events", "import", _file(tmp_path, "symbol,date,timing\nKO,2020-10-22,noon\n"))
    assert (ran.code, ran.out) == (2, "")
    assert ran.err == "nextclose: days.csv, row 2: timing 'noon' is none of amc, bmo, unknown\n"


def test_a_series_is_imported_and_never_forecast_or_watched(nextclose: Nextclose, tmp_path: Path) -> None:
    """Bars of an index without volume are stored; asking for more is one clear line."""
    path = tmp_path / "vix.csv"
    path.write_text("date,symbol,open,high,low,close,volume\n2020-10-22,^VIX,28.1,29.4,27.3,28.11,0\n")
    assert "1 new" in nextclose("import", str(path)).out
    for arguments in (["predict", "^VIX"], ["symbols", "add", "^vix"]):
        ran = nextclose(*arguments)
        assert (ran.code, ran.err.count("\n")) == (2, 1)
        assert "^VIX is a market series" in ran.err
    assert "^VIX" not in nextclose("symbols", "--json").out
