"""What is recorded of the code: uncommitted changes are those that may change numbers."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from digicarbon.tracking._code import uncommitted


@pytest.fixture
def repository(folder: Path) -> Path:
    """A working directory with everything committed, the store, too."""
    for name in ("conf/model/mine.yaml", "mine.py", "mlruns/mlflow.db", "table.md", ".gitignore"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("*.log\nold.py\n", encoding="utf-8")
    author = ("-c", "user.name=me", "-c", "user.email=me@example.org")
    for words in (("init", "-q"), ("add", "."), (*author, "commit", "-qm", "first")):
        subprocess.run(["git", *words], check=True)
    assert not uncommitted()
    return folder


@pytest.mark.parametrize("name", ["mlruns/mlflow.db", "mlruns/artifacts/a.py", "paper.tex", "said.log", "old.py"])
def test_stores_and_outputs_are_no_changes(repository: Path, name: str) -> None:
    (repository / name).parent.mkdir(parents=True, exist_ok=True)
    (repository / name).write_text("new", encoding="utf-8")
    assert not uncommitted()


@pytest.mark.parametrize(
    "name",
    ["mine.py", "table.md", "conf/model/mine.yaml", "conf/model/new.yaml", "experiments/new.yaml", "models/new.py"],
)
def test_what_git_knows_and_what_runs_may_read_are_changes(repository: Path, name: str) -> None:
    (repository / name).parent.mkdir(parents=True, exist_ok=True)
    (repository / name).write_text("new", encoding="utf-8")
    assert uncommitted()


def test_a_change_elsewhere_in_the_repository_counts(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (repository / "study").mkdir()
    monkeypatch.chdir(repository / "study")
    assert not uncommitted()
    (repository / "mine.py").write_text("new", encoding="utf-8")
    assert uncommitted()


def test_no_repository_is_no_change(folder: Path) -> None:
    assert not uncommitted()
