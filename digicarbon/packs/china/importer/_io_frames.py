"""Input-output tables as tidy data."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from digicarbon.packs.china.importer._io_table import Table
from digicarbon.source.validation import COMPONENTS

UNIT = "10k CNY"
FLOW_UNIT = f"{UNIT}; a flow that is not there is zero"
AMOUNTS = (*COMPONENTS, "value_added", "intermediate_input", "imported_input", "final_use", "exports", "outflow",
           "imports", "inflow", "residual", "output")  # fmt: skip
"""Columns of a sectors data set that hold money, in its order; missing where a table has none."""


def sectors_frame(table: Table) -> pd.DataFrame:
    """Return sector, position (from 1, within its province) and the amounts, a row per sector."""
    lines = table.layout.sectors
    absent = np.full(len(lines), np.nan)
    amounts = {
        **table.rows,
        **table.uses,
        "value_added": table.value_added,
        "output": table.output,
        # the table's own total may be rounded; the sum of its flows is exact
        "intermediate_input": table.flows.sum(axis=0) + table.rows.get("imported_input", 0.0),
        "final_use": absent if table.final_use is None else table.final_use,
    }
    regions = pd.Series([line.region for line in lines])
    return pd.DataFrame(
        {
            "sector": [line.name for line in lines],
            "position": regions.groupby(regions).cumcount() + 1,
            **{name: amounts.get(name, absent) for name in AMOUNTS},
        }
    )


def flows_frame(table: Table, ends: tuple[str, str], **labels: Sequence[str]) -> pd.DataFrame:
    """Return the flows that are not zero, a row each.

    ``ends``: prefixes of the columns of seller and buyer, e.g. ``("from_", "to_")``. ``**labels``: labels of the
    sectors by the rest of the column's name, e.g. ``sector``.
    """
    arrays = {name: np.array(values, dtype=object) for name, values in labels.items()}
    places = np.nonzero(table.flows)
    columns = {f"{end}{name}": arrays[name][at] for end, at in zip(ends, places, strict=True) for name in arrays}
    return pd.DataFrame({**columns, "flow": table.flows[places]})
