"""What other programs and pages take: a calendar by RFC 5545, a feed by RFC 4287, and a card for a frame."""

import xml.etree.ElementTree as ET
from datetime import UTC, date, datetime

import httpx
import polars as pl

from app.core.db import Database
from app.prices.frame import REPORTED_SCHEMA
from app.prices.store import EarningsDay, event_updates
from app.registry.promotion.decisions import decide
from app.web.views import feeds
from tests.web.conftest import NOW
from tests.web.pages.test_pages import HTML, Checked

ATOM = "{http://www.w3.org/2005/Atom}"


def unfolded(text: str) -> list[str]:
    """Read a calendar strictly: lines end in CRLF, none is longer than 75 octets, folded ones are joined."""
    assert text.endswith("\r\n")
    lines = text[:-2].split("\r\n")
    assert all(len(line.encode()) <= 75 and "\n" not in line and "\r" not in line for line in lines)
    return "\r\n".join(lines).replace("\r\n ", "").split("\r\n")


def day(symbol: str, on: date, timing: str, source: str = "yahoo") -> EarningsDay:
    """Return a results day, though the store would refuse its source."""
    seen = {"known_at": NOW, "first_seen": NOW, "last_seen": NOW}
    return EarningsDay.model_construct(symbol=symbol, kind="earnings", date=on, timing=timing, source=source, **seen)


def test_a_calendar_is_folded_and_escaped() -> None:
    """Commas, semicolons, backslashes and line breaks are texts; no character is cut; a day keeps its UID."""
    odd = day("AAPL", date(2013, 4, 23), "unknown", "a;b,c\\d\r\nEND:VEVENT " + "é" * 80)
    lines = unfolded(feeds.calendar([odd], "http://127.0.0.1:8000/"))
    assert (lines[0], lines[-1], lines.count("END:VEVENT")) == ("BEGIN:VCALENDAR", "END:VCALENDAR", 1)
    (said,) = [line for line in lines if line.startswith("DESCRIPTION:")]
    assert "a\\;b\\,c\\\\d\\nEND:VEVENT " + "é" * 80 in said
    assert "UID:AAPL-20130423-results@nextclose" in lines
    known = unfolded(feeds.calendar([odd, day("AAPL", date(2013, 4, 23), "amc")], "http://127.0.0.1:8000/"))
    assert known.count("BEGIN:VEVENT") == 1
    assert {"UID:AAPL-20130423-results@nextclose", "SUMMARY:AAPL results after the close"} <= set(known)
    assert {"DTSTART;VALUE=DATE:20130423", "DTEND;VALUE=DATE:20130424", "DTSTAMP:20130301T220000Z"} <= set(known)


async def test_coming_results_days_are_a_calendar(web: httpx.AsyncClient, seeded: Database) -> None:
    """From today on: the watchlist's, all, or one symbol's; pages name it in their head."""
    reported = [("AAPL", date(2013, 4, 23), "amc"), ("FB", date(2013, 5, 1), "amc"), ("AAPL", date(2013, 1, 23), "amc")]
    frame = pl.DataFrame([(*one, None) for one in reported], schema=REPORTED_SCHEMA, orient="row")
    with seeded.write() as db:
        event_updates.update(db, frame, "file", NOW)
    answer = await web.get("/events.ics")
    assert answer.headers["content-type"] == "text/calendar; charset=utf-8"
    texts = {query: (await web.get(f"/events.ics{query}")).text for query in ("", "?of=all", "?symbol=fb")}
    found = {query: [line for line in unfolded(text) if line.startswith("UID:")] for query, text in texts.items()}
    apple, facebook = "UID:AAPL-20130423-results@nextclose", "UID:FB-20130501-results@nextclose"
    assert found == {"": [apple], "?of=all": [apple, facebook], "?symbol=fb": [facebook]}
    assert (await web.get("/events.ics?symbol=<b>")).status_code == 422
    head = (await web.get("/jobs", headers=HTML)).text.partition("</head>")[0]
    assert '<link rel="alternate" type="text/calendar" title="Results days" href="/events.ics">' in head


async def test_decisions_are_a_feed(web: httpx.AsyncClient, seeded: Database) -> None:
    """Newest first, with an id that stays; what a person wrote is text, whatever characters it has."""
    later = datetime(2013, 3, 2, tzinfo=UTC)
    decide(seeded, "refusal", "v2", "v1", "no <b>better</b>\x0b & \x1b[1m worse", {}, later)
    answers = [await web.get("/decisions.atom") for _ in range(2)]
    assert answers[0].headers["content-type"] == "application/atom+xml; charset=utf-8"
    assert answers[0].text == answers[1].text
    feed = ET.fromstring(answers[0].text)  # noqa: S314 - our own answer
    entries = feed.findall(f"{ATOM}entry")
    assert [entry.findtext(f"{ATOM}title") for entry in entries] == ["Refusal: version v2", "Promotion: version v1"]
    assert entries[0].findtext(f"{ATOM}summary") == "No <b>better</b> & [1m worse"
    assert feed.findtext(f"{ATOM}updated") == entries[0].findtext(f"{ATOM}updated") == "2013-03-02T00:00:00Z"
    assert len({entry.findtext(f"{ATOM}id") for entry in entries}) == 2


async def test_an_empty_store_has_empty_feeds(fresh: httpx.AsyncClient) -> None:
    """Both stand before there is anything to tell."""
    assert unfolded((await fresh.get("/events.ics")).text)[-1] == "END:VCALENDAR"
    feed = ET.fromstring((await fresh.get("/decisions.atom")).text)  # noqa: S314 - our own answer
    assert feed.findtext(f"{ATOM}updated") == "1970-01-01T00:00:00Z"


async def test_a_card_may_be_framed_and_nothing_else_may(web: httpx.AsyncClient) -> None:
    """Its own policy without any script, no cookie; the figures are those of the forecast."""
    answer = await web.get("/embed/aapl", headers=HTML)
    made = (await web.get("/predict/AAPL")).json()
    policy = answer.headers["content-security-policy"]
    assert ("frame-ancestors *" in policy, "default-src 'none'" in policy, "script-src" in policy) == (
        True,
        True,
        False,
    )
    assert not {"x-frame-options", "set-cookie"} & set(answer.headers)
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.text.startswith("<!doctype html>")
    page = Checked(answer.text)
    assert page.inline == []
    assert "<script" not in answer.text
    assert f"±{made['expected_move'] * 100:.2f}" in answer.text
    for address in ("/stocks/AAPL", "/embed", "/embed/<b>"):
        other = await web.get(address, headers=HTML)
        assert other.headers["x-frame-options"] == "DENY", address
        assert "frame-ancestors 'none'" in other.headers["content-security-policy"], address


async def test_a_card_without_a_forecast_says_so(web: httpx.AsyncClient) -> None:
    """Too little history, or not stored: nothing is looked up for a stranger's page."""
    short, unknown = await web.get("/embed/FB", headers=HTML), await web.get("/embed/NOPE", headers=HTML)
    assert (short.status_code, "No forecast:" in short.text) == (200, True)
    assert unknown.status_code == 404
    for one in (short, unknown):
        Checked(one.text)
        assert "frame-ancestors *" in one.headers["content-security-policy"]


async def test_a_stocks_page_has_the_cards_html(web: httpx.AsyncClient) -> None:
    """With this service's own address, as text to copy."""
    text = (await web.get("/stocks/AAPL", headers=HTML)).text
    assert "&lt;iframe src=&#34;http://127.0.0.1:8000/embed/AAPL&#34;" in text
