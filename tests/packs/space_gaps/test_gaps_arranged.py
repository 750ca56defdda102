"""Unbalanced spatial models by arrangements of x among units with rows in the same periods."""

from __future__ import annotations

from arrangements import assert_of_refits, law, laws, panel, ring

import digicarbon as dc


def test_paths_stay_among_units_with_the_same_rows() -> None:
    data = panel(law(0, 4), 1.0)
    gaps = data.rows((data.unit_codes < 6) | (data.period_codes > 0))
    model = dc.UnbalancedSpatialPanel(y="y", x=("x",), controls=("c",), kind="sdm")
    assert_of_refits(model, gaps, ring(), laws(2, range(6)), "x")
