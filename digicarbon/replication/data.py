"""The columns of many runs in few files: runs on the same units and periods share one where their columns agree."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime

import numpy as np
import pandas as pd

from digicarbon.arrays import FloatArray
from digicarbon.disk.cells import plain_table
from digicarbon.panel import Index
from digicarbon.script import Names

LONGEST_LABEL = 80
"""Characters of a variable's label in Stata."""


@dataclass(eq=False)
class DataSet:
    """Rows of units and periods with the columns of the runs that read it.

    ``number``: from 1; files are called by it. ``columns``, shape (rows,): by our names.
    """

    number: int
    index: Index
    columns: dict[str, FloatArray] = field(default_factory=dict)
    _digests: dict[str, bytes] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """What its files are called."""
        return f"set_{self.number}"

    @property
    def numbered_periods(self) -> bool:
        """Whether periods are whole numbers, which Stata can use as they are."""
        return all(isinstance(period, int) for period in self.index.periods)

    def take(self, columns: Mapping[str, FloatArray]) -> bool:
        """Add columns unless one of them is there with other values; return whether they were added."""
        digests = {name: hashlib.sha256(values.tobytes()).digest() for name, values in columns.items()}
        if any(self._digests.get(name, digest) != digest for name, digest in digests.items()):
            return False
        self._digests |= digests
        self.columns |= columns
        return True

    def frame(self, names: Names) -> pd.DataFrame:
        """Return the rows under valid names, after the unit's label and number and the period and its number."""
        codes, periods = self.index.unit_codes, self.index.period_codes
        labels = np.array(self.index.units, dtype=object)[codes]
        times = np.array(self.index.periods, dtype=object)[periods]
        keys = {
            "unit": labels,
            "unit_id": codes + 1,
            "time": times.astype(np.int64) if self.numbered_periods else times.astype(str),
            "time_id": (self.index.positions[periods] if self.index.ordered else periods) + 1,
        }
        return pd.DataFrame(keys | {names[name]: values for name, values in self.columns.items()})

    def csv(self, names: Names) -> bytes:
        """Return the rows as CSV: UTF-8, all digits."""
        return plain_table(self.frame(names)).to_csv(index=False, lineterminator="\n").encode()

    def dta(self, names: Names, when: datetime) -> bytes:
        """Return the rows as a file of Stata 14 or later, our names as labels."""
        labels = {names[name]: name[:LONGEST_LABEL] for name in self.columns}
        found = io.BytesIO()
        self.frame(names).to_stata(found, write_index=False, version=118, variable_labels=labels, time_stamp=when)
        return found.getvalue()


class DataSets:
    """The data sets of an export."""

    def __init__(self) -> None:
        self._by_rows: dict[bytes, list[DataSet]] = {}
        self._all: list[DataSet] = []

    def __iter__(self) -> Iterator[DataSet]:
        return iter(self._all)

    def __len__(self) -> int:
        return len(self._all)

    def place(self, index: Index, columns: Mapping[str, FloatArray]) -> DataSet:
        """Return the data set that has the columns of a run, a new one if none can take them."""
        alike = self._by_rows.setdefault(index.digest, [])
        for known in alike:
            if known.take(columns):
                return known
        new = DataSet(len(self._all) + 1, index)
        new.take(columns)
        alike.append(new)
        self._all.append(new)
        return new
