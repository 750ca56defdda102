"""Values that are unusual for their own unit: reported, never dropped."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from digicarbon.note import Note, cut
from digicarbon.numeric.tests.robust_scores import log_growth, robust_scores
from digicarbon.source.validation._matrix import Matrix
from digicarbon.source.validation.finding import Finding

MOST = 6.0
"""A score beyond this is an outlier (a normal variable exceeds it twice in a thousand million draws)."""
SMALLEST = 0.1
"""Log growth or a log level this close to the unit's median is never an outlier, however smooth the series."""
IMMATERIAL = 0.005
"""Levels that are both below this share of the series' largest value are too small to matter."""
BREAK = 1 / 3
"""Where this share of units jumps in one year, the series has a break, which is reported once."""
FEWEST = 5
"""Fewer units are no break, and a unit with fewer values has no usual growth."""


def outliers(series: Matrix, signs: bool = True) -> Iterator[Finding]:
    """Yield jumps and levels beyond `MOST` robust standard deviations, and rare negative values.

    Growth is ln x_t - ln x_(t-1) against the unit's median growth; level is ln x against the unit's median (see
    `digicarbon.numeric.tests.robust_scores`). Without ``signs`` the rare negative values are not reported.
    """
    if signs:
        yield from _signs(series)
    if series.values.shape[1] < FEWEST:
        return
    enough = np.isfinite(series.values).sum(axis=1) >= FEWEST
    levels = np.where(enough[:, None], series.values, np.nan)
    growth = log_growth(levels)
    jumps = robust_scores(growth)
    odd = (np.abs(jumps.score) > MOST) & (np.abs(jumps.deviation) > SMALLEST) & _material(levels)
    number = odd.sum(axis=0)
    breaks = (number >= FEWEST) & (number > BREAK * np.isfinite(growth).sum(axis=0))
    yield from (_break(series, odd[:, column], column) for column in np.flatnonzero(breaks).tolist())
    for row, column in np.argwhere(odd & ~breaks).tolist():
        yield _jump(series, row, column, float(jumps.score[row, column]))
    yield from _levels(series, levels, np.asarray(odd.any(axis=1), dtype=np.bool_))


def _material(levels: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Return where a level or the one before it is not too small to matter."""
    least = IMMATERIAL * np.nanmax(np.abs(levels), initial=0.0)
    large = np.abs(levels) >= least
    before = np.zeros_like(large)
    before[:, 1:] = large[:, :-1]
    return np.asarray(large | before)


def _levels(series: Matrix, levels: NDArray[np.float64], reported: NDArray[np.bool_]) -> Iterator[Finding]:
    """Yield the most outlying level of each unit that is not among ``reported``: units with jumps."""
    logs = np.full(levels.shape, np.nan)
    np.log(levels, out=logs, where=levels > 0)
    heights = robust_scores(logs)
    high = (np.abs(heights.score) > MOST) & (np.abs(heights.deviation) > SMALLEST)
    high &= _material(levels) & ~reported[:, None]
    for row in np.flatnonzero(high.any(axis=1)).tolist():
        column = int(np.nanargmax(np.abs(heights.score[row])))
        yield _level(series, row, column, float(heights.score[row, column]), float(heights.deviation[row, column]))


def _signs(series: Matrix) -> Iterator[Finding]:
    # the rounding error of a difference of equal numbers is no negative value
    noise = 1e-9 * np.nanmax(np.abs(series.values), initial=0.0)
    values = np.where(np.abs(series.values) < noise, 0.0, series.values)
    negative, positive = int((values < 0).sum()), int((values > 0).sum())
    if 0 < negative <= 0.05 * (negative + positive):
        for row, column in np.argwhere(values < 0).tolist():
            unit, year = series.at(row, column)
            said = Note(
                "lone_negative",
                series=series.name,
                cell=Note("cell", parts=(unit, year)),
                value=values[row, column],
                negative=negative,
                values=negative + positive,
            )
            yield series.finding("warning", "sign", said, unit, year)


def _break(series: Matrix, odd: NDArray[np.bool_], column: int) -> Finding:
    units = [unit for unit, jumps in zip(series.units, odd.tolist(), strict=True) if jumps]
    year = series.years[column]
    said = Note(
        "break_of_series",
        series=series.name,
        year=year,
        jumping=len(units),
        every=len(series.units),
        noun=series.noun,
        units=cut(units),
    )
    return series.finding("warning", "break", said, year=year)


def _jump(series: Matrix, row: int, column: int, score: float) -> Finding:
    unit, year = series.at(row, column)
    before, now = series.values[row, column - 1], series.values[row, column]
    said = Note(
        "jump_up" if score > 0 else "jump_down",
        series=series.name,
        unit=unit,
        before=before,
        earlier=series.years[column - 1],
        now=now,
        year=year,
        change=_change(now / before),
        score=abs(score),
    )
    return series.finding("warning", "outlier", said, unit, year)


def _change(ratio: float) -> Note:
    return Note("change_in_percent", change=100 * (ratio - 1)) if 0.1 < ratio < 10 else Note("times", times=ratio)


def _level(series: Matrix, row: int, column: int, score: float, deviation: float) -> Finding:
    unit, year = series.at(row, column)
    said = Note(
        "high_level" if score > 0 else "low_level",
        series=series.name,
        cell=Note("cell", parts=(unit, year)),
        value=series.values[row, column],
        times=np.exp(deviation),
        score=abs(score),
    )
    return series.finding("warning", "outlier", said, unit, year)
