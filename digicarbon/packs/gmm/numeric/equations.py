"""The rows of a dynamic panel that GMM is fitted to: differences or forward orthogonal deviations, and levels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import scipy

from digicarbon.arrays import BoolArray, FloatArray, IntArray

Kind = Literal["difference", "system"]
Transformation = Literal["difference", "orthogonal_deviations"]


@dataclass(frozen=True, eq=False)
class Equations:
    """Rows of the transformed equation and, for system GMM, of the equation in levels, ordered by unit."""

    unit: IntArray
    period: IntArray
    """`unit`, `period`: a row's unit and period. An orthogonal deviation of period t has the period t + 1, as in
    xtabond2, so that its possible instruments are the same lags as those of a difference. Shape (rows,)."""
    level: BoolArray
    """Whether a row is of the equation in levels, shape (rows,)."""
    operator: scipy.sparse.csr_array
    """A: turns a column of cells (unit by unit, period by period) into rows. Independent errors of variance σ² in the
    cells have covariance σ² A A′ in the rows. Shape (rows, N·T)."""

    def rows(self, cells: FloatArray) -> FloatArray:
        """Return a column of cells as rows.

        ``cells``: values that no row uses, including missing ones, do not matter, shape (N, T) or (N, T, k). The result
        has shape (rows,) or (rows, k).
        """
        n, t = cells.shape[:2]
        return np.asarray(self.operator @ np.nan_to_num(cells.reshape(n * t, *cells.shape[2:]), nan=0.0))


def equations(complete: BoolArray, transformation: Transformation, kind: Kind) -> Equations:
    """Return the rows of a panel.

    ``complete``, shape (N, T): whether a unit has the outcome and all regressors, lags among them, in a period.
    ``transformation``: a difference needs two consecutive periods (Arellano & Bond 1991); a forward orthogonal
    deviation, √(c/(c+1)) (x_t - mean of the c later observations), skips gaps (Arellano & Bover 1995). ``kind``:
    ``system`` adds the equation in levels (Blundell & Bond 1998).
    """
    transform = _differences if transformation == "difference" else _orthogonal_deviations
    unit, period, blocks = transform(complete)
    level = np.zeros(len(unit), dtype=bool)
    if kind == "system":
        units, periods = (index.astype(np.int64) for index in np.nonzero(complete))
        cells = complete.size
        levels = _operator(np.arange(len(units)), units * complete.shape[1] + periods, np.ones(len(units)), cells)
        blocks = scipy.sparse.vstack([blocks, levels], format="csr")
        unit, period = np.concatenate([unit, units]), np.concatenate([period, periods])
        level = np.concatenate([level, np.ones(len(units), dtype=bool)])
    order = np.lexsort((period, level, unit))
    return Equations(unit[order], period[order], level[order], scipy.sparse.csr_array(blocks[order]))


def _operator(rows: IntArray, columns: IntArray, values: FloatArray, cells: int) -> scipy.sparse.csr_array:
    count = int(rows.max()) + 1 if len(rows) else 0
    return scipy.sparse.csr_array((values, (rows, columns)), shape=(count, cells))


def _differences(complete: BoolArray) -> tuple[IntArray, IntArray, scipy.sparse.csr_array]:
    t = complete.shape[1]
    unit, before = (index.astype(np.int64) for index in np.nonzero(complete[:, 1:] & complete[:, :-1]))
    row = np.arange(len(unit))
    at = unit * t + before
    values = np.concatenate([np.ones(len(row)), -np.ones(len(row))])
    operator = _operator(np.concatenate([row, row]), np.concatenate([at + 1, at]), values, complete.size)
    return unit, before + 1, operator


def _orthogonal_deviations(complete: BoolArray) -> tuple[IntArray, IntArray, scipy.sparse.csr_array]:
    t = complete.shape[1]
    later = complete[:, ::-1].cumsum(axis=1)[:, ::-1] - complete
    unit, period = (index.astype(np.int64) for index in np.nonzero(complete & (later > 0)))
    count = later[unit, period].astype(np.float64)
    ahead = complete[unit] & (np.arange(t) > period[:, None])
    row, column = (index.astype(np.int64) for index in np.nonzero(ahead))
    values = np.concatenate([np.sqrt(count / (count + 1)), -1 / np.sqrt(count * (count + 1))[row]])
    rows = np.concatenate([np.arange(len(unit)), row])
    columns = np.concatenate([unit * t + period, unit[row] * t + column])
    return unit, period + 1, _operator(rows, columns, values, complete.size)


def lagged(values: FloatArray, lag: int) -> FloatArray:
    """Return the values ``lag`` periods earlier, not-a-number where there are none, shape (N, T)."""
    out = np.full(values.shape, np.nan)
    if lag < values.shape[1]:
        out[:, lag:] = values[:, : values.shape[1] - lag]
    return out
