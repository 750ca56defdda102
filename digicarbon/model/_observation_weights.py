"""Weights of observations, read from a column of a panel."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Annotated

import numpy as np
from pydantic import AfterValidator

from digicarbon.arrays import FloatArray
from digicarbon.errors import DataError
from digicarbon.note import Note, cut
from digicarbon.panel import Panel, canonical
from digicarbon.panel._terms import parse

if TYPE_CHECKING:
    from digicarbon.model.base import Model


WEIGHTED_ERRORS = ("classic", "robust", "cluster", "driscoll_kraay")
"""Standard errors of weighted regressions: those that other packages have, too."""


def _canonical(term: str | None) -> str | None:
    return None if term is None else canonical(term)


ObservationWeights = Annotated[str | None, AfterValidator(_canonical)]
"""A column by which rows weigh, or what `Panel.with_terms` makes of one."""


@dataclass(frozen=True, eq=False)
class Weighting:
    """By which the rows of a regression weigh, as Stata's analytic weights: positive, with a mean of one.

    ``digest`` is equal for equal weights on equal rows.
    """

    values: FloatArray
    digest: bytes

    @classmethod
    def of(cls, panel: Panel, column: str) -> Weighting:
        """Return the weights in a column that is positive in each row."""
        values = panel.column(column)
        return cls(values / values.mean(), panel.columns[column].digest)

    @cached_property
    def root(self) -> FloatArray:
        """Square roots of the weights, by which rows are multiplied."""
        return np.sqrt(self.values)

    def variation(self, column: FloatArray) -> float:
        """Return the weighted sum of squares around the weighted mean of a column, shape (rows,)."""
        return float(self.values @ (column - column @ self.values / len(column)) ** 2)

    def means(self, columns: FloatArray) -> FloatArray:
        """Return weighted means of columns, shape (k,)."""
        return self.values @ columns / len(self.values)


def refuse_weights(model: Model, column: str, cov: str) -> None:
    """Raise a `ValueError` if rows of a model cannot weigh by a column."""
    if cov not in WEIGHTED_ERRORS:
        raise ValueError(Note("weighted_cov", key="cov", cov=cov))
    parts = [(term.split(":"), parse(term) or ()) for term in model.regressors]
    # a term among the others would change which dummies of `column:C(g)` there are
    slopes = any(column in names and any(factor.dummies for factor in factors) for names, factors in parts)
    if slopes and column not in model.regressors:
        raise ValueError(Note("weighted_by_factor", key="observation_weights", column=column))


def positive_rows(panel: Panel, column: str) -> tuple[Panel, tuple[Note, ...]]:
    """Return the rows with a positive weight, and a note on the others if there are some.

    Raises a `DataError` if there is no such column, or it has no value, a negative one, or nothing but zeros.
    """
    panel.require((column,))
    values = panel.column(column)
    below = np.flatnonzero(values < 0)
    if len(below):
        raise DataError(Note("observation_weights_negative", column=column, cells=panel.cells(below, values)))
    keep = values > 0
    if keep.all():
        return panel, ()
    if not keep.any():
        raise DataError(Note("observation_weights_zero", column=column))
    without = sorted(set(panel.unit_codes.tolist()) - set(panel.unit_codes[keep].tolist()))
    note = Note("observation_weights_left_out", column=column, rows=int((~keep).sum()))
    if without:
        units = cut(panel.units[unit] for unit in without)
        note = Note("observation_weights_left_out_units", column=column, rows=int((~keep).sum()), units=units)
    return panel.rows(keep), (note,)


def weighted_by(column: str) -> Note:
    """Return the note that says what observations are weighted by."""
    return Note("weighted_by", column=column)
