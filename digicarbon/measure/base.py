"""The kind of specification that makes the focal explanatory variables."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import pandas as pd

from digicarbon.source import Inputs
from digicarbon.spec import Names, Spec


class Measure(Spec):
    """A specification of a measure of the digital economy.

    Attributes
    ----------
    terms : tuple of str
        The focal terms that models take, e.g. ``ln_e`` for the logarithm of the column ``e``.
    """

    role: ClassVar[str] = "measure"

    terms: Names

    def compute(self, inputs: Inputs) -> pd.DataFrame:
        """Return the columns ``unit``, ``time`` and one column per measure.

        Raises
        ------
        DataError
            If the inputs lack what the measure needs.
        """
        raise TypeError(f"{type(self).__name__} does not say how it is computed; define `compute`.")

    def artifacts(self, inputs: Inputs) -> Mapping[str, str]:
        """Return what the measure is made from, to be kept beside the results: file names and CSV texts.

        Raises
        ------
        DataError
            As `compute` does.
        """
        return {}


class NoMeasure(Measure):
    """No measure: the columns of the source are used as they are."""

    terms: Names = ()

    def compute(self, inputs: Inputs) -> pd.DataFrame:
        """Return the key columns alone."""
        return inputs.frame[["unit", "time"]]
