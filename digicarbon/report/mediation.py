"""Mediation in tables as the literature prints them: the equations, the paths and their products, sensitivity."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Annotated

import pandas as pd
from pydantic import Field

from digicarbon.errors import ConfigError
from digicarbon.note import Note
from digicarbon.report.base import MOST_RUNS, MostRuns, Record, Report, Table
from digicarbon.report.diagnostic import DiagnosticTable
from digicarbon.report.intervals import interval_files
from digicarbon.report.pictured import Formats, number, results_of
from digicarbon.result import Result

PATHS = ("path_a", "path_a_se", "path_b", "path_b_se", "indirect", "se", "p", "low", "high")
SHARE = ("share_mediated", "share_low", "share_high")
TEXTBOOK = ("sobel_z", "sobel_p", "aroian_z", "aroian_p", "goodman_z", "goodman_p", *SHARE)
STARS_NOTE = "* p < 0.1, ** p < 0.05, *** p < 0.01"
STARS = ((0.01, "***"), (0.05, "**"), (0.1, "*"))


class PathTables(Report):
    """The equations of each mediation, its paths and their products, and its sensitivity, below each other.

    Attributes
    ----------
    decimals : int
        Digits after the decimal point.
    textbook : bool
        Whether there is a table of the statistics of Sobel, Aroian and Goodman.
    pictures : tuple of {"png", "svg", "pdf"}
        Formats of a picture of direct, indirect and total effects; empty for none.
    most_runs : int
        Up to how many runs have their equations shown, and there is a picture.
    """

    decimals: Annotated[int, Field(ge=0, le=12)] = 3
    textbook: bool = True
    pictures: Formats = ("png", "svg")
    most_runs: MostRuns = MOST_RUNS

    def table(self, title: str, records: Sequence[Record]) -> Table:
        """Return the tables below each other.

        Raises
        ------
        ConfigError
            If no run has equations of a mediation.
        """
        runs = [record for record in records if "equations" in record.result.tables]
        if not runs:
            raise ConfigError(Note("no_mediation"))
        tables = []
        if len(runs) <= self.most_runs:
            tables += [self._equations(name, result) for name, result in self._named(runs).items()]
        full = [record for record in runs if "mediation" in record.result.tables]
        if full:
            tables.append(self._part("mediation paths", "mediation", PATHS, full))
            tables += [self._part("mediation textbook", "mediation", TEXTBOOK, full)] if self.textbook else []
            tables.append(self._part("mediation sensitivity", "sensitivity", (), full))
        notes = tuple(dict.fromkeys(note for record in runs for note in self.words.notes(record.result.notes)))
        whole = replace(tables[-1], notes=notes)
        equations = [table for table in tables[:-1] if STARS_NOTE in table.notes]
        for table in reversed(tables[:-1]):
            # what stars mean stands once
            own = (STARS_NOTE,) if equations and table is equations[-1] else ()
            whole = replace(table, notes=own, below=whole)
        head = self.words.title(title, simulated=False)
        return replace(whole, title=f"{head}{self.words.colon}{whole.title}" if head else whole.title)

    def files(self, title: str, records: Sequence[Record]) -> Mapping[str, bytes]:
        """Return ``effects.<format>``: direct, indirect and total effects with their intervals."""
        full = [record for record in records if record.result.effect_names]
        if not self.pictures or not full or len(records) > self.most_runs:
            return {}
        return interval_files(self, "effects", title, full, (), self.pictures)

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
        levels = (frame.index.get_level_values(name) for name in ("equation", "explained"))
        explained = dict(zip(*levels, strict=True))
        heads = [f"({equation}) {self.words(explained[equation])}" for equation in equations]
        rows.append((self.words.word("nobs"), [f"{result.statistics['nobs']:.0f}"] * len(equations)))
        cells = pd.DataFrame([cells for _, cells in rows], index=[label for label, _ in rows], columns=heads)
        return Table(title, cells, rules=(len(rows) - 1,), notes=(STARS_NOTE,), language=self.words.spoken)

    def _starred(self, row: pd.Series) -> str:
        stars = next((stars for most, stars in STARS if row["p"] <= most), "")
        return f"{number(float(row['coef']), self.decimals)}{stars}"

    def _part(self, words: str, name: str, columns: tuple[str, ...], records: Sequence[Record]) -> Table:
        shown = DiagnosticTable(
            name=name,
            columns=columns,
            decimals=self.decimals,
            most_runs=self.most_runs,
            labels=self.labels,
            language=self.language,
        )
        return shown.table(self.words.word(words), records)
