"""Panels with a spatial lag, a spatial error and an endogenous regressor of known coefficients."""

from __future__ import annotations

import numpy as np
import pandas as pd

from digicarbon import Panel, Weights
from digicarbon.arrays import FloatArray


def ring(n: int, width: int = 2) -> FloatArray:
    """Return weights of units on a ring, rows of different weights that sum to one."""
    rng = np.random.default_rng(7)
    w = np.zeros((n, n))
    for unit in range(n):
        for step in range(1, width + 1):
            w[unit, (unit + step) % n], w[unit, (unit - step) % n] = rng.uniform(0.5, 1.5, 2)
    return np.asarray(w / w.sum(axis=1, keepdims=True))


def world(
    n: int = 30,
    t: int = 6,
    seed: int = 0,
    *,
    rho: float = 0.4,
    lam: float = 0.0,
    beta: float = 1.0,
    theta: float = 0.0,
    endogenous: float = 0.0,
    spread: float = 0.0,
    w: FloatArray | None = None,
) -> tuple[Panel, Weights]:
    """Return y = ρWy + βx + θWx + z + μ_i + τ_t + u with u = λWu + ε; x moves with ε by ``endogenous``.

    Variances of ε differ by unit by ``spread``: they are larger where z varies more.
    """
    rng = np.random.default_rng(seed)
    w = ring(n) if w is None else w
    mu, tau = rng.normal(size=n), rng.normal(size=t)
    size = np.exp(spread * np.linspace(-1, 1, n)[np.random.default_rng(3).permutation(n)])
    error = rng.normal(size=(t, n)) * size
    z, q = rng.normal(size=(t, n)) * np.sqrt(size), rng.normal(size=(t, n))
    x = q + 0.3 * z + rng.normal(size=(t, n)) + endogenous * error + mu
    identity = np.eye(n)
    u = error @ np.linalg.inv(identity - lam * w).T
    y = (beta * x + theta * x @ w.T + z + mu + tau[:, None] + u) @ np.linalg.inv(identity - rho * w).T
    units = [f"u{unit:04}" for unit in range(n)]
    index = pd.MultiIndex.from_product([range(2000, 2000 + t), units], names=["year", "unit"])
    columns = {"y": y.ravel(), "x": x.ravel(), "z": z.ravel(), "q": q.ravel()}
    panel = Panel.from_frame(pd.DataFrame(columns, index=index).reset_index(), unit="unit", time="year")
    return panel, Weights.from_matrix(w, units)
