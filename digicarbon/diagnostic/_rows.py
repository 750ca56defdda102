"""Rows of a table of tests, and the arrays that tests after least squares take."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from digicarbon.arrays import FloatArray
from digicarbon.errors import DigicarbonError, WeightsError
from digicarbon.note import Note, note_of
from digicarbon.numeric.linear.statistic import Statistic
from digicarbon.numeric.linear.within import EffectsKind
from digicarbon.panel import Panel
from digicarbon.weights import Weights


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
    """One test.

    Attributes
    ----------
    test : str
        Name of the test.
    null : Note
        The null hypothesis, with what a reader must know about the statistic; or why there is no test.
    statistic, df, p : float
        Not-a-number where there is none.
    reliable : bool
        Whether a decision may rest on p.
    df2 : float
        Degrees of freedom of F's denominator.
    form : str
        The form of the Hausman test, where there are several.
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
        return Note("rejected" if self.p <= alpha else "not_rejected", level=alpha, null=self.null)


def table(rows: Iterable[Row]) -> pd.DataFrame:
    """Return a DataFrame with columns test, null (notes), statistic, df, df2 and p."""
    lines = [(row.test, row.null, row.statistic, row.df, row.df2, row.p) for row in rows]
    return pd.DataFrame(lines, columns=["test", "null", "statistic", "df", "df2", "p"])


def in_english(frame: pd.DataFrame) -> pd.DataFrame:
    """Return a table for Python callers: the English words of its notes."""
    columns = {name: frame[name] for name in frame.columns if frame[name].dtype == object}
    texts = {name: [str(cell) if isinstance(cell, Note) else cell for cell in cells] for name, cells in columns.items()}
    return frame.assign(**texts)


def aligned(panel: Panel, weights: Weights | None, what: Note) -> Weights:
    """Return the weights in the panel's order.

    Raises
    ------
    WeightsError
        If there are none, they do not fit the panel, or all of them are zero.
    """
    if weights is None:
        raise WeightsError(Note("weights_needed_for", what=what))
    result = weights.align(panel)
    if result.matrix.nnz == 0:
        raise WeightsError(Note("weights_without_link_for", weights=result.name, what=what))
    return result


def regression(panel: Panel, y: str, regressors: tuple[str, ...], effects: EffectsKind) -> FloatArray:
    """Return raw Z (with a constant where there are no effects) and y, shape (T, N, k + 1).

    Raises
    ------
    DataError
        If the panel is not balanced or a column is missing.
    """
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
