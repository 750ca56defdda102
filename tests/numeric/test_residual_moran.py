"""Moran's I of residuals against explicit matrices."""

from __future__ import annotations

import numpy as np
import pytest

import digicarbon as dc
from digicarbon.numeric.tests.residual_moran import residual_moran

X = ("log(pcap)", "log(pc)", "log(emp)", "unemp")


@pytest.mark.parametrize("effects", ["none", "unit", "time", "two_way"])
def test_residual_moments_equal_explicit_matrices(produc: dc.Panel, usaww: dc.Weights, effects: str) -> None:
    part = produc.select(units=produc.units[:12], periods=produc.periods[:4])
    weights = usaww.restrict(part.units, islands="keep")
    n, t = part.shape
    cube = part.cube([*X, "log(gsp)"])
    constant = np.ones((t, n, 1 if effects == "none" else 0))
    columns = np.concatenate([constant, cube], axis=2)
    found = residual_moran(columns, weights.matrix, effects)
    dummies = {
        "unit": [np.tile(np.eye(n), (t, 1))],
        "time": [np.repeat(np.eye(t), n, axis=0)],
        "two_way": [np.tile(np.eye(n), (t, 1)), np.repeat(np.eye(t), n, axis=0)[:, 1:]],
    }.get(effects, [])
    design = np.column_stack([columns[..., :-1].reshape(n * t, -1), *dummies])
    m = np.eye(n * t) - design @ np.linalg.pinv(design)
    w = np.kron(np.eye(t), weights.dense())
    e = m @ columns[..., -1].ravel()
    size, left, s0 = n * t, n * t - design.shape[1], w.sum()
    trace = np.trace(m @ w)
    expected = size / s0 * trace / left
    squares = np.trace(m @ w @ m @ w.T) + np.trace(m @ w @ m @ w) + trace**2
    variance = (size / s0) ** 2 * squares / (left * (left + 2)) - expected**2
    # the explicit projection loses digits where logs of levels meet dummies
    assert found.i == pytest.approx(size / s0 * (e @ w @ e) / (e @ e), rel=1e-6)
    assert found.expected == pytest.approx(expected, rel=1e-8)
    assert found.variance == pytest.approx(variance, rel=1e-8)
    assert found.z == pytest.approx((found.i - expected) / np.sqrt(variance), rel=1e-8)
