"""What importers of input-output tables have in common: their sheets; year, unit and province of a table."""

from __future__ import annotations

import re
from abc import abstractmethod
from collections.abc import Collection, Sequence
from functools import cache
from pathlib import Path
from typing import ClassVar

import pandas as pd
import pydantic

from digicarbon.country import Place
from digicarbon.errors import DataError
from digicarbon.importer._cells import text
from digicarbon.importer._sheets import Sheet, visible
from digicarbon.importer.base import Imported, Importer
from digicarbon.note import Note, cut, suggestion
from digicarbon.packs.china import facts
from digicarbon.packs.china.importer import _io_labels as labels
from digicarbon.packs.china.importer._io_frames import AMOUNTS, FLOW_UNIT, UNIT
from digicarbon.packs.china.importer._io_identities import check
from digicarbon.packs.china.importer._io_layout import layout
from digicarbon.packs.china.importer._io_table import Table, table
from digicarbon.packs.china.spelling import required_province
from digicarbon.spec import Names


class InputOutputImporter(Importer):
    """An importer of input-output tables.

    Attributes
    ----------
    year : int or None
        The year of all tables, if files and sheets do not state it.
    unit : str or None
        The unit of all tables, likewise, e.g. 万元 or million CNY.
    sheet : str or None
        The only sheet to read; by default all visible ones.
    tolerance : float
        Largest difference between a sum and its total, as a share of the total.
    ignore : tuple of str
        Labels of rows below the sectors and of columns right of them to leave out.
    """

    kind: ClassVar[str]
    """What its data sets begin with."""
    citation: ClassVar[str]
    regional: ClassVar[bool] = False
    """Whether a table has the sectors of several provinces."""

    year: int | None = None
    unit: str | None = None
    sheet: str | None = None
    tolerance: float = pydantic.Field(default=1e-3, ge=0)
    ignore: Names = ()

    def read(self, files: Sequence[Path]) -> Imported:
        """Return flows that are not zero, and sectors.

        Raises DataError if a file is damaged, has no table, has an unknown label, a cell that is no number or a sum
        that is not its total, if the province, year or unit of a table is unknown, or if two tables are of one province
        and year.
        """
        where_of_table: dict[tuple[str | int, ...], Note | str] = {}
        flows: list[pd.DataFrame] = []
        sectors: list[pd.DataFrame] = []
        notes: list[Note] = []
        for file in files:
            chosen, sheet_notes = chosen_sheets(file, self.sheet)
            tables = [item for item in (self._table(sheet, notes) for sheet in chosen) if item is not None]
            notes += sheet_notes
            if not tables:
                raise DataError(no_table(file, chosen))
            for place, year, item in tables:
                key, where = ((year,) if place is None else (place.name, year)), item.layout.sheet.where
                if where_of_table.setdefault(key, where) != where:
                    facts_of = {"where": where, "place": Note("cell", parts=key), "first": where_of_table[key]}
                    raise DataError(Note("io_two_tables", **facts_of))
                for frames, frame in zip((flows, sectors), self.frames(item, place, year), strict=True):
                    frames.append(frame)
        units = {"flow": FLOW_UNIT, **dict.fromkeys(AMOUNTS, UNIT)}
        whole = pd.concat(sectors, ignore_index=True)
        datasets = {f"{self.kind}_flows": pd.concat(flows, ignore_index=True), f"{self.kind}_sectors": whole}
        pairs = set(zip(whole["province"], whole["year"].astype(int), strict=True))
        return Imported(datasets, units, self.citation, (*notes, *missing_provinces(pairs)))

    @abstractmethod
    def frames(self, item: Table, place: Place | None, year: int) -> tuple[pd.DataFrame, pd.DataFrame]:
        """Return the flows of a table and its sectors; ``place`` is its province, None of several."""

    def place(self, sheet: Sheet, above: int) -> Place | None:
        """Return the province of a table; None of one that has several."""
        return None

    def _table(self, sheet: Sheet, notes: list[Note]) -> tuple[Place | None, int, Table] | None:
        """Return a sheet's table with its province and year; add notes on oddities."""
        parts = layout(sheet, self.regional, self.ignore)
        if parts is None:
            notes.append(Note("io_sheet_left_out", where=sheet.where))
            return None
        above = parts.sectors[0].at
        scale, note = scale_of(sheet, above, self.unit)
        item = table(parts, scale)
        notes += [*item.notes, *([note] if note else []), *check(item, self.tolerance)]
        return self.place(sheet, above), year_of(sheet, above, self.year), item


