"""Oster's delta, Cinelli and Hazlett's bias: formulas by hand, a plain loop, samples with a known truth."""

from __future__ import annotations

import math

import numpy as np
import pytest

from digicarbon.arrays import FloatArray
from digicarbon.numeric.linear.within import Rows, absorb
from digicarbon.packs.sensitivity.numeric.omitted import Estimate, bounds
from digicarbon.packs.sensitivity.numeric.oster import Regressions, adjusted, approximate, delta, regressions
from digicarbon.packs.sensitivity.numeric.products import by_unit, remaining, resampled


def sample(seed: int, controls: int = 3, n: int = 200) -> FloatArray:
    """Return x, controls and y without means, shape (n, controls + 2)."""
    rng = np.random.default_rng(seed)
    w = rng.normal(size=(n, controls))
    x = w @ rng.normal(size=controls) + rng.normal(size=n)
    y = rng.normal() * x + w @ rng.normal(size=controls) + rng.normal(size=n)
    columns = np.column_stack([x, w, y])
    return columns - columns.mean(axis=0)


def ols(y: FloatArray, x: FloatArray) -> tuple[FloatArray, FloatArray]:
    coef = np.linalg.lstsq(x, y, rcond=None)[0]
    return coef, y - x @ coef


def by_hand(columns: FloatArray, r_max: float, selection: float) -> tuple[float, float]:
    """Return delta for a coefficient of zero, and the adjusted coefficient, as psacalc writes them."""
    x, y, n = columns[:, 0], columns[:, -1], len(columns)
    (b0,), e0 = ols(y, x[:, None])
    coef, e1 = ols(y, columns[:, :-1])
    b1, syy, sxx = coef[0], y @ y / (n - 1), x @ x / (n - 1)
    r0, r1 = (1 - e @ e / (y @ y) for e in (e0, e1))
    rest = ols(x, columns[:, 1:-1])[1]
    t = rest @ rest / (n - 1)
    gained, left, b = (r1 - r0) * syy, (r_max - r1) * syy, b0 - b1
    tail = b1**2 * t * b * sxx, b1**3 * (t * sxx - t**2)
    above = b1 * gained * t + b1 * sxx * t * b**2 + 2 * tail[0] + tail[1]
    below = left * b * sxx + b1 * left * (sxx - t) + tail[0] + tail[1]
    theta = selection * left * (sxx - t) - gained * t - sxx * t * b**2
    if selection == 1:
        root = math.sqrt(theta**2 + 4 * left * b**2 * sxx**2 * t)
        found = [b1 - (-theta + sign * root) / (-2 * t * b * sxx) for sign in (-1, 1)]
    else:
        scale = (selection - 1) * (t * sxx - t**2)
        third, second = left * selection * b * sxx / scale, theta / scale
        roots = np.roots([1, t * b * sxx * (selection - 2) / scale, second, third])
        found = [b1 - root.real for root in roots if abs(root.imag) < 1e-9]
    kept = [beta for beta in found if np.sign(beta - b1) == np.sign(b1 - b0)] or found
    return above / below, min(kept, key=lambda beta: abs(beta - b1))


@pytest.mark.parametrize("selection", [1.0, 0.5, 1.7, 3.0])
def test_delta_and_the_adjusted_coefficient_are_those_of_the_formulas(selection: float) -> None:
    columns = np.stack([sample(seed) for seed in range(60)])
    found = regressions(np.swapaxes(columns, 1, 2) @ columns)
    r_max = np.minimum(1.3 * found.r2_long, 1.0)
    own = np.column_stack([delta(found, r_max), adjusted(found, r_max, selection)])
    plain = [by_hand(one, float(most), selection) for one, most in zip(columns, r_max, strict=True)]
    np.testing.assert_allclose(own, plain, rtol=1e-7)


