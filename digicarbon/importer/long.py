"""Series of any units: World Bank downloads, and other files with a row per observation."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import pydantic

from digicarbon.country import country
from digicarbon.errors import DataError
from digicarbon.importer._cells import name_and_unit, numbers, text, year
from digicarbon.importer._once import once
from digicarbon.importer._sheets import Sheet, visible
from digicarbon.importer.base import Imported, Importer
from digicarbon.note import Note, cut, suggestion
from digicarbon.spec import Names

KEYS = ("unit", "year", "series")
UNIT, CODE = "Country Name", "Country Code"
SERIES, INDICATOR = ("Indicator Code", "Series Code"), ("Indicator Name", "Series Name")
"""The World Bank's names of columns, in downloads of an indicator and of its DataBank."""

_DATABANK_YEAR = re.compile(r"(\d{4}) \[YR\1\]")
_MOST_LINES_ABOVE = 20
_WORLD_BANK = "World Bank, World Development Indicators (data.worldbank.org)."


@dataclass(frozen=True)
class _Columns:
    """Positions of a table's columns; None if it has no such column.

    ``header``: the row of the names. ``figures``: the columns with numbers and their names. ``years``: the years of the
    columns with numbers, if years are columns.
    """

    header: int
    unit: int
    code: int | None
    series: int | None
    indicator: int | None
    time: int | None
    figures: Mapping[int, str]
    years: Mapping[int, int]


