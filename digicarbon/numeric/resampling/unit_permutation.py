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
    """Return what permutations of all units are among some of them.

    Parameters
    ----------
    whole : ndarray of int, shape (M, U)
        Whose value each unit gets.
    members : ndarray of int, shape (N,)
        Positions of a sample's units among all.

    Returns
    -------
    ndarray of int, shape (M, N)
        As positions in the sample.

    Notes
    -----
    Units that are not in the sample are struck out of the cycles of the permutation: a unit gets the value of the first
    one along its cycle that is in the sample. That is again a uniform permutation (of a uniform one), and equal to the
    whole one wherever that stays within the sample, so that draws of nearly equal samples are nearly equal.
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
    """Return the same where units are exchanged within classes only.

    Parameters
    ----------
    whole, members
        As in `induced`.
    classes : ndarray of int, shape (N,)
        The class of each unit of the sample.

    Returns
    -------
    ndarray of int, shape (M, N)
    """
    out = np.empty((len(whole), len(members)), dtype=np.int64)
    for one in np.unique(classes):
        own = np.flatnonzero(classes == one)
        out[:, own] = own[induced(whole, members[own])]
    return out


def period_classes(rows: Rows) -> IntArray:
    """Return a number for each unit, equal for units that have the same periods, shape (N,)."""
    if rows.balanced:
        return np.zeros(rows.n, dtype=np.int64)
    has = np.zeros((rows.n, rows.t), dtype=bool)
    has[rows.unit_codes, rows.period_codes] = True
    return np.asarray(np.unique(has, axis=0, return_inverse=True)[1].ravel(), dtype=np.int64)
