"""The table of the curve without each unit."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from digicarbon.note import Note
from digicarbon.numeric.significance import is_significant
from digicarbon.packs.one_answer.numeric.left_out import WithoutUnits, without_units
from digicarbon.packs.one_answer.report.evidence import LeftOut
from digicarbon.report.base import Table
from digicarbon.report.labels import Labels
from digicarbon.report.part import Part
from digicarbon.report.picture import long_names
from digicarbon.report.signs import number


@dataclass(frozen=True, eq=False)
class UnitsLeftOut:
    """The curve of a part without each unit.

    ``labels``: of the specifications. ``median``, ``significant``: of all units.
    """

    units: tuple[str, ...]
    labels: tuple[str, ...]
    found: WithoutUnits
    median: float
    significant: float

    def shown(self, most: int, words: Labels) -> pd.DataFrame:
        """Return the numbers of the units that move the curve most."""
        order = self.found.order[:most]
        names = long_names(list(self.units), words.spoken)
        columns = {name: getattr(self.found, name)[order] for name in ("median", "baseline", "signs", "significance")}
        return pd.DataFrame(columns, index=[names[unit] for unit in order])


def units_of(part: Part, left: LeftOut, level: float) -> UnitsLeftOut | None:
    """Return the curve of a part without each unit; None where none of its specifications was fitted again."""
    labels = set(part.labels)
    rows = [place for place, label in enumerate(left.labels) if label in labels]
    if not rows:
        return None
    estimates, p = left.estimates[rows], left.p[rows]
    found = without_units(estimates[:, 0], left.se[rows], p[:, 0], estimates[:, 1:], p[:, 1:], level)
    return UnitsLeftOut(
        left.units,
        tuple(left.labels[row] for row in rows),
        found,
        float(np.median(estimates[:, 0])),
        float(is_significant(p[:, 0], level).mean()),
    )


def units_table(of: UnitsLeftOut, left: LeftOut, most: int, level: float, decimals: int, words: Labels) -> Table:
    """Return the units that move the curve most, the first ones first."""
    found = of.found
    order = found.order[:most]
    names = long_names(list(of.units), words.spoken)
    # a row of fewer fits says so
    lacking = bool((found.fits[order] < len(of.labels)).any())
    lines: dict[str, list[str]] = {
        words.word("every unit"): [number(of.median, decimals), "", f"{of.significant:.1%}", "", "", "", ""]
    }
    if lacking:
        lines[words.word("every unit")].append("")
    for unit in order:
        label = of.labels[found.place[unit]] if found.place[unit] >= 0 else ""
        lines[names[unit]] = [
            number(found.median[unit], decimals),
            number(found.median[unit] - found.baseline[unit], decimals),
            f"{found.significant[unit]:.1%}",
            str(found.signs[unit]),
            str(found.significance[unit]),
            number(found.change[unit], decimals),
            words.head(label),
        ]
        if lacking:
            lines[names[unit]].append(f"{found.fits[unit]}/{len(of.labels)}")
    heads = (
        *("median", "change of the median", "share significant"),
        *("signs that change", "significance changes", "largest change", "of the run"),
        *(("fits",) if lacking else ()),
    )
    cells = pd.DataFrame.from_dict(lines, orient="index", columns=[words.word(head) for head in heads])
    space = Note("left_out_weights") if left.in_space else ""
    notes = [Note("left_out_units", units=len(of.units), specifications=len(of.labels), level=level, space=space)]
    if len(order) < len(of.units):
        notes.append(Note("most_moving_units", shown=len(order), every=len(of.units)))
    if not found.signs.any():
        notes.append(Note("no_unit_flips"))
    failed = len(of.labels) * len(of.units) - int(found.fits.sum())
    reasons = [reason for reason in left.reasons if reason[0] in set(of.labels)]
    if failed and reasons:
        label, unit, why = reasons[0]
        notes.append(Note("left_out_failed", fits=failed, label=label, unit=names[left.units.index(unit)], why=why))
    return Table(words.word("without one unit"), cells, (1,), words.notes(notes), language=words.spoken)