class LongImporter(Importer):
    """Series of any units and years, from World Bank files or from a table whose columns you name.

    A World Bank file (``Country Name, Country Code, Indicator Name, Indicator Code, 1960, …`` under its preamble, or
    a DataBank export with ``2015 [YR2015]``) needs no options. Any other table needs ``unit``; then either years are
    columns, or ``time`` and ``values`` name the columns of the years and of the numbers. Units of a known country get
    their English name and code; all others keep their labels. Cells without a figure (``..``, empty) are left out and
    counted.

    Attributes
    ----------
    unit : str or None
        The column of the units; None: the World Bank's.
    time : str or None
        The column of the years; None: years are columns.
    values : tuple of str
        The columns with numbers, if years are not columns; with ``indicator`` exactly one.
    indicator : str or None
        The column that names the series; None: the World Bank's, or each column of ``values`` is a series.
    name : str or None
        The only series of a table with years as columns and without a column that names the series.
    series : mapping of str to str
        Your names of series, by the file's name or code: ``{NY.GDP.MKTP.KD: gdp_real}``.
    units : mapping of str to str
        Unit of measurement by series, for the record; by default the text in parentheses at the end of the indicator.
    sheet : str or None
        The sheet of a workbook to read; None: its only one, or the World Bank's ``Data``.
    citation : str or None
        What to cite; None: the World Bank for its files, else nothing.
    """

    unit: str | None = None
    time: str | None = None
    values: Names = ()
    indicator: str | None = None
    name: str | None = None
    series: dict[str, str] = pydantic.Field(default_factory=dict)
    units: dict[str, str] = pydantic.Field(default_factory=dict)
    sheet: str | None = None
    citation: str | None = None

    @pydantic.model_validator(mode="after")
    def _columns_go_together(self) -> LongImporter:
        if self.unit is None and (self.time or self.indicator or self.values or self.name):
            raise ValueError(Note("long_needs_unit", key="time"))
        if bool(self.time) != bool(self.values):
            raise ValueError(Note("long_time_and_values", key="time"))
        if self.indicator and (len(self.values) > 1 or self.name):
            raise ValueError(Note("long_indicator_of_one", key="indicator"))
        if self.name and self.time:
            raise ValueError(Note("long_name_beside_time", key="name", example="series={…}"))
        return self

    def read(self, files: Sequence[Path]) -> Imported:
        """Read files.

        Returns the data set ``long``: unit, year, series, value, indicator (the file's own name of the series), code
        (the file's code of the unit; empty if it has none) and the country's code (missing where the unit has none).
        Raises DataError if a file is damaged or lacks a column, a cell is no number or year, or two cells have
        different values for one unit, year and series.
        """
        tables, notes = [], []
        for file in files:
            sheet, remarks = self._sheet(file)
            table, table_notes = self._table(sheet)
            tables.append(table)
            notes += [*remarks, *table_notes]
        all_rows, recognised = _recognised(pd.concat(tables, ignore_index=True))
        distinct, twice = once(self._named(all_rows), KEYS)
        citation = _WORLD_BANK if self.unit is None else ""
        return Imported(
            {"long": distinct.drop(columns="place")},
            self._units_of(distinct),
            citation if self.citation is None else self.citation,
            (*notes, *twice, *recognised),
        )

    def _sheet(self, file: Path) -> tuple[Sheet, list[Note]]:
        visible_sheets, notes = visible(file)
        names = [sheet.name for sheet in visible_sheets]
        if self.sheet is None and len(visible_sheets) == 1:
            return visible_sheets[0], notes
        # the DataBank adds a sheet of definitions to the data
        name = self.sheet or "Data"
        if name in names:
            return visible_sheets[names.index(name)], notes
        if self.sheet is None:
            raise DataError(Note("import_which_sheet", file=file.name, number=len(names), sheets=cut(names, 20)))
        choices = cut(filter(None, names), 20)
        if not choices:
            raise DataError(Note("import_no_sheet_of_text", file=file.name, sheet=self.sheet))
        hint = suggestion(self.sheet, names)
        raise DataError(Note("import_no_such_sheet", file=file.name, sheet=self.sheet, hint=hint, sheets=choices))

    def _table(self, sheet: Sheet) -> tuple[pd.DataFrame, list[Note]]:
        """Return a row per number of a sheet, and notes."""
        lines = [[text(value) for value in line] for line in sheet.cells.to_numpy(dtype=object).tolist()]
        columns = self._columns(sheet, lines)
        body = range(columns.header + 1, len(lines))
        block = np.hstack([np.empty((len(body), 0)), *(numbers(sheet, body, range(c, c + 1)) for c in columns.figures)])
        rows = []
        for row, column in np.argwhere(~np.isnan(block)):
            line, at = lines[body[row]], list(columns.figures)[column]
            rows.append(
                (
                    *self._keys(sheet, line, body[row], at, columns),
                    block[row, column],
                    partial(sheet.place, body[row], at),
                )
            )
        if not rows:
            raise DataError(Note("import_table_without_figures", where=sheet.where, row=columns.header + 1))
        notes, empty = [], 0
        if sheet.unended and rows[-1][-1].args == (body[-1], len(lines[-1]) - 1):
            notes.append(Note("import_last_figure_without_end", where=sheet.where))
        for row, line in zip(body, lines[columns.header + 1 :], strict=True):
            if len([cell for cell in line if cell]) == 1:
                notes.append(Note("import_remark_of_file", where=sheet.where, remark=next(filter(None, line))))
            elif line[columns.unit]:
                empty += int(np.isnan(block[row - body.start]).sum())
        if empty:
            notes.append(Note("import_cells_left_out", where=sheet.where, cells=empty))
        return pd.DataFrame(rows, columns=["unit", "code", "series", "indicator", "year", "value", "place"]), notes

    def _columns(self, sheet: Sheet, lines: Sequence[Sequence[str]]) -> _Columns:
        header = self._header(sheet, lines)
        names = lines[header]
        years = {} if self.time else {column: when for column, name in enumerate(names) if (when := _year_of(name))}
        figures = {column: name for column, name in enumerate(names) if name in self.values} or {
            column: names[column] for column in years
        }
        if not figures:
            there = cut(filter(None, names), 20)
            raise DataError(Note("import_no_column_of_a_year", where=sheet.where, row=header + 1, columns=there))
        own = self.unit is not None
        indicator = _position(names, [self.indicator] if own else INDICATOR)
        series = indicator if own else _position(names, SERIES)
        if series is None and indicator is None and not self.values and not self.name:
            raise DataError(Note("import_no_column_of_series", where=sheet.where, columns=cut(filter(None, names), 20)))
        unit = _position(names, [self.unit] if own else [UNIT])
        code = None if own else _position(names, [CODE])
        # the header is the row that has these names
        return _Columns(header, unit or 0, code, series, indicator, _position(names, [self.time]), figures, years)

    def _header(self, sheet: Sheet, lines: Sequence[Sequence[str]]) -> int:
        """Return the row with the names of the columns."""
        columns = [UNIT] if self.unit is None else [self.unit, self.time, self.indicator, *self.values]
        required = [name for name in columns if name]
        for row, line in enumerate(lines[:_MOST_LINES_ABOVE]):
            if set(required) <= set(line):
                repeated = [name for name in required if line.count(name) > 1]
                if repeated:
                    raise DataError(Note("import_columns_of_one_name", where=sheet.where, column=repeated[0]))
                return row
        best = max(lines[:_MOST_LINES_ABOVE], key=lambda line: len(set(required) & set(line)) * 1000 + len(set(line)))
        missing = [name for name in required if name not in best]
        raise DataError(
            Note(
                "import_no_column_in_first_rows",
                where=sheet.where,
                column=missing[0],
                rows=_MOST_LINES_ABOVE,
                hint=suggestion(missing[0], best),
                advice=Note("import_column_of_world_bank") if self.unit is None else Note("import_column_as_in_file"),
                columns=cut(filter(None, best), 20),
            )
        )

    def _keys(
        self, sheet: Sheet, line: Sequence[str], row: int, column: int, columns: _Columns
    ) -> tuple[str, str, str, str, int]:
        """Return unit, code, series, indicator and year of a number."""
        if not line[columns.unit]:
            raise DataError(Note("import_unit_empty", where=sheet.place(row, columns.unit)))
        if columns.time is None:
            row_year = columns.years[column]
        else:
            cell_year = year(line[columns.time])
            if cell_year is None:
                where = sheet.place(row, columns.time)
                raise DataError(Note("import_no_year", where=where, shown=line[columns.time]))
            row_year = cell_year
        names = [line[position] for position in (columns.series, columns.indicator) if position is not None]
        series = next(filter(None, names), "")
        if names and not series:
            raise DataError(Note("import_series_empty", where=sheet.place(row, columns.indicator or 0)))
        series = series or self.name or columns.figures[column]
        indicator = line[columns.indicator] if columns.indicator is not None else series
        return line[columns.unit], line[columns.code] if columns.code is not None else "", series, indicator, row_year

    def _named(self, table: pd.DataFrame) -> pd.DataFrame:
        """Return the table with the user's names of series."""
        known = {*table["series"], *table["indicator"]}
        _refuse_unknown("series", self.series, known)
        pairs = zip(table["series"], table["indicator"], strict=True)
        return table.assign(series=[self.series.get(key) or self.series.get(name) or key for key, name in pairs])

    def _units_of(self, table: pd.DataFrame) -> dict[str, str]:
        _refuse_unknown("units", self.units, set(table["series"]))
        file_units = (
            table.drop_duplicates("series").set_index("series")["indicator"].map(lambda name: name_and_unit(name)[1])
        )
        return {**{str(series): unit for series, unit in file_units.items() if unit}, **self.units}


