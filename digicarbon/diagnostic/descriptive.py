"""Descriptive statistics of panel variables."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, ClassVar

import numpy as np
import pandas as pd
from pydantic import Field, model_validator

from digicarbon.diagnostic import _arguments
from digicarbon.diagnostic._arguments import with_call
from digicarbon.diagnostic.base import OfVariables
from digicarbon.errors import ConfigError, DataError
from digicarbon.note import Note, cut
from digicarbon.panel import Panel
from digicarbon.spec import build
from digicarbon.weights import Weights

Share = Annotated[float, Field(ge=0, le=100)]


class Descriptive(OfVariables):
    """Counts, mean, standard deviation (overall, between, within), extremes, as Stata's xtsum and summarize, detail.

    Attributes
    ----------
    ranges : bool
        Whether the extremes of unit means and of deviations from them (plus the grand mean) are also shown.
    percentiles : tuple of float
        Further percentiles, e.g. (1, 25, 75, 99).
    shape : bool
        Whether skewness and kurtosis are shown; a variable that does not vary has none and its cells stay empty.
    """

    table_names: ClassVar[tuple[str, ...]] = ("descriptive",)

    ranges: bool = False
    percentiles: Annotated[tuple[Share, ...], Field(strict=False)] = ()
    shape: bool = False

    @model_validator(mode="after")
    def _distinct(self) -> Descriptive:
        twice = sorted({name for name in self.variables if self.variables.count(name) > 1})
        if twice:
            raise ValueError(Note("several_named_twice", key="variables", terms=cut(twice)))
        return self

    def check(self, panel: Panel, weights: Weights | None = None) -> None:
        """Raise an error if a variable is missing or there is none."""
        if not self.variables:
            raise DataError(Note("no_column_of_numbers", key="diagnostic.variables"))
        data = panel.with_terms(self.variables)
        data.require(data.expanded(self.variables))

    def tables(self, panel: Panel, weights: Weights | None = None) -> Mapping[str, pd.DataFrame]:
        """Return the table ``descriptive``, indexed by variable.

        Notes
        -----
        ``units`` is xtsum's n and ``t_bar`` its T-bar, the mean number of periods of a unit. ``sd_between`` is that of
        the unit means, ``sd_within`` that of x minus its unit mean plus the grand mean, both with the usual n - 1
        (Stata: xtsum). Percentiles are Stata's: the value at rank ⌈nq⌉, or the mean of it and the next where nq is a
        whole number. Skewness is m₃/m₂^1.5 and kurtosis m₄/m₂², 3 for the normal (Stata: summarize, detail);
        of a variable that does not vary they are undefined and not-a-number, an empty cell in the report.
        """
        data = panel.with_terms(self.variables)
        names = list(data.expanded(self.variables))
        values = pd.DataFrame(data.array(names), columns=names)
        by_unit = values.groupby(data.unit_codes)
        means = by_unit.mean()
        # the grand mean that xtsum adds back moves no standard deviation
        within = values - by_unit.transform("mean")
        units = data.shape[0]
        table = pd.DataFrame(
            {
                "n": values.count().astype(float),
                "units": float(units),
                "t_bar": len(values) / units,
                "mean": values.mean(),
                "sd": values.std(),
                "sd_between": means.std(),
                "sd_within": within.std(),
                "min": values.min(),
                "median": values.median(),
                "max": values.max(),
            }
        )
        if self.ranges:
            shifted = within + values.mean()
            table["min_between"], table["max_between"] = means.min(), means.max()
            table["min_within"], table["max_within"] = shifted.min(), shifted.max()
        for share in self.percentiles:
            table[f"p{share:g}"] = np.percentile(values, share, axis=0, method="averaged_inverted_cdf")
        if self.shape:
            deviations = values - values.mean()
            m2, m3, m4 = ((deviations**power).mean() for power in (2, 3, 4))
            # a constant has no shape: its moments are only rounding
            variance = m2.where(m2 > (1e-12 * values.abs().max()) ** 2)
            table["skewness"], table["kurtosis"] = m3 / variance**1.5, m4 / variance**2
        table.index.name = "variable"
        return {"descriptive": table}


_TARGET = f"{__name__}.Descriptive"


def _percentiles(values: object) -> tuple[float, ...]:
    """Return percentiles as numbers from 0 to 100."""
    if isinstance(values, str | bytes) or not isinstance(values, Iterable):
        raise ConfigError(Note("percentiles_no_list", value=repr(values)))
    shares = tuple(_arguments.real(share, "percentiles: each") for share in values)
    outside = [share for share in shares if not 0 <= share <= 100]
    if outside:
        raise ConfigError(Note("percentiles_outside", values=cut(outside)))
    return shares


@with_call
def descriptive(
    panel: Panel,
    names: str | Iterable[str],
    ranges: bool = False,
    percentiles: Sequence[float] = (),
    shape: bool = False,
) -> pd.DataFrame:
    """Return descriptive statistics of panel variables.

    Parameters
    ----------
    panel : Panel
        Balanced or not.
    names : str or iterable of str
        Columns or terms; a text is a single name.
    ranges, percentiles, shape
        As in `Descriptive`.

    Returns
    -------
    DataFrame
        Index variable; columns n, units, t_bar, mean, sd, sd_between, sd_within, min, median, max and those requested.
        Skewness and kurtosis are not-a-number where a variable does not vary.

    Raises
    ------
    ConfigError
        If there are no names, or an argument is of the wrong kind.
    DataError
        If a column is missing or has a value that is not finite.
    """
    fields = {"variables": _arguments.names(names), "ranges": ranges, "shape": shape}
    spec = build({"_target_": _TARGET, **fields, "percentiles": _percentiles(percentiles)}, Descriptive, "descriptive")
    spec.check(panel)
    return spec.tables(panel)["descriptive"]
