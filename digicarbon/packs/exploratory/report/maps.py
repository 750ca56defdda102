"""Spatial correlation and values on maps, as pictures with a table of the numbers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

import numpy as np
import pandas as pd
from pydantic import Field

from digicarbon.errors import ConfigError
from digicarbon.note import Note, cut
from digicarbon.numeric.significance import is_significant
from digicarbon.packs.exploratory.picture.clusters import clusters_of, plot_hot_spots, plot_lisa, spots_of
from digicarbon.packs.exploratory.picture.moran import plot_moran
from digicarbon.report.base import Record, Table, heads, notes_of
from digicarbon.report.diagnostic import DiagnosticTable
from digicarbon.report.on_map import MOST_REGIONS, ClassMap, OnMap, outline_notes
from digicarbon.report.picture import long_names, no_letters, plot_map
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
    """Local Moran's I by region and period, and a map of its clusters for each variable and run.

    Attributes
    ----------
    periods : tuple of int or str
        Periods of the maps; empty takes the first and the last one.
    level : float
        Regions with p above this are not significant.
    """

    file: ClassVar[str] = "lisa"
    _draw: ClassVar[Callable[..., Figure]] = staticmethod(plot_lisa)
    _of: ClassVar[Callable[..., pd.Series[Any]]] = staticmethod(clusters_of)

    periods: Periods = ()
    level: Annotated[float, Field(gt=0, lt=1)] = 0.05

    def table(self, title: str, records: Sequence[Record]) -> Table:
        """Return the table, with the number of regions in each cluster as notes."""
        table = super().table(title, records)
        if len(records) > self.most_runs:
            return table
        counts = []
        for record, variable, rows in self._variables(records):
            clusters = {"periods": _cluster_notes(self._of(rows, self.level)), "level": self.level}
            counts.append(Note("clusters_on_map", label=record.label, variable=variable, **clusters))
        return replace(table, notes=(*self.words.notes((*counts, *outline_notes(self.shapes))), *table.notes))

    def drawn(self, title: str, records: Sequence[Record]) -> Iterator[tuple[str, Figure]]:
        """Yield a map for each run and variable: ``lisa_<variable>_<run>``."""
        for record, variable, rows in self._variables(records):
            frame = self.frame(f"{self.words(variable)}, {self.words.head(record.label)}", [record])
            figure = self._draw(rows, self.periods, self.shapes, self.key, self.level, **frame)
            yield f"{self.file}_{variable}_{record.label}", figure

    def _variables(self, records: Sequence[Record]) -> Iterator[tuple[Record, str, pd.DataFrame]]:
        for record in records:
            for variable, rows in by_variable(record.result.tables.get(self.name)).items():
                yield record, variable, rows


class HotSpotMap(LisaMap):
    """Getis and Ord's local G by region and period, and a map of hot and cold spots for each variable and run.

    The column ``spot`` is empty where p is not below ``level``, as on the map.
    """

    file: ClassVar[str] = "hot_spots"
    _draw: ClassVar[Callable[..., Figure]] = staticmethod(plot_hot_spots)
    _of: ClassVar[Callable[..., pd.Series[Any]]] = staticmethod(spots_of)

    def _blocks(self, records: Iterable[Record]) -> Iterator[tuple[Record, pd.DataFrame]]:
        """Yield the blocks of tables whose spots are significant ones."""
        return super()._blocks(map(self._significant, records))

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
        notes = self.words.notes((*unit_note, *outline_notes(self.shapes), *letters, *notes_of(records)))
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


def _cluster_notes(clusters: pd.Series[Any]) -> list[Note]:
    """Return how many regions are in each cluster, by period."""
    parts = []
    for period, rows in clusters.groupby(level=0, sort=False):
        counts = rows.value_counts()
        notes = [note.changed(places=int(counts[name])) for name, note in _CLUSTERS.items() if name in counts.index]
        parts.append(Note("clusters_of_period", period=str(period), clusters=notes or [Note("none_significant")]))
    return parts


_CLUSTERS = {
    "high high": Note("high_high", places=0),
    "low low": Note("low_low", places=0),
    "low high": Note("low_high", places=0),
    "high low": Note("high_low", places=0),
    "hot spot": Note("hot_places", places=0),
    "cold spot": Note("cold_places", places=0),
}
