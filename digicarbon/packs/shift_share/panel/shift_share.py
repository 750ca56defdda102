"""Shift-share (Bartik) columns: shares of units in sectors times shocks to sectors.

What a column is made of stays beside it in the panel (`Panel.origins`), for diagnostics.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Annotated, Literal

import numpy as np
import pandas as pd
from pydantic import BeforeValidator

from digicarbon.arrays import FloatArray
from digicarbon.errors import ConfigError, DataError
from digicarbon.note import Note, columns_there, cut, suggestion
from digicarbon.note.about import of_file
from digicarbon.panel._index import label
from digicarbon.panel.making import Maker, Making, units_as_spelt
from digicarbon.spec import fields_of

if TYPE_CHECKING:
    from digicarbon.panel.base import Panel

Complete = Literal["refuse", "keep"]
"""What to do where the shares of a unit do not sum to one: stop, or keep them and say their sums."""

Field = Literal["shares", "shocks"]

EXACT = 1e-6
"""How far the sum of shares may be from one: tables are rounded."""

ANY = "*"
"""Stands for the sector in the names of columns."""

COLUMNS: Mapping[str, tuple[str, str, str]] = {
    "shares": ("unit", "sector", "share"),
    "shocks": ("time", "sector", "shock"),
}
"""The columns of tables."""


def sum_of_shares(name: str) -> str:
    """Return the name of the column of the sum of a unit's shares."""
    return f"{name}_shares"


@dataclass(frozen=True, eq=False)
class ShiftShare:
    """What a shift-share column is made of.

    ``sectors``: K labels. ``units``: N labels. ``periods``: T labels. ``shares``, shape (N, K): of a base period.
    ``shocks``: shape (T, K).
    """

    sectors: tuple[str, ...]
    units: tuple[str, ...]
    periods: tuple[int | str, ...]
    shares: FloatArray
    shocks: FloatArray

    @cached_property
    def digest(self) -> bytes:
        """SHA-256 of labels and values."""
        sha = hashlib.sha256(repr((self.sectors, self.units, self.periods)).encode())
        sha.update(np.ascontiguousarray(self.shares).tobytes())
        sha.update(np.ascontiguousarray(self.shocks).tobytes())
        return sha.digest()

    def on(self, panel: Panel) -> tuple[FloatArray, FloatArray]:
        """Return the shares of a panel's units, shape (N, K), and the shocks of its periods, shape (T, K)."""
        unit = {name: place for place, name in enumerate(self.units)}
        period = {name: place for place, name in enumerate(self.periods)}
        return self.shares[[unit[name] for name in panel.units]], self.shocks[[period[name] for name in panel.periods]]

    def column(self, panel: Panel) -> FloatArray:
        """Return shares times shocks, summed over sectors, on the rows of a panel."""
        shares, shocks = self.on(panel)
        return np.asarray((shares @ shocks.T)[panel.unit_codes, panel.period_codes])


