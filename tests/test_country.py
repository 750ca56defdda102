"""General rooms speak of units: only the room of a country names its provinces and its column of regions."""

from __future__ import annotations

from pathlib import Path

import pytest
from code_facts import codes_made, places_named

import digicarbon
from digicarbon.data import command_words, error_words, note_words, old_note_words

ROOT = Path(digicarbon.__file__).parent
ROOMS = ("packs/china",)


def test_general_rooms_name_no_province_and_no_column_of_regions() -> None:
    assert places_named(ROOT, ROOMS) == []


@pytest.mark.parametrize(
    "line",
    [
        'frame["province"]',
        "# a province",
        'def of(Province="")',
        'by: str = "region"',
        "panel.text['region']",
        '"""The column ``region``."""',
        'terms = ("a:C(region)",)',
        "query = \"region != 'west'\"",
    ],
)
def test_such_a_name_would_be_seen(tmp_path: Path, line: str) -> None:
    for room in ("source", "packs/china"):
        (tmp_path / room).mkdir(parents=True)
        (tmp_path / room / "a.py").write_text(f"x = 1\n# {line}\n", encoding="utf-8")
    assert places_named(tmp_path, ROOMS) == ["source/a.py:2"]


def test_the_messages_of_general_rooms_name_no_province() -> None:
    words = {**note_words(), **error_words(), **command_words()}
    used = (codes_made(ROOT, ROOMS) & set(words)) - set(old_note_words())
    assert len(used) > 500
    named = [code for code in used if "province" in f"{code} {words[code]['en']}".lower()]
    assert named == []
    assert [code for code in used if "省份" in words[code]["zh"] or "省会" in words[code]["zh"]] == []
