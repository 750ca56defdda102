"""What other tools read of a run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from digicarbon.arrays import FloatArray
from digicarbon.panel import Index, Panel
from digicarbon.weights import Weights


@dataclass(frozen=True, eq=False)
class Extract:
    """The columns of a panel that a model is fitted to, and what each of them is.

    Attributes
    ----------
    index : Index
        Rows of `columns`.
    columns : mapping of str to ndarray, shape (rows,)
        Outcome, regressors, their spatial lags, instruments.
    regressors : tuple of str
        In the order of the model, dummies spelt out.
    weights : Weights or None
        In the order of the units.
    further : tuple of Weights
        Further ones of a model with several.
    lagged : tuple of str
        Regressors with a spatial lag in the model; their lags are the columns ``W_<name>``.
    instruments : tuple of str
        Excluded ones.
    endogenous : tuple of str
        Regressors that are instrumented.
    lag_terms : mapping of str to (str, int)
        Terms that the tool makes itself: the column that is lagged, and by how many periods.
    """

    index: Index
    columns: Mapping[str, FloatArray]
    regressors: tuple[str, ...]
    weights: Weights | None = None
    further: tuple[Weights, ...] = ()
    lagged: tuple[str, ...] = ()
    instruments: tuple[str, ...] = ()
    endogenous: tuple[str, ...] = ()
    lag_terms: Mapping[str, tuple[str, int]] = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        panel: Panel,
        y: str,
        regressors: tuple[str, ...],
        weights: Weights | None = None,
        weighted_by: str | None = None,
    ) -> Extract:
        """Return the extract of a regression of a column on others, with the column by which rows weigh."""
        names = (y, *regressors, *(() if weighted_by is None else (weighted_by,)))
        return cls(panel.index, columns_of(panel, names), regressors, weights)

    @property
    def n(self) -> int:
        """Units."""
        return len(self.index.units)

    @property
    def t(self) -> int:
        """Periods."""
        return len(self.index.periods)

    @property
    def balanced(self) -> bool:
        """Whether each unit has each period."""
        return len(self.index) == self.n * self.t

    @property
    def without_gaps(self) -> bool:
        """Whether each unit's rows follow each other on the calendar."""
        if not self.index.ordered:
            return self.balanced
        order = self.index.positions[self.index.period_codes]
        units = self.index.unit_codes
        return bool(np.all((np.diff(order) == 1) | (np.diff(units) != 0)))


def columns_of(panel: Panel, names: tuple[str, ...]) -> dict[str, FloatArray]:
    """Return columns by name, each of shape (rows,)."""
    return {name: panel.column(name) for name in names}
