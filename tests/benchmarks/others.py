"""Beside servers of models: `python tests/benchmarks/others.py [mlflow=PYTHON] [bentoml=PYTHON] [litserve=PYTHON]`.

PYTHON is the interpreter of an environment in which that server is installed, and what the service runs on: the project
doesn't depend on them (but on MLflow, which is found without). One by one, each serves with one worker what ours
forecasts with, asked for one symbol by POST over 64 connections, and ours serves /predict/AAPL. The features are in
memory, made once, so that a request costs them the model alone. With `ridge` they serve a ridge regression over 20
features that are sent instead, the least that a model can be. A server that isn't there is skipped, and said to be.
Rounds alternate, so that a busy machine bears on all; medians are printed.
"""

from __future__ import annotations

import http.client
import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2]))
from tests.web.load import Loaded, loaded

PORT = int(os.environ.get("PORT", "8795"))
CONNECTIONS, SECONDS, ROUNDS, FEATURES = 64, 4, 3, 20
SAME = "ridge" not in {os.environ.get("MODEL"), *sys.argv}
ROW: list[Any] = ["AAPL"] if SAME else [0.1] * FEATURES
ASKED = {
    "mlflow": ("/invocations", {"inputs": [ROW]}, 50.0),
    "bentoml": ("/predict", {"row": ROW}, 8.0),
    "litserve": ("/predict", {"row": ROW}, 8.0),
}
"""Where each is asked, with what, and how many times as fast ours has to be."""
MLFLOW = """
import mlflow
from tests.benchmarks.others import fitted

class Forecast(mlflow.pyfunc.PythonModel):
    def load_context(self, context):
        self.model = fitted()

    def predict(self, context, model_input, params=None):
        return self.model.predict(model_input)

mlflow.models.set_model(Forecast())
"""
BENTO = """
import bentoml
from tests.benchmarks.others import fitted

@bentoml.service(workers=1, traffic={"timeout": 60})
class Forecast:
    def __init__(self) -> None:
        self.model = fitted()

    @bentoml.api
    def predict(self, row: list) -> float:
        return float(self.model.predict([row])[0])
"""

LIT = """
import sys
import litserve
from tests.benchmarks.others import fitted

class Api(litserve.LitAPI):
    def setup(self, device):
        self.model = fitted()

    def decode_request(self, request):
        return request["row"]

    def predict(self, row):
        return float(self.model.predict([row])[0])

    def encode_response(self, output):
        return {"predicted_return": output}

if __name__ == "__main__":
    server = litserve.LitServer(Api(), accelerator="cpu", workers_per_device=1)
    server.run(port=int(sys.argv[1]), num_api_servers=1, generate_client_file=False, log_level="error")
"""


class Same:
    """What ours forecasts with, and each symbol's newest rows of features, in memory."""

    def __init__(self) -> None:
        """Load the version, and make the features."""
        from app.core.clock import calendar
        from app.core.db import Database
        from app.core.settings import load_settings
        from app.forecasts.prediction.predict import market_of
        from app.prices import store
        from app.registry.versions import artefact

        settings = load_settings()
        self._model, bars = artefact.load(settings.models_dir / "v1"), store.panel(Database(settings.database))
        self._market, features = market_of(bars, bars, calendar(), self._model, None, None)
        newest = features.group_by("symbol", maintain_order=True).tail(self._model.pipeline.lookback + 1)
        self._rows = {str(symbol): rows for (symbol,), rows in newest.group_by("symbol", maintain_order=True)}

    def predict(self, asked: Any) -> list[float]:
        """Return the forecast of each symbol asked for: the log return, of the 21 quantiles that were made with it."""
        return [self._made(str(symbol)) for (symbol,) in asked]

    def _made(self, symbol: str) -> float:
        rows = self._rows[symbol]
        made = self._model.pipeline.forecast(rows, rows["session"][-1], self._market.state)
        return float(made["return_log"][-1])


def fitted() -> Any:
    """Return the model that all of them serve."""
    if SAME:
        return Same()
    import numpy as np
    from sklearn.linear_model import Ridge

    random = np.random.default_rng(1)
    return Ridge().fit(random.normal(size=(2000, FEATURES)), random.normal(size=2000))


