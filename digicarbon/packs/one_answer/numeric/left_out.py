"""What a specification curve is without each unit."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from digicarbon.arrays import FloatArray, IntArray
from digicarbon.numeric.significance import is_significant


@dataclass(frozen=True, eq=False)
class WithoutUnits:
    """The curve without each of N units, each field of shape (N,).

    ``median``, ``baseline``: median estimate without the unit, and with it, of the specifications that were fitted
    without it. ``significant``: share of the estimates with p of at most the level. ``signs``, ``significance``:
    specifications whose sign changes, and whose significance does. ``place``: the specification whose estimate changes
    most; -1 where none was fitted. ``change``: by how much it changes. ``fits``: specifications that were fitted
    without the unit. ``shift``: mean absolute change of the estimates, each in standard errors of the whole sample: it
    orders units, and changes up and down do not cancel.
    """

    median: FloatArray
    baseline: FloatArray
    significant: FloatArray
    signs: IntArray
    significance: IntArray
    place: IntArray
    change: FloatArray
    fits: IntArray
    shift: FloatArray

    @property
    def order(self) -> IntArray:
        """The units, those that move the curve most first."""
        return np.argsort(-np.nan_to_num(self.shift), kind="stable")


def without_units(
    estimates: FloatArray, se: FloatArray, p: FloatArray, left: FloatArray, left_p: FloatArray, level: float
) -> WithoutUnits:
    """Return the curve without each unit.

    Numbers of the whole sample have shape (M,), those without each unit (M, N), not-a-number where there is no fit. The
    level is the largest p value that counts as significant.
    """
    known = np.isfinite(left) & np.isfinite(left_p)
    fits = known.sum(axis=0)
    values = np.where(known, left, np.nan)
    change = np.where(known, left - estimates[:, None], np.nan)
    place = np.where(fits > 0, np.argmax(np.abs(np.nan_to_num(change)), axis=0), -1)
    low = known & is_significant(left_p, level)
    some = fits > 0
    median, baseline, shift, largest = (np.full(len(fits), np.nan) for _ in range(4))
    median[some] = np.nanmedian(values[:, some], axis=0)
    baseline[some] = np.nanmedian(np.where(known, estimates[:, None], np.nan)[:, some], axis=0)
    shift[some] = np.nanmean(np.abs(change[:, some]) / se[:, None], axis=0)
    largest[some] = change[place[some], np.flatnonzero(some)]
    return WithoutUnits(
        median=median,
        baseline=baseline,
        significant=np.where(some, low.sum(axis=0) / np.maximum(fits, 1), np.nan),
        signs=(known & (np.sign(left) != np.sign(estimates)[:, None])).sum(axis=0),
        significance=(known & (low != is_significant(p, level)[:, None])).sum(axis=0),
        place=place,
        change=largest,
        fits=fits,
        shift=shift,
    )
