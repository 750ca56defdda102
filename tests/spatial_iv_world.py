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


def groups(n: int) -> tuple[FloatArray, FloatArray]:
    """Return weights within groups of three units and of half of the units, and the units' standard deviations.

    Errors are larger in small groups, where what a unit sends comes back to it: variances go with the diagonal of G.
    """
    rng = np.random.default_rng(8)
    half = n // 2
    of_unit = np.array([0] * half + [1 + unit // 3 for unit in range(n - half)])
    w = rng.uniform(0.2, 1.8, (n, n)) * (of_unit[:, None] == of_unit) * (1 - np.eye(n))
    return np.asarray(w / w.sum(axis=1, keepdims=True)), np.where(of_unit == 0, 0.3, 1.7)


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
    strength: float = 1.0,
    control: float = 1.0,
    w: FloatArray | None = None,
    sizes: FloatArray | None = None,
) -> tuple[Panel, Weights]:
    """Return y = ρWy + βx + θWx + γz + μ_i + τ_t + u with u = λWu + ε; x moves with ε by ``endogenous``.

    The instrument q moves x by ``strength``; γ is ``control``, by which Wz and W²z move Wy.
    Variances of ε differ by unit by ``spread``: they are larger where z varies more; or standard deviations are given.
    """
    rng = np.random.default_rng(seed)
    w = ring(n) if w is None else w
    mu, tau = rng.normal(size=n), rng.normal(size=t)
    size = np.exp(spread * np.linspace(-1, 1, n)[np.random.default_rng(3).permutation(n)])
    error = rng.normal(size=(t, n)) * (size if sizes is None else sizes)
    z, q = rng.normal(size=(t, n)) * np.sqrt(size), rng.normal(size=(t, n))
    x = strength * q + 0.3 * z + rng.normal(size=(t, n)) + endogenous * error + mu
    identity = np.eye(n)
    u = error @ np.linalg.inv(identity - lam * w).T
    y = (beta * x + theta * x @ w.T + control * z + mu + tau[:, None] + u) @ np.linalg.inv(identity - rho * w).T
    units = [f"u{unit:04}" for unit in range(n)]
    index = pd.MultiIndex.from_product([range(2000, 2000 + t), units], names=["year", "unit"])
    columns = {"y": y.ravel(), "x": x.ravel(), "z": z.ravel(), "q": q.ravel()}
    panel = Panel.from_frame(pd.DataFrame(columns, index=index).reset_index(), unit="unit", time="year")
    return panel, Weights.from_matrix(w, units)
