"""Batched permutation tests against scipy's permutation test over separate fits."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray
from scipy import stats

from digicarbon.numeric.resampling import group_permutation
from digicarbon.numeric.resampling.group_permutation import permutation_test, regressions, unit_moments

# normal equations against a decomposition of the dummy-variable design
TOLERANCE = 1e-8
FloatArray = NDArray[np.float64]
EFFECTS = ("none", "unit", "time", "two_way")


def panel(units: int, periods: int, seed: int, share: float = 1.0) -> tuple[FloatArray, ...]:
    """Return columns (two regressors and y), unit and period codes; a share of the rows is kept."""
    rng = np.random.default_rng(seed)
    unit, period = (codes.ravel() for codes in np.indices((units, periods)))
    x = rng.normal(size=(units * periods, 2)) + rng.normal(size=units)[unit, None]
    y = x @ [0.5, -1.0] + rng.normal(size=units)[unit] + rng.normal(size=periods)[period] + rng.normal(size=len(x))
    keep = rng.random(len(x)) < share
    return np.column_stack([x, y])[keep], unit[keep], period[keep]


def dummies(codes: FloatArray) -> FloatArray:
    return pd.get_dummies(codes, dtype=float).to_numpy()


def slopes(columns: FloatArray, unit: FloatArray, period: FloatArray, effects: str) -> tuple[FloatArray, FloatArray]:
    """Return the coefficients of the regression with dummies, and their classic variances."""
    parts = [columns[:, :-1]]
    if effects == "none":
        parts.append(np.ones((len(columns), 1)))
    if effects in ("unit", "two_way"):
        parts.append(dummies(unit))
    if effects in ("time", "two_way"):
        parts.append(dummies(period))
    design, y, k = np.column_stack(parts), columns[:, -1], columns.shape[1] - 1
    beta, _, rank, _ = np.linalg.lstsq(design, y, rcond=None)
    sigma2 = float(((y - design @ beta) ** 2).sum()) / (len(y) - int(rank))
    return beta[:k], sigma2 * np.diag(np.linalg.pinv(design.T @ design))[:k]


@pytest.mark.parametrize("effects", EFFECTS)
@pytest.mark.parametrize("share", [1.0, 0.8])
def test_coefficients_equal_separate_regressions(effects: str, share: float) -> None:
    columns, unit, period = panel(9, 6, 1, share)
    moments = unit_moments(columns, unit, period, effects)
    chosen = np.array(list(itertools.combinations(range(9), 4)))[::7]
    members = np.zeros((len(chosen), 9))
    members[np.arange(len(chosen))[:, None], chosen] = 1.0
    for coef, variance, units in zip(*regressions(moments, members), chosen, strict=True):
        keep = np.isin(unit, units)
        expected = slopes(columns[keep], unit[keep], period[keep], effects)
        assert coef == pytest.approx(expected[0], rel=TOLERANCE)
        assert variance == pytest.approx(expected[1], rel=TOLERANCE)


@pytest.mark.parametrize("effects", EFFECTS)
@pytest.mark.parametrize("statistic", ["difference", "studentised"])
def test_exact_p_equals_scipy(effects: str, statistic: str) -> None:
    columns, unit, period = panel(8, 4, 2)
    first = np.arange(8) < 3

    def distance(one: FloatArray, two: FloatArray) -> float:
        fits = [
            slopes(columns[keep], unit[keep], period[keep], effects)
            for keep in (np.isin(unit, one), np.isin(unit, two))
        ]
        gap = abs(float(fits[0][0][0] - fits[1][0][0]))
        return gap if statistic == "difference" else gap / math.sqrt(float(fits[0][1][0] + fits[1][1][0]))

    theirs = stats.permutation_test(
        (np.arange(3), np.arange(3, 8)), distance, n_resamples=np.inf, alternative="greater"
    )
    moments = unit_moments(columns, unit, period, effects)
    found = permutation_test(moments, first, 999, np.random.default_rng(0), statistic)
    assert found.exact
    assert found.splits == math.comb(8, 3)
    plain = permutation_test(moments, first, 999, np.random.default_rng(0))
    assert found.difference == pytest.approx(plain.difference, rel=TOLERANCE)
    if statistic == "difference":
        assert abs(found.difference[0]) == pytest.approx(theirs.statistic, rel=TOLERANCE)
    assert found.p[0] == pytest.approx(theirs.pvalue, abs=1e-12)


def test_drawn_splits_approach_the_exact_p() -> None:
    columns, unit, period = panel(12, 5, 3)
    moments, first = unit_moments(columns, unit, period, "two_way"), np.arange(12) < 5
    exact = permutation_test(moments, first, 10_000, np.random.default_rng(0))
    drawn = permutation_test(moments, first, 700, np.random.default_rng(0))
    assert exact.exact
    assert not drawn.exact
    assert drawn.splits == 700
    assert drawn.p == pytest.approx(exact.p, abs=4 * math.sqrt(0.25 / 700))
    again = permutation_test(moments, first, 700, np.random.default_rng(0))
    assert (again.p == drawn.p).all()
    # (b + 1)/(B + 1)
    assert np.allclose(drawn.p * 701, np.round(drawn.p * 701))


def test_the_order_of_the_groups_changes_the_sign_only() -> None:
    columns, unit, period = panel(10, 5, 4)
    moments, first = unit_moments(columns, unit, period, "two_way"), np.arange(10) < 4
    one, two = (permutation_test(moments, side, 999, np.random.default_rng(0)) for side in (first, ~first))
    assert one.difference == pytest.approx(-two.difference, rel=TOLERANCE)
    assert one.p == pytest.approx(two.p, abs=1e-12)


def test_blocks_do_not_change_the_numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    columns, unit, period = panel(9, 5, 5)
    moments, first = unit_moments(columns, unit, period, "two_way"), np.arange(9) < 4
    whole = [permutation_test(moments, first, draws, np.random.default_rng(0)).p for draws in (999, 100)]
    monkeypatch.setattr(group_permutation, "CELLS", 900)
    parts = [permutation_test(moments, first, draws, np.random.default_rng(0)).p for draws in (999, 100)]
    assert np.array_equal(whole, parts)


def test_p_is_near_uniform_for_equal_groups() -> None:
    found = []
    for seed in range(300):
        columns, unit, period = panel(10, 5, 1000 + seed)
        moments = unit_moments(columns, unit, period, "two_way")
        found.append(permutation_test(moments, np.arange(10) < 4, 999, np.random.default_rng(0)).p[0])
    # Kolmogorov and Smirnov's 1 % bound for 300 draws, and the step of 210 splits
    assert stats.kstest(found, "uniform").statistic < 1.63 / math.sqrt(300) + 1 / 210
