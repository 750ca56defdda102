"""Log marginal likelihoods: integrals over all parameters, SDPDmod's numbers, invariance, truth."""

from __future__ import annotations

import itertools

import numpy as np
import pandas as pd
import pytest
import scipy
from conftest import REFERENCE, reference
from log_marginals import log_marginals
from numpy.typing import NDArray
from panel_arrays import produc
from scipy.special import gammaln

from digicarbon.numeric.linear.within import EffectsKind
from digicarbon.numeric.spatial.likelihood import Correction, Sample
from digicarbon.numeric.spatial.operator import DenseOperator
from digicarbon.numeric.spatial.sparse import SparseOperator
from digicarbon.packs.which_weights.numeric.marginal import Factors, Prior, probabilities
from digicarbon.packs.which_weights.numeric.space import KINDS, LAG_OF_ERROR, LAG_OF_X, LAG_OF_Y, ChoiceKind, Space

Array = NDArray[np.float64]
R_RECORDS = {name.removeprefix("e.blmpSDPD."): values for name, values in reference("produc_log_marginal").items()}
EFFECTS: dict[str, EffectsKind] = {"individual": "unit", "time": "time", "twoways": "two_way"}


def neighbours(n: int, rng: np.random.Generator, most: int = 4) -> Array:
    """Row-standardised nearest neighbours."""
    place = rng.random((n, 2))
    distance = np.linalg.norm(place[:, None] - place[None], axis=2)
    np.fill_diagonal(distance, np.inf)
    w = np.zeros((n, n))
    for i in range(n):
        w[i, np.argsort(distance[i])[:most]] = 1 / most
    return w


def basis(size: int) -> Array:
    """Columns that span what is orthogonal to the constant."""
    return np.asarray(scipy.linalg.null_space(np.ones((1, size))))


def transformed(cube: Array, effects: EffectsKind) -> Array:
    """(N, T, m) after Lee & Yu's transformation with explicit bases: (N*, T*, m)."""
    n, t, _ = cube.shape
    f_n = basis(n) if effects in ("time", "two_way") else np.eye(n)
    f_t = basis(t) if effects in ("unit", "two_way") else np.eye(t)
    return np.einsum("ia,itm,tb->abm", f_n, cube, f_t)


@pytest.mark.parametrize("kind", ["ols", "sar", "sem", "sdm"])
@pytest.mark.parametrize("effects", ["unit", "two_way"])
def test_integral_over_all_parameters(kind: ChoiceKind, effects: EffectsKind) -> None:
    """Nothing is integrated by a formula here: likelihood times priors is added up over a grid of all parameters."""
    rng = np.random.default_rng(2)
    n, t = 5, 4
    w = neighbours(n, rng, 2)
    x = rng.normal(size=(n, t, 1))
    y = np.linalg.solve(np.eye(n) - 0.3 * w, 0.8 * x[..., 0] + rng.normal(size=(n, t)))
    f_n = basis(n) if effects == "two_way" else np.eye(n)
    w_star = f_n.T @ w @ f_n
    cube = transformed(np.concatenate([x, y[..., None]], axis=2), effects)
    z = np.concatenate([cube[..., :1], (w_star @ cube[..., 0])[..., None]], axis=2)[..., : 1 + (kind == "sdm")]
    k, size = z.shape[2], cube[..., 0].size
    roots = np.linalg.eigvals(w)
    low, high = 1 / roots[np.abs(roots.imag) < 1e-9].real.min(), 1.0
    betas, logs = np.linspace(-7.0, 8.0, 241 if k == 1 else 81), np.linspace(-3.0, 9.0, 61)
    grid, s2 = np.array(list(itertools.product(betas, repeat=k))), np.exp(logs)
    cell = (logs[1] - logs[0]) * (betas[1] - betas[0]) ** k
    points, weights = np.polynomial.legendre.leggauss(60)
    places = (low + high) / 2 + (high - low) / 2 * points
    if kind == "ols":
        places, weights = np.zeros(1), np.full(1, 2.0)
    g = 1 / max(size, k**2)
    total = 0.0
    for place, weight in zip(places, weights, strict=True):
        filter_ = np.eye(len(w_star)) - place * w_star
        jacobian = cube.shape[1] * np.linalg.slogdet(filter_)[1]
        own = (filter_ @ cube[..., 1]).ravel() if kind != "ols" else cube[..., 1].ravel()
        zs = np.einsum("ab,btk->atk", filter_, z) if kind == "sem" else z
        zs = zs.reshape(-1, k)
        cross = zs.T @ zs
        squares = ((own - grid @ zs.T) ** 2).sum(axis=1)[:, None]
        loglik = jacobian - size / 2 * np.log(2 * np.pi * s2) - squares / (2 * s2)
        spread = np.einsum("gk,kl,gl->g", grid, cross, grid)[:, None] * g / s2
        prior = k / 2 * np.log(g / (2 * np.pi * s2)) + np.linalg.slogdet(cross)[1] / 2 - spread / 2
        # 1/σ² dσ² is d ln σ²
        total += weight / 2 * np.exp(loglik + prior).sum() * cell
    result = log_marginals(y, [Space.of(x, DenseOperator(w, 1.0), Sample(n, t, effects, "lee_yu"))], [kind])
    assert result[0, 0] == pytest.approx(np.log(total), abs=1e-3 if k == 2 else 1e-4)


