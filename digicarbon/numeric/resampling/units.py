"""Samples of whole units with replacement."""

from __future__ import annotations

import numpy as np

from digicarbon.arrays import FloatArray


def counts_of_units(n: int, draws: int, rng: np.random.Generator) -> FloatArray:
    """Return how often each of n units is in each sample of as many, shape (draws, n)."""
    return rng.multinomial(n, np.full(n, 1 / n), size=draws).astype(np.float64)
