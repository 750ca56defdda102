"""The figures of an input-output table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from digicarbon.arrays import FloatArray
from digicarbon.errors import DataError
from digicarbon.importer._cells import numbers, text
from digicarbon.note import Note
from digicarbon.packs.china.importer._io_layout import Layout
from digicarbon.source.validation import COMPONENTS

GROUPS = {
    "consumption": ("household_consumption", "government_consumption"),
    "household_consumption": ("rural_consumption", "urban_consumption"),
    "capital": ("fixed_capital", "inventories"),
}
"""The parts of each total of final uses; if the parts are missing, the total replaces them."""

FINAL_USES = ("consumption", "capital", "exports", "outflow", "net_outflow")
"""The parts of final use."""


@dataclass(frozen=True, eq=False)
class Table:
    """The figures of an input-output table on a sheet, in 10k CNY."""

    layout: Layout
    flows: FloatArray
    """``flows[i, j]``: purchases of sector j from sector i, shape (n, n)."""
    rows: Mapping[str, FloatArray]
    uses: Mapping[str, FloatArray]
    """`rows`, `uses`: rows below and columns to the right of the sectors, by role, without roles that the table lacks,
    shape (n,)."""
    rounding: float
    """How far a cell may be from the exact figure."""
    notes: tuple[Note, ...] = field(default=())

    @property
    def output(self) -> FloatArray:
        """Total output, shape (n,)."""
        return self.uses["output"] if "output" in self.uses else self.rows["total_input"]

    @property
    def value_added(self) -> FloatArray:
        """Value added, shape (n,)."""
        return self.rows["value_added"] if "value_added" in self.rows else total(self.rows, COMPONENTS, len(self.flows))

    @property
    def final_use(self) -> FloatArray | None:
        """Total final use with exports and outflow, shape (n,); None if the table has no final use."""
        return self.uses.get("final_use", self.final_use_by_parts)

    @property
    def final_use_by_parts(self) -> FloatArray | None:
        """Total final use as the sum of its parts, shape (n,)."""
        return _sum([_group(self.uses, name) for name in FINAL_USES])


def total(parts: Mapping[str, FloatArray], names: Sequence[str], length: int) -> FloatArray:
    """Return the sum of the named parts that exist, shape (length,)."""
    present = [parts[name] for name in names if name in parts]
    return np.asarray(np.sum([np.zeros(length), *present], axis=0), dtype=float)


def table(parts: Layout, scale: float) -> Table:
    """Read the figures.

    ``scale``: the value of the sheet's unit in 10k CNY. Raises DataError if a cell is no number, or value added is
    missing, or both total output and total input are.
    """
    sheet = parts.sheet
    _refuse_merged(parts)
    span = range(min(parts.columns), max(parts.columns) + 1)
    own = [c - span.start for c in parts.columns]
    raw = np.vstack([numbers(sheet, range(line.at, line.at + 1), span)[:, own] for line in parts.lines])
    # a row or column without any figure counts as missing; an empty cell among figures is a zero
    rows = {name: numbers(sheet, range(r, r + 1), span)[0, own] for name, r in parts.rows.items()}
    uses = {name: _use_columns(parts, columns) for name, columns in parts.uses.items()}
    rows = {name: values for name, values in rows.items() if not np.isnan(values).all()}
    uses = {name: values for name, values in uses.items() if not np.isnan(values).all()}
    gaps = int(np.isnan(raw).sum())
    notes = [Note("io_gaps_as_zero", where=sheet.where, cells=gaps)] if gaps else []
    _refuse_gaps(parts, rows, uses, gaps == raw.size)
    whole = all((np.nan_to_num(x) % 1 == 0).all() for x in (raw, *rows.values(), *uses.values()))
    flows, uses, more = _by_sector(parts, np.nan_to_num(raw), {name: np.nan_to_num(x) for name, x in uses.items()})
    return Table(
        parts,
        flows * scale,
        {name: np.nan_to_num(x) * scale for name, x in rows.items()},
        {name: x * scale for name, x in uses.items()},
        (0.5 if whole else 0.005) * scale,
        (*parts.notes, *notes, *more),
    )


def _refuse_merged(parts: Layout) -> None:
    """Raise if a figure is in a merged block of cells."""
    sheet = parts.sheet
    below = max([parts.lines[-1].at, *parts.rows.values()])
    for top, left, _, _ in sheet.merged:
        if parts.lines[0].at <= top <= below and left >= min(parts.columns) and text(sheet.cells.iat[top, left]):
            raise DataError(Note("io_merged", where=sheet.place(top, left)))


def _use_columns(parts: Layout, columns: Sequence[int]) -> FloatArray:
    """Return the sum of a role's columns for each line, not-a-number if none has a figure, shape (lines,)."""
    at = [line.at for line in parts.lines]
    span = range(at[0], at[-1] + 1)
    values = np.hstack([numbers(parts.sheet, span, range(c, c + 1)) for c in columns])[[r - span.start for r in at]]
    return np.where(np.isnan(values).all(axis=1), np.nan, np.nan_to_num(values).sum(axis=1))


def _refuse_gaps(parts: Layout, rows: Mapping[str, FloatArray], uses: Mapping[str, FloatArray], no_flows: bool) -> None:
    where = parts.sheet.where
    if no_flows:
        raise DataError(Note("io_no_flows", where=where))
    if "output" not in uses and "total_input" not in rows:
        raise DataError(Note("io_no_output", where=where))
    if "value_added" not in rows and not all(name in rows for name in COMPONENTS):
        raise DataError(Note("io_no_value_added", where=where))


def _by_sector(
    parts: Layout, raw: FloatArray, uses: Mapping[str, FloatArray]
) -> tuple[FloatArray, dict[str, FloatArray], list[Note]]:
    """Return the sums of domestic and imported lines by sector; the output of imported lines is the imports."""
    if not any(line.origin for line in parts.lines):
        return raw, dict(uses), []
    place = {line.key: i for i, line in enumerate(parts.sectors)}
    at = np.array([place[line.key] for line in parts.lines])
    imported = np.array([line.origin == "imported" for line in parts.lines])

    def summed(values: FloatArray) -> FloatArray:
        result = np.zeros((len(place), *values.shape[1:]))
        np.add.at(result, at, values)
        return result

    if "output" not in uses or "imports" in uses:
        raise DataError(Note("io_imports_twice", where=parts.sheet.where))
    result = {name: summed(values) for name, values in uses.items()}
    result["output"] = summed(np.where(imported, 0, uses["output"]))
    result["imports"] = summed(np.where(imported, uses["output"], 0))
    return summed(raw), result, [Note("io_origins_added", where=parts.sheet.where)]


def _group(uses: Mapping[str, FloatArray], name: str) -> FloatArray | None:
    """Return a use, or the sum of its parts, shape (n,)."""
    if name in uses or name not in GROUPS:
        return uses.get(name)
    return _sum([_group(uses, item) for item in GROUPS[name]])


def _sum(parts: Sequence[FloatArray | None]) -> FloatArray | None:
    present = [part for part in parts if part is not None]
    return np.asarray(np.sum(present, axis=0), dtype=float) if present else None
