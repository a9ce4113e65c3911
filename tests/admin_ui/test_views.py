"""The analyst's view draws what the service answers, and says so in one line when it doesn't."""

import http.server
import threading
from datetime import date
from pathlib import Path

import httpx
import polars as pl
import pytest
from streamlit.testing.v1 import AppTest

from admin_ui import client, views
from admin_ui.views import explorer, forecasts, models, prices
from app.core.clock import Clock
from app.core.db import Database
from app.forecasts.ledger.scoring import score_due
from app.jobs import runs
from app.prices import store
from app.prices.sources.sample import sample_bars
from app.prices.store.tables import QuarantineRow
from app.web.edge import formats
from tests.admin_ui.conftest import MAIN
from tests.web.conftest import NOW

VIEWS = ["overview", "prices", "explorer", "models", "comparison", "features", "forecasts", "operations"]


def opened(name: str) -> AppTest:
    """Run one view by its own script: AppTest can't switch to a page that is a function."""
    client._get.clear()
    return AppTest.from_string(f"from admin_ui.views import {name}\n{name}.show()", default_timeout=30).run()


def test_the_overview_is_open_and_says_what_the_service_says(service: str, view: AppTest) -> None:
    """Every stored symbol with the figures of /predict, and that monitoring hasn't looked yet."""
    view.run()
    assert not view.exception
    assert view.title[0].value == "Overview"
    shown = view.dataframe[0].value.set_index("Symbol")
    answer = httpx.get(f"{service}/predict/AAPL").json()
    assert shown.loc["AAPL", "Expected move"] == answer["expected_move"]
    assert shown.loc["AAPL", "Last close"] == answer["last_close"]
    assert set(shown.index) == {"AAPL", "FB", "GOOG", "IBM", "MSFT"}
    assert "hasn't looked yet" in view.caption[0].value
    assert len(view.get("plotly_chart")) == 1


def test_the_explorer_compares_symbols(service: str) -> None:
    """Three are chosen; each chart has one line or column a symbol, and one symbol alone is enough."""
    del service
    view = opened("explorer")
    assert not view.exception
    assert len(view.get("plotly_chart")) == 3
    view.multiselect[0].unselect("AAPL").run()
    assert not view.exception
    for symbol in list(view.multiselect[0].value):
        view.multiselect[0].unselect(symbol).run()
    assert "Choose a symbol" in view.info[0].value


def test_closes_are_compared_on_the_sessions_that_all_have() -> None:
    """Rebased to 100; the correlation of a symbol with itself is one."""
    frames = {
        "A": pl.DataFrame({"session": ["1", "2", "3"], "close": [1.0, 2.0, 3.0]}),
        "B": pl.DataFrame({"session": ["2", "3", "4"], "close": [10.0, 5.0, 5.0]}),
    }
    joined = explorer.together(frames, 10)
    assert joined.rows() == [("2", 2.0, 10.0), ("3", 3.0, 5.0)]
    assert [list(trace.y) for trace in explorer.rebased(joined).data] == [[100.0, 150.0], [100.0, 50.0]]
    assert explorer.returns(joined).rows() == [(0.5, -0.5)]


def test_forecasts_show_the_record_of_what_is_settled(service: str, seeded: Database) -> None:
    """Replayed rows: the figures of the API, calibration but none over time yet, the worst miss first."""
    days = sample_bars().filter(symbol="AAPL")["session"].to_list()
    with seeded.write() as db:
        db.connection().exec_driver_sql(f"DELETE FROM bar WHERE session > '{days[-2]}'")
        db.connection().exec_driver_sql(f"UPDATE symbol SET last_session = '{days[-2]}' WHERE last_session IS NOT NULL")
    httpx.post(f"{service}/predict", json={"symbols": ["AAPL", "MSFT"]})
    with seeded.write() as db:
        store.upsert(db, sample_bars().filter(pl.col("session") == days[-1]), "sample", NOW)
    assert score_due(seeded, Clock(NOW)) == 2
    view = opened("forecasts")
    assert "Nothing is settled yet" in view.info[0].value
    view.segmented_control[0].select("Replayed").run()
    assert not view.exception
    assert view.metric[0].value == "2"
    assert len(view.get("plotly_chart")) == 2
    assert "Fewer sessions are settled yet" in view.info[0].value
    off = list(view.dataframe[-1].value["Half bands off"])
    assert off == sorted(off, reverse=True)


