"""Mediation in tables as the literature prints them: the equations, the paths and their products, sensitivity."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from digicarbon.errors import ConfigError
from digicarbon.note import Note
from digicarbon.numeric.significance import stars_of
from digicarbon.render import stacked
from digicarbon.report.base import Decimals, Record, Table, attributed
from digicarbon.report.intervals import interval_figure
from digicarbon.report.pictured import Pictured, number, results_of
from digicarbon.report.regression import Stars, stars_meaning
from digicarbon.report.rows import unbounded
from digicarbon.report.tables_below import below_each_other
from digicarbon.result import Result

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PATHS = ("path_a", "path_a_se", "path_b", "path_b_se", "indirect", "se", "p", "low", "high")
SHARE = ("share_mediated", "share_low", "share_high")
TEXTBOOK = ("sobel_z", "sobel_p", "aroian_z", "aroian_p", "goodman_z", "goodman_p")
SPACE = ("coef", "se", "p", "low", "high")
ALL = Note("all_mediators")
RHO_SHOWN = 3
"""Every third of the table's correlations is shown: from -0.9 to 0.9 by 0.3."""


class PathTables(Pictured):
    """The equations of each mediation, its paths and their products, and its sensitivity, below each other.

    Of runs with ``diagnostic=spatial_mediation``, their effects through mediators in space.

    Attributes
    ----------
    stars : tuple of 3 floats
        Largest p values for one, two and three stars.
    textbook : bool
        Whether there is a table of the statistics of Sobel, Aroian and Goodman.
    pictures : tuple of {"png", "svg", "pdf"}
        Formats of a picture of direct, indirect and total effects of ``model=mediation``; empty for none.
    most_runs : int
        Up to how many runs have their equations shown, and there is a picture.
    """

    decimals: Decimals = 3
    stars: Stars = (0.1, 0.05, 0.01)
    textbook: bool = True

    def table(self, title: str, records: Sequence[Record]) -> Table:
        """Return the tables of mediations and of effects through mediators in space below each other."""
        runs = [record for record in records if {"equations", "spatial_mediation"} & record.result.tables.keys()]
        if not runs:
            raise ConfigError(Note("no_mediation"))
        first = [record for record in runs if "equations" in record.result.tables]
        tables = []
        if len(runs) <= self.most_runs:
            tables += [self._equations(name, result) for name, result in self._named(first).items()]
        if tables:
            # what stars mean stands once
            tables[-1] = replace(tables[-1], notes=(stars_meaning(self.stars),))
        full = [record for record in first if "mediation" in record.result.tables]
        if full:
            tables.append(self._stacked("paths", full, lambda result: _paths(result, (*PATHS,))))
            tables.append(self._stacked("share", full, lambda result: _paths(result, SHARE)))
            if self.textbook:
                tables.append(self._stacked("textbook", full, lambda result: result.tables["mediation"][[*TEXTBOOK]]))
            tables.append(self._stacked("sensitivity", full, lambda result: result.tables["sensitivity"]))
            tables.append(self._stacked("rho", full, _at_correlations))
        space = [record for record in runs if "spatial_mediation" in record.result.tables]
        if space:
            tables.append(self._stacked("space", space, lambda result: result.tables["spatial_mediation"][[*SPACE]]))
        notes = self.words.notes(attributed([(record.label, record.result.notes) for record in runs]))
        tables[-1] = replace(tables[-1], notes=(*tables[-1].notes, *notes))
        whole = stacked(tables)
        head = self.words.title(title, simulated=False)
        return replace(whole, title=f"{head}{self.words.colon}{whole.title}" if head else whole.title)

    def drawn(self, title: str, records: Sequence[Record]) -> Iterator[tuple[str, Figure]]:
        """Yield ``effects``: direct, indirect and total effects of mediations with their intervals.

        Effects of a spatial model are those of a model without mediators, and are not in it.
        """
        if full := [record for record in records if "mediation" in record.result.tables]:
            yield "effects", interval_figure(self, "effects", title, full)

    def _named(self, runs: Sequence[Record]) -> dict[str, Result]:
        named = results_of(runs, self.words)
        words = self.words.word("mediation equations")
        return {
            words if len(named) == 1 else f"{words}{self.words.colon}{name}": result for name, result in named.items()
        }

    def _equations(self, title: str, result: Result) -> Table:
        """Return a column for each equation, standard errors in parentheses below coefficients."""
        frame = result.tables["equations"]
        equations = list(dict.fromkeys(frame.index.get_level_values("equation")))
        terms = list(dict.fromkeys(frame.index.get_level_values("term")))
        blocks = {equation: frame.xs(equation).droplevel("explained") for equation in equations}
        rows: list[tuple[str, list[str]]] = []
        for term in terms:
            there = [block.loc[term] if term in block.index else None for block in blocks.values()]
            rows.append((self.words(term), ["" if row is None else self._starred(row) for row in there]))
            rows.append(("", ["" if row is None else f"({number(row['se'], self.decimals)})" for row in there]))
        rule = len(rows)
        for kind in ("unit", "time"):
            has = self.words.word("yes" if kind in result.absorbed else "no")
            rows.append((self.words.word(f"{kind} effects"), [has] * len(equations)))
        rows.append((self.words.word("nobs"), [f"{result.statistics['nobs']:.0f}"] * len(equations)))
        fits = result.tables.get("fits")
        if fits is not None:
            shares = fits.droplevel("explained").iloc[:, 0]
            cells = [number(float(shares[equation]), self.decimals) for equation in equations]
            rows.append((self.words.word(str(fits.columns[0])), cells))
        levels = (frame.index.get_level_values(name) for name in ("equation", "explained"))
        explained = dict(zip(*levels, strict=True))
        names = [f"({equation}) {self.words(explained[equation])}" for equation in equations]
        cells_frame = pd.DataFrame([cells for _, cells in rows], index=[label for label, _ in rows], columns=names)
        return Table(title, cells_frame, rules=(rule,), language=self.words.spoken)

    def _starred(self, row: pd.Series) -> str:
        return f"{number(float(row['coef']), self.decimals)}{stars_of(float(row['p']), self.stars)}"

    def _stacked(self, name: str, records: Sequence[Record], table_of: Callable[[Result], pd.DataFrame]) -> Table:
        """Return a table of all runs below each other: side by side their numbers would be more than a page has."""
        frames = [table_of(record.result) for record in records]
        corner = self._joined(self.words.level(str(level)) for level in frames[-1].index.names)
        cells = below_each_other(records, frames, self._label, self.words).map(self._cell)
        cells = cells.rename(columns=self._head).rename_axis(corner)
        title = self.words.word(f"mediation {name}")
        return Table(title, cells, language=self.words.spoken, corners=(corner,))

    def _cell(self, value: float) -> str:
        if not np.isfinite(value):
            return unbounded(value)
        return f"{value:z.{self.decimals}f}"

    def _label(self, key: tuple[object, ...]) -> str:
        return self._joined(
            part.text(self.words.spoken, self.words) if isinstance(part, Note) else self._head(part) for part in key
        )

    def _head(self, name: object) -> str:
        words = self.words(str(name))
        return words if self.language is None else self.words.word(words)

    def _joined(self, parts: Iterable[str]) -> str:
        return ("，" if self.language == "zh" else ", ").join(parts)


