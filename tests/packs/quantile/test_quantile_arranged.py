"""Quantiles by arrangements of x, by estimates where few units carry it."""

from __future__ import annotations

from arrangements import assert_of_refits, law, laws, panel

import digicarbon as dc


def test_quantiles_are_fitted_again_to_each_arrangement() -> None:
    model = dc.PanelQuantile(y="y", x=("x",), controls=("c",), quantiles=(0.25, 0.75))
    assert_of_refits(model, panel(law(0, 4), 1.0), None, laws(2), "x[0.25]", "x[0.75]", bare=True)
