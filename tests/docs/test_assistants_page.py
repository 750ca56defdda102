"""The page for assistants: its examples pass the check, and its options are those that there are."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest
from blocks import blocks
from conftest import REPOSITORY

from digicarbon.__main__ import main
from digicarbon.config.compose import loader, options
from digicarbon.config.files import GROUPS

DOCS = REPOSITORY / "docs"
PAGE, CHINESE = DOCS / "assistants.md", DOCS / "zh" / "assistants.md"
MOST = 12_000
"""Characters of a page that is to fit into a prompt beside other things."""


def examples() -> dict[str, str]:
    """Return the files of the page by name."""
    texts = [block.text for block in blocks(PAGE) if block.language == "yaml"]
    return {text.removeprefix("# experiments/").partition(".yaml")[0]: text for text in texts}


EXAMPLES = examples()


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_passes_the_check(name: str, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for path in (DOCS / "example").glob("*.csv"):
        shutil.copy(path, folder)
    (folder / "experiments").mkdir()
    for other, text in EXAMPLES.items():
        (folder / "experiments" / f"{other}.yaml").write_text(text, encoding="utf-8")
    assert main(["check", name]) == 0, capsys.readouterr().err


@pytest.mark.parametrize("page", [PAGE, CHINESE])
def test_all_options_are_there_and_the_page_is_short(page: Path, folder: Path) -> None:
    text = page.read_text(encoding="utf-8")
    rows = dict(re.findall(r"(?m)^\| `(\w+)` \| [^|]+ \| `([\w, ]+)` \|$", text))
    known = {group: ", ".join(options(loader(), group)) for group in (*GROUPS, "importer")}
    assert {group: rows.get(group) for group in known} == known
    assert len(text) < MOST


def test_the_pages_that_llms_txt_names_are_there() -> None:
    names = re.findall(r"\]\(([^)]+)\)", (REPOSITORY / "llms.txt").read_text(encoding="utf-8"))
    assert "docs/assistants.md" in names
    assert [name for name in names if not (REPOSITORY / name).is_file()] == []
