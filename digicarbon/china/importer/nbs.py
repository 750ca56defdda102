"""The statistics bureau's annual data by province, as its site exports them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Literal

import pandas as pd
import pydantic

from digicarbon.china import facts
from digicarbon.china.importer._pivot import Observation, Pivot, cut_off, read_pivot
from digicarbon.china.importer._units import Indicator, indicator
from digicarbon.china.spelling import TIBET
from digicarbon.errors import DataError, counted, listing, nearest
from digicarbon.importer._cells import name_and_unit, text
from digicarbon.importer._once import once
from digicarbon.importer._sheets import visible
from digicarbon.importer.base import Imported, Importer

KEYS = ("province", "adcode", "year", "series", "vintage")
CITATION = "National Bureau of Statistics of China, annual data by province (data.stats.gov.cn)."


class NbsImporter(Importer):
    """Annual data by province (分省年度数据) of the National Bureau of Statistics, exported as CSV or Excel.

    A table has regions, indicators and years: one on its rows, one on its columns, the third in a line above it
    (``指标：地区生产总值(亿元)``, ``地区：北京市`` or ``时间：2020年``); two may share the rows or a two-row header.
    Tables may stand below each other. Notes under them are kept. Known indicators get plain names and one unit
    (`digicarbon.china.facts.indicators`); others keep the bureau's name and unit. Cells without a figure are left out
    and counted.

    Attributes
    ----------
    vintage : {"revised", "original"}
        Whether the figures are as revised after censuses or as first published. The site shows revised ones only, so
        files downloaded today are revised.
    series : mapping of str to str
        Names of your own, by the bureau's name: ``{能源生产总量: energy_production}``. A plain name known to
        `digicarbon.china.facts.indicators` brings its unit with it.
    indicator : str or None
        What a table holds that has no line 指标 above it, with its unit: ``地区生产总值(亿元)``.
    unit : str or None
        The unit of indicators that are printed without one: ``亿元``.
    partial : bool
        Whether a table may end without notes before all 31 provinces are there; a download that was cut off does.
    """

    vintage: Literal["revised", "original"] = "revised"
    series: dict[str, str] = pydantic.Field(default_factory=dict)
    indicator: str | None = None
    unit: str | None = None
    partial: bool = False

    def read(self, files: Sequence[Path]) -> Imported:
        """Read exports.

        Returns
        -------
        Imported
            The data set ``yearbook``: province, adcode, year, series, vintage, value, unit, and indicator (the bureau's
            own name and unit).

        Raises
        ------
        DataError
            If a file is damaged, cut off or no such export, or two cells say different things of one series.
        """
        found, notes = self._observations(files)
        table, conversions = self._named(found)
        kept, twice = once(table, KEYS)
        notes += [*conversions, *twice, *_coverage(kept), *self._vintage_notes(notes)]
        units = dict(zip(kept["series"], kept["unit"], strict=True))
        return Imported({"yearbook": kept.drop(columns="place")}, units, CITATION, tuple(dict.fromkeys(notes)))

    def _observations(self, files: Iterable[Path]) -> tuple[list[Observation], list[str]]:
        found: list[Observation] = []
        notes: list[str] = []
        for file in files:
            shown, remarks = visible(file)
            pivots = [(sheet, read_pivot(sheet, self.indicator)) for sheet in shown]
            if not any(pivot.observations for _, pivot in pivots):
                raise DataError(_no_table(file.name, [sheet.name for sheet in shown], any(p.empty for _, p in pivots)))
            for sheet, pivot in pivots:
                if pivot.observations and not self.partial and (reason := cut_off(sheet, pivot)):
                    raise DataError(reason)
                remarks += _remarks(sheet.where, pivot)
                found += pivot.observations
            notes += remarks
        return found, notes

    def _named(self, found: Sequence[Observation]) -> tuple[pd.DataFrame, list[str]]:
        """Return the observations under their series' names and in their units, and what was done to them."""
        # tables and command lines have parentheses and digits of either width
        named = {text(name): plain for name, plain in self.series.items()}
        known: dict[tuple[str, str], tuple[Indicator, str]] = {}
        rows = []
        for item in found:
            key = (item.indicator, item.unit)
            if key not in known:
                name, printed = name_and_unit(item.indicator)
                unit = printed or name_and_unit(f"x({item.unit or self.unit or ''})")[1]
                known[key] = (indicator(name, unit, named, item.place), f"{name}({unit})" if unit else name)
            target, full = known[key]
            value = item.value * target.multiplier / target.divisor
            rows.append(
                (
                    item.province,
                    item.adcode,
                    item.year,
                    target.series,
                    self.vintage,
                    value,
                    target.unit,
                    full,
                    item.place,
                )
            )
        table = pd.DataFrame(rows, columns=[*KEYS, "value", "unit", "indicator", "place"])
        _check_used(named, {full for _, full in known.values()})
        return table, self._naming(known.values())

    def _naming(self, known: Iterable[tuple[Indicator, str]]) -> list[str]:
        """Return notes on conversions, and refuse a series of two units."""
        notes = []
        units: dict[str, tuple[str, str]] = {}
        for target, full in known:
            unit, before = units.setdefault(target.series, (target.unit, full))
            if unit != target.unit:
                raise DataError(
                    f"'{before}' and '{full}' would both be the series {target.series}, in different units. Name one "
                    f"of them otherwise: series={{'{name_and_unit(full)[0]}': my_name}}."
                )
            if before != full:
                notes.append(f"{target.series} is made of '{before}' and '{full}'.")
            if not target.unit:
                notes.append(f"{target.series} has no unit of measurement; name it by unit=…")
            if target.conversion:
                notes.append(f"{target.series}: '{full}' {target.conversion} to be in {target.unit}.")
        return notes

    def _vintage_notes(self, notes: Iterable[str]) -> list[str]:
        revised = self.vintage == "original" and any("修订" in note for note in notes)
        return ["A note of the bureau speaks of a revision (修订), yet vintage=original was chosen."] if revised else []


