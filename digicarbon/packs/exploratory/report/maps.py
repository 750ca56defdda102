"""Spatial correlation and values on maps, as pictures with a table of the numbers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from importlib.util import find_spec
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

import numpy as np
import pandas as pd
from pydantic import Field

from digicarbon.disk.cells import plain_table
from digicarbon.errors import ConfigError, DataError, DigicarbonError
from digicarbon.note import Note, cut
from digicarbon.numeric.significance import is_significant
from digicarbon.packs.exploratory.picture.clusters import (
    CLUSTERS,
    SPOTS,
    clusters_of,
    plot_hot_spots,
    plot_lisa,
    spots_of,
)
from digicarbon.packs.exploratory.picture.moran import plot_moran
from digicarbon.report.base import Record, Table, attributed, heads
from digicarbon.report.diagnostic import DiagnosticTable, refuse_unknown_columns
from digicarbon.report.on_map import MOST_REGIONS, ClassMap, OnMap, outline_notes
from digicarbon.report.picture import long_names, no_letters, plot_map
from digicarbon.report.picture._places import areas_of
from digicarbon.report.pictured import Periods, Pictured, by_variable, number
from digicarbon.spec import Names

if TYPE_CHECKING:
    from matplotlib.figure import Figure


class MoranTable(DiagnosticTable, Pictured):
    """The table of Moran's I by period, and a picture of it for each variable with a line per weight matrix."""

    def drawn(self, title: str, records: Sequence[Record]) -> Iterator[tuple[str, Figure]]:
        """Yield a picture for each variable: ``moran_<variable>``."""
        tables: dict[str, dict[str, pd.DataFrame]] = {}
        for name, record in zip(heads(records, self.words), records, strict=True):
            for variable, rows in by_variable(record.result.tables.get(self.name)).items():
                tables.setdefault(variable, {})[name] = rows
        for variable, by_run in tables.items():
            yield f"moran_{variable}", plot_moran(by_run, **self.frame(self.words(variable), records))


