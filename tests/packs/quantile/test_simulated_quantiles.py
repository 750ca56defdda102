"""The simulated quantiles are drawn as the source says."""

from __future__ import annotations

import numpy as np
import pytest

from digicarbon.source import SimulatedQuantiles


@pytest.mark.parametrize("errors", ["normal", "skewed"])
def test_the_truth_is_that_of_the_draws(errors: str) -> None:
    plain, moved = (SimulatedQuantiles(n=4000, scale=scale, errors=errors).load().frame for scale in (0.0, 1.0))
    u = ((moved["y"] - plain["y"]) / moved["x"]).to_numpy()
    assert u.mean() == pytest.approx(0, abs=0.02)
    assert np.abs(u).mean() == pytest.approx(1, abs=0.02)
    taus = np.array([0.1, 0.5, 0.9])
    truth = SimulatedQuantiles(location=0, scale=1, errors=errors).truth(taus)
    np.testing.assert_allclose(np.quantile(u, taus), truth, atol=0.02)


def test_errors_remember() -> None:
    plain, moved = (SimulatedQuantiles(n=3000, scale=scale, memory=0.6).load().frame for scale in (0.0, 1.0))
    u = ((moved["y"] - plain["y"]) / moved["x"]).to_numpy().reshape(3000, 20)
    assert np.corrcoef(u[:, 3], u[:, 4])[0, 1] == pytest.approx(0.6, abs=0.05)
