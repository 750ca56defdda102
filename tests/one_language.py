"""Whether all that a reader sees of a table of simulated data is in one language."""

from __future__ import annotations

import re
from collections.abc import Iterator

from english import english

from digicarbon.data import note_words
from digicarbon.note._words import template
from digicarbon.report import Table

ADVICE = frozenset(
    key
    for code in note_words()
    for piece in template(code, "en")
    if isinstance(piece, str)
    for key in re.findall(r"(?a:[a-z]\w*(?:[._=]\w+)+)", piece)
)
"""What notes tell the reader to write, e.g. ``report.most_runs``; their templates hold it."""


def assert_chinese(table: Table | None) -> None:
    assert table is not None
    assert table.title.endswith("（SIMULATED：模拟数据）")
    assert len([note for part in walk(table) for note in part.notes]) > 1
    for text in texts(table):
        shown = re.sub(r"经[^，；]*(, permuted \(\d+\))?过滤", "", text)
        assert english(shown) == [], text
        assert keys(text) == [], text


def assert_english(table: Table | None) -> None:
    assert table is not None
    for text in texts(table):
        assert not re.search("[\u2e80-\uffef]", text), text
        assert keys(text) == [], text


def walk(table: Table | None) -> Iterator[Table]:
    while table is not None:
        yield table
        table = table.below


def texts(table: Table) -> Iterator[str]:
    """Yield all that a reader sees: titles, heads, rows, cells and notes."""
    for part in walk(table):
        yield part.title
        yield from (words for words, _ in part.spanners)
        yield from map(str, (*part.cells.columns, *part.cells.index, *part.cells.to_numpy().ravel()))
        yield from part.notes


def keys(text: str) -> list[str]:
    """Return names of choices and variables as a specification writes them, e.g. ``model.effects`` or ``ln_e``."""
    plain = re.sub(r"`[^`]*`|'[^']*'|[\w/]+\.(?:csv|parquet)\b", " ", text)
    found = re.findall(r"(?a:\b[a-zA-Z]\w*(?:[._=]+[A-Za-z]\w*)+)", plain)
    return [key for key in found if not any(key.startswith(known) or known.startswith(key) for known in ADVICE)]
