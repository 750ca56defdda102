"""Thresholds: sums over ordered rows against a loop of least squares over all candidates."""

from __future__ import annotations

from itertools import combinations, pairwise

import numpy as np
import pytest

from digicarbon.arrays import FloatArray
from digicarbon.numeric.linear.within import EffectsKind, Rows, absorb
from digicarbon.packs.threshold.numeric.estimator import (
    Resampling,
    Thresholds,
    TooFewCandidatesError,
    critical_ratio,
    estimate,
)
from digicarbon.packs.threshold.numeric.search import Ordered

EFFECTS: tuple[EffectsKind, ...] = ("none", "unit", "time", "two_way")


def drawn(
    k: int, keep: float, seed: int = 1, n: int = 12, t: int = 6, ties: bool = False, changes: tuple[float, ...] = (0.3,)
) -> tuple[Rows, FloatArray, FloatArray, FloatArray, FloatArray]:
    """Rows, x, common columns, q and the outcome; a slope grows by 1.5 where q passes a value."""
    rng = np.random.default_rng(seed)
    unit, period = np.divmod(np.arange(n * t), t)
    kept = rng.random(n * t) < keep
    unit, period = np.unique(unit[kept], return_inverse=True)[1], period[kept]
    size = len(unit)
    x, common = rng.normal(2, 1, (size, k)), rng.normal(size=(size, 2))
    q = rng.normal(size=size) + 0.5 * x[:, 0]
    if ties:
        q = np.round(q, 1)
    y = x.sum(axis=1) + common.sum(axis=1) + rng.normal(size=n)[unit] + 0.5 * rng.normal(size=size)
    y = y + sum(1.5 * x[:, 0] * (q > change) for change in changes)
    return Rows(unit, period, int(unit.max()) + 1, t), x, common, q, y


def plain_ssr(ordered: Ordered, y: FloatArray, values: list[float]) -> float:
    """The sum of squares of the model with thresholds, by least squares on its columns."""
    parts = [ordered.x, ordered.common, *(ordered.x * (ordered.q <= value)[:, None] for value in values)]
    constant = [np.ones((len(y), 1))] if ordered.effects == "none" else []
    columns = absorb(np.column_stack([*parts, *constant, y]), ordered.rows, ordered.effects)
    b = np.linalg.lstsq(columns[:, :-1], columns[:, -1], rcond=None)[0]
    return float(((columns[:, -1] - columns[:, :-1] @ b) ** 2).sum())


@pytest.mark.parametrize("effects", EFFECTS)
@pytest.mark.parametrize(("k", "keep", "ties"), [(1, 1.0, False), (2, 1.0, True), (2, 0.8, False), (1, 0.7, True)])
def test_every_candidate_is_least_squares(effects: EffectsKind, k: int, keep: float, ties: bool) -> None:
    rows, x, common, q, y = drawn(k, keep, ties=ties)
    ordered = Ordered(x, common, q, rows, effects)
    candidates = ordered.candidates(0.1)
    assert len(candidates) > 15
    for known in ([], [int(candidates[4])], [int(candidates[4]), int(candidates[-4])]):
        others = ordered.candidates(0.1, others=known)
        search = ordered.search(others, known)
        assert search.usable.all()
        left = search.residuals(y[None])
        found = float(left[0] @ left[0]) - search.drops(left)[0]
        values = [ordered.value(place) for place in known]
        plain = [plain_ssr(ordered, y, [*values, ordered.value(place)]) for place in others.tolist()]
        np.testing.assert_allclose(found, plain, rtol=1e-9)


def by_loops(ordered: Ordered, y: FloatArray, count: int, trim: float) -> list[float]:
    """Thresholds one after another, the earlier ones again, by least squares on every candidate."""
    values = np.unique(ordered.q)

    def best(others: list[float]) -> float:
        least = np.ceil(trim * len(y) - 1e-9)
        sums: dict[float, float] = {}
        for value in values.tolist():
            edges = [-np.inf, *sorted([*others, value]), np.inf]
            counts = [((ordered.q > low) & (ordered.q <= high)).sum() for low, high in pairwise(edges)]
            if value not in others and min(counts) >= least:
                sums[value] = plain_ssr(ordered, y, [*others, value])
        return min(sums, key=sums.__getitem__)

    found: list[float] = []
    for _ in range(count):
        found.append(best(found))
        for _ in range(10):
            before = list(found)
            for at in range(len(found)):
                found[at] = best(found[:at] + found[at + 1 :])
            if before == found:
                break
    return sorted(found)


