"""The simulated thresholds are drawn as the source says."""

from __future__ import annotations

import classic as dc
import numpy as np
import pytest

from digicarbon.errors import ConfigError
from digicarbon.source import SimulatedThreshold
from digicarbon.weights import DelaunayWeights


def test_thresholds_and_slopes_are_found_without_errors() -> None:
    source = SimulatedThreshold(n=60, thresholds=(-0.4, 0.5), slopes=(0.4, 1.0, 1.8), sigma=1e-6)
    panel = dc.Panel.from_frame(source.load().frame, "unit", "time")
    model = dc.PanelThreshold(
        effects="unit", y="y", x=("x",), controls=("c",), threshold="q", thresholds=2, threshold_draws=0
    )
    result = model.fit(panel)
    np.testing.assert_allclose(result.coef, [0.4, 1.0, 1.8, 0.5], atol=1e-5)
    q = np.sort(panel.column("q"))
    below = [q[q <= value].max() for value in (-0.4, 0.5)]
    assert [result.statistics[f"threshold_{at}"] for at in (1, 2)] == below


def test_errors_spread_with_q_and_remember() -> None:
    def errors(**fields: float) -> tuple[np.ndarray, np.ndarray]:
        drawn, exact = (
            SimulatedThreshold(n=800, slopes=(0.5, 0.5), sigma=sigma, **fields).load().frame for sigma in (1.0, 0.0)
        )
        return (drawn["y"] - exact["y"]).to_numpy().reshape(800, 10), drawn["q"].to_numpy().reshape(800, 10)

    e, q = errors(spread=0.5)
    # half of the variance of q, which is 1, is between units
    assert np.std(q) == pytest.approx(1, abs=0.05)
    assert np.corrcoef(q[:, 2], q[:, 7])[0, 1] == pytest.approx(0.5, abs=0.1)
    assert np.std(e[q > 1]) > 2 * np.std(e[q < -1])
    remembered, _ = errors(memory=0.6)
    assert np.corrcoef(remembered[:, 3], remembered[:, 4])[0, 1] == pytest.approx(0.6, abs=0.07)
    assert np.std(remembered) == pytest.approx(1, abs=0.05)


def test_neighbours_reach_the_outcome() -> None:
    fields = {"n": 40, "thresholds": (-0.4, 0.5), "slopes": (0.4, 1.0, 1.8), "sigma": 1e-6}
    source = SimulatedThreshold(**fields, spillovers=(0.1, 0.3, 0.9), rho=0.5)
    inputs = source.load()
    panel = dc.Panel.from_frame(inputs.frame, "unit", "time")
    weights = DelaunayWeights().compute(panel)
    model = dc.PanelThreshold(
        effects="unit",
        y="y",
        x=("x",),
        controls=("c",),
        threshold="q",
        thresholds=2,
        threshold_draws=0,
        space="sdm",
        sets="likelihood",
    )
    found = model.fit(panel, weights)
    np.testing.assert_allclose(found.coef[:-1], [0.4, 1.0, 1.8, 0.5, 0.1, 0.3, 0.9, 0.0, 0.5], atol=1e-5)
    assert [note.code for note in inputs.notes] == ["simulated_threshold", "simulated_spillovers"]
    alone = SimulatedThreshold(**fields).load().frame
    assert list(alone) == ["unit", "time", "y", "x", "c", "q"]
    assert alone["q"].equals(inputs.frame["q"])


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(ConfigError, match="must increase"):
        SimulatedThreshold(thresholds=(0.5, 0.1), slopes=(1.0, 2.0, 3.0))
    with pytest.raises(ConfigError, match="one more than thresholds"):
        SimulatedThreshold(slopes=(1.0, 2.0, 3.0))
    with pytest.raises(ConfigError, match="spillovers has 1 number"):
        SimulatedThreshold(spillovers=(1.0,))
