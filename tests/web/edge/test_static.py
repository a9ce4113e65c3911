"""Static files: what is vendored is what it says, caches never go stale, nothing else is served."""

import gzip
import hashlib
import re
from pathlib import Path

import httpx
import pytest

from app.web.edge import static

VENDOR = static.FOLDER / "vendor"
CSS = (static.FOLDER / "app.css").read_text()
ROW = re.compile(
    r"^\| (?P<file>\S+) \| (?P<package>\S+) \| (?P<version>[\d.]+) \| (?P<licence>\S+) \| (?P<sum>\w{64}) \|$"
)


def test_every_vendored_file_has_its_sum_version_and_licence() -> None:
    """VENDOR.md lists exactly the files there are, each with its sha256, and a licence beside each package."""
    rows = [match for line in (VENDOR / "VENDOR.md").read_text().splitlines() if (match := ROW.match(line))]
    there = {path.relative_to(VENDOR).as_posix() for path in VENDOR.rglob("*") if path.is_file()} - {"VENDOR.md"}
    assert {row["file"] for row in rows} == there
    for row in rows:
        assert hashlib.sha256((VENDOR / row["file"]).read_bytes()).hexdigest() == row["sum"], row["file"]
    folders = {Path(name).parent for name in there}
    assert all((VENDOR / folder / "LICENSE").read_text() for folder in folders)


def test_the_style_sheet_names_the_font_by_its_hash() -> None:
    """So that a browser may keep the font for good, and gets a new one with a new name."""
    named = re.findall(r'url\("([^"?]+)\?v=(\w+)"\)', CSS)
    assert named == [(name, static.assets()[name].digest) for name, _ in named]
    assert "url(" not in CSS.replace('url("vendor/', "")


def test_the_style_sheet_stays_small() -> None:
    """One file, at most 400 lines, in four layers."""
    assert len(CSS.splitlines()) <= 400
    assert "@layer reset, tokens, elements, components;" in CSS


def luminance(colour: str) -> float:
    """Return the relative luminance of #rrggbb, as WCAG 2 defines it."""
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
@pytest.mark.parametrize(
    ("ink", "ground"),
    [(ink, ground) for ink in ("ink", "ink-2", "ink-3", "accent", "up", "down") for ground in ("paper", "card", "sunk")]
    + [("warm-ink", "warm"), ("warm-ink", "card"), ("accent-ink", "accent")],
)
def test_text_has_contrast(ink: str, ground: str, theme: int) -> None:
    """Every text colour reaches 4.5 to 1 on every ground it stands on, in both themes (WCAG AA)."""
    tokens = dict(re.findall(r"--([\w-]+): light-dark\(([^)]+)\)", CSS))
    light, dark = sorted((luminance(tokens[name].split(", ")[theme]) for name in (ink, ground)), reverse=True)
    assert (light + 0.05) / (dark + 0.05) >= 4.5


async def test_a_hashed_address_is_kept_for_good_and_packed(web: httpx.AsyncClient) -> None:
    """With the right hash the answer is immutable; text comes gzipped, and unpacks to the file."""
    answer = await web.get(static.url("app.css"))
    assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert answer.headers["content-encoding"] == "gzip"
    assert answer.text == CSS
    bundle = static.assets()["vendor/plotly/plotly-finance.min.js"]
    assert bundle.packed is not None
    assert gzip.decompress(bundle.packed) == bundle.content
    assert len(bundle.packed) < 450_000


async def test_without_the_hash_a_browser_asks_again(web: httpx.AsyncClient) -> None:
    """A wrong or missing hash never stays in a cache, and an unchanged file isn't sent again."""
    plain = await web.get("/static/app.js", headers={"accept-encoding": "identity"})
    assert plain.headers["cache-control"] == "no-cache"
    assert "content-encoding" not in plain.headers
    again = await web.get("/static/app.js", headers={"if-none-match": plain.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert (await web.get("/static/app.js?v=000000000000")).headers["cache-control"] == "no-cache"


@pytest.mark.parametrize(
    "address",
    [
        "/static/../app/main.py",
        "/static/%2e%2e/pyproject.toml",
        "/static/vendor/VENDOR.md",
        "/static/",
        "/static//etc/passwd",
    ],
)
async def test_nothing_else_is_served(web: httpx.AsyncClient, address: str) -> None:
    """Only names that were found in the folder are answered."""
    assert (await web.get(address)).status_code == 404


async def test_browsers_find_an_icon(web: httpx.AsyncClient) -> None:
    """Browsers ask for /favicon.ico by themselves; a 404 would be an error on the console."""
    answer = await web.get("/favicon.ico")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "image/svg+xml")
