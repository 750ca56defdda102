"""The draws of a wild bootstrap for a panel's units: patterns of their W, where there is one."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from digicarbon.arrays import FloatArray
from digicarbon.numeric.latest import Latest
from digicarbon.numeric.resampling.patterns import MOST_UNITS, Patterns, patterns_in
from digicarbon.weights import Weights

_KNOWN = Latest()
"""Patterns of the latest weights and units."""


def patterns_among(units: Sequence[str], candidates: Sequence[Weights]) -> Patterns | None:
    """Return the patterns of the average of weights that hold all units; None where none does.

    Also None of more than `MOST_UNITS` units, and of weights without a pair of neighbours. Weights by period are
    averaged over periods.
    """
    if len(units) > MOST_UNITS:
        return None
    holding = [w for w in candidates if set(units) <= set(w.labels) and w.matrix.nnz]
    if not holding:
        return None
    return _KNOWN.once(
        ("patterns", tuple(w.digest for w in holding), tuple(units)),
        lambda: _patterns(tuple(units), holding),
        lambda found: 0 if found is None else found.vectors.nbytes,
    )


def _patterns(units: tuple[str, ...], candidates: Sequence[Weights]) -> Patterns | None:
    average = average_of(units, candidates)
    return patterns_in(average) if average.any() else None


def average_of(units: tuple[str, ...], candidates: Sequence[Weights]) -> FloatArray:
    """Return the average of weights that hold all units, and of those of each period, shape (N, N)."""
    matrices = []
    for w in candidates:
        for one in (*w.by_period.values(),) or (w,):
            places = {label: place for place, label in enumerate(one.labels)}
            own = [places[unit] for unit in units]
            matrices.append(one.matrix.toarray()[np.ix_(own, own)])
    return np.asarray(np.mean(matrices, axis=0))
