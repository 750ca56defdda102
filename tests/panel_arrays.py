"""Arrays of public panels for tests of numeric functions."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from conftest import REFERENCE
from numpy.typing import NDArray


class Arrays(NamedTuple):
    """Outcome, regressors without a constant, and positions of units and periods."""

    y: NDArray[np.float64]
    x: NDArray[np.float64]
    unit: NDArray[np.int64]
    period: NDArray[np.int64]

    def rows(self, keep: NDArray[np.bool_]) -> Arrays:
        """Return some rows."""
        unit, period = (np.unique(codes[keep], return_inverse=True)[1] for codes in (self.unit, self.period))
        return Arrays(self.y[keep], self.x[keep], unit, period)


def _sorted(frame: pd.DataFrame, unit: str, time: str) -> tuple[pd.DataFrame, NDArray[np.int64], NDArray[np.int64]]:
    frame = frame.sort_values([unit, time])
    codes = [np.unique(frame[name], return_inverse=True)[1] for name in (unit, time)]
    return frame, codes[0], codes[1]


def produc() -> Arrays:
    """Munnell's states: log(gsp) on log(pcap), log(pc), log(emp) and unemp."""
    frame, unit, period = _sorted(pd.read_csv(REFERENCE / "produc.csv"), "state", "year")
    x = np.column_stack([np.log(frame[["pcap", "pc", "emp"]]), frame["unemp"]])
    return Arrays(np.log(frame["gsp"]).to_numpy(), x, unit, period)


def grunfeld(data_folder: Path) -> Arrays:
    """Grunfeld's ten firms, 1935-54 (R package plm): inv on value and capital."""
    frame, unit, period = _sorted(pd.read_csv(data_folder / "panels" / "plm_Grunfeld.csv"), "firm", "year")
    return Arrays(frame["inv"].to_numpy(), frame[["value", "capital"]].to_numpy(), unit, period)


def with_constant(x: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return x after a column of ones."""
    return np.column_stack([np.ones(len(x)), x])
