"""Coefficients and effects with their intervals, as pictures with a table of the numbers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Literal

import numpy as np
import pandas as pd

from digicarbon.errors import ConfigError
from digicarbon.note import Note
from digicarbon.report.base import Record, Table, notes_of
from digicarbon.report.focal import text_of
from digicarbon.report.labels import Labels
from digicarbon.report.picture import interval_numbers, no_letters, plot_bands, plot_coefficients, plot_effects
from digicarbon.report.pictured import Pictured, level_note, number, results_of
from digicarbon.report.regimes import terms_in_words
from digicarbon.report.rows import interval_text
from digicarbon.report.summary import coefficients
from digicarbon.result import EFFECTS, Result, RoleKind, effect_names
from digicarbon.spec import Names

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from digicarbon.report.picture import NamedFrame

PARAMETERS: tuple[RoleKind, ...] = ("past_y", "past_lag_y", "lag_y", "lag_error")
"""Kinds of terms without which effects cannot be understood."""


class IntervalPicture(Pictured):
    """Coefficients or effects with their intervals, terms by runs, as a picture and a table.

    Attributes
    ----------
    quantity : {"coefficient", "effects"}
        Coefficients, or the effects of models that have some, e.g. direct, indirect and total ones.
    terms : tuple of str
        Terms to show; empty takes the focal ones. The table of their coefficients then has the parameters of space and
        of the past, and the effects, below them.
    most_runs : int
        Up to how many runs are listed below each other. With more, the table counts signs, and there is no picture.
    """

    quantity: Literal["coefficient", "effects"] = "coefficient"
    terms: Names = ()

    def table(self, title: str, records: Sequence[Record]) -> Table:
        """Return a row for each estimate in the picture, and for what belongs to it, see ``terms``."""
        if len(records) > self.most_runs:
            return coefficients(title, records, 0.05, self.decimals, self.words, self.multiverse)
        named = terms_in_words(records, self.words)
        results = results_of(named.records, self.words)
        effects, terms = effect_names(results.values()), named.of(self.terms)
        quantities = (effects or EFFECTS) if self.quantity == "effects" else ("coefficient",)
        parts = [(quantity, interval_numbers(results, quantity, terms)) for quantity in quantities]
        if self.quantity == "coefficient" and not self.terms:
            parts += self._below(results)
        head = "coefficient" if {quantity for quantity, _ in parts} == {"coefficient"} else "estimate"
        cells = pd.concat([self._cells(quantity, numbers, named.words, head) for quantity, numbers in parts])
        rules = tuple(np.cumsum([len(numbers) for _, numbers in parts])[:-1].tolist())
        letters = no_letters(map(named.words, parts[0][1].index.get_level_values("term")), self.language or "en")
        notes = self.words.notes((*level_note(results), *letters, *notes_of(records)))
        return Table(title, cells, rules, notes, language=self.words.spoken)

    def drawn(self, title: str, records: Sequence[Record]) -> Iterable[tuple[str, Figure]]:
        """Return the picture ``coefficients`` or ``effects``."""
        name = "effects" if self.quantity == "effects" else "coefficients"
        return [(name, interval_figure(self, name, title, records, self.terms))]

    def _below(self, results: Mapping[str, Result]) -> list[tuple[str, pd.DataFrame]]:
        """Return the numbers of parameters of space and of the past, and of focal terms' effects that rest on them."""
        terms = tuple(dict.fromkeys(term for result in results.values() for term in result.terms_of(*PARAMETERS)))
        spatial = {run: result for run, result in results.items() if result.terms_of(*PARAMETERS)}
        effects = [
            name
            for name in effect_names(spatial.values())
            if any(set(result.effects_of(name)[0]).intersection(result.focal) for result in spatial.values())
        ]
        parts = [("coefficient", interval_numbers(spatial, "coefficient", terms))] if terms else []
        return [*parts, *((name, interval_numbers(spatial, name)) for name in effects)]

    def _cells(self, quantity: str, numbers: pd.DataFrame, words: Labels, head: str) -> pd.DataFrame:
        effect = "" if quantity == "coefficient" else f"{self.words.word(quantity)}, "
        labels = [f"{effect}{words(str(term))}, {run}" for term, run in numbers.index]
        texts = numbers[["coef", "se", "p", "low", "high"]].map(lambda value: number(value, self.decimals))
        heads = (head, "se", "p", "low", "high")
        return texts.set_axis([self.words.word(head) for head in heads], axis=1).set_axis(labels, axis=0)


