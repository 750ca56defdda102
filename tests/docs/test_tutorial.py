"""The tutorial to the letter."""

from __future__ import annotations

from pathlib import Path

import pytest
from blocks import blocks, follow
from conftest import REPOSITORY

pytestmark = pytest.mark.long

DOCS = REPOSITORY / "docs"


def test_every_command_prints_what_the_page_shows(project: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert follow(DOCS / "tutorial.md", project, capfd) >= 8


def test_the_install_block_is_the_command_of_the_readme() -> None:
    (install,) = [block.text for block in blocks(DOCS / "tutorial.md") if block.title == "install"]
    (readme,) = [block.text for block in blocks(REPOSITORY / "README.md") if block.title == "install"]
    assert readme.startswith(" && ".join(install.splitlines()[:2]))
