"""Likelihoods of many outcomes, and tests against rivals, against loops over plain formulas."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from test_spatial_marginal import simulated

from digicarbon.numeric.linear.within import EffectsKind, demean
from digicarbon.numeric.resampling.signs import signs
from digicarbon.numeric.spatial.likelihood import fit_error, fit_lag, fit_linear
from digicarbon.numeric.spatial.operator import DenseOperator
from digicarbon.packs.which_weights.numeric.profile import SINGLE, Profile
from digicarbon.packs.which_weights.numeric.rivals import against, vuong
from digicarbon.packs.which_weights.numeric.space import LAG_OF_ERROR, LAG_OF_X, ChoiceKind, Space

Array = NDArray[np.float64]


def spaces(seed: int, effects: EffectsKind = "two_way") -> tuple[Array, list[Space], Array, Array, list[Array]]:
    """Return the transformed outcome, the spaces of two W, raw x and y, and the W."""
    x, y, w, sample = simulated(seed, effects)
    made = [Space.of(x, DenseOperator(one, 1.0), sample) for one in w]
    return made[0].lags.transform(y[..., None])[0][:, 0], made, x, y, w


@pytest.mark.parametrize("effects", ["none", "unit", "time", "two_way"])
@pytest.mark.parametrize("kind", SINGLE)
def test_likelihood_of_the_models(kind: ChoiceKind, effects: EffectsKind) -> None:
    """Equal to the likelihood of `SpatialPanel`'s fits, whose ρ is sought another way."""
    own, made, x, y, w = spaces(1, effects)
    sample, operator = made[0].sample, made[0].lags.w
    ones = np.ones((*y.T.shape, int(effects == "none")))
    of_x = np.einsum("ij,jtk->itk", w[0], x)
    z = np.concatenate([x, of_x], axis=2)[..., : 4 if kind in LAG_OF_X else 2]
    raw = np.concatenate([ones, z.transpose(1, 0, 2), y.T[..., None]], axis=2)
    level, lagged = demean(raw, effects), demean(operator.lag(raw), effects)
    if kind in ("ols", "slx"):
        expected = fit_linear(level, sample)
    elif kind in LAG_OF_ERROR:
        expected = fit_error(level, lagged, operator, sample)
    else:
        expected = fit_lag(np.concatenate([level, lagged[..., -1:]], axis=2), operator, sample)
    profile = Profile(made[0], kind)
    fit = profile.fit(own)
    assert fit.loglik == pytest.approx(expected.loglik, abs=1e-7)
    assert fit.spatial == pytest.approx(expected.spatial, abs=1e-5)
    assert fit.by_unit.sum() == pytest.approx(fit.loglik)
    many = np.random.default_rng(0).normal(size=(len(own), 5))
    together = profile.maximum(many)
    alone = [profile.fit(one) for one in many.T]
    np.testing.assert_allclose(together.loglik, [one.loglik for one in alone], atol=1e-6)
    np.testing.assert_allclose(together.spatial, [one.spatial for one in alone], atol=1e-9)


@pytest.mark.parametrize("kind", SINGLE)
def test_unfiltered(kind: ChoiceKind) -> None:
    """A fit with its own residuals gives the outcome."""
    own, made, *_ = spaces(2)
    profile = Profile(made[0], kind)
    fit = profile.fit(own)
    np.testing.assert_allclose(profile.unfiltered(fit, fit.residuals[:, None])[:, 0], own, atol=1e-12)


def two_stage(y: Array, x: Array, tools: Array) -> tuple[Array, Array, Array]:
    """Coefficients, residuals and (X̂′X̂)⁻¹ of two-stage least squares, by projections."""
    projection = tools @ np.linalg.pinv(tools)
    inverse = np.linalg.inv(x.T @ projection @ x)
    beta = inverse @ x.T @ projection @ y
    return beta, y - x @ beta, inverse


