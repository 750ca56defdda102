"""What has to add up in an input-output table."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from digicarbon.arrays import FloatArray
from digicarbon.china.importer._io_table import COMPONENTS, GROUPS, Table, total
from digicarbon.errors import DataError, counted

LARGE_ENOUGH = 1e-6
"""Sectors with less than this share of the table's output are compared with the table, not with themselves."""


@dataclass(frozen=True, eq=False)
class Identity:
    """Two figures of each sector that must be equal.

    Attributes
    ----------
    sum, total : str
        What is added, and what it must be.
    left, right : ndarray, shape (n,)
        The sum and the total.
    row, column : int or None
        The sheet's row or column of the total.
    """

    sum: str
    total: str
    left: FloatArray
    right: FloatArray
    row: int | None = None
    column: int | None = None


def check(table: Table, tolerance: float) -> list[str]:
    """Compare all sums with their totals.

    Parameters
    ----------
    table : Table
    tolerance : float
        Largest difference that is accepted, as a share of the total; what comes from rounding is accepted anyway.

    Returns
    -------
    list of str
        A sentence for each identity that holds to the tolerance, but not exactly.

    Raises
    ------
    DataError
        If a difference is larger; the sentence names sector and cell.
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
        sentence = _sentence(table, item, worst)
        if share[worst] > tolerance:
            more = int((share > tolerance).sum()) - 1
            others = f" So it is with {counted(more, 'other sector')}." if more else ""
            raise DataError(
                f"{sentence}.{others} Correct the file, or accept differences up to a share of the total with "
                f"tolerance={_rounded_up(float(share[worst]))}."
            )
        notes.append(f"{sentence}; it is the largest such difference.")
    return notes


def _rounded_up(share: float) -> str:
    return f"{share * 1.01:.2g}" if float(f"{share * 1.01:.2g}") > share else f"{share * 1.1:.2g}"


def _sentence(table: Table, item: Identity, at: int) -> str:
    line = table.layout.sectors[at]
    row = line.at if item.row is None else item.row
    column = table.layout.columns[at] if item.column is None else item.column
    sector = f"{line.region} '{line.name}'" if line.region else f"'{line.name}'"
    left, right = item.left[at], item.right[at]
    return (
        f"{table.layout.sheet.place(row, column)}: {item.total} of {sector} is {right:,.6g} (10k CNY), but {item.sum} "
        f"{left:,.6g}, a difference of {abs(left - right):,.4g}"
    )


def _identities(table: Table) -> Iterator[Identity]:
    rows, uses, n = table.rows, table.uses, len(table.flows)
    row_of, use_of = table.layout.rows, {name: at[0] for name, at in table.layout.uses.items()}
    bought = table.flows.sum(axis=0) + total(rows, ("imported_input",), n)
    if "intermediate_input" in rows:
        yield Identity(
            "the inputs of its column sum to", "total intermediate input", bought, rows["intermediate_input"],
            row=row_of["intermediate_input"],
        )  # fmt: skip
    if "value_added" in rows and all(name in rows for name in COMPONENTS):
        yield Identity(
            "its four parts sum to", "value added", total(rows, COMPONENTS, n), rows["value_added"],
            row=row_of["value_added"],
        )  # fmt: skip
    if "total_input" in rows:
        yield Identity(
            "inputs and value added sum to", "total input", bought + table.value_added, rows["total_input"],
            row=row_of["total_input"],
        )  # fmt: skip
    if "output" in uses:
        yield Identity(
            "inputs and value added of its column sum to", "total output", bought + table.value_added, uses["output"],
            column=use_of["output"],
        )  # fmt: skip
    sold = table.flows.sum(axis=1)
    if "intermediate_use" in uses:
        yield Identity(
            "the uses of its row sum to", "total intermediate use", sold, uses["intermediate_use"],
            column=use_of["intermediate_use"],
        )  # fmt: skip
    yield from _final_identities(table, sold, use_of)


def _final_identities(table: Table, sold: FloatArray, use_of: dict[str, int]) -> Iterator[Identity]:
    uses = table.uses
    for name, members in GROUPS.items():
        if name in uses and all(member in uses for member in members):
            group = np.sum([uses[member] for member in members], axis=0)
            yield Identity(
                "its parts sum to", f"total {name.replace('_', ' ')}", group, uses[name], column=use_of[name]
            )
    final, parts = table.final_use, table.final_use_by_parts
    if "final_use" in uses and parts is not None:
        yield Identity("its parts sum to", "total final use", parts, uses["final_use"], column=use_of["final_use"])
    if final is not None and "output" in uses:
        n = len(sold)
        supplied = sold + final - total(uses, ("imports", "inflow"), n) + total(uses, ("residual",), n)
        yield Identity(
            "intermediate and final use less imports and inflow plus the residual are", "total output", supplied,
            uses["output"], column=use_of["output"],
        )  # fmt: skip
