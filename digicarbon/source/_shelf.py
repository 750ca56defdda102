"""Files of a data folder, each read once: their series by unit and year, and a record of what was used."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from digicarbon.country import country
from digicarbon.errors import DataError
from digicarbon.note import Note, cut, suggestion
from digicarbon.source import datafolder
from digicarbon.source._catalogue import FileEntry, SeriesEntry, Value
from digicarbon.source._read import check_present, read_table, require_column
from digicarbon.source.base import InputFile
from digicarbon.source.validation import BROKEN

KEYS = ["unit", "time"]


VINTAGES = {"original": Note("vintage_original"), "revised": Note("vintage_revised")}
"""Vintages that have words in both languages."""


@dataclass
class Shelf:
    """The files of a data folder, by the names that the catalogue uses.

    Of a file that has a column ``vintage`` the rows of ``vintage`` are used; with ``fallback`` series without rows of
    it come from another one, but for those ``required``. ``other_vintages`` says how to get the series that were left
    out because of theirs, ``taken`` what was taken from each file, ``notes`` what was inferred about them while
    reading.
    """

    folder: Path
    files: Mapping[str, FileEntry]
    vintage: str
    fallback: bool = False
    required: tuple[str, ...] = ()
    other_vintages: dict[str, Note] = field(default_factory=dict)
    taken: dict[str, list[str]] = field(default_factory=dict)
    notes: tuple[Note, ...] = ()
    _frames: dict[str, pd.DataFrame] = field(default_factory=dict)
    _keyed: dict[str, pd.DataFrame] = field(default_factory=dict)
    _borrowed: dict[str, str] = field(default_factory=dict)

    def has(self, name: str) -> bool:
        """Return whether a file of the catalogue exists."""
        return self.path(name).is_file()

    def path(self, name: str) -> Path:
        """Return where a file of the catalogue is, or would be."""
        return self.folder / self.files[name].path

    def frame(self, name: str) -> pd.DataFrame:
        """Return a file's rows of the chosen vintage as they are; a `DataError` if it has none or cannot be read."""
        if name not in self._frames:
            entry = self.files[name]
            check_present(self.path(name), f"source.files.{name}")
            table = read_table(str(self.path(name)), "source", text=(entry.unit,), key=f"files.{name}")
            self._frames[name] = self._of_vintage(table.frame, entry)
            self.notes += table.notes
        return self._frames[name]

    def keyed(self, name: str) -> pd.DataFrame:
        """Return a file's rows with the columns ``unit`` (as `as_units` spells it) and ``time`` (whole years) first.

        A `DataError` says that it cannot be read, lacks a key column or has a cell that is no year.
        """
        if name not in self._keyed:
            entry, frame = self.files[name], self.frame(name)
            for column in (entry.unit, entry.time):
                require_column(column, frame.columns, entry.path, f"source.files.{name}")
            keys = pd.DataFrame({"unit": as_units(frame[entry.unit]), "time": _years(frame, entry)})
            rest = frame.drop(columns=[*KEYS, entry.unit, entry.time], errors="ignore")
            self._keyed[name] = pd.concat([keys, rest], axis=1)
        return self._keyed[name]

    def series(self, name: str, entry: SeriesEntry) -> pd.Series[float]:
        """Return a series by unit and year.

        A `DataError` says that a file, a column or a chosen row is missing, a cell is no number, or a unit and year
        occurs twice.
        """
        values = self._one_file(name, entry)
        if entry.then is None or not self.has(entry.then.file):
            return values
        return values.dropna().combine_first(self.series(name, entry.then))

    def every_series(self, file: str) -> dict[str, pd.Series[float]]:
        """Return all series of a file by name: its columns of numbers, or the series that its rows name.

        Columns without any number are left out; one with numbers and other text is refused. Errors are those of
        `series`.
        """
        entry, frame = self.files[file], self.keyed(file)
        if entry.names is None:
            names = [
                column
                for column in map(str, frame)
                if column not in (*KEYS, country().code) and _has_numbers(frame[column])
            ]
        else:
            require_column(entry.names, frame.columns, entry.path, f"source.files.{file}.names")
            names = sorted(frame[entry.names].astype(str).unique())
        return {name: self._one_file(name, SeriesEntry(file=file, column=(name,))) for name in names}

    def record(self, name: str, series: str) -> None:
        """Record that a series was taken from a file."""
        self.taken.setdefault(name, []).append(series)

    def records(self) -> tuple[InputFile, ...]:
        """Return every file from which something was taken."""
        return tuple(InputFile.of(self.path(name), series) for name, series in self.taken.items())

    def units_of_measurement(self, name: str) -> Mapping[str, str]:
        """Return the unit of each column or series of an imported file; empty for others."""
        return {key: unit for item in self._imports(name) for key, unit in item.units.items()}

    def vintage_notes(self) -> tuple[Note, ...]:
        """Return notes on series that were taken from another vintage than the chosen one."""
        taken = {series for names in self.taken.values() for series in names}
        groups: dict[str, list[str]] = {}
        for series, vintage in self._borrowed.items():
            if series in taken:
                groups.setdefault(vintage, []).append(series)
        return tuple(
            Note(
                "of_other_vintage",
                vintage=VINTAGES.get(self.vintage, self.vintage),
                other=VINTAGES.get(vintage, vintage),
                series=cut(names, 12),
            )
            for vintage, names in groups.items()
        )

    def citations(self) -> tuple[str, ...]:
        """Return what to cite for the imported files from which something was taken, each once."""
        citations = (item.citation for name in self.taken for item in self._imports(name) if item.citation)
        return tuple(dict.fromkeys(citations))

    def datasets(self) -> dict[str, pd.DataFrame]:
        """Return the imported data sets that were read, by name; input-output tables are not among them."""
        frames: dict[str, pd.DataFrame] = {}
        for name, frame in self._frames.items():
            path = self.path(name)
            kind = datafolder.datasets().get(path.stem) if path.suffix == ".parquet" else None
            if kind is not None and not kind.of_table:
                frames[path.stem] = frame.assign(vintage=self.vintage) if "vintage" in kind.keys else frame
        return frames

    def tolerance(self, name: str) -> float:
        """Return by how much the sums of an imported file may be off, as its import allowed."""
        allowed = (item.options.get("tolerance", BROKEN) for item in self._imports(name))
        return max((float(value) for value in allowed if isinstance(value, int | float)), default=BROKEN)

    def _imports(self, name: str) -> tuple[datafolder.Provenance, ...]:
        path = self.path(name)
        return datafolder.provenance(path.parent, path.stem) if path.suffix == ".parquet" else ()

    def _of_vintage(self, rows: pd.DataFrame, entry: FileEntry) -> pd.DataFrame:
        if "vintage" not in rows.columns:
            return rows
        chosen = rows[rows["vintage"].astype(str) == self.vintage]
        if chosen.empty:
            known = sorted(rows["vintage"].astype(str).unique())
            raise DataError(
                Note(
                    "no_rows_of_vintage",
                    key="source.vintage",
                    file=entry.path,
                    vintage=self.vintage,
                    hint=suggestion(self.vintage, known),
                    known=cut(known),
                )
            )
        if entry.names in rows.columns:
            chosen = pd.concat([chosen, self._of_other_vintages(rows, chosen, entry)])
        return chosen.drop(columns="vintage").reset_index(drop=True)

    def _of_other_vintages(self, rows: pd.DataFrame, chosen: pd.DataFrame, entry: FileEntry) -> pd.DataFrame:
        """Return the rows of series without the chosen vintage, each series from one other vintage."""
        names, vintages = rows[entry.names].astype(str), rows["vintage"].astype(str)
        lacking = sorted(set(names) - set(chosen[entry.names].astype(str)))
        mask = pd.Series(False, index=rows.index)
        for series in lacking:
            known = sorted(set(vintages[names == series]), key=lambda vintage: (vintage != "revised", vintage))
            if self.fallback and series not in self.required:
                self._borrowed[series] = known[0]
                mask |= (names == series) & (vintages == known[0])
                continue
            self.other_vintages[series] = Note(
                "only_in_other_vintage",
                file=entry.path,
                series=series,
                known=cut(known),
                other=known[0],
                vintage=self.vintage,
                fallback="" if series in self.required else Note("or_vintage_fallback"),
            )
        return rows[mask]

    def _one_file(self, name: str, entry: SeriesEntry) -> pd.Series[float]:
        file = self.files[entry.file]
        key = f"source.series.{name}"
        rows = self.keyed(entry.file)
        for column, values in entry.where.items():
            rows = _chosen(rows, column, values, file.path, key)
        if entry.years is not None:
            rows = rows[rows["time"].between(*entry.years)]
        wide = file.names is None
        parts = [
            _numbers(rows, column, file.path, key) if wide else self._named(rows, column, file, key)
            for column in entry.column
        ]
        total = sum(parts[1:], start=parts[0])
        most = max((len(values) for values in entry.where.values()), default=1)
        self.record(entry.file, name)
        return _one_per_key(total, most, file.path, key) * entry.factor

    def _named(self, rows: pd.DataFrame, label: str, file: FileEntry, key: str) -> pd.Series[float]:
        """Return the rows of one series of a long file."""
        names = str(file.names)
        require_column(names, rows.columns, file.path, f"source.files.{key}.names")
        own = rows[rows[names].astype(str) == label]
        if own.empty:
            known = sorted(rows[names].astype(str).unique())
            raise DataError(
                Note(
                    "file_without_series",
                    key=key,
                    file=file.path,
                    series=label,
                    hint=suggestion(label, known),
                    known=cut(known, 30),
                )
            )
        return _numbers(own, file.value, file.path, key)