def test_the_approximation_is_that_of_proportional_selection() -> None:
    """Oster (2019), section 3.2: β̃ - δ(β° - β̃)(R_max - R̃)/(R̃ - R°), with .4, .9, R̃ .5, R° .2, R_max .65 and δ 2."""
    one = (np.array([value]) for value in (0.9, 0.4, 0.2, 0.5, 1.0, 1.0, 1.0))
    assert approximate(Regressions(*one), np.array([0.65]), 2.0) == pytest.approx(0.4 - 2 * 0.5 * 0.15 / 0.3)


@pytest.mark.parametrize("selection", [1.0, 0.4, 2.5])
def test_delta_of_the_adjusted_coefficient_is_the_one_it_was_adjusted_by(selection: float) -> None:
    for seed in range(20):
        columns = sample(seed)
        found = regressions((columns.T @ columns)[None])
        r_max = np.minimum(1.2 * found.r2_long, 1.0)
        again = delta(found, r_max, float(adjusted(found, r_max, selection)[0]))
        np.testing.assert_allclose(again, selection, rtol=1e-6)


@pytest.mark.parametrize("selection", [1.0, 0.5, 1.5])
def test_the_adjusted_coefficient_is_the_true_one(selection: float) -> None:
    """The observed and the unobserved index have covariances with x in proportion to their variances."""
    rng = np.random.default_rng(4)
    parts = np.linalg.qr(rng.normal(size=(300, 5)) - 0.0)[0]
    first, second, hidden, noise, error = parts.T
    seen, unseen = 1.0 * first + 0.5 * second, 0.8 * hidden
    x = 0.7 * seen + selection * 0.7 * unseen + noise
    y = 0.3 * x + seen + unseen + 0.5 * error
    columns = np.column_stack([x, first, second, y])
    found = regressions((columns.T @ columns)[None])
    everything = 1 - 0.25 / (y @ y)
    np.testing.assert_allclose(adjusted(found, np.array([everything]), selection), 0.3, rtol=1e-8)
    np.testing.assert_allclose(delta(found, np.array([everything]), 0.3), selection, rtol=1e-8)


def test_nothing_is_adjusted_where_nothing_is_left_or_controls_do_not_matter() -> None:
    columns = sample(1)
    found = regressions((columns.T @ columns)[None])
    np.testing.assert_allclose(adjusted(found, found.r2_long), found.long)
    same = Regressions(*(np.array([value]) for value in (0.5, 0.5, 0.2, 0.4, 1.0, 1.0, 0.9)))
    np.testing.assert_allclose(adjusted(same, np.array([0.6])), 0.5)
    np.testing.assert_allclose(approximate(same, np.array([0.6])), 0.5)


@pytest.mark.parametrize("effects", ["none", "time", "unit", "two_way"])
@pytest.mark.parametrize("gaps", [False, True])
def test_samples_of_units_are_those_of_a_plain_loop(effects: str, gaps: bool) -> None:
    rng = np.random.default_rng(2)
    n, t = 9, 5
    unit, period = (codes.ravel() for codes in np.indices((n, t)))
    keep = rng.random(n * t) > 0.15 if gaps else np.ones(n * t, dtype=bool)
    unit, period = unit[keep], period[keep]
    columns = rng.normal(size=(len(unit), 4)) + rng.normal(size=n)[unit][:, None]
    rows = Rows(unit, period, n, t)
    base = absorb(columns, rows, "unit") if effects in ("unit", "two_way") else columns
    dummies = np.eye(t)[period] if effects in ("time", "two_way") else np.ones((len(unit), 1))
    dummies = np.empty((len(unit), 0)) if effects == "unit" else dummies
    if effects == "two_way":
        dummies = absorb(dummies, rows, "unit")
    products = by_unit(np.column_stack([base, dummies]), rows)
    partialled = range(4, 4 + dummies.shape[1])
    drawn = remaining(resampled(products, 25, np.random.default_rng(7)), range(4), partialled)
    times = np.random.default_rng(7).multinomial(n, np.full(n, 1 / n), size=25)
    for one, counts in zip(drawn, times, strict=True):
        chosen = np.repeat(np.arange(n), counts)
        places = [np.flatnonzero(unit == who) for who in chosen]
        new = np.concatenate(places)
        copies = np.repeat(np.arange(n), [len(place) for place in places])
        parts = {
            "none": [np.ones((len(new), 1))],
            "unit": [np.eye(n)[copies]],
            "time": [np.eye(t)[period[new]]],
            "two_way": [np.eye(n)[copies], np.eye(t)[period[new]]],
        }[effects]
        left = np.column_stack([ols(column, np.hstack(parts))[1] for column in columns[new].T])
        np.testing.assert_allclose(one, left.T @ left, atol=1e-8)


