"""Filtered regressions by arrangements of x: eigenvectors are chosen again in each."""

from __future__ import annotations

from arrangements import assert_of_refits, law, laws, panel, ring

import digicarbon as dc


def test_eigenvectors_are_chosen_again_in_each_arrangement() -> None:
    model = dc.SpatialFilter(y="y", x=("x",), controls=("c",))
    assert_of_refits(model, panel(law(0, 4), 1.0), ring(), laws(2), "x")