def interval_figure(report: Pictured, name: str, title: str, records: Sequence[Record], terms: Names = ()) -> Figure:
    """Return a picture of coefficients, or of ``effects``, of all records."""
    draw = plot_effects if name == "effects" else plot_coefficients
    named = terms_in_words(records, report.words)
    frame: NamedFrame = {**report.frame(title, records), "naming": named.words}
    return draw(results_of(named.records, report.words), named.of(terms), **frame)


class BandTable(Pictured):
    """Effects by the distance up to which regions are neighbours: a sweep over the threshold of a distance band.

    Attributes
    ----------
    key : str
        The setting that varies.
    terms : tuple of str
        Empty takes the focal ones.
    pictures : tuple of {"png", "svg", "pdf"}
        Formats; empty for none. One picture for each combination of the other settings.
    """

    key: str = "weights.threshold"
    terms: Names = ()

    def table(self, title: str, records: Sequence[Record]) -> Table:
        """Return a row for each band and term, with its effects or the coefficient.

        Raises ConfigError if a run does not vary the key by numbers, or no run has a focal term.
        """
        groups = self._groups(records)
        if len(records) > self.most_runs:
            return coefficients(title, records, 0.05, self.decimals, self.words, self.multiverse)
        rows: dict[str, dict[str, str]] = {}
        for name, by_band in groups.items():
            results = {f"{band:g}": result for band, result in sorted(by_band.items())}
            for quantity in effect_names(results.values()) or ("coefficient",):
                numbers = interval_numbers(results, quantity, self.terms)
                for term, band, coef, low, high in zip(
                    *(numbers.index.get_level_values(level) for level in ("term", "run")),
                    *(numbers[column] for column in ("coef", "low", "high")),
                    strict=True,
                ):
                    distance = self.words.word("kilometres").format(value=band)
                    label = ", ".join(filter(None, (self.words.head(name), self.words(term), distance)))
                    cell = f"{number(coef, self.decimals)} {interval_text(low, high, self.decimals)}"
                    rows.setdefault(label, {})[self.words.word(quantity)] = cell.rstrip()
        cells = pd.DataFrame.from_dict(rows, orient="index").fillna("")
        results = results_of(records, self.words)
        notes = self.words.notes((*level_note(results), *notes_of(records)))
        return Table(title, cells, notes=notes, language=self.words.spoken)

    def drawn(self, title: str, records: Sequence[Record]) -> Iterator[tuple[str, Figure]]:
        """Yield a picture for each combination of the other settings."""
        for name, by_band in self._groups(records).items():
            head = ": ".join(filter(None, [title, self.words.head(name)]))
            figure = plot_bands(by_band, self.terms, **self.named_frame(head, records))
            yield "_".join(filter(None, ["bands", name])), figure

    def _groups(self, records: Sequence[Record]) -> dict[str, dict[float, Result]]:
        """Return results by threshold, for each combination of the other settings."""
        groups: dict[str, dict[float, Result]] = {}
        for record in records:
            band = record.varied.get(self.key)
            if isinstance(band, bool) or not isinstance(band, int | float):
                raise ConfigError(
                    Note("band_is_no_number", key="report", run=record.label, setting=self.key, value=repr(band))
                )
            others = [f"{key}={text_of(value)}" for key, value in record.varied.items() if key != self.key]
            groups.setdefault(", ".join(others), {})[float(band)] = record.result
        return groups