def _year_of(name: str) -> int | None:
    match = _DATABANK_YEAR.fullmatch(name)
    return year(match[1] if match else name)


def _position(names: Sequence[str], candidates: Iterable[str | None]) -> int | None:
    return next((names.index(name) for name in candidates if name and name in names), None)


def _refuse_unknown(field: str, names: Iterable[str], known: set[str]) -> None:
    for name in names:
        if name not in known:
            hint = suggestion(name, known)
            raise DataError(
                Note("import_not_in_files", field=field, name=name, hint=hint, known=cut(sorted(known), 20))
            )


def _recognised(table: pd.DataFrame) -> tuple[pd.DataFrame, list[Note]]:
    """Return the table with units of a known country under their English names, their codes, and a note."""
    home, labels = country(), list(dict.fromkeys(table["unit"]))
    # plain numbers may be any identifiers: they are a country's units only if all are codes of six digits
    coded = all(re.fullmatch(r"\d{6}", label) and home.read(label) for label in labels)
    places = {label: place for label in labels if (coded or not label.isdigit()) and (place := home.read(label))}
    unit = [places[label].name if label in places else label for label in table["unit"]]
    codes = [places[label].code if label in places else None for label in table["unit"]]
    adcode = pd.array(codes, dtype="Int64")
    if not places or len(places) == len(labels):
        return table.assign(unit=unit, adcode=adcode), []
    others = [label for label in labels if label not in places]
    notes = [Note("import_units_known", units=len(places), every=len(labels), noun=home.noun, others=cut(others))]
    near = {label: home.near(label) for label in others}
    notes += [
        Note("import_unit_may_be_misspelt", label=label, noun=home.noun, hint=hint)
        for label, hint in near.items()
        if hint
    ]
    return table.assign(unit=unit, adcode=adcode), notes
