"""Thresholds one after another, their tests by a bootstrap of whole units, and their likelihood ratios."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Generic, Literal, Protocol, TypeVar

import numpy as np
from numpy.random import Generator

from digicarbon.arrays import FloatArray, IntArray
from digicarbon.numeric.linear.within import absorbed_rank
from digicarbon.numeric.resampling.null_model import NullModel, without
from digicarbon.numeric.resampling.unit_wild import alpha_of, beyond_critical, corrected
from digicarbon.numeric.slices import slices
from digicarbon.packs.threshold.numeric.search import Candidates, Ordered, Search

Resampling = Literal["units", "signs"]
Sets = Literal["draws", "clustered", "likelihood", "robust"]
NEAR = 0.1
"""Share of the rows, on either side of a threshold, that scores of units at the threshold are sums over."""
TESTED = (0.9, 0.95, 0.99)
"""Quantiles of the bootstrap that are critical values."""
TRIED, NEAR_RATIO, FAR_RATIO = 24, 4, 20
"""How many candidates samples have as their threshold, in two halves: those whose ratio is up to 4 and up to 20 of
Hansen's critical values of 95 %. Others are outside of every set."""
_CYCLES = 20
Sampled = Callable[[FloatArray], Iterator[FloatArray]]
"""From errors, shape (rows,), to those of samples, each of shape (M, rows)."""
KEPT = 2**18
"""Rows of the designs that are kept for further draws, about."""


@dataclass(frozen=True, eq=False)
class Curve:
    """The likelihood ratio of one threshold, given the others."""

    place: int
    """Of the estimate, in the order of the threshold variable."""
    candidates: IntArray
    """Places, shape (G,)."""
    ratio: FloatArray
    """0 at the estimate, shape (G,)."""
    scale: float
    """What ratios are divided by; 1 for the likelihood as it is."""
    unscaled: bool = False
    """Whether the scale is 1 because its estimate is not positive or not finite."""
    tested: IntArray | None = None
    """Numbers of the candidates that bootstrap samples have as their threshold, shape (C,); None without samples."""
    drawn: FloatArray | None = None
    """Likelihood ratios of these candidates in the samples, from the lowest to the highest one, shape (C, B)."""

    def critical(self, level: float) -> FloatArray:
        """Return the ratio up to which each candidate is in the confidence set, shape (G,).

        Between candidates that were tested it is interpolated; it is zero for those that are outside of every set.
        """
        if self.tested is None or self.drawn is None:
            return np.full(len(self.candidates), critical_ratio(level))
        most = beyond_critical(self.drawn.shape[1], alpha_of(level))
        if not most:
            return np.full(len(self.candidates), np.inf)
        own = self.drawn[:, -most]
        return np.where(
            self.ratio <= FAR_RATIO * critical_ratio(0.95),
            np.interp(np.arange(len(self.candidates)), self.tested, own),
            0.0,
        )


@dataclass(frozen=True, eq=False)
class ThresholdTest:
    """The test of one threshold more against those before it."""

    statistic: float
    """F, as Hansen has it: the fall of the sum of squares over the variance."""
    draws: FloatArray
    """The same of bootstrap samples without that threshold; empty where there are none. Shape (B,)."""

    @property
    def p(self) -> float:
        """Share of draws that are as large, the sample itself counted as one of them; not a number without draws."""
        if not len(self.draws):
            return float("nan")
        return float((np.count_nonzero(self.draws >= self.statistic) + 1) / (len(self.draws) + 1))

    @property
    def critical(self) -> tuple[float, ...]:
        """The critical values of 10, 5 and 1 %; none without draws."""
        return tuple(np.quantile(self.draws, TESTED).tolist()) if len(self.draws) else ()


@dataclass(frozen=True, eq=False)
class Thresholds:
    """Estimated thresholds."""

    curves: tuple[Curve, ...]
    """From the lowest threshold to the highest one."""
    tests: tuple[ThresholdTest, ...]
    """Of the first threshold against none, of the second against one, ..."""
    ssr: float
    df: int
    """Rows less the parameters of effects."""

    @property
    def places(self) -> tuple[int, ...]:
        """Places of the thresholds, in their order."""
        return tuple(curve.place for curve in self.curves)


