"""Series with known names against the range of their possible values."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from digicarbon import data
from digicarbon.country import country
from digicarbon.note import Note
from digicarbon.source.validation._matrix import Matrix
from digicarbon.source.validation._words import cells
from digicarbon.source.validation.finding import Finding

FEWEST = 5
"""With fewer units in a year the median says little about each of them."""
APART = (1 / 300, 30.0)
"""Ratios to the median of a year's units; beyond them the unit of measurement is wrong, not the economy unusual."""


def never_negative(series: Matrix, known_as: str = "") -> bool:
    """Return whether a series is known and cannot be negative."""
    known = data.series_ranges()
    least = known.loc[known["series"] == (known_as or series.name.split(" ")[0]), "least"]
    return bool((least >= 0).any())


def is_known(series: Matrix) -> bool:
    """Return whether the possible values of a series are known."""
    return series.name.split(" ")[0] in set(data.series_ranges()["series"])


def largest(series: str) -> float:
    """Return the largest plausible value of a known series."""
    known = data.series_ranges()
    return float(known.loc[known["series"] == series, "high"].item())


def ranges(series: Matrix, known_as: str = "") -> Iterator[Finding]:
    """Yield impossible and implausible values of a series, by its plain name (see `digicarbon.data.series_ranges`).

    ``known_as`` is the plain name, if the series has another name. A value below the least possible one is an error;
    net use of a fuel has no such bound, as the output of a refinery is negative. A series whose median is implausibly
    small or large is an error, too: its unit of measurement is wrong. Single implausible values are warnings.
    """
    known = data.series_ranges()
    own = known[known["series"] == (known_as or series.name.split(" ")[0])]
    if own.empty or not np.isfinite(series.values).any():
        return
    unit = str(own["unit"].iloc[0])
    least, low, high = own[["least", "low", "high"]].to_numpy(dtype=np.float64)[0].tolist()
    impossible = series.values < least
    if impossible.any():
        places = cells(series.cells(impossible))
        said = Note("impossible_values", series=series.name, least=least, unit=unit, places=places)
        yield series.finding("error", "range", said)
    median = float(np.nanmedian(series.values))
    odd = np.isfinite(series.values) & ~impossible & ((series.values < low) | (series.values > high))
    known_range = {"series": series.name, "low": low, "high": high, "unit": unit}
    if median > 0 and not low <= median <= high:
        yield series.finding("error", "unit", Note("implausible_median", median=median, **known_range))
    elif odd.any():
        places = cells(series.cells(odd))
        yield series.finding("warning", "range", Note("implausible_values", places=places, **known_range))
    elif series.noun == country().noun and least >= 0 and low > 0:
        yield from far_apart(series)


def far_apart(series: Matrix) -> Iterator[Finding]:
    """Yield units with a value so far from the other units' of the year that its unit of measurement may differ.

    Ratios to the median of a year's units are compared with `APART`.
    """
    x = np.where(series.values > 0, series.values, np.nan)
    enough = np.isfinite(x).sum(axis=0) >= FEWEST
    if not enough.any():
        return
    ratio = np.full(x.shape, np.nan)
    ratio[:, enough] = x[:, enough] / np.nanmedian(x[:, enough], axis=0)
    odd = (ratio < APART[0]) | (ratio > APART[1])
    for row in np.flatnonzero(odd.any(axis=1)).tolist():
        own = ratio[row][odd[row]]
        worst = float(own[np.argmax(np.abs(np.log(own)))])
        places = [place for place in series.cells(odd) if place[0] == series.units[row]]
        said = Note("far_from_median", series=series.name, places=cells(places), times=worst, noun=series.noun)
        yield series.finding("warning", "unit", said, series.units[row])
