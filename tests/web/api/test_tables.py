"""Every list that a page shows as a table is there as CSV too: the same figures, no formula, columns that stay."""

import csv
import io
import re

import httpx

from app.core.db import Database
from app.forecasts.ledger import records
from app.jobs import runs
from app.prices.store.tables import QuarantineRow
from tests.web.conftest import NOW
from tests.web.pages.test_pages import HTML

TABLES = {
    "/api/symbols": ("symbols", "symbol"),
    "/api/quarantine": ("bars", "detail"),
    "/api/prices/AAPL": ("bars", "close"),
    "/api/indicators/AAPL": ("rows", "sma_20"),
    "/api/changes/AAPL": ("actions", "value"),
    "/api/changes/AAPL?table=revisions": ("revisions", "largest_change"),
    "/api/changes/AAPL?table=held": ("held", "rule"),
    "/api/events": ("events", "timing"),
    "/api/forecasts": ("forecasts", "predicted_close"),
    "/api/track-record": ("coverage", "share_value"),
    "/api/calibration": ("by_symbol", "crps_skill"),
    "/api/calibration?table=over_time": ("over_time", "coverage_80"),
    "/api/models": ("models", "proofs_state"),
    "/api/models?table=candidates": ("candidates", "mae_ratio"),
    "/api/models/decisions": ("decisions", "reason"),
    "/api/jobs": ("jobs", "state"),
    "/api/alerts": ("alerts", "text"),
}
"""Where each is, the name of its list in the JSON, and a column that it must have, though it be empty."""


def read(text: str) -> list[dict[str, str]]:
    """Read a table as a spreadsheet does."""
    return list(csv.DictReader(io.StringIO(text)))


async def test_every_table_is_its_json(web: httpx.AsyncClient, seeded: Database) -> None:
    """A row for each of the list's, the same number in its cell; empty ones have their heading."""
    await web.get("/predict/AAPL")
    runs.start(seeded, "refresh", "test", NOW)
    for address, (name, column) in TABLES.items():
        answer = await web.get(address, params={"format": "csv", **dict(httpx.URL(address).params)})
        assert answer.headers["content-type"] == "text/csv; charset=utf-8", address
        assert column in answer.text.splitlines()[0].split(","), address
        rows, said = read(answer.text), (await web.get(address)).json()[name]
        assert len(rows) == len(said), address
        if said and column in said[0]:
            assert [row[column] for row in rows] == ["" if one[column] is None else str(one[column]) for one in said]


async def test_a_versions_scores_are_tables(web: httpx.AsyncClient) -> None:
    """By year and by symbol, a row each, with the numbers of its card."""
    metrics = (await web.get("/api/models/v1")).json()["card"]["metrics"]
    for part in ("year", "symbol"):
        answer = await web.get("/api/models/v1", params={"format": "csv", "table": f"by_{part}"})
        found = {row[part]: (row["n"], row["crps_skill"]) for row in read(answer.text)}
        scores = metrics[f"by_{part}"]
        assert found == {name: (str(one["n"]), str(one["crps_skill"])) for name, one in scores.items()}, part


async def test_the_ledgers_bands_have_columns_and_pages_a_link(web: httpx.AsyncClient, seeded: Database) -> None:
    """What JSON nests stands flat; a longer ledger is read page by page, by the header that names the next one."""
    made = (await web.get("/predict/AAPL")).json()
    await web.get("/predict/IBM")
    answer = await web.get("/api/forecasts", params={"format": "csv", "limit": 1, "symbol": "AAPL"})
    (row,) = read(answer.text)
    assert [float(row[name]) for name in ("lower_80", "upper_80")] == [
        next(one for one in made["intervals"] if one["level"] == 0.8)[side] for side in ("lower", "upper")
    ]
    assert (row["model_version"], row["score_crps"], "link" in answer.headers) == ("v1", "", False)
    answer = await web.get("/api/forecasts?format=csv&limit=1")
    following = re.fullmatch(r'<([^>]+)>; rel="next"', answer.headers["link"])
    assert following is not None
    second = read((await web.get(following[1])).text)
    assert {read(answer.text)[0]["symbol"], second[0]["symbol"]} == {"AAPL", "IBM"}
    with seeded.read() as db:
        assert len(records.page(db).entries) == 2


async def test_no_cell_is_a_formula(web: httpx.AsyncClient, seeded: Database) -> None:
    """Whatever a source or a person wrote is a text in a spreadsheet; negative numbers stay numbers."""
    texts = ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1"]
    values = {"symbol": "AAPL", "session": NOW.date(), "source": "yahoo", "fetched_at": NOW, "rule": "test"}
    with seeded.write() as db:
        db.add_all(QuarantineRow(**values, detail=text, close=-1.5) for text in texts)
    rows = [row for row in read((await web.get("/api/quarantine?format=csv")).text) if row["rule"] == "test"]
    assert {row["detail"] for row in rows} == {f"'{text}" for text in texts}
    assert {row["close"] for row in rows} == {"-1.5"}


async def test_pages_link_both_beside_each_table(web: httpx.AsyncClient) -> None:
    """JSON and CSV stand together, and the screener's are what was asked for."""
    text = (await web.get("/screener?min_move=0.001&sort=symbol", headers=HTML)).text
    wanted = "/api/screener?min_move=0.001&amp;sort=symbol"
    assert f'<a href="{wanted}">JSON</a> · <a href="{wanted}&amp;format=csv">CSV</a>' in text
    for page in ("/", "/data", "/stocks/AAPL"):
        assert "format=csv" in (await web.get(page, headers=HTML)).text, page