def test_values_read_as_on_the_services_pages() -> None:
    """Shares of a column have as many decimals each, a minus is one, days and instants are in plain words."""
    assert [views.share(value) for value in (0.042, 0.01274, -0.0012)] == ["4.20 %", "1.27 %", "\u22120.12 %"]
    for close in (0.0345, 0.99999, 1.0, 12345.678):
        assert views.price(close) == formats.price(close)
    assert views.moment("2021-03-29") == "29 Mar 2021"
    assert views.moment("2021-03-29T20:33:00Z") == "29 Mar 2021, 20:33 UTC"


def test_bands_are_shown_apart_where_results_are_traded_first() -> None:
    """One row a group, one column a level; groups that the service doesn't name aren't there."""
    rows = [
        {"level": level, "group": group, "n": n, "share": {"value": value}}
        for group, n, value in (("all", 10, 0.8), ("event", 2, 0.5), ("other", 8, 0.875))
        for level in (0.5, 0.8)
    ]
    shown = forecasts.coverage(rows)
    assert shown.columns == ["Forecasts", "n", "In 50 %", "In 80 %"]
    assert shown["Forecasts"].to_list() == ["all", "results traded first", "all other sessions"]
    assert shown["In 80 %"].to_list() == [0.8, 0.5, 0.875]


def test_a_job_is_started_by_hand(service: str) -> None:
    """The service starts it, as it would for its own page; the run is in the list."""
    view = opened("operations")
    assert not view.exception
    assert "No job has run yet" in view.info[0].value
    view.selectbox[0].select("score").run()
    view.button[0].click().run()
    assert not view.exception
    assert "Started: score" in view.success[0].value
    assert [one["kind"] for one in httpx.get(f"{service}/api/jobs").json()["jobs"]] == ["score"]


def test_a_bar_in_quarantine_is_decided_on(service: str, seeded: Database) -> None:
    """The one that is chosen, by a button that is that one's alone; the service keeps what was decided."""
    with seeded.write() as db:
        other = {"symbol": "IBM", "session": date(2013, 3, 4), "source": "sample", "fetched_at": NOW}
        db.add(QuarantineRow(**other, close=1.0, rule="off_level", detail="far from its neighbours"))
    held = httpx.get(f"{service}/api/quarantine").json()["bars"][::-1]
    view = opened("operations")
    assert view.selectbox[1].options == ["IBM of 4 Mar 2013, off level", "AAPL of 28 Jan 2003, repeated bar"]
    view.selectbox[1].select(held[0]["id"]).run()
    view.button(f"drop {held[0]['id']}").click().run()
    assert not view.exception
    assert view.success[0].value == "AAPL of 28 Jan 2003, repeated bar: kept out for good."
    assert view.selectbox[1].options == ["IBM of 4 Mar 2013, off level"]
    assert {one.key for one in view.button if one.label == "Drop"} == {f"drop {held[1]['id']}"}
    assert view.dataframe[-1].value["State"].to_list() == ["held", "dropped"]
    assert [one["state"] for one in httpx.get(f"{service}/api/quarantine").json()["bars"]] == ["held", "dropped"]
    again = httpx.post(f"{service}/api/quarantine/{held[0]['id']}/release")
    assert (again.status_code, "is dropped already" in again.json()["detail"]) == (422, True)
    assert httpx.post(f"{service}/api/quarantine/9/drop").status_code == 404


def test_a_run_is_cancelled(service: str, seeded: Database) -> None:
    """Whatever runs has a button; the service asks it to end."""
    run = runs.start(seeded, "train", "test", NOW)
    view = opened("operations")
    next(one for one in view.button if one.label == "Cancel train").click().run()
    assert not view.exception
    assert "Asked to end" in view.success[0].value
    assert httpx.get(f"{service}/api/jobs/{run.id}").json()["stopping"] is not None


def test_prices_show_forecast_chart_and_record(service: str) -> None:
    """The first symbol of the watchlist is open: four figures, a chart, and that nothing is settled yet."""
    del service
    view = opened("prices")
    assert not view.exception
    assert not view.error
    assert view.title[0].value == "Prices"
    assert view.selectbox[0].value == "AAPL"
    assert [metric.value for metric in view.metric[:1]] == ["430.47"]
    assert view.metric[1].label == "Forecast for 4 Mar 2013"
    assert "no point skill shown" in view.caption[1].value
    assert len(view.get("plotly_chart")) == 1
    assert "No forecast of AAPL is settled yet" in view.info[0].value