def states() -> tuple[Array, Array, Array]:
    """Return x, y and W of Munnell's states."""
    arrays = produc()
    edges = pd.read_csv(REFERENCE / "usaww_edges.csv")
    names = sorted(pd.read_csv(REFERENCE / "produc.csv")["state"].unique())
    w = edges.pivot(index="state", columns="neighbour", values="weight").reindex(index=names, columns=names).fillna(0)
    return arrays.x.reshape(48, 17, 4), arrays.y.reshape(48, 17), w.to_numpy()


@pytest.mark.parametrize("record", [name for name in R_RECORDS if name.endswith("uniform.LYTRUE")])
def test_sdpdmod(record: str) -> None:
    """SDPDmod's numbers follow from our integrand of flat priors, in three steps that are its own.

    It takes the fixed effects from the degrees of freedom although its sample is the transformed one, has (2π) where
    the integral over σ² gives π, and adds the integral over ρ itself, by parts, where its logarithm belongs.
    """
    x, y, w = states()
    effects = EFFECTS[record.partition(".")[0]]
    sample = Sample(48, 17, effects, "lee_yu")
    factors = Factors.of(Space.of(x, DenseOperator(w, 1.0), sample), y[..., None])
    n = 47 if effects in ("time", "two_way") else 48
    t = 16 if effects in ("unit", "two_way") else 17
    taken = {"unit": n, "time": t, "two_way": n + t - 1}[effects]
    w_star = basis(48).T @ w @ basis(48) if n == 47 else w
    roots = np.linalg.eigvals(w_star).real
    low, high = 1 / roots.min(), 1 / roots.max()
    grid = np.arange(low + 0.001, high - 0.001 + 1e-12, 0.001)
    for kind, expected in R_RECORDS[record]["lmarginal"].items():
        k, spatial = (8 if kind in LAG_OF_X else 4), kind not in ("ols", "slx")
        places = grid if spatial else np.zeros(1)
        squares, scale = squares_and_scale(factors, kind, places)
        jacobian = t * np.linalg.slogdet(np.eye(n) - places[:, None, None] * w_star)[1]

        def height(half: float, pi: float, rest: Array = jacobian - scale / 2, of: Array = squares) -> Array:
            return np.asarray(rest + gammaln(half) - half * np.log(pi * of))

        ours = factors.integrand(kind, "flat")(*[places] * spatial)
        np.testing.assert_allclose(ours, height((n * t - k) / 2, np.pi), atol=1e-7)
        theirs = height((n * t - k - taken) / 2, 2 * np.pi)
        if not spatial:
            assert theirs[0] == pytest.approx(expected, abs=1e-7)
            continue
        theirs -= np.log(high - low)
        share = np.exp(theirs - theirs.max())
        by_parts = ((grid[1:] + grid[:-1]) * np.diff(share) / 2).sum()
        # the places of SDPDmod's log-determinant are not exactly these
        assert theirs.max() + by_parts == pytest.approx(expected, abs=2e-4)


def squares_and_scale(factors: Factors, kind: ChoiceKind, places: Array) -> tuple[Array, Array]:
    """Return sums of squared residuals and ln|Z′Z| at places of the spatial parameter, by normal equations."""
    columns = [*factors.space.columns(kind), -2, -1]
    level, lagged = factors.level[:, columns], factors.lagged[:, columns]
    squares, scale = [], []
    for place in places:
        lam, rho = (place if kind in LAG_OF_ERROR else 0.0), (place if kind in LAG_OF_Y else 0.0)
        both = level - lam * lagged
        z, own = both[:, :-2], both[:, -2] - rho * both[:, -1]
        e = own - z @ np.linalg.solve(z.T @ z, z.T @ own)
        squares.append(e @ e)
        scale.append(np.linalg.slogdet(z.T @ z)[1])
    return np.array(squares), np.array(scale)


def simulated(
    seed: int, effects: EffectsKind = "two_way", correction: Correction = "lee_yu"
) -> tuple[Array, Array, list[Array], Sample]:
    """Return x, y, two W and the sample of 20 units and 5 periods; the first W is true."""
    rng = np.random.default_rng(seed)
    n, t = 20, 5
    w = [neighbours(n, rng), neighbours(n, rng)]
    x = rng.normal(size=(n, t, 2))
    y = np.linalg.solve(np.eye(n) - 0.5 * w[0], x @ [1.0, -0.5] + rng.normal(size=(n, t)) * 0.5)
    return x, y + 3, w, Sample(n, t, effects, correction)


