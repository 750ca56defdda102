"""The Chinese pages: code and numbers of the English ones, and links to Chinese pages where they exist."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from blocks import blocks
from conftest import REPOSITORY

DOCS = REPOSITORY / "docs"
CHINESE = DOCS / "zh"
ONLY_CHINESE = ("glossary.md",)
PAIRS = [
    (REPOSITORY / "README.md", REPOSITORY / "README.zh.md"),
    *(
        (DOCS / page.relative_to(CHINESE), page)
        for page in sorted(CHINESE.rglob("*.md"))
        if page.name not in ONLY_CHINESE
    ),
]
NUMBER = re.compile(r"(?<![A-Za-z\d_.])\d+\.\d+(?![A-Za-z\d_]|\.\d)")
"""Numbers with decimals: results, not years or sections."""
LINK = re.compile(r"\]\((?!https?:|#)([^)#\s]+)")
NAMES = [pair[1].relative_to(REPOSITORY).as_posix() for pair in PAIRS]


def numbers(page: Path) -> list[str]:
    """Numbers in the rows of a page's tables, in their order."""
    rows = [line for line in page.read_text(encoding="utf-8").splitlines() if line.startswith("|")]
    return NUMBER.findall("\n".join(rows))


@pytest.mark.parametrize(("english", "chinese"), PAIRS, ids=NAMES)
def test_code_is_the_same(english: Path, chinese: Path) -> None:
    assert blocks(chinese) == blocks(english)


@pytest.mark.parametrize(("english", "chinese"), PAIRS, ids=NAMES)
def test_numbers_of_tables_are_the_same(english: Path, chinese: Path) -> None:
    assert numbers(chinese) == numbers(english)


@pytest.mark.parametrize(("english", "chinese"), PAIRS, ids=NAMES)
def test_both_lead_to_each_other_and_to_pages_of_their_language(english: Path, chinese: Path) -> None:
    targets = [(chinese.parent / link).resolve() for link in LINK.findall(chinese.read_text(encoding="utf-8"))]
    assert english in targets
    assert chinese in [(english.parent / link).resolve() for link in LINK.findall(english.read_text(encoding="utf-8"))]
    translated = {theirs: ours for theirs, ours in PAIRS if theirs != english}
    assert not [target for target in targets if target in translated]


def test_enough_is_translated() -> None:
    wanted = ("tutorial", "tables", "sweeps", "inference", "spatial", "data", "curve", "how/model", "new", "glossary")
    assert all((CHINESE / f"{name}.md").is_file() for name in wanted)


def test_no_sentence_is_english() -> None:
    for _, page in PAIRS:
        text = re.sub(r"^```.*?^```$|`[^`]*`", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
        found = re.findall(r"^.*(?:\b[a-z]+,? ){7}.*$", text, re.MULTILINE)
        assert not found, (page, found)
