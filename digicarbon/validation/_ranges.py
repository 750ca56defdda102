"""Series of known names against what their values can be."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from digicarbon import data
from digicarbon.validation._matrix import Matrix
from digicarbon.validation._words import cells
from digicarbon.validation.finding import Finding


def ranges(series: Matrix) -> Iterator[Finding]:
    """Yield impossible and implausible values of a series, by its plain name (see `digicarbon.data.series_ranges`).

    A value below the least possible one is an error; net use of a fuel has none, as what a refinery makes counts with a
    minus. So is a series whose median is implausibly small or large: it is of another unit of measurement. Single
    implausible values are warnings.
    """
    known = data.series_ranges()
    own = known[known["series"] == series.name.split(" ")[0]]
    if own.empty or not np.isfinite(series.values).any():
        return
    unit = str(own["unit"].iloc[0])
    least, low, high = own[["least", "low", "high"]].to_numpy(dtype=np.float64)[0].tolist()
    impossible = series.values < least
    if impossible.any():
        yield Finding(
            "error",
            "range",
            series.file,
            f"{series.file}: {series.name} cannot be below {least:g} {unit}, but is for "
            f"{cells(series.cells(impossible))}; correct the cells in the raw file, or empty them.",
            series=series.name,
        )
    median = float(np.nanmedian(series.values))
    odd = np.isfinite(series.values) & ~impossible & ((series.values < low) | (series.values > high))
    if median > 0 and not low <= median <= high:
        yield Finding(
            "error",
            "unit",
            series.file,
            f"{series.file}: {series.name} has a median of {median:g}, but {low:g} to {high:g} {unit} is plausible; it "
            f"seems to be in another unit of measurement. Convert it to {unit}.",
            series=series.name,
        )
    elif odd.any():
        yield Finding(
            "warning",
            "range",
            series.file,
            f"{series.file}: {series.name} is outside {low:g} to {high:g} {unit} for {cells(series.cells(odd))}.",
            series=series.name,
        )
