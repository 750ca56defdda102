"""A regression table of models with products: coefficients, then effects along a moderator."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from digicarbon.errors import ConfigError
from digicarbon.note import Note
from digicarbon.packs.moderation.diagnostic.marginal_effects import BANDS, SIGNS, SUMMARY
from digicarbon.packs.moderation.picture.marginal import plot_effects_along
from digicarbon.report.base import Record, Table
from digicarbon.report.heads import heads_of
from digicarbon.report.pictured import Formats
from digicarbon.report.regression import RegressionTable, with_block

if TYPE_CHECKING:
    from matplotlib.figure import Figure

NAME = "johnson_neyman"
LINES = "marginal_effects"
TEST = "no product matters"


class MarginalEffectTable(RegressionTable):
    """The table of coefficients with effects along a moderator below, and a picture of each run's effect."""

    pictures: Formats = ("png", "svg")

    def table(self, title: str, records: Sequence[Record]) -> Table:
        """Return the table; a run without effects along a moderator is a ConfigError."""
        above = super().table(title, records)
        if len(records) > self.most_runs:
            tables = ((record, _table(record, NAME).drop(columns=["note", "given"])) for record in records)
            return self._with_summary(above, "Effects along a moderator", tables)
        frames = [_table(record, NAME) for record in heads_of(list(records), self.heads, self.words).records]
        return with_block(above, list(self._lines(frames)))

    def drawn(self, title: str, records: Sequence[Record]) -> Iterator[tuple[str, Figure]]:
        """Yield a picture of each run's effects."""
        for record in records:
            panel = None if record.panel is None else record.panel()
            frame = self.named_frame(self.words.head(record.label), [record])
            figure = plot_effects_along(_table(record, LINES), record.result, panel, **frame)
            yield f"marginal_effects_{record.label}", figure

    def _lines(self, frames: Sequence[pd.DataFrame]) -> Iterator[tuple[str, list[str]]]:
        """Yield the lines: a label and a cell per run; a block for each value of a further variable."""
        most = max(frame["given"].map(_key).nunique() for frame in frames)
        for number in range(most):
            parts = [_part(frame, number) for frame in frames]
            given = [self.words.cell(next(iter(part["given"]), "")) for part in parts]
            if any(given):
                yield self.words.cell("given"), given
            for quantity in SUMMARY:
                rows = _rows(parts, quantity)
                yield self.words.cell(quantity), [self._starred(row) if row else "" for row in rows]
                for kind in self.beneath:
                    yield "", [self._number_below(row, kind) if row else "" for row in rows]
            for band in BANDS:
                rows = _rows(parts, f"significant, {band}")
                words = [self.words.cell(row["note"]) if row else "" for row in rows]
                yield self.words.cell(f"significant, {band}"), words
                label = self.words.cell(f"positive | not significant | negative, {band}")
                yield label, ["" if part.empty else _shares(part, band) for part in parts]
        tests = [self._number(float(dict(_part(frame, 0).loc[TEST])["p"])) for frame in frames]
        yield self.words.cell(f"{TEST}, p"), tests


def _table(record: Record, name: str) -> pd.DataFrame:
    table = record.result.tables.get(name)
    if table is None:
        raise ConfigError(Note("run_without_marginal_effects", key="report", run=record.label))
    return table


def _key(given: object) -> str:
    return given.text("en") if isinstance(given, Note) else str(given)


def _part(frame: pd.DataFrame, number: int) -> pd.DataFrame:
    """Return the rows of one value of a further variable; none where there are fewer."""
    keys = frame["given"].map(_key)
    values = list(dict.fromkeys(keys))
    return frame[(keys == values[number]).to_numpy()] if number < len(values) else frame.iloc[:0]


def _rows(parts: Sequence[pd.DataFrame], quantity: str) -> list[dict[str, Any]]:
    """Return the row of a quantity in each part; an empty one for an empty part."""
    return [{} if part.empty else {str(name): value for name, value in part.loc[quantity].items()} for part in parts]


def _shares(part: pd.DataFrame, band: str) -> str:
    """Return the shares of the observations with a positive, no and a negative significant effect."""
    shares = []
    for sign in (1, 0, -1):
        rows = part.loc[part.index == f"{SIGNS[sign]} in the sample, {band}", "share"]
        shares.append(f"{float(np.sum(rows)):.0%}")
    return " | ".join(shares)
