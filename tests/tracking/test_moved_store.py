"""A study whose folder is renamed or copied keeps its results, and leaves those of the other copy alone."""

from __future__ import annotations

import hashlib
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
import yaml

from digicarbon import recorded
from digicarbon.__main__ import main
from digicarbon.tracking import Tracking, follow

SPEC = {
    "defaults": ["config", {"override inference": "classic"}, "_self_"],
    "columns": {"FE": {"model": "twfe"}, "SAR": {"model": "sar"}},
}


def files(folder: Path) -> dict[str, str]:
    """Return the hash of each file of results."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted((folder / "mlruns/artifacts").rglob("*"))
        if path.is_file()
    }


def addresses(folder: Path) -> set[str]:
    with closing(sqlite3.connect(folder / "mlruns/mlflow.db")) as connection:
        own = [one for (one,) in connection.execute("SELECT artifact_uri FROM runs")]
        own += [
            one for (one,) in connection.execute("SELECT artifact_location FROM experiments WHERE experiment_id > 0")
        ]
    return set(own)


@pytest.fixture
def study(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A study with results, in a folder whose name no address holds as it is."""
    folder = tmp_path / "研究 1"
    (folder / "experiments").mkdir(parents=True)
    (folder / "experiments/mine.yaml").write_text(yaml.safe_dump(SPEC), encoding="utf-8")
    monkeypatch.chdir(folder)
    assert main(["run", "mine"]) == 0
    return folder


@pytest.mark.long
def test_a_renamed_folder_keeps_its_results(study: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    known = recorded.sweep(Tracking(), "mine")
    before = known.files, [record.result.coef.tolist() for record in known.records]
    there = study.with_name("renamed")
    monkeypatch.chdir(study.parent)
    study.rename(there)
    monkeypatch.chdir(there)
    again = recorded.sweep(Tracking(), "mine")
    assert (again.files, [record.result.coef.tolist() for record in again.records]) == before
    starts = again.rows["start"].tolist()
    assert main(["run", "mine"]) == 0
    last = recorded.sweep(Tracking(), "mine")
    # nothing is fitted again
    assert (last.parent_id, last.rows["start"].tolist()) == (known.parent_id, starts)
    assert not study.exists()


@pytest.mark.long
def test_a_copy_leaves_the_other_folder_alone(study: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    there = study.with_name("copy")
    shutil.copytree(study, there)
    before = files(study)
    monkeypatch.chdir(there)
    (there / "experiments/mine.yaml").write_text(
        yaml.safe_dump({**SPEC, "title": "the copy", "columns": {**SPEC["columns"], "SDM": {"model": "sdm"}}}),
        encoding="utf-8",
    )
    assert main(["run", "mine"]) == 0
    assert files(study) == before
    assert len(files(there)) > len(before)
    assert all(one.startswith(there.as_uri()) for one in addresses(there))
    assert all(one.startswith(study.as_uri()) for one in addresses(study))


@pytest.mark.long
def test_files_in_a_folder_of_their_own_keep_their_addresses(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, study: Path
) -> None:
    assert main(["run", "mine", f"tracking.artifacts={tmp_path / 'big'}", "tracking.experiment=big"]) == 0
    before = addresses(study)
    assert any("/big/" in one for one in before)
    follow("sqlite:///mlruns/mlflow.db")
    assert addresses(study) == before
    Path("text.db").write_text("no database", encoding="utf-8")
    follow("sqlite:///text.db")
    follow("sqlite:///nowhere.db")
    assert not Path("nowhere.db").exists()