def _no_table(file: str, sheets: Sequence[str], empty: bool) -> str:
    where = file + (f", sheet {listing(sheets)}" if any(sheets) else "")
    if empty:
        return f"{where}: the table has no figures, only empty cells; download it anew."
    return (
        f"{where}: no table of the bureau's annual data by province is here. Such a table has a header row that begins "
        "with 地区, 指标 or 时间, e.g. 地区,2021年,2020年; other kinds of file have importers of their own "
        "(`digicarbon list importer`)."
    )


def _remarks(where: str, pivot: Pivot) -> list[str]:
    if not pivot.observations:
        return [f"{where}: no table here; left out."]
    notes = [f"{where}: {remark}" for remark in pivot.remarks if not remark.startswith("数据来源")]
    if pivot.empty:
        notes.append(f"{where}: {counted(pivot.empty, 'cell')} without a figure, left out.")
    if pivot.left_out:
        notes.append(f"{where}: left out, since no provinces: {listing(dict.fromkeys(pivot.left_out))}.")
    return notes


def _coverage(table: pd.DataFrame) -> list[str]:
    """Return a note on each series that lacks provinces."""
    known = [*facts.provinces()["province"], TIBET.name]
    present = table.groupby("series")["province"].agg(set)
    lacking: dict[str, list[str]] = {}
    for series, names in present.items():
        missing = listing([name for name in known if name not in names], 12)
        if missing:
            lacking.setdefault(missing, []).append(str(series))
    return [f"{listing(series)}: no figures for {names}." for names, series in lacking.items()]


def _check_used(series: Iterable[str], names: set[str]) -> None:
    known = names | {name_and_unit(name)[0] for name in names}
    unused = [name for name in series if name not in known]
    if unused:
        raise DataError(
            f"series names '{unused[0]}', which the files do not have.{nearest(unused[0], known)} "
            f"They have: {listing(sorted(names), 20)}."
        )
