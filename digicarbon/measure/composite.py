"""What all indices made of a list of indicators have in common."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import model_validator

from digicarbon.arrays import FloatArray
from digicarbon.disk.cells import plain_table
from digicarbon.errors import DataError
from digicarbon.measure._numbers import numbers
from digicarbon.measure.base import Measure
from digicarbon.note import Note, cut, suggestion
from digicarbon.numeric.accounts.indicators import varies
from digicarbon.source import Inputs
from digicarbon.spec import Names

Direction = Literal["positive", "negative"]
"""Whether more of an indicator is more digital, or less."""


@dataclass(frozen=True, eq=False)
class Index:
    """An index of n rows from k indicators, and what it is made from.

    Attributes
    ----------
    values : ndarray, shape (n,)
    normalised : ndarray, shape (n, k)
        The indicators on one scale.
    tables : mapping of str to DataFrame
        Weights and the like, by what they are.
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
        Whether ranges and weights come from all rows of the source, so that indices of different years compare, or from
        each year on its own. Rows outside of the panel's span and sample count as well.
    missing : {"refuse", "drop"}
        Whether a row that lacks an indicator stops the run, or has no index and does not count for the others.
    terms, per, standardise
        As in `Measure`.
    """

    indicators: dict[str, Direction]
    name: str = "index"
    per_capita: Names = ()
    by: Literal["panel", "year"] = "panel"
    missing: Literal["refuse", "drop"] = "refuse"

    @model_validator(mode="after")
    def _names_fit(self) -> Self:
        if len(self.indicators) < 2:
            given = cut(self.indicators) or Note("index_of_nothing")
            example = "indicators={a: positive, b: negative}"
            raise ValueError(Note("index_needs_two", key="indicators", example=example, given=given))
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
            Whether less is more digital.
        """
        raise TypeError(f"{type(self).__name__} does not say how indicators become an index; define `combine`.")

    def compute(self, inputs: Inputs) -> pd.DataFrame:
        """Return unit, time and the index; not-a-number for rows that lack an indicator, where these are allowed.

        Raises
        ------
        DataError
            If an indicator is missing, holds text, lacks a value where that is refused, or does not vary.
        """
        return self._made(inputs)["index.csv"]

    def artifacts(self, inputs: Inputs) -> Mapping[str, str]:
        """Return ``indicators.csv`` (raw), ``normalised.csv``, ``index.csv`` and the tables of the kind of index.

        Raises
        ------
        DataError
            As `compute` does.
        """
        return {
            name: plain_table(table).to_csv(index=False, lineterminator="\n")
            for name, table in self._made(inputs).items()
        }

    def notes(self, inputs: Inputs) -> tuple[Note, ...]:
        """Return what the index is made of."""
        parts = cut((self._indicator(name, direction) for name, direction in self.indicators.items()), 40)
        rows = Note("all_rows") if self.by == "panel" else Note("each_year")
        said = [Note("index", index=self.name, what=self._what(), indicators=parts, rows=rows)]
        if self.missing == "drop":
            lost = int((~np.isfinite(self._raw(inputs, list(self.indicators))[1]).all(axis=1)).sum())
            said.append(Note("rows_without_index", rows=lost, every=len(inputs.frame), index=self.name))
        if self.per != "none":
            said.append(Note("index_without_unit", index=self.name, per=self.per))
        return (*said, *super().notes(inputs))

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

    def _made(self, inputs: Inputs) -> dict[str, pd.DataFrame]:
        """Return the index and what it is made from, a table per file name."""
        names = list(self.indicators)
        keys, raw = self._raw(inputs, names)
        complete = np.asarray(np.isfinite(raw).all(axis=1))
        index, normalised = np.full(len(raw), np.nan), np.full(raw.shape, np.nan)
        tables: dict[str, list[pd.DataFrame]] = {}
        negative = np.array([direction == "negative" for direction in self.indicators.values()])
        for when, rows in self._groups(keys, complete):
            self._refuse_constant(raw[rows], names, when)
            part = self.combine(raw[rows], names, negative)
            self._refuse_cancelled(part, when)
            index[rows], normalised[rows] = part.values, part.normalised
            for name, table in part.tables.items():
                tables.setdefault(f"{name}.csv", []).append(table if when is None else table.assign(time=when))
        return {
            "indicators.csv": keys.assign(**dict(zip(names, raw.T, strict=True))),
            "normalised.csv": keys.assign(**dict(zip(names, normalised.T, strict=True))),
            "index.csv": keys.assign(**{self.name: index}),
            **{name: pd.concat(found, ignore_index=True) for name, found in tables.items()},
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
        """Return the rows that share ranges and weights, with their year where it is one."""
        if self.by == "panel":
            return [(None, np.flatnonzero(complete))]
        years = keys.loc[complete, "time"].dropna().drop_duplicates()
        return [(year, np.flatnonzero(complete & (keys["time"] == year).to_numpy())) for year in years]

    def _refuse_cancelled(self, index: Index, year: object) -> None:
        """Refuse an index in which only rounding tells rows apart: scaled indicators lie between 0 and 1."""
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


def _in_year(year: object) -> Note | str:
    return "" if year is None else Note("index_in_year", year=year)
