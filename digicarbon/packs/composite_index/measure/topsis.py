"""The TOPSIS index."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import ClassVar, Literal, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import Field, model_validator

from digicarbon.arrays import FloatArray
from digicarbon.note import Note, cut
from digicarbon.packs.composite_index.measure.composite import CompositeIndex, Index, scale
from digicarbon.packs.composite_index.numeric.entropy_weights import entropy_weights
from digicarbon.packs.composite_index.numeric.min_max import min_max
from digicarbon.packs.composite_index.numeric.topsis import closeness
from digicarbon.spec import SomeNames

Weighting = Literal["entropy", "equal", "given"]
"""Where the weights of indicators come from."""


class TopsisIndex(CompositeIndex):
    """Closeness to the ideal: distance from the worst over the sum of distances from the worst and the best.

    Indicators are on min-max scales (negative ones turned round), times their weights; distances are Euclidean
    (`numeric.topsis`). The index is 0 for a row that is worst in everything and 1 for one that is best in everything.

    Attributes
    ----------
    weights : {"entropy", "equal", "given"}
        Entropy weights as in `EntropyIndex`, equal ones, or those of ``given``.
    given : mapping of str to float, or None
        A positive weight for each indicator; only their ratios count.
    shift : float
        Added to each normalised cell before the entropy is taken; distances do not depend on it otherwise.
    """

    references: ClassVar[tuple[str, ...]] = ("hwang1981", "shannon1948")

    origin: ClassVar[str] = "Hwang & Yoon 1981, pages 128-140"
    symbols: ClassVar[tuple[Note, ...]] = (Note("topsis_symbols"),)

    terms: SomeNames = ("ln_topsis_index",)
    name: str = "topsis_index"
    weights: Weighting = "entropy"
    given: dict[str, float] | None = None
    shift: float = Field(default=0.0001, ge=0, le=1)

    @model_validator(mode="after")
    def _given_weights_fit(self) -> Self:
        user_weights = self.given or {}
        self._refuse_strangers(tuple(user_weights), "given")
        if (self.weights == "given") != bool(user_weights):
            example = f"weights=given given={{{next(iter(self.indicators))}: 2, …}}"
            raise ValueError(Note("given_weights_alone", key="weights", example=example))
        missing = [name for name in self.indicators if user_weights.get(name, 0.0) <= 0] if user_weights else []
        if missing:
            raise ValueError(Note("given_weights_lacking", key="given", indicators=cut(missing)))
        return self

    def combine(self, values: FloatArray, names: Sequence[str], negative: NDArray[np.bool_]) -> Index:
        """Return the index as `CompositeIndex.combine` does, with the table ``weights``: indicator, weight."""
        scaled = min_max(values, negative, self.shift)
        user_weights = self.given or {}
        makers: Mapping[Weighting, Callable[[], FloatArray]] = {
            "entropy": lambda: entropy_weights(scaled).weights,
            "equal": lambda: np.ones(len(names)),
            "given": lambda: np.array([user_weights[name] for name in names]),
        }
        raw_weights = makers[self.weights]()
        weights = raw_weights / raw_weights.sum()
        table = pd.DataFrame({"indicator": list(names), "weight": weights})
        return Index(closeness(scaled, weights), scaled, {"weights": table})

    def _formula(self) -> str:
        given = self.given or {}
        weights = f", w ∝ ({', '.join(f'{name}: {given[name]:g}' for name in self.indicators)})" if given else ""
        return f"D⁻ / (D⁺ + D⁻), {scale(self.shift)}{weights}"

    def _what(self) -> Note:
        kinds: Mapping[Weighting, Note] = {
            "entropy": Note("entropy_weights"),
            "equal": Note("equal_weights"),
            "given": Note("given_weights"),
        }
        return Note("topsis_index", weights=kinds[self.weights])
