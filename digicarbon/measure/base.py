"""The kind of specification that makes the focal explanatory variables."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated, ClassVar, Literal, final

import numpy as np
import pandas as pd
from pydantic import Field

from digicarbon.errors import ConfigError, DataError
from digicarbon.note import Note, cut
from digicarbon.numeric.accounts.indicators import varies, z_scores
from digicarbon.numeric.resampling.unit_permutation import permutations
from digicarbon.source import Inputs
from digicarbon.spec import Definition, Names, SomeNames, Spec, sharing


def numbers(table: pd.DataFrame, name: str, source: str) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Return a column with its gaps as not-a-number, shape (rows,).

    ``table``: with the columns ``unit``, ``time`` and ``name``. ``name``, ``source``: the column; the source's name,
    for messages. Raises DataError if a cell is text; the message names the first ones.
    """
    column = pd.to_numeric(table[name], errors="coerce")
    words = table[column.isna() & table[name].notna()]
    if len(words):
        cells = (
            Note("measure_text_cell", cell=Note("cell", parts=(unit, time)), text=repr(text))
            for unit, time, text in words[["unit", "time", name]].itertuples(index=False)
        )
        raise DataError(Note("measure_column_of_text", column=name, source=source, cells=cut(cells, 3)))
    return column.to_numpy(dtype=np.float64, na_value=np.nan)


Per = Literal["none", "capita", "gdp"]
"""What the measures are divided by."""

_DIVISORS: Mapping[Per, str] = {"capita": "population", "gdp": "gdp"}
# 10k persons and 100m CNY: both turn 10k CNY into a plain ratio by the same factor
_TEN_THOUSAND = 1e4


