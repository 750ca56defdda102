"""A table of a diagnostic: its rows, the runs side by side."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress

import numpy as np
import pandas as pd
import yaml

from digicarbon.config.files import folders
from digicarbon.errors import ConfigError
from digicarbon.note import Note, cut
from digicarbon.report.base import MOST_RUNS, Decimals, MostRuns, Record, Report, Table, attributed, heads
from digicarbon.report.rows import number_text, unbounded
from digicarbon.report.summary import across
from digicarbon.result import Result
from digicarbon.spec import Names


class DiagnosticTable(Report):
    """The table of a diagnostic: its rows, with the columns of each run that has it side by side.

    Attributes
    ----------
    name : str
        Which table of the results, e.g. ``moran``.
    columns : tuple of str
        Which of its columns; empty takes all.
    decimals : int
        Digits after the decimal point.
    most_runs : int
        Up to how many runs have columns each; of more, the table shows median and range over the runs.
    """

    name: str
    columns: Names = ()
    decimals: Decimals = 4
    most_runs: MostRuns = MOST_RUNS

    def table(self, title: str, records: Sequence[Record]) -> Table:
        """Return the table.

        Raises ConfigError if no run has it (the message names the diagnostic that makes it), or it lacks a column.
        """
        if len(records) > self.most_runs:
            table = across(title, self._blocks(records), self._cell, self.words)
            if table.cells.empty:
                raise self._no_table(records)
            return table
        runs = list(self._blocks(records))
        if not runs:
            raise self._no_table(records)
        names = heads((record for record, _ in runs), self.words)
        blocks = [
            block.map(self._cell).add_prefix(f"{name}{self.words.colon}" if len(runs) > 1 else "")
            for name, (_, block) in zip(names, runs, strict=True)
        ]
        notes = self.words.notes(
            attributed([(record.label, record.result.notes_under(self.name)) for record, _ in runs])
        )
        corners = (str(blocks[0].index.name),)
        return Table(
            title, pd.concat(blocks, axis=1).fillna(""), notes=notes, language=self.words.spoken, corners=corners
        )

    def _blocks(self, records: Iterable[Record]) -> Iterator[tuple[Record, pd.DataFrame]]:
        """Yield each run that has the table, with the wanted columns, row labels as index."""
        for record in records:
            frame = record.result.tables.get(self.name)
            if frame is None:
                continue
            refuse_unknown_columns(self.columns, frame)
            block = frame[list(self.columns)] if self.columns else frame
            corner = ", ".join(self.words.level(str(name)) for name in block.index.names if name is not None)
            lags = _lags(record.result)
            index = pd.Index([self._row_label(key, lags) for key in block.index], name=corner)
            block = self._with_digits(block)
            yield record, block.set_axis(index, axis=0).rename(columns=self._head)

    def _with_digits(self, block: pd.DataFrame) -> pd.DataFrame:
        """Return the columns, as texts with digits where every row would be zero; p values stay."""
        made = block.copy()
        for place, name in enumerate(block.columns):
            values = block.iloc[:, place]
            if not pd.api.types.is_float_dtype(values) or str(name).split("_")[0] == "p":
                continue
            size = values.abs()
            if ((size > 0) | size.isna()).all() and (size.max() < 0.5 * 10.0**-self.decimals):
                made = made.astype({name: object})
                made[name] = [f"{value:.3g}" if np.isfinite(value) else value for value in values]
        return made

    def _no_table(self, records: Sequence[Record]) -> ConfigError:
        tables = cut(dict.fromkeys(name for record in records for name in record.result.tables))
        return ConfigError(
            Note(
                "no_diagnostic_table",
                key="report.name",
                table=self.name,
                runs=cut(record.label for record in records if record.label) or (Note("the_run"),),
                having=Note("only_other_tables", tables=tables) if tables else Note("without_diagnostic"),
                maker=_maker(self.name),
            )
        )

    def _row_label(self, key: object, lags: Mapping[str, str]) -> str:
        return ", ".join(self._part_of_label(part, lags) for part in (key if isinstance(key, tuple) else (key,)))

    def _part_of_label(self, part: object, lags: Mapping[str, str]) -> str:
        if isinstance(part, Note):
            return self.words.cell(part)
        name = self.words(str(part), lags.get(str(part), ""))
        return self.words.cell(name) if name == str(part) else name

    def _head(self, name: object) -> str:
        words = self.words(str(name))
        if self.language is None:
            return words
        # a short name such as f is another number in another table
        own = f"{self.name}_{name}"
        return self.words.word(words) if (word := self.words.word(own)) == own else word

    def _cell(self, value: object) -> str:
        if not isinstance(value, float | int | np.floating | np.integer):
            return self.words.cell(value if isinstance(value, Note) else str(value))
        if not np.isfinite(value):
            # an interval can be unbounded; a number that does not exist is left out
            return unbounded(float(value))
        return number_text(float(value), self.decimals)


def refuse_unknown_columns(columns: Sequence[str], frame: pd.DataFrame) -> None:
    """Raise a `ConfigError` if a table lacks a column that a report names."""
    unknown = [column for column in columns if column not in frame.columns]
    if unknown:
        facts = {"unknown": cut(unknown), "columns": cut(frame.columns)}
        raise ConfigError(Note("report_unknown_columns", key="report.columns", **facts))


def _lags(result: Result) -> dict[str, str]:
    """Return the rows that a table may have of spatial lags, each with what it is the lag of."""
    roles = zip(result.terms, result.roles, strict=False)
    lags = {term: role.of for term, role in roles if role.kind == "lag_x"}
    return lags | {f"W_{result.y}": result.y for role in result.roles if role.kind == "lag_y"}


def _maker(table: str) -> Note | str:
    """Return which diagnostic makes a table; empty if none among the configurations does."""
    makers = []
    for path in sorted(path for folder in folders() for path in folder.glob("diagnostic/*.yaml")):
        with suppress(yaml.YAMLError, OSError, UnicodeDecodeError):
            node = yaml.safe_load(path.read_text(encoding="utf-8"))
            module, _, name = str(node.get("_target_") if isinstance(node, dict) else "").rpartition(".")
            # a class that is not loaded cannot have made a table of this report
            if table in getattr(getattr(sys.modules.get(module), name, None), "table_names", ()):
                makers.append(f"diagnostic={path.stem}")
    options = list(dict.fromkeys(makers))
    return Note("add_diagnostic", options=" or ".join(options)) if options else ""
