"""The wild bootstrap: p values of a restriction, and intervals by its inversion.

A null model says what the outcome would be if a quantity had a certain value: filters, structural residuals and the
regressors of these. A draw corrects the residuals for what the regressors have taken from them, gives each pattern in
space a random part of the errors of patterns like it, or where there are no patterns the whole path of each unit one
sign, and passes them through the inverse of the filters.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import scipy

from digicarbon.arrays import FloatArray
from digicarbon.numeric.linear.within import Rows
from digicarbon.numeric.resampling.draws import EVERY, Draws
from digicarbon.numeric.resampling.null_model import NullModel, in_cells

CELLS = 1 << 22
"""Numbers that outcomes of one block of draws may hold."""
TIES = 1e-9
"""A statistic that is smaller than the observed one by less than this share is equal to it."""
VANISHED = 1e-8
"""Share of a direction that regressors explain up to rounding."""
POLES, WORST = 24, 1e-3
"""Poles of an inverse square root whose error is rounding where no eigenvalue is below this share of the largest."""
CLOSE = 0.1
"""Standard errors by which the last step of the search for the end of an interval may still move it.

What a secant step leaves is a small part of it; 999 draws leave an end uncertain by 0.06 standard errors.
"""
MOST_STEPS = 6
SAFE = 0.5
"""Slope of the excess over critical values from which on secants find its zero; 1 is that of constant ones."""
NARROW = 0.01
"""Standard errors, and share of the distance from the estimate, between which bisection leaves an end."""
LAST = 1e-3
"""Share of the largest size of an observed statistic by which the last value that is tried stops short of it."""
PLACES = np.concatenate([[0.0], 2.0 ** np.arange(-1, 3, 0.5), 2.0 ** np.arange(3, 9)])
"""Where an end is looked for, in critical values; farther away draws and their errors grow alike, and critical values
hardly change."""
ENOUGH = 5
"""Number of draws beyond a critical value from which on it changes smoothly."""

Drawn = Callable[[Sequence[tuple[int, float]]], list[tuple[FloatArray, FloatArray]]]
"""Estimates and standard errors, each of shape (M,), of draws under values of quantities, given by their places."""
Search = Generator[tuple[float, float], float, float]
"""A search that asks for the excess of a size at a value, and returns a value."""


@dataclass(frozen=True)
class WildTest:
    """Test and interval of one quantity.

    ``p``: of the hypothesis that the quantity is zero. ``low``, ``high``: ends of the values that the test does not
    reject; infinite where it rejects none on that side. ``lost``: share of the draws under zero without an estimate;
    they count as extreme. ``left_out``: share of the draws under zero that have no such quantity and were left out.
    ``draws``: on which p rests.
    """

    p: float
    low: float
    high: float
    lost: float
    left_out: float = 0.0
    draws: int = 0


def corrected(null: NullModel) -> FloatArray:
    """Return residuals corrected for leverage by unit, shape (rows,).

    ε̃_i = (I - H_ii)^(-1/2) ε̂_i with H_ii = U_i U_i′ + D_i, U an orthonormal basis of the null model's regressors with
    effects removed and, where there are time effects, D_i the shares 1/N_t of unit i in the means of its periods (Bell
    & McCaffrey 2002, HC2 by clusters). A direction that the regressors explain without rest stays at zero.
    """
    rows = null.rows
    if rows.balanced:
        return CORRECTIONS.apply(null, null.residuals.reshape(rows.n, rows.t, 1)).ravel()
    out, shares = np.empty_like(null.residuals), _shares(null)
    for unit in range(rows.n):
        own = np.flatnonzero(rows.unit_codes == unit)
        block = null.basis[own]
        rest = np.eye(len(own)) - block @ block.T - np.diag(shares[rows.period_codes[own]])
        out[own] = _inverse_root(rest) @ null.residuals[own]
    return out


def all_corrected(nulls: Sequence[NullModel]) -> list[FloatArray]:
    """Return `corrected` of several null models, made at once where they differ in one column of their bases."""
    first = nulls[0]
    if first.rows.balanced and all(_has_same_leverage(first, null) for null in nulls):
        together = CORRECTIONS.together(nulls)
        if together is not None:
            return list(together)
    return [corrected(null) for null in nulls]


def _shares(null: NullModel) -> FloatArray:
    """Return the share of a unit in the mean of each period that effects take out, shape (T,)."""
    rows = null.rows
    return 1 / np.bincount(rows.period_codes, minlength=rows.t) if null.by_time else np.zeros(rows.t)


class _Corrections:
    """How residuals of balanced panels are corrected; the last one is kept.

    The null models of an interval mostly differ in their residuals alone, and eigenvectors take longer than all their
    draws.
    """

    def __init__(self) -> None:
        self._last: tuple[NullModel, Callable[[FloatArray], FloatArray]] | None = None
        self._shared: tuple[NullModel, _Bordered] | None = None

    def apply(self, null: NullModel, by_unit: FloatArray) -> FloatArray:
        """Return residuals of a null model, shape (N, T, 1), corrected."""
        found = self.together([null])
        if found is not None:
            return np.asarray(found[0].reshape(by_unit.shape))
        last = self._last
        if last is None or last[0].basis is not null.basis or not _has_same_leverage(last[0], null):
            last = self._last = null, _correction(null)
        return last[1](by_unit)

    def together(self, nulls: Sequence[NullModel]) -> FloatArray | None:
        """Return corrected residuals of null models of the same leverage but for a column, shape (e, rows), or None."""
        first = nulls[0]
        if first.shared is None or first.basis.shape[1] >= first.rows.t:
            return None
        shared = self._shared
        if shared is None or not _has_same_leverage(shared[0], first):
            shared = self._shared = first, _Bordered(first.shared, first.rows, 1 - _shares(first)[0])
        borders, residuals = (
            np.stack(each, axis=1).reshape(first.rows.n, first.rows.t, -1)
            for each in ([null.basis[:, -1] for null in nulls], [null.residuals for null in nulls])
        )
        found = shared[1].apply(borders, residuals)
        return None if found is None else found.reshape(-1, len(nulls)).T


CORRECTIONS = _Corrections()


def _has_same_leverage(one: NullModel, other: NullModel) -> bool:
    return one.shared is other.shared and one.rows is other.rows and one.by_time == other.by_time


class _Bordered:
    """What multiplies by (cI - UU′ - uu′)^(-1/2) unit by unit, for many u and the same U.

    ``basis``, shape (N·T, k): U of all units. ``rest``: c.

    The inverse square root is a sum of resolvents at poles on the negative axis (Hale, Higham & Trefethen 2008, method
    3). With the eigenvectors of U′U each resolvent is that of a diagonal matrix with a border, which has a closed form.
    """

    def __init__(self, basis: FloatArray, rows: Rows, rest: float) -> None:
        blocks = basis.reshape(rows.n, rows.t, -1)
        values, vectors = np.linalg.eigh(blocks.transpose(0, 2, 1) @ blocks)
        self._axes, self._rest, least = blocks @ vectors, rest, WORST * rest
        modulus = 1 - WORST
        quarter = scipy.special.ellipk(modulus)
        sn, cn, dn, _ = scipy.special.ellipj((np.arange(POLES) + 0.5) * quarter / POLES, modulus)
        # distances of the poles from c
        self._far = rest + least * (sn / cn) ** 2
        self._weights = 2 / np.pi * quarter / POLES * np.sqrt(least) * dn / cn**2 / self._far
        self._inverse = 1 / (self._far - values[..., None])
        # a last place at the least eigenvalue that the poles are for
        left = rest - least - values
        self._least = 1 / left if (left > 0).all() else None

    def apply(self, u: FloatArray, by_unit: FloatArray) -> FloatArray | None:
        """Return columns multiplied, each with a border u of its own; None where an eigenvalue is too small.

        ``u``, ``by_unit``: shape (N, T, e).
        """
        turned = self._axes.transpose(0, 2, 1)
        own, beside, inner = np.einsum("nte,nte->ne", u, u), turned @ u, turned @ by_unit
        if self._least is None:
            return None
        if not (self._rest * (1 - WORST) - own > np.einsum("nke,nk->ne", beside**2, self._least)).all():
            return None
        # poles come last
        inverse = self._inverse
        of_border = np.einsum("nte,nte->ne", u, by_unit)[..., None] + (beside * inner).transpose(0, 2, 1) @ inverse
        of_border /= self._far - own[..., None] - (beside**2).transpose(0, 2, 1) @ inverse
        of_border *= self._weights
        along = inner * (inverse @ self._weights)[..., None] + beside * (inverse @ of_border.transpose(0, 2, 1))
        return np.asarray(self._rest**-0.5 * by_unit + self._axes @ along + u * of_border.sum(axis=2)[:, None])


def _correction(null: NullModel) -> Callable[[FloatArray], FloatArray]:
    """Return what multiplies residuals by (cI - UU′)^(-1/2), or by (I - UU′ - D)^(-1/2), unit by unit."""
    rows, shares = null.rows, _shares(null)
    blocks = null.basis.reshape(rows.n, rows.t, -1)
    if blocks.shape[2] < rows.t:
        return _of_few_columns(blocks, float(1 - shares[0]))
    root = _inverse_root(np.eye(rows.t) - blocks @ blocks.transpose(0, 2, 1) - np.diag(shares))
    return lambda by_unit: root @ by_unit


def _of_few_columns(blocks: FloatArray, rest: float) -> Callable[[FloatArray], FloatArray]:
    """Return what multiplies by (cI - UU′)^(-1/2), U with fewer columns than periods, by the eigenvectors of U′U.

    ``blocks``, shape (N, T, k): U of each unit. ``rest``: c.
    """
    turned = blocks.transpose(0, 2, 1)
    values, vectors = np.linalg.eigh(turned @ blocks)
    # in the direction Uv of length √value the root is 1/√(c - value) in place of 1/√c
    left = rest - values
    inverse = np.where(left > VANISHED, 1 / np.sqrt(np.where(left > VANISHED, left, 1.0)), 0.0)
    some = values > VANISHED
    change = np.where(some, (inverse - rest**-0.5) / np.where(some, values, 1.0), 0.5 * rest**-1.5)[..., None]
    back = vectors.transpose(0, 2, 1)

    def apply(by_unit: FloatArray) -> FloatArray:
        inner = back @ (turned @ by_unit)
        return np.asarray(rest**-0.5 * by_unit + blocks @ (vectors @ (change * inner)))

    return apply


def _inverse_root(matrices: FloatArray) -> FloatArray:
    values, vectors = np.linalg.eigh(matrices)
    safe = np.where(values > VANISHED, values, 1.0)
    scale = np.where(values > VANISHED, 1 / np.sqrt(safe), 0.0)
    return np.asarray((vectors * scale[..., None, :]) @ np.swapaxes(vectors, -1, -2))


def draws_of(null: NullModel, draws: Draws, some: slice = EVERY) -> FloatArray:
    """Return y* = y + S⁻¹(ε* - ε̂) of draws, or of some, shape (rows, M)."""
    errors = draws.errors(corrected(null), null.rows, some)
    return np.asarray(null.y[:, None] + null.unfiltered(errors - null.residuals[:, None]))


def basis_of(null: NullModel, residuals: FloatArray | None = None) -> FloatArray:
    """Return y - S⁻¹ε̂ and, for each part of the corrected residuals, S⁻¹ of it, shape (rows, C + 1).

    A draw is the first column plus the others times their weights; ``residuals`` are those of `corrected` where they
    are known. Without patterns a part is a unit's residuals.
    """
    rows = null.rows
    own = corrected(null) if residuals is None else residuals
    if null.patterns is None:
        columns = np.zeros((len(null.y), rows.n + 1))
        columns[np.arange(len(null.y)), rows.unit_codes + 1] = own
    else:
        spread, paths = null.patterns.parts(in_cells(own, rows), rows)
        columns = np.empty((len(null.y), len(paths) + 1))
        np.multiply(spread[rows.unit_codes], paths.T[rows.period_codes], out=columns[:, 1:])
    columns[:, 0] = -null.residuals
    out = null.unfiltered(columns)
    out[:, 0] += null.y
    return out


def p_value(observed: float, drawn: FloatArray) -> float:
    """Return (1 + number of draws with |t*| >= |t|)/(1 + draws); a draw that is no number counts as extreme."""
    smaller = np.abs(drawn) < abs(observed) * (1 - TIES)
    return float((1 + (~smaller).sum()) / (1 + len(drawn)))


def upper_p(observed: float, drawn: FloatArray) -> float:
    """Return (1 + number of draws with t* >= t)/(1 + draws); a draw that is no number counts as extreme."""
    smaller = drawn < observed - TIES * abs(observed)
    return float((1 + (~smaller).sum()) / (1 + len(drawn)))


def beyond_critical(draws: int, alpha: float) -> int:
    """Return how many of the largest statistics reach the critical value."""
    return int(np.floor(alpha * (1 + draws) * (1 + 1e-12)))


def alpha_of(level: float) -> float:
    """Return the largest p value that is significant at a level."""
    # 1 - 0.9 is a little less than 0.1, which is a p value of 19 draws
    return (1 - level) * (1 + 1e-12)


def critical(drawn: FloatArray, alpha: float) -> float:
    """Return the |t| up to which p exceeds alpha; infinite where the draws are too few or lost."""
    place = beyond_critical(len(drawn), alpha)
    if place == 0:
        return np.inf
    sizes = np.abs(drawn)
    sizes[np.isnan(sizes)] = np.inf
    if place == 1:
        return float(np.maximum.reduce(sizes))
    return float(np.partition(sizes, -place)[-place])


def uniform_critical(centre: FloatArray, fits: Sequence[tuple[FloatArray, FloatArray]], level: float) -> float:
    """Return the critical value of a band that holds all of q quantities with a level: of the largest |t| of draws.

    ``centre``, shape (q,): what the quantities are in the process that is drawn from. ``fits``: their estimates and
    standard errors in M draws; a draw without one of them counts as extreme. Montiel Olea & Plagborg-Møller (2019),
    Journal of Applied Econometrics 34; Callaway & Sant'Anna (2021), Journal of Econometrics 225, Algorithm 1.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        sizes = np.abs([(coef - at) / se for at, (coef, se) in zip(centre, fits, strict=True)])
    return critical(np.nan_to_num(sizes, nan=np.inf).max(axis=0), alpha_of(level))


