"""What each series of a source covers: years, units and gaps, unit of measurement and file."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import pandas as pd

from digicarbon.note import Note, cut
from digicarbon.note.language import said
from digicarbon.source.base import TABLES, InputFile, Inputs
from digicarbon.source.validation._words import years as joined

HASH = 10
"""How many characters of a hash are shown."""


def series_status(inputs: Inputs) -> pd.DataFrame:
    """Return a row per series, and one each for input-output tables and polygons.

    The index has names. Columns: ``first`` and ``last`` year with a value, ``units``: number of units with a value,
    ``missing``: number of unit-years without one, among these units and between these years, ``gaps``: which ones,
    ``unit`` of measurement, ``file`` and ``sha256`` (shortened). All are text, in the language of the command, except
    ``units`` and ``missing``.
    """
    files = {name: file for file in reversed(inputs.files) for name in file.series}
    counts = _counts(inputs.files)
    keyed = inputs.frame.drop_duplicates(["unit", "time"]).set_index(["unit", "time"])
    rows = {
        str(name): _row(keyed[name], inputs.units.get(str(name), "")) | _file(str(name), files, counts)
        for name in keyed.columns
    }
    if inputs.tables:
        cells = pd.Series(1.0, index=pd.MultiIndex.from_tuples(list(inputs.tables), names=["unit", "time"]))
        rows[TABLES] = _years(cells) | {"unit": "10k CNY"} | _file(TABLES, files, counts)
    if inputs.geometry:
        rows["geometry"] = _file("geometry", files, counts)
    columns = ["first", "last", "units", "missing", "gaps", "unit", "file", "sha256"]
    return pd.DataFrame.from_dict(rows, orient="index", columns=columns)


def _row(column: pd.Series[float], unit: str) -> dict[str, object]:
    values = column.dropna()
    if values.empty:
        return {"first": "", "last": "", "units": 0, "missing": 0, "gaps": said(Note("no_value")), "unit": unit}
    return {**_years(values), **_gaps(values), "unit": unit}


def _years(values: pd.Series[float]) -> dict[str, object]:
    units, years = (values.index.get_level_values(level) for level in ("unit", "time"))
    return {"first": str(years.min()), "last": str(years.max()), "units": units.nunique(), "missing": 0, "gaps": ""}


def _gaps(values: pd.Series[float]) -> dict[str, object]:
    """Return the unit-years without a value between the first and last year that any unit has."""
    present = values.notna().unstack("time").fillna(False).astype(bool)
    if pd.api.types.is_integer_dtype(present.columns):
        every = np.arange(int(present.columns[0]), int(present.columns[-1]) + 1)
        present = present.reindex(columns=every, fill_value=False)
    holes = {unit: [year for year, has in row.items() if not has] for unit, row in present.iterrows()}
    empty = [year for year in present.columns if not present[year].any()]
    gaps = [Note("gap_of_all_units", years=spans(empty))] if empty else []
    rest = {unit: [year for year in years if year not in empty] for unit, years in holes.items()}
    gaps += [Note("gap_of_unit", unit=unit, years=spans(years)) for unit, years in rest.items() if years]
    return {"missing": int((~present).to_numpy().sum()), "gaps": said(_cut(gaps)) if gaps else ""}


def _cut(gaps: Sequence[Note], most: int = 4) -> Note:
    more = Note("more_units_with_gaps", units=len(gaps) - most) if len(gaps) > most else ""
    return Note("gaps_of_units", gaps=gaps[:most], more=more)


def spans(years: Sequence[object]) -> Note:
    """Return years, with runs of whole numbers shortened: ``2012-2014, 2016``."""
    if not all(isinstance(year, int | np.integer) for year in years):
        return Note("spans", years=cut(map(str, years)))
    return Note("spans", years=cut(joined(int(str(year)) for year in years)))


def _counts(files: Iterable[InputFile]) -> dict[str, int]:
    names = [name for file in files for name in file.series]
    return {name: names.count(name) for name in names}


def _file(name: str, files: Mapping[str, InputFile], counts: Mapping[str, int]) -> dict[str, object]:
    file = files.get(name)
    if file is None:
        return {"file": "", "sha256": ""}
    more = counts[name] - 1
    shown = said(Note("file_and_more", file=file.name, more=more)) if more else file.name
    return {"file": shown, "sha256": file.sha256[:HASH]}
