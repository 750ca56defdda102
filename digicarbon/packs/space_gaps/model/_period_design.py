"""Checked arrays of spatial panels whose units or weights differ between periods."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from digicarbon.arrays import BoolArray, FloatArray, IntArray
from digicarbon.errors import EstimationError
from digicarbon.note import Note
from digicarbon.numeric.latest import Latest
from digicarbon.numeric.linear.absorbed import Groups
from digicarbon.numeric.linear.within import EffectsKind
from digicarbon.packs.space_gaps.numeric.effects import Effects
from digicarbon.packs.space_gaps.numeric.error import ErrorPeriods, FilteredEffects
from digicarbon.packs.space_gaps.numeric.surface import Surface
from digicarbon.packs.space_gaps.numeric.traces import Traces
from digicarbon.packs.space_gaps.numeric.weights import PeriodWeights, distinct
from digicarbon.panel import Panel
from digicarbon.weights import Weights

MOST_CELLS = 1 << 23
"""Weights of all periods that are formed at most, 64 megabytes: 640 units and 20 periods."""
SPACES = Latest()
"""Weights, effects and spectra of the latest samples: fits to other outcomes and regressors share them."""


@dataclass(frozen=True, eq=False)
class Space:
    """The weights and effects of a sample, with what depends on them alone."""

    weights: PeriodWeights
    effects: Effects
    adjusted: bool
    """Whether spatial parameters are the zero of the adjusted score."""
    links: int
    """Pairs of neighbours in all periods."""
    alone: int
    alone_in: int
    """`alone`, `alone_in`: observed units whose neighbours are all absent, and in how many periods there are any."""
    again: tuple[bool, ...]
    """Which weights were standardised again among the units of a period."""

    @cached_property
    def traces(self) -> Traces:
        """Traces of G without what the score is adjusted for."""
        return Traces(self.weights, self.effects.basis if self.adjusted else self.effects.basis[..., :0])

    @cached_property
    def surface(self) -> Surface:
        """Functions of ρ that outcomes share."""
        return Surface(self.weights, self.effects, self.adjusted)

    @cached_property
    def filtered(self) -> FilteredEffects:
        """Products of filtered effects."""
        return FilteredEffects(self.weights, self.effects)

    @property
    def traces_of_one(self) -> Traces | None:
        """The traces where there is one W."""
        return self.traces if self.weights.several == 1 else None

    @property
    def degrees(self) -> int:
        """What a sum of squares is divided by for σ²."""
        return self.effects.degrees if self.adjusted else self.effects.size

    @property
    def nbytes(self) -> int:
        """Size of its arrays."""
        return int(self.weights.blocks.nbytes + self.effects.basis.nbytes)


@dataclass(frozen=True, eq=False)
class PeriodDesign:
    """Checked arrays of one fit."""

    level: FloatArray
    """The columns of Z, and y, raw; zero where a unit is not observed. Shape (T, N, k + 1)."""
    names: tuple[str, ...]
    """Names of Z's columns; without fixed effects the first one is the constant."""
    called: tuple[str | Note, ...]
    """What each W is called."""
    space: Space
    periods: IntArray
    units: IntArray
    """`periods`, `units`: the cell of each row of the panel, shape (rows,)."""
    clusters: Groups | None
    """Of the units; None where units are clusters."""

    @cached_property
    def columns(self) -> FloatArray:
        """Z, y and each Wy with effects removed, shape (T, N, k + 1 + R)."""
        w = self.space.weights
        lags = [w.lag(self.level[..., -1:], place) for place in range(w.several)]
        return self.space.effects.remove(np.concatenate([self.level, *lags], axis=2))

    def rows(self, cube: FloatArray) -> FloatArray:
        """Return a cube, shape (T, N, …), in the order of the panel's rows, shape (rows, …)."""
        return np.ascontiguousarray(cube[self.periods, self.units])

    def cube(self, rows: FloatArray) -> FloatArray:
        """Return rows as a cube."""
        return cube_of(rows, self.periods, self.units, self.space.effects.present.shape)

    def errors(self, z: FloatArray) -> ErrorPeriods:
        """Return a model with a spatial error of regressors, shape (T, N, k)."""
        space = self.space
        return ErrorPeriods(z, space.weights, space.effects, space.adjusted, space.filtered)


def lags_of(term: str, several: int) -> list[str]:
    """Return what the spatial lags of a term by each W are called."""
    return [f"W{place if place > 1 else ''}_{term}" for place in range(1, several + 1)]


def cube_of(rows: FloatArray, periods: IntArray, units: IntArray, shape: tuple[int, ...]) -> FloatArray:
    """Return rows, shape (rows, …), as a cube of shape (T, N, …) with zeros where there is no row."""
    out = np.zeros((*shape, *rows.shape[1:]))
    out[periods, units] = rows
    return out


def space_of(parts: Sequence[Sequence[Weights]], panel: Panel, kind: EffectsKind, adjusted: bool, again: bool) -> Space:
    """Return the space of a sample.

    ``parts``: of each W, the weights of each period in the panel's order. ``again``: whether rows of a period's part
    are standardised again where those of the whole sum to one. Raises EstimationError if there are too many units and
    periods.
    """
    n, t = panel.shape
    if t * n * n > MOST_CELLS:
        raise EstimationError(Note("too_many_for_periods", units=n, periods=t, most=MOST_CELLS))
    present = np.zeros((t, n), dtype=bool)
    present[panel.period_codes, panel.unit_codes] = True
    key = (
        tuple(tuple(w.digest for w in own) for own in parts),
        hashlib.sha256(present.tobytes()).hexdigest(),
        *(present.shape, kind, adjusted, again),
    )
    return SPACES.once(key, lambda: _space(parts, present, kind, adjusted, again), lambda space: space.nbytes)


def _space(
    parts: Sequence[Sequence[Weights]], present: BoolArray, kind: EffectsKind, adjusted: bool, again: bool
) -> Space:
    t, n = present.shape
    blocks = np.empty((len(parts), t, n, n))
    alone = np.zeros((t, n), dtype=bool)
    anew = tuple(again and all(w.means for w in own) for own in parts)
    for place, own in enumerate(parts):
        dense = {id(w): w.dense() for w in own}
        whole = np.stack([dense[id(w)] for w in own])
        cut = whole * present[:, :, None] * present[:, None, :]
        sums = cut.sum(axis=2)
        if place == 0:
            alone = present & (sums == 0) & (whole.sum(axis=2) > 0)
        if anew[place]:
            # where nobody is absent the weights stay what they are to the last digit
            lost = ~np.isclose(sums, whole.sum(axis=2), rtol=1e-14) & (sums > 0)
            cut[lost] /= sums[lost][:, None]
        blocks[place] = cut
    made, which = distinct([np.ascontiguousarray(blocks[:, period]) for period in range(t)])
    return Space(
        PeriodWeights(made, which, present),
        Effects.of(present, kind),
        adjusted,
        int(np.count_nonzero(blocks[0])),
        int(alone.sum()),
        int(alone.any(axis=1).sum()),
        anew,
    )
