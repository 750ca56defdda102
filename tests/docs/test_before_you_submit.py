"""The page on what to do before a paper is submitted: its example of answers is one."""

from __future__ import annotations

from pathlib import Path

import pytest
from blocks import blocks
from conftest import REPOSITORY

from digicarbon.packs.deposit.package.answers import answers, open_questions

pytestmark = pytest.mark.long


@pytest.mark.parametrize("page", ["before_you_submit.md", "zh/before_you_submit.md"])
def test_the_example_of_answers_is_taken(page: str, tmp_path: Path) -> None:
    text = next(block.text for block in blocks(REPOSITORY / "docs" / page) if block.language == "yaml")
    file = tmp_path / "package.yaml"
    file.write_text(text, encoding="utf-8")
    given = answers(file)
    assert given.authors[0].name == "Li Hua"
    assert given.of("mydata").share is False
    still_open = open_questions(given, {"mydata": {"title"}})
    assert still_open
    assert not [one.key for one in still_open if one.key.startswith("data.")]
