"""Effects of each unit of a spatial model as a table and maps."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
import pandas as pd
from pydantic import Field

from digicarbon.errors import ConfigError
from digicarbon.note import Note, cut, suggestion
from digicarbon.report.base import MOST_RUNS, MostRuns, Record, Report, Table, attributed, heads
from digicarbon.report.maps import MOST_REGIONS, outline_files, outline_notes
from digicarbon.report.picture import Words, drawable, long_names, no_letters, plot_map
from digicarbon.report.pictured import Formats, files_of, number

EFFECTS = ("own effect", "received", "sent")


class LocalEffectTable(Report):
    """Each unit's own effect, what it receives and sends, and where a change in one unit is felt, with maps.

    Attributes
    ----------
    shock : str or None
        A unit in which x changes: a column and a map show where that is felt.
    errors : bool
        Whether standard errors stand beside effects.
    shapes, key, classes, scheme
        As in `digicarbon.report.maps.MapTable`.
    decimals : int
        Digits after the decimal point.
    pictures : tuple of {"png", "svg", "pdf"}
        Formats; empty for none.
    most_runs : int
        Up to how many runs are shown.
    """

    shock: str | None = None
    errors: bool = True
    shapes: str | None = None
    key: str | None = None
    classes: Annotated[int, Field(ge=2, le=9)] = 5
    scheme: Literal["quantiles", "equal"] = "quantiles"
    decimals: Annotated[int, Field(ge=0, le=12)] = 4
    pictures: Formats = ("png", "svg")
    most_runs: MostRuns = MOST_RUNS

    @property
    def reads(self) -> tuple[Path, ...]:
        """The files of the map."""
        return outline_files(self.shapes)

    def table(self, title: str, records: Sequence[Record]) -> Table:
        """Return a row for each unit, its effects side by side; for very many units, quantiles of the effects.

        Raises
        ------
        ConfigError
            If no run has such effects, or what a change in ``shock`` does is not kept.
        """
        if len(records) > self.most_runs:
            raise ConfigError(Note("too_many_maps", key="report", runs=len(records)))
        having = [record for record in records if "local_effects" in record.result.tables]
        if not having:
            raise ConfigError(Note("no_local_effects", key="report"))
        columns: dict[str, pd.Series] = {}
        every = dict.fromkeys(term for record in having for term, _ in self._terms(record))
        for name, record in zip(heads(having, self.words), having, strict=True):
            for term, frame in self._terms(record):
                head = [name] if len(having) > 1 else []
                # a single term stands above the names of units
                head += [self.words(term)] if len(every) > 1 else []
                for effect in EFFECTS:
                    columns[", ".join([*head, self.words.word(effect)])] = self._texts(_rows(frame, effect))
                felt = self._felt(record, term)
                if felt is not None and self.shock is not None:
                    unit = _called(self.shock, frame, self.language or "en")
                    words = self.words.word("felt in").format(unit=unit)
                    columns[", ".join([*head, words])] = self._texts(felt)
        cells = pd.DataFrame(columns).fillna("")
        own: list[Note] = []
        if len(cells) > MOST_REGIONS:
            cells = self._quantiles(having)
            own.append(Note("local_summary", most=MOST_REGIONS))
        else:
            cells = cells.set_axis(long_names([str(unit) for unit in cells.index], self.language or "en"), axis=0)
        if self.shock is not None:
            first = next(frame for record in having for _, frame in self._terms(record))
            own.append(Note("shock_felt", unit=_called(self.shock, first, self.language or "en")))
        notes = attributed([(record.label, record.result.notes) for record in having])
        letters = no_letters([*map(self.words, every), *map(str, cells.index)], self.language or "en")
        return Table(
            title,
            cells,
            notes=self.words.notes((*own, *outline_notes(self.shapes), *letters, *notes)),
            language=self.words.spoken,
            corners=(self.words(next(iter(every))),) if len(every) == 1 else (),
        )

    def files(self, title: str, records: Sequence[Record]) -> Mapping[str, bytes]:
        """Return a map of each run's own effects by term, and one of where the change is felt."""
        files: dict[str, bytes] = {}
        words = Words(self.language or "en", self.words)
        alone = len(records) == 1
        for record in records if self.pictures and len(records) <= self.most_runs else ():
            # a run alone is called by the experiment's name, which its title says in words
            above = title if alone else self.words.head(record.label) or title
            for term, frame in self._terms(record) if "local_effects" in record.result.tables else ():
                parts = {effect: _rows(frame, effect)["coef"] for effect in EFFECTS}
                files |= self._map(f"local_effects_{term}_{record.label}", record, above, parts, words(term))
                felt = self._felt(record, term)
                if felt is not None and self.shock is not None:
                    head = words.say("change in", unit=drawable(_called(self.shock, frame, words.language)))
                    name = f"shock_{self.shock}_{term}_{record.label}"
                    files |= self._map(name, record, above, {term: felt["coef"]}, head)
        return files

    def _map(
        self, name: str, record: Record, title: str, parts: Mapping[str, pd.Series], beside: str
    ) -> dict[str, bytes]:
        """Return a picture with a map for each series."""
        frames = {part: values.to_frame("value") for part, values in parts.items()}
        table = pd.concat({part: pd.concat({beside: frame}) for part, frame in frames.items()})
        figure = plot_map(
            table,
            shapes=self.shapes,
            key=self.key,
            classes=self.classes,
            scheme=self.scheme,
            title=title,
            simulated=record.simulated,
            language=self.language or "en",
            dark="large",
            naming=lambda part: self.words.word(part) if part in EFFECTS else self.words(part),
        )
        return files_of(name, figure, self.pictures)

    def _terms(self, record: Record) -> Iterator[tuple[str, pd.DataFrame]]:
        """Yield each term and its effects, index effect and unit."""
        frame = record.result.tables["local_effects"]
        for term in dict.fromkeys(frame.index.get_level_values(0)):
            yield str(term), _rows(frame, str(term))

    def _felt(self, record: Record, term: str) -> pd.DataFrame | None:
        """Return what a change in the unit does; None where the report names none."""
        if self.shock is None:
            return None
        known = list(dict.fromkeys(map(str, record.result.tables["local_effects"].index.get_level_values(-1))))
        if self.shock not in known:
            hint = suggestion(self.shock, known)
            raise ConfigError(Note("shock_unknown_unit", key="report.shock", unit=self.shock, hint=hint))
        frame = record.result.tables.get("shocks")
        if frame is None:
            raise ConfigError(Note("no_shocks_kept", key="report.shock", run=record.label))
        units = list(dict.fromkeys(map(str, frame.index.get_level_values(1))))
        if self.shock not in units:
            raise ConfigError(
                Note("shock_not_kept", key="report.shock", run=record.label, unit=self.shock, units=cut(units))
            )
        return _rows(_rows(frame, term), self.shock)

    def _texts(self, frame: pd.DataFrame) -> pd.Series:
        coef = frame["coef"].map(lambda value: number(value, self.decimals))
        if not self.errors:
            return coef
        return coef + " (" + frame["se"].map(lambda value: number(value, self.decimals)) + ")"

    def _quantiles(self, records: Sequence[Record]) -> pd.DataFrame:
        columns = {}
        for name, record in zip(heads(records, self.words), records, strict=True):
            for term, frame in self._terms(record):
                for effect in EFFECTS:
                    head = [name] if len(records) > 1 else []
                    label = ", ".join([*head, self.words(term), self.words.word(effect)])
                    values = _rows(frame, effect)["coef"].to_numpy(dtype=np.float64)
                    columns[label] = [number(value, self.decimals) for value in np.quantile(values, QUARTERS)]
        return pd.DataFrame(columns, index=[f"{share:.0%}" for share in QUARTERS])


def _called(unit: str, frame: pd.DataFrame, language: str) -> str:
    """Return what a unit is called beside the others, which are the last level of the index."""
    units = list(dict.fromkeys(map(str, frame.index.get_level_values(-1))))
    return dict(zip(units, long_names(units, language), strict=True)).get(unit, unit)


def _rows(frame: pd.DataFrame, label: str) -> pd.DataFrame:
    """Return the rows of a label of the first level of the index."""
    return frame[frame.index.get_level_values(0) == label].droplevel(0)


QUARTERS = (0.0, 0.25, 0.5, 0.75, 1.0)