class TooFewCandidatesError(ValueError):
    """No value of the threshold variable leaves enough rows in each regime and identifies all slopes."""

    def __init__(self, known: int) -> None:
        super().__init__(known)
        self.known = known


def critical_ratio(level: float) -> float:
    """Return the value that the likelihood ratio of the true threshold stays below with a probability.

    -2 ln(1 - √level), from Hansen's distribution (1 - exp(-x/2))².
    """
    return float(-2 * np.log(1 - np.sqrt(level)))


_Found = TypeVar("_Found", bound=Candidates)


class Fits(Protocol[_Found]):
    """A sample, and how a model with thresholds is fitted to it."""

    @property
    def ordered(self) -> Ordered:
        """The rows of the sample."""

    def search(self, candidates: IntArray, known: Sequence[int]) -> _Found:
        """Return what finds one more threshold among candidates, given those that are known."""

    def gains(self, search: _Found) -> FloatArray:
        """Return by how much each candidate makes the fit better, shape (G,)."""

    def statistic(self, search: _Found) -> float:
        """Return the test of the best candidate against none."""

    def drawn(self, search: _Found, known: list[int], errors_of: list[int], sampled: Sampled) -> FloatArray:
        """Return the statistics of bootstrap samples, shape (B,).

        ``known``: thresholds of the samples. ``errors_of``: those of the model whose residuals are sampled.
        """

    def fitted(self, places: list[int]) -> tuple[float, int]:
        """Return the sum of squares with thresholds, and the rows less the parameters of effects."""

    def curve(self, search: _Found, places: list[int], at: int) -> Curve:
        """Return the likelihood ratio of one of the thresholds, given the others; ``search`` is that given them."""

    def best(self, search: _Found, outcomes: FloatArray) -> IntArray:
        """Return the place of the best candidate for each outcome, shape (M,). ``outcomes``: shape (M, rows)."""


def estimate(
    ordered: Ordered,
    y: FloatArray,
    count: int,
    trim: float,
    most: int | None = None,
    draws: int = 0,
    seed: int = 0,
    resampling: Resampling = "units",
    sets: Sets = "likelihood",
    levels: IntArray | None = None,
) -> Thresholds:
    """Estimate thresholds of a regression by least squares; arguments and notes as in `thresholds_of`.

    ``y``: shape (rows,). ``sets``: whether likelihood ratios are compared with those of as many bootstrap samples as
    tests have, or divided by something: nothing, η² of Hansen (2000) for errors whose variance depends on the threshold
    variable, or the variance of scores of units for errors that are correlated within units. Raises
    TooFewCandidatesError.
    """
    fits = LeastSquares(ordered, y, sets, draws, seed, levels)
    return thresholds_of(fits, count, trim, most, draws, seed, resampling, levels)


def thresholds_of(
    fits: Fits[_Found],
    count: int,
    trim: float,
    most: int | None = None,
    draws: int = 0,
    seed: int = 0,
    resampling: Resampling = "units",
    levels: IntArray | None = None,
) -> Thresholds:
    """Estimate thresholds one after another; after each, the earlier ones again, given the others, until none moves.

    ``count``: number of thresholds. ``trim``: least share of rows in a regime. ``most``: number of quantiles that are
    candidates; None: all values. ``draws``: bootstrap samples of each test. ``resampling``: units' residuals drawn with
    replacement (balanced panels), or each unit's own with a sign. ``levels``: the number of each unit's cluster, shape
    (N,), whose units have one sign; None: each unit has its own. Raises TooFewCandidatesError.

    Bootstrap samples have regressors, the threshold variable and the earlier thresholds of the sample. Units are drawn
    from the residuals of the model with the threshold that is tested, as Hansen does; signs change those of the model
    without it, which are not too small where the threshold could choose its rows.

    Hansen (1999), Journal of Econometrics 93. Bai (1997), Econometric Theory 13, on the second step.
    """
    rng = np.random.default_rng(seed)
    places: list[int] = []
    tests: list[ThresholdTest] = []

    def sampled(errors: FloatArray) -> Iterator[FloatArray]:
        return _samples(fits.ordered, errors, draws, rng, resampling, levels)

    for known in range(count):
        search = _search(fits, trim, most, places, known)
        best = int(search.candidates[int(np.argmax(fits.gains(search)))])
        found = [*places, best]
        errors_of = found if resampling == "units" else places
        values = fits.drawn(search, places, errors_of, sampled) if draws else np.empty(0)
        tests.append(ThresholdTest(fits.statistic(search), values))
        places = _refined(fits, found, trim, most)
    curves = []
    for at in range(count):
        others = places[:at] + places[at + 1 :]
        curves.append(fits.curve(_search(fits, trim, most, others, len(others)), places, at))
    return Thresholds(tuple(sorted(curves, key=lambda curve: curve.place)), tuple(tests), *fits.fitted(places))