class ShiftShares(Making):
    """Where shares and shocks are.

    Attributes
    ----------
    shares : str
        A table with a row per unit and sector, in the columns ``unit``, ``sector`` and ``share``; or columns of the
        data, with ``*`` for the sector, e.g. ``share_*``, which are constant within units.
    shocks : str
        A table with a row per sector and period, in the columns ``sector``, ``time`` and ``shock``; or columns of the
        data, e.g. ``shock_*``, which are the same for all units of a period.
    complete : {"refuse", "keep"}
        What to do where the shares of a unit do not sum to one: stop, or keep them with a note.
    """

    shares: str
    shocks: str
    complete: Complete = "refuse"

    @property
    def files(self) -> tuple[Path, ...]:
        """The files of shares and shocks, if there are some."""
        return tuple(Path(path) for path in dict.fromkeys((self.shares, self.shocks)) if ANY not in path)

    def columns(self, known: Iterable[str]) -> tuple[str, ...]:
        """Return the columns of the data that hold shares or shocks, among those ``known``."""
        names = list(known)
        patterns = [pattern for pattern in (self.shares, self.shocks) if ANY in pattern]
        return tuple(name for pattern in patterns for name in _matching(pattern, names).values())

    def behind(self, name: str, column: str, known: Collection[str]) -> Iterator[str]:
        """Yield what a column of shares times shocks is made of: itself where these are in files of its own."""
        yield from [column] if self.files else []
        yield from self.columns(known)

    def made(
        self, panel: Panel, name: str, units: Iterable[str] = (), tables: Mapping[str, pd.DataFrame] | None = None
    ) -> tuple[Panel, tuple[Note, ...]]:
        """Return the panel with the column of this name, that of the sum of shares, and what both are made of.

        Parameters
        ----------
        panel : Panel
        name : str
            Of the column.
        units : iterable of str
            Further units that the file may name: those that the panel has left out because of gaps.
        tables : mapping of {"shares", "shocks"} to DataFrame, optional
            Tables that are in memory, in place of files of the same columns.

        Raises
        ------
        DataError
            If a column of that name exists; a file, a column, a unit's shares or a sector's shock is missing; a unit
            is unknown; a value is no number; or shares do not sum to one and ``complete`` is ``"refuse"``.
        """
        taken = [column for column in (name, sum_of_shares(name)) if panel.has(column)]
        if taken:
            raise DataError(Note("shift_share_name_taken", columns=cut(taken), name=name))
        shares = self._values(panel, name, "shares", set(units), tables or {})
        shocks = self._values(panel, name, "shocks", set(), tables or {})
        found = _joined(panel, shares, shocks)
        notes = self._sums(found, name)
        codes = panel.unit_codes
        columns = {name: found.column(panel), sum_of_shares(name): found.shares.sum(axis=1)[codes]}
        return panel.with_columns(columns).with_origins({name: found}), notes

    def _values(
        self, panel: Panel, name: str, field: Field, others: set[str], tables: Mapping[str, pd.DataFrame]
    ) -> pd.DataFrame:
        """Return shares or shocks as a table with a row per unit or period of the panel, a column per sector."""
        if field in tables:
            return _of_table(panel, tables[field], field, others)
        path = self.shares if field == "shares" else self.shocks
        if ANY in path:
            return _constant(panel, path, "unit" if field == "shares" else "time")
        return self._of_file(panel, name, path, field, others)

    def _sums(self, found: ShiftShare, name: str) -> tuple[Note, ...]:
        sums = found.shares.sum(axis=1)
        off = np.flatnonzero(np.abs(sums - 1) > EXACT)
        if not len(off):
            return ()
        if self.complete == "refuse":
            cells = cut((Note("cell_value", cell=found.units[i], value=float(sums[i])) for i in off), 4)
            raise DataError(Note("shift_share_sums", units=len(off), every=len(sums), cells=cells, name=name))
        low, high = float(sums.min()), float(sums.max())
        return (Note("shift_share_incomplete", name=name, low=low, high=high, sum=sum_of_shares(name)),)

    def _of_file(self, panel: Panel, name: str, path: str, field: Field, others: set[str]) -> pd.DataFrame:
        from digicarbon.source._read import read_table

        table = read_table(path, self.role, list(COLUMNS[field][:2]), key=f"shift_share.{name}.{field}").frame
        try:
            return _of_table(panel, table, field, others)
        except DataError as error:
            # the file is wrong, whatever else the run chooses
            error.to_correct = True
            raise of_file(error, path) from error


def _of_table(panel: Panel, table: pd.DataFrame, field: Field, others: set[str]) -> pd.DataFrame:
    """Return a table with a row per unit or period of the panel, a column per sector, from one with a row per share."""
    from digicarbon.source._read import numbers_or_text

    columns = COLUMNS[field]
    by, sector, value = columns
    names = [str(column) for column in table.columns]
    for column in columns:
        if column not in names:
            hint = suggestion(column, names)
            raise DataError(Note("shift_share_file_column", column=column, hint=hint, columns=columns_there(names)))
    numbers = pd.to_numeric(table[value], errors="coerce").to_numpy(dtype=np.float64)
    keys = [[label(item) if not pd.isna(item) else "" for item in numbers_or_text(table[c])] for c in (by, sector)]
    bad = ~np.isfinite(numbers) | [not (a and b) for a, b in zip(*keys, strict=True)]
    if bad.any():
        rows = cut((np.flatnonzero(bad) + 1).tolist())
        raise DataError(Note("shift_share_file_cells", rows=rows, columns=cut(columns)))
    labels: list[str | None] = [*keys[0]]
    if field == "shares":
        units, unknown = units_as_spelt(keys[0], panel, others)
        if unknown:
            raise DataError(Note("shift_share_unknown_units", **unknown))
        labels = [units[item] for item in keys[0]]
    frame = pd.DataFrame({"by": labels, "sector": keys[1], "value": numbers}).dropna(subset="by")
    twice = frame[frame.duplicated(["by", "sector"])]
    if len(twice):
        first = twice.iloc[0]
        raise DataError(Note("shift_share_file_twice", sector=first["sector"], row=first["by"]))
    return frame.pivot(index="by", columns="sector", values="value")


SomeShiftShares = Annotated[ShiftShares, BeforeValidator(partial(fields_of, kind=ShiftShares))]
"""A `ShiftShares` in YAML."""


def _matching(pattern: str, names: Iterable[str]) -> dict[str, str]:
    """Return columns by what stands for the sector in their names."""
    before, _, after = pattern.partition(ANY)
    return {
        name[len(before) : len(name) - len(after)]: name
        for name in names
        if name.startswith(before) and name.endswith(after) and len(name) > len(before) + len(after)
    }


