"""A measure that the source has ready."""

from __future__ import annotations

import pandas as pd

from digicarbon.measure.base import Measure
from digicarbon.source import Inputs


class ColumnMeasure(Measure):
    """A ready-made column of the source, e.g. a published digital index.

    Attributes
    ----------
    column : str
        The column's name.
    terms : tuple of str
        The focal terms, e.g. ``ln_digeco`` for the logarithm of the column.
    """

    column: str

    def compute(self, inputs: Inputs) -> pd.DataFrame:
        """Return unit, time and the column as it is.

        Raises
        ------
        DataError
            If the source has no such column.
        """
        return inputs.series([self.column], f"measure.column={self.column}")
