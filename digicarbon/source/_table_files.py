"""The two halves of input-output tables, flows and sectors, from files of a data folder."""

from __future__ import annotations

import pandas as pd

from digicarbon.errors import DataError
from digicarbon.note import Note, cut
from digicarbon.source._catalogue import TablesEntry
from digicarbon.source._read import require_column
from digicarbon.source._shelf import Shelf, as_units
from digicarbon.source.base import TABLES
from digicarbon.source.validation import with_units

PLACES = ("unit", "from_unit", "to_unit")
ENDS = ("sector", "from_sector", "to_sector")


def table_halves(shelf: Shelf, entry: TablesEntry) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return flows and sectors as `io_tables` takes them; a missing column or name is a `DataError`."""
    flows = _half(shelf, entry.flows, {"flow": entry.flow})
    sectors = _half(shelf, entry.sectors, {"value_added": entry.value_added, "output": entry.output})
    if entry.names is None:
        return flows, sectors
    names = _names(shelf, entry.names, entry.name)
    file = shelf.files[entry.names].path
    # sectors that are given by number are in the order of the numbers
    sectors = sectors.assign(position=sectors["sector"])
    return _named(flows, names, file), _named(sectors, names, file)


def _half(shelf: Shelf, name: str, columns: dict[str, str]) -> pd.DataFrame:
    frame, file = shelf.frame(name), shelf.files[name].path
    for column in columns.values():
        require_column(column, frame.columns, file, "source.tables")
    rest = frame.drop(columns=[new for new, old in columns.items() if new in frame and new != old])
    renamed = with_units(rest.rename(columns={old: new for new, old in columns.items()}), shelf.files[name].unit)
    shelf.record(name, TABLES)
    return renamed.assign(**{place: as_units(renamed[place]) for place in PLACES if place in renamed})


def _names(shelf: Shelf, file: str, column: str) -> dict[str, str]:
    frame = shelf.frame(file)
    for needed in ("sector", column):
        require_column(needed, frame.columns, shelf.files[file].path, "source.tables.names")
    shelf.record(file, TABLES)
    return dict(zip(frame["sector"].astype(str), frame[column].astype(str).str.strip(), strict=True))


def _named(frame: pd.DataFrame, names: dict[str, str], file: str) -> pd.DataFrame:
    named = {end: frame[end].astype(str).map(names) for end in ENDS if end in frame}
    for end, column in named.items():
        if column.isna().any():
            unknown = frame.loc[column.isna(), end].unique()
            raise DataError(Note("sectors_without_name", file=file, sectors=cut(map(str, unknown))))
    return frame.assign(**named)
