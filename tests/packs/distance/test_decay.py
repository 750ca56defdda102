"""The likelihood of decaying weights against the static kernels, an explicit joint likelihood and its derivatives."""

from __future__ import annotations

import numpy as np
import pytest
import scipy

from digicarbon.arrays import FloatArray
from digicarbon.errors import EstimationError
from digicarbon.numeric.linear.within import demean
from digicarbon.numeric.spatial.likelihood import Sample, fit_error, fit_lag, fit_linear, root_between
from digicarbon.packs.distance.numeric.decay import Change, DecayData, DecayKind, Distances, fit_decay, score_of

KINDS: tuple[DecayKind, ...] = ("slx", "sar", "sem", "sdm", "sdem")
SAMPLES = (Sample(25, 6, "two_way", "lee_yu"), Sample(25, 6, "unit", "none"), Sample(25, 6, "time", "none"))


def drawn(kind: DecayKind, sample: Sample, exponential: bool = False, seed: int = 1) -> DecayData:
    rng = np.random.default_rng(seed)
    n, t = sample.n, sample.t
    place = rng.uniform(0, 10, (n, 2))
    d = np.hypot(*(place[:, None] - place[None]).transpose(2, 0, 1))
    np.fill_diagonal(d, np.inf)
    distances = Distances(d if exponential else np.log(d))
    w = distances.operator(0.8 if exponential else 2.0).w
    x, e = rng.standard_normal((t, n, 2)), 0.3 * rng.standard_normal((t, n, 1))
    lagged = (0, 1) if kind in ("slx", "sdm", "sdem") else ()
    mean = x @ np.array([[1.0], [0.5]])
    unit, time = rng.standard_normal((1, n, 1)), rng.standard_normal((t, 1, 1))
    mean = mean + unit * (sample.effects != "time") + time * (sample.effects != "unit")
    if lagged:
        mean = mean + w @ x @ np.array([[0.6], [-0.3]])
    s = np.linalg.inv(np.eye(n) - 0.5 * w)
    y = s @ (mean + e) if kind in ("sar", "sdm") else mean + s @ e if kind != "slx" else mean + e
    return DecayData(kind, x, y, lagged, distances, sample)


def log_likelihood(data: DecayData, values: FloatArray) -> float:
    """Return the log-likelihood of (β, ρ or λ, γ, σ²), with dense matrices and no derivative."""
    p = 2 + len(data.lagged)
    beta, rest = values[:p], values[p:]
    rho = 0.0 if data.kind == "slx" else float(rest[0])
    gamma, sigma2 = float(rest[-2]), float(rest[-1])
    a = data.distances.a
    raw = np.exp(-gamma * a)
    w = raw / raw.sum(axis=1, keepdims=True)
    z = np.concatenate([data.x, w @ data.x[..., data.lagged]], axis=2)
    if data.kind in ("sem", "sdem"):
        u = data.y - z @ beta[:, None]
        e = u - rho * w @ u
    else:
        e = data.y - rho * w @ data.y - z @ beta[:, None]
    sample = data.sample
    e = demean(e, sample.effects)
    sign, jacobian = np.linalg.slogdet(np.eye(sample.n) - rho * w)
    assert sign > 0
    if sample.drops_constant:
        jacobian -= np.log(1 - rho)
    return float(
        -sample.size / 2 * np.log(2 * np.pi * sigma2) - (e**2).sum() / (2 * sigma2) + sample.periods * jacobian
    )


def hessian(data: DecayData, values: FloatArray) -> FloatArray:
    p, step = len(values), 1e-4 * np.maximum(np.abs(values), 0.05)
    out = np.empty((p, p))
    for i in range(p):
        for j in range(p):
            corners = [
                log_likelihood(data, values + a * step[i] * np.eye(p)[i] + b * step[j] * np.eye(p)[j])
                for a in (1, -1)
                for b in (1, -1)
            ]
            out[i, j] = (corners[0] - corners[1] - corners[2] + corners[3]) / (4 * step[i] * step[j])
    return out


