"""Dynamic spatial models by arrangements of x: under the null the outcome and its past stay as they are."""

from __future__ import annotations

from arrangements import assert_of_refits, law, laws, panel, ring

import digicarbon as dc


def test_the_past_of_the_outcome_stays_in_each_arrangement() -> None:
    data = panel(law(0, 4), 1.0)
    model = dc.DynamicSpatialPanel(y="y", x=("x",), controls=("c",), kind="sdm")
    assert_of_refits(model, data, ring(), laws(2), "x")
