"""The index of principal components."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import Field, model_validator

from digicarbon.arrays import FloatArray
from digicarbon.note import Note, cut
from digicarbon.numeric.accounts.indicators import z_scores
from digicarbon.packs.composite_index.measure.composite import CompositeIndex, Index
from digicarbon.packs.composite_index.numeric.min_max import min_max
from digicarbon.packs.composite_index.numeric.principal_components import PrincipalComponents, principal_components
from digicarbon.source import Inputs
from digicarbon.spec import SomeNames

CANCEL = 1e-9
"""Loadings with a smaller absolute sum cancel, up to rounding."""


class PcaIndex(CompositeIndex):
    """The first principal components of standardised indicators, averaged by their variances.

    Indicators are standardised (the components are those of the correlation matrix), negative ones with the other sign.
    The index is Σ_m λ_m s_m / Σ_m λ_m over the kept components, with s_m the scores as Stata's ``predict`` and R's
    ``prcomp`` give them. A component's sign is such that its loadings have a positive sum, so that the index correlates
    positively with the indicators' mean.

    Attributes
    ----------
    variance : float
        The smallest number of components that together have this share of the variance is kept.
    components : int or None
        The number of components; if given, ``variance`` is ignored.
    rescale : bool
        Whether the index is brought to the range from 0 to 1; the lowest row is then 0 and has no logarithm.
    """

    references: ClassVar[tuple[str, ...]] = ("jolliffe2002",)

    origin: ClassVar[str] = "Jolliffe 2002"
    symbols: ClassVar[tuple[Note, ...]] = (Note("pca_symbols"),)

    terms: SomeNames = ("pca_index",)
    name: str = "pca_index"
    variance: float = Field(default=0.8, gt=0, le=1)
    components: int | None = Field(default=None, ge=1)
    rescale: bool = True

    @model_validator(mode="after")
    def _as_many_components_as_indicators(self) -> Self:
        if self.components is not None and self.components > len(self.indicators):
            raise ValueError(
                Note(
                    "too_many_components", key="components", components=self.components, indicators=len(self.indicators)
                )
            )
        return self

    def combine(self, values: FloatArray, names: Sequence[str], negative: NDArray[np.bool_]) -> Index:
        """Return the index with three tables, of arguments as in `CompositeIndex.combine`.

        ``weights`` (indicator, weight in the index), ``loadings`` (indicator, component, loading) and ``components``
        (component, eigenvalue, share, cumulative share, kept).
        """
        scaled = z_scores(values) * np.where(negative, -1.0, 1.0)
        result = principal_components(scaled)
        number = self.components or result.enough(self.variance)
        index = result.index(number)
        if self.rescale:
            index = min_max(index[:, None], np.array([False]))[:, 0]
        return Index(index, scaled, _tables(result, number, names))

    def notes(self, inputs: Inputs) -> tuple[Note, ...]:
        """Return the notes of the index, and a note if the sign of one of its components is arbitrary."""
        tables = self._tables(inputs)
        keys = [name for name in ("time", "component") if name in tables["loadings.csv"]]
        sums = tables["loadings.csv"].groupby(keys)["loading"].sum()
        used = tables["components.csv"].set_index(keys)["kept"]
        arbitrary = sums[used.reindex(sums.index) & (sums.abs() < CANCEL)].index.get_level_values("component")
        note = Note("arbitrary_sign", components=cut(map(str, sorted(set(arbitrary)))), index=self.name)
        return (*super().notes(inputs), *([note] if len(arbitrary) else []))

    def _formula(self) -> str:
        return "Σ_m λ_m s_m / Σ_m λ_m"

    def _what(self) -> Note:
        first = Note("first_components", components=self.components)
        many = first if self.components else Note("enough_components", share=self.variance)
        return Note("pca_index", many=many, scale=Note("rescaled") if self.rescale else Note("not_rescaled"))


def _tables(result: PrincipalComponents, number: int, names: Sequence[str]) -> dict[str, pd.DataFrame]:
    order = np.arange(1, len(names) + 1)
    loadings = pd.DataFrame(result.loadings, columns=order).assign(indicator=list(names))
    return {
        "weights": pd.DataFrame({"indicator": list(names), "weight": result.weights(number)}),
        "loadings": loadings.melt("indicator", var_name="component", value_name="loading"),
        "components": pd.DataFrame(
            {
                "component": order,
                "eigenvalue": result.eigenvalues,
                "share": result.shares,
                "cumulative": np.cumsum(result.shares),
                "kept": order <= number,
            }
        ),
    }
