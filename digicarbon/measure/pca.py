"""The index of principal components."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import Field, model_validator

from digicarbon.arrays import FloatArray
from digicarbon.measure.composite import CompositeIndex, Index
from digicarbon.note import Note, cut
from digicarbon.numeric.accounts.indicators import min_max, z_scores
from digicarbon.numeric.index.principal_components import PrincipalComponents, principal_components
from digicarbon.source import Inputs
from digicarbon.spec import SomeNames

CANCEL = 1e-9
"""Loadings whose sum is smaller cancel up to rounding."""


class PcaIndex(CompositeIndex):
    """The first principal components of standardised indicators, averaged by their variances.

    Indicators are standardised (the components are those of the correlation matrix), negative ones with the other sign.
    The index is Σ_m λ_m s_m / Σ_m λ_m over the components that are kept, s_m the scores as Stata's ``predict`` and R's
    ``prcomp`` give them. A component's sign is such that its loadings have a positive sum, so that the index correlates
    positively with the indicators' mean.

    Attributes
    ----------
    variance : float
        As many components are kept as together have this share of the variance.
    components : int or None
        The number of components; if given, ``variance`` does not count.
    rescale : bool
        Whether the index is brought to the range from 0 to 1; the lowest row is then 0 and has no logarithm.
    terms, indicators, name, per_capita, by, missing, per, standardise, permute
        As in `CompositeIndex`.
    """

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
        """Return the index with three tables.

        ``weights`` (indicator, weight in the index), ``loadings`` (indicator, component, loading) and ``components``
        (component, eigenvalue, share, cumulative share, kept).

        Parameters
        ----------
        values : ndarray, shape (n, k)
        names : sequence of str
        negative : ndarray of bool, shape (k,)
        """
        scaled = z_scores(values) * np.where(negative, -1.0, 1.0)
        found = principal_components(scaled)
        number = self.components or found.enough(self.variance)
        index = found.index(number)
        if self.rescale:
            index = min_max(index[:, None], np.array([False]))[:, 0]
        return Index(index, scaled, _tables(found, number, names))

    def notes(self, inputs: Inputs) -> tuple[Note, ...]:
        """Return what the index is made of, and whether the sign of one of its components is arbitrary."""
        made = self._made(inputs)
        keys = [name for name in ("time", "component") if name in made["loadings.csv"]]
        sums = made["loadings.csv"].groupby(keys)["loading"].sum()
        kept = made["components.csv"].set_index(keys)["kept"]
        arbitrary = sums[kept.reindex(sums.index) & (sums.abs() < CANCEL)].index.get_level_values("component")
        cancelled = Note("arbitrary_sign", components=cut(map(str, sorted(set(arbitrary)))), index=self.name)
        return (*super().notes(inputs), *([cancelled] if len(arbitrary) else []))

    def _what(self) -> Note:
        first = Note("first_components", components=self.components)
        many = first if self.components else Note("enough_components", share=self.variance)
        return Note("pca_index", many=many, scale=Note("rescaled") if self.rescale else Note("not_rescaled"))


def _tables(found: PrincipalComponents, number: int, names: Sequence[str]) -> dict[str, pd.DataFrame]:
    order = np.arange(1, len(names) + 1)
    loadings = pd.DataFrame(found.loadings, columns=order).assign(indicator=list(names))
    return {
        "weights": pd.DataFrame({"indicator": list(names), "weight": found.weights(number)}),
        "loadings": loadings.melt("indicator", var_name="component", value_name="loading"),
        "components": pd.DataFrame(
            {
                "component": order,
                "eigenvalue": found.eigenvalues,
                "share": found.shares,
                "cumulative": np.cumsum(found.shares),
                "kept": order <= number,
            }
        ),
    }