@pytest.mark.parametrize("keep", [1.0, 0.85])
@pytest.mark.parametrize("effects", ["unit", "two_way"])
def test_several_thresholds_are_those_of_loops(keep: float, effects: EffectsKind) -> None:
    rows, x, common, q, y = drawn(1, keep, changes=(0.3, 1.6))
    ordered = Ordered(x, common, q, rows, effects)
    for count in (1, 2, 3):
        found = estimate(ordered, y, count, 0.08)
        values = [ordered.value(place) for place in found.places]
        assert values == by_loops(ordered, y, count, 0.08)
        np.testing.assert_allclose(found.ssr, plain_ssr(ordered, y, values), rtol=1e-10)


def test_statistic_and_likelihood_ratio_are_those_of_sums_of_squares() -> None:
    rows, x, common, q, y = drawn(2, 1.0)
    ordered = Ordered(x, common, q, rows, "two_way")
    found = estimate(ordered, y, 1, 0.1)
    value = ordered.value(found.places[0])
    before, after = plain_ssr(ordered, y, []), plain_ssr(ordered, y, [value])
    df = len(y) - rows.n - rows.t + 1
    assert found.df == df
    np.testing.assert_allclose(found.tests[0].statistic, (before - after) / (after / df), rtol=1e-9)
    curve = found.curves[0]
    plain = [
        (plain_ssr(ordered, y, [ordered.value(place)]) - after) / (after / df) for place in curve.candidates.tolist()
    ]
    np.testing.assert_allclose(curve.ratio, plain, rtol=1e-7, atol=1e-9)
    assert curve.ratio[curve.candidates.tolist().index(curve.place)] == 0
    assert np.isnan(found.tests[0].p)
    assert found.tests[0].critical == ()


@pytest.mark.parametrize("resampling", ["units", "signs"])
def test_draws_are_fits_to_whole_units_residuals(resampling: Resampling) -> None:
    """The first draw of each kind is made again from its definition, with the slopes of the null model in it."""
    rows, x, common, q, y = drawn(1, 1.0)
    ordered = Ordered(x, common, q, rows, "unit")
    found = estimate(ordered, y, 2, 0.1, draws=20, seed=7, resampling=resampling)
    assert [len(test.draws) for test in found.tests] == [20, 20]
    rng = np.random.default_rng(7)
    value = by_loops(ordered, y, 1, 0.1)[0]
    further = [x * (q <= value)[:, None]] if resampling == "units" else []
    columns = absorb(np.column_stack([x, common, *further, y]), rows, "unit")
    b = np.linalg.lstsq(columns[:, :-1], columns[:, -1], rcond=None)[0]
    errors = (columns[:, -1] - columns[:, :-1] @ b).reshape(rows.n, rows.t)
    if resampling == "units":
        drawn_errors = errors[rng.integers(0, rows.n, (20, rows.n))[0]].ravel()
    else:
        drawn_errors = (errors * (2.0 * rng.integers(0, 2, (20, rows.n))[0] - 1)[:, None]).ravel()
    outcome = x[:, 0] * 3 - common[:, 0] + drawn_errors
    best = by_loops(ordered, outcome, 1, 0.1)[0]
    before, after = plain_ssr(ordered, outcome, []), plain_ssr(ordered, outcome, [best])
    np.testing.assert_allclose(found.tests[0].draws[0], (before - after) / (after / found.df), rtol=1e-8)
    assert found.tests[0].p == 1 / 21
    assert 0 < found.tests[1].p <= 1
    assert list(found.tests[0].critical) == sorted(found.tests[0].critical)
    again = estimate(ordered, y, 2, 0.1, draws=20, seed=7, resampling=resampling)
    assert np.array_equal(again.tests[1].draws, found.tests[1].draws)


def test_quantiles_are_candidates_among_all_values() -> None:
    rows, x, common, q, _ = drawn(1, 1.0)
    ordered = Ordered(x, common, q, rows, "unit")
    every, some = ordered.candidates(0.1), ordered.candidates(0.1, 9)
    assert len(some) == 9
    assert set(some.tolist()) <= set(every.tolist())
    least = np.ceil(0.1 * len(q))
    assert every.min() + 1 == least
    assert len(q) - every.max() - 1 == least