def _search(fits: Fits[_Found], trim: float, most: int | None, others: list[int], known: int) -> _Found:
    """Return the search over candidates that identify all slopes."""
    candidates = fits.ordered.candidates(trim, most, others)
    if not len(candidates):
        raise TooFewCandidatesError(known)
    search = fits.search(candidates, others)
    usable = search.usable
    if usable.all():
        return search
    if not usable.any():
        raise TooFewCandidatesError(known)
    return search.only(usable)


def _refined(fits: Fits[_Found], places: list[int], trim: float, most: int | None) -> list[int]:
    """Return thresholds each of which is the best one given the others."""
    now, still, at = list(places), 1, 0
    while still < len(now) and at < _CYCLES * len(now):
        one = at % len(now)
        others = now[:one] + now[one + 1 :]
        search = _search(fits, trim, most, others, len(others))
        best = int(search.candidates[int(np.argmax(fits.gains(search)))])
        still = still + 1 if best == now[one] else 1
        now[one], at = best, at + 1
    return now


def groups_of(places: IntArray) -> Iterator[tuple[tuple[int, ...], IntArray]]:
    """Yield each distinct row of places, shape (M, count), and which rows are equal to it."""
    if not places.shape[1]:
        yield (), np.arange(len(places))
        return
    distinct, group = np.unique(places, axis=0, return_inverse=True)
    for number, row in enumerate(distinct):
        yield tuple(map(int, row)), np.flatnonzero(group.ravel() == number)


class Again(Generic[_Found]):
    """Finds thresholds of many outcomes of a sample, each as `thresholds_of` finds its own by the same arguments."""

    def __init__(self, fits: Fits[_Found], count: int, trim: float, most: int | None = None) -> None:
        self._fits, self._count, self._trim, self._most = fits, count, trim, most
        self._searches: dict[tuple[int, ...], _Found | None] = {}

    def places(self, outcomes: FloatArray) -> IntArray:
        """Return the places of the thresholds of each outcome, shape (M, count).

        They are -1 where no value is left for one threshold more. ``outcomes``: shape (M, rows). Outcomes whose other
        thresholds are the same share a search.
        """
        places = np.zeros((len(outcomes), 0), dtype=np.intp)
        lost = np.zeros(len(outcomes), dtype=bool)

        def best(others: IntArray, some: IntArray) -> IntArray:
            out = np.full(len(some), -1)
            for known, own in groups_of(np.sort(others, axis=1)):
                search = self._search(known)
                if search is not None:
                    out[own] = self._fits.best(search, outcomes[some[own]])
            lost[some[out < 0]] = True
            return out

        for known in range(self._count):
            some, added = np.flatnonzero(~lost), np.full((len(outcomes), 1), -1)
            added[some, 0] = best(places[some], some)
            places = np.column_stack([places, added])
            still, at = np.ones(len(outcomes), dtype=np.intp), 0
            while at < _CYCLES * (known + 1) and len(some := np.flatnonzero((still <= known) & ~lost)):
                one = at % (known + 1)
                now = best(np.delete(places[some], one, axis=1), some)
                still[some] = np.where(now == places[some, one], still[some] + 1, 1)
                places[some, one], at = now, at + 1
        places[lost] = -1
        return np.sort(places, axis=1)

    def _search(self, known: tuple[int, ...]) -> _Found | None:
        if known not in self._searches:
            if len(self._searches) * len(self._fits.ordered.q) > KEPT:
                self._searches.clear()
            try:
                self._searches[known] = _search(self._fits, self._trim, self._most, list(known), len(known))
            except TooFewCandidatesError:
                self._searches[known] = None
        return self._searches[known]


