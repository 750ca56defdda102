"""Bands of distance by arrangements of x: lags are made again in each."""

from __future__ import annotations

import numpy as np
from arrangements import assert_of_refits, law, laws, panel

import digicarbon as dc


def test_lags_by_band_are_made_again_in_each_arrangement() -> None:
    data = panel(law(0, 4), 1.0)
    places = np.random.default_rng(3).uniform(0, 3, size=(2, len(data.units)))
    degrees = {name: own[data.unit_codes] for name, own in zip(("longitude", "latitude"), places, strict=True)}
    model = dc.DistanceBands(y="y", x=("x",), controls=("c",), cutoffs=(150.0, 400.0))
    assert_of_refits(model, data.with_columns(degrees), None, laws(2), "x", *model.lags)
