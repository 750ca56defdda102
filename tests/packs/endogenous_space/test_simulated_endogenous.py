"""Simulated endogenous regressors in space: what is true of the columns."""

from __future__ import annotations

import numpy as np
import pytest

from digicarbon.source import SimulatedEndogenous
from digicarbon.source._drawn import neighbours


def test_the_effects_are_those_of_the_equation() -> None:
    source = SimulatedEndogenous(n=40, theta=0.0, rho=0.0, beta=0.7)
    assert source.effects() == pytest.approx((0.7, 0.7))
    direct, total = SimulatedEndogenous(n=40).effects()
    # rows of these weights sum to one
    assert total == pytest.approx((0.5 + 0.3) / (1 - 0.3))
    assert 0.5 < direct < total


def test_the_instrument_is_not_in_the_errors() -> None:
    plain, moved = (SimulatedEndogenous(n=300, periods=20, confounding=c).load().frame for c in (0.0, 0.8))
    np.testing.assert_array_equal(plain["q"], moved["q"])
    error = moved["x"] - plain["x"]
    assert abs(np.corrcoef(error, moved["q"])[0, 1]) < 0.05
    assert np.corrcoef(error, moved["x"])[0, 1] > 0.2


def test_the_outcome_solves_its_equation() -> None:
    source = SimulatedEndogenous(n=30, periods=4, confounding=0.0, strength=0.0)
    frame = source.load().frame
    w = neighbours(source.places)
    y, x, z = (frame[name].to_numpy().reshape(30, 4) for name in ("y", "x", "z"))
    rest = y - source.rho * w @ y - source.beta * x - source.theta * w @ x - z
    rest = rest - rest.mean(axis=1, keepdims=True)
    assert rest.std() < y.std() * 2
    again = source.load().frame
    np.testing.assert_array_equal(frame["y"], again["y"])