def test_nine_quantiles_of_a_hundred_values_are_the_deciles() -> None:
    rng = np.random.default_rng(2)
    q = rng.permutation(100.0 + np.arange(100))
    ordered = Ordered(rng.normal(size=(100, 1)), np.empty((100, 0)), q, drawn(1, 1.0)[0], "none")
    places = ordered.candidates(0.1, 9)
    assert [ordered.value(place) for place in places.tolist()] == [109 + 10 * decile for decile in range(9)]


def test_ratio_is_scaled_by_what_the_variance_is_at_the_threshold() -> None:
    rng = np.random.default_rng(3)
    n, t = 300, 8
    unit, period = np.divmod(np.arange(n * t), t)
    x, q = rng.normal(size=(n * t, 1)), rng.uniform(-1, 1, n * t)
    # at the threshold, the middle of q, errors vary less than on average
    y = x[:, 0] * (1 + 0.6 * (q > 0)) + rng.normal(size=n * t) * np.sqrt(0.2 + 2.4 * q**2)
    ordered = Ordered(x, np.empty((n * t, 0)), q, Rows(unit, period, n, t), "unit")
    plain, scaled = (estimate(ordered, y, 1, 0.05, sets=sets).curves[0] for sets in ("likelihood", "robust"))
    assert plain.scale == 1
    # unit means leave 1/8 of the mean variance in every row
    assert 0.2 < scaled.scale < 0.5
    np.testing.assert_allclose(scaled.ratio * scaled.scale, plain.ratio)


@pytest.mark.parametrize("seed", range(4))
def test_scale_is_the_ratio_of_two_quadratic_regressions(seed: int) -> None:
    """η² of Hansen (2000) by two polynomials of q itself, evaluated at the threshold."""
    rows, x, common, q, y = drawn(2, 1.0, seed=seed)
    ordered = Ordered(x, common, q, rows, "unit")
    curve = estimate(ordered, y, 1, 0.1, sets="robust").curves[0]
    value = ordered.value(curve.place)
    columns = absorb(np.column_stack([x, common, x * (q <= value)[:, None], y]), rows, "unit")
    b = np.linalg.lstsq(columns[:, :-1], columns[:, -1], rcond=None)[0]
    errors = columns[:, -1] - columns[:, :-1] @ b
    jump = np.square(x @ b[-2:])
    above, below = (np.polyval(np.polyfit(q, left, 2), value) for left in (jump * errors**2, jump))
    np.testing.assert_allclose(curve.scale, above / below / np.mean(errors**2), rtol=1e-8)
    assert not curve.unscaled


def test_scale_that_is_not_positive_is_one() -> None:
    """x is zero around the threshold, so that a parabola through its square is negative there."""
    n, t = 60, 6
    rng = np.random.default_rng(8)
    unit, period = np.divmod(np.arange(n * t), t)
    q = rng.uniform(-1, 1, n * t)
    x = (rng.choice([-1.0, 1.0], n * t) * np.where(np.abs(q) > 0.9, 20.0, 0.01))[:, None]
    y = 0.1 * rng.normal(size=n * t) + x[:, 0] * np.where(q > 0, 2.0, 1.0)
    ordered = Ordered(x, np.empty((n * t, 0)), q, Rows(unit, period, n, t), "unit")
    plain, robust = (estimate(ordered, y, 1, 0.05, sets=sets).curves[0] for sets in ("likelihood", "robust"))
    value = ordered.value(robust.place)
    assert np.polyval(np.polyfit(q, np.square(x[:, 0]), 2), value) < 0
    assert (robust.scale, robust.unscaled, plain.unscaled) == (1.0, True, False)
    np.testing.assert_array_equal(robust.ratio, plain.ratio)


def test_most_thresholds_are_those_with_enough_rows_between_them() -> None:
    """Against all sets of candidates."""
    rng = np.random.default_rng(6)
    rows, x, common, _, _ = drawn(1, 1.0)
    for values, trim in ((3, 0.05), (4, 0.3), (6, 0.2), (7, 0.1)):
        q = rng.integers(0, values, len(x)).astype(float)
        ordered = Ordered(x, common, q, rows, "unit")
        least, places = np.ceil(trim * len(q)), ordered.candidates(trim).tolist()
        possible = [
            len(some)
            for count in range(len(places) + 1)
            for some in combinations(places, count)
            if all(np.diff(some) >= least)
        ]
        assert ordered.most(trim) == max(possible)