@dataclass(frozen=True)
class Observed:
    """A quantity that is tested.

    ``at_zero``, each of shape (M,): estimates and standard errors of draws under zero. ``value_at``: the value at which
    the observed statistic has a size, with the sign of its distance from the estimate; infinite where there is none. By
    default, so many standard errors away. ``further``: blocks of other draws under zero, on which p rests as well.
    """

    estimate: float
    se: float
    at_zero: tuple[FloatArray, FloatArray]
    value_at: Callable[[float], float] | None = None
    further: tuple[tuple[FloatArray, FloatArray], ...] = ()

    @cached_property
    def drawn(self) -> FloatArray:
        """The statistics of draws under zero, shape (M,)."""
        with np.errstate(divide="ignore", invalid="ignore"):
            return self.at_zero[0] / self.at_zero[1]

    @cached_property
    def all_drawn(self) -> FloatArray:
        """The same of all blocks of draws."""
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.concatenate([self.drawn, *(estimates / errors for estimates, errors in self.further)])

    @cached_property
    def p(self) -> float:
        """The p value that the quantity is zero."""
        return p_value(self.estimate / self.se, self.all_drawn)

    def value(self, size: float) -> float:
        """Return the value at which the observed statistic has a size, signed."""
        return self.estimate + size * self.se if self.value_at is None else self.value_at(size)

    def tested(self, level: float, ends: tuple[float, float] | None) -> WildTest:
        """Return the test that the quantity is zero, and its interval by ends that were found.

        Zero is inside exactly where its own p exceeds 1 - level.
        """
        drawn, p = self.all_drawn, self.p
        lost = float((~np.isfinite(drawn)).mean())
        if ends is None:
            return WildTest(p, np.nan, np.nan, lost, draws=len(drawn))
        low, high = ends
        if p > alpha_of(level):
            low, high = min(low, 0.0), max(high, 0.0)
        elif low <= 0 <= high:
            # the test of zero speaks for zero: an end that passed it stops short of it, as near as ends are looked for
            short = min(NARROW * self.se, abs(self.estimate))
            low, high = (short, high) if self.estimate > 0 else (low, -short)
        return WildTest(p, float(low), float(high), lost, draws=len(drawn))


