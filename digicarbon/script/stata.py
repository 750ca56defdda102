"""The part of a run in a Stata do-file, and the words for it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from digicarbon.script.part import Part
from digicarbon.script.words import number, wrapped

ABSORBED = {"unit": "unit_id", "time": "time_id", "two_way": "unit_id time_id"}
"""What reghdfe absorbs, by effects."""
CLUSTERS = {"unit": "unit_id", "time": "time_id", "both": "unit_id time_id"}


@dataclass(eq=False)
class StataPart(Part):
    """The part of one run in a do-file.

    The data are in memory and declared with ``xtset unit_id time_id``.

    Attributes
    ----------
    reads_matrix : bool
        Whether the do-file must have read the weights as a matrix.
    packages : list of str
        What Stata must have installed for the part, e.g. ``ppmlhdfe (ssc install ppmlhdfe)``; the head names it.
    """

    reads_matrix: bool = False
    packages: list[str] = field(default_factory=list)

    def skip(self, why: str) -> list[str]:
        """Return the comment that says why a run is not compared."""
        return wrapped("*", f"Not compared: {why}.")

    def compare(self, called: Mapping[str, str], tolerance: str = "1e-6", errors: bool = True) -> list[str]:
        """Return assertions on terms under the names that Stata gives them."""
        lines = []
        for term, (coef, se) in self.expected.items():
            if term in called:
                error = number(se) if errors and math.isfinite(se) else "."
                lines.append(f'recorded "`run\'" {called[term]} {number(coef)} {error} {tolerance}')
        return lines

    def shown(self, called: Mapping[str, str]) -> list[str]:
        """Return what was recorded, as comments beside what Stata prints."""
        lines = ["* Recorded, not compared (coefficient, standard error):"]
        for term, (coef, se) in self.expected.items():
            if term in called:
                lines.append(f"*   {called[term]}  {number(coef)}  {number(se) if math.isfinite(se) else '.'}")
        return lines
