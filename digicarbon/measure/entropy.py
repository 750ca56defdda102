"""The entropy-weight index."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import Field

from digicarbon.arrays import FloatArray
from digicarbon.measure.composite import CompositeIndex, Index
from digicarbon.note import Note
from digicarbon.numeric.accounts.indicators import min_max
from digicarbon.numeric.index.entropy_weights import entropy_weights
from digicarbon.spec import SomeNames


class EntropyIndex(CompositeIndex):
    """Indicators on min-max scales, added with entropy weights: Σ_j w_j z_j, from ``shift`` to 1 + ``shift``.

    The scale is z = (x - min)/(max - min) + shift, or (max - x)/(max - min) + shift for a negative indicator. Weights
    are those of `numeric.entropy_weights`, computed from the shifted z, as usual in this literature, so that ln 0 does
    not occur and the index has a logarithm.

    Attributes
    ----------
    shift : float
        Added to each normalised cell; with 0 the entropy takes 0 ln 0 as 0.
    terms, indicators, name, per_capita, by, missing, per, standardise, permute
        As in `CompositeIndex`.
    """

    references: ClassVar[tuple[str, ...]] = ("shannon1948",)

    terms: SomeNames = ("ln_entropy_index",)
    name: str = "entropy_index"
    shift: float = Field(default=0.0001, ge=0, le=1)

    def combine(self, values: FloatArray, names: Sequence[str], negative: NDArray[np.bool_]) -> Index:
        """Return the index with the table ``weights``: indicator, entropy, weight.

        Parameters
        ----------
        values : ndarray, shape (n, k)
        names : sequence of str
        negative : ndarray of bool, shape (k,)
        """
        scaled = min_max(values, negative, self.shift)
        result = entropy_weights(scaled)
        table = pd.DataFrame({"indicator": list(names), "entropy": result.entropy, "weight": result.weights})
        return Index(scaled @ result.weights, scaled, {"weights": table})

    def _what(self) -> Note:
        return Note("entropy_index")
