"""Bands of distance by arrangements of x: lags are made again in each."""

from __future__ import annotations

from itertools import combinations

import numpy as np
from arrangements import assert_of_refits, law, panel

import digicarbon as dc
from digicarbon.weights.nearby import nearby


def test_lags_by_band_are_made_again_in_each_arrangement() -> None:
    data = panel(law(0, 4), 1.0)
    places = np.random.default_rng(3).uniform(0, 3, size=(2, len(data.units)))
    degrees = {name: own[data.unit_codes] for name, own in zip(("longitude", "latitude"), places, strict=True)}
    model = dc.DistanceBands(y="y", x=("x",), controls=("c",), cutoffs=(150.0, 400.0))
    placed = data.with_columns(degrees)
    weights = nearby(placed)
    assert weights is not None
    # x lies in one piece among the nearest units, which the test takes where it is given no W
    linked = weights.dense() + weights.dense().T
    pairs = [law(*pair) for pair in combinations(range(len(placed.units)), 2) if linked[pair] > 0]
    assert_of_refits(model, placed, weights, pairs, "x", *model.lags)
    # and there is no band
    table = model.fit(placed).tables["distance_bands"]
    assert table[["uniform_low", "uniform_high"]].isna().all(axis=None)
    assert not model.fit(placed).has_note("bands_uniform")
