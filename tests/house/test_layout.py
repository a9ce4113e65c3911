"""The shape of the house: what stands on the top level, how long files are, what may not be named."""

import re
import subprocess
from pathlib import Path

from tests.house import locks

ROOT = Path(__file__).parents[2]
TOP_LEVEL = {
    *("app", "templates", "static", "admin_ui", "migrations", "trained_models", "tests", "requirements"),
    *("Dockerfile", "Dockerfile.streamlit", "compose.yaml", "pyproject.toml", "README.md", "Makefile"),
}
LONGEST_FILE = 400


def tracked() -> list[Path]:
    """Return the files of the project; in a checkout without git, those that stand there."""
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return [ROOT / line for line in listed.splitlines() if (ROOT / line).exists()]


def test_top_level_holds_nothing_else() -> None:
    """Rooms, the files the design names, and dot files."""
    found = {path.relative_to(ROOT).parts[0] for path in tracked()}
    assert {name for name in found if not name.startswith(".")} - TOP_LEVEL == set()


def test_locks_answer_pyproject() -> None:
    """Every requirement is pinned with hashes, and no lock names an address."""
    assert locks.complaints() == []


def test_no_file_is_longer_than_the_alarm() -> None:
    """A file that outgrows a reader's patience is two files."""
    long = {
        str(path.relative_to(ROOT)): lines
        for path in tracked()
        if path.suffix in {".py", ".html", ".css"}
        and "migrations/versions" not in str(path)
        and (lines := len(path.read_text().splitlines())) > LONGEST_FILE
    }
    assert long == {}


def test_no_drawer_rooms() -> None:
    """Nothing is called utils, helpers, common or services."""
    drawers = {"utils", "helpers", "common", "services", "misc"}
    assert [path for path in tracked() if drawers & {part.removesuffix(".py") for part in path.parts}] == []


def test_no_package_registry_is_named() -> None:
    """Where packages come from is the installer's business."""
    hosts = re.compile(r"https?://[^/\s]*(py" + r"pi|python" + r"hosted|npm" + r"js)\b")
    texts = (
        path for path in tracked() if path.suffix not in {".parquet", ".png", ".ico"} and "vendor" not in path.parts
    )
    assert [path for path in texts if hosts.search(path.read_text(errors="replace"))] == []
