"""Fixed effects of any panel: removing them from columns, and how many parameters they use."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from digicarbon.numeric import covariance
from digicarbon.numeric import within as numeric
from digicarbon.panel import Panel

FloatArray = NDArray[np.float64]


def within(columns: FloatArray, panel: Panel, effects: numeric.EffectsKind) -> FloatArray:
    """Return columns of shape (rows, k) with effects removed, also where the panel is not balanced."""
    n, t = panel.shape
    if panel.balanced:
        cube = columns.reshape(n, t, -1).transpose(1, 0, 2)
        return numeric.demean(cube, effects).transpose(1, 0, 2).reshape(columns.shape)
    dummies = []
    if effects in ("unit", "two_way"):
        dummies.append(np.eye(n)[panel.unit_codes])
    if effects in ("time", "two_way"):
        dummies.append(np.eye(t)[panel.period_codes])
    if not dummies:
        return columns
    base = np.column_stack(dummies)
    return np.asarray(columns - base @ np.linalg.lstsq(base, columns, rcond=None)[0])


def absorbed(panel: Panel, effects: numeric.EffectsKind) -> int:
    """Return how many parameters the effects use."""
    return numeric.absorbed_count(*panel.shape, effects)


def cluster_factor(
    rule: covariance.SmallSample, by: covariance.ClusterBy, panel: Panel, effects: numeric.EffectsKind, k: int
) -> float:
    """Return the small-sample factor of a clustered covariance of k columns."""
    n, t = panel.shape
    return covariance.cluster_factor(rule, by, effects, len(panel.unit_codes), n, t, k)
