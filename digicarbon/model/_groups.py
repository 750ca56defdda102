"""Groups of units: from a column of the panel, the regions of Chinese provinces, or a mapping."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from digicarbon import data
from digicarbon.errors import DataError, listing, nearest
from digicarbon.panel import Panel
from digicarbon.panel.base import label

IntArray = NDArray[np.int64]
By = str | dict[str, str]
"""A column whose values are constant within units, ``region`` for Chinese provinces, or unit -> group."""

REGION = "region"
REGIONS = ("northeast", "east", "central", "west")


@dataclass(frozen=True, eq=False)
class Groups:
    """Which group each unit belongs to.

    Attributes
    ----------
    by : str
        What the groups are called, e.g. ``region``.
    labels : tuple of str
        The G groups, sorted; regions in the study's order.
    units : ndarray of int, shape (N,)
        Position of each unit's group.
    rows : ndarray of int, shape (rows,)
        Position of each row's group.
    """

    by: str
    labels: tuple[str, ...]
    units: IntArray
    rows: IntArray

    @property
    def sizes(self) -> IntArray:
        """Number of units of each group, shape (G,)."""
        return np.bincount(self.units, minlength=len(self.labels))

    def words(self) -> str:
        """Return the groups with their numbers of units."""
        return listing([f"{name} ({size} units)" for name, size in zip(self.labels, self.sizes, strict=True)], 40)


def groups_of(panel: Panel, by: By, where: str = "by") -> Groups:
    """Return the groups of a panel's units.

    Parameters
    ----------
    panel : Panel
    by : str or mapping of str to str
        A column of text or numbers that is constant within units; ``region`` where there is no such column and the
        units are Chinese provinces; or unit -> group.
    where : str
        The key, for messages.

    Raises
    ------
    DataError
        If the column is missing, empty somewhere or varies within a unit, a unit has no group, or there is one group
        only.
    """
    if isinstance(by, Mapping):
        name, of_units = "group", _mapped(panel, by, where)
    elif by in panel.text or by in panel.names:
        name, of_units = by, _constant(panel, by, where)
    elif by == REGION:
        name, of_units = by, _regions(panel, where)
    else:
        known = [*panel.text, *panel.names, REGION]
        raise DataError(
            f"{where}: the panel has no column '{by}'.{nearest(by, known)} Name a column that holds each unit's group "
            f"(text columns: {listing(panel.text, 20) or 'none'}), 'region' for Chinese provinces, or give a mapping "
            "unit: group."
        )
    found = set(of_units)
    if len(found) < 2:
        raise DataError(f"{where}: all units are in one group ({next(iter(found))}); a comparison needs two or more.")
    known_order = REGIONS if found <= set(REGIONS) else tuple(sorted(found))
    labels = tuple(group for group in known_order if group in found)
    units = np.array([labels.index(group) for group in of_units], dtype=np.int64)
    return Groups(name, labels, units, units[panel.unit_codes])


def column_codes(panel: Panel, name: str, where: str) -> tuple[tuple[str, ...], IntArray]:
    """Return the sorted values of a column as labels, and the position of each row's, shape (rows,).

    Raises
    ------
    DataError
        If the column is missing or empty in a row.
    """
    if name in panel.text:
        values = panel.text[name]
    elif name in panel.names:
        values = panel.values[:, panel.names.index(name)]
    else:
        known = [*panel.text, *panel.names]
        raise DataError(f"{where}: the panel has no column '{name}'.{nearest(name, known)}")
    empty = np.flatnonzero(pd.isna(values))
    if len(empty):
        raise DataError(
            f"{where}: column '{name}' is empty for {listing(panel.row_name(row) for row in empty)}; fill these cells."
        )
    labels, codes = np.unique([label(value) for value in values], return_inverse=True)
    return tuple(str(item) for item in labels), codes.astype(np.int64)


def _constant(panel: Panel, name: str, where: str) -> list[str]:
    labels, codes = column_codes(panel, name, where)
    first = np.full(len(panel.units), -1, dtype=np.int64)
    first[panel.unit_codes[::-1]] = codes[::-1]
    changes = np.flatnonzero(codes != first[panel.unit_codes])
    if len(changes):
        row = int(changes[0])
        unit = int(panel.unit_codes[row])
        raise DataError(
            f"{where}: column '{name}' varies within a unit ({panel.units[unit]} is {labels[first[unit]]} first and "
            f"{labels[codes[row]]} in {panel.periods[panel.period_codes[row]]}); a group must be the same in all "
            "periods. Make a column that holds each unit's group at one date."
        )
    return [labels[code] for code in first]


def _regions(panel: Panel, where: str) -> list[str]:
    table = data.provinces().set_index("province")["region"]
    names = {unit: data.province(unit) for unit in panel.units}
    strangers = [unit for unit, province in names.items() if province is None]
    if strangers:
        raise DataError(
            f"{where}: the panel has no column 'region', and {listing(strangers)} is no Chinese province whose region "
            "is known. Name a column that holds each unit's group, or give a mapping unit: group."
        )
    return [str(table[province]) for province in names.values()]


def _mapped(panel: Panel, by: Mapping[str, str], where: str) -> list[str]:
    given = {label(unit): label(group) for unit, group in by.items()}
    lacking = [unit for unit in panel.units if unit not in given]
    if lacking:
        raise DataError(
            f"{where}: no group is given for {listing(lacking)}.{nearest(lacking[0], given)} Name the group of each "
            "unit, or leave the unit out of the sample."
        )
    return [given[unit] for unit in panel.units]
