"""The effects of a sweep's runs, in one pass over its results: the same numbers as in MLflow and on a curve."""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from digicarbon.arrays import FloatArray
from digicarbon.note import Note
from digicarbon.numeric.significance import is_significant
from digicarbon.report.focal import effect_of, logarithms_of
from digicarbon.result import EFFECT, Result, RunEffect, together

LEVEL = 0.05
"""What is significant where neither the report nor a run names a level."""
NUMBERS = 5
"""Coef, se, p, low and high."""


@dataclass(frozen=True, eq=False)
class Effects:
    """The effects of runs, each fit once.

    Attributes
    ----------
    run_effect : RunEffect
    called : tuple of str
        What the effects are called, each name once.
    level : float
        The largest p value that counts as significant.
    labels : sequence of str
        The n runs that have an effect.
    columns : ndarray of shape (5, n)
        Coef, se, p, low and high.
    terms, outcomes : tuple of str
        Those of the effects.
    logarithms : frozenset of str
        Terms and outcomes that are logarithms.
    resampled : int
        How many effects have p values of a bootstrap.
    lacking : mapping of Note to int
        How many fits have no effect, by the reason.
    """

    run_effect: RunEffect
    called: tuple[str, ...]
    level: float
    labels: Sequence[str]
    columns: FloatArray
    terms: tuple[str, ...]
    outcomes: tuple[str, ...]
    logarithms: frozenset[str]
    resampled: int
    lacking: Mapping[Note, int]

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def fits(self) -> int:
        """How many different fits there are."""
        return len(self) + sum(self.lacking.values())

    @property
    def quantity(self) -> str:
        """What effects are called: as in models with spatial lags; ``effect`` if there are none or they differ."""
        return self.called[0] if len(self.called) == 1 else EFFECT

    @property
    def mixed(self) -> bool:
        """Whether effects have different units: some of 1 %, some of a unit."""
        return any(0 < len(self.logarithms & set(names)) < len(set(names)) for names in (self.terms, self.outcomes))

    @property
    def significant(self) -> NDArray[np.bool_]:
        """Which effects are significant."""
        low: NDArray[np.bool_] = is_significant(self.columns[2], self.level)
        return low

    @property
    def usual(self) -> tuple[bool, NDArray[np.bool_]]:
        """Whether the usual sign is negative, and which effects have it."""
        coef = self.columns[0]
        down = bool((coef < 0).sum() >= (coef > 0).sum())
        return down, coef < 0 if down else coef > 0

    @cached_property
    def by_label(self) -> Mapping[str, FloatArray]:
        """Coef, se, p, low and high of each run by its label."""
        return dict(zip(self.labels, self.columns.T, strict=True))


class Gathered:
    """Takes the results of runs, each fit once, and keeps their effects.

    ``run_effect``: which number of a run is its effect.
    """

    def __init__(self, run_effect: RunEffect) -> None:
        self._run_effect = run_effect
        self._labels: list[str] = []
        # in an array a run takes 40 bytes
        self._numbers = array("d")
        self._called: dict[str, None] = {}
        self._terms: dict[str, None] = {}
        self._outcomes: dict[str, None] = {}
        self._logarithms: set[str] = set()
        self._resampled = 0
        self._lacking: Counter[Note] = Counter()
        self._levels: dict[float, None] = {}

    def take(self, label: str, result: Result) -> None:
        """Take the result of a run."""
        effect = result.effect_numbers(self._run_effect)
        if effect is None:
            self._lacking[_why_none(result, self._run_effect)] += 1
            return
        term, *numbers = effect
        self._labels.append(label)
        self._numbers.extend(numbers)
        self._called[result.called(self._run_effect)] = None
        self._terms[term] = self._outcomes[result.y] = None
        self._logarithms |= logarithms_of(result)
        self._levels[round(1 - result.inference.level, 10)] = None
        self._resampled += result.resampled is not None and result.resampled.wild

    @property
    def effects(self) -> Effects:
        """The effects of the runs that were taken."""
        level = self._run_effect.level
        return Effects(
            run_effect=self._run_effect,
            called=together(self._called),
            level=next(iter(self._levels), LEVEL) if level is None else level,
            labels=self._labels,
            columns=np.array(self._numbers, dtype=np.float64).reshape(-1, NUMBERS).T,
            terms=tuple(self._terms),
            outcomes=tuple(self._outcomes),
            logarithms=frozenset(self._logarithms),
            resampled=self._resampled,
            lacking=self._lacking,
        )


def _why_none(result: Result, run_effect: RunEffect) -> Note:
    """Return why a run has no effect."""
    if not result.focal:
        return Note("lacks_focal")
    if result.end:
        return Note("lacks_beyond" if result.end_beyond else "lacks_interior", parameter=result.end)
    if result.has_powers:
        return Note("lacks_linear")
    if result.in_pieces and run_effect.term is None:
        return Note("lacks_whole")
    names = [term for term, _ in result.focal_numbers(result.quantity(run_effect))]
    if any(run_effect.term in (None, term) for term in names):
        return Note("lacks_error")
    return Note("lacks_quantity", effect=effect_of(run_effect.quantity))