def _paths(result: Result, columns: tuple[str, ...]) -> pd.DataFrame:
    """Return columns of the paths; with several mediators a row for all of them below those of each focal term."""
    frame = result.tables["mediation"]
    paths = frame[[*columns]]
    if len(frame.index.unique("mediator")) == 1:
        return paths
    blocks = []
    for place, x in enumerate(frame.index.unique("x")):
        effect = result.effects.loc[("indirect", x)]
        whole = {"indirect": effect["coef"], **{name: effect[name] for name in ("se", "p", "low", "high")}}
        if place == 0:
            # statistics have the share of the first focal term
            names = zip(SHARE, ("mediated_share", "mediated_share_low", "mediated_share_high"), strict=True)
            whole |= {name: result.statistics.get(statistic, np.nan) for name, statistic in names}
        row = pd.DataFrame(
            [[whole.get(name, np.nan) for name in columns]],
            index=pd.MultiIndex.from_tuples([(x, ALL)], names=frame.index.names),
            columns=paths.columns,
        )
        blocks += [paths.loc[[x]], row]
    return pd.concat(blocks)


def _at_correlations(result: Result) -> pd.DataFrame:
    """Return a row for each path, a column for each correlation of errors."""
    frame = result.tables["rho"].iloc[::RHO_SHOWN].T
    frame.columns = pd.Index([f"{rho:z.1f}" for rho in frame.columns])
    return frame.set_axis(result.tables["mediation"].index, axis=0)
