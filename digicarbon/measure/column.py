"""A measure that is a ready-made column of the source."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, Self

import pandas as pd
from pydantic import model_validator

from digicarbon.disk.cells import plain_table
from digicarbon.measure.base import Measure
from digicarbon.note import Note
from digicarbon.source import Inputs
from digicarbon.spec import Definition

Money = Literal["none", "10k_cny", "100m_cny"]
"""The unit of a column, if it is money."""

_IN_10K_CNY: Mapping[Money, float | None] = {"none": None, "10k_cny": 1.0, "100m_cny": 1e4}


class ColumnMeasure(Measure):
    """A ready-made column of the source, e.g. a published digital index.

    Attributes
    ----------
    column : str
        The column's name in the source.
    terms : tuple of str
        The focal terms, e.g. ``ln_digeco`` for the logarithm of the column.
    name : str
        The name of the measure; empty for the column's own. A column that ``per``, ``standardise`` or ``permute``
        changes needs another name, since controls, weights and outcomes may read the original column of the source.
    money : {"none", "10k_cny", "100m_cny"}
        Whether the column is money, and in which unit; divided by GDP, money is a true share of GDP.
    """

    column: str
    name: str = ""
    money: Money = "none"

    @model_validator(mode="after")
    def _changed_needs_a_name(self) -> Self:
        if self.changed and self.name in ("", self.column):
            raise ValueError(
                Note(
                    "measure_column_changed",
                    key="per",
                    per=self.per,
                    standardise=str(self.standardise).lower(),
                    permute="null" if self.permute is None else self.permute,
                    column=self.column,
                )
            )
        return self

    @property
    def in_10k_cny(self) -> float | None:
        """The factor that turns the column into 10k CNY; None if it is no money."""
        return _IN_10K_CNY[self.money]

    def compute(self, inputs: Inputs) -> pd.DataFrame:
        """Return unit, time and the unchanged column under the measure's name.

        Raises DataError if the source has no such column.
        """
        table = inputs.series([self.column], f"measure.column={self.column}")
        return table.rename(columns={self.column: self.name or self.column})

    def definitions(self) -> Mapping[str, Definition]:
        """Return the name of the column in the source."""
        unit = {"none": "", "10k_cny": "10k CNY", "100m_cny": "100m CNY"}[self.money]
        return {self.name or self.column: Definition(self.column, (), unit)}

    def artifacts(self, inputs: Inputs) -> Mapping[str, str]:
        """Return the raw column: ``indicators.csv``; errors as in `compute`."""
        raw = inputs.series([self.column], f"measure.column={self.column}")
        return {"indicators.csv": plain_table(raw).to_csv(index=False, lineterminator="\n")}
