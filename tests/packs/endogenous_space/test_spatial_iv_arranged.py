"""Spatial models by instruments and arrangements of x: spatial lags of x are instruments and move with it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from arrangements import assert_of_refits, assert_refused, law, laws, panel, ring

import digicarbon as dc


@pytest.mark.parametrize("kind", ["sar", "sem"])
def test_instruments_are_made_again_in_each_arrangement(kind: Any) -> None:
    model = dc.SpatialIV(y="y", x=("x",), controls=("c",), kind=kind)
    assert_of_refits(model, panel(law(0, 4), 1.0), ring(), laws(2), "x")


def test_endogenous_regressors_have_none() -> None:
    data = panel(law(0, 4), seed=2)
    data = data.with_columns({"z": data.column("x") + np.random.default_rng(3).normal(size=len(data.index))})
    model = dc.SpatialIV(y="y", x=("x",), endogenous=("x",), instruments=("z",), draws=19)
    assert_refused(model, data, ring(), "on the instruments in its place")
