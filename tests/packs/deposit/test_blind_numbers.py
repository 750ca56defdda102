"""Estimates of exchanged outcomes: how they spread, and when that is unknown."""

from __future__ import annotations

import math

import numpy as np
import pytest

from digicarbon.packs.deposit.sweep.blind import Numbers
from digicarbon.result import Inference


def numbers(*estimates: float, errors: float | list[float] = 1.0) -> Numbers:
    """Return the numbers of a few draws."""
    return Numbers(np.array(estimates), np.full(len(estimates), 1.0) * errors, Inference())


def test_two_draws_spread_and_one_does_not() -> None:
    two = numbers(1.0, 4.0)
    assert two.spread == pytest.approx(3 / math.sqrt(2))
    assert two.off == pytest.approx(2.5 / two.spread)
    assert not two.centred
    assert numbers(-1.0, 2.0).centred
    for one in (numbers(1.0), numbers(1.0, math.nan), numbers(1.0, 4.0, errors=[1.0, 0.0])):
        assert math.isnan(one.spread)
        assert math.isnan(one.off)
        assert not one.centred


def test_estimates_that_are_all_the_same_have_no_distance_from_zero_in_their_spread() -> None:
    same = numbers(2.0, 2.0, 2.0)
    assert same.spread == 0.0
    assert math.isnan(same.off)
    assert not same.centred