def serve(name: str, port: int, folder: Path) -> None:
    """Be one of the servers."""
    os.environ["PYTHONPATH"] = str(Path(__file__).parents[2])
    os.environ["PATH"] = f"{Path(sys.executable).parent}:{os.environ['PATH']}"  # MLflow starts uvicorn by its name
    if name == "litserve":
        (folder / "lit.py").write_text(LIT)
        _become(str(folder / "lit.py"), str(port))
    if name == "bentoml":
        (folder / "service.py").write_text(BENTO)
        options = ["serve", "service:Forecast", "--working-dir", str(folder), "--host", "127.0.0.1"]
        _become("-m", "bentoml", *options, "--port", str(port))
    import mlflow

    model = folder / "model"
    if not model.exists():
        (folder / "forecast_by_mlflow.py").write_text(MLFLOW)
        mlflow.pyfunc.save_model(model, python_model=str(folder / "forecast_by_mlflow.py"), pip_requirements=["mlflow"])
    options = ["models", "serve", "-m", str(model), "--env-manager", "local", "--workers", "1"]
    _become("-m", "mlflow", *options, "--port", str(port))


def _become(*command: str) -> None:
    os.execv(sys.executable, [sys.executable, *command])  # noqa: S606 - this interpreter


def is_there(python: str, name: str) -> bool:
    """Say whether an environment has a server."""
    needed = f"import {name}, sklearn" + ("; import app.registry.versions.artefact" if SAME else "")
    found = subprocess.run([python, "-c", needed], capture_output=True, check=False, cwd=Path(__file__).parents[2])
    return found.returncode == 0


def measured(name: str, python: str, port: int, folder: Path) -> Loaded:
    """Start a server, load it for a round, and stop it and all that it started."""
    path, asked, _ = ASKED[name]
    command = [python, __file__, "--serve", name, str(port), str(folder)]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    process = subprocess.Popen(command, **quiet, cwd=folder, process_group=0)  # type: ignore[call-overload]
    body, url = json.dumps(asked), f"http://127.0.0.1:{port}{path}"
    try:
        _wait(port, path, body)
        loaded(url, CONNECTIONS, 1, body)
        return loaded(url, CONNECTIONS, SECONDS, body)
    finally:
        os.killpg(process.pid, 15)
        process.wait()


def _wait(port: int, path: str, body: str) -> None:
    """Wait until a server answers."""
    give_up, status = time.monotonic() + 180, 0
    while status != 200:
        assert time.monotonic() < give_up, f"{path} gave {status}"
        try:
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
            connection.request("POST", path, body, {"Content-Type": "application/json"})
            status = connection.getresponse().status
        except (OSError, http.client.HTTPException):
            time.sleep(0.5)


def main(pythons: dict[str, str], folder: Path) -> None:
    """Load all that are there in turn, and print what came of it."""
    from tests.benchmarks import serving

    serving.fill(None)
    found: dict[str, list[Loaded]] = {"ours": []}
    for name in ASKED:
        if is_there(pythons.get(name, sys.executable), name):
            found[name] = []
        else:
            print(f"{name:9} SKIPPED: not installed; `{name}=PYTHON` names an environment that has it and scikit-learn")
    for turn in range(ROUNDS):
        with serving.started("ours", PORT, b"{}"):
            loaded(f"http://127.0.0.1:{PORT}/predict/AAPL", CONNECTIONS, 1)
            found["ours"].append(loaded(f"http://127.0.0.1:{PORT}/predict/AAPL", CONNECTIONS, SECONDS))
        for place, name in enumerate(one for one in found if one != "ours"):
            port = PORT + 1 + turn * len(ASKED) + place
            found[name].append(measured(name, pythons.get(name, sys.executable), port, folder))
    ours = statistics.median(one[0] for one in found["ours"])
    for name, rounds in found.items():
        rate, p50, p99 = (statistics.median(one[at] for one in rounds) for at in range(3))
        failed = sum(one[3] for one in rounds)
        times = ours / rate if rate else float("inf")
        wanted = f" (goal {ASKED[name][2]:.0f})" if name in ASKED else ""
        print(
            f"{name:9} {rate:9,.0f}/s  ours {times:7.1f} x{wanted}  p50 {p50:8.2f}  p99 {p99:8.2f} ms  failed {failed}"
        )
    print(f"load average {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--serve"]:
        serve(sys.argv[2], int(sys.argv[3]), Path(sys.argv[4]))
        sys.exit()
    with TemporaryDirectory() as scratch:
        os.environ |= {
            "NEXTCLOSE_HOME": scratch, "NEXTCLOSE_MODELS_DIR": f"{scratch}/models", "NEXTCLOSE_SOURCE": "sample",
            "NEXTCLOSE_SCHEDULER": "off",
        }  # fmt: skip
        os.environ |= {"MODEL": "ridge"} if "ridge" in sys.argv else {}
        main(dict(one.split("=", 1) for one in sys.argv[1:] if "=" in one), Path(scratch))
