"""`digicarbon read`: what a file of data holds, and the block that reads it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import pandas as pd
import yaml

from digicarbon.cli.command import say, show, terminal
from digicarbon.disk.files import put
from digicarbon.errors import ConfigError
from digicarbon.note import Note, cut
from digicarbon.note.language import said
from digicarbon.packs.reading.look import Look, look
from digicarbon.report import Table
from digicarbon.source._gaps import shown_code

_FILES = (".yaml", ".yml")


def read(files: Sequence[str], save: str | None) -> int:
    """Print what files hold and the ``data:`` block for each; return 0.

    ``save``: a new YAML file for the block. Raises ConfigError if it exists, is no YAML file, or there are several
    blocks; DataError if a file cannot be read.
    """
    if save is not None:
        if len(files) > 1:
            raise ConfigError(Note("read_saves_one", files=len(files)))
        if Path(save).suffix.lower() not in _FILES:
            raise ConfigError(Note("read_saves_yaml", file=save))
        if Path(save).exists():
            raise ConfigError(Note("read_saves_new", file=save))
    for path in files:
        seen = look(path)
        _show(seen)
        text = yaml.safe_dump(
            {"data": seen.block}, allow_unicode=True, sort_keys=False, default_flow_style=None, width=100
        )
        say(Note("read_block"))
        terminal().print(text, markup=False, highlight=False, soft_wrap=True)
        if save is not None:
            put(Path(save), text.encode())
            say(Note("read_saved", file=save))
    return 0


def _show(seen: Look) -> None:
    frame = seen.inputs.frame
    if len(seen.sheets) > 1:
        sizes = [
            Note("read_sheet", sheet=name, rows=rows, columns=columns) for name, (rows, columns) in seen.sheets.items()
        ]
        say(Note("read_sheets", file=seen.file, sheets=cut(sizes, 12)))
    periods = sorted(frame["time"].dropna().unique())
    units = frame["unit"].nunique()
    pairs = len(frame[["unit", "time"]].drop_duplicates())
    say(
        Note(
            "read_units",
            file=seen.file,
            rows=len(frame),
            units=units,
            unit=seen.inputs.unit_name,
            periods=len(periods),
            time=seen.inputs.time_name,
            first=shown_code(periods[0]),
            last=shown_code(periods[-1]),
            absent=units * len(periods) - pairs,
        )
    )
    show(Table(said(Note("read_columns")), pd.DataFrame.from_dict(dict(_columns(frame)), orient="index")), terminal())
    for note in (*seen.inputs.notes, *seen.notes):
        say(note)


def _columns(frame: pd.DataFrame) -> Iterator[tuple[str, dict[str, str]]]:
    """Yield the kind, the values and the gaps of each column."""
    for name in frame.columns[2:]:
        column = frame[name]
        values = column.dropna()
        numeric = pd.api.types.is_numeric_dtype(column)
        shown = (
            f"{values.min():.6g} … {values.max():.6g}"
            if numeric and len(values)
            else ", ".join(str(value)[:20] for value in values.unique()[:3])
        )
        yield (
            str(name),
            {
                said(Note("head_kind")): said(Note("kind_numbers" if numeric else "kind_text")),
                said(Note("head_values")): shown,
                said(Note("head_missing")): str(int(column.isna().sum())),
            },
        )
