"""When a reader sees a page, by Chromium's own observers: largest contentful paint, and what moved afterwards.

    python tests/benchmarks/paint.py http://127.0.0.1:8000 [PATH ...]

Each page is opened in a window that has seen nothing yet, and once more with the static files in its cache. Times are
milliseconds since the navigation began; bytes are the page itself, compressed, without files that are kept for good.
/none, a page that says only that there is none, tells what this machine needs for any page.
"""

import shutil
import sys
from statistics import median
from typing import Any

from playwright.sync_api import Browser, Page, sync_playwright

PATHS = (
    "/",
    "/screener",
    "/stocks/AAPL",
    "/track-record",
    "/models",
    "/data",
    "/monitoring",
    "/jobs",
    "/alerts",
    "/docs",
)
ARGUMENTS = ("--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-proxy-server")
REPEATS = 5
WIDTHS = (1440, 390)
OBSERVE = """() => new Promise((tell) => {
  const found = {largest: 0, moved: 0, bytes: performance.getEntriesByType("navigation")[0].encodedBodySize};
  const watch = (type, take) => new PerformanceObserver((list) => list.getEntries().forEach(take))
    .observe({type, buffered: true});
  watch("largest-contentful-paint", (one) => { found.largest = one.startTime; });
  watch("layout-shift", (one) => { found.moved += one.value; });
  setTimeout(() => tell(found), 120);
})"""


def seen(page: Page, address: str) -> dict[str, Any]:
    """Open an address, wait until its chart is drawn, and return what the observers saw."""
    page.goto(address)
    page.wait_for_function("!document.querySelector('[data-chart]:not([data-drawn])')")
    found: dict[str, Any] = page.evaluate(OBSERVE)
    return found


def measure(browser: Browser, address: str, width: int) -> str:
    """Return a row: medians of the largest paint first and again, the most that moved, and the page's bytes."""
    first, again = [], []
    for _ in range(REPEATS):
        context = browser.new_context(viewport={"width": width, "height": 900})
        page = context.new_page()
        first.append(seen(page, address))
        again.append(seen(page, address))
        context.close()
    moved = max(one["moved"] for one in first + again)
    largest = (median(one["largest"] for one in runs) for runs in (first, again))
    return f"{width:>6} {next(largest):>9.0f} {next(largest):>9.0f} {moved:>8.4f} {first[0]['bytes'] / 1000:>8.1f}"


def main() -> None:
    """Print the table."""
    base, *paths = sys.argv[1:] or ("http://127.0.0.1:8000",)
    path = shutil.which("chromium") or shutil.which("chromium-browser")
    if path is None or not base.startswith("http"):
        print("needs Chromium and the address of a running service: not measured")
        return
    print(f"{'page':<28} {'width':>6} {'first ms':>9} {'again ms':>9} {'moved':>8} {'kB':>8}")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        for one in paths or PATHS:
            for width in WIDTHS:
                print(f"{one:<28} {measure(browser, base + one, width)}")
        browser.close()


if __name__ == "__main__":
    main()