@dataclass(frozen=True, eq=False)
class LeastSquares:
    """Regressions with thresholds; what they are compared by is the sum of squares."""

    ordered: Ordered
    y: FloatArray
    """Shape (rows,)."""
    sets: Sets
    draws: int = 0
    seed: int = 0
    levels: IntArray | None = None
    """`sets`, `draws`, `seed`, `levels`: as in `estimate`."""

    @cached_property
    def df(self) -> int:
        """Rows less the parameters of effects."""
        return len(self.y) - max(absorbed_rank(self.ordered.rows, self.ordered.effects), 1)

    def search(self, candidates: IntArray, known: Sequence[int]) -> Search:
        """Return what finds one more threshold."""
        return self.ordered.search(candidates, known)

    def best(self, search: Search, outcomes: FloatArray) -> IntArray:
        """Return the place of the best candidate for each outcome, shape (M,). ``outcomes``: shape (M, rows)."""
        return search.largest(outcomes)[2]

    def gains(self, search: Search) -> FloatArray:
        """Return by how much each candidate lowers the sum of squares, shape (G,)."""
        return np.asarray(search.drops(search.residuals(self.y[None]))[0])

    def statistic(self, search: Search) -> float:
        """Return F."""
        left = search.residuals(self.y[None])[0]
        before, drop = float(left @ left), float(self.gains(search).max())
        return drop / ((before - drop) / self.df)

    def drawn(self, search: Search, known: list[int], errors_of: list[int], sampled: Sampled) -> FloatArray:
        """Return F of samples; sums of squares do not depend on the slopes, so that errors alone are fitted."""
        values = []
        for outcomes in sampled(self.left(errors_of)):
            total, fall, _ = search.largest(outcomes)
            values.append(fall / ((total - fall) / self.df))
        return np.concatenate(values)

    def left(self, places: list[int]) -> FloatArray:
        """Return the residuals of the model with thresholds, shape (rows,)."""
        return without(self.ordered.basis(places), self.ordered.demeaned(self.y[:, None])[:, 0])

    def fitted(self, places: list[int]) -> tuple[float, int]:
        """Return the sum of squares and the degrees of freedom."""
        errors = self.left(places)
        return float(errors @ errors), self.df

    def curve(self, search: Search, places: list[int], at: int) -> Curve:
        """Return the likelihood ratio of a threshold, scaled where sets are not those of the likelihood."""
        ordered, drop, errors = self.ordered, self.gains(search), self.left(places)
        scale, unscaled = 1.0, False
        if self.sets == "draws":
            ratio = (drop.max() - drop) / (float(errors @ errors) / self.df)
            tested = _spread(ratio)
            rng = np.random.default_rng([self.seed, at])
            signs = _signs(rng, self.draws, ordered.rows.n, self.levels)
            drawn = np.stack([np.sort(self._ratios_under(search, one, signs)) for one in tested])
            return Curve(places[at], search.candidates, ratio, scale, unscaled, tested, drawn)
        if self.sets != "likelihood":
            others = places[:at] + places[at + 1 :]
            columns = np.column_stack([ordered.basis(others), ordered.demeaned(ordered.below(places[at]))])
            y = ordered.demeaned(self.y[:, None])[:, 0]
            change = np.linalg.lstsq(columns, y, rcond=None)[0][-ordered.x.shape[1] :]
            scaled = _variance_at if self.sets == "robust" else _clustered_at
            scale = scaled(ordered, places[at], ordered.x @ change, errors, self.df)
            # a parabola may go below zero, where it says nothing
            unscaled = not (np.isfinite(scale) and scale > 0)
            scale = 1.0 if unscaled else scale
        ratio = (drop.max() - drop) / (float(errors @ errors) / self.df) / scale
        return Curve(places[at], search.candidates, ratio, scale, unscaled)

    def _ratios_under(self, search: Search, one: int, signs: FloatArray) -> FloatArray:
        """Return the likelihood ratio of a candidate, by its number, in samples that have the threshold there: (B,).

        A sample has the slopes of the regression at this threshold and its residuals, corrected for leverage, those of
        a unit with one sign. How uncertain a threshold is depends on the size of the change of slopes δ. The square of
        its estimate is too large by its variance, so that samples have δ√(1 - k/w) with w its Wald statistic by unit or
        cluster, and no change where w < k.
        """
        ordered, place = self.ordered, int(search.candidates[one])
        own = without(search.basis, ordered.demeaned(ordered.below(place))) @ search.roots[one]
        left = search.residuals(self.y[None])[0]
        change = own.T @ left
        errors = left - own @ change
        scores = ordered.rows.sums(own * errors[:, None], "unit")
        if self.levels is not None:
            scores = np.stack([np.bincount(self.levels, one) for one in scores.T], axis=1)
        wald = float(change @ np.linalg.pinv(scores.T @ scores, hermitian=True) @ change)
        change = change * np.sqrt(max(1 - len(change) / wald, 0.0)) if wald > 0 else 0.0 * change
        null = NullModel(self.y, errors, ordered.rows, np.column_stack([search.basis, own]), False)
        return search.ratios(own @ change, ordered.demeaned(corrected(null)[:, None])[:, 0], signs, one, self.df)


