"""Dynamic spatial panels against explicit dummies, explicit matrices, numerical derivatives and simulation."""

from __future__ import annotations

from collections.abc import Callable

import classic as dc
import numpy as np
import pytest
import scipy

from digicarbon.errors import EstimationError
from digicarbon.numeric.linear.within import demean
from digicarbon.numeric.spatial.operator import DenseOperator, SpatialOperator
from digicarbon.numeric.spatial.sparse import SparseOperator
from digicarbon.packs.dynamic_space.numeric import effects as of_effects
from digicarbon.packs.dynamic_space.numeric.batch import DynamicBatch
from digicarbon.packs.dynamic_space.numeric.effects import ratio_interval
from digicarbon.packs.dynamic_space.numeric.estimator import DynamicFit, Setting, fit_dynamic, solver_of
from digicarbon.packs.dynamic_space.numeric.null import lags_of
from digicarbon.packs.dynamic_space.numeric.robust import robust_covariance
from digicarbon.packs.dynamic_space.numeric.score import expected_score, largest_root, score_variance
from digicarbon.packs.dynamic_space.numeric.spectrum import spectrum_of

THETA = np.array([0.3, 0.4, -0.1])
N, T = 12, 5


def balanced(n: int, seed: int = 0) -> DenseOperator:
    """A row-standardised W with real roots."""
    raw = np.triu(np.random.default_rng(seed).random((n, n)) < 4 / n, 1).astype(float)
    raw += np.diag(np.ones(n - 1), 1)
    raw = ((raw + raw.T) > 0).astype(float)
    sums = raw.sum(axis=1)
    return DenseOperator(raw / sums[:, None], 1.0, sums)


def directed(n: int, rows: bool, seed: int = 0) -> DenseOperator:
    """A W with complex roots; with equal row sums or not."""
    raw = np.random.default_rng(seed).random((n, n)) ** 3
    np.fill_diagonal(raw, 0.0)
    return DenseOperator(
        raw / (raw.sum(axis=1, keepdims=True) if rows else raw.sum(axis=1).max()), 1.0 if rows else None
    )


