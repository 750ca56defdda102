"""The README to the letter, as an economist would who has Python and a CSV."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from blocks import blocks, follow
from conftest import REPOSITORY

pytestmark = pytest.mark.long

PAGE = REPOSITORY / "README.md"
EXAMPLE = REPOSITORY / "docs" / "example"


@pytest.mark.parametrize("page", ["README.md", "README.zh.md"])
def test_a_reader_who_follows_it_sees_what_it_shows(
    page: str, project: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert follow(REPOSITORY / page, project, capfd) == 6
    for name in ("table.docx", "table.xlsx", "table.tex", "index.html"):
        assert (project / "mystudy" / "paper" / name).is_file()


def test_the_example_is_the_data_of_the_tutorial(tmp_path: Path) -> None:
    (program,) = [block for block in blocks(REPOSITORY / "docs" / "tutorial.md") if block.title == "make_data.py"]
    subprocess.run([sys.executable, "-c", program.text], cwd=tmp_path, check=True)
    for file in EXAMPLE.glob("*.csv"):
        assert file.read_text(encoding="utf-8") == (tmp_path / file.name).read_text(encoding="utf-8")


def test_the_first_file_has_five_lines_and_no_word_of_hydra() -> None:
    first = next(block for block in blocks(PAGE) if block.title == "experiments/mine.yaml")
    assert len(first.text.splitlines()) == 5
    text = PAGE.read_text(encoding="utf-8")
    assert not [word for word in ("Hydra", "override", "_self_", "defaults") if word in text]
    assert len(text.splitlines()) <= 90