@pytest.mark.parametrize("effects", ["none", "unit", "time", "two_way"])
def test_units_of_measurement(effects: EffectsKind) -> None:
    """Under the g-prior no unit of a regressor matters, nor does any constant; y's unit matters to all models alike."""
    x, y, w, sample = simulated(1, effects)
    kinds = KINDS
    first = log_marginals(y, [Space.of(x, DenseOperator(one, 1.0), sample) for one in w], kinds)
    other = log_marginals(y * 10 - 7, [Space.of(x * [100, 1] + 5, DenseOperator(one, 1.0), sample) for one in w], kinds)
    np.testing.assert_allclose(np.ptp(first - other, axis=None), 0, atol=1e-7)
    flat = [log_marginals(y, [Space.of(z, DenseOperator(w[0], 1.0), sample)], KINDS, "flat") for z in (x, x * [100, 1])]
    moved = (flat[0] - flat[1]).ravel()
    # with flat priors a model with more lags is another one when x is in per cent
    assert moved[KINDS.index("sdm")] - moved[KINDS.index("sar")] == pytest.approx(np.log(100), abs=1e-7)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("prior", ["g", "flat"])
def test_adaptive_integral(kind: ChoiceKind, prior: Prior) -> None:
    """The narrowed range gives what a dense grid of the whole range gives."""
    x, y, w, sample = simulated(3)
    factors = Factors.of(Space.of(x, DenseOperator(w[0], 1.0), sample), y[..., None])
    low, high = factors.space.bounds
    axes = (kind in LAG_OF_Y) + (kind in LAG_OF_ERROR)
    points, weights = np.polynomial.legendre.leggauss(300)
    place = (low + high) / 2 + (high - low) / 2 * points
    heights = factors.integrand(kind, prior)(*[place] * axes)
    shares = [weights / 2] * axes
    mass = np.exp(heights - heights.max()) * (np.outer(*shares) if axes == 2 else shares[0] if axes else 1.0)
    assert factors.marginal(kind, prior) == pytest.approx(heights.max() + np.log(mass.sum()), abs=1e-8)


def test_some_lags_only() -> None:
    """With the lags of one regressor the Durbin model has one column more than the lag model."""
    x, y, w, sample = simulated(4)
    space = Space.of(x, DenseOperator(w[0], 1.0), sample, [1])
    assert space.columns("sdm") == [0, 1, 2]
    by_hand = np.concatenate([x, np.einsum("ij,jt->it", w[0], x[..., 1])[..., None]], axis=2)
    same = Space.of(by_hand, DenseOperator(w[0], 1.0), sample)
    assert log_marginals(y, [space], ["sdm"]) == pytest.approx(log_marginals(y, [same], ["sar"]), abs=1e-8)


def test_sparse_weights() -> None:
    """A sparse W gives what the dense one gives."""
    x, y, w, sample = simulated(5)
    sparse = SparseOperator(scipy.sparse.csr_array(w[0]), 1.0, None)
    result = log_marginals(y, [Space.of(x, one, sample) for one in (DenseOperator(w[0], 1.0), sparse)], KINDS[:-1])
    low = [DenseOperator(w[0], 1.0).bounds, sparse.bounds]
    # the ranges, and so the priors, differ at the lower end
    shift = np.log((low[1][1] - low[1][0]) / (low[0][1] - low[0][0]))
    np.testing.assert_allclose(result[:2, 0], result[:2, 1], atol=1e-8)
    np.testing.assert_allclose(result[2:, 0] - result[2:, 1], shift, atol=1e-3)


def test_probabilities() -> None:
    """Of all pairs; a prior multiplies."""
    height = np.log(np.array([[1.0, 3.0], [4.0, 2.0]])) - 800
    np.testing.assert_allclose(probabilities(height), np.array([[1, 3], [4, 2]]) / 10)
    np.testing.assert_allclose(probabilities(height, np.array([[6.0, 1], [1, 1]])), np.array([[6, 3], [4, 2]]) / 15)
    height[0, 1] = np.nan
    np.testing.assert_allclose(probabilities(height)[1], [4 / 7, 2 / 7])


def test_truth() -> None:
    """The true W and kind have the highest probability in most samples."""
    right = 0
    for seed in range(20):
        x, y, w, sample = simulated(seed)
        share = probabilities(log_marginals(y, [Space.of(x, DenseOperator(v, 1.0), sample) for v in w], KINDS[:-1]))
        right += share.argmax() == KINDS.index("sar") * 2
    assert right >= 17
