"""Who may import whom: the contracts hold, and each fails when it is broken on purpose."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def lint(folder: Path) -> subprocess.CompletedProcess[str]:
    """Check the import contracts of the checkout in `folder`."""
    program = "import sys; sys.path.insert(0, '.'); from importlinter.cli import lint_imports_command as c; c()"
    return subprocess.run(
        [sys.executable, "-c", program, "--no-cache"], cwd=folder, capture_output=True, text=True, check=False
    )


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """Copy what the contracts look at, so that it can be broken."""
    folder = tmp_path / "copy"
    for name in ("app", "admin_ui"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__", "*.parquet", "*.json"))
    shutil.copy(ROOT / "pyproject.toml", folder)
    return folder


def test_contracts_hold(copy: Path) -> None:
    """The code as it is keeps every contract."""
    found = lint(copy)
    assert found.returncode == 0, found.stdout


@pytest.mark.parametrize(
    ("file", "line", "contract"),
    [
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
    ],
)
def test_a_broken_contract_is_named(copy: Path, file: str, line: str, contract: str) -> None:
    """An import that goes the wrong way is found, with the contract it breaks."""
    broken = copy / file
    broken.parent.mkdir(exist_ok=True)
    broken.write_text((broken.read_text() if broken.exists() else "") + f"\n{line}\n")
    found = lint(copy)
    assert found.returncode == 1
    assert any(line.startswith(contract) and line.endswith("BROKEN") for line in found.stdout.splitlines())


@pytest.mark.parametrize(
    "stray", [f"app/{stray}.py" for stray in ("utils", "prices/extra", "training/extra", "forecasts/extra")]
)
def test_a_stray_module_is_rejected(copy: Path, stray: str) -> None:
    """A drawer beside the rooms, or beside a room's own parts, isn't in the list of layers."""
    (copy / stray).write_text("")
    found = lint(copy)
    assert found.returncode == 1
    assert stray.removesuffix(".py").replace("/", ".") in found.stdout
