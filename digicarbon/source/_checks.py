"""The checks of a source's inputs."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from digicarbon import validation
from digicarbon.source.base import InputOutputTable, Inputs


def check_inputs(inputs: Inputs) -> list[validation.Finding]:
    """Check the series and input-output tables of inputs as they are.

    Returns
    -------
    list of Finding
        Errors first.
    """
    name = inputs.file or f"source={inputs.source}"
    found = validation.check_series(inputs.frame, name, noun=inputs.unit_name)
    if inputs.tables:
        found += validation.check_tables(*_as_frames(inputs.tables), name)
    return validation.ordered(found)


def _as_frames(tables: Mapping[tuple[str, int], InputOutputTable]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return tables as rows: a row per sector, and a row per purchase."""
    sectors, flows = [], []
    for (unit, year), table in tables.items():
        place = {"province": unit, "year": year}
        n = len(table.sectors)
        numbers = {"value_added": table.value_added, "output": table.output}
        sectors.append(pd.DataFrame({**place, "sector": table.sectors, **numbers}))
        ends = {"from_sector": np.repeat(table.sectors, n), "to_sector": np.tile(table.sectors, n)}
        flows.append(pd.DataFrame({**place, **ends, "flow": table.flows.ravel()}))
    return pd.concat(sectors, ignore_index=True), pd.concat(flows, ignore_index=True)
