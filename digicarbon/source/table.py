"""The user's own tidy file as a source."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, Self

import pandas as pd
from pydantic import BeforeValidator, Field, model_validator

from digicarbon.country import country
from digicarbon.disk.text import DELIMITERS, WORDS, TextFormat, shown_mark
from digicarbon.errors import DataError
from digicarbon.note import Note, cut
from digicarbon.source._gaps import suspects, suspects_note
from digicarbon.source._head import Layout
from digicarbon.source._keys import keys_of, likely_keys, refuse_exchanged
from digicarbon.source._read import Table, as_periods, numbers_or_text, read_table, require_column, sheet_names
from digicarbon.source._series import by_series, telling
from digicarbon.source._wide import as_rows, columns_of, year_columns
from digicarbon.source._year_sheets import YEARS, stacked, year_sheets
from digicarbon.source.base import InputFile, Inputs, Source
from digicarbon.spec import Names


def _as_mark(value: object) -> object:
    return WORDS.get(value, value) if isinstance(value, str) else value


_BY_WORD = BeforeValidator(_as_mark, json_schema_input_type=str)
_FIELDS = ("header", "encoding", "delimiter", "decimal", "thousands")
Row = Annotated[int, Field(ge=1)]
Code = str | int | float
_Rows = Annotated[tuple[Row, ...], Field(strict=False)]


def _in_a_list(value: object) -> object:
    return (value,) if isinstance(value, int | str | float) and not isinstance(value, bool) else value


_HeaderRows = Annotated[_Rows, BeforeValidator(_in_a_list, json_schema_input_type=Row | _Rows)]
_TOTAL = re.compile(
    r"\s*(?:(?:全国|各省|各市|全省)?(?:合计|总计|小计|平均|均值|总和)|全国|total|sum|overall|all|mean|average|national|nation)\s*",
    re.I,
)
_Codes = Annotated[
    tuple[Code, ...], Field(strict=False), BeforeValidator(_in_a_list, json_schema_input_type=Code | tuple[Code, ...])
]


class TableSource(Source):
    """A file of units and periods: text, Excel, Stata, SPSS, SAS or Parquet, recognised by its suffix.

    It has one row per unit and period, or columns that are named by years (``wide``).

    The encoding of a text file, its delimiter and the marks in its numbers are inferred where only one reading is
    possible, and a note says which was used. A cell that may be 1234 as well as 1.234 is left as
    text; the panel names such cells when the column is used. The panel also sorts rows and refuses duplicates.

    Attributes
    ----------
    path : str
        The file; a relative path starts at the working directory.
    unit : str or None
        The column that holds the unit's label, e.g. ``city`` (its new name, if ``columns`` renames it); None: the
        column that it must be, where only one pair of columns can be meant.
    time : str or None
        The column that holds the period, e.g. ``year`` (its new name, if ``columns`` renames it); None: as
        ``unit``, and ``year`` where ``wide`` makes it.
    columns : dict of str to str
        New name to the name in the file, e.g. ``ci: 碳强度``; a renamed column keeps only the new name.
    regions : str or None
        The column whose values ``sample.regions`` names (its new name, if ``columns`` renames it); by default one of
        the name that the known country's own grouping has; None: none.
    sheet : str or int or None
        The sheet of an Excel file: its name, or its number from 1; the first one if None. ``years``: those that are
        named by a year, e.g. ``2011`` or ``2011年``, one below the other, the year in ``time``.
    header : int or tuple of int or None
        The row that holds the names of the columns, counted from 1 as Excel shows it, or rows whose cells are joined
        to names, e.g. ``[2, 3]`` for GDP above 2012: ``GDP_2012``. If None, the first row that has the names that
        ``unit``, ``time`` and ``columns`` ask for, or else the first one that is no title.
    skip : tuple of int
        Rows that are no data, e.g. a row of units of measurement below the names, counted from 1.
    missing : tuple of str, int or float
        Codes that mean that there is no value, e.g. ``[-99, "."]``, beside ``NA``, ``NaN`` and empty cells.
    wide : bool or str
        Whether columns are named by years (``2012``, ``2012年``, ``ci2012``, ``ci_2012``, ``2012_ci``) and become rows
        with the year in ``time``. If years alone are names, the name of their variable, e.g. ``wide: ci``.
    series : tuple of str
        Columns whose values name a variable each, e.g. ``nrg_bal`` of Eurostat or ``Series Name`` of the World Bank:
        each becomes a column; the values of several are joined by _. Columns that say more of a series are left out.
    value : str or None
        The column of the figures where ``series`` is given; None: the only one of numbers that are not all equal.
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
    no_numbers: ClassVar[tuple[str, ...]] = (
        *Source.no_numbers, "path", "decimal", "thousands", "regions", "header", "skip", "missing", "wide",
        "series", "value",
    )  # fmt: skip

    path: str
    unit: str | None = None
    time: str | None = None
    columns: dict[str, str] = Field(default_factory=dict)
    regions: str | None = Field(default_factory=lambda: country().grouping)
    sheet: str | Row | None = None
    header: _HeaderRows | None = None
    skip: _HeaderRows = ()
    missing: _Codes = ()
    wide: bool | Annotated[str, Field(min_length=1)] = False
    series: Names = ()
    value: str | None = None
    encoding: str | None = None
    delimiter: Annotated[str, Field(min_length=1, max_length=1), _BY_WORD] | None = None
    decimal: Annotated[Literal[".", ","], _BY_WORD] | None = None
    thousands: Annotated[Literal[",", ".", " ", "'"], _BY_WORD] | None = None

    @model_validator(mode="after")
    def _check_names(self) -> Self:
        if self.unit == self.time is not None:
            raise ValueError(Note("unit_and_time_of_one_name", key="unit", column=self.unit))
        if self.value is not None and not self.series:
            raise ValueError(Note("value_without_series", key="value"))
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
        unit, time = self.unit, self.time
        if self.wide is not False or self.sheet == YEARS:
            time = time or "year"
        try:
            table = self._read(unit, time)
        except DataError:
            self._refuse_year_sheets()
            raise
        if unit is None or time is None:
            try:
                # those of one series are those of all
                first = (table.frame[list(self.series)] == table.frame[list(self.series)].iloc[0]).all(axis=1)
                rows = table.frame[first] if self.series else self._renamed(table.frame)
                unit, time = keys_of(rows, self._name, unit, time)
            except DataError:
                self._refuse_years(table.frame)
                self._refuse_year_sheets()
                self._refuse_series(table.frame)
                raise
            # labels stay as the file writes them, e.g. 01
            table = self._read(unit, time)
        if table.frame.duplicated([name for name in (unit, time) if name in table.frame]).any():
            self._refuse_series(table.frame)
        frame = _keyed(self._renamed(table.frame), self._name, unit, time, self.columns)
        frame, blanks = _without_blanks(frame, self._name)
        refuse_exchanged(frame["unit"], frame["time"], self._name, unit, time)
        suspicious = suspects({str(name): frame[name] for name in frame if name not in ("unit", "time")})
        keys = frame.assign(unit=numbers_or_text(frame["unit"]), time=as_periods(frame["time"]))
        names = [str(name) for name in keys.columns if name not in ("unit", "time")]
        record = InputFile.of(Path(self.path), names)
        return Inputs(
            keys,
            source="table",
            file=self._name,
            unit_name=unit,
            time_name=time,
            notes=(
                *table.notes,
                *suspects_note(suspicious, self._name, "data.missing"),
                *blanks,
                *_totals(keys["unit"], self._name),
                *_changed_units(keys["unit"], keys["time"]),
            ),
            files=(record,),
            regions=self.regions or "",
            labels={name: table.labels[old] for name in names if (old := self.columns.get(name, name)) in table.labels},
        )

    def _read(self, unit: str | None, time: str | None) -> Table:
        """Return the table with a row per unit and period, under the names of the file."""
        text = [name for key in (unit, time) if key is not None for name in (key, self.columns.get(key, key))]
        keys = [self.columns.get(key, key) for key in ((unit,) if self.wide else (unit, time)) if key is not None]
        # new names of columns of years, and of series, are those of variables, which no column has
        wanted = [*keys, *self.series] if self.wide or self.series else [*keys, *self.columns.values()]
        layout = Layout(self.sheet, self.header or (), self.skip, self.missing, tuple(dict.fromkeys(wanted)))
        written = TextFormat(self.encoding, self.delimiter, self.decimal, self.thousands, _FIELDS)
        if self.sheet == YEARS and YEARS not in (sheets := sheet_names(self.path, "source")):
            period = self.columns.get(time or "year", time or "year")
            layout = replace(layout, wanted=tuple(name for name in layout.wanted if name != period))

            def read(name: str) -> Table:
                return read_table(self.path, "source", text, replace(layout, sheet=name), written)

            table = stacked(read, sheets, period, self._name)
        else:
            table = read_table(self.path, "source", text, layout, written)
            self._check_separated(table.frame)
            table = replace(table, frame=self._as_rows(table, unit, time))
            if time is not None and self.columns.get(time, time) not in table.frame:
                self._refuse_year_sheets()
        if not self.series or unit is None or time is None:
            return table
        labels = [self.columns.get(key, key) for key in (unit, time)]
        for field, name in zip(("unit", "time"), labels, strict=True):
            require_column(name, table.frame.columns, self._name, f"source.{field}")
        frame, about = by_series(table.frame, labels, self.series, self.value, self._name)
        return replace(table, frame=frame, notes=(*table.notes, about))

    def _refuse_series(self, frame: pd.DataFrame) -> None:
        """Raise a `DataError` with the line to write if rows of one unit and period differ by a column of series."""
        keys = likely_keys(frame, self.unit, self.time) if not self.series else None
        if keys and (columns := telling(frame, keys)):
            words = (f"data.unit={keys[0]}", f"data.time={keys[1]}", f"data.series=[{', '.join(columns)}]")
            line = " ".join(f"'{word}'" if re.search(r"[\s\[]", word) else word for word in words)
            raise DataError(
                Note("rows_of_series", key="source.series", file=self._name, columns=cut(columns), setting=line)
            )

    def _refuse_year_sheets(self) -> None:
        """Raise a `DataError` with the line to write if sheets are named by years; called if there are no periods."""
        if self.sheet is not None:
            return
        if sheets := year_sheets(sheet_names(self.path, "source")):
            shown = cut(sheets.values(), 4)
            raise DataError(Note("years_are_sheets", key="source.sheet", file=self._name, sheets=shown, word=YEARS))

    def _as_rows(self, table: Table, unit: str | None, time: str | None) -> pd.DataFrame:
        """Return a row per unit and year where columns are named by years."""
        names = [str(name) for name in table.frame.columns]
        label, period = (None if key is None else self.columns.get(key, key) for key in (unit, time))
        if self.wide is not False:
            if label is not None:
                require_column(label, names, self._name, "source.unit")
            return as_rows(table.frame, label, period or "year", self.wide, self._name, table.header)
        if period is not None and period not in names:
            self._refuse_years(table.frame)
        return table.frame

    def _refuse_years(self, frame: pd.DataFrame) -> None:
        """Raise a `DataError` with the line to write if columns are named by years; called if no column has periods."""
        years = year_columns(map(str, frame.columns))
        columns = [name for of_years in years.values() for name in columns_of(of_years)]
        if columns and self.wide is False:
            setting = "data.wide=NAME" if "" in years else "data.wide=true"
            raise DataError(
                Note("years_are_columns", key="source.wide", file=self._name, columns=cut(columns, 4), setting=setting)
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


def _without_blanks(frame: pd.DataFrame, file: str) -> tuple[pd.DataFrame, Sequence[Note]]:
    """Return rows whose units have no blanks around their labels, with a note if labels differed by these alone."""
    units = frame["unit"]
    labels = [label.strip() if isinstance(label, str) else label for label in units]
    if labels == units.tolist():
        return frame, ()
    plain = pd.Series(labels, index=units.index, dtype=units.dtype)
    spellings = units.groupby(plain, sort=False).nunique()
    several = spellings.index[spellings > 1]
    notes = (Note("blanks_around_units", file=file, units=cut(map(str, several))),) if len(several) else ()
    return frame.assign(unit=plain), notes


def _totals(units: pd.Series[Any], file: str) -> Sequence[Note]:
    """Return a note on units whose label is a word for all units together, which a model would count as one of them."""
    labels = [str(label) for label in units.dropna().unique()]
    totals = [label for label in labels if _TOTAL.fullmatch(label)]
    return (Note("units_may_be_totals", file=file, units=cut(totals), names=cut(totals)),) if totals else ()


def _changed_units(units: pd.Series[Any], periods: pd.Series[Any]) -> Sequence[Note]:
    """Return notes on units of the known country that were renamed, merged or split within the years of a table."""
    changes = country().changes
    years = periods.dropna()
    if changes is None or not pd.api.types.is_integer_dtype(years) or pd.api.types.is_numeric_dtype(units):
        return ()
    return changes([str(label) for label in units.dropna().unique()], int(years.min()), int(years.max()))


def _keyed(frame: pd.DataFrame, file: str, unit: str, time: str, columns: Mapping[str, str]) -> pd.DataFrame:
    names = [str(name) for name in frame.columns]
    for key, name in (("unit", unit), ("time", time)):
        renamed = [Note("did_you_mean", name=new) for new, old in columns.items() if old == name]
        require_column(name, names, file, f"source.{key}", hint=next(iter(renamed), None))
    for key, name in (("unit", unit), ("time", time)):
        if key in names and name != key:
            raise DataError(
                Note(
                    "column_of_other_meaning",
                    file=file,
                    column=key,
                    setting=f"source.{key}={name}",
                    example=f"source.columns={{{key}_in_file: {key}}}",
                )
            )
    keyed = frame.rename(columns={unit: "unit", time: "time"})
    return keyed[["unit", "time", *(name for name in keyed.columns if name not in ("unit", "time"))]]
