"""p values and intervals of a result by the wild bootstrap."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from functools import lru_cache, partial
from typing import TYPE_CHECKING, Any

import numpy as np

from digicarbon.arrays import FloatArray
from digicarbon.model.batch import Batch, Estimand, Fits, Fitted, JointBatch
from digicarbon.model.restrictions import Ratios, Redrawn, Restrictions
from digicarbon.numeric.resampling import unit_wild
from digicarbon.numeric.resampling.draws import Draws
from digicarbon.numeric.resampling.null_model import NullModel
from digicarbon.numeric.resampling.unit_wild import (
    CELLS,
    Observed,
    WildTest,
    all_corrected,
    alpha_of,
    basis_of,
    beyond_critical,
    corrected,
    draws_of,
    p_value,
)
from digicarbon.numeric.significance import is_undecided
from digicarbon.progress import counted

if TYPE_CHECKING:
    from threadpoolctl import ThreadpoolController

LONG = 1 << 24
"""Numbers of rows and draws beyond which fits take so long that their progress is shown."""
FEWEST = 19
"""Draws that a test at 5 % needs; where fewer have a quantity there is no test of it."""
KEPT = 1 << 21
"""Numbers whose memory the process keeps between blocks of draws."""


@lru_cache(maxsize=1)
def _pools() -> ThreadpoolController:
    from threadpoolctl import ThreadpoolController

    # the C library gives back freed memory beyond the largest array that was freed so far: without this one, arrays of
    # each block of draws would be new pages
    np.empty(KEPT).fill(0.0)
    # looking for the process's libraries takes longer than a test
    return ThreadpoolController()


def one_thread() -> AbstractContextManager[object]:
    """Return a context in which matrix products have one thread: small ones would mostly wait for each other."""
    limited: AbstractContextManager[object] = _pools().limit(limits=1)
    return limited


MOST_BASIS = 1 << 23
"""Numbers up to which the outcomes of all draws are made of one basis; a larger one is not formed."""
TOGETHER = 1 << 20
"""Numbers that the bases of null models may hold whose draws are fitted together."""


def wild_tests(
    restrictions: Restrictions | Redrawn,
    estimates: Mapping[Estimand, tuple[float, float]],
    draws: Draws,
    level: float,
    intervals: bool,
    further: Iterable[Draws] = (),
) -> dict[Estimand, WildTest]:
    """Return the test of quantities of a focal term.

    ``estimates``: estimate and standard error of those that are tested. ``intervals``: whether the tests are inverted.
    ``further``: blocks of draws that p rests on as well, one after the other while `is_undecided`.
    """
    places = [restrictions.estimands.index(estimand) for estimand in estimates]
    under_zero = (
        restrictions.under_zero
        if isinstance(restrictions, Redrawn)
        else partial(fits, restrictions, restrictions.null())
    )
    zero = under_zero(places, draws)

    def at(asked: Sequence[tuple[int, float]]) -> Fits:
        return _under(restrictions, [(places[one], value) for one, value in asked], draws, level)

    quantities = [
        Observed(*numbers, own, restrictions.value_at(place) if isinstance(restrictions, Ratios) else None)
        for numbers, place, own in zip(estimates.values(), places, zero, strict=True)
    ]
    for block in further:
        undecided = [which for which, one in enumerate(quantities) if is_undecided(one.p, len(one.all_drawn))]
        if not undecided:
            break
        for which, own in zip(undecided, under_zero([places[one] for one in undecided], block), strict=True):
            one = quantities[which]
            quantities[which] = replace(one, further=(*one.further, own))
    tests = unit_wild.wild_tests(quantities, at if intervals else None, level)
    out = dict(zip(estimates, tests, strict=True))
    if not isinstance(restrictions, Redrawn):
        return out
    left = {estimand: len(drawn[0]) for estimand, drawn in zip(estimates, zero, strict=True)}
    every = len(draws.weights)
    none = WildTest(np.nan, np.nan, np.nan, 0.0)
    return {
        estimand: replace(test if left[estimand] >= min(FEWEST, every) else none, left_out=1 - left[estimand] / every)
        for estimand, test in out.items()
    }


def _under(
    restrictions: Restrictions | Redrawn, asked: Sequence[tuple[int, float]], draws: Draws, level: float
) -> Fits:
    """Return quantities in draws under values of each, given by their places.

    Those that cannot be among the draws beyond the critical value may have any error that is too large.
    """
    if isinstance(restrictions, Redrawn):
        return [restrictions.fits(place, value, draws) for place, value in asked]
    batch = restrictions.batch
    if isinstance(restrictions, Ratios) or not isinstance(batch, Fitted):
        return [
            fits(
                restrictions,
                restrictions.null_at(place, value),
                [place],
                draws,
                restrictions.batch_at(place, value) if isinstance(restrictions, Ratios) else None,
            )[0]
            for place, value in asked
        ]
    nulls = [draws.of(restrictions.null_at(place, value)) for place, value in asked]
    number, parts = draws.weights.shape
    beyond = beyond_critical(number, alpha_of(level))
    rows, out = len(nulls[0].y), Fits()
    size = max(1, TOGETHER // (rows * (parts + 1))) if rows * number < LONG else 1
    for start in range(0, len(asked), size):
        some, of_some = asked[start : start + size], nulls[start : start + size]
        residuals = all_corrected(of_some)
        blocks = zip(
            *(_prepared(batch, null, draws, one) for null, one in zip(of_some, residuals, strict=True)), strict=True
        )
        wanted = [(restrictions.estimands[place], value) for place, value in some]
        out += _joined(
            [batch.largest([(block, *one) for block, one in zip(each, wanted, strict=True)], beyond) for each in blocks]
        )
    return out


def shown(starts: range, cells: int) -> Iterator[int]:
    """Yield the starts of blocks of draws, with a bar of progress on a terminal where they take long."""
    yield from starts if cells < LONG else counted(starts, "bootstrap")


def fits(
    restrictions: Restrictions, null: NullModel, places: Sequence[int], draws: Draws, batch: Batch | None = None
) -> Fits:
    """Return the quantities at some places for every draw from a null model, by another batch where one is given."""
    estimands, batch = [restrictions.estimands[place] for place in places], batch or restrictions.batch
    return _joined([batch.several(prepared, estimands) for prepared in _prepared(batch, draws.of(null), draws)])


def drawn(batch: Batch, free: NullModel, estimands: Sequence[Estimand], draws: Draws) -> tuple[FloatArray, Fits]:
    """Return the centre of draws, shape (q,), and quantities in draws around a model without restriction, ``free``.

    ``free`` has every regressor. The centre is what the outcome without residuals has: with a spatial lag or error in
    the model not the estimate, whose regression has neither.
    """
    without = free.y[:, None] - free.unfiltered(free.residuals[:, None])
    centre = np.array([estimate[0] for estimate, _ in batch.several(batch.prepare(without), estimands)])
    return centre, _joined([batch.several(prepared, estimands) for prepared in _prepared(batch, draws.of(free), draws)])


def _joined(parts: Sequence[Fits]) -> Fits:
    """Return estimates and standard errors of blocks of draws one after another."""
    if len(parts) == 1:
        return parts[0]
    return [
        (np.concatenate([estimates for estimates, _ in blocks]), np.concatenate([errors for _, errors in blocks]))
        for blocks in zip(*parts, strict=True)
    ]


def joint_p(batch: JointBatch, null: NullModel, estimands: Sequence[Estimand], draws: Draws) -> float:
    """Return the p value that several quantities are zero; not-a-number where the outcome itself has no statistic.

    ``null``: the model in which all of them are zero.
    """
    observed = float(batch.wald(batch.prepare(null.y[:, None]), estimands)[0])
    if not np.isfinite(observed):
        return np.nan
    statistics = [batch.wald(prepared, estimands) for prepared in _prepared(batch, draws.of(null), draws)]
    return p_value(observed, np.concatenate(statistics))


def _prepared(batch: Batch, null: NullModel, draws: Draws, residuals: FloatArray | None = None) -> Iterator[Any]:
    """Yield the draws from a null model, as `Draws.of` returns it, in blocks, as a batch takes them.

    ``residuals`` are those of `corrected` where they are known.
    """
    rows, (number, parts) = len(null.y), draws.weights.shape
    basis = None
    formed = isinstance(batch, Fitted) and batch.forms and 2 * parts > number
    if rows * (parts + 1) <= MOST_BASIS and not formed:
        own = corrected(null) if residuals is None else residuals
        basis = batch.basis(null, own) if isinstance(batch, Fitted) else batch.prepare(basis_of(null, own))
    size = max(1, CELLS // rows)
    for start in shown(range(0, number, size), rows * number):
        if basis is None:
            yield batch.prepare(draws_of(null, draws, slice(start, start + size)))
        else:
            yield batch.combine(basis, draws.combining[:, start : start + size])