def wild_test(
    estimate: float,
    se: float,
    at_zero: tuple[FloatArray, FloatArray],
    at: Callable[[float], tuple[FloatArray, FloatArray]] | None,
    level: float,
) -> WildTest:
    """Return `wild_tests` of one quantity; ``at`` are estimates and standard errors of draws under a value."""

    def all_at(asked: Sequence[tuple[int, float]]) -> list[tuple[FloatArray, FloatArray]]:
        return [at(value) for _, value in asked] if at else []

    return wild_tests([Observed(estimate, se, at_zero)], all_at if at else None, level)[0]


def wild_tests(quantities: Sequence[Observed], at: Drawn | None, level: float) -> list[WildTest]:
    """Return the tests that quantities are zero, and the values that the same tests do not reject.

    ``at``: estimates and standard errors of draws under values; None leaves the intervals out. ``level``: coverage of
    the intervals.

    The interval holds the values τ with |q̂ - τ|/se <= c(τ), c the critical value of draws under q = τ. Where c changes
    slowly, each end is found by secant steps from q̂ ± c(0)·se. Where it does not, as when one unit has most of the
    leverage, or where draws are few, the end is the last value that is not rejected: values inside may be. All ends are
    looked for side by side, so that draws under their values can be fitted together.
    """
    if at is None:
        return [one.tested(level, None) for one in quantities]
    alpha = alpha_of(level)
    limits = [critical(one.drawn, alpha) for one in quantities]
    sides = [(place, side) for place in range(len(quantities)) for side in (-1.0, 1.0)]
    ends = _side_by_side(
        [_end(quantities[place], side, limits[place], alpha) for place, side in sides],
        lambda asked: [
            # as for p: opposite signs of all units have the observed size up to rounding
            size * (1 - TIES) - critical((drawn - value) / errors, alpha)
            for (size, value), (drawn, errors) in zip(
                (numbers for _, numbers in asked),
                at([(sides[search][0], value) for search, (_, value) in asked]),
                strict=True,
            )
        ],
    )
    return [one.tested(level, (ends[2 * place], ends[2 * place + 1])) for place, one in enumerate(quantities)]


