"""Instruments of dynamic panels: lags of variables in levels and of their differences, and variables themselves."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from digicarbon.arrays import FloatArray
from digicarbon.packs.gmm.numeric.equations import Equations, lagged


@dataclass(frozen=True, eq=False)
class InstrumentSet:
    """Instruments that belong together and are tested together."""

    name: str
    columns: FloatArray
    """Shape (rows, m)."""
    level: NDArray[np.bool_]
    """Whether a column is a lagged difference that instruments the equation in levels (added by system GMM), shape
    (m,)."""
    tested: bool = True
    """Whether a test without this set makes sense."""


def lag_instruments(
    name: str, values: FloatArray, rows: Equations, first: int, last: int | None, collapse: bool, level_lag: int
) -> InstrumentSet:
    """Return the lags of a variable as instruments (Holtz-Eakin, Newey & Rosen 1988; Arellano & Bond 1991).

    ``values``, shape (N, T): not-a-number where missing; a missing instrument is zero. ``first``, ``last``: lags in the
    transformed equation; None for ``last`` takes all lags. ``collapse``: one column per lag, instead of one per lag and
    period (Roodman 2009). ``level_lag``: lag of the difference that instruments the equation in levels; not used
    without it. Columns that are zero everywhere are left out.
    """
    t = values.shape[1]
    lags = range(first, min(t - 1 if last is None else last, t - 1) + 1)
    lag_columns = np.stack([lagged(values, lag)[rows.unit, rows.period] for lag in lags] or [np.empty(0)], axis=-1)
    lag_columns = (
        np.where(rows.level[:, None], 0.0, np.nan_to_num(lag_columns, nan=0.0))
        if lags
        else np.empty((len(rows.unit), 0))
    )
    difference = lagged(values, level_lag) - lagged(values, level_lag + 1)
    in_levels = np.where(rows.level, np.nan_to_num(difference, nan=0.0)[rows.unit, rows.period], 0.0)[:, None]
    if not collapse:
        lag_columns, in_levels = (_by_period(columns, rows.period, t) for columns in (lag_columns, in_levels))
    columns = np.concatenate([lag_columns, in_levels], axis=1)
    level = np.arange(columns.shape[1]) >= lag_columns.shape[1]
    nonzero = columns.any(axis=0)
    return InstrumentSet(name, columns[:, nonzero], level[nonzero])


def _by_period(columns: FloatArray, period: NDArray[np.int64], t: int) -> FloatArray:
    """Return one column for each input column and period, zero in other periods."""
    out = np.zeros((len(period), t, columns.shape[1]))
    out[np.arange(len(period)), period] = columns
    return out.reshape(len(period), -1)


def own_instruments(
    name: str, columns: FloatArray, rows: Equations, apart: bool = False, tested: bool = True
) -> InstrumentSet:
    """Return columns that instrument themselves, such as strictly exogenous regressors.

    ``columns``: in the order of the rows, and transformed in the transformed equation, shape (rows, m). ``apart``:
    whether each equation has separate columns (plm); otherwise both equations share a column (xtabond2).
    """
    if apart and rows.level.any():
        here = rows.level[:, None]
        columns = np.concatenate([np.where(here, 0.0, columns), np.where(here, columns, 0.0)], axis=1)
    nonzero = columns.any(axis=0)
    return InstrumentSet(name, columns[:, nonzero], np.zeros(int(nonzero.sum()), dtype=bool), tested)
