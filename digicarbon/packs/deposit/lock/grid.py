"""Series on a grid of units and periods, and hashes by which a changed cell is named without its value."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from digicarbon.arrays import IntArray
from digicarbon.panel import label

LENGTH = 16
"""Hexadecimal digits of the hash of a part of a series."""
Cells = NDArray[np.int64]
"""A number for each cell, shape (units, periods): equal for equal values."""
MISSING = np.int64(0x7FF8000000000000)
"""The number of a cell without a value, whether its row is there or not."""


@dataclass(frozen=True, eq=False)
class Grid:
    """Series of one data set."""

    units: tuple[str, ...]
    periods: tuple[str, ...]
    """Labels in order."""
    rows: IntArray
    columns: IntArray
    """The place of each row of the data among units and periods."""
    series: Mapping[str, pd.Series]
    """The values of each, one for each row of the data."""
    _cells: dict[str, Cells] = field(default_factory=dict, init=False, repr=False)

    @classmethod
    def of_frame(cls, frame: pd.DataFrame) -> Grid:
        """Return the grid of a table with the columns unit and time."""
        units, rows = _codes(frame["unit"])
        periods, columns = _codes(frame["time"])
        names = [name for name in frame.columns if name not in ("unit", "time")]
        return cls(units, periods, rows, columns, {str(name): frame[name] for name in names})

    def cells(self, name: str) -> Cells:
        """Return a number for each cell of a series."""
        if name not in self._cells:
            out = np.full((len(self.units), len(self.periods)), MISSING)
            out[self.rows, self.columns] = numbered(self.series[name])
            self._cells[name] = out
        return self._cells[name]

    def within(self, units: Sequence[str], periods: Sequence[str]) -> Part:
        """Return the part of the grid that some units and periods span; those that it lacks are left out."""
        kept, places = [], []
        for wanted, there in ((units, self.units), (periods, self.periods)):
            own = {one: place for place, one in enumerate(there)}
            kept.append(tuple(one for one in wanted if one in own))
            places.append(np.array([own[one] for one in kept[-1]], dtype=np.int64))
        return Part(kept[0], kept[1], self, np.ix_(*places))

    @property
    def whole(self) -> Part:
        """The whole grid."""
        return self.within(self.units, self.periods)


@dataclass(frozen=True, eq=False)
class Part:
    """Some units and periods of a grid."""

    units: tuple[str, ...]
    periods: tuple[str, ...]
    grid: Grid
    places: Any

    @cached_property
    def many(self) -> int:
        """The number of buckets of a deal: more tell more cells apart, but each has to hide its cells among others."""
        n, t = len(self.units), len(self.periods)
        return max(1, min(2 * (n + t), n * t // 2))

    @cached_property
    def buckets(self) -> IntArray:
        """The buckets of each cell, shape (2, units × periods), given by its labels alone."""
        cells = [self.buckets_of(unit, period) for unit in self.units for period in self.periods]
        return np.array(cells, dtype=np.int64).reshape(-1, 2).T

    def buckets_of(self, unit: str, period: str) -> tuple[int, int]:
        """Return the bucket of a cell in each of two deals; the buckets of the second one follow those of the first."""
        dealt = hashlib.sha256(f"{unit}\x1f{period}".encode()).digest()
        first, second = (int.from_bytes(part, "big") % self.many for part in (dealt[:8], dealt[8:16]))
        return first, self.many + second

    def print(self, name: str) -> dict[str, str]:
        """Return hashes of a series: of the whole, and of each unit, period and bucket of cells."""
        cells = self.grid.cells(name)[self.places]
        order = np.argsort(self.buckets.ravel(), kind="stable")
        ends = np.cumsum(np.bincount(self.buckets.ravel(), minlength=2 * self.many))
        return {
            "sha256": hashlib.sha256(cells.tobytes()).hexdigest(),
            "units": _joined(cells),
            "periods": _joined(cells.T),
            "cells": _joined(np.split(np.tile(cells.ravel(), 2)[order], ends[:-1])),
        }


def numbered(values: pd.Series) -> Cells:
    """Return a number for each value, equal for equal values: the bits of a number, or a hash of a text."""
    numbers = pd.to_numeric(values, errors="coerce").to_numpy(dtype=np.float64, na_value=np.nan)
    missing = values.isna().to_numpy()
    if (np.isnan(numbers) & ~missing).any():
        texts = pd.unique(values[~missing])
        known = {text: np.frombuffer(hashlib.sha256(label(text).encode()).digest()[:8], np.int64)[0] for text in texts}
        return np.array([MISSING if pd.isna(one) else known[one] for one in values], dtype=np.int64)
    # minus zero is zero, and there is one way to have no value
    bits = np.ascontiguousarray(numbers + 0.0).view(np.int64)
    return np.where(np.isnan(numbers), MISSING, bits)


def _joined(parts: Any) -> str:
    return " ".join(hashlib.sha256(np.ascontiguousarray(part).tobytes()).hexdigest()[:LENGTH] for part in parts)


def _codes(values: pd.Series) -> tuple[tuple[str, ...], IntArray]:
    codes, distinct = pd.factorize(values.astype(object).map(label), sort=True)
    return tuple(map(str, distinct)), codes
