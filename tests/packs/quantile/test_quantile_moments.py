"""Quantiles by moments: plain loops, the check function, linear programming, samples of units."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest
import statsmodels.api as sm

from digicarbon.numeric.linear.least_squares import least_squares
from digicarbon.numeric.linear.within import EffectsKind, Rows, absorb
from digicarbon.packs.quantile.numeric.moments import LocationScale, half_panels, location_scale, quantiles, samples

TAUS = np.array([0.1, 0.3, 0.5, 0.9])
Drawn = tuple[Rows, np.ndarray, np.ndarray]


def drawn(n: int = 25, t: int = 7, lost: int = 9, seed: int = 3) -> Drawn:
    """Return rows of an unbalanced panel, two regressors and an outcome."""
    rng = np.random.default_rng(seed)
    keep = np.sort(rng.permutation(n * t)[lost:])
    unit, period = keep // t, keep % t
    x = np.column_stack([np.abs(rng.normal(size=len(keep))), rng.normal(size=len(keep))])
    y = rng.normal(size=n)[unit] + x @ [1, -0.5] + (1 + 0.5 * x[:, 0]) * rng.standard_t(5, len(keep))
    return Rows(unit, period, n, t), x, y


def fitted(rows: Rows, x: np.ndarray, y: np.ndarray, effects: EffectsKind) -> LocationScale:
    removed = partial(absorb, rows=rows, effects=effects)
    if effects == "none":
        x = np.column_stack([np.ones(len(x)), x])
    columns = removed(np.column_stack([x, y]))
    fit = least_squares(columns)
    return location_scale(columns[:, :-1], fit.coef, fit.residuals, fit.root, removed, TAUS)


def dummies(rows: Rows, effects: EffectsKind) -> np.ndarray:
    unit, period = np.eye(rows.n)[rows.unit_codes], np.eye(rows.t)[rows.period_codes]
    blocks = {
        "none": np.ones((len(unit), 1)),
        "unit": unit,
        "time": period,
        "two_way": np.hstack([unit, period[:, 1:]]),
    }
    return blocks[effects]


def check_function(q: float, tau: float, r: np.ndarray, s: np.ndarray, w: np.ndarray) -> float:
    left = r - s * q
    return float((w * left * (tau - (left < 0))).sum())


def by_loop(design: np.ndarray, y: np.ndarray, w: np.ndarray, k: int, first: int = 0) -> np.ndarray:
    """Return b, g and q with dummies in the design, by weighted least squares and a search over all ratios."""
    root = np.sqrt(w)
    theta = np.linalg.lstsq(design * root[:, None], y * root, rcond=None)[0]
    r = y - design @ theta
    phi = np.linalg.lstsq(design * root[:, None], np.abs(r) * root, rcond=None)[0]
    s = design @ phi
    ratios = (r / s)[w > 0]
    q = [min(ratios, key=lambda one: check_function(one, tau, r, s, w)) for tau in TAUS]
    return np.concatenate([theta[first : first + k], phi[first : first + k], q])


@pytest.mark.parametrize("effects", ["none", "unit", "time", "two_way"])
def test_moments_are_those_of_a_plain_loop_with_dummies(effects: EffectsKind) -> None:
    rows, x, y = drawn()
    found = fitted(rows, x, y, effects)
    plain = by_loop(np.hstack([x, dummies(rows, effects)]), y, np.ones(len(y)), 2)
    own = slice(1, None) if effects == "none" else slice(None)
    np.testing.assert_allclose(np.concatenate([found.location[own], found.scale[own], found.q]), plain, atol=1e-9)
    np.testing.assert_allclose(found.coefficients, found.location[:, None] + found.scale[:, None] * found.q)


def test_q_is_the_quantile_regression_of_residuals_on_the_scale() -> None:
    found = fitted(*drawn(), "unit")
    assert (found.scales > 0).all()
    for tau, q in zip(TAUS, found.q, strict=True):
        other = sm.QuantReg(found.residuals, found.scales).fit(q=tau, max_iter=5000).params[0]
        ones = np.ones(len(found.scales))
        ours, theirs = (check_function(one, tau, found.residuals, found.scales, ones) for one in (q, other))
        assert ours <= theirs + 1e-9
        assert q == pytest.approx(other, abs=1e-3)


def test_rows_with_a_negative_scale_count_in_the_check_function() -> None:
    rng = np.random.default_rng(1)
    r, s = rng.normal(size=40), rng.normal(0.5, 1, 40)
    w = rng.integers(0, 3, 40).astype(float)
    s[3] = 0
    found = quantiles(r[None], s[None], w[None], TAUS)[0]
    kinks = (r / np.where(s == 0, np.nan, s))[w > 0]
    for tau, q in zip(TAUS, found, strict=True):
        least = min(check_function(one, tau, r, s, w) for one in kinks[np.isfinite(kinks)])
        assert check_function(q, tau, r, s, w) == pytest.approx(least)


def test_scales_of_location_and_errors_are_those_of_the_outcome() -> None:
    rows, x, y = drawn()
    plain, changed = fitted(rows, x, y, "unit"), fitted(rows, x, 3 * y + 2 * x[:, 0], "unit")
    np.testing.assert_allclose(changed.q, plain.q)
    np.testing.assert_allclose(changed.coefficients, 3 * plain.coefficients + np.array([[2.0], [0.0]]), atol=1e-10)
    np.testing.assert_allclose(changed.influence[:, :4], 3 * plain.influence[:, :4], atol=1e-10)
    # the mirrored outcome has the mirrored quantiles
    mirrored = fitted(rows, x, -y, "unit")
    assert mirrored.q[2] == pytest.approx(-plain.q[2], abs=0.1)
    assert mirrored.q[0] == pytest.approx(-plain.q[3], abs=0.1)


@pytest.mark.parametrize("effects", ["none", "unit", "time", "two_way"])
def test_samples_are_those_of_a_loop_over_samples(effects: EffectsKind) -> None:
    rows, x, y = drawn()
    counts = np.random.default_rng(2).multinomial(rows.n, np.full(rows.n, 1 / rows.n), size=5).astype(float)
    block = np.eye(rows.t)[rows.period_codes]
    periods = {"time": block, "two_way": block[:, 1:]}.get(effects)
    design = np.column_stack([np.ones(len(x)), x]) if effects == "none" else x
    found = samples(design, y, rows.unit_codes, counts, periods, effects in ("unit", "two_way"), TAUS)
    own = slice(1, None) if effects == "none" else slice(None)
    for place, chosen in enumerate(counts):
        plain = by_loop(np.hstack([x, dummies(rows, effects)]), y, chosen[rows.unit_codes], 2)
        ours = [found.location[place, own], found.scale[place, own], found.q[place]]
        np.testing.assert_allclose(np.concatenate(ours), plain, atol=1e-8)
        slopes = found.location[place][:, None] + np.outer(found.scale[place], found.q[place])
        np.testing.assert_allclose(found.coefficients[place], slopes.ravel())


def test_pieces_of_samples_are_all_samples(monkeypatch: pytest.MonkeyPatch) -> None:
    rows, x, y = drawn()
    counts = np.random.default_rng(2).multinomial(rows.n, np.full(rows.n, 1 / rows.n), size=7).astype(float)
    whole = samples(x, y, rows.unit_codes, counts, None, True, TAUS)
    monkeypatch.setattr("digicarbon.packs.quantile.numeric.moments.CELLS", 2 * len(y))
    np.testing.assert_allclose(
        samples(x, y, rows.unit_codes, counts, None, True, TAUS).coefficients, whole.coefficients
    )


def test_influence_is_the_change_by_a_little_more_weight_of_a_unit() -> None:
    rows, x, y = drawn(n=200, t=12, lost=0)
    found = fitted(rows, x, y, "unit")
    by_unit = rows.sums(found.influence, "unit")
    weights = np.ones((rows.n, rows.n)) + 1e-3 * np.eye(rows.n)
    moved = samples(x, y, rows.unit_codes, weights, None, True, TAUS)
    location, scale = (moved.location - found.location) / 1e-3, (moved.scale - found.scale) / 1e-3
    np.testing.assert_allclose(location, by_unit[:, :2], atol=2e-5)
    # the sign of a residual is taken as its mean, so that only their spread is equal
    ratio = np.linalg.norm(by_unit[:, 2:4], axis=0) / np.linalg.norm(scale, axis=0)
    np.testing.assert_allclose(ratio, 1, atol=0.1)


def test_half_panels_take_out_a_bias_of_one_over_the_periods() -> None:
    rows, x, y = drawn()
    one = np.ones((1, rows.n))
    whole = samples(x, y, rows.unit_codes, one, None, True, TAUS)
    early = rows.period_codes < 4
    halves = [samples(x[keep], y[keep], rows.unit_codes[keep], one, None, True, TAUS) for keep in (early, ~early)]
    found = half_panels(whole, halves, (4 / 7, 3 / 7))
    expected = 2 * whole.coefficients - 4 / 7 * halves[0].coefficients - 3 / 7 * halves[1].coefficients
    np.testing.assert_allclose(found.coefficients, expected)
