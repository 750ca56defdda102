"""Reports with pictures, and what they all use."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Literal

import numpy as np
import pandas as pd
from pydantic import Field

from digicarbon.note import Note
from digicarbon.report.base import MOST_RUNS, Decimals, MostRuns, Record, Report, heads
from digicarbon.report.labels import Labels
from digicarbon.report.picture import Format, rendered
from digicarbon.report.rows import unbounded
from digicarbon.result import Result

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from digicarbon.report.picture import Frame, NamedFrame

Formats = Annotated[tuple[Format, ...], Field(strict=False)]
"""Formats of pictures: any of png, svg, pdf; empty for none."""
Band = Literal["pointwise", "uniform"]
"""Intervals in a table along a curve: of each estimate by itself, or a band of all at once; pictures have both."""
Periods = Annotated[tuple[int | str, ...], Field(strict=False)]


class Pictured(Report):
    """A report with pictures.

    Attributes
    ----------
    decimals : int
        Digits after the decimal point.
    pictures : tuple of {"png", "svg", "pdf"}
        Formats; empty for none.
    most_runs : int
        Up to how many runs are shown one by one; with more there are no pictures.
    """

    decimals: Decimals = 4
    pictures: Formats = ("png", "svg")
    most_runs: MostRuns = MOST_RUNS

    def drawn(self, title: str, records: Sequence[Record]) -> Iterable[tuple[str, Figure]]:
        """Return each picture after the name of its file without the format.

        Parameters
        ----------
        title, records
            As in `table`; not more records than ``most_runs``.
        """
        raise TypeError(f"{type(self).__name__} does not say what it draws; define `drawn`.")

    def files(self, title: str, records: Sequence[Record]) -> Mapping[str, bytes]:
        """Return the pictures in each format by the names of their files; none of more runs than ``most_runs``.

        Raises
        ------
        ConfigError
            If matplotlib is not installed, or there is nothing to draw.
        """
        if not self.pictures or len(records) > self.most_runs:
            return {}
        files: dict[str, bytes] = {}
        for name, figure in self.drawn(title, records):
            files |= files_of(name, figure, self.pictures)
        return files

    def frame(self, title: str, records: Iterable[Record]) -> Frame:
        """Return the frame of a picture of some runs, which says so if the data of any are simulated."""
        simulated = any(record.simulated for record in records)
        return {"title": title, "simulated": simulated, "language": self.words.spoken}

    def named_frame(self, title: str, records: Iterable[Record]) -> NamedFrame:
        """Return the frame of a picture whose terms have the words of the report."""
        return {**self.frame(title, records), "naming": self.words}

    def of_each(
        self,
        name: str,
        title: str,
        records: Sequence[Record],
        plot: Callable[..., Figure],
        shown: Callable[[Result], object],
    ) -> Iterator[tuple[str, Figure]]:
        """Yield a picture of what is shown of each run; of several each has its label in file and title."""
        frame, alone = self.named_frame(title, records), len(records) == 1
        for number, (record, label) in enumerate(zip(records, results_of(records, self.words), strict=True), start=1):
            above: NamedFrame = frame if alone else {**frame, "title": f"{title}{self.words.colon}{label}"}
            # a name in the words of a language would be another file in another language
            yield name if alone else f"{name}_{record.label or f'({number})'}", plot(shown(record.result), **above)


def files_of(name: str, figure: Figure, formats: Iterable[Format]) -> dict[str, bytes]:
    """Return a picture in each format by the name of its file."""
    # a label may contain signs that some system does not allow in the name of a file
    plain = "".join(letter if letter.isalnum() or letter in "-_.()" else "_" for letter in name)
    return {f"{plain}.{kind}": rendered(figure, kind) for kind in formats}


def results_of(records: Sequence[Record], words: Labels) -> dict[str, Result]:
    """Return results by the words of their runs; runs without a label are numbered."""
    runs = list(records)
    names = zip(heads(runs, words), runs, strict=True)
    return {name or f"({number})": record.result for number, (name, record) in enumerate(names, start=1)}


def by_variable(table: pd.DataFrame | None) -> dict[str, pd.DataFrame]:
    """Return the rows of each variable, which is the outermost index level of the table."""
    if table is None:
        return {}
    names = table.index.get_level_values(0)
    return {str(name): table[names == name].droplevel(0) for name in dict.fromkeys(names)}


def level_note(results: Mapping[str, Result]) -> tuple[Note, ...]:
    """Return the note that says what intervals cover."""
    levels = sorted({result.inference.level for result in results.values()})
    return (Note("intervals", levels=" / ".join(f"{level:.0%}" for level in levels)),)


def number(value: float, decimals: int) -> str:
    """Return a number with some decimals, from 10,000 on with none; as in `unbounded` if it is not finite."""
    if not np.isfinite(value):
        return unbounded(value)
    return f"{value:,.0f}" if abs(value) >= 10_000 else f"{value:.{decimals}f}"


def chance(value: float, decimals: int) -> str:
    """Return a probability with some decimals; one that would be written as 0 or 1 says on which side it lies.

    A model that is compared with others is never certain, however near its probability is to 1.
    """
    least = 10.0**-decimals
    if 0 <= value < least / 2:
        return f"< {least:.{decimals}f}"
    return f"> {1 - least:.{decimals}f}" if 1 - least / 2 <= value <= 1 else number(value, decimals)


def ends(band: Band) -> tuple[str, str]:
    """Return the columns of the intervals that a table shows."""
    return ("low_uniform", "high_uniform") if band == "uniform" else ("low", "high")


def band_notes(band: Band, along: Note, drawn: bool) -> tuple[Note, ...]:
    """Return what intervals along a curve hold, and where the critical value is from.

    ``along``: what the curve goes along, e.g. quantiles. ``drawn``: whether it is from draws of a run.
    """
    return (
        Note("curve_band_uniform" if band == "uniform" else "curve_band_pointwise", along=along),
        Note("curve_band_drawn" if drawn else "curve_band_joint", along=along),
    )
