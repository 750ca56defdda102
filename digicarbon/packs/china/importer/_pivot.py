"""The statistics bureau's pivot tables: region, indicator and year on rows, on columns or above the table."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial

from digicarbon.errors import DataError
from digicarbon.importer._cells import is_number, number, text, year
from digicarbon.importer._sheets import Sheet
from digicarbon.note import Note
from digicarbon.packs.china.spelling import province, required_province

REGION, INDICATOR, TIME = "region", "indicator", "year"
_CALLED = {REGION: Note("nbs_region"), INDICATOR: Note("nbs_indicator"), TIME: Note("nbs_year")}
"""Their names in messages."""

_HEADS = {
    "地区": REGION, "省份": REGION, "省市": REGION, "省": REGION, "省(区、市)": REGION,
    "指标": INDICATOR, "指标名称": INDICATOR,
    "时间": TIME, "年份": TIME, "年度": TIME,
}  # fmt: skip
"""The bureau's headings of columns of labels."""

_ABOVE = re.compile(r"(数据库|指标|地区|时间|单位)\s*:\s*(.*)")
_CLOSING = re.compile(r"(注|说明|备注|附注|数据来源|资料来源|来源)\s*(\d*\s*[:.、]|$)")
# some tables list the nation and its parts among the provinces
NO_PROVINCE = frozenset(
    {"全国", "全国总计", "总计", "合计", "中国", "东部地区", "中部地区", "西部地区", "东北地区", "不分地区"}
)
PROVINCES = 31


@dataclass(frozen=True)
class Observation:
    """One number of a pivot table: its labels, the unit printed beside the table, and its place for messages."""

    province: str
    adcode: int
    year: int
    indicator: str
    unit: str
    value: float
    place: Callable[[], Note]


@dataclass
class Pivot:
    """The content of a sheet."""

    observations: list[Observation] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)
    """The bureau's text under the tables."""
    empty: int = 0
    """Cells without a figure."""
    left_out: list[str] = field(default_factory=list)
    """Row labels that are no provinces, such as the nation."""
    last: set[str] = field(default_factory=set)
    """The provinces of the last table."""
    closed: bool = True
    """Whether there is text under the last table; a download that was cut off has none."""


def read_pivot(sheet: Sheet, indicator: str | None) -> Pivot:
    """Read all tables of a sheet, one below the other.

    ``indicator``: the indicator of tables that do not state it. The result is without observations if the sheet has no
    table. Raises DataError if a label is unknown, a figure is no number, or a table does not state its indicator,
    region or year.
    """
    return _Reader(sheet, indicator).read()