def dynamics(w: np.ndarray, theta: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """S⁻¹ and A."""
    inverse = np.linalg.inv(np.eye(len(w)) - theta[0] * w)
    return inverse, inverse @ (theta[1] * np.eye(len(w)) + theta[2] * w)


def drawn(
    w: np.ndarray,
    rng: np.random.Generator,
    t: int = T,
    theta: np.ndarray = THETA,
    start: np.ndarray | None = None,
    common: float = 1.0,
) -> tuple[np.ndarray, np.ndarray]:
    """Outcomes of t + 1 periods and regressors x, Wx of the last t."""
    n = len(w)
    inverse, step = dynamics(w, theta)
    unit = rng.standard_normal(n)
    y = np.empty((t + 1, n))
    y[0] = inverse @ unit * 2 if start is None else start
    x = rng.standard_normal((t, n)) + unit / 2
    for period in range(t):
        right = x[period] + 0.5 * w @ x[period] + unit + common * np.sin(period) + rng.standard_normal(n)
        y[period + 1] = step @ y[period] + inverse @ right
    return y, np.stack([x, x @ w.T], axis=2)


def columns_of(y: np.ndarray, z: np.ndarray, w: SpatialOperator, setting: Setting) -> np.ndarray:
    lags = lags_of(y[1:], y[:-1], w, setting)
    return demean(np.concatenate([z, lags, y[1:, :, None]], axis=2), setting.effects)


def fitted(y: np.ndarray, z: np.ndarray, w: SpatialOperator, setting: Setting) -> DynamicFit:
    return fit_dynamic(columns_of(y, z, w, setting), w, setting)


def lagged_errors(w: np.ndarray, theta: np.ndarray, t: int) -> list[np.ndarray]:
    """The matrices L by which errors enter Wy, y_{-1} and Wy_{-1}, element by element."""
    n = len(w)
    inverse, step = dynamics(w, theta)
    now, before = np.zeros((t, n, t, n)), np.zeros((t, n, t, n))
    for row in range(t):
        for column in range(row + 1):
            power = np.linalg.matrix_power(step, row - column) @ inverse
            now[row, :, column] = w @ power
            if row + 1 < t:
                before[row + 1, :, column] = power
    both = [part.reshape(t * n, t * n) for part in (now, before)]
    return [*both, np.kron(np.eye(t), w) @ both[1]]


@pytest.mark.parametrize("effects", ["unit", "time", "two_way"])
@pytest.mark.parametrize("lags", [(True, True), (True, False), (False, True)])
def test_quasi_likelihood_is_the_optimum_with_explicit_dummies(effects: str, lags: tuple[bool, bool]) -> None:
    w = balanced(N)
    y, z = drawn(w.w, np.random.default_rng(1))
    setting = Setting(N, T, effects, "none", *lags)
    fit = fitted(y, z, w, setting)
    dummies = [np.kron(np.ones((T, 1)), np.eye(N))] if effects != "time" else []
    dummies += [np.kron(np.eye(T), np.ones((N, 1)))] if effects != "unit" else []
    past = np.stack([y[:-1], y[:-1] @ w.w.T], axis=2)[..., list(lags)].reshape(T * N, -1)
    right = np.concatenate([z.reshape(T * N, -1), past, *dummies], axis=1)
    level, lag = y[1:].ravel(), (y[1:] @ w.w.T).ravel()

    def loglik(rho: float) -> float:
        target = level - rho * lag
        rest = target - right @ np.linalg.lstsq(right, target, rcond=None)[0]
        jacobian = np.linalg.slogdet(np.eye(N) - rho * w.w)[1]
        return float(-T * N / 2 * (np.log(2 * np.pi * (rest @ rest) / (T * N)) + 1) + T * jacobian)

    best = scipy.optimize.minimize_scalar(
        lambda rho: -loglik(rho), bounds=(-0.9, 0.95), method="bounded", options={"xatol": 1e-11}
    )
    assert fit.theta[0] == pytest.approx(best.x, abs=1e-7)
    assert fit.loglik == pytest.approx(-best.fun, abs=1e-8)
    coef = np.linalg.lstsq(right, level - fit.theta[0] * lag, rcond=None)[0]
    found = np.concatenate([fit.beta, fit.theta[1:][list(lags)]])
    np.testing.assert_allclose(found, coef[: len(found)], atol=1e-8)


@pytest.mark.parametrize("effects", ["unit", "two_way"])
def test_errors_of_the_quasi_likelihood_are_those_of_a_numerical_hessian(effects: str) -> None:
    w = balanced(N)
    y, z = drawn(w.w, np.random.default_rng(2))
    setting = Setting(N, T, effects, "none")
    columns = columns_of(y, z, w, setting)
    fit = fit_dynamic(columns, w, setting)
    flat = columns.reshape(T * N, -1)

    def loglik(p: np.ndarray) -> float:
        rest = flat[:, -1] - flat[:, :-1] @ p[:-1]
        jacobian = np.linalg.slogdet(np.eye(N) - p[2] * w.w)[1]
        return float(-T * N / 2 * np.log(2 * np.pi * p[-1]) - rest @ rest / (2 * p[-1]) + T * jacobian)

    at = np.array([*fit.beta, *fit.theta, fit.sigma2])
    hessian = derivatives(lambda p: gradient(loglik, p), at)
    np.testing.assert_allclose(fit.covariance, np.linalg.inv(-hessian), rtol=2e-4, atol=1e-7)


def gradient(f: Callable[[np.ndarray], float], at: np.ndarray, step: float = 1e-4) -> np.ndarray:
    return np.array([(f(at + move) - f(at - move)) / (2 * step) for move in step * np.eye(len(at))])


def derivatives(f: Callable[[np.ndarray], np.ndarray], at: np.ndarray, step: float = 1e-4) -> np.ndarray:
    return np.stack([(f(at + move) - f(at - move)) / (2 * step) for move in step * np.eye(len(at))], axis=1)


@pytest.mark.parametrize("w", [balanced(7), directed(7, True), directed(7, False)], ids=["real", "complex", "unequal"])
def test_the_expected_score_and_its_variance_are_traces_of_explicit_matrices(w: DenseOperator) -> None:
    n, drops = w.n, w.constant_row_sum is not None
    spectrum = spectrum_of(w, drops)
    centre = np.eye(n) - (1 / n if drops else 0.0)
    q = np.kron(np.eye(T) - 1 / T, centre)

    def phi(theta: np.ndarray) -> np.ndarray:
        return np.array([np.trace(q @ own) for own in lagged_errors(w.w, theta, T)])

    found = expected_score(THETA[None], spectrum, T)
    np.testing.assert_allclose(found.phi[0], phi(THETA), atol=1e-12)
    np.testing.assert_allclose(found.slope[0], derivatives(phi, THETA, 1e-5), atol=1e-6)
    parts = lagged_errors(w.w, THETA, T)
    variance = [[np.trace(q @ one @ q @ other) for other in parts] for one in parts]
    np.testing.assert_allclose(score_variance(THETA[None], spectrum, T)[0], variance, atol=1e-12)


def test_the_adjusted_score_is_zero_on_average_and_has_the_variance_that_errors_rest_on() -> None:
    w = balanced(N)
    rng = np.random.default_rng(3)
    setting = Setting(N, T, "two_way", "score")
    spectrum = spectrum_of(w, True)
    phi = expected_score(THETA[None], spectrum, T).phi[0]
    extra = score_variance(THETA[None], spectrum, T)[0]
    start = 5 * rng.standard_normal(N)
    scores, outer = [], []
    for _ in range(3000):
        y, z = drawn(w.w, rng, start=start)
        flat = columns_of(y, z, w, setting).reshape(T * N, -1)
        lags, errors = flat[:, 2:5], flat[:, 5] - flat[:, :5] @ np.array([1.0, 0.5, *THETA])
        scores.append(lags.T @ errors - phi)
        outer.append(lags.T @ lags + extra)
    mean, error = np.mean(scores, axis=0), np.std(scores, axis=0) / np.sqrt(len(scores))
    assert (np.abs(mean) < 4 * error).all()
    # without the adjustment the mean is far from zero
    assert (np.abs(mean + phi) > 20 * error)[1]
    np.testing.assert_allclose(np.cov(np.array(scores).T).diagonal(), np.mean(outer, axis=0).diagonal(), rtol=0.1)


def solves_its_equations(y: np.ndarray, z: np.ndarray, w: DenseOperator, setting: Setting) -> DynamicFit:
    """Return a fit whose adjusted score is zero, by explicit matrices."""
    fit = fitted(y, z, w, setting)
    assert not fit.lost
    n = w.n
    flat = columns_of(y, z, w, setting).reshape(T * n, -1)
    errors = fit.residuals.ravel()
    np.testing.assert_allclose(flat[:, :2].T @ errors, 0.0, atol=1e-9)
    centre = np.eye(n) - (1 / n if setting.effects == "two_way" else 0.0)
    q = np.kron(np.eye(T) - 1 / T, centre)
    expected = [np.trace(q @ own) for own in lagged_errors(w.w, fit.theta, T)]
    np.testing.assert_allclose(flat[:, 2:5].T @ errors / fit.sigma2, expected, atol=1e-7)
    assert fit.sigma2 == pytest.approx(errors @ errors / setting.size)
    return fit


@pytest.mark.parametrize("effects", ["unit", "two_way"])
def test_the_adjusted_estimate_solves_its_equations(effects: str) -> None:
    w = balanced(30)
    y, z = drawn(w.w, np.random.default_rng(4))
    solves_its_equations(y, z, w, Setting(30, T, effects, "score"))


def test_an_uncorrected_estimate_that_explodes_is_where_the_adjusted_one_is_sought() -> None:
    """The correction from there, beyond the pole of its traces, leads to no maximum, though there is one."""
    w = balanced(N)
    y, z = drawn(w.w, np.random.default_rng(26), theta=np.array([0.3, 1.0, -0.25]))
    fit = solves_its_equations(y, z, w, Setting(N, T, "two_way", "score"))
    assert largest_root(fit.quasi[None], spectrum_of(w, True).ends)[0] > 1


def test_the_adjusted_errors_are_a_sandwich_of_the_numerical_jacobian() -> None:
    n = 30
    w = balanced(n)
    y, z = drawn(w.w, np.random.default_rng(5))
    setting = Setting(n, T, "two_way", "score")
    columns = columns_of(y, z, w, setting)
    fit = fit_dynamic(columns, w, setting)
    assert not fit.lost
    flat = columns.reshape(T * n, -1)
    spectrum = spectrum_of(w, True)

    def score(p: np.ndarray) -> np.ndarray:
        rest = flat[:, -1] - flat[:, :-1] @ p[:-1]
        of_lags = flat[:, 2:5].T @ rest / p[-1] - expected_score(p[None, 2:5], spectrum, T).phi[0]
        of_sigma2 = rest @ rest / (2 * p[-1] ** 2) - setting.size / (2 * p[-1])
        return np.array([*flat[:, :2].T @ rest / p[-1], *of_lags, of_sigma2])

    at = np.array([*fit.beta, *fit.theta, fit.sigma2])
    np.testing.assert_allclose(score(at), 0.0, atol=1e-6)
    bread = np.linalg.inv(-derivatives(score, at, 1e-5))
    inner = np.zeros((6, 6))
    inner[:5, :5] = flat[:, :5].T @ flat[:, :5] / fit.sigma2
    inner[2:5, 2:5] += score_variance(fit.theta[None], spectrum, T)[0]
    phi = expected_score(fit.theta[None], spectrum, T).phi[0]
    inner[5, 2:5] = inner[2:5, 5] = phi / fit.sigma2
    inner[5, 5] = setting.size / (2 * fit.sigma2**2)
    expected = bread @ inner @ bread.T * setting.size / (setting.size - 5)
    np.testing.assert_allclose(fit.covariance, expected, rtol=1e-5, atol=1e-8)


def by_the_paper(
    y: np.ndarray, z: np.ndarray, w: np.ndarray, two_way: bool, past: bool = True
) -> tuple[np.ndarray, np.ndarray]:
    """Return (β, ρ, τ, η, σ²) after Lee & Yu's (2010, theorem 3) correction, and the covariance, by explicit matrices.

    θ̂ + Σ⁻¹φ/T with the quasi-likelihood's θ̂, and Σ the expected information with GZδ of the sample, at θ̂; errors are of
    Σ at the corrected parameters.
    """
    n = len(w)
    centre = np.eye(n) - (1 / n if two_way else 0.0)
    t, units, eye = len(y) - 1, n - two_way, np.eye(n)

    def within(cube: np.ndarray) -> np.ndarray:
        return np.einsum("ij,tj->ti", centre, cube - cube.mean(axis=0))

    lags = [y[:-1], *([y[:-1] @ w.T] if past else [])]
    every = np.stack([within(one) for one in (*np.moveaxis(z, 2, 0), *lags)], axis=2)
    flat, outcome, lag = every.reshape(t * n, -1), within(y[1:]).ravel(), within(y[1:] @ w.T).ravel()
    k, size = flat.shape[1], units * t

    def left(rho: float) -> np.ndarray:
        target = outcome - rho * lag
        return np.asarray(target - flat @ np.linalg.lstsq(flat, target, rcond=None)[0])

    def height(rho: float) -> float:
        jacobian = np.linalg.slogdet(eye - rho * w)[1] - (np.log(1 - rho) if two_way else 0.0)
        return float(-size / 2 * np.log(left(rho) @ left(rho)) + t * jacobian)

    best = scipy.optimize.minimize_scalar(
        lambda rho: -height(rho), bounds=(-0.95, 0.95), method="bounded", options={"xatol": 1e-12}
    ).x
    delta = np.linalg.lstsq(flat, outcome - best * lag, rcond=None)[0]
    at = np.array([*delta, best, left(best) @ left(best) / size])

    def information(p: np.ndarray) -> np.ndarray:
        g = w @ np.linalg.inv(eye - p[k] * w)
        star = centre @ g @ centre
        mean = np.einsum("ij,tj->ti", g, (every @ p[:k])).reshape(t, n)
        both = np.column_stack([flat, within(mean).ravel()])
        out = np.zeros((k + 2, k + 2))
        out[:-1, :-1] = both.T @ both / p[-1]
        out[k, k] += t * (np.vdot(star, star) + np.trace(star @ star))
        out[k, -1] = out[-1, k] = t * np.trace(star) / p[-1]
        out[-1, -1] = size / (2 * p[-1] ** 2)
        return out

    tau, eta = at[k - 1 - past], at[k - 1] if past else 0.0
    inverse = np.linalg.inv((1 - tau) * eye - (best + eta) * w)
    own, of_lag = np.trace(centre @ inverse), np.trace(centre @ w @ inverse)
    bias = np.array([*[0.0] * z.shape[2], own, *([of_lag] if past else []), of_lag, units / (2 * at[-1])])
    corrected = at + np.linalg.solve(information(at), bias)
    return corrected, np.linalg.inv(information(corrected))


@pytest.mark.parametrize(
    ("operator", "effects", "past"),
    [
        (balanced(20), "two_way", True),
        (balanced(20), "unit", True),
        (balanced(20), "unit", False),
        (directed(20, rows=True), "two_way", True),
        (directed(20, rows=False), "unit", True),
    ],
)
def test_one_step_is_the_paper_s_correction(operator: DenseOperator, effects: str, past: bool) -> None:
    y, z = drawn(operator.w, np.random.default_rng(6), t=8, common=float(effects == "two_way"))
    fit = fitted(y, z, operator, Setting(20, 8, effects, "lee_yu", True, past))
    expected, covariance = by_the_paper(y, z, operator.w, effects == "two_way", past)
    found = [*fit.beta, fit.theta[1], *([fit.theta[2]] if past else []), fit.theta[0], fit.sigma2]
    np.testing.assert_allclose(found, expected, rtol=1e-6)
    # ρ stands before τ and η
    order = [0, 1, *([3, 4] if past else [3]), 2, -1]
    np.testing.assert_allclose(fit.covariance[np.ix_(order, order)], covariance, rtol=1e-6, atol=1e-10)
    assert np.abs(fit.theta - fit.quasi).max() > 1e-2


@pytest.mark.parametrize("effects", ["unit", "two_way"])
@pytest.mark.parametrize("past", [True, False])
def test_one_step_is_the_paper_s_correction_of_a_real_panel(
    effects: str, past: bool, produc: dc.Panel, usaww: dc.Weights
) -> None:
    """Munnell's 48 states over 17 years: a spatial lag model of output with its past."""
    names = ["log(gsp)", "log(pcap)", "log(emp)"]
    cube = produc.cube(names)
    expected, covariance = by_the_paper(
        cube[..., 0], cube[1:, :, 1:], usaww.align(produc).dense(), effects == "two_way", past
    )
    renamed = produc.with_columns({name[4:-1]: produc.column(name) for name in names})
    model = dc.DynamicSpatialPanel(
        y="gsp", x=("pcap", "emp"), kind="sar", effects=effects, bias_correction="lee_yu", space_time_lag=past
    )
    found = model.fit(renamed, usaww)
    np.testing.assert_allclose(found.coef, expected, rtol=1e-6)
    np.testing.assert_allclose(found.covariance, covariance, rtol=1e-5, atol=1e-12)
    assert found.has_note("errors_information")
    assert found.has_note("dynamic_lee_yu")


def test_where_the_score_has_no_maximum_the_estimate_is_the_paper_s() -> None:
    w, found = balanced(12), 0
    theta = np.array([0.3, 0.85, -0.2])
    for seed in range(120):
        y, z = drawn(w.w, np.random.default_rng(seed), t=3, theta=theta)
        score, one_step = (fitted(y, z, w, Setting(12, 3, "two_way", kind)) for kind in ("score", "lee_yu"))
        if score.lost:
            found += not one_step.lost
            np.testing.assert_allclose(score.theta, one_step.theta, rtol=1e-12)
            np.testing.assert_allclose(score.beta, one_step.beta, rtol=1e-12)
            assert score.sigma2 == pytest.approx(one_step.sigma2)
    assert found > 3


@pytest.mark.parametrize("w", [balanced(7), directed(7, True), directed(7, False)], ids=["real", "complex", "unequal"])
def test_effects_and_responses_are_those_of_explicit_matrices(w: DenseOperator) -> None:
    horizons = 4

    def means(matrix: np.ndarray) -> tuple[float, float, float]:
        direct, total = np.trace(matrix) / w.n, matrix.sum() / w.n
        return direct, total - direct, total

    def brute(theta: np.ndarray) -> np.ndarray:
        inverse, step = dynamics(w.w, theta)
        whole = np.linalg.inv((1 - theta[1]) * np.eye(w.n) - (theta[0] + theta[2]) * w.w)
        every = [inverse, *(np.linalg.matrix_power(step, h) @ inverse for h in range(horizons + 1)), whole]
        return np.array([[means(one), means(one @ w.w)] for one in every]).transpose(0, 2, 1).reshape(-1, 2)

    parts = [
        of_effects.short_factors(THETA, w),
        of_effects.impulse_factors(THETA, w, horizons),
        of_effects.long_factors(THETA, w),
    ]
    np.testing.assert_allclose(np.concatenate([part.values for part in parts]), brute(THETA), atol=1e-12)
    slopes = np.stack([(brute(THETA + m) - brute(THETA - m)) / 2e-6 for m in 1e-6 * np.eye(3)], axis=2)
    np.testing.assert_allclose(np.concatenate([part.slopes for part in parts]), slopes, atol=1e-7)
    # all responses together are the long run
    sums = of_effects.accumulated(of_effects.impulse_factors(THETA, w, 200)).values[-3:]
    np.testing.assert_allclose(sums, parts[-1].values, atol=1e-10)
    for long, whole in ((False, parts[0]), (True, parts[-1])):
        orders = of_effects.order_factors(THETA, w, long)
        np.testing.assert_allclose(orders.values.reshape(-1, 3, 2).sum(axis=0), whole.values, atol=1e-12)
        np.testing.assert_allclose(orders.slopes.reshape(-1, 3, 2, 3).sum(axis=0), whole.slopes, atol=1e-12)
        r = (THETA[0] + THETA[2]) / (1 - THETA[1]) if long else THETA[0]
        second = r**2 * w.w @ w.w / ((1 - THETA[1]) if long else 1.0)
        np.testing.assert_allclose(orders.values[6:9, 0], means(second), atol=1e-12)
    largest = np.abs(np.linalg.eigvals(dynamics(w.w, THETA)[1])).max()
    assert of_effects.stability(THETA, w) == pytest.approx(largest)


def test_an_interval_of_a_ratio_is_fieller_s() -> None:
    w = balanced(10)
    beta, lagged = np.array([1.0]), np.array([0.5])
    root = np.random.default_rng(0).standard_normal((5, 5)) * 0.05
    covariance = root @ root.T
    factors = of_effects.long_factors(THETA, w)
    found = of_effects.ratio_tests(factors, THETA, (beta, lagged), covariance, w, 1.96)
    top, below = 1.5, 1 - THETA.sum()

    def statistic(value: float) -> float:
        g = np.array([1.0, 1.0, value, value, value])
        return (top - value * below) / np.sqrt(g @ covariance @ g)

    assert found.stat[2, 0] == pytest.approx(statistic(0.0))
    np.testing.assert_allclose(np.abs([statistic(found.low[2, 0]), statistic(found.high[2, 0])]), 1.96, rtol=1e-9)
    wide = of_effects.ratio_tests(factors, THETA, (beta, lagged), covariance * 100, w, 1.96)
    assert wide.low[2, 0] == -np.inf
    assert wide.high[2, 0] == np.inf


@pytest.mark.parametrize("correction", ["score", "lee_yu", "none"])
@pytest.mark.parametrize("lags", [(True, True), (True, False), (False, True)])
def test_a_batch_is_the_fits(correction: str, lags: tuple[bool, bool]) -> None:
    n = 20
    w = balanced(n)
    rng = np.random.default_rng(7)
    y, z = drawn(w.w, rng)
    setting = Setting(n, T, "two_way", correction, *lags)
    base = np.concatenate([y[1:, :, None], 0.3 * rng.standard_normal((T, n, n))], axis=2)
    weights = np.concatenate([np.ones((1, 30)), rng.choice([-1.0, 1.0], (n, 30))])
    batch = DynamicBatch(z, y[0], w, setting)
    asked = [(0, 1, name) for name in (*of_effects.SHORT, *of_effects.LONG)] + [(1, None, "coefficient")]
    found = np.array(batch.several(batch.outcomes(base) @ weights, asked))
    plain = np.array(batch.several(batch.outcomes(base @ weights), asked))
    np.testing.assert_allclose(found, plain, rtol=1e-6)
    for draw in range(30):
        one = np.concatenate([y[:1], base @ weights[:, draw]])
        fit = fitted(one, z, w, setting)
        k, active = 2, list(setting.active)
        covariance = np.zeros((5, 5))
        here = [0, 1, *(2 + place for place in active)]
        covariance[np.ix_(here, here)] = fit.covariance[:-1, :-1]
        expected = []
        for factors in (of_effects.short_factors(fit.theta, w), of_effects.long_factors(fit.theta, w)):
            each = factors.estimates(fit.beta[:1], fit.beta[1:], covariance)
            expected += list(zip(each.coef[:, 0], each.se[:, 0], strict=True))
        expected.append((fit.beta[1], np.sqrt(covariance[k - 1, k - 1])))
        np.testing.assert_allclose(found[:, :, draw], expected, rtol=1e-6)


def test_robust_errors_are_the_classic_ones_without_surplus_moments() -> None:
    """Against explicit matrices: linear and quadratic forms of the score."""
    n = 8
    w = balanced(n)
    y, z = drawn(w.w, np.random.default_rng(8))
    for effects in ("unit", "two_way", "time"):
        setting = Setting(n, T, effects, "score")
        columns = columns_of(y, z, w, setting)
        fit = fit_dynamic(columns, w, setting)
        over_time = np.eye(T) - (1 / T if effects != "time" else 0.0)
        over_units = np.eye(n) - (1 / n if effects != "unit" else 0.0)
        q, e = np.kron(over_time, over_units), fit.residuals.ravel()
        linear, diagonal = np.zeros((T * n, 6)), np.zeros((T * n, 6))
        flat = columns.reshape(T * n, -1)
        linear[:, :2] = flat[:, :2] / fit.sigma2
        for place, own in enumerate(lagged_errors(w.w, fit.theta, T)):
            linear[:, 2 + place] = (flat[:, 2 + place] - q @ own @ e) / fit.sigma2
            diagonal[:, 2 + place] = np.diagonal(q @ own) / fit.sigma2
        diagonal[:, 5] = np.diagonal(q) / (2 * fit.sigma2**2)
        cubes, fourths = (q**3).sum(axis=1)[0], (q**4).sum(axis=1)[0]
        squares = (q**2).sum(axis=1)[0]
        third = (e**3).mean() / cubes
        fourth = ((e**4).mean() - 3 * fit.sigma2**2 * (squares**2 - fourths)) / fourths
        cross = linear.T @ diagonal
        surplus = third * (cross + cross.T) + (fourth - 3 * fit.sigma2**2) * diagonal.T @ diagonal
        expected = fit.covariance + fit.bread @ surplus @ fit.bread / setting.small_sample(2)
        np.testing.assert_allclose(robust_covariance(columns, fit, w, setting), expected, rtol=1e-8, atol=1e-12)


def lattice(rows: int, columns: int) -> SparseOperator:
    """A sparse row-standardised W."""

    def path(m: int) -> scipy.sparse.sparray:
        return scipy.sparse.diags_array([np.ones(m - 1), np.ones(m - 1)], offsets=[-1, 1])

    raw = scipy.sparse.kron(path(rows), scipy.sparse.eye_array(columns)) + scipy.sparse.kron(
        scipy.sparse.eye_array(rows), path(columns)
    )
    sums = np.asarray(raw.sum(axis=1)).ravel()
    w = scipy.sparse.csr_array(scipy.sparse.diags_array(1 / sums) @ raw)
    w.sort_indices()
    return SparseOperator(w, 1.0, sums)


@pytest.mark.long
def test_a_large_w_has_the_traces_of_its_eigenvalues() -> None:
    w = lattice(30, 40)
    found = spectrum_of(w, True)
    exact = spectrum_of(w.dense, True)
    assert 0 < found.error < 1e-3
    assert found.count == pytest.approx(exact.count)
    for theta in (THETA, np.array([0.7, 0.2, -0.1])):
        one, other = (expected_score(theta[None], each, 10) for each in (found, exact))
        np.testing.assert_allclose(one.phi, other.phi, rtol=2e-3)
        np.testing.assert_allclose(one.slope, other.slope, rtol=5e-3)
        one, other = (largest_root(theta[None], spectrum_of(each, False).ends)[0] for each in (w, w.dense))
        assert one == pytest.approx(other)
    rng = np.random.default_rng(9)
    y, z = drawn(w.dense.w, rng, 4)
    setting = Setting(1200, 4, "two_way", "score")
    sparse, dense = fitted(y, z, w, setting), fitted(y, z, w.dense, setting)
    np.testing.assert_allclose(sparse.theta, dense.theta, atol=2e-3 * np.sqrt(dense.covariance[2, 2]) + 1e-4)


def test_a_large_w_with_complex_roots_is_refused() -> None:
    n = 4100
    rows = np.repeat(np.arange(n), 2)
    columns = (rows + np.tile([1, 2], n)) % n
    w = SparseOperator(scipy.sparse.csr_array((np.full(2 * n, 0.5), (rows, columns)), shape=(n, n)), 1.0)
    with pytest.raises(EstimationError, match="complex eigenvalues"):
        spectrum_of(w, True)


def test_an_explosive_panel_has_no_adjusted_estimate() -> None:
    w = balanced(N)
    y, z = drawn(w.w, np.random.default_rng(10), theta=np.array([0.2, 1.3, 0.0]))
    setting = Setting(N, T, "two_way", "score")
    fit = fitted(y, z, w, setting)
    assert fit.lost
    assert np.isfinite(fit.covariance).all()
    assert solver_of(w, setting).spectrum.count == N - 1


@pytest.mark.parametrize(("f", "spread", "ends"), [(2.0, 0.02, (0, 0)), (2.0, 0.03, (0, 1)), (-2.0, 0.03, (1, 0))])
def test_an_interval_of_a_ratio_holds_the_values_that_are_not_rejected(
    f: float, spread: float, ends: tuple[int, int]
) -> None:
    d, a, b, critical = 0.3, 0.9, -0.1 * np.sign(f), 1.96
    low, high = (float(end) for end in ratio_interval(f, d, (a, b, spread), critical))
    assert (np.isinf(low), np.isinf(high)) == tuple(map(bool, ends))
    # values of the sign of the effect, and nothing else
    values = np.sign(f) * np.geomspace(1e-3, 1e6, 20_001)
    gap = f - values
    kept = np.abs(d * gap) <= critical * np.sqrt(d * d * a + 2 * d * gap * b + gap * gap * spread)
    assert 0 < kept.sum() < len(kept)
    np.testing.assert_array_equal(kept, (values >= low) & (values <= high))


def test_an_interval_of_a_ratio_whose_sign_is_unknown_has_no_ends() -> None:
    low, high = ratio_interval(0.5, 0.3, (0.9, 0.0, 0.06), 1.96)
    assert (low, high) == (-np.inf, np.inf)
