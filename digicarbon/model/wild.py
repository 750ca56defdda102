"""p values and intervals of a result by the wild bootstrap of units."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from digicarbon.arrays import FloatArray
from digicarbon.model.restrictions import Fits, Restrictions
from digicarbon.numeric.resampling.null_model import NullModel
from digicarbon.numeric.resampling.unit_wild import CELLS, WildTest, basis_of, draws_of, wild_test

MOST_BASIS = 1 << 23
"""Numbers up to which the outcomes of all draws are made of one basis; a larger one is not formed."""


@dataclass(frozen=True, eq=False)
class Draws:
    """Signs of units, and how intervals are found.

    Attributes
    ----------
    signs : ndarray, shape (M, N)
        In the order of the panel's units.
    level : float
    intervals : bool
    """

    signs: FloatArray
    level: float
    intervals: bool


def wild_tests(restrictions: Restrictions, estimates: Sequence[tuple[float, float]], draws: Draws) -> list[WildTest]:
    """Return the test of each quantity of a focal term.

    Parameters
    ----------
    restrictions : Restrictions
    estimates : sequence of (float, float)
        Estimate and standard error of each.
    draws : Draws
    """
    places = range(len(estimates))
    zero = fits(restrictions, restrictions.null(), places, draws.signs)

    def at(place: int, value: float) -> tuple[FloatArray, FloatArray]:
        return fits(restrictions, restrictions.null_at(place, value), [place], draws.signs)[0]

    return [
        wild_test(*estimates[place], zero[place], partial(at, place) if draws.intervals else None, draws.level)
        for place in places
    ]


def fits(restrictions: Restrictions, null: NullModel, places: Sequence[int], signs: FloatArray) -> Fits:
    """Return the quantities at some places for every draw from a null model."""
    rows, units = len(null.y), signs.shape[1]
    small = rows * (units + 1) <= MOST_BASIS
    basis = basis_of(null) if small else None
    size = max(1, CELLS // rows)
    parts = []
    for start in range(0, len(signs), size):
        block = signs[start : start + size]
        if basis is None:
            outcomes = draws_of(null, block)
        else:
            outcomes = basis[:, 1:] @ block.T
            outcomes += basis[:, :1]
        parts.append(restrictions.fit(outcomes, places))
    return [tuple(np.concatenate(both) for both in zip(*same, strict=True)) for same in zip(*parts, strict=True)]
