"""The match of columns and rows of an input-output table."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from digicarbon.errors import DataError
from digicarbon.note import Note, cut, suggestion
from digicarbon.packs.china.importer import _io_labels as labels
from digicarbon.packs.china.importer._io_grid import Grid, has_letters, regions_of_columns, regions_of_rows

Key = tuple[str, str]
"""A province (empty in a table of one region) and a sector's name or code, as compared."""


@dataclass(frozen=True)
class Line:
    """A row of a sheet that belongs to a sector."""

    at: int
    """Row of the sheet."""
    region: str
    """English name of the province, empty in a table of one region."""
    name: str
    """The sector as the file spells it."""
    origin: str
    """``domestic`` or ``imported``; empty if the table does not distinguish them."""

    @property
    def key(self) -> Key:
        """The identity of the sector within its table."""
        return self.region, labels.sector_key(self.name)


@dataclass(frozen=True)
class Sectors:
    """The rows and columns of sectors."""

    lines: tuple[Line, ...]
    """From top to bottom; a sector has two lines if products are distinguished by origin."""
    columns: Mapping[Key, int]
    """The column of each sector by its key, in the order of the rows."""
    label: int
    """The column of the names."""
    other_labels: frozenset[int]
    """Columns to the left of the figures without labels of rows: provinces and origins."""
    notes: tuple[Note, ...]


def sectors(grid: Grid, regional: bool) -> Sectors:
    """Match columns with rows by name; by the table's own codes where a heading has no name or spells it otherwise.

    Raises DataError if a row has no name, a sector stands twice, or a row has no column or the other way round.
    """
    region_column, row_region = regions_of_rows(grid) if regional else (None, {})
    region_row, column_region = regions_of_columns(grid) if regional else (None, {})
    origin_column = _origin_column(grid)
    other = frozenset(k for k in (region_column, origin_column) if k is not None)
    heads = {
        c: [labels.sector_key(grid.top[r, c]) for r in reversed(grid.headings) if r != region_row and grid.top[r, c]]
        for c in grid.columns
    }
    name_column, code_column = _label_columns(grid, {key for keys in heads.values() for key in keys}, other)
    origins = {} if origin_column is None else {r: labels.origin(grid.left[r, origin_column]) or "" for r in grid.rows}
    lines = tuple(Line(r, row_region.get(r, ""), grid.left[r, name_column], origins.get(r, "")) for r in grid.rows)
    _refuse_bad_lines(grid, lines, name_column)
    by_name = {line.key: line for line in lines}
    by_code = (
        {} if code_column is None else {(x.region, labels.sector_key(grid.left[x.at, code_column])): x for x in lines}
    )
    columns: dict[Key, int] = {}
    respelled: list[Note] = []
    for c, keys in heads.items():
        places = [(column_region.get(c, ""), key) for key in keys]
        line = _first(places, by_name) or _first(places, by_code)
        if line is None:
            raise DataError(_unknown_heading(grid, c, column_region.get(c, ""), lines))
        if line.key in columns:
            raise DataError(_headed_twice(grid, columns[line.key], c, line))
        columns[line.key] = c
        names = [head for head in grid.heads(c) if has_letters(head)]
        if names and _first(places, by_name) is None:
            respelled.append(Note("io_respelled", heading=names[0], sector=line.name))
    _refuse_rows_without_column(grid, lines, name_column, columns)
    note = Note("io_headings_respelled", where=grid.sheet.where, sectors=cut(respelled))
    ordered = {key: columns[key] for key in dict.fromkeys(line.key for line in lines)}
    return Sectors(lines, ordered, name_column, other, (note,) if respelled else ())


def _origin_column(grid: Grid) -> int | None:
    for k in range(grid.first):
        shown = [grid.left[r, k] for r in grid.rows]
        if all(labels.origin(t) is not None for t in shown):
            return k
    return None


def _label_columns(grid: Grid, headings: Collection[str], other: Collection[int]) -> tuple[int, int | None]:
    """Return the column of names, and the column of codes if headings also have codes."""
    texts = {k: [grid.left[r, k] for r in grid.rows] for k in range(grid.first) if k not in other}
    matches = {k: sum(labels.sector_key(t) in headings for t in shown if t) for k, shown in texts.items()}
    name_columns = [k for k, shown in texts.items() if 2 * sum(map(has_letters, shown)) > len(shown)]
    if not name_columns:
        raise DataError(Note("io_codes_without_names", where=grid.sheet.where))
    code_columns = [k for k in texts if k not in name_columns and matches[k]]
    # the label of a group of rows matches no heading and is the same in all its rows
    name = max(name_columns, key=lambda k: (matches[k], len(set(texts[k]))))
    return name, max(code_columns, key=lambda k: matches[k], default=None)


def _refuse_bad_lines(grid: Grid, lines: Iterable[Line], column: int) -> None:
    first_lines: dict[tuple[Key, str], Line] = {}
    for line in lines:
        place = grid.sheet.place(line.at, column)
        if not has_letters(line.name):
            raise DataError(Note("io_row_without_name", where=place))
        first = first_lines.setdefault((line.key, line.origin), line)
        if first is not line:
            raise DataError(Note("io_sector_twice", where=place, sector=line.name, row=first.at + 1))


def _refuse_rows_without_column(grid: Grid, lines: Iterable[Line], column: int, columns: Mapping[Key, int]) -> None:
    for line in lines:
        if line.key not in columns:
            where = grid.sheet.place(line.at, column)
            raise DataError(Note("io_row_without_column", where=where, sector=line.name))


def _first(places: Iterable[Key], lines: Mapping[Key, Line]) -> Line | None:
    return next((lines[place] for place in places if place in lines), None)


def _unknown_heading(grid: Grid, column: int, region: str, lines: Iterable[Line]) -> Note:
    place = grid.sheet.place(grid.headings[-1], column)
    heads = [head for head in grid.heads(column) if has_letters(head)] or grid.heads(column)
    if not heads:
        return Note("io_column_without_heading", where=place)
    hint = suggestion(heads[0], [line.name for line in lines if line.region == region])
    return Note("io_unknown_heading", where=place, heading=heads[0], of=_of_region(region), hint=hint)


def _headed_twice(grid: Grid, first: int, second: int, line: Line) -> Note:
    return Note(
        "io_headed_twice",
        where=grid.sheet.where,
        first=grid.sheet.cell(0, first)[:-1],
        second=grid.sheet.cell(0, second)[:-1],
        sector=line.name,
        of=_of_region(line.region),
    )


def _of_region(region: str) -> Note | str:
    return Note("io_of_region", region=region) if region else ""