class Measure(Spec):
    """A specification of a measure of the digital economy.

    A kind of measure defines `compute`, and `definitions` for codebooks. Models take `transformed`, which applies
    ``per``, ``standardise`` and ``permute`` to its columns, so that every kind of measure has these options.

    Attributes
    ----------
    terms : tuple of str
        The focal terms that models take, e.g. ``ln_e`` for the logarithm of the column ``e``.
    per : {"none", "capita", "gdp"}
        What every column is divided by: nothing, the series ``population`` (10k persons) or the series ``gdp`` (100m
        CNY). A column of money becomes 10k CNY per person, or a share of GDP from 0 to 1; any other column a value per
        10k persons or per 100m CNY of GDP.
    standardise : bool
        Whether every column then has its mean subtracted and is divided by its standard deviation, both over all rows
        of the source. The result has no logarithm.
    permute : int or None
        The seed of a placebo: whole units exchange their measures, each with its path over time, at random. None keeps
        the measures of every unit.
    """

    role: ClassVar[str] = "measure"
    no_numbers: ClassVar[tuple[str, ...]] = ("terms",)

    terms: SomeNames
    per: Per = "none"
    standardise: bool = False
    permute: Annotated[int, Field(ge=0)] | None = None

    @property
    def in_10k_cny(self) -> float | None:
        """The factor that turns the columns of `compute` into 10k CNY; None if they are no money."""
        return None

    @property
    def enters_in_10k_cny(self) -> bool:
        """Whether models take its columns in 10k CNY."""
        return self.in_10k_cny == 1 and self.per == "none" and not self.standardise

    @property
    def changed(self) -> bool:
        """Whether `transformed` changes the columns of `compute`."""
        return self.per != "none" or self.standardise or self.permute is not None

    @property
    def left_to_models(self) -> frozenset[str]:
        """The terms, if `compute` does not read them."""
        # `transformed` reads the terms of standardised columns, to refuse logarithms
        return frozenset() if self.standardise else sharing(self, "compute", "notes", "artifacts")

    def compute(self, inputs: Inputs) -> pd.DataFrame:
        """Return the columns ``unit``, ``time`` and one column per measure, in levels.

        Raises
        ------
        DataError
            If the inputs lack what the measure needs.
        """
        raise TypeError(f"{type(self).__name__} does not say how it is computed; define `compute`.")

    @final
    def transformed(self, inputs: Inputs) -> pd.DataFrame:
        """Return the columns of `compute` under the same names, after ``per``, ``standardise`` and ``permute``.

        Raises
        ------
        ConfigError
            If ``terms`` take the logarithm of a standardised column, or there is no column to change.
        DataError
            If `compute` fails, population or GDP is missing or not positive, a standardised column is constant, or a
            unit to be permuted has two rows for a period.
        """
        table = self.compute(inputs)
        names = [str(name) for name in table.columns if name not in ("unit", "time")]
        if not self.changed:
            return table
        if not names:
            raise ConfigError(Note("measure_without_columns", key="measure.per"))
        self._refuse_logarithms(names)
        values = {name: numbers(table, name, inputs.source) for name in names}
        if self.per != "none":
            scale = 1.0 if self.in_10k_cny is None else self.in_10k_cny / _TEN_THOUSAND
            divisor = self._divisor(inputs, table)
            values = {name: scale * value / divisor for name, value in values.items()}
        if self.standardise:
            _refuse_constant(values)
            values = {name: z_scores(value[:, None])[:, 0] for name, value in values.items()}
        changed = table.assign(**values)
        # last, so that a unit gets the per-head value of another unit, not the value over its own population
        return changed if self.permute is None else _exchanged(changed, names, self.permute)

    def notes(self, inputs: Inputs) -> tuple[Note, ...]:
        """Return the notes under every table with this measure; a user's measure may return sentences."""
        return self._changes

    def definitions(self) -> Mapping[str, Definition]:
        """Return how `compute` makes each of its columns, for codebooks; a column without a definition is allowed."""
        return {}

    @final
    def defined(self) -> Mapping[str, Definition]:
        """Return the definitions of the columns of `transformed`."""
        given = self.definitions()
        if not self.changed:
            return given
        unit_stays = self.per == "none" and not self.standardise
        return {
            name: replace(one, words=(*one.words, *self._changes), unit=one.unit if unit_stays else "")
            for name, one in given.items()
        }

    def artifacts(self, inputs: Inputs) -> Mapping[str, str]:
        """Return the inputs of the measure, which are stored beside the results: CSV texts by file name.

        Raises
        ------
        DataError
            As `compute` does.
        """
        return {}

    @property
    def _changes(self) -> tuple[Note, ...]:
        """What `transformed` does to the columns of `compute`."""
        notes = []
        if self.per != "none":
            notes.append(Note("measures_per", per=self._per_note()))
        if self.standardise:
            notes.append(Note("standardised"))
        if self.permute is not None:
            notes.append(Note("placebo_measure", seeds=Note("seed", seed=self.permute)))
        return tuple(notes)

    def _per_note(self) -> Note:
        if self.in_10k_cny is None:
            return Note("per_persons") if self.per == "capita" else Note("per_gdp")
        return Note("money_per_person") if self.per == "capita" else Note("shares_of_gdp")

    def _refuse_logarithms(self, names: list[str]) -> None:
        if not self.standardise:
            return
        for term in self.terms:
            for name in names:
                if re.search(rf"(?<!\w)ln_{re.escape(name)}(?!\w)", term):
                    raise ConfigError(Note("no_log_of_standardised", key="measure.standardise", term=term, column=name))

    def _divisor(self, inputs: Inputs, table: pd.DataFrame) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
        name = _DIVISORS[self.per]
        series = inputs.series([name], f"measure.per={self.per}").drop_duplicates(["unit", "time"])
        rows = table[["unit", "time"]].merge(series, on=["unit", "time"], how="left")
        values = numbers(rows, name, inputs.source)
        bad = rows[values <= 0]
        if len(bad):
            cells = cut(Note("cell", parts=cell) for cell in zip(bad["unit"], bad["time"], strict=True))
            raise DataError(
                Note(
                    "divisor_not_positive",
                    key="measure.per",
                    value=self.per,
                    column=name,
                    source=inputs.source,
                    cells=cells,
                )
            )
        return values


class NoMeasure(Measure):
    """No measure: the columns of the source are used as they are."""

    terms: Names = ()

    def compute(self, inputs: Inputs) -> pd.DataFrame:
        """Return the key columns alone."""
        return inputs.series([], "measure=none")


def _exchanged(table: pd.DataFrame, names: list[str], seed: int) -> pd.DataFrame:
    """Return the columns with each unit's path replaced by that of another unit, drawn without replacement.

    A period that the other unit lacks is missing.
    """
    if table.duplicated(["unit", "time"]).any():
        unit, time = table.loc[table.duplicated(["unit", "time"]), ["unit", "time"]].iloc[0]
        raise DataError(Note("permuted_unit_twice", key="measure.permute", seed=seed, unit=unit, time=time))
    units = sorted(table["unit"].unique(), key=str)
    giver = dict(zip(units, np.array(units, dtype=object)[permutations(len(units), 1, seed)[0]], strict=True))
    keys = pd.MultiIndex.from_arrays([table["unit"].map(giver), table["time"]])
    values = table.set_index(["unit", "time"])[names].reindex(keys)
    return table.assign(**{name: values[name].to_numpy() for name in names})


def _refuse_constant(values: Mapping[str, np.ndarray[tuple[int], np.dtype[np.float64]]]) -> None:
    for name, value in values.items():
        finite = value[np.isfinite(value)]
        if len(finite) < 2 or not varies(finite):
            raise DataError(
                Note("standardised_constant", key="measure.standardise", column=name, values=len(np.unique(finite)))
            )
