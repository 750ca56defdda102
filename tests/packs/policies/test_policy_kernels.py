"""Goodman-Bacon decomposition, weights of effects and placebo policies against plain least squares."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from digicarbon.arrays import FloatArray, IntArray
from digicarbon.numeric.linear.within import Rows
from digicarbon.packs.policies.numeric.goodman_bacon import effect_weights, goodman_bacon
from digicarbon.packs.policies.numeric.placebo import assignments, placebo_effects


def ols(y: FloatArray, policy: FloatArray, unit: IntArray, period: IntArray, x: FloatArray | None = None) -> FloatArray:
    """Return coefficient and residuals of the policy on everything else, by least squares with dummies."""
    dummies = [np.eye(int(codes.max()) + 1)[codes] for codes in (unit, period)]
    others = np.column_stack([*dummies, *([] if x is None else [x])])
    inner = policy - others @ np.linalg.lstsq(others, policy, rcond=None)[0]
    return np.append(inner @ y / (inner @ inner), inner)


def starts(draw: st.DrawFn) -> tuple[IntArray, int]:
    """Return first treated positions of units in a panel of some periods; 0 is always, the last one never."""
    periods = draw(st.integers(2, 7))
    first = draw(st.lists(st.integers(0, periods), min_size=3, max_size=12))
    cohorts = np.unique(first)
    # somebody changes, and somebody else does not at the same time
    assume(len(cohorts) > 1 and ((cohorts > 0) & (cohorts < periods)).any())
    return np.array(first), periods


policies = st.composite(starts)()


def long(first: IntArray, periods: int) -> tuple[IntArray, IntArray, FloatArray]:
    unit, period = (codes.ravel() for codes in np.indices((len(first), periods)))
    return unit, period, (period >= first[unit]).astype(np.float64)


@given(policies, st.integers(0, 2**32 - 1))
@settings(max_examples=150, deadline=None)
def test_pairs_add_up_to_the_two_way_coefficient(policy: tuple[IntArray, int], seed: int) -> None:
    first, periods = policy
    y = np.random.default_rng(seed).normal(size=(len(first), periods)) * 3 + 5
    pairs, coefficient = goodman_bacon(y, first)
    weights = np.array([one.weight for one in pairs])
    assert (weights > 0).all()
    assert weights.sum() == pytest.approx(1, abs=1e-10)
    mean = weights @ [one.estimate for one in pairs]
    assert mean == pytest.approx(coefficient, abs=1e-10)
    unit, period, treated = long(first, periods)
    assert coefficient == pytest.approx(ols(y.ravel(), treated, unit, period)[0], abs=1e-9)


@given(policies, st.integers(0, 2**32 - 1))
@settings(max_examples=60, deadline=None)
def test_a_pair_is_a_regression_on_its_own_rows(policy: tuple[IntArray, int], seed: int) -> None:
    first, periods = policy
    y = np.random.default_rng(seed).normal(size=(len(first), periods))
    unit, period, treated = long(first, periods)
    variance = (ols(y.ravel(), treated, unit, period)[1:] ** 2).mean()
    for one in goodman_bacon(y, first)[0]:
        cohorts = np.isin(first[unit], [one.treated, one.other])
        # the other cohort does not change in these periods
        later = one.kind in ("already", "always")
        window = period >= one.other if later else period < one.other
        rows = cohorts & window
        codes = [np.unique(labels[rows], return_inverse=True)[1] for labels in (unit, period)]
        estimate, *inner = ols(y.ravel()[rows], treated[rows], codes[0], codes[1])
        assert one.estimate == pytest.approx(estimate, abs=1e-9)
        # its rows' share of the variance of the policy, by the share of its units and of its periods
        units, times = cohorts.mean(), window.mean()
        assert one.weight == pytest.approx((units * times) ** 2 * np.square(inner).mean() / variance, abs=1e-10)
        assert (one.kind == "never") == (one.other == periods)
        assert (one.kind == "always") == (one.other == 0)


@given(policies, st.integers(0, 2**32 - 1))
@settings(max_examples=60, deadline=None)
def test_weights_of_effects_give_the_coefficient(policy: tuple[IntArray, int], seed: int) -> None:
    first, periods = policy
    rng = np.random.default_rng(seed)
    unit, period, treated = long(first, periods)
    effects, dose = rng.normal(size=len(unit)), treated * rng.uniform(0.5, 1, len(unit))
    for one in (treated, dose):
        y = one * effects + rng.normal(size=len(first))[unit] + rng.normal(size=periods)[period]
        coefficient, *inner = ols(y, one, unit, period)
        found = effect_weights(np.array(inner), one, coefficient)
        assert found.weights.sum() == pytest.approx(1, abs=1e-10)
        assert found.weights @ effects[one != 0] == pytest.approx(coefficient, abs=1e-7)
        assert found.sum_negative == pytest.approx(found.weights[found.weights < 0].sum(), abs=1e-12)
        assert found.negative == (found.weights < 0).sum()


def test_heterogeneity_is_the_smallest_that_hides_a_mean_of_zero() -> None:
    first = np.array([1, 1, 2, 4, 6])
    unit, period, treated = long(first, 6)
    inner = ols(treated, treated, unit, period)[1:]
    found = effect_weights(inner, treated, 0.7)
    scaled = found.weights * len(found.weights)
    # effects with mean zero, along the weights, with which the coefficient is 0.7
    effects = 0.7 * (scaled - 1) / ((scaled - 1) @ found.weights)
    assert effects.mean() == pytest.approx(0, abs=1e-12)
    assert effects.std() == pytest.approx(found.heterogeneity)
    once = long(np.array([3, 3, 6, 6]), 6)
    equal = effect_weights(ols(once[2], once[2], once[0], once[1])[1:], once[2], 0.7)
    assert (equal.negative, equal.sum_negative, equal.heterogeneity) == (0, 0, np.inf)


@pytest.mark.parametrize("gaps", [False, True])
@pytest.mark.parametrize("controls", [0, 2])
def test_placebos_are_regressions_one_by_one(gaps: bool, controls: int) -> None:
    rng = np.random.default_rng(3)
    first = np.array([2, 2, 3, 5, 5, 7, 7, 7, 4, 7])
    unit, period, treated = long(first, 7)
    keep = rng.uniform(size=len(unit)) < 0.85 if gaps else np.ones(len(unit), dtype=bool)
    paths = treated.reshape(10, 7)
    unit, period = unit[keep], period[keep]
    y, x = rng.normal(size=len(unit)), rng.normal(size=(len(unit), controls))
    chosen = assignments(10, 600, rng)
    of_draws, errors = placebo_effects(y, x, paths, chosen, Rows(unit, period, 10, 7))
    for draw in (0, 17, 249, 250, 599):
        policy = paths[chosen[draw]][unit, period]
        coef, *inner = ols(y, policy, unit, period, x)
        assert of_draws[draw] == pytest.approx(coef, abs=1e-9)
        left = np.array(inner)
        rest = np.column_stack([np.eye(10)[unit], np.eye(7)[period], x, policy])
        residuals = y - rest @ np.linalg.lstsq(rest, y, rcond=None)[0]
        scores = np.bincount(unit, left * residuals)
        assert errors[draw] == pytest.approx(np.sqrt(scores @ scores) / (left @ left), rel=1e-8)


def test_a_placebo_that_effects_absorb_has_no_coefficient() -> None:
    # the first unit has rows of the last two periods only, so that nothing changes in it
    unit, period = np.array([0, 0, 1, 1, 1, 1, 2, 2, 2, 2]), np.array([2, 3, *range(4), *range(4)])
    paths = (np.arange(4) >= np.array([4, 2, 4])[:, None]).astype(np.float64)
    given_ = np.array([[0, 1, 2], [1, 0, 2]])
    y = np.random.default_rng(0).normal(size=10)
    coef, _ = placebo_effects(y, np.empty((10, 0)), paths, given_, Rows(unit, period, 3, 4))
    assert np.isfinite(coef).tolist() == [True, False]


def test_every_policy_is_given_once() -> None:
    found = assignments(12, 50, np.random.default_rng(4))
    assert (np.sort(found, axis=1) == np.arange(12)).all()
    assert (found == assignments(12, 50, np.random.default_rng(4))).all()
    assert len(np.unique(found, axis=0)) == 50
