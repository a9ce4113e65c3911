"""Who may import whom: the contracts hold, and each names the import that breaks it on purpose."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
BREACHES = [
    ("app/prices/store/read.py", "import app.forecasts", "Data flows down, imports look up"),
    ("app/core/db.py", "import app.prices", "Data flows down, imports look up"),
    ("app/forecasts/prediction/forecaster.py", "import app.training", "Data flows down, imports look up"),
    ("app/prices/sources/yahoo.py", "import app.prices.store", "Prices: sources, store, checks, refresh"),
    ("app/features/engine/panel.py", "import app.features.market.ranks", "Features: engine, indicators, market"),
    ("app/registry/versions/card.py", "import app.registry.promotion", "Registry: components, versions, promotion"),
    ("app/training/data/folds.py", "import app.training.fitting.scale", "Training: workers, data, fitting"),
    ("app/forecasts/ledger/chain.py", "import app.forecasts.prediction.predict", "Forecasts: the ledger, what is"),
    ("app/web/edge/render.py", "import app.web.views.layout", "Web: edge, figures and predictions"),
    ("app/features/frame.py", "import sqlmodel", "Frames in, frames out"),
    ("admin_ui/client.py", "import app.core", "The admin view speaks HTTP only"),
    ("app/training/contest/contest.py", "import mlflow", "MLflow belongs to registry"),
    ("app/training/fitting/fits.py", "import distributed", "Dask belongs to training.workers"),
    ("app/forecasts/prediction/forecaster.py", "import fastapi", "FastAPI and Jinja belong to web and main"),
    ("app/web/api/jobs.py", "import apscheduler", "APScheduler belongs to jobs"),
    ("app/prices/store/read.py", "import yfinance", "yfinance belongs to prices.sources.yahoo"),
    ("app/web/pages/stocks.py", "import plotly", "The service draws figures without plotly.py"),
]
"""In each file a line that goes the wrong way, and the contract that forbids it."""
STRAYS = tuple(f"app/{stray}.py" for stray in ("utils", "prices/extra", "training/extra", "forecasts/extra"))


def lint(folder: Path) -> subprocess.CompletedProcess[str]:
    """Check the import contracts of the checkout in `folder`."""
    program = "import sys; sys.path.insert(0, '.'); from importlinter.cli import lint_imports_command as c; c()"
    return subprocess.run(
        [sys.executable, "-c", program, "--no-cache"], cwd=folder, capture_output=True, text=True, check=False
    )


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Copy what the contracts look at, so that it can be broken."""
    folder = tmp_path_factory.mktemp("copy")
    for name in ("app", "admin_ui"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__", "*.parquet", "*.json"))
    shutil.copy(ROOT / "pyproject.toml", folder)
    return folder


@pytest.fixture(scope="module")
def kept(copy: Path) -> subprocess.CompletedProcess[str]:
    """Check the code as it is."""
    return lint(copy)


@pytest.fixture(scope="module")
def broken(kept: subprocess.CompletedProcess[str], copy: Path) -> dict[str, str]:
    """Break every contract, each by a line of its own; return what is said of each contract by its name."""
    assert kept.returncode == 0
    for file, line, _ in BREACHES:
        with (copy / file).open("a") as source:
            source.write(f"\n{line}\n")
    for stray in STRAYS:
        (copy / stray).touch()
    found = lint(copy)
    assert found.returncode == 1
    parts = re.split(r"\n(.+)\n-+\n", found.stdout)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def test_contracts_hold(kept: subprocess.CompletedProcess[str]) -> None:
    """The code as it is keeps every contract."""
    assert kept.returncode == 0, kept.stdout


@pytest.mark.parametrize(("file", "line", "contract"), BREACHES)
def test_a_broken_contract_is_named(broken: dict[str, str], file: str, line: str, contract: str) -> None:
    """An import that goes the wrong way is found, under the contract it breaks."""
    importer, imported = file.removesuffix(".py").replace("/", "."), line.removeprefix("import ")
    (said,) = [said for name, said in broken.items() if name.startswith(contract)]
    assert f" {importer} -> {imported} (l." in said


@pytest.mark.parametrize("stray", STRAYS)
def test_a_stray_module_is_rejected(broken: dict[str, str], stray: str) -> None:
    """A drawer beside the rooms, or beside a room's own parts, isn't in the list of layers."""
    assert any(f"\n- {stray.removesuffix('.py').replace('/', '.')}\n" in said for said in broken.values())
