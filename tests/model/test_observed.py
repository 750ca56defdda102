"""Standard errors from the observed information: minus the Hessian of a log-likelihood that is written here anew."""

from __future__ import annotations

from collections.abc import Callable

import classic as dc
import numpy as np
import pandas as pd
import pytest
from lattice import lattice

from digicarbon.arrays import FloatArray
from digicarbon.spec import SpecError

W = lattice(6, 5)
M = dc.Weights.from_matrix(np.roll(np.eye(W.n), 1, axis=1) + np.roll(np.eye(W.n), -1, axis=1), W.labels)
T = 5


@pytest.fixture(scope="module")
def panel() -> dc.Panel:
    rng = np.random.default_rng(5)
    index = pd.MultiIndex.from_product([W.labels, range(2011, 2011 + T)], names=["unit", "year"])
    frame = pd.DataFrame(rng.normal(size=(W.n * T, 3)), index=index, columns=["y", "a", "b"])
    cube = frame["y"].to_numpy().reshape(W.n, T) + 0.5 * frame["a"].to_numpy().reshape(W.n, T)
    frame["y"] = np.linalg.solve(np.eye(W.n) - 0.4 * W.dense(), cube).ravel()
    return dc.Panel.from_frame(frame.reset_index(), unit="unit", time="year")


def loglik(panel: dc.Panel, kind: str, effects: str, lee_yu: bool, m: FloatArray) -> Callable[[FloatArray], float]:
    """Return the log-likelihood of (β, ρ, λ, σ²), those that the kind has, by dummies or by Lee and Yu's matrices."""
    names = ("a", "b")
    w, n = W.dense(), W.n
    column = {name: panel.column(name).reshape(n, T) for name in ("y", *names)}
    durbin = kind in ("sdm", "sdem", "slx")
    z = [column[name] for name in names] + [w @ column[name] for name in names if durbin]
    if effects == "none":
        z = [np.ones((n, T)), *z]
    j_n, j_t = np.eye(n) - 1 / n, np.eye(T) - 1 / T
    left = j_n if effects == "two_way" else np.eye(n)
    right = j_t if effects in ("unit", "two_way") else np.eye(T)
    periods = T - 1 if lee_yu and effects != "none" else T
    size = (n - 1 if lee_yu and effects == "two_way" else n) * periods

    def at(theta: FloatArray) -> float:
        beta, rest = theta[: len(z)], list(theta[len(z) :])
        rho = rest.pop(0) if kind in ("sar", "sdm", "sac") else 0.0
        lam = rest.pop(0) if kind in ("sem", "sdem", "sac") else 0.0
        sigma2 = rest.pop(0)
        s, r = np.eye(n) - rho * w, np.eye(n) - lam * m
        e = left @ r @ (s @ column["y"] - sum(b * x for b, x in zip(beta, z, strict=True))) @ right
        lost = np.log((1 - rho) * (1 - lam)) if lee_yu and effects == "two_way" else 0.0
        determinant = np.linalg.slogdet(s)[1] + np.linalg.slogdet(r)[1] - lost
        return float(-size / 2 * np.log(2 * np.pi * sigma2) + periods * determinant - (e * e).sum() / (2 * sigma2))

    return at


def hessian(f: Callable[[FloatArray], float], at: FloatArray) -> FloatArray:
    """Return second derivatives by central differences of two step sizes, extrapolated."""

    def plain(step: float) -> FloatArray:
        steps = step * np.maximum(np.abs(at), 0.1)
        out = np.empty((len(at), len(at)))
        for i in range(len(at)):
            for j in range(len(at)):
                value = 0.0
                for one, other in ((1, 1), (1, -1), (-1, 1), (-1, -1)):
                    point = at.copy()
                    point[i] += one * steps[i]
                    point[j] += other * steps[j]
                    value += one * other * f(point)
                out[i, j] = value / (4 * steps[i] * steps[j])
        return out

    return (4 * plain(1e-3) - plain(2e-3)) / 3


@pytest.mark.parametrize("kind", ["slx", "sar", "sem", "sdm", "sdem", "sac"])
@pytest.mark.parametrize("effects", ["none", "unit", "two_way"])
@pytest.mark.parametrize("correction", ["lee_yu", "none"])
def test_errors_are_those_of_the_hessian(panel: dc.Panel, kind: str, effects: str, correction: str) -> None:
    fields = {"effects": effects, "bias_correction": correction}
    model = dc.SpatialPanel(y="y", x=("a",), controls=("b",), kind=kind, cov="observed", **fields)
    own = M if kind == "sac" else None
    result = model.fit(panel, W, own)
    f = loglik(panel, kind, effects, correction == "lee_yu", (own or W).dense())
    assert f(result.coef) == pytest.approx(result.statistics["loglik"], rel=1e-9)
    np.testing.assert_allclose(result.covariance, np.linalg.inv(-hessian(f, result.coef)), rtol=2e-4, atol=1e-8)
    classic = model.model_copy(update={"cov": "classic"}).fit(panel, W, own)
    np.testing.assert_array_equal(classic.coef, result.coef)
    assert result.notes[0].code == "errors_observed"


def test_random_effects_have_none() -> None:
    with pytest.raises(SpecError, match="not available for random effects"):
        dc.SpatialPanel(y="y", x=("a",), kind="sar", effects="random", cov="observed")


def test_a_linear_model_has_none() -> None:
    with pytest.raises(SpecError, match="cov must be one of"):
        dc.PanelRegression(y="y", x=("a",), cov="observed")
