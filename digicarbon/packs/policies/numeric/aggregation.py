"""From effects of cohorts in single periods to means by event time, cohort or period, and to one overall effect."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from digicarbon.arrays import FloatArray, IntArray

Aggregate = Literal["overall", "event", "cohort", "calendar"]
Overall = Literal["rows", "levels"]
NEVER = 10**9
"""The first treated period of units that are never treated: later than any period."""


@dataclass(frozen=True, eq=False)
class Cells:
    """Effects that are estimated one by one: of a cohort in a period."""

    first: IntArray
    """The cohort: the place of its first treated period on the calendar, shape (cells,)."""
    event: IntArray
    """Periods since then, shape (cells,)."""
    size: FloatArray
    """By which an effect weighs in a mean: treated observations, or units of the cohort, shape (cells,)."""
    units: FloatArray
    """Units of the cohort, shape (cells,)."""


@dataclass(frozen=True, eq=False)
class Aggregation:
    """Means of the effects of cells, and their mean."""

    levels: tuple[int, ...]
    """The event times, cohorts or periods of the means; empty where there is only the overall effect."""
    parts: FloatArray
    """Weights of the cells in the mean of each level, and behind them in that of all treated cells where the overall
    effect is this one, shape (m, cells)."""
    overall: FloatArray
    """Weights of the means in the overall effect, shape (m,)."""
    by_units: bool
    """Whether these are the units of cohorts."""

    @property
    def weights(self) -> FloatArray:
        """Weights of the cells in the overall effect and in each mean, shape (1 + levels, cells)."""
        return np.vstack([self.overall @ self.parts, self.parts[: len(self.levels)]])


def binned(event: IntArray, leads: int | None, lags: int | None) -> IntArray:
    """Return event times with those before ``-leads`` and after ``lags`` put into these; None leaves an end open."""
    low = -NEVER if leads is None else -leads
    return np.asarray(np.clip(event, low, NEVER if lags is None else lags))


def aggregation(
    cells: Cells, by: Aggregate, leads: int | None = None, lags: int | None = None, overall: Overall = "rows"
) -> Aggregation:
    """Return how effects of cells are averaged; with ``levels`` as ``aggte`` of R's did does.

    ``by``: means that are reported beside the overall effect, by size: none, by event time, by cohort, by period.
    ``leads``, ``lags``: ends of the event times, see `binned`. ``overall``: the overall effect is the mean of all
    treated cells by size, or of the means over treated event times and periods, or over cohorts by their units. Raises
    ValueError if no cell is treated.
    """
    post = cells.event >= 0
    if not post.any():
        raise ValueError("No cell is treated.")
    keep = post if by != "event" else np.ones_like(post)
    level = {
        "overall": np.zeros_like(cells.event),
        "event": binned(cells.event, leads, lags),
        "cohort": cells.first,
        "calendar": cells.first + cells.event,
    }[by]
    levels = np.unique(level[keep])
    parts = np.where(keep & (level == levels[:, None]), cells.size, 0.0)
    parts = parts / parts.sum(axis=1, keepdims=True)
    if by != "overall" and overall == "rows":
        size = np.where(post, cells.size, 0.0)
        last = np.append(np.zeros(len(levels)), 1.0)
        return Aggregation(tuple(levels.tolist()), np.vstack([parts, size / size.sum()]), last, False)
    treated = levels >= 0 if by == "event" else np.ones(len(levels), dtype=bool)
    counts = treated.astype(np.float64)
    if by == "cohort":
        counts = np.array([cells.units[cells.first == one].max() for one in levels.tolist()])
    shown = () if by == "overall" else tuple(levels.tolist())
    return Aggregation(shown, parts, counts / counts.sum(), by == "cohort")


def influence_of_means(
    chosen: Aggregation, cells: Cells, att: FloatArray, parts: FloatArray, first: IntArray, weight: FloatArray
) -> FloatArray:
    """Return the influence of units on the overall effect and on each mean, shape (N, 1 + levels, M).

    ``chosen``: an aggregation of cells that weigh by their units. ``att``, shape (cells, M): effects in M outcomes.
    ``parts``, shape (N, m, M): influence of units on the means of given weights: the sum of squares of a column is a
    variance. ``first``, shape (N,): each unit's first treated period. ``weight``, shape (N,): what a unit counts in
    the sizes of cohorts.

    Sizes of cohorts are estimated, too: a unit more in a cohort moves a mean towards the effects of that cohort.
    """
    means = chosen.parts @ att
    # cohorts in cells, cohorts of units, and the size of cohorts in each mean
    cohorts = np.unique(cells.first)
    own, members = cells.first == cohorts[:, None], first[:, None] == cohorts
    there = ((chosen.parts > 0)[:, None] & own).astype(np.float64)
    total = there.sum(axis=1) @ cells.size
    moved = (there @ att - there.sum(axis=2)[:, :, None] * means[:, None]) / total[:, None, None]
    parts = parts + np.tensordot(members * weight[:, None], moved, (1, 1))
    overall = np.einsum("nmd,m->nd", parts, chosen.overall)
    if chosen.by_units:
        units = {cohort: cells.units[cells.first == cohort].max() for cohort in chosen.levels}
        for cohort, mean in zip(chosen.levels, means, strict=True):
            moved = (mean - chosen.overall @ means) / sum(units.values())
            overall[first == cohort] += weight[first == cohort][:, None] * moved
    return np.concatenate([overall[:, None], parts[:, : len(chosen.levels)]], axis=1)
