"""Permutations of units that several samples share."""

from __future__ import annotations

import numpy as np

from digicarbon.arrays import IntArray
from digicarbon.numeric.linear.within import Rows


def permutations(units: int, draws: int, seed: int) -> IntArray:
    """Return independent uniform permutations of 0 … units - 1, shape (draws, units)."""
    keys = np.random.default_rng(seed).random((draws, units))
    return keys.argsort(axis=1, kind="stable")


def induced(whole: IntArray, members: IntArray) -> IntArray:
    """Return the permutations of N of U units that follow from those of all, (M, U): (M, N), places in the sample.

    Units that are not in the sample are removed from the cycles of the permutation: a unit gets the value of the first
    unit along its cycle that is in the sample. The result is uniform if ``whole`` is, and equal to ``whole`` wherever
    that stays within the sample, so that draws of nearly equal samples are nearly equal.
    """
    place = np.full(whole.shape[1], -1, dtype=np.int64)
    place[members] = np.arange(len(members))
    image = whole[:, members]
    outside = place[image] < 0
    while outside.any():
        image = np.where(outside, np.take_along_axis(whole, image, axis=1), image)
        outside = place[image] < 0
    return np.asarray(place[image])


def within_classes(whole: IntArray, members: IntArray, classes: IntArray) -> IntArray:
    """Return the same as `induced`, shape (M, N), but exchange units only within classes.

    ``whole``, ``members``: as in `induced`. ``classes``, shape (N,): the class of each unit of the sample.
    """
    out = np.empty((len(whole), len(members)), dtype=np.int64)
    for one in np.unique(classes):
        positions = np.flatnonzero(classes == one)
        out[:, positions] = positions[induced(whole, members[positions])]
    return out


def period_classes(rows: Rows) -> IntArray:
    """Return a number for each unit, equal for units that have the same periods, shape (N,)."""
    if rows.balanced:
        return np.zeros(rows.n, dtype=np.int64)
    presence = np.zeros((rows.n, rows.t), dtype=bool)
    presence[rows.unit_codes, rows.period_codes] = True
    return np.asarray(np.unique(presence, axis=0, return_inverse=True)[1].ravel(), dtype=np.int64)
