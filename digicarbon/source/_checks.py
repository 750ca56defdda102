"""The checks of a source's inputs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pandas as pd

from digicarbon.source import validation
from digicarbon.source.base import InputOutputTable, Inputs


def check_inputs(inputs: Inputs) -> list[validation.Finding]:
    """Return findings, errors first, on series and input-output tables, unless loading has checked them already."""
    if inputs.findings is not None:
        return list(inputs.findings)
    name = inputs.file or f"source={inputs.source}"
    findings = validation.check_series(inputs.frame, name, noun=inputs.unit_name)
    if inputs.tables:
        findings += validation.check_tables(*_as_frames(inputs.tables), name, unit="unit", noun=inputs.unit_name)
    return validation.ordered(findings)


def checked(
    inputs: Inputs,
    datasets: Mapping[str, pd.DataFrame],
    halves: tuple[pd.DataFrame, pd.DataFrame] | None,
    tolerance: float,
    how: str,
) -> Inputs:
    """Return inputs with the findings of the checks, and a note where there are warnings.

    ``datasets`` are the whole data sets that series were taken from, by name, ``halves`` flows and sectors of the
    input-output tables, ``tolerance`` as for `digicarbon.source.validation.check_tables`, ``how`` the command that
    shows all findings. An `InvalidDataError` says that something is impossible or does not add up.
    """
    name = f"source={inputs.source}"
    findings = [*validation.check_sums(datasets), *check_inputs(replace(inputs, tables={}))]
    if halves is not None:
        flows, sectors = halves
        findings += validation.check_tables(sectors, flows, name, tolerance, "unit", inputs.unit_name)
    findings = validation.ordered(findings)
    validation.refuse(findings, name, how)
    return replace(inputs, notes=(*inputs.notes, *validation.note(findings, how)), findings=tuple(findings))


def _as_frames(tables: Mapping[tuple[str, int], InputOutputTable]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return tables as rows: a row per sector, and a row per purchase."""
    sectors, flows = [], []
    for (unit, year), table in tables.items():
        place = {"unit": unit, "year": year}
        n = len(table.sectors)
        numbers = {"value_added": table.value_added, "output": table.output}
        sectors.append(pd.DataFrame({**place, "sector": table.sectors, **numbers}))
        ends = {"from_sector": np.repeat(table.sectors, n), "to_sector": np.tile(table.sectors, n)}
        flows.append(pd.DataFrame({**place, **ends, "flow": table.flows.ravel()}))
    return pd.concat(sectors, ignore_index=True), pd.concat(flows, ignore_index=True)
