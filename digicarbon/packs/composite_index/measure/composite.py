"""The base of all indices that combine several indicators."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import model_validator

from digicarbon.arrays import FloatArray
from digicarbon.disk.cells import plain_table
from digicarbon.errors import DataError
from digicarbon.measure.base import Measure, numbers
from digicarbon.note import Note, cut, suggestion
from digicarbon.numeric.accounts.indicators import varies
from digicarbon.source import Inputs
from digicarbon.spec import Definition, Names

Direction = Literal["positive", "negative"]
"""Whether a higher value of an indicator means more digital, or less."""


@dataclass(frozen=True, eq=False)
class Index:
    """An index of n rows from k indicators, and its inputs.

    ``values``, shape (n,). ``normalised``, shape (n, k): the indicators on one scale. ``tables``: weights and the like,
    by name.
    """

    values: FloatArray
    normalised: FloatArray
    tables: Mapping[str, pd.DataFrame]


class CompositeIndex(Measure):
    """An index made of indicators; a kind of index defines `combine`.

    Attributes
    ----------
    indicators : mapping of str to {"positive", "negative"}
        Columns of the source and their directions, at least two.
    name : str
        The name of the index's column.
    per_capita : tuple of str
        Indicators that are divided by the series ``population`` first.
    by : {"panel", "year"}
        Whether ranges and weights come from all rows of the source, so that years are comparable, or from each
        year separately. Rows outside of the panel's span and sample count as well.
    missing : {"refuse", "drop"}
        Whether a row that lacks an indicator is an error, or has no index and is ignored for the others.
    """

    origin: ClassVar[str] = ""
    """The work that defines this kind of index, for codebooks."""
    symbols: ClassVar[tuple[Note, ...]] = ()
    """What the symbols of its formula mean."""

    indicators: dict[str, Direction]
    name: str = "index"
    per_capita: Names = ()
    by: Literal["panel", "year"] = "panel"
    missing: Literal["refuse", "drop"] = "refuse"

    @model_validator(mode="after")
    def _names_fit(self) -> Self:
        if len(self.indicators) < 2:
            names = cut(self.indicators) or Note("index_of_nothing")
            example = "indicators={a: positive, b: negative}"
            raise ValueError(Note("index_needs_two", key="indicators", example=example, given=names))
        self._refuse_strangers(self.per_capita, "per_capita")
        if self.name in ("", "unit", "time", *self.indicators):
            raise ValueError(Note("index_name_taken", key="name", name=self.name))
        return self

    def combine(self, values: FloatArray, names: Sequence[str], negative: NDArray[np.bool_]) -> Index:
        """Return the index of some rows.

        Parameters
        ----------
        values : ndarray, shape (n, k)
            Finite; n is at least 2 and no column is constant.
        names : sequence of str
            The k indicators.
        negative : ndarray of bool, shape (k,)
            Whether a lower value means more digital.
        """
        raise TypeError(f"{type(self).__name__} does not say how indicators become an index; define `combine`.")

    def compute(self, inputs: Inputs) -> pd.DataFrame:
        """Return unit, time and the index; not-a-number for rows that lack an indicator, if these are allowed.

        Raises DataError if an indicator is missing, holds text, lacks a value where that is refused, or does not vary.
        """
        return self._tables(inputs)["index.csv"]

    def artifacts(self, inputs: Inputs) -> Mapping[str, str]:
        """Return ``indicators.csv`` (raw), ``normalised.csv``, ``index.csv`` and the tables of the kind of index.

        Errors are those of `compute`.
        """
        return {
            name: plain_table(table).to_csv(index=False, lineterminator="\n")
            for name, table in self._tables(inputs).items()
        }

    def definitions(self) -> Mapping[str, Definition]:
        """Return the formula of the index, with the words of its note."""
        return {self.name: Definition(self._formula(), (self._index_note(), *self.symbols), "", self.origin)}

    def _formula(self) -> str:
        """Return the formula of the index in its indicators x_j and their weights; empty if the kind has none."""
        return ""

    def _index_note(self) -> Note:
        parts = cut((self._indicator(name, direction) for name, direction in self.indicators.items()), 40)
        rows = Note("all_rows") if self.by == "panel" else Note("each_year")
        return Note("index", index=self.name, what=self._what(), indicators=parts, rows=rows)

    def notes(self, inputs: Inputs) -> tuple[Note, ...]:
        """Return the note on the index's indicators, and further notes."""
        notes = [self._index_note()]
        if self.missing == "drop":
            incomplete = int((~np.isfinite(self._raw(inputs, list(self.indicators))[1]).all(axis=1)).sum())
            notes.append(Note("rows_without_index", rows=incomplete, every=len(inputs.frame), index=self.name))
        if self.per != "none":
            notes.append(Note("index_without_unit", index=self.name, per=self.per))
        return (*notes, *super().notes(inputs))

    def _indicator(self, name: str, direction: str) -> Note:
        """Return an indicator with its direction."""
        if name in self.per_capita:
            return Note("positive_per_head" if direction == "positive" else "negative_per_head", indicator=name)
        return Note("positive" if direction == "positive" else "negative", indicator=name)

    def _what(self) -> Note:
        """Return the kind of index."""
        return Note("any_index")

    def _refuse_strangers(self, names: Sequence[str], field: str) -> None:
        unknown = [name for name in names if name not in self.indicators]
        if unknown:
            raise ValueError(
                Note(
                    "index_strangers",
                    key=field,
                    names=cut(unknown),
                    hint=suggestion(unknown[0], self.indicators),
                    indicators=cut(self.indicators, 40),
                )
            )

    def _tables(self, inputs: Inputs) -> dict[str, pd.DataFrame]:
        """Return the index and its inputs, as tables by file name."""
        names = list(self.indicators)
        keys, raw = self._raw(inputs, names)
        complete = np.asarray(np.isfinite(raw).all(axis=1))
        index, normalised = np.full(len(raw), np.nan), np.full(raw.shape, np.nan)
        tables: dict[str, list[pd.DataFrame]] = {}
        negative = np.array([direction == "negative" for direction in self.indicators.values()])
        for year, rows in self._groups(keys, complete):
            self._refuse_constant(raw[rows], names, year)
            part = self.combine(raw[rows], names, negative)
            self._refuse_cancelled(part, year)
            index[rows], normalised[rows] = part.values, part.normalised
            for name, table in part.tables.items():
                tables.setdefault(f"{name}.csv", []).append(table if year is None else table.assign(time=year))
        return {
            "indicators.csv": keys.assign(**dict(zip(names, raw.T, strict=True))),
            "normalised.csv": keys.assign(**dict(zip(names, normalised.T, strict=True))),
            "index.csv": keys.assign(**{self.name: index}),
            **{name: pd.concat(parts, ignore_index=True) for name, parts in tables.items()},
        }

    def _raw(self, inputs: Inputs, names: Sequence[str]) -> tuple[pd.DataFrame, FloatArray]:
        """Return the keys and the indicators, shape (rows, k), after gaps are refused or kept."""
        population = ["population"] if self.per_capita else []
        table = inputs.series(dict.fromkeys([*names, *population]), "measure.indicators").reset_index(drop=True)
        values = {name: numbers(table, name, inputs.source) for name in table.columns if name not in ("unit", "time")}
        if population:
            people = np.where(values["population"] > 0, values["population"], np.nan)
            values |= {name: values[name] / people for name in self.per_capita}
        raw = np.column_stack([values[name] for name in names])
        keys = table[["unit", "time"]]
        if self.missing == "refuse":
            self._refuse_gaps(keys, raw, names, inputs.source)
        return keys, raw

    def _refuse_gaps(self, keys: pd.DataFrame, raw: FloatArray, names: Sequence[str], source: str) -> None:
        for place, name in enumerate(names):
            gaps = keys[~np.isfinite(raw[:, place])]
            if len(gaps):
                raise DataError(
                    Note(
                        "index_gaps",
                        key="measure.indicators",
                        indicator=name,
                        head=Note("index_per_head") if name in self.per_capita else "",
                        source=source,
                        cells=cut(Note("cell", parts=cell) for cell in zip(gaps["unit"], gaps["time"], strict=True)),
                    )
                )

    def _groups(
        self, keys: pd.DataFrame, complete: NDArray[np.bool_]
    ) -> list[tuple[int | str | None, NDArray[np.intp]]]:
        """Return groups of rows that share ranges and weights, with the year if each group is a year."""
        if self.by == "panel":
            return [(None, np.flatnonzero(complete))]
        years = keys.loc[complete, "time"].dropna().drop_duplicates()
        return [(year, np.flatnonzero(complete & (keys["time"] == year).to_numpy())) for year in years]

    def _refuse_cancelled(self, index: Index, year: object) -> None:
        """Raise if rows of the index differ by rounding only, as scaled indicators between 0 and 1 may cancel."""
        if not varies(index.values):
            raise DataError(
                Note(
                    "index_cancelled",
                    key="measure.indicators",
                    index=self.name,
                    value=index.values[0],
                    when=_in_year(year),
                )
            )

    def _refuse_constant(self, values: FloatArray, names: Sequence[str], year: object) -> None:
        when, otherwise = _in_year(year), "" if year is None else Note("or_by_panel")
        if len(values) < 2:
            raise DataError(Note("index_of_few_rows", key="measure.indicators", when=when, otherwise=otherwise))
        for name, column in zip(names, values.T, strict=True):
            if varies(column):
                continue
            raise DataError(
                Note(
                    "index_constant",
                    key="measure.indicators",
                    indicator=name,
                    value=column[0],
                    when=when,
                    otherwise=otherwise,
                )
            )


def scale(shift: float) -> str:
    """Return the formula of an indicator on a min-max scale."""
    more = f" + {shift:g}" if shift else ""
    span = f"/ (max x_j - min x_j){more}"
    return f"z_ij = (x_ij - min x_j) {span}, (-): z_ij = (max x_j - x_ij) {span}"


def _in_year(year: object) -> Note | str:
    return "" if year is None else Note("index_in_year", year=year)
