"""The gallery and the first lines in Python: their commands run as shown, and their pictures are there and small."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest
from blocks import FENCE, follow
from conftest import REPOSITORY

pytestmark = pytest.mark.long

DOCS = REPOSITORY / "docs"
GALLERY = DOCS / "gallery.md"
PICTURE = re.compile(r"!\[([^\]]+)\]\(([^)]+)\)")


def test_every_command_of_the_gallery_runs(project: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert follow(GALLERY, project, capfd) >= 10
    assert (project / "paper" / "table.docx").is_file()


def test_the_first_lines_in_python_run(project: Path, capfd: pytest.CaptureFixture[str]) -> None:
    for file in (DOCS / "example").glob("*.csv"):
        shutil.copy(file, project)
    assert follow(DOCS / "api.md", project, capfd) == 1
    assert (project / "table.docx").is_file()


def test_pictures_are_there_are_small_and_stand_below_a_command() -> None:
    text = GALLERY.read_text(encoding="utf-8")
    pictures = list(PICTURE.finditer(text))
    assert len(pictures) >= 10
    for picture in pictures:
        file = DOCS / picture[2]
        assert file.stat().st_size < 100_000, file
        assert "SIMULATED data" in picture[1]
        *_, block = FENCE.finditer(text[: picture.start()])
        assert block[1] == "sh"
    # none is left over
    named = {(DOCS / picture[2]).name for picture in pictures} | {"curve.png"}
    assert {file.name for file in (DOCS / "gallery").iterdir()} == named
