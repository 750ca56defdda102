"""Slopes of regimes by arrangements of x: regimes are searched again in each."""

from __future__ import annotations

import numpy as np
from arrangements import assert_of_refits, law, laws, panel

import digicarbon as dc


def test_regimes_are_searched_again_in_each_arrangement() -> None:
    data = panel(law(0, 4), 1.0)
    data = data.with_columns({"q": np.random.default_rng(5).normal(size=len(data.index))})
    model = dc.PanelThreshold(y="y", x=("x",), controls=("c",), threshold="q", threshold_draws=0)
    assert_of_refits(model, data, None, laws(2), "x[1]", "x[2]")