CHINA = Place("China", 100000)
"""The nation as the place of a table."""

_NATION = re.compile(r"全国|中国|\bchina\b|\bnational\b|(?<![a-z])china(?![a-z])", re.IGNORECASE)
_YEARS = re.compile(r"(?<!\d)(19[4-9]\d|20[0-4]\d)(?!\d)")
_UNIT = re.compile(r"(?:单位|计量单位|\bunits?\b)\s*(?:of measurement)?\s*[:：]?\s*(.*)", re.IGNORECASE)
_MONEY = r"(?:yuan|rmb|cny|元)"
_BRACKETED = re.compile(rf"\(([^()]*{_MONEY}[^()]*)\)$|^([^()]{{0,20}}{_MONEY})$", re.IGNORECASE)
# (pattern, value of one unit in 10k CNY), longer patterns first
_SCALES = (
    (r"亿元|100 ?(?:million|m)\b|hundred million", 1e4),
    (r"千万元", 1e3),
    (r"百万元|million|\bmn\b", 1e2),
    (r"万元|10 ?k\b|10[, ]?000|10 ?thousand|ten thousand|wan ?yuan", 1.0),
    (r"千元|thousand|1[, ]?000\b", 0.1),
    (r"billion|\bbn\b", 1e5),
    (r"^(?:人民币)?元|^(?:cny|rmb|yuan)", 1e-4),
)
_FOREIGN = re.compile(r"美元|港元|欧元|日元|usd|dollar|us\$|euro|hkd|yen\b", re.IGNORECASE)


def chosen_sheets(file: Path, sheet: str | None) -> tuple[list[Sheet], list[Note]]:
    """Return the sheets of a file to read, and notes on those left out.

    Raises DataError if there is no sheet of this name.
    """
    all_sheets, notes = visible(file)
    if sheet is not None:
        matches = [item for item in all_sheets if item.name == sheet]
        if not matches:
            names = [item.name for item in all_sheets]
            hint = suggestion(sheet, names)
            raise DataError(Note("import_no_such_sheet", file=file.name, sheet=sheet, hint=hint, sheets=cut(names, 40)))
        return matches, []
    derived = [item for item in all_sheets if labels.COEFFICIENTS.search(f"{item.name} {' '.join(titles(item, 3))}")]
    rest = [item for item in all_sheets if item not in derived]
    if derived:
        names_left_out = cut(item.name or Note("io_sheet_of_text") for item in derived)
        notes.append(Note("io_coefficients_left_out", file=file.name, sheets=names_left_out))
    return rest, notes


def no_table(file: Path, shown: Sequence[Sheet]) -> Note:
    """Return the message on a file without an input-output table."""
    names = cut((sheet.name for sheet in shown if sheet.name), 20)
    if names:
        return Note("io_no_table_on_sheets", file=file.name, sheets=names)
    return Note("io_no_table_in_file", file=file.name)


def missing_provinces(pairs: Collection[tuple[str, int]]) -> list[Note]:
    """Return a note for each year with some, but not all, provinces of the mainland (without Tibet)."""
    notes = []
    for year in sorted({year for _, year in pairs}):
        present = {name for name, other in pairs if other == year and name != CHINA.name}
        absent = [name for name in facts.provinces()["province"] if name not in present]
        if present and absent:
            notes.append(Note("io_provinces_missing", year=year, provinces=len(present), absent=cut(absent, 8)))
    return notes


def titles(sheet: Sheet, rows: int) -> list[str]:
    """Return the texts of the first rows, row by row."""
    cells = sheet.cells.iloc[:rows].to_numpy(dtype=object)
    return [shown for line in cells for shown in map(text, line) if shown]


