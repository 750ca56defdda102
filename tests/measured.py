"""Measures of simulated studies: hundreds of seeds, each with the same yearbook and tables under every process."""

from __future__ import annotations

import hashlib

import numpy as np
import pandas as pd

from digicarbon.measure import BeaMeasure
from digicarbon.source import Inputs

SERIES = ("gdp", "secondary_va", "tertiary_va")
_kept: dict[str, pd.DataFrame] = {}


def bea(inputs: Inputs) -> pd.DataFrame:
    """What the BEA method makes of inputs; the same tables and series, to the last bit, are measured once."""
    frame = inputs.frame
    content = hashlib.blake2b(repr([frame["unit"].tolist(), frame["time"].tolist(), *inputs.tables]).encode())
    content.update(np.ascontiguousarray(frame[list(SERIES)].to_numpy(dtype=float)))
    for table in inputs.tables.values():
        content.update(repr(table.sectors).encode())
        for numbers in (table.flows, table.value_added, table.output):
            content.update(np.ascontiguousarray(numbers))
    key = content.hexdigest()
    if key not in _kept:
        _kept[key] = BeaMeasure().compute(inputs)
    return _kept[key].copy()
