"""Random weights of a null model's errors: signs of units, or rotations of patterns in space."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from digicarbon.arrays import FloatArray
from digicarbon.numeric.linear.within import Rows
from digicarbon.numeric.resampling.null_model import NullModel, in_cells
from digicarbon.numeric.resampling.patterns import Patterns, rotations

EVERY = slice(None)


@dataclass(frozen=True, eq=False)
class Draws:
    """Random weights, the same for all null models of a panel."""

    signs: FloatArray
    """Of the panel's units, in their order. Shape (M, N)."""
    patterns: Patterns | None = None
    """Patterns of the same units, whose rotations are drawn in place of signs."""
    number: int = 0
    seed: int = 0
    """`number`, `seed`: draws of rotations, and their seed. Of few units there may be fewer signs: all that there are.
    """
    name: str = ""
    """What the rotations are for; those of another name are other ones."""
    every: bool = False
    """Whether the signs are all that there are."""

    @property
    def random(self) -> bool:
        """Whether other seeds have other weights."""
        return self.patterns is not None or not self.every

    @property
    def by_unit(self) -> Draws:
        """The same draws with signs of units."""
        return replace(self, patterns=None)

    def of(self, null: NullModel) -> NullModel:
        """Return a null model as these draws take it."""
        return null if self.patterns is None else replace(null, patterns=self.patterns)

    @cached_property
    def weights(self) -> FloatArray:
        """The weights of the parts of a null model's errors, shape (M, C)."""
        if self.patterns is None:
            return self.signs
        return rotations(self.patterns.vectors.shape[1], self.number, self.seed, self.name)

    @cached_property
    def combining(self) -> FloatArray:
        """What combines `basis_of` a null model to draws: one, and the weights, shape (C + 1, M)."""
        return np.concatenate([np.ones((1, len(self.weights))), self.weights.T])

    def errors(self, residuals: FloatArray, rows: Rows, some: slice = EVERY) -> FloatArray:
        """Return draws of corrected residuals, shape (rows,), or some of these: shape (rows, M)."""
        weights = self.weights[some]
        if self.patterns is None:
            return np.asarray(residuals[:, None] * weights.T[rows.unit_codes])
        spread, paths = self.patterns.parts(in_cells(residuals, rows), rows)
        cells = np.tensordot(spread, paths[:, :, None] * weights.T[:, None], axes=1)
        return np.asarray(cells[rows.unit_codes, rows.period_codes])
