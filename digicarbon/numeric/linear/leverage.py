"""How much of what is left of a regressor, without effects and the other regressors, is that of one unit."""

from __future__ import annotations

import numpy as np

from digicarbon.arrays import FloatArray

MUCH = 0.25
"""Share of the variation of a term that is much for one unit, if it is three times its even share, too."""
CLEAR = 0.99
"""Share of ``MUCH`` below which rounding cannot decide."""


def clearly_even(left: FloatArray) -> bool:
    """Return whether each unit has so little of what is left of a regressor, shape (N, T), that no look is needed."""
    own = np.einsum("it,it->i", left, left)
    return bool(np.maximum.reduce(own) < CLEAR * MUCH * np.add.reduce(own))
