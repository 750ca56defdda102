"""What counts as significant: a p value of at most the level, everywhere."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import overload

import numpy as np

from digicarbon.arrays import BoolArray

ROUNDING = 1e-12
"""1 - 0.9 is below 0.1, as a p value of 100/1000 is not: what differs by rounding alone is equal."""


@overload
def is_significant(p: float, level: float) -> bool: ...


@overload
def is_significant(p: Collection[float], level: float) -> BoolArray: ...


def is_significant(p: float | Collection[float], level: float) -> bool | BoolArray:
    """Return which p values, of any shape, are at most the level; one that is not a number never is."""
    if isinstance(p, float):
        return bool(p <= level * (1 + ROUNDING))
    return np.asarray(np.asarray(p, dtype=np.float64) <= level * (1 + ROUNDING))


def stars_of(p: float, levels: Iterable[float]) -> str:
    """Return a star for each level at which a p value is significant."""
    return "*" * sum(is_significant(p, level) for level in levels)