def as_units(labels: pd.Series[Any]) -> pd.Series[str]:
    """Return units of a known country by their English names, however they are written; other labels as they are."""
    texts = labels.astype(str).str.strip().str.normalize("NFC").str.removesuffix(".0")
    known = {text: country().find(text) or text for text in texts.unique()}
    return texts.map(known)


def _has_numbers(cells: pd.Series[Any]) -> bool:
    """Return whether a column has numbers, even if some are written as text."""
    if pd.api.types.is_numeric_dtype(cells):
        return True
    plain = cells.astype("string").str.replace(r"[,，%\s]", "", regex=True)
    return bool(pd.to_numeric(plain, errors="coerce").notna().any())


def _years(frame: pd.DataFrame, entry: FileEntry) -> pd.Series[int]:
    cells = frame[entry.time]
    years = pd.to_numeric(cells, errors="coerce")
    odd = years.isna() | (years % 1 != 0)
    if odd.any():
        row = int(odd.to_numpy().argmax())
        value = str(cells.iloc[row])
        raise DataError(Note("cell_of_no_year", file=entry.path, column=entry.time, value=value, row=row + 1))
    return years.astype("int64")


def _chosen(rows: pd.DataFrame, column: str, values: Sequence[Value], file: str, key: str) -> pd.DataFrame:
    require_column(column, rows.columns, file, f"{key}.where")
    # each distinct value is converted once: a file of sectors has some fifty in tens of thousands of rows
    codes, distinct = pd.factorize(rows[column], use_na_sentinel=False)
    cells = pd.Series(np.array([_as_text(value) for value in distinct], dtype=object)[codes], index=rows.index)
    present = set(cells.unique())
    absent = [value for value in values if _as_text(value) not in present]
    if absent:
        known = [str(cell) for cell in cells.unique()]
        raise DataError(
            Note(
                "column_without_value",
                key=f"{key}.where",
                column=column,
                file=file,
                value=str(absent[0]),
                hint=suggestion(str(absent[0]), known),
                known=cut(known, 30),
            )
        )
    return rows[cells.isin([_as_text(value) for value in values])]


