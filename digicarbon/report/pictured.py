"""Functions that all reports with pictures use."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated

import numpy as np
import pandas as pd
from pydantic import Field

from digicarbon.note import Note
from digicarbon.report.base import Record, heads
from digicarbon.report.labels import Labels
from digicarbon.report.picture import Format, rendered
from digicarbon.report.rows import unbounded
from digicarbon.result import Result

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Formats = Annotated[tuple[Format, ...], Field(strict=False)]
"""Formats of pictures: any of png, svg, pdf; empty for none."""
Periods = Annotated[tuple[int | str, ...], Field(strict=False)]


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


def pictures(
    name: str,
    title: str,
    records: Sequence[Record],
    formats: Iterable[Format],
    words: Labels,
    draw: Callable[[Result, str], Figure],
) -> dict[str, bytes]:
    """Return a picture of each run by file name; of several runs each has its label in name and title.

    Parameters
    ----------
    name, title : str
    records : sequence of Record
    formats : iterable of {"png", "svg", "pdf"}
    words : Labels
    draw : callable
        Draws a result under a title.
    """
    files: dict[str, bytes] = {}
    alone = len(records) == 1
    for number, (record, label) in enumerate(zip(records, results_of(records, words), strict=True), start=1):
        figure = draw(record.result, title if alone else f"{title}{words.colon}{label}")
        # a name in the words of a language would be another file in another language
        files |= files_of(name if alone else f"{name}_{record.label or f'({number})'}", figure, formats)
    return files


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
