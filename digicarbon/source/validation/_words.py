"""How places are named in findings."""

from __future__ import annotations

from collections.abc import Iterable

from digicarbon.errors import listing


def years(found: Iterable[int]) -> str:
    """Return years with runs joined, e.g. ``2012-2014, 2016``."""
    runs: list[list[int]] = []
    for year in sorted(set(found)):
        if runs and year == runs[-1][-1] + 1:
            runs[-1].append(year)
        else:
            runs.append([year])
    return ", ".join(str(run[0]) if len(run) == 1 else f"{run[0]}-{run[-1]}" for run in runs)


def cells(found: Iterable[tuple[str, int]], most: int = 6) -> str:
    """Return units with their years, e.g. ``Hainan 2015-2016; Qinghai 2012``."""
    by_unit: dict[str, list[int]] = {}
    for unit, year in found:
        by_unit.setdefault(unit, []).append(year)
    texts = [f"{unit} {years(own)}" for unit, own in by_unit.items()]
    shown = "; ".join(texts[:most])
    return shown if len(texts) <= most else f"{shown}; and {len(texts) - most} more"


def names(found: Iterable[object], most: int = 6) -> str:
    """Return names joined by commas, cut after ``most``."""
    return listing(found, most)


def percent(share: float) -> str:
    """Return a share as per cent with as many digits as it takes."""
    return f"{100 * share:.2g} %" if abs(share) < 1 else f"{100 * share:.0f} %"
