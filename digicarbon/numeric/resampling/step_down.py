"""p values of many tests at once: the step-down test of the largest |z|, from draws that all tests share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from digicarbon.arrays import FloatArray
from digicarbon.numeric.slices import slices

TIES = np.float32(1e-6)
"""A z that is smaller than the observed one by less than this share is equal to it: draws have single precision."""
CELLS = 1 << 22
"""Numbers of a block of draws."""


@dataclass(frozen=True, eq=False)
class StepDown:
    """p values of S tests, each alone and adjusted; not-a-number where a test has no z.

    Those who reject where the adjusted p is at most α reject a true hypothesis, one or more, with a chance of at most
    α.
    """

    p: FloatArray
    adjusted: FloatArray


def step_down(z: FloatArray, drawn: NDArray[np.float32]) -> StepDown:
    """Return p values of many two-sided tests, alone and together.

    ``z``, shape (S,): observed. ``drawn``, shape (S, B): z under the null hypothesis of each test; a column is one draw
    of all data. Not-a-number where a draw has no z.

    Tests are ordered by |z|, the largest first. With B draws,

        p_j = (1 + #{b: |z*_jb| >= |z_j|}) / (1 + B),
        q_jb = max of |z*_kb| over the tests k = j, …, S,
        adjusted_j = the largest, over i <= j, of (1 + #{b: q_ib >= |z_i|}) / (1 + B).

    Because a draw is one for all tests, q has their dependence: tests that say the same cost nothing, other than with
    Bonferroni's or Holm's bound. z has no unit, so that tests of different quantities can stand together.

    A draw without z counts as extreme in the test that it belongs to, and takes no part in the maximum of others, as an
    observed estimate that does not exist is no test. ``adjusted`` is therefore never below ``p``.

    Westfall & Young (1993), Resampling-Based Multiple Testing, algorithm 2.8; Romano & Wolf (2005), Econometrica 73;
    Romano & Wolf (2016), Statistics & Probability Letters 113.
    """
    size = np.abs(z)
    known = np.flatnonzero(np.isfinite(size))
    rows = known[np.argsort(-size[known], kind="stable")]
    least = (size[rows, None].astype(np.float32) * (1 - TIES)).astype(np.float32)
    alone, together = np.zeros(len(rows), dtype=np.int64), np.zeros(len(rows), dtype=np.int64)
    draws = drawn.shape[1]
    for some in slices(draws, CELLS // max(1, len(rows))):
        part = np.abs(drawn[rows, some])
        lost = ~np.isfinite(part)
        part[lost] = 0
        alone += (lost | (part >= least)).sum(axis=1)
        largest = np.maximum.accumulate(part[::-1], axis=0)[::-1]
        together += (lost | (largest >= least)).sum(axis=1)
    p, adjusted = np.full(len(z), np.nan), np.full(len(z), np.nan)
    p[rows] = (1 + alone) / (1 + draws)
    adjusted[rows] = np.maximum.accumulate((1 + together) / (1 + draws))
    return StepDown(p, adjusted)


def adjusted(p: FloatArray, how: Literal["holm", "bh"]) -> FloatArray:
    """Return p values, (m,), as Holm (1979), or Benjamini and Hochberg (1995), adjust them; no numbers stay so."""
    out, known = p.copy(), np.flatnonzero(np.isfinite(p))
    order = known[np.argsort(p[known], kind="stable")]
    ranks = np.arange(1, len(order) + 1)
    if how == "holm":
        adjusted = np.maximum.accumulate(p[order] * (len(order) + 1 - ranks))
    else:
        adjusted = np.minimum.accumulate((p[order] * len(order) / ranks)[::-1])[::-1]
    out[order] = np.minimum(adjusted, 1.0)
    return out
