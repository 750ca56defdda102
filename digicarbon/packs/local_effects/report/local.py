"""Effects of each unit of a spatial model as a table and maps."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from digicarbon.errors import ConfigError
from digicarbon.note import Note, cut
from digicarbon.packs.local_effects.diagnostic.local_effects import LOCAL as EFFECTS
from digicarbon.packs.local_effects.diagnostic.local_effects import refuse_unknown_unit
from digicarbon.report.base import Record, Table, attributed, heads
from digicarbon.report.on_map import MOST_REGIONS, ClassMap, outline_notes
from digicarbon.report.picture import Words, drawable, long_names, no_letters, plot_map
from digicarbon.report.pictured import number

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from digicarbon.report.picture import NamedFrame


class LocalEffectTable(ClassMap):
    """Each unit's own effect, what it receives and sends, and where a change in one unit is felt, with maps.

    Attributes
    ----------
    shock : str or None
        A unit in which x changes: a column and a map show where that is felt.
    errors : bool
        Whether standard errors stand beside effects.
    """

    shock: str | None = None
    errors: bool = True

    def table(self, title: str, records: Sequence[Record]) -> Table:
        """Return a row for each unit, its effects side by side; for very many units, quantiles of the effects.

        Raises ConfigError if no run has such effects, or what a change in ``shock`` does is not kept.
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
                    unit = _called(self.shock, frame, self.words.spoken)
                    words = self.words.word("felt in").format(unit=unit)
                    columns[", ".join([*head, words])] = self._texts(felt)
        cells = pd.DataFrame(columns).fillna("")
        remarks: list[Note] = []
        if len(cells) > MOST_REGIONS:
            cells = self._quantiles(having)
            remarks.append(Note("local_summary", most=MOST_REGIONS))
        else:
            cells = cells.set_axis(long_names([str(unit) for unit in cells.index], self.words.spoken), axis=0)
        if self.shock is not None:
            first = next(frame for record in having for _, frame in self._terms(record))
            remarks.append(Note("shock_felt", unit=_called(self.shock, first, self.words.spoken)))
        notes = attributed([(record.label, record.result.notes) for record in having])
        letters = no_letters([*map(self.words, every), *map(str, cells.index)], self.words.spoken)
        return Table(
            title,
            cells,
            notes=self.words.notes((*remarks, *outline_notes(self.shapes), *letters, *notes)),
            language=self.words.spoken,
            corners=(self.words(next(iter(every))),) if len(every) == 1 else (),
        )

    def drawn(self, title: str, records: Sequence[Record]) -> Iterator[tuple[str, Figure]]:
        """Yield a map of each run's own effects by term, and one of where the change is felt."""
        words = Words(self.words.spoken, self.words)
        alone = len(records) == 1
        for record in records:
            # a run alone is called by the experiment's name, which its title says in words
            above = title if alone else self.words.head(record.label) or title
            for term, frame in self._terms(record) if "local_effects" in record.result.tables else ():
                parts = {effect: _rows(frame, effect)["coef"] for effect in EFFECTS}
                yield f"local_effects_{term}_{record.label}", self._map(record, above, parts, words(term))
                felt = self._felt(record, term)
                if felt is not None and self.shock is not None:
                    head = words.say("change in", unit=drawable(_called(self.shock, frame, words.language)))
                    figure = self._map(record, above, {term: felt["coef"]}, head)
                    yield f"shock_{self.shock}_{term}_{record.label}", figure

    def _map(self, record: Record, title: str, parts: Mapping[str, pd.Series], beside: str) -> Figure:
        """Return a picture with a map for each series."""
        frames = {part: values.to_frame("value") for part, values in parts.items()}
        table = pd.concat({part: pd.concat({beside: frame}) for part, frame in frames.items()})
        where: dict[str, Any] = {name: getattr(self, name) for name in ("shapes", "key", "classes", "scheme")}
        frame: NamedFrame = {
            **self.frame(title, [record]),
            "naming": lambda part: self.words.word(part) if part in EFFECTS else self.words(part),
        }
        return plot_map(table, dark="large", **where, **frame)

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
        refuse_unknown_unit(self.shock, known, "report.shock")
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