def _spread(ratio: FloatArray) -> IntArray:
    """Return numbers of candidates that may be in a set, all or about `TRIED` of them, the estimate among them."""
    near, far = (np.flatnonzero(ratio <= most * critical_ratio(0.95)) for most in (NEAR_RATIO, FAR_RATIO))
    if len(far) <= TRIED:
        return far
    even = [those[np.round(np.linspace(0, len(those) - 1, TRIED // 2)).astype(int)] for those in (near, far)]
    return np.unique(np.concatenate([*even, [int(np.argmin(ratio))]]))


def _variance_at(ordered: Ordered, place: int, jump: FloatArray, errors: FloatArray, df: int) -> float:
    """Return η² of Hansen (2000): what the variance of errors at a threshold is, in terms of the mean one.

    E[(δ′x)² e² | q = γ] over σ² E[(δ′x)² | q = γ], δ the change of slopes; both from quadratic regressions on q. Not a
    number where the second one is not positive.
    """
    square = np.square(jump)
    spread = float(np.std(ordered.q)) or 1.0
    distance = (ordered.q - ordered.value(place)) / spread
    powers = np.column_stack([np.ones_like(distance), distance, np.square(distance)])
    both = np.linalg.lstsq(powers, np.column_stack([square * np.square(errors), square]), rcond=None)[0][0]
    mean = float(errors @ errors) / len(errors)
    return float(both[0] / (mean * both[1])) if mean * both[1] > 0 else float("nan")


def _clustered_at(ordered: Ordered, place: int, jump: FloatArray, errors: FloatArray, df: int) -> float:
    """Return the variance of scores of units near a threshold over that of independent errors, 1 at least.

    Σ_i (Σ_t δ′x e)² over σ² Σ (δ′x)², δ the change of slopes, δ′x zero outside of the rows near the threshold and less
    unit means in the second sum. Where the threshold variable hardly moves within units, a unit's rows are all near it
    or none is, so that the correlation of its errors does not become negligible however many rows there are. A ratio
    below 1 is an accident of few units more often than a smaller variance.
    """
    many = int(np.ceil(NEAR * len(errors)))
    near = np.zeros(len(errors))
    near[ordered.order[max(place + 1 - many, 0) : place + 1 + many]] = 1.0
    own = jump * near
    scores = np.bincount(ordered.rows.unit_codes, own * errors)
    inner = ordered.demeaned(own[:, None])[:, 0]
    independent = float(errors @ errors) / df * float(inner @ inner)
    return max(float(scores @ scores) / independent, 1.0) if independent > 0 else 1.0


def _signs(rng: Generator, draws: int, units: int, levels: IntArray | None) -> FloatArray:
    """Return a sign of each unit, the same for those of a cluster, shape (draws, N)."""
    own = np.arange(units) if levels is None else levels
    return np.asarray((2.0 * rng.integers(0, 2, (draws, own.max() + 1)) - 1)[:, own])


def _samples(
    ordered: Ordered, errors: FloatArray, draws: int, rng: Generator, resampling: Resampling, levels: IntArray | None
) -> Iterator[FloatArray]:
    """Yield errors of bootstrap samples, each of shape (M, rows)."""
    rows = ordered.rows
    for some in slices(draws, 2**21 // len(errors)):
        many = some.stop - some.start
        if resampling == "units":
            drawn = rng.integers(0, rows.n, (many, rows.n))
            yield errors.reshape(rows.n, rows.t)[drawn].reshape(many, -1)
        else:
            yield errors * _signs(rng, many, rows.n, levels)[:, rows.unit_codes]
