"""Where a test begins to reject, for regions that hold what it does not reject."""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import pairwise

import numpy as np

CLOSE = 0.005
"""Standard errors by which a test may still miss its critical value at the end of a region."""
MOST_STEPS = 20
PLACES = 32
"""Angles at which a region is looked for; one that is narrower than their distance may be missed."""

Excess = Callable[[float], float]
"""By how much a statistic exceeds what its test takes, in standard errors: positive where the test rejects."""


def crossing(excess: Excess, inside: float, outside: float) -> float:
    """Return where an excess becomes positive between two places, by the Illinois rule with bisections.

    The excess is minus infinity where the draws are too few to reject.
    """
    low, high, at_low, at_high, side = inside, outside, excess(inside), excess(outside), 0
    place, width = (low + high) / 2, abs(outside - inside)
    for step in range(MOST_STEPS):
        slow = step % 3 == 2 and abs(high - low) > width / 2
        width = abs(high - low) if step % 3 == 2 else width
        if np.isfinite([at_low, at_high]).all() and not slow:
            place = low - at_low * (high - low) / (at_high - at_low)
        else:
            place = (low + high) / 2
        now = excess(place)
        if abs(now) < CLOSE:
            break
        if now > 0:
            high, at_high = place, now
            at_low = at_low / 2 if side == 1 else at_low
            side = 1
        else:
            low, at_low = place, now
            at_high = at_high / 2 if side == -1 else at_high
            side = -1
    return place


def arcs(excess: Excess) -> list[tuple[float, float]]:
    """Return the arcs of angles, of period π, at which an excess is not positive, in order.

    The first begins at -π/2 or later; one that holds ±π/2 is cut there.
    """
    angles = np.linspace(-math.pi / 2, math.pi / 2, PLACES + 1)
    values = [excess(float(angle)) for angle in angles[:-1]]
    values.append(values[0])
    found: list[tuple[float, float]] = []
    start = -math.pi / 2 if values[0] <= 0 else None
    for (left, right), (before, after) in zip(pairwise(angles.tolist()), pairwise(values), strict=True):
        if before <= 0 < after and start is not None:
            found.append((start, crossing(excess, left, right)))
            start = None
        elif after <= 0 < before:
            start = crossing(excess, right, left)
    if start is not None:
        found.append((start, math.pi / 2))
    return found
