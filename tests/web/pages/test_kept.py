"""What pages are made of is kept while it stays the same: each way in which a part could be stale, by name."""

import re
from datetime import UTC, date, datetime

import httpx
import polars as pl
from fastapi import FastAPI

from app.core.clock import Clock
from app.core.db import Database
from app.core.settings import Settings
from app.forecasts.ledger.scoring import score_due
from app.prices import store
from app.prices.sources.sample import sample_bars
from app.registry.promotion import champion
from app.web.edge.deps import Memo
from app.web.predictions.background import Background
from tests.web.conftest import NOW, put_champion
from tests.web.pages.test_pages import HTML, part
from tests.web.pages.test_results import _tell
from tests.web.predictions.test_answers import put_bar, statements, turn_clock


def revise(database: Database, symbol: str = "AAPL", back: int = 10) -> str:
    """Let the source revise an earlier close, of which no status tells; return it as a page writes it."""
    with database.write() as db:
        bar = store.history(db, symbol, last=back).head(1).with_columns(pl.col("close", "high") * 1.2)
        store.upsert(db, bar, "sample", NOW)
    return f"{bar['close'].item():,.2f}"


def take_back(database: Database) -> None:
    """Take every bar of the sample's last session out of the store, as if it weren't over."""
    with database.write() as db:
        db.connection().exec_driver_sql("DELETE FROM bar WHERE session = '2013-03-01'")
        db.connection().exec_driver_sql(
            "UPDATE symbol SET last_session = '2013-02-28' WHERE last_session > '2013-02-28'"
        )


async def test_a_chart_is_drawn_again(web: httpx.AsyncClient, settings: Settings, seeded: Database) -> None:
    """By a revised bar, a results day, a score, a champion and a rollback; another symbol's bar leaves it as it is."""

    async def region() -> str:
        answer = await web.get("/stocks/AAPL?range=1M", headers=part("chart"))
        assert answer.status_code == 200
        return answer.text

    take_back(seeded)
    seen = [await region()]
    put_bar(seeded, date(2013, 2, 28), "IBM", 1.01)
    assert await region() == seen[0]
    close = revise(seeded)
    seen.append(await region())
    assert [close in text for text in seen] == [False, True]
    _tell(seeded, (date(2013, 2, 20), "amc"))
    seen.append(await region())
    assert ["after the close" in text for text in seen[1:]] == [False, True]
    with seeded.write() as db:
        store.upsert(db, sample_bars().filter(symbol="AAPL").tail(1), "sample", NOW)
    seen.append(await region())
    assert score_due(seeded, Clock(NOW)) == 1
    seen.append(await region())
    assert ["of each past forecast" in text for text in seen[2:]] == [False, False, True]
    put_champion(settings, seeded, "v2")
    page = (await web.get("/stocks/AAPL?range=1M", headers=HTML)).text
    assert "version v2" in page
    champion.rollback(settings, seeded, "for the test", NOW)
    assert "version v2" not in (await web.get("/stocks/AAPL?range=1M", headers=HTML)).text


async def test_a_row_is_rendered_again(app: FastAPI, web: httpx.AsyncClient, seeded: Database) -> None:
    """The board's line by a revised close, a row of the screener and of the data by a name, an age by the clock."""

    async def lines() -> list[str]:
        return re.findall(r'points="([^"]+)"', (await web.get("/?sort=symbol", headers=HTML)).text)

    before = await lines()
    revise(seeded)
    after = await lines()
    assert [one == other for one, other in zip(before, after, strict=True)] == [False, True, True, True]
    for path in ("/screener", "/data"):
        assert "Ford &amp; Sons" not in (await web.get(path, headers=HTML)).text
    with seeded.write() as db:
        db.connection().exec_driver_sql("UPDATE symbol SET name = 'Ford & Sons' WHERE symbol = 'IBM'")
    for path in ("/screener", "/data"):
        assert "Ford &amp; Sons" in (await web.get(path, headers=HTML)).text
    ages = []
    for hour in (21, 22):
        turn_clock(app, datetime(2013, 3, 4, hour, tzinfo=UTC))
        ages.append((await web.get("/api/screener?sort=symbol&limit=1")).json()["rows"][0]["sessions_behind"])
    assert ages == [0, 1]


async def test_the_record_is_summed_up_once_and_again_when_it_says_more(
    app: FastAPI, web: httpx.AsyncClient, seeded: Database
) -> None:
    """For its page and its JSON; the background does it before anybody asks, and a price alone changes nothing."""
    take_back(seeded)
    assert (await web.get("/api/track-record?origin=replay")).json()["pending"] == 0
    await web.post("/predict", json={"symbols": ["AAPL", "MSFT"]})
    assert (await web.get("/api/track-record?origin=replay")).json()["pending"] == 2
    with seeded.write() as db:
        store.upsert(db, sample_bars().filter(symbol="AAPL").tail(1), "sample", NOW)
    assert score_due(seeded, Clock(NOW)) == 1
    Background(app.state.nextclose, app.state.answers).look()
    put_bar(seeded, date(2013, 2, 28), "IBM", 1.01)
    with statements(app.state.nextclose.database.engine) as sent:
        told = (await web.get("/api/track-record?origin=replay")).json()
        assert (await web.get("/api/calibration?origin=replay")).json()["n"] == told["n"] == 1
        page = (await web.get("/track-record", headers=HTML)).text
    assert "1 replayed" in page
    assert "Until then this is what a replay of past sessions says" in page
    assert not [one for one in sent if "score.crps" in one and "forecast.hash" not in one]


def test_a_memo_holds_what_rests_on_the_same() -> None:
    """It makes anew what rests on something else, and forgets when it is full."""
    memo, made = Memo(2), iter(range(9))
    asked = [("a", 1), ("a", 1), ("a", 2), ("a", 1), ("b", 1), ("a", 1), ("c", 1), ("a", 1)]
    assert [memo.of(name, grounds, lambda: next(made)) for name, grounds in asked] == [0, 0, 1, 2, 3, 2, 4, 5]
