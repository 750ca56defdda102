"""A unit without neighbours or a panel with gaps is led to the model that takes it."""

from __future__ import annotations

from typing import Any

import classic as dc
import numpy as np
import pytest
from spatial_study import complete, study

from digicarbon.errors import DigicarbonError


@pytest.mark.parametrize("kind", ["sar", "sdm", "sem"])
def test_a_unit_without_neighbours_is_led_to_the_model_that_takes_it(kind: Any) -> None:
    w = (np.roll(np.eye(8), 1, axis=1) + np.roll(np.eye(8), -1, axis=1)) / 2
    panel, _ = study(w, 6, 1, 0.3)
    w[3] = 0.0
    weights = dc.Weights.from_matrix(w, panel.units, islands="keep")
    with pytest.raises(DigicarbonError, match="choose model=unbalanced_spatial"):
        dc.SpatialPanel(y="y", x=("x",), kind=kind).fit(panel, weights)
    found = dc.UnbalancedSpatialPanel(y="y", x=("x",), kind=kind).fit(panel, weights)
    assert np.isfinite(found.estimates["se"]).all()
    with pytest.raises(DigicarbonError, match="choose model=unbalanced_spatial with kind=sem"):
        dc.SpatialIV(y="y", x=("x",), kind="sem").fit(panel, weights)


def test_a_panel_with_gaps_is_led_to_the_same_model() -> None:
    panel, weights = study(complete(8), 6, 1, 0.3)
    gaps = dc.Panel.from_frame(panel.frame().iloc[[0, *range(2, 48)]].reset_index(), "unit", "year", gaps="keep")
    with pytest.raises(DigicarbonError, match=r"model=unbalanced_spatial \(dc\.UnbalancedSpatialPanel\) takes gaps"):
        dc.SpatialPanel(y="y", x=("x",), kind="sar", effects="unit").fit(gaps, weights)
    assert dc.UnbalancedSpatialPanel(y="y", x=("x",), kind="sar", effects="unit").fit(gaps, weights).coef.size == 3
