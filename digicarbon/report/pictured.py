"""Functions that all reports with pictures use."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated

import numpy as np
import pandas as pd
from pydantic import Field

from digicarbon.note import Note
from digicarbon.report.base import Record, heads
from digicarbon.report.labels import Labels
from digicarbon.report.picture import Format, rendered
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
    """Return a number with some decimals, from 10,000 on with none; empty if it is not finite."""
    if not np.isfinite(value):
        return ""
    return f"{value:,.0f}" if abs(value) >= 10_000 else f"{value:.{decimals}f}"
