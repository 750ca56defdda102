"""The entropy-weight index."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import Field

from digicarbon.arrays import FloatArray
from digicarbon.note import Note
from digicarbon.packs.composite_index.measure.composite import CompositeIndex, Index, scale
from digicarbon.packs.composite_index.numeric.entropy_weights import entropy_weights
from digicarbon.packs.composite_index.numeric.min_max import min_max
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
    """

    references: ClassVar[tuple[str, ...]] = ("shannon1948",)

    origin: ClassVar[str] = "Shannon 1948; Zeleny 1982, chapter 6"

    terms: SomeNames = ("ln_entropy_index",)
    name: str = "entropy_index"
    shift: float = Field(default=0.0001, ge=0, le=1)

    def combine(self, values: FloatArray, names: Sequence[str], negative: NDArray[np.bool_]) -> Index:
        """Return the index as `CompositeIndex.combine` does, with ``weights``: indicator, entropy, weight."""
        scaled = min_max(values, negative, self.shift)
        result = entropy_weights(scaled)
        table = pd.DataFrame({"indicator": list(names), "entropy": result.entropy, "weight": result.weights})
        return Index(scaled @ result.weights, scaled, {"weights": table})

    def _formula(self) -> str:
        weights = "w_j = (1 - e_j) / Σ_j (1 - e_j), e_j = -(1/ln n) Σ_i p_ij ln p_ij, p_ij = z_ij / Σ_i z_ij"
        return f"Σ_j w_j z_ij, {scale(self.shift)}, {weights}"

    def _what(self) -> Note:
        return Note("entropy_index")
