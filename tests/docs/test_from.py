"""Pages for those who come from another program: each file composes, and a check of it and of its data passes."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest
from blocks import blocks
from conftest import REPOSITORY

from digicarbon.__main__ import main

pytestmark = pytest.mark.long

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


@pytest.mark.parametrize("page", ["from_stata.md", "zh/from_stata.md"])
def test_the_table_of_instruments_has_what_the_page_promises_and_fits_a_terminal(
    page: str, project: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    write(page.removesuffix(".md"), project)
    assert main(["run", "iv"]) == 0
    shown = capfd.readouterr().out.splitlines()
    rows = {line[1:].split("│")[0].strip(): line for line in shown if line.startswith("│")}
    wanted = {"ln_digital", "ln_pgdp", "First-stage F", "Cragg-Donald F", "Kleibergen-Paap F"}
    wanted |= {"Kleibergen-Paap LM", "Anderson-Rubin", "Anderson-Rubin set, from", "Sargan/Hansen"}
    assert wanted <= rows.keys()
    for name in wanted:
        assert len(re.findall(r"-?\d+\.\d{4}", rows[name])) >= 2, rows[name]
    assert max(len(line.rstrip()) for line in shown if line.startswith(("│", "┏", "└"))) <= 100
