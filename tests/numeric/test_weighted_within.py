"""Columns without effects by weighted least squares, against a regression on dummies."""

from __future__ import annotations

import numpy as np
import pytest

from digicarbon.arrays import FloatArray
from digicarbon.numeric.linear.within import EffectsKind, Rows, absorb, absorb_weighted

N, T = 14, 6
RNG = np.random.default_rng(0)
UNIT, PERIOD = RNG.exponential(size=N) + 0.1, RNG.exponential(size=T) + 0.1


def rows_of(share: float) -> Rows:
    """Return a panel from which a share of the rows is left out."""
    unit, period = np.repeat(np.arange(N), T), np.tile(np.arange(T), N)
    keep = np.random.default_rng(1).uniform(size=N * T) >= share
    return Rows(unit[keep], period[keep], N, T)


def weights_of(kind: str, rows: Rows) -> FloatArray:
    unit, period = UNIT[rows.unit_codes], PERIOD[rows.period_codes]
    other = np.random.default_rng(2)
    return {
        "unit": unit,
        "time": period,
        "product": unit * period,
        "varying": other.exponential(size=len(unit)) + 0.1,
        "wide": 10 ** other.uniform(-6, 6, size=len(unit)),
    }[kind]


def on_dummies(columns: FloatArray, rows: Rows, effects: EffectsKind, weights: FloatArray) -> FloatArray:
    """Return what a weighted regression on dummies leaves."""
    dummies = []
    if effects in ("unit", "two_way"):
        dummies.append(np.eye(rows.n)[rows.unit_codes])
    if effects in ("time", "two_way"):
        dummies.append(np.eye(rows.t)[rows.period_codes])
    both, root = np.hstack(dummies), np.sqrt(weights)[:, None]
    return np.asarray(columns - both @ np.linalg.lstsq(root * both, root * columns, rcond=None)[0])


@pytest.mark.parametrize("share", [0.0, 0.3])
@pytest.mark.parametrize("kind", ["unit", "time", "product", "varying", "wide"])
@pytest.mark.parametrize("effects", ["unit", "time", "two_way"])
def test_effects_are_those_of_dummies(effects: EffectsKind, kind: str, share: float) -> None:
    rows = rows_of(share)
    weights = weights_of(kind, rows)
    columns = 5 + np.random.default_rng(3).normal(size=(len(weights), 3))
    root = np.sqrt(weights)[:, None]
    expected = root * on_dummies(columns, rows, effects, weights)
    found = root * absorb_weighted(columns, rows, effects, weights)
    np.testing.assert_allclose(found, expected, atol=1e-11 * np.abs(expected).max())


@pytest.mark.parametrize("share", [0.0, 0.3])
@pytest.mark.parametrize("effects", ["none", "unit", "time", "two_way"])
def test_equal_weights_are_none(effects: EffectsKind, share: float) -> None:
    rows = rows_of(share)
    columns = np.random.default_rng(4).normal(size=(len(rows.unit_codes), 2))
    found = absorb_weighted(columns, rows, effects, np.full(len(columns), 7.0))
    np.testing.assert_allclose(found, absorb(columns, rows, effects), atol=1e-12)


def test_parts_of_a_panel_that_are_not_connected() -> None:
    """Two groups of units in periods of their own: each part has effects of its own."""
    unit, period = np.array([0, 0, 1, 1, 2, 2, 3]), np.array([0, 1, 0, 1, 2, 3, 3])
    rows = Rows(unit, period, 4, 4)
    weights, columns = np.arange(1.0, 8.0), np.random.default_rng(5).normal(size=(7, 2))
    expected = on_dummies(columns, rows, "two_way", weights)
    np.testing.assert_allclose(absorb_weighted(columns, rows, "two_way", weights), expected, atol=1e-12)
