"""The statistics bureau's annual data by province, as its site exports them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Literal

import pandas as pd
import pydantic

from digicarbon.errors import DataError
from digicarbon.importer._cells import name_and_unit, text
from digicarbon.importer._once import once
from digicarbon.importer._sheets import visible
from digicarbon.importer.base import Imported, Importer
from digicarbon.note import Note, cut, suggestion
from digicarbon.packs.china import facts
from digicarbon.packs.china.importer._pivot import Observation, Pivot, cut_off, read_pivot
from digicarbon.packs.china.importer._units import Indicator, indicator

KEYS = ("province", "adcode", "year", "series", "vintage")
CITATION = "National Bureau of Statistics of China, annual data by province (data.stats.gov.cn)."


class NbsImporter(Importer):
    """Annual data by province (分省年度数据) of the National Bureau of Statistics, exported as CSV or Excel.

    A table has regions, indicators and years: one on its rows, one on its columns, the third in a line above it
    (``指标：地区生产总值(亿元)``, ``地区：北京市`` or ``时间：2020年``); two may share the rows or a two-row header.
    Tables may follow below each other. Notes under them are kept. Known indicators get plain names and one unit
    (`digicarbon.packs.china.facts.indicators`); others keep the bureau's name and unit. Cells without a figure are left
    out and counted.

    Attributes
    ----------
    vintage : {"revised", "original"}
        Whether the figures are as revised after censuses or as first published. The site shows revised ones only, so
        files downloaded today are revised.
    series : mapping of str to str
        Your names of series, by the bureau's name: ``{能源生产总量: energy_production}``. A plain name from
        `digicarbon.packs.china.facts.indicators` also determines the unit.
    indicator : str or None
        The indicator of tables without a line 指标 above them, with its unit: ``地区生产总值(亿元)``.
    unit : str or None
        The unit of indicators that are printed without one: ``亿元``.
    partial : bool
        Whether a table may end without notes before all 31 provinces are there, like a download that was cut off.
    """

    vintage: Literal["revised", "original"] = "revised"
    series: dict[str, str] = pydantic.Field(default_factory=dict)
    indicator: str | None = None
    unit: str | None = None
    partial: bool = False

    def read(self, files: Sequence[Path]) -> Imported:
        """Read exports.

        Returns the data set ``yearbook``: province, adcode, year, series, vintage, value, unit, and indicator (the
        bureau's own name and unit). Raises DataError if a file is damaged, cut off or no such export, or two cells have
        different values for one series.
        """
        observations, notes = self._observations(files)
        table, conversions = self._named(observations)
        distinct, repeat_notes = once(table, KEYS)
        notes += [*conversions, *repeat_notes, *_coverage(distinct), *self._vintage_notes(notes)]
        units = dict(zip(distinct["series"], distinct["unit"], strict=True))
        return Imported({"yearbook": distinct.drop(columns="place")}, units, CITATION, tuple(dict.fromkeys(notes)))

    def _observations(self, files: Iterable[Path]) -> tuple[list[Observation], list[Note]]:
        observations: list[Observation] = []
        notes: list[Note] = []
        for file in files:
            visible_sheets, remarks = visible(file)
            pivots = [(sheet, read_pivot(sheet, self.indicator)) for sheet in visible_sheets]
            if not any(pivot.observations for _, pivot in pivots):
                raise DataError(
                    _no_table(file.name, [sheet.name for sheet in visible_sheets], any(p.empty for _, p in pivots))
                )
            for sheet, pivot in pivots:
                if pivot.observations and not self.partial and (reason := cut_off(sheet, pivot)):
                    raise DataError(reason)
                remarks += _remarks(sheet.where, pivot)
                observations += pivot.observations
            notes += remarks
        return observations, notes

    def _named(self, observations: Sequence[Observation]) -> tuple[pd.DataFrame, list[Note]]:
        """Return the observations with their series' names and units, and notes on the conversions."""
        # tables and command lines may have full-width parentheses and digits
        user_names = {text(name): plain for name, plain in self.series.items()}
        indicators: dict[tuple[str, str], tuple[Indicator, str]] = {}
        rows = []
        for item in observations:
            key = (item.indicator, item.unit)
            if key not in indicators:
                name, printed = name_and_unit(item.indicator)
                unit = printed or name_and_unit(f"x({item.unit or self.unit or ''})")[1]
                indicators[key] = (indicator(name, unit, user_names, item.place()), f"{name}({unit})" if unit else name)
            target, full = indicators[key]
            value = item.value * target.multiplier / target.divisor
            keys = (item.province, item.adcode, item.year, target.series, self.vintage)
            rows.append((*keys, value, target.unit, full, item.place))
        table = pd.DataFrame(rows, columns=[*KEYS, "value", "unit", "indicator", "place"])
        _check_used(user_names, {full for _, full in indicators.values()})
        return table, self._naming(indicators.values())

    def _naming(self, pairs: Iterable[tuple[Indicator, str]]) -> list[Note]:
        """Return notes on conversions, and refuse a series of two units."""
        notes = []
        units: dict[str, tuple[str, str]] = {}
        for target, full in pairs:
            unit, first = units.setdefault(target.series, (target.unit, full))
            if unit != target.unit:
                example = f"series={{'{name_and_unit(full)[0]}': my_name}}"
                raise DataError(
                    Note("nbs_of_two_units", first=first, second=full, series=target.series, example=example)
                )
            if first != full:
                notes.append(Note("nbs_made_of_two", series=target.series, first=first, second=full))
            if not target.unit:
                notes.append(Note("nbs_series_without_unit", series=target.series))
            if target.conversion:
                notes.append(
                    Note(
                        "nbs_converted",
                        series=target.series,
                        indicator=full,
                        conversion=target.conversion,
                        unit=target.unit,
                    )
                )
        return notes

    def _vintage_notes(self, notes: Iterable[Note]) -> list[Note]:
        revised = self.vintage == "original" and any("修订" in text for note in notes for text in note.texts)
        return [Note("nbs_revision_noted")] if revised else []


def _no_table(file: str, sheets: Sequence[str], empty: bool) -> Note:
    where = Note("nbs_sheets_of_file", file=file, sheets=cut(sheets)) if any(sheets) else file
    return Note("nbs_only_empty_cells", where=where) if empty else Note("nbs_no_table", where=where)


def _remarks(where: Note | str, pivot: Pivot) -> list[Note]:
    if not pivot.observations:
        return [Note("nbs_no_table_here", where=where)]
    notes = [
        Note("import_remark_of_file", where=where, remark=remark)
        for remark in pivot.remarks
        if not remark.startswith("数据来源")
    ]
    if pivot.empty:
        notes.append(Note("import_cells_left_out", where=where, cells=pivot.empty))
    if pivot.left_out:
        notes.append(Note("nbs_no_provinces", where=where, labels=cut(dict.fromkeys(pivot.left_out))))
    return notes


def _coverage(table: pd.DataFrame) -> list[Note]:
    """Return a note on each series that lacks provinces."""
    expected = facts.provinces(tibet=True)["province"].tolist()
    present = table.groupby("series")["province"].agg(set)
    series_by_missing: dict[tuple[str, ...], list[str]] = {}
    for series, names in present.items():
        missing = tuple(name for name in expected if name not in names)
        if missing:
            series_by_missing.setdefault(missing, []).append(str(series))
    return [
        Note("nbs_no_figures_for", series=cut(series), places=cut(names, 12))
        for names, series in series_by_missing.items()
    ]


def _check_used(series: Iterable[str], names: set[str]) -> None:
    known = names | {name_and_unit(name)[0] for name in names}
    unused = [name for name in series if name not in known]
    if unused:
        hint, there = suggestion(unused[0], known), cut(sorted(names), 20)
        raise DataError(Note("import_not_in_files", field="series", name=unused[0], hint=hint, known=there))
