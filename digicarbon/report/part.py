"""The specifications of a sweep that may be made one answer, with the choices by which they differ."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from digicarbon.arrays import BoolArray, IntArray
from digicarbon.errors import ConfigError
from digicarbon.note import Note, cut, suggestion
from digicarbon.report.choices import Choice, choices_of
from digicarbon.report.curve import Curve
from digicarbon.report.focal import MOST_LISTED, members_of, refuse_other, text_of
from digicarbon.report.joint import decides

NUMBERS = ("record", "term", "coef", "se", "p", "low", "high")
"""Columns of rows that are no choices."""
MOST_VALUES = 100
"""A choice with more values, such as a seed, has no share: it would explain each estimate by itself."""


@dataclass(frozen=True, eq=False)
class Part:
    """Specifications that are counted together, each estimate once.

    ``name``: empty if all are. ``rows``: a row per specification: coef, se, p, and the value of each choice.
    ``labels``: of the runs. ``choices``: those that differ. ``applies``, shape (M, m): whether a choice has an effect
    on a specification. ``start``: the main specification. ``repeated``: how many estimates were left out that differ
    from another in their standard errors only.
    """

    name: str
    rows: pd.DataFrame
    labels: tuple[str, ...]
    choices: Sequence[Choice]
    applies: BoolArray
    start: int
    repeated: int

    @property
    def countless(self) -> tuple[str, ...]:
        """Choices with too many values for a share."""
        return tuple(choice.key for choice in self.choices if not choice.columns.shape[1])

    @property
    def codes(self) -> IntArray:
        """The value of each choice as a number, shape (M, m)."""
        columns = [pd.factorize(self.rows[choice.key].astype(str))[0] for choice in self.choices]
        return np.column_stack(columns).astype(np.int64) if columns else np.empty((len(self.rows), 0), np.int64)

    def value(self, row: int, choice: int) -> str:
        """Return the value of a choice of a specification."""
        return str(self.rows[self.choices[choice].key].iloc[row])

    def changes(self, row: int, other: int) -> list[int]:
        """Return the choices in which two specifications differ."""
        return [
            place
            for place in range(len(self.choices))
            if self.applies[row, place]
            and self.applies[other, place]
            and self.value(row, place) != self.value(other, place)
        ]


def part_of(curve: Curve, rows: pd.DataFrame, name: str, main: Mapping[str, object]) -> Part:
    """Return some specifications of a curve, at least one, as a part.

    ``main`` has values of the main specification; a choice without one has the value of the first specification.

    Raises ConfigError if there is no such specification.
    """
    once = ~rows.duplicated([*curve.estimate_keys, "term", "coef"])
    repeated, rows = int((~once).sum()), rows[once].reset_index(drop=True)
    lacking = [curve.focal_runs.lacking[record] for record in rows["record"]]

    def differs(key: str) -> bool:
        # a run on which a choice has no effect has any value of it
        decided = [key not in choices for choices in lacking]
        return rows.loc[decided, key].nunique() > 1

    keys = [key for key in curve.focal_runs.varied if key in rows and decides(key) and differs(key)]
    shown, _ = choices_of(rows, keys, curve.focal_runs.absent, most=MOST_VALUES)
    by_key = {choice.key: choice for choice in shown}
    none = np.empty((len(rows), 0))
    choices = [by_key.get(key) or Choice(key, (), none, None) for key in keys]
    applies = np.array([[choice.key not in those for choice in choices] for those in lacking], dtype=np.bool_)
    labels = tuple(curve.focal_runs.labels[record] for record in rows["record"])
    return Part(
        name, rows, labels, choices, applies.reshape(len(rows), len(choices)), _start(rows, curve.rows, main), repeated
    )


def _start(rows: pd.DataFrame, every: pd.DataFrame, main: Mapping[str, object]) -> int:
    """Return the main specification: the first one that has the given values, but for those of other parts."""
    fits = np.ones(len(rows), dtype=np.bool_)
    for key, value in main.items():
        text = text_of(value)
        if isinstance(value, list | tuple):
            # the order of a list is no choice
            texts = every.get(key, pd.Series(dtype=object)).astype(str).unique()
            text = next((one for one in texts if members_of(one) == members_of(text)), text)
        refuse_other("report.main", key, [name for name in every.columns if name not in NUMBERS])
        values = every[key].astype(str).unique().tolist()
        matches = fits & (rows[key].astype(str) == text).to_numpy()
        # a part of another value of this choice has a main specification, too
        here = bool((rows[key].astype(str) == text).any())
        if text not in values or (here and not matches.any()):
            about = {"choice": key, "value": text, "hint": suggestion(text, values), "values": cut(values, MOST_LISTED)}
            raise ConfigError(Note("no_main_specification", key="report.main", **about))
        fits = matches if here else fits
    return int(np.flatnonzero(fits)[0])
