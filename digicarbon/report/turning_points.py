"""A regression table of models with powers: coefficients, then turning points, slopes and the test of a U shape."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from digicarbon.errors import ConfigError
from digicarbon.note import Note
from digicarbon.report.base import Record, Table
from digicarbon.report.heads import heads_of
from digicarbon.report.picture import plot_curve
from digicarbon.report.pictured import Formats
from digicarbon.report.regression import RegressionTable, with_block
from digicarbon.report.rows import interval_text

if TYPE_CHECKING:
    from matplotlib.figure import Figure

NAME = "turning_points"
INFLECTION = "inflection point"
QUANTITIES = (
    *("turning point", "turning point, Fieller", "turning point, wild", "first extremum", "second extremum", "extrema"),
    *(INFLECTION, "inflection point, wild"),
    *("slope at the smallest value", "slope at the inflection point", "slope at the largest value"),
    *("Lind-Mehlum test", "curve in the sample"),
)
"""Lines of the table in their order; counts of observations come last."""
REGIONS = ("turning point, Fieller", "turning point, wild", "inflection point, wild")
TEST_NOTE = Note("turning_points")
WILD_NOTE = Note("wild_turning_points")
RESTS = ("by_wild_bootstrap", "by_standard_errors")
"""Notes of rows that say what p rests on beside what the row's test is."""


class TurningPointTable(RegressionTable):
    """The table of coefficients with rows about each curve below, and a picture of each run's curve."""

    pictures: Formats = ("png", "svg")

    def table(self, title: str, records: Sequence[Record]) -> Table:
        """Return the table; a run without turning points is a ConfigError."""
        above = super().table(title, records)
        if len(records) > self.most_runs:
            tables = ((record, _turning_points(record).drop(columns="note")) for record in records)
            return self._with_summary(above, "Turning points", tables)
        frames = [_turning_points(record) for record in heads_of(list(records), self.heads, self.words).records]
        lines = [line for quantity in QUANTITIES for line in self._lines(quantity, frames)]
        lines.append(("observations on each side", [_counts(frame) for frame in frames]))
        wild = any(_by_wild(frame) for frame in frames)
        own = (TEST_NOTE, WILD_NOTE) if wild else (TEST_NOTE,)
        notes = (above.notes[0], *self.words.notes(own), *above.notes[1:])
        return replace(with_block(above, [(self.words.cell(label), cells) for label, cells in lines]), notes=notes)

    def drawn(self, title: str, records: Sequence[Record]) -> Iterator[tuple[str, Figure]]:
        """Yield a picture of each run's curve."""
        for record in records:
            if record.panel is not None:
                frame = self.named_frame(self.words.head(record.label), [record])
                yield f"curve_{record.label}", plot_curve(record.result, record.panel(), **frame)

    def _lines(self, quantity: str, frames: Sequence[pd.DataFrame]) -> list[tuple[str, list[str]]]:
        """Return the lines of one quantity: a label and a cell per run; none if no run has it."""
        rows = [dict(frame.loc[quantity]) if quantity in frame.index else None for frame in frames]
        columns = [[] if row is None else self._column(quantity, row) for row in rows]
        labels = list(dict.fromkeys(label for column in columns for label, _ in column))
        return [(label.rstrip(), [dict(column).get(label, "") for column in columns]) for label in labels]

    def _column(self, quantity: str, row: Mapping[str, Any]) -> list[tuple[str, str]]:
        """Return the labelled cells of one run from top to bottom; the label of a standard error is blank."""
        note = row["note"]
        if isinstance(note, Note) and note.code in RESTS:
            note = note["said"]
        if np.isfinite(row["p"]) and np.isfinite(row["se"]):
            below = [(" " * (place + 1), self._number_below(row, kind)) for place, kind in enumerate(self.beneath)]
            return [(quantity, self._starred(row)), *below]
        if np.isfinite(row["se"]):
            return [
                (quantity, self._number(row["coef"])),
                (" ", self._bracketed(row["se"])),
                (f"{quantity}, delta interval", self._interval(row)),
                # an inflection point is neither a maximum nor a minimum
                (f"{quantity} is" if quantity == INFLECTION else f"{quantity} is a", self.words.cell(note)),
            ]
        if np.isfinite(row["p"]):
            tested = isinstance(note, Note) and note.code == "against_monotone"
            shape = note["shape"] if tested else Note("extremum_outside")
            return [("Lind-Mehlum p", self._number(row["p"])), ("Lind-Mehlum test of", self.words.cell(shape))]
        region = self._interval(row) if np.isfinite(row["low"]) else self.words.cell(row["note"])
        return [(f"{quantity} interval" if quantity in REGIONS else quantity, region)]

    def _interval(self, row: Mapping[str, Any]) -> str:
        return interval_text(row["low"], row["high"], self.decimals)


def _turning_points(record: Record) -> pd.DataFrame:
    table = record.result.tables.get(NAME)
    if table is None:
        raise ConfigError(Note("run_without_turning_points", key="report", run=record.label))
    return table


def _by_wild(frame: pd.DataFrame) -> bool:
    """Return whether p values of a curve are from the wild bootstrap."""
    return any(isinstance(note, Note) and note.code == "by_wild_bootstrap" for note in frame["note"])


def _counts(frame: pd.DataFrame) -> str:
    """Return the numbers of observations below, between and above the places where a curve turns."""
    counts = frame.loc[[name for name in frame.index if name.startswith("observations")], "coef"]
    return " | ".join(f"{count:.0f}" for count in counts)
