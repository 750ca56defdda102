"""Pages on how to add something: each example is saved and run as a reader would."""

from __future__ import annotations

from pathlib import Path

import pytest
from blocks import follow
from conftest import REPOSITORY

from digicarbon.config.files import GROUPS

pytestmark = pytest.mark.long

FOLDER = REPOSITORY / "docs" / "how"
# a pack is installed: tests/packs/test_packs.py
PAGES = sorted(page.stem for page in FOLDER.glob("*.md") if page.stem not in ("index", "pack"))


def test_every_group_that_users_extend_has_a_page() -> None:
    assert set(PAGES) == {*GROUPS, "importer"} - {"inference", "panel", "tracking"}


@pytest.mark.parametrize("page", PAGES)
def test_examples_run(page: str, project: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert follow(FOLDER / f"{page}.md", project, capfd) >= 1
