"""The tutorial to the letter, and what both languages share."""

from __future__ import annotations

from pathlib import Path

import pytest
from blocks import blocks, follow
from conftest import REPOSITORY

DOCS = REPOSITORY / "docs"


def test_every_command_prints_what_the_page_shows(project: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert follow(DOCS / "tutorial.md", project, capfd) >= 8


def test_the_install_block_is_the_command_of_the_readme() -> None:
    (install,) = [block.text for block in blocks(DOCS / "tutorial.md") if block.title == "install"]
    readme = (REPOSITORY / "README.md").read_text(encoding="utf-8")
    assert install.splitlines()[0] in readme
    assert ".venv/bin/pip install -q -c constraints.txt " in install
    assert ".venv/bin/pip install -q -c constraints.txt ." in readme


@pytest.mark.parametrize(
    ("english", "chinese"),
    [
        ("README.md", "README.zh.md"),
        ("docs/tutorial.md", "docs/zh/tutorial.md"),
        ("docs/new.md", "docs/zh/new.md"),
    ],
)
def test_both_languages_have_the_same_code(english: str, chinese: str) -> None:
    ours, theirs = blocks(REPOSITORY / english), blocks(REPOSITORY / chinese)
    assert len(ours) >= 8
    assert theirs == ours