class LisaMap(DiagnosticTable, OnMap):
    """How many regions are in each cluster of local Moran's I, by period, and a map of them for each variable and run.

    The rows behind it, a region and period each, are a file of their own.

    Attributes
    ----------
    columns : tuple of str
        Which columns of the rows are in the file; empty takes all.
    periods : tuple of int or str
        Periods of the maps; empty takes the first and the last one.
    level : float
        Regions with p above this are not significant.
    """

    file: ClassVar[str] = "lisa"
    classes: ClassVar[tuple[str, ...]] = tuple(CLUSTERS)
    _counts: ClassVar[Callable[..., Note]] = staticmethod(lambda level: Note("counts_of_quadrants", level=level))
    _draw: ClassVar[Callable[..., Figure]] = staticmethod(plot_lisa)
    _of: ClassVar[Callable[..., pd.Series[Any]]] = staticmethod(clusters_of)

    periods: Periods = ()
    level: Annotated[float, Field(gt=0, lt=1)] = 0.05

    def table(self, title: str, records: Sequence[Record]) -> Table:
        """Return the number of regions in each cluster by period, the runs side by side."""
        counted = DiagnosticTable(
            name=self.name,
            decimals=1,
            most_runs=self.most_runs,
            labels=self.labels,
            language=self.language,
        ).table(title, [self._counted(record) for record in records])
        above: list[Note] = [self._counts(self.level)]
        if len(records) <= self.most_runs:
            rows = sum(len(rows) for _, _, rows in self._variables(records))
            above.append(Note("rows_in_file", rows=rows, file=self.file_of_rows))
            reason = self._no_map(records) if self.pictures else None
            above += [Note("no_pictures", reason=reason)] if reason else outline_notes(self.shapes)
        return replace(counted, notes=(*self.words.notes(above), *counted.notes))

    def files(self, title: str, records: Sequence[Record]) -> Mapping[str, bytes]:
        """Return the rows as a file, and the maps where there are areas; none of more runs than ``most_runs``."""
        if len(records) > self.most_runs:
            return {}
        frames = {record.label: block for record, block in self._rows(records)}
        if not frames:
            return {}
        rows = pd.concat(frames, names=["run"]) if len(frames) > 1 else next(iter(frames.values()))
        # the mark by which spreadsheets know the encoding
        content = {self.file_of_rows: plain_table(rows).to_csv().encode("utf-8-sig")}
        return content if self._no_map(records) else {**content, **super().files(title, records)}

    def drawn(self, title: str, records: Sequence[Record]) -> Iterator[tuple[str, Figure]]:
        """Yield a map for each run and variable: ``lisa_<variable>_<run>``."""
        for record, variable, rows in self._variables(records):
            frame = self.frame(f"{self.words(variable)}, {self.words.head(record.label)}", [record])
            figure = self._draw(rows, self.periods, self.shapes, self.key, self.level, **frame)
            yield f"{self.file}_{variable}_{record.label}", figure

    @property
    def file_of_rows(self) -> str:
        """The name of the file of rows."""
        return f"{self.name}.csv"

    def _rows(self, records: Iterable[Record]) -> Iterator[tuple[Record, pd.DataFrame]]:
        """Yield each run that has the table, with its rows for the file."""
        for record in records:
            frame = record.result.tables.get(self.name)
            if frame is not None:
                refuse_unknown_columns(self.columns, frame)
                yield record, frame[list(self.columns)] if self.columns else frame

    def _counted(self, record: Record) -> Record:
        """Return a run whose table is the number of regions in each cluster, by variable and period."""
        if self.name not in record.result.tables:
            return record
        frames = {}
        for variable, rows in by_variable(record.result.tables[self.name]).items():
            by = self._of(rows, self.level).groupby(level=0, sort=False).value_counts().unstack(fill_value=0)
            frames[variable] = by.reindex(index=rows.index.unique(0), columns=list(self.classes), fill_value=0)
        # the words of a column are shorter than those of a map
        short = {"insignificant": "not significant", **{one: one.replace(" ", "-") for one in CLUSTERS if " " in one}}
        counts = pd.concat(frames, names=["variable"]).rename(columns=short)
        tables = {**record.result.tables, self.name: counts}
        return replace(record, result=replace(record.result, tables=tables))

    def _no_map(self, records: Iterable[Record]) -> DigicarbonError | None:
        """Return why there is no map of the regions, if there is none."""
        try:
            for _, _, rows in self._variables(records):
                regions = list(dict.fromkeys(map(str, rows.index.get_level_values(1))))
                if areas_of(regions, self.shapes, self.key, self.words.spoken) is None:
                    return ConfigError(Note("map_needs_polygons"))
        except (ConfigError, DataError) as error:
            return error
        return None if find_spec("matplotlib") else ConfigError(Note("needs_matplotlib"))

    def _variables(self, records: Iterable[Record]) -> Iterator[tuple[Record, str, pd.DataFrame]]:
        for record in records:
            for variable, rows in by_variable(record.result.tables.get(self.name)).items():
                yield record, variable, rows


class HotSpotMap(LisaMap):
    """How many regions are hot and cold spots of Getis and Ord's local G by period, and maps for each variable and run.

    The column ``spot`` of the file is empty where p is not below ``level``, as on the map.
    """

    file: ClassVar[str] = "hot_spots"
    classes: ClassVar[tuple[str, ...]] = tuple(SPOTS)
    _counts: ClassVar[Callable[..., Note]] = staticmethod(lambda level: Note("counts_of_spots", level=level))
    _draw: ClassVar[Callable[..., Figure]] = staticmethod(plot_hot_spots)
    _of: ClassVar[Callable[..., pd.Series[Any]]] = staticmethod(spots_of)

    def _rows(self, records: Iterable[Record]) -> Iterator[tuple[Record, pd.DataFrame]]:
        """Yield the rows of each run, whose spots are significant ones."""
        return super()._rows(map(self._significant, records))

    def _significant(self, record: Record) -> Record:
        """Return a run whose spots are empty where p is above the level."""
        tables = record.result.tables
        frame = tables.get(self.name)
        if frame is None or not {"p", "spot"} <= set(frame.columns):
            return record
        spots = frame.assign(spot=frame["spot"].where(is_significant(frame["p"], self.level), ""))
        return replace(record, result=replace(record.result, tables={**tables, self.name: spots}))