def _constant(panel: Panel, pattern: str, by: Literal["unit", "time"]) -> pd.DataFrame:
    """Return columns of the data by sector, a row per unit or period."""
    columns = _matching(pattern, panel.names)
    if not columns:
        raise DataError(Note("shift_share_no_columns", pattern=pattern, columns=columns_there(panel.names)))
    values = panel.array(tuple(columns.values()))
    codes = panel.unit_codes if by == "unit" else panel.period_codes
    _, first = np.unique(codes, return_index=True)
    changes = np.argwhere(values != values[first][codes])
    if len(changes):
        row, place = changes[0]
        column, cell = tuple(columns.values())[place], panel.row_name(row)
        if by == "unit":
            raise DataError(Note("shift_share_share_changes", column=column, cell=cell))
        raise DataError(Note("shift_share_shock_differs", column=column, cell=cell))
    labels = panel.units if by == "unit" else tuple(map(str, panel.periods))
    return pd.DataFrame(values[first], index=list(labels), columns=list(columns))


def _joined(panel: Panel, shares: pd.DataFrame, shocks: pd.DataFrame) -> ShiftShare:
    """Return shares and shocks of the panel's units and periods, in the order of the sectors that have shares."""
    without = [unit for unit in panel.units if unit not in shares.index]
    if without:
        raise DataError(Note("shift_share_no_shares", units=cut(without), every=len(panel.units)))
    # a sector without a row for a unit is a share of zero, which tables often leave out
    table = shares.loc[list(panel.units)].fillna(0.0)
    sectors = tuple(str(name) for name in table.columns[(table != 0).any(axis=0)])
    lost = [sector for sector in sectors if sector not in shocks.columns]
    if lost:
        hint = suggestion(lost[0], map(str, shocks.columns))
        raise DataError(Note("shift_share_no_shock", sectors=cut(lost), hint=hint, known=cut(shocks.columns, 40)))
    periods = [str(period) for period in panel.periods]
    wide = shocks.reindex(periods)[list(sectors)].to_numpy(dtype=np.float64)
    gaps = np.argwhere(~np.isfinite(wide))
    if len(gaps):
        cells = cut((Note("cell", parts=(sectors[k], panel.periods[t])) for t, k in gaps.tolist()), 4)
        raise DataError(Note("shift_share_gaps", cells=cells, gaps=len(gaps), every=wide.size))
    return ShiftShare(sectors, panel.units, panel.periods, table[list(sectors)].to_numpy(dtype=np.float64), wide)


def with_shift_share(
    panel: Panel, name: str, shares: str | pd.DataFrame, shocks: str | pd.DataFrame, complete: Complete = "refuse"
) -> Panel:
    """Return a panel with a column of shares times shocks, see `ShiftShares`.

    Parameters
    ----------
    panel : Panel
    name : str
        What the column is called; the sum of a unit's shares is beside it, as ``name_shares``.
    shares, shocks : str or DataFrame
        A file or a table, with the columns ``unit``, ``sector`` and ``share``, or ``time``, ``sector`` and
        ``shock``; or columns of the panel, with ``*`` for the sector.
    complete : {"refuse", "keep"}
        What to do where the shares of a unit do not sum to one.

    Raises
    ------
    ConfigError
        If shares or shocks are of another type.
    DataError
        As `ShiftShares.made` does.
    """
    tables: dict[str, pd.DataFrame] = {}
    texts: dict[str, str] = {}
    for key, given in (("shares", shares), ("shocks", shocks)):
        if isinstance(given, pd.DataFrame):
            tables[key] = given
        elif not isinstance(given, str):
            raise ConfigError(Note("shift_share_takes", key=key, given=type(given).__name__))
        texts[key] = given if isinstance(given, str) else ""
    return ShiftShares(**texts, complete=complete).made(panel, name, tables=tables)[0]


def shift_shares(panel: Panel) -> dict[str, ShiftShare]:
    """Return what the shift-share columns of a panel are made of, by column."""
    return {name: origin for name, origin in panel.origins.items() if isinstance(origin, ShiftShare)}


class _Maker(Maker):
    field = "shift_share"
    kind = SomeShiftShares
    about = """
    shift_share : mapping of str to ShiftShares
        Shares of units in sectors and shocks to sectors, by the name of the column that they make, e.g.
        ``bartik: {shares: shares.csv, shocks: shocks.csv}``; ``bartik_shares`` is the sum of a unit's shares.
    """
    methods = MappingProxyType({"with_shift_share": with_shift_share})

    def columns(self, name: str) -> tuple[str, ...]:
        """Return the column and that of the sum of shares."""
        return name, sum_of_shares(name)

    def there(self, panel: Panel) -> Iterator[str]:
        """Yield the shift-share columns of a panel."""
        yield from shift_shares(panel)


MAKER = _Maker()