@pytest.mark.long
@pytest.mark.parametrize("exponential", [False, True])
@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: f"{sample.effects}-{sample.correction}")
@pytest.mark.parametrize("kind", KINDS)
def test_estimates_are_the_top_of_the_joint_likelihood(kind: DecayKind, sample: Sample, exponential: bool) -> None:
    data = drawn(kind, sample, exponential)
    fit = fit_decay(data, 0.05, 8.0)
    assert not fit.at_end
    values = np.array([*fit.beta, *([] if kind == "slx" else [fit.spatial]), fit.gamma, fit.sigma2])
    top = log_likelihood(data, values)
    assert top == pytest.approx(fit.loglik, abs=1e-8)
    for place in range(len(values)):
        step = 1e-3 * np.eye(len(values))[place]
        assert max(log_likelihood(data, values + step), log_likelihood(data, values - step)) < top
    theirs = np.linalg.inv(-hessian(data, values))
    np.testing.assert_allclose(fit.covariance, theirs, rtol=2e-4, atol=2e-5 * np.abs(theirs).max())


@pytest.mark.parametrize("kind", KINDS)
def test_given_the_rate_the_likelihood_is_that_of_the_static_model(kind: DecayKind) -> None:
    sample = SAMPLES[0]
    data = drawn(kind, sample)
    point = data.at(1.3)
    w = point.w
    assert w.w.sum(axis=1) == pytest.approx(np.ones(sample.n))
    assert w.w[0, 1] / w.w[0, 2] == pytest.approx(np.exp(-1.3 * (data.distances.a[0, 1] - data.distances.a[0, 2])))
    np.testing.assert_allclose(np.sort(np.linalg.eigvals(w.w).real), w.eigenvalues, atol=1e-12)
    z = np.concatenate([data.x, w.lag(data.x[..., data.lagged])], axis=2)
    level = np.concatenate([z, data.y], axis=2)
    within = demean(level, sample.effects)
    if kind == "slx":
        fit = fit_linear(within, sample)
    elif kind in ("sar", "sdm"):
        fit = fit_lag(np.concatenate([within, demean(w.lag(data.y), sample.effects)], axis=2), w, sample)
    else:
        fit = fit_error(within, demean(w.lag(level), sample.effects), w, sample)
    assert point.loglik == pytest.approx(fit.loglik, abs=1e-9)
    np.testing.assert_allclose(point.beta, fit.beta, rtol=1e-8)
    assert point.spatial == pytest.approx(fit.spatial, abs=1e-9)


def test_the_score_is_the_derivative_of_the_profile() -> None:
    for kind in KINDS:
        data = drawn(kind, SAMPLES[0])
        slope = (data.at(1.5 + 1e-5).loglik - data.at(1.5 - 1e-5).loglik) / 2e-5
        assert data.score(data.at(1.5)) == pytest.approx(slope, rel=1e-5, abs=1e-6)


def test_derivatives_of_weights() -> None:
    distances = drawn("sar", SAMPLES[0]).distances
    first, second = distances.slopes(distances.operator(1.2).w)
    step = 1e-4
    up, here, down = (distances.operator(1.2 + move).w for move in (step, 0.0, -step))
    np.testing.assert_allclose(first, (up - down) / (2 * step), atol=1e-8)
    np.testing.assert_allclose(second, (up - 2 * here + down) / step**2, atol=1e-6)


def test_the_interval_ends_where_the_likelihood_ratio_is_at_its_quantile() -> None:
    data = drawn("sdm", SAMPLES[0])
    fit = fit_decay(data, 0.05, 8.0, level=0.9)
    assert fit.open == (False, False)
    for end in (fit.low, fit.high):
        assert 2 * (fit.loglik - data.at(end).loglik) == pytest.approx(2.705543, abs=0.01)
    inside = fit.profile[(fit.profile[:, 0] > fit.low * 1.001) & (fit.profile[:, 0] < fit.high * 0.999)]
    assert (2 * (fit.loglik - inside[:, 1]) < 2.71).all()


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: f"{sample.effects}-{sample.correction}")
@pytest.mark.parametrize("kind", ["sar", "sem", "sdm", "sdem"])
def test_the_interval_of_the_spatial_parameter_is_that_of_its_own_profile(kind: DecayKind, sample: Sample) -> None:
    """At its ends the explicit likelihood, maximised over all other parameters, is at the quantile."""
    data = drawn(kind, sample)
    fit = fit_decay(data, 0.05, 8.0)
    p = len(fit.beta)
    free = np.delete(np.arange(p + 3), p)
    start = np.array([*fit.beta, fit.gamma, np.log(fit.sigma2)])

    def lack(values: FloatArray, spatial: float) -> float:
        every = np.empty(p + 3)
        every[free], every[p] = values, spatial
        every[-1] = np.exp(every[-1])
        every[-2] = min(max(every[-2], 0.05), 8.0)
        return -log_likelihood(data, every)

    assert fit.spatial_low < fit.spatial < fit.spatial_high
    for end in (fit.spatial_low, fit.spatial_high):
        open_end = end in (1.0, -1.0)
        at = end * (1 - 1e-6 * open_end)
        found = scipy.optimize.minimize(lack, start, (at,), method="BFGS", options={"gtol": 1e-5})
        ratio = 2 * (fit.loglik + float(found.fun))
        # an end of the range is in the interval where its ratio is below the limit
        assert ratio < 3.85 if open_end else ratio == pytest.approx(3.841459, abs=0.01)


