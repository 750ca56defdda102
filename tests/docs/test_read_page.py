"""The page on data as people have them: its commands run and print what it shows, in both languages' pages alike."""

from __future__ import annotations

from pathlib import Path

import pytest
from blocks import follow
from conftest import REPOSITORY

pytestmark = pytest.mark.long


def test_every_command_prints_what_the_page_shows(project: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert follow(REPOSITORY / "docs" / "read.md", project, capfd) == 3