def _side_by_side(
    searches: Sequence[Search], excesses: Callable[[list[tuple[int, tuple[float, float]]]], list[float]]
) -> list[float]:
    """Return what searches find, all that they ask for in one step made at once."""
    found, answers = [np.nan] * len(searches), dict[int, float | None].fromkeys(range(len(searches)))
    while answers:
        asked: list[tuple[int, tuple[float, float]]] = []
        for place, answer in answers.items():
            try:
                asked.append((place, next(searches[place]) if answer is None else searches[place].send(answer)))
            except StopIteration as done:
                found[place] = done.value
        if not asked:
            break
        with np.errstate(divide="ignore", invalid="ignore"):
            answers = dict(zip((place for place, _ in asked), excesses(asked), strict=True))
    return found


def _end(one: Observed, side: float, at_zero: float, alpha: float) -> Search:
    """Search for the last value on one side of the estimate that the test does not reject.

    ``side``: -1 or 1. ``at_zero``: the critical value under zero.

    Where secants fail, values up to 256 times as far away as the first guess are tried; an interval that goes on has no
    end. Where the critical value is one of few draws it jumps, and secants are not tried.
    """
    known: dict[float, float] = {}

    def end(size: float) -> float:
        return one.value(side * size)

    def excess(size: float) -> Generator[tuple[float, float], float, float]:
        """Return by how much the statistic of a size, observed at a value, is beyond its critical value there."""
        if size not in known:
            value = end(size)
            known[size] = (yield size, value) if np.isfinite(value) else -np.inf
        return known[size]

    if not np.isfinite(at_zero):
        return end(np.inf)
    if alpha * (1 + len(one.drawn)) >= ENOUGH:
        # the size at the value zero, negative on the other side of the estimate; of a ratio it is another statistic's
        zero = at_zero if one.value_at is not None else -side * one.estimate / one.se
        distance = yield from _by_secants(excess, at_zero, zero)
        if distance is not None:
            return end(distance)
    places = _with_value(end, at_zero * PLACES)
    # values beyond one that is rejected may not be, so the search begins far away
    last = len(places) - 1
    while (yield from excess(float(places[last]))) > 0:
        last -= 1
    if last == len(places) - 1:
        return end(np.inf)
    inside, outside = float(places[last]), float(places[last + 1])
    # an excess that hardly changes says little about how far its zero is
    while outside - inside > max(NARROW, NARROW * outside):
        middle = (inside + outside) / 2
        inside, outside = (inside, middle) if (yield from excess(middle)) > 0 else (middle, outside)
    return end((inside + outside) / 2)


