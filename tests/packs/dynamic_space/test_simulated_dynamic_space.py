"""The simulated dynamic spatial panel is drawn as the source says."""

from __future__ import annotations

import classic as dc
import numpy as np
import pytest

from digicarbon.errors import DataError
from digicarbon.source import SimulatedDynamicSpace
from digicarbon.weights import DelaunayWeights


def test_parameters_are_found_without_errors() -> None:
    fields = {"rho": 0.2, "tau": 0.5, "eta": 0.1, "beta": 1.5, "theta": -0.4}
    inputs = SimulatedDynamicSpace(sigma=1e-5, n=40, periods=6, seed=2, **fields).load()
    panel = dc.Panel.from_frame(inputs.frame, "unit", "time")
    model = dc.DynamicSpatialPanel(y="y", x=("x",), controls=("c",), bias_correction="none")
    coef = model.fit(panel, DelaunayWeights().compute(panel)).estimates["coef"]
    found = [coef[term] for term in ("rho", "lag_y", "W_lag_y", "x", "W_x", "c", "W_c")]
    np.testing.assert_allclose(found, [*fields.values(), 0.5, 0.0], atol=1e-3)
    assert [note.code for note in inputs.notes] == ["simulated_dynamic_space"]
    assert inputs.simulated


def test_an_outcome_without_end_is_refused() -> None:
    with pytest.raises(DataError, match="grow without end"):
        SimulatedDynamicSpace(rho=0.5, tau=0.5, eta=0.1).load()
