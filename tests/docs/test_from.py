"""Pages for those who come from another program: each file composes, and a check of it and of its data passes."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from blocks import blocks
from conftest import REPOSITORY

from digicarbon.__main__ import main

DOCS = REPOSITORY / "docs"
PAGES = ("from_stata", "from_r", "from_pysal")
FILES = [
    (page, block.title)
    for page in PAGES
    for block in blocks(DOCS / f"{page}.md")
    if block.language == "yaml" and not block.title.startswith("conf/")
]


def write(page: str, folder: Path) -> None:
    for name in ("panel", "neighbours"):
        shutil.copy(DOCS / "example" / f"{name}.csv", folder)
    for block in blocks(DOCS / f"{page}.md"):
        if block.language == "yaml":
            file = folder / block.title
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(block.text, encoding="utf-8")


@pytest.mark.parametrize("page", PAGES)
def test_every_file_has_a_name(page: str) -> None:
    titles = [title for name, title in FILES if name == page]
    assert len(titles) >= 5
    assert all(title.startswith("experiments/") for title in titles)
    assert len(set(titles)) == len(titles)


@pytest.mark.parametrize(("page", "file"), FILES)
def test_a_file_composes_and_passes_the_check(
    page: str, file: str, project: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    write(page, project)
    assert main(["check", Path(file).stem]) == 0, capfd.readouterr().err
