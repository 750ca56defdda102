"""A panel of one regressor with dependence in space."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

import digicarbon as dc


def study(w: Any, t: int, seed: int, rho: float = 0.0, lam: float = 0.0) -> tuple[dc.Panel, dc.Weights]:
    n = len(w)
    rng = np.random.default_rng(seed)
    units = [f"u{i:03d}" for i in range(n)]
    x, e = rng.normal(size=(2, n, t))
    y = np.linalg.solve(np.eye(n) - rho * w, x + np.linalg.solve(np.eye(n) - lam * w, e))
    frame = pd.DataFrame(
        {"unit": np.repeat(units, t), "year": np.tile(np.arange(t), n), "y": y.ravel(), "x": x.ravel()}
    )
    return dc.Panel.from_frame(frame, "unit", "year"), dc.Weights.from_matrix(w, units, normalise=None)


def complete(n: int) -> Any:
    return (np.ones((n, n)) - np.eye(n)) / (n - 1)
