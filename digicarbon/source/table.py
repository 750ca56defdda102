"""The user's own tidy file as a source."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, ClassVar, Literal, Self

import pandas as pd
from pydantic import BeforeValidator, Field, model_validator

from digicarbon.country import country
from digicarbon.disk.text import DELIMITERS, WORDS, TextFormat, shown_mark
from digicarbon.errors import DataError
from digicarbon.note import Note, cut
from digicarbon.source._read import as_periods, numbers_or_text, read_table, require_column
from digicarbon.source.base import InputFile, Inputs, Source


def _as_mark(value: object) -> object:
    return WORDS.get(value, value) if isinstance(value, str) else value


_BY_WORD = BeforeValidator(_as_mark, json_schema_input_type=str)
_FIELDS = ("encoding", "delimiter", "decimal", "thousands")


class TableSource(Source):
    """A file with one row per unit and period: CSV, TSV, Excel, Stata or Parquet, recognised by its suffix.

    The encoding of a text file, its delimiter and the marks in its numbers are inferred where only one reading is
    possible, and a note under every table says which was used. A cell that may be 1234 as well as 1.234 is left as
    text; the panel names such cells when the column is used. The panel also sorts rows and refuses duplicates.

    Attributes
    ----------
    path : str
        The file; a relative path starts at the working directory.
    unit : str
        The column that holds the unit's label, e.g. ``city`` (its new name, if ``columns`` renames it).
    time : str
        The column that holds the period, e.g. ``year`` (its new name, if ``columns`` renames it).
    columns : dict of str to str
        New name to the name in the file, e.g. ``ci: 碳强度``; a renamed column keeps only the new name.
    regions : str or None
        The column whose values ``sample.regions`` names (its new name, if ``columns`` renames it); by default one of
        the name that the known country's own grouping has; None: none.
    sheet : str or None
        The sheet of an Excel file; the first one if None.
    encoding : str or None
        The encoding of a text file, e.g. ``cp1252``; if None, UTF-8, else GB18030 or cp1252, as its bytes fit.
    delimiter : str or None
        The character between the cells of a text file, or ``comma``, ``semicolon``, ``tab``; if None, the one that
        gives all rows the same number of cells.
    decimal : {".", ","} or None
        The decimal mark, or ``point``, ``comma``; if None, the one that the columns of the file need.
    thousands : {",", ".", " ", "'"} or None
        The mark between thousands, or ``comma``, ``point``, ``blank``, ``apostrophe``; if None, a comma or point
        where the columns of the file need it, else none.
    """

    own: ClassVar[bool] = True
    # other marks give other values of the panel, other regions other rows: both are in the fingerprint anyway
    no_numbers: ClassVar[tuple[str, ...]] = (*Source.no_numbers, "path", "decimal", "thousands", "regions")

    path: str
    unit: str
    time: str
    columns: dict[str, str] = Field(default_factory=dict)
    regions: str | None = Field(default_factory=lambda: country().grouping)
    sheet: str | None = None
    encoding: str | None = None
    delimiter: Annotated[str, Field(min_length=1, max_length=1), _BY_WORD] | None = None
    decimal: Annotated[Literal[".", ","], _BY_WORD] | None = None
    thousands: Annotated[Literal[",", ".", " ", "'"], _BY_WORD] | None = None

    @model_validator(mode="after")
    def _check_names(self) -> Self:
        if self.unit == self.time:
            raise ValueError(Note("unit_and_time_of_one_name", key="unit", column=self.unit))
        if self.decimal is not None and self.decimal == self.thousands:
            raise ValueError(Note("decimal_is_thousands", key="decimal", mark=self.decimal))
        names = list(self.columns.values())
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(Note("column_of_two_names", key="columns", columns=cut(map(repr, twice))))
        return self

    def load(self) -> Inputs:
        """Read the file: ``unit`` and ``time`` come first, all other columns are as they are in the file.

        Raises DataError if the file cannot be read, or lacks a column that ``unit``, ``time`` or ``columns`` names, or
        if a new name belongs to another column.
        """
        text = [name for key in (self.unit, self.time) for name in (key, self.columns.get(key, key))]
        written = TextFormat(self.encoding, self.delimiter, self.decimal, self.thousands, _FIELDS)
        table = read_table(self.path, "source", text, self.sheet, written)
        self._check_separated(table.frame)
        frame = self._keyed(self._renamed(table.frame))
        keys = frame.assign(unit=numbers_or_text(frame["unit"]), time=as_periods(frame["time"]))
        names = [str(name) for name in keys.columns if name not in ("unit", "time")]
        record = InputFile.of(Path(self.path), names)
        return Inputs(
            keys,
            source="table",
            file=self._name,
            unit_name=self.unit,
            time_name=self.time,
            notes=table.notes,
            files=(record,),
            regions=self.regions or "",
        )

    @property
    def _name(self) -> str:
        return Path(self.path).name

    def _check_separated(self, frame: pd.DataFrame) -> None:
        only = str(frame.columns[0])
        marks = [mark for mark in DELIMITERS if mark in only]
        if frame.shape[1] == 1 and marks:
            shown = shown_mark(marks[0])
            raise DataError(Note("single_column", file=self._name, column=only, mark=shown))

    def _renamed(self, frame: pd.DataFrame) -> pd.DataFrame:
        names = [str(name) for name in frame.columns]
        for new, old in self.columns.items():
            require_column(old, names, self._name, f"source.columns.{new}")
        others = set(names) - set(self.columns.values())
        clashes = [new for new in self.columns if new in others]
        if clashes:
            raise DataError(
                Note("new_name_taken", key=f"source.columns.{clashes[0]}", file=self._name, column=clashes[0])
            )
        return frame.rename(columns={old: new for new, old in self.columns.items()})

    def _keyed(self, frame: pd.DataFrame) -> pd.DataFrame:
        names = [str(name) for name in frame.columns]
        for key, name in (("unit", self.unit), ("time", self.time)):
            renamed = [Note("did_you_mean", name=new) for new, old in self.columns.items() if old == name]
            require_column(name, names, self._name, f"source.{key}", hint=next(iter(renamed), None))
        for key, name in (("unit", self.unit), ("time", self.time)):
            if key in names and name != key:
                raise DataError(
                    Note(
                        "column_of_other_meaning",
                        file=self._name,
                        column=key,
                        setting=f"source.{key}={name}",
                        example=f"source.columns={{{key}_in_file: {key}}}",
                    )
                )
        keyed = frame.rename(columns={self.unit: "unit", self.time: "time"})
        return keyed[["unit", "time", *(name for name in keyed.columns if name not in ("unit", "time"))]]
