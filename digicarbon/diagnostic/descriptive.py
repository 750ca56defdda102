"""Descriptive statistics of panel variables."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from digicarbon.diagnostic.base import Diagnostic
from digicarbon.panel import Panel
from digicarbon.spec import Names
from digicarbon.weights import Weights


class Descriptive(Diagnostic):
    """Count, mean, standard deviation (overall, between, within), minimum, median and maximum, as Stata's xtsum.

    Attributes
    ----------
    variables : tuple of str
    """

    variables: Names

    @property
    def terms(self) -> tuple[str, ...]:
        """The variables."""
        return self.variables

    def tables(self, panel: Panel, weights: Weights | None = None) -> Mapping[str, pd.DataFrame]:
        """Return the table ``descriptive``, indexed by variable.

        Notes
        -----
        ``sd_between`` is that of the unit means, ``sd_within`` that of x minus its unit mean plus the grand mean, both
        with the usual n - 1 (Stata: xtsum).
        """
        values = pd.DataFrame(panel.array(self.variables), columns=list(self.variables))
        means = values.groupby(panel.unit_codes).transform("mean")
        table = pd.DataFrame(
            {
                "n": values.count().astype(float),
                "mean": values.mean(),
                "sd": values.std(),
                "sd_between": values.groupby(panel.unit_codes).mean().std(),
                "sd_within": (values - means).std(),
                "min": values.min(),
                "median": values.median(),
                "max": values.max(),
            }
        )
        table.index.name = "variable"
        return {"descriptive": table}
