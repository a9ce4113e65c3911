"""Models on disk: the same bits back, and nothing altered is ever parsed."""

import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest

from app.core.errors import BrokenArtefact
from app.registry.versions import artefact
from app.registry.versions.card import ModelCard
from app.registry.versions.model import Model


def test_a_saved_model_forecasts_the_same_bits(tmp_path: Path, features: pl.DataFrame, model: Model) -> None:
    """Numbers survive JSON to the last digit, and so does the card."""
    artefact.save(model, tmp_path / "v")
    loaded = artefact.load(tmp_path / "v")
    assert loaded.pipeline.forecast(features).equals(model.pipeline.forecast(features))
    assert loaded.card == model.card == artefact.read_card(tmp_path / "v")


def test_the_sums_are_those_of_sha256sum(tmp_path: Path, model: Model) -> None:
    """An operator checks a version with a tool of the system."""
    artefact.save(model, tmp_path / "v")
    ran = subprocess.run(["sha256sum", "-c", "SHA256SUMS"], cwd=tmp_path / "v", capture_output=True, check=False)
    assert ran.returncode == 0
    assert {path.name for path in (tmp_path / "v").iterdir()} == {"SHA256SUMS", "card.json", "model.json"}


def test_the_same_model_made_later_is_the_same_bytes(tmp_path: Path, model: Model) -> None:
    """When it was made is kept, but in no file's content."""
    later = replace(
        model, card=model.card.model_copy(update={"created_at": datetime(2030, 1, 2, 3, 4, 5, 6, tzinfo=UTC)})
    )
    artefact.save(model, tmp_path / "a")
    artefact.save(later, tmp_path / "b")
    names = sorted(path.name for path in (tmp_path / "a").iterdir())
    assert [(tmp_path / "a" / name).read_bytes() for name in names] == [
        (tmp_path / "b" / name).read_bytes() for name in names
    ]
    assert artefact.load(tmp_path / "b").card == later.card


@pytest.mark.parametrize("name", ["model.json", "card.json", "SHA256SUMS"])
def test_an_altered_file_is_reported(tmp_path: Path, model: Model, name: str) -> None:
    """One changed byte in any file, and the version is broken."""
    artefact.save(model, tmp_path / "v")
    path = tmp_path / "v" / name
    path.write_bytes(path.read_bytes().replace(b"0", b"1", 1))
    with pytest.raises(BrokenArtefact):
        artefact.load(tmp_path / "v")


def test_missing_and_added_files_are_reported(tmp_path: Path, model: Model) -> None:
    """Each names the file."""
    artefact.save(model, tmp_path / "v")
    (tmp_path / "v" / "model.pkl").write_bytes(b"cos\nsystem\n")
    with pytest.raises(BrokenArtefact, match=r"model\.pkl is not listed"):
        artefact.load(tmp_path / "v")
    (tmp_path / "v" / "model.pkl").unlink()
    (tmp_path / "v" / "model.json").unlink()
    with pytest.raises(BrokenArtefact, match=r"model\.json is missing"):
        artefact.load(tmp_path / "v")
    with pytest.raises(BrokenArtefact, match="SHA256SUMS"):
        artefact.load(tmp_path / "nowhere")


def test_a_rightly_summed_file_that_is_nonsense_is_reported(tmp_path: Path, model: Model) -> None:
    """A hash says that a file is whole, not that it is a model."""
    artefact.save(model, tmp_path / "v")
    (tmp_path / "v" / "model.json").write_text("[]")
    files = {name: (tmp_path / "v" / name).read_bytes() for name in ("card.json", "model.json")}
    sums = "".join(f"{digest}  {name}\n" for name, digest in artefact.fingerprint(files).items())
    (tmp_path / "v" / "SHA256SUMS").write_text(sums)
    with pytest.raises(BrokenArtefact, match="can't be understood"):
        artefact.load(tmp_path / "v")


def test_saving_again_changes_nothing_and_mends_what_is_broken(tmp_path: Path, model: Model) -> None:
    """A whole version stays as it is, a broken one is written anew."""
    artefact.save(model, tmp_path / "v")
    before = (tmp_path / "v").stat().st_ino
    artefact.save(model, tmp_path / "v")
    assert (tmp_path / "v").stat().st_ino == before
    (tmp_path / "v" / "model.json").write_text("{")
    artefact.save(model, tmp_path / "v")
    assert artefact.load(tmp_path / "v").card == model.card


def test_the_files_that_forecast_have_no_time_in_them(model: Model) -> None:
    """Trained twice on the same data, their hashes are the same: when is the card's to say."""
    assert set(artefact.model_files(model.pipeline)) == {"model.json"}
    assert b"2017" not in artefact.model_files(model.pipeline)["model.json"]
    assert model.card.files == artefact.fingerprint(artefact.model_files(model.pipeline))


def test_a_card_survives_json(model: Model) -> None:
    """To the last digit, and no card in another shape is taken."""
    assert ModelCard.model_validate_json(model.card.to_json()) == model.card
    with pytest.raises(ValueError, match="extra"):
        ModelCard.model_validate_json(model.card.to_json().replace('"tries"', '"extra"'))


def test_loading_imports_no_heavy_library() -> None:
    """Serving must stay light: no MLflow, XGBoost, scikit-learn, pandas or scipy behind the registry."""
    code = (
        "import sys, app.registry.promotion.champion, app.registry.versions.artefact, app.registry.promotion.tracking; "
        "print(sorted({'mlflow', 'xgboost', 'sklearn', 'pandas', 'scipy'} & set(sys.modules)))"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "[]"


def test_a_version_that_another_process_saved_meanwhile_stays(
    model: Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two contests on the same data make the same version: the first one's files are never taken from who serves."""
    directory = tmp_path / model.card.version
    artefact.save(model, directory)
    first = directory.stat().st_ino
    looks = iter([False])
    whole = artefact._is_whole
    monkeypatch.setattr(artefact, "_is_whole", lambda where: next(looks, whole(where)))
    artefact.save(model, directory)
    assert directory.stat().st_ino == first
    assert [path.name for path in tmp_path.iterdir()] == [directory.name]
