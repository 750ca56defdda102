"""Rows of a table of tests, and the arrays that tests after least squares take."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import pandas as pd

from digicarbon.arrays import FloatArray
from digicarbon.errors import DigicarbonError, WeightsError
from digicarbon.note import Note, note_of
from digicarbon.numeric.linear.statistic import Statistic
from digicarbon.numeric.linear.within import EffectsKind
from digicarbon.numeric.significance import is_significant
from digicarbon.numeric.tests.nested import Hausman
from digicarbon.panel import Panel
from digicarbon.weights import Weights

NEGATIVE = Note("negative_statistic")


def where_possible(test: str, rows: Callable[[], list[Row]]) -> list[Row]:
    """Return rows, or one row that says why these tests are not possible; the other tests of a table stay."""
    try:
        return rows()
    except DigicarbonError as error:
        return [Row(test, not_tested(note_of(error)))]
    except np.linalg.LinAlgError:
        return [Row(test, not_tested(Note("test_matrix_singular")))]


def not_tested(why: Note) -> Note:
    """Return the note that replaces a null hypothesis where there is no test."""
    return Note("not_tested", why=why)


def followed(null: Note, *more: Note) -> Note:
    """Return a null followed by further notes on its test."""
    first = null["said"] if null.code == "sentences" else (null,)
    return Note("sentences", said=(*first, *more))


@dataclass(frozen=True)
class Row:
    """One test; numbers are not-a-number where there is none.

    ``null`` is the null hypothesis, with what a reader must know about the statistic; or why there is no test.
    ``reliable`` says whether a decision may rest on p; ``df2`` is of F's denominator; ``form`` that of the Hausman
    test, where there are several.
    """

    test: str
    null: Note
    statistic: float = math.nan
    df: float = math.nan
    p: float = math.nan
    reliable: bool = True
    df2: float = math.nan
    form: Literal["", "sigmamore", "robust"] = ""

    @classmethod
    def of(cls, test: str, null: Note, statistic: Statistic) -> Row:
        """Return the row of a statistic."""
        return cls(test, null, statistic.value, statistic.df, statistic.p, df2=statistic.df2)

    def decision(self, alpha: float) -> Note:
        """Return whether the null is rejected at a level, with the null; without a test only the note on it."""
        if math.isnan(self.p):
            return self.null
        if not self.reliable:
            return Note("undecided", null=self.null)
        return Note("rejected" if is_significant(self.p, alpha) else "not_rejected", level=alpha, null=self.null)


def contrast_row(test: str, null: Note, result: Hausman, negative: Note = NEGATIVE) -> Row:
    """Return the row of a Hausman statistic, with a note if it is negative or of an indefinite difference."""
    if result.statistic.value < 0:
        null = followed(null, negative)
    elif not result.definite:
        null = followed(null, Note("indefinite_difference"))
    return replace(Row.of(test, null, result.statistic), reliable=result.definite)


def table(rows: Iterable[Row]) -> pd.DataFrame:
    """Return a DataFrame with columns test, null (notes), statistic, df, df2 and p."""
    lines = [(row.test, row.null, row.statistic, row.df, row.df2, row.p) for row in rows]
    return pd.DataFrame(lines, columns=["test", "null", "statistic", "df", "df2", "p"])


class Findings(pd.DataFrame):
    """A table of tests that is shown as one, in a notebook and a terminal: rounded, sentences wrapped, nothing cut.

    What is computed from it is an ordinary DataFrame.
    """

    @property
    def _constructor(self) -> type[pd.DataFrame]:
        return pd.DataFrame

    def __repr__(self) -> str:
        """Return lines of 80 letters; longer ones where the names of rows would be cut within a word."""
        import io

        from rich import box
        from rich.console import Console
        from rich.table import Table as RichTable

        cells = _shown(self)
        # sentences would make a line of each word
        sentences = [name for name in cells if max(map(len, cells[name]), default=0) > LONGEST_CELL]
        cells = cells.drop(columns=sentences)
        labelled = self.index.name is not None or self.index.dtype == object
        table = RichTable(box=box.SIMPLE, pad_edge=False, padding=(0, 1))
        if labelled:
            names = [str(self.index.name or ""), *map(str, cells.index[:MOST_ROWS])]
            longest = max(len(word) for name in names for word in name.split() or [""])
            widest = max(map(len, names))
            least = max(longest, min(widest, NAMES))
            table.add_column(str(self.index.name or ""), overflow="fold", min_width=least)
        for name in cells:
            numbers = pd.api.types.is_numeric_dtype(self[name])
            table.add_column(str(name), justify="right" if numbers else "left", overflow="fold", no_wrap=numbers)
        rows = cells.head(MOST_ROWS).itertuples(index=False)
        for label, row in zip(cells.index, rows, strict=False):
            table.add_row(*([str(label)] if labelled else []), *row)
        stream = io.StringIO()
        console = Console(
            file=stream, width=WIDTH, markup=False, emoji=False, highlight=False, force_jupyter=False, color_system=None
        )
        console.width = max(WIDTH, console.measure(table, options=console.options.update(max_width=MOST)).minimum)
        console.print(table)
        lines = [line.rstrip() for line in stream.getvalue().splitlines() if line.strip()]
        more = len(self) - MOST_ROWS
        if more > 0:
            lines.append(f"… and {more} more rows")
        if sentences:
            lines.append(f"Sentences are in {', '.join(map(str, sentences))}.")
        return "\n".join(lines)

    def __str__(self) -> str:
        return repr(self)

    def _repr_html_(self) -> str:
        """Return the same for a notebook."""
        labelled = self.index.name is not None or self.index.dtype == object
        return str(_shown(self).head(MOST_ROWS).to_html(index=labelled, border=0, justify="left"))


WIDTH = 80
MOST = 1000
"""Letters of a line that are measured."""
NAMES = 24
"""Letters that a column of names has at least, if its names are so long."""
LONGEST_CELL = 45
"""Letters from which a column holds sentences: it is left out of lines of text, not of a notebook."""
MOST_ROWS = 60
"""Largest number of rows that a table of tests shows."""


def _shown(frame: pd.DataFrame) -> pd.DataFrame:
    """Return cells as texts: four decimals, none in a column of whole numbers, blanks for not-a-number.

    A p value is never zero.
    """
    texts = {name: _texts(frame[name].tolist()) for name in frame.columns}
    if "p" in texts:
        # also where all of them are 0 or 1
        every = [_text(cell, ".4f") for cell in frame["p"].tolist()]
        texts["p"] = ["<0.0001" if text == "0.0000" else text for text in every]
    return pd.DataFrame(texts, index=frame.index, dtype=object)


def _texts(cells: Sequence[object]) -> list[str]:
    numbers = [cell for cell in cells if isinstance(cell, int | float) and np.isfinite(cell)]
    form = ".0f" if all(float(number).is_integer() for number in numbers) else ".4f"
    return [_text(cell, form) for cell in cells]


def _text(cell: object, form: str) -> str:
    if isinstance(cell, bool) or not isinstance(cell, int | float):
        return "" if cell is None else str(cell)
    return "" if np.isnan(cell) else format(cell, form)


def in_english(frame: pd.DataFrame) -> pd.DataFrame:
    """Return a table for Python callers: the English words of its notes."""
    columns = {name: frame[name] for name in frame.columns if frame[name].dtype == object}
    texts = {name: [str(cell) if isinstance(cell, Note) else cell for cell in cells] for name, cells in columns.items()}
    return Findings(frame.assign(**texts))


def aligned(panel: Panel, weights: Weights | None, what: Note) -> Weights:
    """Return the weights in the panel's order; a `WeightsError` for none, for other units, or if all are zero."""
    if weights is None:
        raise WeightsError(Note("weights_needed_for", what=what))
    result = weights.align(panel)
    if result.matrix.nnz == 0:
        raise WeightsError(Note("weights_without_link_for", weights=result.called, what=what))
    return result


def regression(panel: Panel, y: str, regressors: tuple[str, ...], effects: EffectsKind) -> FloatArray:
    """Return raw Z (with a constant where there are no effects) and y of a balanced panel, shape (T, N, k + 1)."""
    cube = panel.cube((*regressors, y))
    return cube if effects != "none" else np.concatenate([np.ones((*cube.shape[:2], 1)), cube], axis=2)


def effects_words(effects: EffectsKind) -> Note:
    """Return the effects as words that follow "with"."""
    words = {
        "none": Note("no_effects"),
        "unit": Note("unit_effects"),
        "time": Note("time_effects"),
        "two_way": Note("two_way_effects"),
    }
    return words[effects]