@pytest.mark.parametrize("count", [1, 2])
def test_ratio_is_scaled_by_scores_of_units_near_the_threshold(count: int) -> None:
    """Against loops over units, with slopes of least squares on all columns."""
    n, t = 40, 6
    rng = np.random.default_rng(5)
    unit, period = np.divmod(np.arange(n * t), t)
    kept = rng.random(n * t) < 0.9
    unit, period = unit[kept], period[kept]
    rows = Rows(unit, period, n, t)
    x, common = rng.normal(size=(len(unit), 2)), rng.normal(size=(len(unit), 1))
    x = x + 2 * rng.choice([-1, 1], (n, 1))[unit] * (period < 3)[:, None]
    q = rng.normal(size=n)[unit] + 0.1 * rng.normal(size=len(unit))
    errors = rng.normal(size=n)[unit] * (period < 3) + 0.5 * rng.normal(size=len(unit))
    y = x[:, 0] * (1 + 2 * (q > -0.5) + 2 * (q > 0.5)) + common[:, 0] + errors
    ordered = Ordered(x, common, q, rows, "unit")
    plain, scaled = (estimate(ordered, y, count, 0.1, sets=sets) for sets in ("likelihood", "clustered"))
    values = [ordered.value(place) for place in scaled.places]
    parts = [x, common, *(x * (q <= value)[:, None] for value in values)]
    columns = absorb(np.column_stack([*parts, y]), rows, "unit")
    b = np.linalg.lstsq(columns[:, :-1], columns[:, -1], rcond=None)[0]
    left = columns[:, -1] - columns[:, :-1] @ b
    for at, (before, after) in enumerate(zip(plain.curves, scaled.curves, strict=True)):
        change = b[3 + 2 * at : 5 + 2 * at]
        rank = np.argsort(np.argsort(q)) - after.place
        many = int(np.ceil(0.1 * len(q)))
        own = (x @ change) * ((rank > -many) & (rank <= many))
        scores = sum(float((own * left)[unit == one].sum()) ** 2 for one in range(n))
        inner = absorb(own[:, None], rows, "unit")[:, 0]
        wanted = scores / (left @ left / scaled.df * (inner @ inner))
        np.testing.assert_allclose(after.scale, max(wanted, 1.0), rtol=1e-9)
        np.testing.assert_allclose(after.ratio * after.scale, before.ratio, rtol=1e-9, atol=1e-12)
    assert max(curve.scale for curve in scaled.curves) > 1.2


def test_clustered_sets_are_not_shorter_than_those_of_the_likelihood() -> None:
    """Independent errors: about half of the ratios of variances are below 1."""
    scales = []
    for seed in range(8):
        rows, x, common, q, y = drawn(1, 1.0, seed=seed, n=40)
        scales.append(estimate(Ordered(x, common, q, rows, "unit"), y, 1, 0.1, sets="clustered").curves[0].scale)
    assert min(scales) == 1
    assert scales.count(1.0) < len(scales)


def test_critical_ratio_is_hansens() -> None:
    np.testing.assert_allclose([critical_ratio(level) for level in (0.9, 0.95, 0.99)], [5.94, 7.35, 10.59], atol=6e-3)


def test_without_candidates_nothing_is_estimated() -> None:
    rows, x, common, _, y = drawn(1, 1.0)
    two = np.where(np.arange(len(y)) % 2 == 0, 0.0, 1.0)
    found: Thresholds = estimate(Ordered(x, common, two, rows, "unit"), y, 1, 0.1)
    assert len(found.curves[0].candidates) == 1
    with pytest.raises(TooFewCandidatesError) as raised:
        estimate(Ordered(x, common, two, rows, "unit"), y, 2, 0.1)
    assert raised.value.known == 1
    with pytest.raises(TooFewCandidatesError):
        # x below the threshold is a common column, too
        estimate(Ordered(x, x * two[:, None], two, rows, "unit"), y, 1, 0.1)
