"""Simulated panels with gaps have the coefficients that their notes name."""

from __future__ import annotations

import classic as dc
import numpy as np
import pytest

from digicarbon.errors import DigicarbonError
from digicarbon.source import SimulatedUnbalanced
from digicarbon.weights import ByPeriodWeights, DelaunayWeights, EconomicWeights


def test_almost_without_noise_the_coefficients_are_the_true_ones() -> None:
    """Both weights are those of the options, also among the observed units of a year."""
    source = SimulatedUnbalanced(n=20, periods=5, rho=0.3, rho_2=0.2, sigma=1e-4)
    panel = dc.Panel.from_frame(source.load().frame, "unit", "time", gaps="keep")
    assert len(panel.index) < 100
    near = DelaunayWeights().compute(panel)
    alike = ByPeriodWeights(base=EconomicWeights(economy="size")).compute(panel)
    model = dc.UnbalancedSpatialPanel(y="y", x=["x"], controls=["c"], kind="sdm", durbin="x", durbin_by="first")
    found = model.fit(panel, near, [alike])
    assert found.terms == ("x", "c", "W_x", "rho", "rho_2", "sigma2")
    np.testing.assert_allclose(found.coef[:5], [1.0, 0.5, 0.5, 0.3, 0.2], atol=1e-3)


def test_absent_units_are_part_of_the_process_of_all() -> None:
    some, every = (SimulatedUnbalanced(n=20, process=process).load().frame for process in ("observed", "all"))
    assert some[["unit", "time", "x"]].equals(every[["unit", "time", "x"]])
    assert not some["y"].equals(every["y"])
    full = SimulatedUnbalanced(n=20, absent=0.0).load().frame
    assert len(full) == 160


def test_unstable_lags_are_refused() -> None:
    with pytest.raises(DigicarbonError, match="less than 1"):
        SimulatedUnbalanced(rho=0.6, rho_2=-0.5)