def test_a_confounder_of_known_strength_gives_the_full_regression() -> None:
    """The bias formula is exact: with the confounder's own partial R², coefficient and standard error are the true."""
    rng = np.random.default_rng(3)
    w, z = rng.normal(size=(150, 2)), rng.normal(size=150)
    x = w @ [0.5, -0.3] + 0.6 * z + rng.normal(size=150)
    y = 0.8 * x + w @ [1.0, 0.4] + 0.9 * z + rng.normal(size=150)
    ones = np.ones(150)

    def fit(*columns: FloatArray) -> tuple[float, float, float, FloatArray]:
        design = np.column_stack([*columns, ones])
        coef, e = ols(y, design)
        df = len(y) - design.shape[1]
        se = math.sqrt(e @ e / df * np.linalg.inv(design.T @ design)[0, 0])
        return float(coef[0]), se, float(df), e

    coef, se, df, e = fit(x, w)
    full, full_se, _, rest = fit(x, w, z)
    of_y = np.array(1 - rest @ rest / (e @ e))
    without, with_z = (ols(x, np.column_stack([*more, w, ones]))[1] for more in ([], [z]))
    of_x = np.array(1 - with_z @ with_z / (without @ without))
    own = Estimate(coef, se, df)
    reduce = abs(full) < abs(coef)
    np.testing.assert_allclose(own.adjusted(of_x, of_y, reduce), full, rtol=1e-10)
    np.testing.assert_allclose(own.adjusted_se(of_x, of_y), full_se, rtol=1e-10)
    np.testing.assert_allclose(own.adjusted_t(of_x, of_y, reduce), full / full_se, rtol=1e-10)


@pytest.mark.parametrize("scale", [1.0, 1.8])
@pytest.mark.parametrize("q", [1.0, 0.5])
def test_at_the_robustness_value_the_share_is_gone_and_t_is_critical(q: float, scale: float) -> None:
    own = Estimate(0.8, 0.1, 120.0, scale)
    value = np.array(own.robustness(q))
    np.testing.assert_allclose(own.adjusted(value, value), 0.8 * (1 - q), atol=1e-12)
    critical = own.critical(0.95)
    value = np.array(own.robustness(q, critical))
    np.testing.assert_allclose(own.adjusted_t(value, value, null=0.8 * (1 - q)), critical, rtol=1e-10)
    weak = Estimate(0.1, 0.1, 120.0, scale)
    assert weak.robustness(q, critical) == 0
    # few degrees of freedom, strong effect: no confounder of at most this strength makes t smaller
    strong = Estimate(5.0, 0.1, 5.0, scale)
    critical = strong.critical(0.95)
    value = strong.robustness(1.0, critical)
    grid = np.linspace(0, value, 400)
    smallest = np.nanmin(strong.adjusted_t(*np.meshgrid(grid, grid)))
    assert smallest == pytest.approx(critical, rel=1e-3)


def test_no_confounder_is_stronger_than_all_that_there_is() -> None:
    with_x, with_y = bounds(0.4, 0.1, np.array([1.0, 2.0]), np.array([1.0, 2.0]))
    assert np.isfinite([with_x[0], with_y[0]]).all()
    assert np.isnan([with_x[1], with_y[1]]).all()
    # sensemakr sets the second to one, which gives a standard error of zero
    assert np.isnan(bounds(0.3, 0.9, np.array([1.0]), np.array([1.0]))).all()
    once, thrice = bounds(0.05, 0.3, np.array([1.0, 3.0]), np.array([1.0, 3.0]))[1]
    assert 0 < once < 1
    assert np.isnan(thrice)