def _as_text(value: object) -> str:
    return f"{value:.15g}" if isinstance(value, int | float) else str(value).strip()


def _numbers(rows: pd.DataFrame, column: str, file: str, key: str) -> pd.Series[float]:
    require_column(column, rows.columns, file, key)
    cells = rows[column]
    numbers = pd.to_numeric(cells, errors="coerce").astype(float)
    odd = numbers.isna() & cells.notna() & (cells.astype(str).str.strip() != "")
    if odd.any():
        row = int(odd.to_numpy().argmax())
        unit, year = rows["unit"].iloc[row], rows["time"].iloc[row]
        raise DataError(
            Note(
                "cell_of_no_number",
                key=key,
                file=file,
                value=str(cells.iloc[row]),
                column=column,
                cell=Note("cell", parts=(unit, year)),
            )
        )
    return pd.Series(numbers.to_numpy(), index=pd.MultiIndex.from_frame(rows[KEYS]))


def _one_per_key(values: pd.Series[float], most: int, file: str, key: str) -> pd.Series[float]:
    """Return one number per unit and year: the only row, or the sum of at most ``most`` rows."""
    groups = values.groupby(level=KEYS, sort=False)
    count = groups.size()
    odd = count[count != 1] if most == 1 else count[count > most]
    if len(odd):
        unit, year = odd.index[0]
        raise DataError(
            Note(
                "several_rows",
                key=key,
                file=file,
                rows=odd.iloc[0],
                cell=Note("cell", parts=(unit, year)),
                asked=most,
                example=f"{key}.where={{column: value}}",
            )
        )
    # a sum with a missing part is missing
    return groups.sum(min_count=most)
