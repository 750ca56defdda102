"""A study of one's own: the commands of the page, and of the README in the new folder, run and print what they say."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from blocks import follow
from conftest import REPOSITORY

from digicarbon.__main__ import main

pytestmark = pytest.mark.long


def test_new_page(project: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert follow(REPOSITORY / "docs" / "new.md", project, capfd) == 5


@pytest.mark.parametrize("language", ["en", "zh"])
def test_readme_of_a_new_study(
    language: str, folder: Path, empty_store: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert main(["new", "my study", "--language", language]) == 0
    study = folder / "my study"
    monkeypatch.chdir(study)
    (study / "mlruns").mkdir()
    shutil.copy(empty_store, study / "mlruns" / "mlflow.db")
    assert (study / "README.md").read_text(encoding="utf-8").startswith("# my study\n")
    assert follow(study / "README.md", study, capfd) == 6
    assert (study / "out" / "index.html").is_file()