@pytest.mark.parametrize("kind", ["sar", "sem", "sdm", "sdem"])
def test_the_likelihood_along_the_spatial_parameter_has_the_maximum_of_the_point(kind: DecayKind) -> None:
    data = drawn(kind, SAMPLES[0])
    point = data.at(1.3)
    height = data.along(point.w)
    assert height(point.spatial) == pytest.approx(point.loglik, abs=1e-9)
    assert max(height(point.spatial - 1e-3), height(point.spatial + 1e-3)) < point.loglik


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: f"{sample.effects}-{sample.correction}")
@pytest.mark.parametrize("kind", KINDS)
def test_linear_and_quadratic_forms_add_up_to_the_score(kind: DecayKind, sample: Sample) -> None:
    data = drawn(kind, sample)
    point = data.at(1.3)
    sigma2 = float(point.e @ point.e) / sample.size
    score = score_of(data, point, Change(data, point), sigma2, kind != "slx")
    errors = point.e.reshape(sample.t, sample.n)
    quadratic = [demean(errors @ term.g.T, sample.effects).ravel() / sigma2 for term in score.terms]
    slopes = np.zeros((len(point.e), score.linear.shape[1] - len(quadratic) - 1))
    applied = np.column_stack([slopes, *quadratic, point.e / (2 * sigma2**2)])
    parts = point.e[:, None] * (score.linear + applied) - sigma2 * score.diagonal
    expected = np.zeros(parts.shape[1])
    # the profile has its top in all parameters but the rate
    expected[-2] = data.score(point)
    if sample.transformed:
        # a demeaned residual has (T - 1)/T of the variance
        np.testing.assert_allclose(parts.sum(axis=0), expected, atol=1e-6)
    else:
        # the direct likelihood counts every row: only the slopes' scores are exact
        np.testing.assert_allclose(parts.sum(axis=0)[: len(point.beta)], 0, atol=1e-8)


@pytest.mark.long
@pytest.mark.parametrize("kind", KINDS)
def test_sandwiches_are_near_the_information_with_normal_errors(kind: DecayKind) -> None:
    data = drawn(kind, Sample(120, 10, "two_way", "lee_yu"))
    plain = np.sqrt(np.diag(fit_decay(data, 0.05, 8.0).covariance))
    for cov in ("robust", "cluster"):
        other = np.sqrt(np.diag(fit_decay(data, 0.05, 8.0, cov=cov).covariance))
        np.testing.assert_allclose(other[:2], plain[:2], rtol=0.3)
        assert (np.abs(np.log(other / plain)) < np.log(2)).all()


def test_at_an_end_of_the_range_the_others_are_given_the_rate() -> None:
    data = drawn("sar", SAMPLES[0])
    fit = fit_decay(data, 0.05, 0.6)
    assert fit.at_end
    assert fit.gamma == fit.high == 0.6
    assert fit.open[1]
    assert np.isnan(fit.covariance[-2]).all()
    assert np.isfinite(fit.covariance[:-2, :-2]).all()


def test_the_search_for_a_root_takes_each_end_once() -> None:
    """An end is a whole fit where the score is the slope of a profile."""
    asked: list[float] = []

    def score(at: float) -> float:
        asked.append(at)
        return 1.0 - at**3

    assert root_between(score, 0.25, 3.0, 1e-14, 1e-12) == pytest.approx(1.0, abs=1e-12)
    assert len(asked) == len(set(asked))
    with pytest.raises(EstimationError, match="no highest value"):
        root_between(score, 2.0, 3.0, 1e-14, 1e-12)
