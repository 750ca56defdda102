"""Exposure of units to the policies of others, by distance (Butts 2023)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from digicarbon.arrays import FloatArray
from digicarbon.numeric.spatial.proximity import TIE, Pairs


def nearest_treated(pairs: Pairs, treated: NDArray[np.bool_]) -> FloatArray:
    """Return the distance of each unit to the nearest other unit under the policy, in each period.

    ``pairs``: of n units, those within the largest distance that counts. ``treated``: shape (n, T). The result is
    infinite where there is none among the pairs, shape (n, T).
    """
    distance = np.full(treated.shape, np.inf)
    for period, there in enumerate(treated.T):
        near = there[pairs.destination]
        np.minimum.at(distance[:, period], pairs.origin[near], pairs.distance[near])
    return distance


def in_rings(distance: FloatArray, edges: Sequence[float]) -> NDArray[np.bool_]:
    """Return whether distances are in each ring: above its inner edge, of the first also at zero, up to its outer one.

    ``edges``: increasing, one more than rings. The result has shape (rings, *distance.shape).
    """
    # rounding must not decide in which ring a distance is
    bounds = np.array(edges, dtype=np.float64) * (1 + TIE)
    bounds[0] = bounds[0] if edges[0] > 0 else -1.0
    place = np.searchsorted(bounds, distance, side="left") - 1
    return np.asarray(place == np.arange(len(edges) - 1).reshape(-1, *[1] * distance.ndim))
