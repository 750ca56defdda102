"""A measure that the source has ready."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pydantic

from digicarbon.measure.base import Measure
from digicarbon.source import Inputs
from digicarbon.spec import Names


class ColumnMeasure(Measure):
    """A ready-made column of the source, e.g. a published digital index.

    Attributes
    ----------
    column : str
        The column's name.
    focal : tuple of str
        Always the column; it need not be given.
    """

    column: str
    focal: Names = ()

    @pydantic.model_validator(mode="before")
    @classmethod
    def _focal_follows_column(cls, fields: Any) -> Any:
        if isinstance(fields, dict) and "column" in fields:
            return {"focal": (fields["column"],), **fields}
        return fields

    @pydantic.model_validator(mode="after")
    def _focal_is_the_column(self) -> ColumnMeasure:
        if self.focal != (self.column,):
            raise ValueError(f"focal is always the column, ['{self.column}']; leave focal out.")
        return self

    def compute(self, inputs: Inputs) -> pd.DataFrame:
        """Return unit, time and the column as it is.

        Raises
        ------
        DataError
            If the source has no such column.
        """
        return inputs.series([self.column], f"measure.column={self.column}")