class _Reader:
    """Goes through a sheet from top to bottom."""

    def __init__(self, sheet: Sheet, indicator: str | None) -> None:
        self.sheet, self.indicator = sheet, indicator
        self.rows = [[text(value) for value in line] for line in sheet.cells.to_numpy(dtype=object).tolist()]
        self.pivot = Pivot()
        self.above: dict[str, str] = {}

    def read(self) -> Pivot:
        row, started = 0, False
        while row < len(self.rows):
            filled = [cell for cell in self.rows[row] if cell]
            if self._heads(row):
                row, started = self._table(row), True
                continue
            if filled and not self._above(filled):
                self._remark(row, filled, started)
            row += 1
        return self.pivot

    def _heads(self, row: int) -> dict[int, str]:
        """Return which columns hold labels, by position, if the row is a table's first one."""
        kinds: dict[int, str] = {}
        for column, cell in enumerate(self.rows[row]):
            word = cell.replace(" ", "")
            if word in _HEADS:
                kinds[column] = _HEADS[word]
            elif cell:
                return kinds
        return {}

    def _above(self, filled: list[str]) -> bool:
        """Store the content of a line above a table, e.g. its indicator."""
        match = _ABOVE.fullmatch(filled[0])
        if not match or len(filled) > 1 + (not match[2]):
            return False
        if match[1] == "数据库":
            self.above.clear()
        self.above[match[1]] = match[2] or "".join(filled[1:])
        return True

    def _remark(self, row: int, filled: list[str], started: bool) -> None:
        if not started:
            return
        figures = sum(is_number(cell) for cell in filled[1:])
        if figures and (province(filled[0]) or figures > 1):
            raise DataError(Note("nbs_figures_under_table", where=self.sheet.place(row, 0), shown=filled[0]))
        self.pivot.closed = True
        self.pivot.remarks.append(" ".join(filled))

    def _table(self, top: int) -> int:
        """Read the table whose header starts at a row; return the row after it."""
        heads = self._heads(top)
        labels = list(heads)
        first = _Header(self, top, heads)
        labels_above: dict[int, str] = {}
        row = first.body
        self.pivot.last.clear()
        while row < len(self.rows) and self._is_body(row, labels):
            cells = self.rows[row]
            for column in labels[:-1]:
                # in a merged label the first cell has the text
                labels_above[column] = cells[column] or labels_above.get(column, "")
            row_labels = {
                heads[column]: (cells[column] or labels_above.get(column, ""), row, column) for column in labels
            }
            self._line(row, row_labels, first)
            row += 1
        if row == first.body:
            raise DataError(Note("nbs_header_without_rows", where=self.sheet.place(top, labels[0])))
        self._refuse_merged(range(first.body, row), first.columns)
        self.pivot.closed = False
        # the next table has its own lines above
        self.above.clear()
        return row

    def _refuse_merged(self, rows: range, columns: Iterable[int]) -> None:
        for top, left, bottom, right in self.sheet.merged:
            within = [column for column in columns if left <= column <= right]
            if within and top in rows and (bottom > top or right > left):
                raise DataError(Note("nbs_merged", where=self.sheet.place(top, left)))

    def _is_body(self, row: int, labels: list[int]) -> bool:
        cells = self.rows[row]
        filled = [cell for cell in cells if cell]
        if not filled or _CLOSING.match(filled[0]) or _ABOVE.fullmatch(filled[0]) or self._heads(row):
            return False
        if not cells[labels[-1]]:
            raise DataError(Note("nbs_no_label", where=self.sheet.place(row, labels[-1])))
        return True

    def _line(self, row: int, row_labels: dict[str, tuple[str, int, int]], header: _Header) -> None:
        for column, above in header.columns.items():
            label_cells = {**header.fixed, **row_labels, **above}
            if label_cells[REGION][0] in NO_PROVINCE:
                self.pivot.left_out.append(label_cells[REGION][0])
                continue
            item = self._observation(label_cells, row, column)
            self.pivot.last.add(item.province)
            if math.isnan(item.value):
                self.pivot.empty += 1
            else:
                self.pivot.observations.append(item)

    def _observation(self, label_cells: Mapping[str, tuple[str, int, int]], row: int, column: int) -> Observation:
        region = required_province(label_cells[REGION][0], partial(self.sheet.place, *label_cells[REGION][1:]))
        row_year = year(label_cells[TIME][0])
        if row_year is None:
            raise DataError(
                Note("nbs_no_year", where=self.sheet.place(*label_cells[TIME][1:]), shown=label_cells[TIME][0])
            )
        place = partial(self.sheet.place, row, column)
        value = number(self.sheet.cells.iat[row, column], place)
        indicator, unit = label_cells[INDICATOR][0], self.above.get("单位", "")
        return Observation(region.name, region.code, row_year, indicator, unit, value, place)