def _with_value(end: Callable[[float], float], places: FloatArray) -> FloatArray:
    """Return the sizes that the observed statistic has at some value, and one beside the first that it never has."""
    finite = np.isfinite([end(float(place)) for place in places])
    if finite.all():
        return places
    beyond = int(finite.argmin())
    inside, outside = float(places[beyond - 1]), float(places[beyond])
    while outside - inside > LAST * outside:
        middle = (inside + outside) / 2
        inside, outside = (middle, outside) if np.isfinite(end(middle)) else (inside, middle)
    return np.append(places[:beyond], inside)


def _by_secants(
    excess: Callable[[float], Generator[tuple[float, float], float, float]], critical_at_zero: float, zero: float
) -> Generator[tuple[float, float], float, float | None]:
    """Return the distance at which an excess becomes positive; None where critical values change fast.

    ``zero``: the distance of the value zero, negative on the other side of the estimate.
    """
    distance, before, excess_before = critical_at_zero, zero, zero - critical_at_zero
    for _ in range(MOST_STEPS):
        now = yield from excess(distance)
        if not np.isfinite(now):
            return None
        slope = (now - excess_before) / (distance - before) if abs(distance - before) > CLOSE else 1.0
        if not SAFE < slope < 2 - SAFE:
            return None
        before, excess_before = distance, now
        distance -= now / slope
        if abs(distance - before) < CLOSE:
            return distance
    return None
