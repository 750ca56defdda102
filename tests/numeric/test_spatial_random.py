"""Random unit effects with spatial errors: ordinary draws, islands, the likelihood in full, large means."""

from __future__ import annotations

import classic as dc
import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from digicarbon.diagnostic import diagnose
from digicarbon.errors import EstimationError
from digicarbon.numeric.spatial.likelihood import inverse_information
from digicarbon.numeric.spatial.operator import DenseOperator
from digicarbon.numeric.spatial.random import fit_error_random

FloatArray = NDArray[np.float64]
N, T = 30, 6
UNITS = [f"u{i:02d}" for i in range(N)]


def draw(seed: int, island: bool = False) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return y and x, (T, N), and W of four nearest neighbours; lambda 0.3."""
    rng = np.random.default_rng(seed)
    places = rng.random((N, 2))
    apart = np.linalg.norm(places[:, None] - places[None], axis=2)
    np.fill_diagonal(apart, np.inf)
    w = np.zeros((N, N))
    np.put_along_axis(w, np.argsort(apart, axis=1)[:, :4], 0.25, axis=1)
    if island:
        w[0] = 0.0
    x, effect = rng.normal(size=(T, N)), rng.normal(size=N)
    y = 1 + x + effect + np.linalg.solve(np.eye(N) - 0.3 * w, rng.normal(size=(N, T))).T
    return y, x, w


def panel_of(y: FloatArray, x: FloatArray, offset: float = 0.0) -> dc.Panel:
    index = pd.MultiIndex.from_product([UNITS, range(T)], names=["unit", "time"]).to_frame(index=False)
    # multiples of 2^-20: the offset itself rounds nothing
    y, x = (np.round(values * 2**20) / 2**20 + offset for values in (y, x))
    return dc.Panel.from_frame(index.assign(y=y.T.ravel(), x=x.T.ravel()), "unit", "time")


def loglik(y: FloatArray, x: FloatArray, w: FloatArray, lam: float, phi: float) -> float:
    """The concentrated likelihood with the whole covariance of all observations."""
    b = np.eye(N) - lam * w
    whole = phi * np.kron(np.ones((T, T)), np.eye(N)) + np.kron(np.eye(T), np.linalg.inv(b.T @ b))
    root = np.linalg.cholesky(whole)
    z = np.linalg.solve(root, np.column_stack([np.ones(N * T), x.ravel(), y.ravel()]))
    e = z[:, 2] - z[:, :2] @ np.linalg.lstsq(z[:, :2], z[:, 2], rcond=None)[0]
    log_determinant = 2 * float(np.log(np.diagonal(root)).sum())
    return -N * T / 2 * float(np.log(2 * np.pi * (e @ e) / (N * T)) + 1) - log_determinant / 2


@pytest.mark.parametrize("island", [False, True])
def test_ordinary_draws_are_fitted(island: bool) -> None:
    for seed in (8, 9) if island else range(6, 14):
        y, x, w = draw(seed, island)
        operator = DenseOperator(w, None if island else 1.0)
        level = np.stack([np.ones_like(x), x, y], axis=2)
        found = fit_error_random(level, operator.lag(level), operator, "baltagi")
        assert np.isfinite(found.covariance).all()
        assert (np.diagonal(found.covariance) > 0).all()
        assert found.loglik == pytest.approx(loglik(y, x, w, found.spatial, found.phi), abs=1e-8)
        for moved in ((1e-3, 1.0), (-1e-3, 1.0), (0.0, 1.01), (0.0, 0.99)):
            assert loglik(y, x, w, found.spatial + moved[0], found.phi * moved[1]) < found.loglik


@pytest.mark.parametrize("kind", ["sem", "sdem"])
@pytest.mark.parametrize("island", [False, True])
def test_diagnose_gives_no_reason_that_does_not_hold(kind: str, island: bool) -> None:
    for seed in (8, 9):
        y, x, w = draw(seed, island)
        table = diagnose(
            dc.SpatialPanel(y="y", x=("x",), kind=kind, effects="random"),
            panel_of(y, x),
            dc.Weights.from_matrix(w, UNITS, islands="keep"),
            draws=0,
        )
        assert not table["null"].str.contains("has no inverse").any()


def test_parameters_that_are_not_told_apart_are_a_sentence() -> None:
    for matrix in (np.ones((2, 2)), np.zeros((2, 2)), np.full((2, 2), np.nan)):
        with pytest.raises(EstimationError, match="do not identify its parameters"):
            inverse_information(matrix)


@pytest.mark.parametrize(
    ("kind", "effects", "structure"),
    [
        *((kind, "random", "baltagi") for kind in ("sar", "sdm", "sem", "sdem")),
        *((kind, "random", "kkp") for kind in ("sem", "sdem")),
        *((kind, "none", "baltagi") for kind in ("sar", "sdm", "sem", "sdem", "sac", "slx")),
    ],
)
def test_large_means_cost_no_digits(kind: str, effects: str, structure: str) -> None:
    y, x, w = draw(1)
    weights = dc.Weights.from_matrix(w, UNITS)
    model = dc.SpatialPanel(y="y", x=("x",), kind=kind, effects=effects, error_structure=structure)
    near, far = (model.fit(panel_of(y, x, offset), weights) for offset in (0.0, 2.0**20))
    slopes = [place for place, term in enumerate(near.terms) if term != "const"]
    # baltagi and kkp are maximised by values of the likelihood, which know half of the digits
    np.testing.assert_allclose(far.coef[slopes], near.coef[slopes], rtol=2e-6)
    errors = [result.estimates["se"].to_numpy()[slopes] for result in (near, far)]
    np.testing.assert_allclose(errors[1], errors[0], rtol=2e-6)
