"""Summaries of thousands of runs: focal coefficients by each choice, diagnostics by their rows."""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from digicarbon.note import Note
from digicarbon.report.base import Record, Table, counted_notes, counted_once, summarised
from digicarbon.report.focal import focal
from digicarbon.report.kinds import Multiverse
from digicarbon.report.labels import Labels
from digicarbon.report.regimes import with_regimes
from digicarbon.report.signs import counts_by_part, in_words

MOST_VALUES = 20
"""A choice with more values has no rows."""
MOST_TEXTS = 3
"""How many different texts of a cell are shown."""


def coefficients(
    title: str,
    records: Sequence[Record],
    level: float,
    decimals: int,
    words: Labels,
    multiverse: Multiverse | None = None,
) -> Table:
    """Return runs, signs, significance, range and median of focal coefficients, over all runs and by each choice.

    Records are read once; parts of a multiverse are counted apart.
    """
    focal_runs = focal(records, by_column=True)
    words = with_regimes(words, focal_runs.regimes)
    differing = {key: len(values) for key, values in focal_runs.varied.items() if len(values) > 1}
    long_choices = [
        Note("many_values", key=key, values=number) for key, number in differing.items() if number > MOST_VALUES
    ]
    rows = focal_runs.rows
    if rows.empty:
        cells = pd.DataFrame({"runs": [str(focal_runs.runs)]}, index=["all"])
        rules: tuple[int, ...] = ()
        first_note = Note("no_focal_term")
    else:
        whole, _ = focal_runs.whole()
        terms = ["term"] if whole["term"].nunique() > 1 else []
        few = [key for key, number in differing.items() if number <= MOST_VALUES]
        cells, rules = counts_by_part(focal_runs, [*terms, *few], level, decimals, words, multiverse)
        several_terms = whole["record"].nunique() != len(whole)
        counts_note = Note("focal_counts", runs=focal_runs.runs, level=level)
        first_note = counts_note if several_terms else Note("focal_coefficients", level=level)
    notes = [Note("outcome", outcomes=tuple(focal_runs.outcomes), said=first_note)]
    if long_choices:
        notes.append(Note("not_counted", keys=long_choices))
    notes += [*focal_runs.boundary_notes(), *focal_runs.pieces_notes()]
    notes += [*counted_notes(focal_runs.notes, focal_runs.runs), *counted_once(focal_runs.again)]
    notes.append(summarised(focal_runs.runs, again=focal_runs.again))
    return Table(title, in_words(cells, words), rules, words.notes(notes), language=words.spoken)


@dataclass
class _Cell:
    """The values of one cell in all runs: numbers in eight bytes each, notes and texts counted."""

    numbers: array[float] = field(default_factory=lambda: array("d"))
    texts: Counter[Note | str] = field(default_factory=Counter)

    def add(self, value: object) -> None:
        if isinstance(value, float | int) and not isinstance(value, bool):
            self.numbers.append(value)
        else:
            self.texts[value if isinstance(value, Note) else str(value)] += 1

    def shown(self, write: Callable[[object], str], words: Labels) -> str:
        values = np.array(self.numbers)
        finite = values[np.isfinite(values)]
        parts = []
        if len(finite):
            low, middle, high = (write(float(x)) for x in (finite.min(), np.median(finite), finite.max()))
            parts.append(low if low == high else f"{middle} [{low}, {high}]")
        every = len(values) + self.texts.total()
        common = self.texts.most_common(MOST_TEXTS)
        for text, often in common:
            said = words.cell(text)
            parts.append(said if often == every else words.cell(Note("counted", said=said, times=often)))
        if len(self.texts) > len(common):
            parts.append(words.cell(Note("others_of_cell", others=len(self.texts) - len(common))))
        return "; ".join(parts)


def across(
    title: str, tables: Iterable[tuple[Record, pd.DataFrame]], write: Callable[[object], str], words: Labels
) -> Table:
    """Return the rows of a diagnostic over all runs: median and range of numbers, the most frequent texts.

    Each run comes with its table, whose index has the labels of rows; ``write`` turns a value into text.
    """
    cells: dict[str, dict[str, _Cell]] = {}
    runs: Counter[str] = Counter()
    notes: Counter[Note] = Counter()
    count = again = 0
    for record, table in tables:
        if record.again:
            again += 1
            continue
        count += 1
        notes.update(list(dict.fromkeys(record.result.notes)))
        rows = list(map(str, table.index))
        runs.update(set(rows))
        for column in table.columns:
            for row, value in zip(rows, table[column].tolist(), strict=True):
                cells.setdefault(row, {}).setdefault(str(column), _Cell()).add(value)
    texts = {
        row: {"runs": str(runs[row]), **{column: cell.shown(write, words) for column, cell in columns.items()}}
        for row, columns in cells.items()
    }
    frame = pd.DataFrame.from_dict(texts, orient="index").fillna("")
    all_notes = (Note("medians"), *counted_notes(notes, count), *counted_once(again))
    note_texts = words.notes((*all_notes, summarised(count, again=again)))
    return Table(title, in_words(frame, words), (), note_texts, language=words.spoken)