@pytest.mark.parametrize("kind", ["ols", "slx", "sar", "sdm", "sem", "sdem"])
@pytest.mark.parametrize("rival", ["slx", "sar", "sdm"])
def test_j_and_gain_by_loops(kind: ChoiceKind, rival: ChoiceKind) -> None:
    """Each bootstrap sample is made, fitted and tested alone, with matrices of the whole sample."""
    own, made, _, _, w = spaces(3)
    sign = signs(tuple(map(str, range(20))), 29, 4)
    model, other = Profile(made[0], kind), Profile(made[1], rival)
    result = against(model, other, own, sign)
    periods = len(own) // 20
    centring = np.kron(np.eye(20) - 1 / 20, np.eye(periods))
    big = [centring @ np.kron(one, np.eye(periods)) for one in w]
    fit = model.fit(own)
    lam = fit.spatial if kind in LAG_OF_ERROR else 0.0
    filter_ = np.eye(len(own)) - lam * big[0]
    x = made[0].level[:, :2]
    tools = np.column_stack([x, *(m @ x for m in big), *(m @ m @ x for m in big), filter_ @ model.columns[0]])
    if kind in LAG_OF_X:
        tools = np.column_stack([tools, big[0] @ big[0] @ x])
    samples = [own]
    for draw in sign:
        errors = centring @ (fit.residuals * np.repeat(draw, periods))
        if kind in LAG_OF_ERROR:
            samples.append(fit.fitted + np.linalg.solve(filter_, errors))
        else:
            whole = np.eye(len(own)) - fit.spatial * big[0]
            samples.append(np.linalg.solve(whole, fit.fitted + errors))
    stats, gains, estimates = [], [], []
    for y in samples:
        found, null = other.fit(y), model.fit(y)
        gains.append(found.loglik - null.loglik)
        beta = np.linalg.lstsq(
            filter_ @ model.columns[0], y - (lam or null.spatial) * (big[0] @ y) if null.spatial else y, rcond=None
        )[0]
        estimates.append([*beta, np.log(null.sigma2), *([null.spatial] if null.spatial else [])])
        predicted = y - found.residuals
        columns = [predicted, big[0] @ y] if kind in ("sar", "sdm") else [predicted]
        regressors = filter_ @ np.column_stack([*columns, model.columns[0]])
        if kind in ("sar", "sdm"):
            regressors[:, 1] = big[0] @ y
        beta, e, inverse = two_stage(filter_ @ y, regressors, tools)
        degrees = model.space.sample.size - regressors.shape[1]
        stats.append(beta[0] / np.sqrt(inverse[0, 0] * (e @ e) / degrees))
    assert result.gain == pytest.approx(gains[0], abs=1e-6)
    gaps = np.column_stack([np.ones(29), np.array(estimates)[1:] - np.array(estimates)[0]])
    slopes = np.linalg.lstsq(gaps, np.array(gains[1:]), rcond=None)[0]
    left = (gains[1:] - gaps @ slopes) * np.sqrt(29 / (29 - gaps.shape[1]))
    assert result.gain_p == pytest.approx((1 + np.sum(left >= gains[0] - slopes[0])) / 30)
    assert result.j == pytest.approx(stats[0], rel=1e-4)
    assert result.j_p == pytest.approx(np.mean(np.abs(stats) >= abs(stats[0]) - 1e-6))


def test_vuong() -> None:
    """The formula; equal models have no test."""
    rng = np.random.default_rng(1)
    one, other = rng.normal(size=(2, 30))
    gap = one - other
    z, _ = vuong(one, other, 0.5)
    assert z == pytest.approx((gap.sum() - 0.5) / (np.sqrt(30) * gap.std(ddof=1)))
    assert vuong(other, one, -0.5)[0] == pytest.approx(-z)
    assert np.isnan(vuong(one, one)[0])


def test_rivals_are_recognised() -> None:
    """The wrong W is rejected, the true one is not, in most samples."""
    wrong = right = 0
    for seed in range(10):
        own, made, *_ = spaces(seed)
        sign = signs(tuple(map(str, range(20))), 99, seed)
        wrong += against(Profile(made[1], "sar"), Profile(made[0], "sar"), own, sign).gain_p <= 0.05
        right += against(Profile(made[0], "sar"), Profile(made[1], "sar"), own, sign).gain_p <= 0.05
    assert wrong >= 8
    assert right <= 2
