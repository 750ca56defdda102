"""Log marginal likelihoods of kinds and weights, for tests and benchmarks."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from digicarbon.arrays import FloatArray
from digicarbon.packs.which_weights.numeric.marginal import Beside, Factors
from digicarbon.packs.which_weights.numeric.space import ChoiceKind, Space


def log_marginals(
    y: FloatArray, spaces: Sequence[Space], kinds: Sequence[ChoiceKind], prior: Beside = "g"
) -> FloatArray:
    """Return those of y, shape (N, T), of the shape (kinds, spaces)."""
    every = [Factors.of(space, y[..., None]) for space in spaces]
    return np.array([[factors.marginal(kind, prior) for factors in every] for kind in kinds])