def year_of(sheet: Sheet, above: int, given: int | None) -> int:
    """Return the year of a table: ``given``, or else from the sheet's name, its title or the file's name.

    Raises DataError if nothing names a year, or sheet name and title name different ones.
    """
    if given is not None:
        return given
    by_name, by_title = _years([sheet.name]), _years(titles(sheet, above))
    if len(by_name) == 1 and len(by_title) == 1 and by_name != by_title:
        raise DataError(Note("io_years_differ", where=sheet.where, by_name=by_name[0], by_title=by_title[0]))
    for years in (by_name, by_title, _years([sheet.file.stem])):
        if len(years) == 1:
            return years[0]
    raise DataError(Note("io_which_year", where=sheet.where))


def province_of(sheet: Sheet, above: int, given: str | None) -> Place:
    """Return the province of a table: ``given``, or else from the sheet's name, its title or the file's name.

    The nation is called China, with the adcode 100000.

    Raises DataError if nothing names a province, or sheet name and title name different ones.
    """
    if given is not None:
        return CHINA if _NATION.search(given) else required_province(given, "province")
    texts = ([sheet.name], titles(sheet, above), [sheet.file.stem])
    by_name, by_title, by_file = ([place for shown in part for place in provinces_in(shown)] for part in texts)
    if by_name and by_title and set(by_name).isdisjoint(by_title):
        first, other = by_name[0].name, by_title[0].name
        raise DataError(Note("io_provinces_differ", where=sheet.where, by_name=first, by_title=other))
    for matches in (by_name, by_title, by_file):
        if len(set(matches)) == 1:
            return matches[0]
    if not by_name and not by_title and not by_file and any(_NATION.search(shown) for part in texts for shown in part):
        return CHINA
    raise DataError(Note("io_which_province", where=sheet.where))


def provinces_in(shown: str) -> list[Place]:
    """Return the provinces that a text names, in the order of their adcodes."""
    plain = text(shown)
    words = re.sub(r"[\W_\d]+", " ", plain).casefold()
    return [place for place, pattern in _spellings() if pattern.search(plain) or pattern.search(f" {words} ")]


@cache
def _spellings() -> list[tuple[Place, re.Pattern[str]]]:
    """Return each province with a pattern of its names within a text: Chinese ones anywhere, others as whole words."""
    rows = facts.provinces(tibet=True)[["province", "adcode", "short_zh"]].itertuples(index=False)
    other = {"Tibet": "|xizang", "Inner Mongolia": "|nei ?mong(?:gu|ol)"}
    return [
        (Place(name, int(adcode)), re.compile(f"{zh}|(?: (?:{name.casefold()}{other.get(name, '')})) "))
        for name, adcode, zh in sorted(rows, key=lambda row: int(row[1]))
    ]


def scale_of(sheet: Sheet, above: int, given: str | None) -> tuple[float, Note | None]:
    """Return the value of the sheet's unit in 10k CNY, and a note if it is not 1 or the sheet does not state it.

    Raises DataError if the unit is not known.
    """
    shown = given if given is not None else _unit_line(sheet, above)
    if shown is None:
        return 1.0, Note("io_unit_not_named", where=sheet.where)
    scale = _scale(shown)
    if scale is None:
        where = "unit" if given is not None else sheet.where
        raise DataError(Note("io_no_unit_of_money", where=where, shown=shown))
    return scale, None if scale == 1.0 else Note("io_converted", where=sheet.where, unit=shown, scale=scale)


def _scale(shown: str) -> float | None:
    lower = shown.casefold()
    if _FOREIGN.search(lower):
        return None
    return next((scale for pattern, scale in _SCALES if re.search(pattern, lower)), None)


def _unit_line(sheet: Sheet, above: int) -> str | None:
    shown = titles(sheet, above)
    for i, label in enumerate(shown):
        match = _UNIT.search(label)
        if match:
            # the unit may be in the next cell
            return match[1].strip(" ()（）") or (shown[i + 1] if i + 1 < len(shown) else "")
    # a title may end with the unit
    bracketed = (_BRACKETED.search(label) for label in shown)
    return next((match[1] or match[2] for match in bracketed if match), None)


def _years(texts: Sequence[str]) -> list[int]:
    return sorted({int(year) for shown in texts for year in _YEARS.findall(text(shown))})