class _Header:
    """The one or two rows over a table's numbers.

    ``columns``: the labels of each column with numbers: text, row and column by kind (region, indicator, year).
    ``fixed``: the same for the lines above the table. ``body``: the first row of the table's body.
    """

    def __init__(self, reader: _Reader, top: int, heads: Mapping[int, str]) -> None:
        self.reader, self.sheet, rows = reader, reader.sheet, reader.rows
        start = max(heads) + 1
        first = {column: cell for column, cell in enumerate(rows[top]) if column >= start and cell}
        second: dict[int, str] = {}
        if top + 1 < len(rows) and not any(rows[top + 1][column] for column in heads):
            second = {column: cell for column, cell in enumerate(rows[top + 1]) if column >= start and cell}
        self.body = top + 1 + bool(second)
        if second:
            first = self._filled(first, second, top)
        levels = [(top, first)] + ([(top + 1, second)] if second else [])
        self.columns: dict[int, dict[str, tuple[str, int, int]]] = {column: {} for column in (second or first)}
        names = set(heads.values())
        for row, level in levels:
            kind = self._kind(row, level)
            if kind in names:
                where = self.sheet.place(row, min(level))
                raise DataError(Note("nbs_named_twice", where=where, kind=_CALLED[kind]))
            names.add(kind)
            for column, cell in level.items():
                self.columns[column][kind] = (cell, row, column)
        self._check_headless(start, heads)
        self.fixed = {
            kind: self._above(kind, top, min(heads)) for kind in (REGION, INDICATOR, TIME) if kind not in names
        }

    def _kind(self, row: int, level: Mapping[int, str]) -> str:
        """Return the kind of a row of labels; a label of another kind is an error."""
        if not level:
            raise DataError(Note("nbs_no_columns", where=self.sheet.place(row, 0)))
        for kind, test, what in ((TIME, year, Note("nbs_year")), (REGION, province, Note("nbs_province"))):
            matches = [
                column for column, cell in level.items() if test(cell) or (kind == REGION and cell in NO_PROVINCE)
            ]
            if len(matches) == len(level):
                return kind
            if matches:
                other = next(column for column in level if column not in matches)
                where = self.sheet.place(row, other)
                raise DataError(Note("nbs_unlike_others", where=where, shown=level[other], what=what))
        figures = [column for column, cell in level.items() if is_number(cell)]
        if figures:
            where = self.sheet.place(row, figures[0])
            raise DataError(Note("nbs_number_for_name", where=where, shown=level[figures[0]]))
        column, cell = next(iter(level.items()))
        if "指标" in self.reader.above:
            raise DataError(Note("nbs_indicator_above", where=self.sheet.place(row, column), shown=cell))
        return INDICATOR

    def _filled(self, upper: Mapping[int, str], lower: Iterable[int], row: int) -> dict[int, str]:
        """Return, for each lower column, the upper label above it or to its left, as in merged cells."""
        result = {}
        for column in lower:
            columns_before = [place for place in upper if place <= column]
            if not columns_before:
                raise DataError(Note("nbs_no_label_in_header", where=self.sheet.place(row, column)))
            result[column] = upper[max(columns_before)]
        return result

    def _check_headless(self, start: int, heads: Mapping[int, str]) -> None:
        for row in range(self.body, len(self.reader.rows)):
            cells = self.reader.rows[row]
            if not any(cells) or not cells[max(heads)] or _CLOSING.match(cells[min(heads)]) or self.reader._heads(row):
                return
            for column in range(start, len(cells)):
                if cells[column] and column not in self.columns:
                    where = self.sheet.place(row, column)
                    raise DataError(Note("nbs_column_without_name", where=where, shown=cells[column]))

    def _above(self, kind: str, row: int, column: int) -> tuple[str, int, int]:
        word = {REGION: "地区", INDICATOR: "指标", TIME: "时间"}[kind]
        label = self.reader.above.get(word) or (self.reader.indicator if kind == INDICATOR else None)
        if not label:
            raise DataError(
                Note(
                    "nbs_no_line_above",
                    where=self.sheet.place(row, column),
                    word=word,
                    kind=_CALLED[kind],
                    option=Note("nbs_or_indicator") if kind == INDICATOR else "",
                )
            )
        if kind == TIME and year(label) is None:
            raise DataError(Note("nbs_no_years", where=self.sheet.place(row, column), shown=label))
        return label, row, column


def cut_off(sheet: Sheet, pivot: Pivot) -> Note | None:
    """Return why a sheet seems to be cut off, else None.

    The bureau closes each download with notes and its source. A table without them was cut if it lacks provinces, or if
    its text ends within a line, so that the last figure may have lost digits.
    """
    if pivot.closed:
        return None
    if len(pivot.last) < PROVINCES:
        why = Note("nbs_last_table_short", provinces=len(pivot.last), every=PROVINCES)
    elif sheet.unended:
        why = Note("nbs_last_line_open")
    else:
        return None
    return Note("nbs_cut_off", where=sheet.where, why=why)