class MapTable(ClassMap):
    """Maps of variables by period, and a table of the values.

    Attributes
    ----------
    name : str
        Which table of the results: ``values``, made by ``diagnostic=values``.
    variables : tuple of str
        Which variables; empty takes all.
    periods : tuple of int or str
        Empty takes the first and the last one.
    units : mapping of str to str
        What variables are measured in, for the legend, e.g. ``{ci: t CO2 per 10k CNY}``.
    """

    name: str = "values"
    variables: Names = ()
    periods: Periods = ()
    units: Mapping[str, str] = {}

    def table(self, title: str, records: Sequence[Record]) -> Table:
        """Return the values, regions by variables and periods; for very many regions, quantiles of the values."""
        if len(records) > self.most_runs:
            raise ConfigError(Note("too_many_maps", key="report", runs=len(records)))
        frames = [(record, frame) for record in records if (frame := self._values(record)) is not None]
        if not frames:
            raise ConfigError(Note("no_table_for_maps", key="report", table=self.name))
        columns: dict[str, pd.Series[Any]] = {}
        names = heads((record for record, _ in frames), self.words)
        for name, (_, frame) in zip(names, frames, strict=True):
            for variable in dict.fromkeys(frame.index.get_level_values("variable")):
                rows = frame[frame.index.get_level_values("variable") == variable].droplevel("variable")
                for period in dict.fromkeys(rows.index.get_level_values("period")):
                    head = f"{self.words(str(variable))}, {period}"
                    label = f"{name}{self.words.colon}{head}" if len(frames) > 1 else head
                    columns[label] = rows[rows.index.get_level_values("period") == period].droplevel("period")["value"]
        values = pd.DataFrame(columns)
        cells = (self._distribution(values) if len(values) > MOST_REGIONS else values).map(
            lambda value: number(value, self.decimals)
        )
        if len(values) <= MOST_REGIONS:
            cells = cells.set_axis(long_names([str(place) for place in cells.index], self.language or "en"), axis=0)
        units = [
            Note("unit_of_variable", variable=self.words(name), unit=self.words.unit(unit))
            for name, unit in self.units.items()
        ]
        unit_note = (Note("units_of_variables", units=units),) if units else ()
        letters = no_letters([*map(self.words, self._names(frames)), *map(str, values.index)], self.language or "en")
        own = attributed([(record.label, record.result.notes_under("values")) for record in records])
        notes = self.words.notes((*unit_note, *outline_notes(self.shapes), *letters, *own))
        return Table(title, cells, notes=notes, language=self.words.spoken)

    def drawn(self, title: str, records: Sequence[Record]) -> Iterator[tuple[str, Figure]]:
        """Yield a map for each run: ``map_<run>``."""
        where = self.shapes, self.key, self.units, self.classes, self.scheme
        for record in records:
            values = self._values(record)
            if values is not None:
                frame = self.named_frame(self.words.head(record.label) or title, [record])
                yield f"map_{record.label}", plot_map(values, self.variables, self.periods, *where, **frame)

    def _values(self, record: Record) -> pd.DataFrame | None:
        """Return the values of a run, index variable, period, unit; None if it has none."""
        table = record.result.tables.get(self.name)
        if table is None:
            return None
        frame = table.rename_axis(["variable", "period", "unit"])
        known = list(dict.fromkeys(frame.index.get_level_values("variable")))
        unknown = [name for name in self.variables if name not in known]
        if unknown:
            names = {"unknown": cut(unknown), "known": cut(known, 20)}
            raise ConfigError(Note("maps_unknown_variables", key="report.variables", run=record.label, **names))
        return frame[frame.index.get_level_values("variable").isin(self.variables or known)]

    def _names(self, frames: Sequence[tuple[Record, pd.DataFrame]]) -> list[str]:
        return list(
            dict.fromkeys(str(name) for _, frame in frames for name in frame.index.get_level_values("variable"))
        )

    def _distribution(self, values: pd.DataFrame) -> pd.DataFrame:
        shares = np.linspace(0, 1, self.classes + 1)
        rows = {f"{share:.0%}": values.quantile(share) for share in shares}
        return pd.DataFrame(rows).T