def test_another_symbol_and_more_indicators(service: str) -> None:
    """Controls ask the service for the symbol chosen; a missing forecast leaves the chart standing."""
    del service
    view = opened("prices")
    view.selectbox[0].select("FB").run()
    assert not view.exception
    assert len(view.warning) == 1
    assert len(view.get("plotly_chart")) == 1
    view.multiselect[0].select("RSI 14").run()
    assert not view.exception


def test_models_compare_candidates_with_the_random_walk(service: str) -> None:
    """The contest's table has the random walk in it, and the champion's verdict stands above."""
    del service
    models_view = opened("models")
    assert not models_view.exception
    assert "ridge, version v1" in models_view.markdown[0].value
    contest = models_view.dataframe[0].value
    assert list(contest["Candidate"]) == ["ridge", "random_walk"]
    assert len(models_view.get("plotly_chart")) == 1


@pytest.mark.parametrize("shown", VIEWS)
def test_an_empty_service_is_shown_kindly(empty_service: str, shown: str) -> None:
    """Before the first run each view says what will come."""
    del empty_service
    view = opened(shown)
    assert not view.exception
    assert "yet" in view.info[0].value


@pytest.mark.parametrize("shown", VIEWS)
def test_a_service_that_is_down_is_one_clear_line(monkeypatch: pytest.MonkeyPatch, shown: str) -> None:
    """Nothing listens: the view names the address and what to do, and raises nothing."""
    monkeypatch.setenv("NEXTCLOSE_API_URL", "http://127.0.0.1:9/")
    view = opened(shown)
    assert not view.exception
    assert view.error[0].value == "The service at http://127.0.0.1:9 doesn't answer: ConnectError"
    assert "make run" in view.caption[0].value


def test_something_else_at_the_address_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that sends no JSON isn't Nextclose."""

    class Other(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"<html>hello</html>")

        def log_message(self, *_: object) -> None:
            """Stay silent."""

    server = http.server.HTTPServer(("127.0.0.1", 0), Other)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    monkeypatch.setenv("NEXTCLOSE_API_URL", f"http://127.0.0.1:{server.server_port}")
    client._get.clear()
    try:
        with pytest.raises(client.ServiceFailed, match="isn't Nextclose"):
            client.symbols()
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_the_only_setting_has_a_default(monkeypatch: pytest.MonkeyPatch) -> None:
    """Unset or empty, the service is on this machine."""
    assert client.url() == "http://127.0.0.1:8000"
    monkeypatch.setenv("NEXTCLOSE_API_URL", " ")
    assert client.url() == "http://127.0.0.1:8000"


def test_each_panel_adds_a_row_to_the_figure() -> None:
    """Overlays are drawn on the prices, other indicators below them."""
    columns = [name for names in (*prices.OVERLAYS.values(), *prices.PANELS.values()) for name in names]
    bars = pl.DataFrame(
        {"session": ["2013-02-28", "2013-03-01"], "volume": [1, 2]}
        | {name: [1.0, 2.0] for name in (*columns, "open", "high", "low", "close")}
    ).with_columns(pl.col("session").str.to_date())
    plain = prices.figure(bars, [], [])
    full = prices.figure(bars, ["Bollinger bands"], ["RSI 14", "MACD"])
    assert [trace.type for trace in plain.data] == ["candlestick", "bar"]
    assert len(full.data) == 2 + 2 + 1 + 2
    assert full.layout.height == plain.layout.height + 260


def test_a_candidate_without_an_interval_is_still_drawn() -> None:
    """The random walk's own skill is zero and has no interval."""
    drawn = models.figure([{"name": "random_walk", "crps_skill": 0.0, "crps_skill_low": None}])
    assert list(drawn.data[0].error_x.array) == [0.0]


def test_nothing_is_reported_to_anybody() -> None:
    """Streamlit's usage statistics are off in the file that it reads beside the main script."""
    config = (Path(MAIN).parent / ".streamlit" / "config.toml").read_text()
    assert "gatherUsageStats = false" in config
