"""Effects of policies by event time: a picture with estimators side by side, the roll-out, and a table."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated

import numpy as np
import pandas as pd
from pydantic import Field

from digicarbon.errors import ConfigError
from digicarbon.note import Note
from digicarbon.packs.policies.picture.event_study import event_critical, event_numbers, plot_event_study, plot_rollout
from digicarbon.report.base import Decimals, Record, Table, attributed
from digicarbon.report.heads import Heads, heads_of
from digicarbon.report.picture import event_label, no_letters
from digicarbon.report.pictured import Band, Pictured, ends, level_note, number, results_of
from digicarbon.report.regimes import of_mean
from digicarbon.report.rows import interval_text, number_text
from digicarbon.report.summary import coefficients
from digicarbon.result import SHOWN, Result
from digicarbon.spec import Names

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MOST_STUDIES = 8
"""How many runs have markers that are told apart."""


def rows_of(result: Result) -> dict[int, dict[str, float]]:
    """Return the effects of a result by event time, each with its numbers by name, see `event_numbers`."""
    table = event_numbers(result)
    numbers = zip(table.index.tolist(), table.astype(float).to_numpy().tolist(), strict=True)
    return {int(event): dict(zip(table.columns, row, strict=True)) for event, row in numbers}


def _units(result: Result, event: int) -> str:
    """Return how many units under the policy a result has at an event time; empty if it has no such event time."""
    table = result.tables.get("event_units")
    return "" if table is None or event not in table.index else f"{int(table['units'].loc[event])}"


def _mean(result: Result) -> str:
    """Return over what the overall effect is a mean; empty where a result does not say."""
    return next((result.means[term] for term in result.focal if term in result.means), "")


class EventStudy(Pictured):
    """Effects of a policy by event time and the units behind each, per run; pictures of effects and of the roll-out.

    Attributes
    ----------
    band : {"pointwise", "uniform"}
        Intervals in the table: of each event time by itself, or the band that holds all of them. The picture has both.
    statistics : tuple of str
        Rows below the effects; one that no run has is left out.
    rollout : bool
        Whether there is a picture of who comes under the policy when.
    most_runs : int
        Up to how many runs stand side by side. With more, the table counts signs, and there is no picture.
    """

    decimals: Decimals = 3
    band: Band = "pointwise"
    statistics: Names = ("pretest_p", "nobs", "n_treated", "n_never")
    rollout: bool = True
    most_runs: Annotated[int, Field(ge=1, le=MOST_STUDIES)] = MOST_STUDIES

    def table(self, title: str, records: Sequence[Record]) -> Table:
        """Return the overall effect, a row for each event time in the picture, and how many units each has."""
        if len(records) > self.most_runs:
            return coefficients(title, records, 0.05, self.decimals, self.words, self.multiverse)
        heads = heads_of(list(records), None, self.words)
        results = [record.result for record in heads.records]
        tables: list[Mapping[int, Mapping[str, float]]] = [rows_of(result) for result in results]
        events = sorted({event for table in tables for event in table})
        if not events:
            raise ConfigError(Note("no_event_times"))
        rows = []
        for mean in dict.fromkeys(map(_mean, results)):
            cells = [self._overall(result) if _mean(result) == mean else "" for result in results]
            rows.append((of_mean(self.words.word("overall effect"), mean, self.words), cells))
        overall = len(rows)
        rows.append((self.words.word("effect at event time"), [""] * len(results)))
        labels = {
            event: event_label(event, [one for one, table in zip(results, tables, strict=True) if event in table])
            for event in events
        }
        for event in events:
            cells = [self._cell(table[event]) if event in table else "" for table in tables]
            rows.append((labels[event], cells))
        units = len(rows)
        # results of earlier versions have none
        if any("event_units" in result.tables for result in results):
            rows.append((self.words.word("units at event time"), [""] * len(results)))
            rows += [(labels[event], [_units(result, event) for result in results]) for event in events]
        below = len(rows)
        critical = [number_text(event_critical(result), self.decimals) for result in results]
        rows.append((self.words.word("uniform_critical"), critical))
        for name in self.statistics:
            cells = [number_text(result.statistics.get(name), self.decimals) for result in results]
            rows += [(self.words.word(name), cells)] if any(cells) else []
        names = tuple(record.label for record in heads.records)
        cells_frame = pd.DataFrame(
            [cells for _, cells in rows], index=[label for label, _ in rows], columns=heads.lowest
        )
        return Table(
            title,
            cells_frame,
            rules=tuple(sorted({overall, units, below})),
            notes=self._notes(heads),
            spanners=heads.spanners,
            blocks=(overall,) if units == below else (overall, units),
            language=self.words.spoken,
            corners=heads.corners,
            names=names if names != tuple(heads.lowest) else (),
        )

    def drawn(self, title: str, records: Sequence[Record]) -> Iterator[tuple[str, Figure]]:
        """Yield ``event_study``, and ``rollout`` for the first panel of each policy."""
        runs = list(records)
        frame = self.named_frame(title, runs)
        yield "event_study", plot_event_study(results_of(runs, self.words), **frame)
        panels = {record.result.focal[0]: record.panel for record in reversed(runs) if record.panel is not None}
        for policy, panel in panels.items() if self.rollout else ():
            name = "rollout" if len(panels) == 1 else f"rollout_{policy}"
            yield name, plot_rollout(panel(), policy, **frame)

    def _overall(self, result: Result) -> str:
        numbers = next((numbers for _, numbers in result.focal_numbers("coefficient")), None)
        return "" if numbers is None else self._interval(dict(zip(SHOWN, numbers, strict=True)))

    def _cell(self, row: Mapping[str, float]) -> str:
        if row["of_leads"]:
            return f"0 ({self.words.word('reference of leads')})"
        if row["reference"]:
            return f"0 ({self.words.word('reference')})"
        low, high = ends(self.band)
        return self._interval({**row, "low": row[low], "high": row[high]})

    def _interval(self, row: Mapping[str, float]) -> str:
        ends = interval_text(row["low"], row["high"], self.decimals) if np.isfinite(row["se"]) else ""
        return f"{number(row['coef'], self.decimals)} {ends}".rstrip()

    def _notes(self, heads: Heads) -> tuple[str, ...]:
        results = results_of(heads.records, self.words)
        named = [self.words(term) for result in results.values() for term in result.focal]
        letters = no_letters(named, self.language or "en")
        own = attributed(
            [(owner, record.result.notes) for owner, record in zip(heads.owners, heads.records, strict=True)]
        )
        drawn = any("uniform_critical" in result.statistics for result in results.values())
        banded = not np.isnan([event_critical(result) for result in results.values()]).all()
        band = (
            Note("event_band_uniform" if self.band == "uniform" else "event_band_pointwise"),
            Note("event_band_drawn" if drawn else "event_band_joint"),
        )
        return (*heads.same, *self.words.notes((*level_note(results), *(band if banded else ()), *letters, *own)))
