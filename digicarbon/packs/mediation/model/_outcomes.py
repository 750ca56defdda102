"""Mediations as a joint test takes them: fitted to many outcomes at once."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence

import numpy as np

from digicarbon.arrays import FloatArray
from digicarbon.model._panel_batch import LinearFits, LinearOutcomes
from digicarbon.model.batch import Estimand, Fits, Fitted
from digicarbon.packs.mediation.numeric.outcomes import IndirectBatch

Sums = Mapping[Estimand, tuple[int, FloatArray]]
"""Indirect effects: the place of the focal column, and weights of mediators."""


class MediatedFits(Fitted[LinearOutcomes]):
    """Indirect effects, and coefficients of the outcome's equation and total effects, of many outcomes.

    ``outcome``, ``total``: the outcome with and without mediators; what takes effects out of outcomes is the same in
    both. ``sums``: what is an indirect effect.
    """

    def __init__(
        self, outcome: LinearFits, total: LinearFits, indirect: IndirectBatch, sums: Sums, estimand: Estimand
    ) -> None:
        self._outcome, self._total, self._indirect = outcome, total, indirect
        self._sums, self._estimand = sums, estimand
        self.key: Hashable = outcome.key

    def prepare(self, outcomes: FloatArray) -> LinearOutcomes:
        """Return outcomes with effects removed."""
        return self._outcome.prepare(outcomes)

    def several(self, prepared: LinearOutcomes, estimands: Sequence[Estimand]) -> Fits:
        """Return several estimands, as `fit` returns its own."""
        return [self._one(prepared, estimand) for estimand in estimands]

    def wald(self, prepared: LinearOutcomes, estimands: Sequence[Estimand]) -> FloatArray:
        """Return the Wald statistic that coefficients of the outcome are zero, (M,); of indirect ones not-a-number."""
        if any(estimand in self._sums for estimand in estimands):
            count = prepared.columns.shape[1] if prepared.weights is None else prepared.weights.shape[1]
            return np.full(count, np.nan)
        return self._outcome.wald(prepared, estimands)

    def _one(self, prepared: LinearOutcomes, estimand: Estimand) -> tuple[FloatArray, FloatArray]:
        if estimand in self._sums:
            focal, weights = self._sums[estimand]
            return self._indirect.fit(prepared.columns, focal, weights, prepared.weights)
        equation = self._total if estimand.quantity == "total" else self._outcome
        own = estimand if estimand.weights else Estimand("coefficient", estimand.term)
        return equation.several(prepared, [own])[0]
