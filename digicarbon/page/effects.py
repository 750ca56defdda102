"""The effect of each run of a sweep, in one pass over its results."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from digicarbon.arrays import FloatArray
from digicarbon.note import Note
from digicarbon.report import Record
from digicarbon.report.focal import effect_of, logarithms_of
from digicarbon.result import EFFECT, Result, RunEffect, together

LEVEL = 0.05
"""What is significant where neither the report nor a run names a level."""


@dataclass(frozen=True, eq=False)
class Effects:
    """The effects of runs: the same numbers as in MLflow and on a curve.

    Attributes
    ----------
    run_effect : RunEffect
    quantity : str
        What the effects are called: as in the models with spatial lags, ``effect`` if there are none or they differ.
    level : float
        The largest p value that counts as significant.
    numbers : mapping of str to tuple of float
        Coef, p, low and high by label; a fit that several columns show is there once.
    errors : mapping of str to float
        Standard errors by label.
    focal : mapping of str to str
        The first focal term of each run by label.
    terms, outcomes : tuple of str
        Those of the effects.
    logarithms : frozenset of str
        Terms and outcomes that are logarithms.
    resampled : int
        How many effects have p values of a bootstrap.
    fits : int
        How many different fits there are.
    lacking : mapping of Note to int
        How many of them have no effect, by the reason.
    diagnostics : mapping of str to sequence of int
        Positions of records by the name of a diagnostic's table.
    """

    run_effect: RunEffect
    quantity: str
    level: float
    numbers: Mapping[str, tuple[float, float, float, float]]
    errors: Mapping[str, float]
    focal: Mapping[str, str]
    terms: tuple[str, ...]
    outcomes: tuple[str, ...]
    logarithms: frozenset[str]
    resampled: int
    fits: int
    lacking: Mapping[Note, int]
    diagnostics: Mapping[str, Sequence[int]]

    @property
    def mixed(self) -> bool:
        """Whether effects have different units: some of 1 %, some of a unit."""
        return any(0 < len(self.logarithms & set(names)) < len(set(names)) for names in (self.terms, self.outcomes))

    @property
    def columns(self) -> FloatArray:
        """Coef, p, low and high as an array of shape (4, n)."""
        return np.array(list(self.numbers.values()), dtype=np.float64).reshape(-1, 4).T


def effects(records: Sequence[Record], run_effect: RunEffect) -> Effects:
    """Read all records once.

    Parameters
    ----------
    records : sequence of Record
    run_effect : RunEffect
        Which number of a run is its effect.
    """
    numbers: dict[str, tuple[float, float, float, float]] = {}
    errors: dict[str, float] = {}
    focal: dict[str, str] = {}
    terms: dict[str, None] = {}
    outcomes: dict[str, None] = {}
    logarithms: set[str] = set()
    lacking: Counter[Note] = Counter()
    diagnostics: dict[str, list[int]] = {}
    levels: dict[float, None] = {}
    called: dict[str, None] = {}
    resampled = fits = 0
    for position, record in enumerate(records):
        result = record.result
        if result.focal:
            focal[record.label] = result.focal[0]
        for name in result.tables:
            diagnostics.setdefault(name, []).append(position)
        if record.again:
            continue
        fits += 1
        effect = result.effect(run_effect)
        if effect is None:
            lacking[_why_none(result, run_effect)] += 1
            continue
        term = effect[0]
        called[result.called(run_effect)] = None
        coef, se, p, low, high = dict(result.focal_numbers(result.quantity(run_effect)))[term]
        numbers[record.label], errors[record.label] = (coef, p, low, high), se
        terms[term] = outcomes[result.y] = None
        logarithms |= logarithms_of(result)
        levels[round(1 - result.inference.level, 10)] = None
        resampled += result.resampled is not None and result.resampled.wild
    names = together(called)
    return Effects(
        run_effect=run_effect,
        quantity=names[0] if len(names) == 1 else EFFECT,
        level=next(iter(levels), LEVEL) if run_effect.level is None else run_effect.level,
        numbers=numbers,
        errors=errors,
        focal=focal,
        terms=tuple(terms),
        outcomes=tuple(outcomes),
        logarithms=frozenset(logarithms),
        resampled=resampled,
        fits=fits,
        lacking=lacking,
        diagnostics=diagnostics,
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
