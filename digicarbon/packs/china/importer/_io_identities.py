"""The accounting identities of an input-output table."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from digicarbon.arrays import FloatArray
from digicarbon.errors import DataError
from digicarbon.note import Note
from digicarbon.packs.china.importer._io_table import GROUPS, Table, total
from digicarbon.source.validation import COMPONENTS

LARGE_ENOUGH = 1e-6
"""For sectors with a smaller share of the table's output, differences are relative to that share of the output."""

_GROUP_TOTALS = {
    "consumption": Note("io_consumption"),
    "household_consumption": Note("io_household_consumption"),
    "capital": Note("io_capital"),
}
"""The names of the totals of `GROUPS`."""


@dataclass(frozen=True, eq=False)
class Identity:
    """Two figures of each sector that must be equal."""

    sum: Note
    total: Note
    """`sum`, `total`: names of the sum and of the total."""
    left: FloatArray
    right: FloatArray
    """`left`, `right`: the sum and the total, shape (n,)."""
    row: int | None = None
    column: int | None = None
    """`row`, `column`: the sheet's row or column of the total."""


def check(table: Table, tolerance: float) -> list[Note]:
    """Compare all sums with their totals.

    ``tolerance``: largest accepted difference, as a share of the total; rounding is always accepted. Returns one for
    each identity that holds within the tolerance, but not exactly. Raises DataError if a difference is larger; the
    message names sector and cell.
    """
    notes = []
    floor = LARGE_ENOUGH * np.abs(table.output).sum() / max(1.0, tolerance)
    for item in _identities(table):
        size = np.maximum(np.maximum(np.abs(item.left), np.abs(item.right)), floor)
        gap = np.abs(item.left - item.right)
        # each of up to n cells and the total may be rounded
        beyond = gap > table.rounding * (len(gap) + 1) + 1e-9 * size
        if not beyond.any():
            continue
        share = np.where(beyond, gap / size, 0.0)
        worst = int(np.argmax(share))
        description = _description(table, item, worst)
        if share[worst] > tolerance:
            count = int((share > tolerance).sum()) - 1
            others = Note("io_other_sectors", more=count) if count else ""
            needed_tolerance = _rounded_up(float(share[worst]))
            raise DataError(Note("io_sum_is_off", said=description, others=others, tolerance=needed_tolerance))
        notes.append(Note("io_sum_is_nearly_right", said=description))
    return notes


def _rounded_up(share: float) -> str:
    return f"{share * 1.01:.2g}" if float(f"{share * 1.01:.2g}") > share else f"{share * 1.1:.2g}"


def _description(table: Table, item: Identity, at: int) -> Note:
    line = table.layout.sectors[at]
    row = line.at if item.row is None else item.row
    column = table.layout.columns[at] if item.column is None else item.column
    sector = Note("io_sector", sector=line.name)
    left, right = item.left[at], item.right[at]
    return Note(
        "io_sum_and_total",
        where=table.layout.sheet.place(row, column),
        total=item.total,
        sector=Note("io_sector_of_region", region=line.region, sector=line.name) if line.region else sector,
        right=right,
        sum=item.sum,
        left=left,
        gap=abs(left - right),
    )


def _identities(table: Table) -> Iterator[Identity]:
    rows, uses, n = table.rows, table.uses, len(table.flows)
    inputs, sales = table.flows.sum(axis=0) + total(rows, ("imported_input",), n), table.flows.sum(axis=1)
    costs, supply = inputs + table.value_added, None
    if table.final_use is not None:
        less = total(uses, ("imports", "inflow"), n)
        supply = sales + table.final_use - less + total(uses, ("residual",), n)
    parts = Note("io_sum_of_parts")
    # names of the sum and of the total, and the sum, which is None where a part is missing
    of_rows = (
        ("intermediate_input", Note("io_sum_of_inputs"), Note("io_intermediate_input"), inputs),
        ("value_added", Note("io_sum_of_four"), Note("io_value_added"), _whole(rows, COMPONENTS)),
        ("total_input", Note("io_sum_of_all_inputs"), Note("io_total_input"), costs),
    )
    of_uses = (
        ("output", Note("io_sum_of_column"), Note("io_total_output"), costs),
        ("intermediate_use", Note("io_sum_of_uses"), Note("io_intermediate_use"), sales),
        *((name, parts, _GROUP_TOTALS[name], _whole(uses, members)) for name, members in GROUPS.items()),
        ("final_use", parts, Note("io_final_use"), table.final_use_by_parts),
        ("output", Note("io_sum_of_supply"), Note("io_total_output"), supply),
    )
    for name, sum_of, whole, left in of_rows:
        if left is not None and name in rows:
            yield Identity(sum_of, whole, left, rows[name], row=table.layout.rows[name])
    for name, sum_of, whole, left in of_uses:
        if left is not None and name in uses:
            yield Identity(sum_of, whole, left, uses[name], column=table.layout.uses[name][0])


def _whole(figures: Mapping[str, FloatArray], names: Sequence[str]) -> FloatArray | None:
    """Return the sum of the named figures, shape (n,); None where one is missing."""
    return np.sum([figures[name] for name in names], axis=0) if figures.keys() >= set(names) else None
