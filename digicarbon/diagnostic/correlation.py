"""Correlation matrices of panel variables."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Annotated, ClassVar, Literal, get_args

import numpy as np
import pandas as pd
from pydantic import Field, field_validator

from digicarbon.arrays import FloatArray
from digicarbon.diagnostic import _arguments
from digicarbon.diagnostic._arguments import with_call
from digicarbon.diagnostic.base import OfVariables
from digicarbon.errors import ConfigError, DataError
from digicarbon.note import Note, cut
from digicarbon.numeric.significance import stars_of
from digicarbon.numeric.tests.association import Correlations, correlations
from digicarbon.panel import Panel
from digicarbon.weights import Weights

Kind = Literal["pooled", "within", "between"]


class Correlation(OfVariables):
    """Pairwise correlations with p values: Stata's pwcorr, R's cor.test.

    Attributes
    ----------
    variables : tuple of str
        At least two; else as in `OfVariables`.
    kind : {"pooled", "within", "between"}
        Of all observations; of deviations from unit means, with N - 1 fewer degrees of freedom; of unit means.
    stars : tuple of 3 floats
        Largest p values for one, two and three stars in the printed table.
    decimals : int
        Of the printed table.
    """

    table_names: ClassVar[tuple[str, ...]] = ("correlation", "correlation_r", "correlation_p")

    kind: Kind = "pooled"
    stars: Annotated[tuple[float, float, float], Field(strict=False)] = (0.1, 0.05, 0.01)
    decimals: Annotated[int, Field(ge=0, le=12)] = 3

    @field_validator("variables")
    @classmethod
    def _at_least_two(cls, variables: tuple[str, ...]) -> tuple[str, ...]:
        if variables and len(set(variables)) < max(2, len(variables)):
            raise ValueError(Note("correlation_of_one"))
        return variables

    def check(self, panel: Panel, weights: Weights | None = None) -> None:
        """Raise an error if a variable is missing or does not vary."""
        self._correlations(panel)

    def tables(self, panel: Panel, weights: Weights | None = None) -> Mapping[str, pd.DataFrame]:
        """Return ``correlation`` (text with stars, lower triangle) and ``correlation_r``, ``correlation_p`` (numbers).

        Raises
        ------
        DataError
            If a variable is missing or does not vary.
        """
        names, result = self._correlations(panel)
        text = [
            [self._cell(result.r[i, j], result.p[i, j]) if j <= i else "" for j in range(len(names))]
            for i in range(len(names))
        ]
        index = pd.Index(names, name="variable")
        return {
            "correlation": pd.DataFrame(text, index=index, columns=list(names)),
            "correlation_r": pd.DataFrame(result.r, index=index, columns=list(names)),
            "correlation_p": pd.DataFrame(result.p, index=index, columns=list(names)),
        }

    def _correlations(self, panel: Panel) -> tuple[tuple[str, ...], Correlations]:
        data = panel.with_terms(self.variables)
        names = data.expanded(self.variables)
        values, lost = _variation(data.array(names), data, self.kind)
        result = correlations(values, lost)
        flat = [name for name, r in zip(names, result.r.diagonal(), strict=True) if np.isnan(r)]
        if flat:
            terms = cut(flat)
            if self.kind == "pooled":
                raise DataError(Note("uncorrelated_constant", terms=terms))
            raise DataError(
                Note("uncorrelated_within" if self.kind == "within" else "uncorrelated_between", terms=terms)
            )
        return names, result

    def _cell(self, r: float, p: float) -> str:
        return f"{r:.{self.decimals}f}" + stars_of(p, self.stars)


@with_call
def correlation(panel: Panel, names: str | Iterable[str], kind: Kind = "pooled") -> pd.DataFrame:
    """Return pairwise correlations with their p values.

    Parameters
    ----------
    panel : Panel
        Balanced or not.
    names : iterable of str
        At least two columns or terms.
    kind : {"pooled", "within", "between"}
        See `Correlation`.

    Returns
    -------
    DataFrame
        Index (first, second), a row per pair; columns r, p and n.

    Raises
    ------
    ConfigError
        If there are fewer than two names, a name is repeated, or ``kind`` is wrong.
    DataError
        If a variable is missing or does not vary.
    """
    variables = _arguments.names(names)
    if len(set(variables)) < max(2, len(variables)):
        raise ConfigError(Note("correlation_names", variables=cut(variables)))
    _arguments.refuse_unknown(kind, get_args(Kind), "kind")
    spec = Correlation(variables=variables, kind=kind)
    spec.check(panel)
    columns, result = spec._correlations(panel)
    rows = {
        (columns[j], columns[i]): (result.r[i, j], result.p[i, j], result.count[i, j])
        for i in range(len(columns))
        for j in range(i)
    }
    index = pd.MultiIndex.from_tuples(list(rows), names=["first", "second"])
    return pd.DataFrame(list(rows.values()), index=index, columns=["r", "p", "n"])


def _variation(values: FloatArray, panel: Panel, kind: Kind) -> tuple[FloatArray, int]:
    """Return the variation of a kind, shape (rows, k) or (units, k), and the number of degrees of freedom lost."""
    if kind == "pooled":
        return values, 0
    codes, n = panel.unit_codes, panel.shape[0]
    means = np.column_stack([np.bincount(codes, column, n) for column in values.T]) / np.bincount(codes)[:, None]
    if kind == "between":
        return means, 0
    within = values - means[codes]
    # differences of rounding's size are not variation
    small = np.abs(within) <= 1e-12 * np.abs(values).max(axis=0)
    return np.where(small, 0.0, within), n - 1
