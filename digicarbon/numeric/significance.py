"""What counts as significant: a p value of at most the level, everywhere."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import overload

import numpy as np

from digicarbon.arrays import BoolArray

STARS = (0.01, 0.05, 0.1)
"""Levels at which tables usually have stars."""
CHANCE = 0.001
"""Probability that as many draws put p on the wrong side of a level without anybody being told."""
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


def is_undecided(p: float, draws: int, levels: Iterable[float] = STARS) -> bool:
    """Return whether other draws might put a simulated p on the other side of a level.

    ``p``: (1 + number of extreme draws)/(1 + draws). The interval of the share of extreme draws is exact (Clopper &
    Pearson 1934, Biometrika 26), with coverage 1 - `CHANCE`.
    """
    from scipy.special import betaincinv

    if not np.isfinite(p):
        return False
    extreme = round(p * (1 + draws)) - 1
    low = betaincinv(extreme, draws - extreme + 1, CHANCE / 2) if extreme else 0.0
    high = betaincinv(extreme + 1, draws - extreme, 1 - CHANCE / 2) if extreme < draws else 1.0
    return any(low < level < high for level in levels)


def stars_of(p: float, levels: Iterable[float]) -> str:
    """Return a star for each level at which a p value is significant."""
    return "*" * sum(is_significant(p, level) for level in levels)
