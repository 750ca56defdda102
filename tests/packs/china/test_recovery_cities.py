"""The truth of 285 simulated cities is recovered with weights that anybody can choose.

Twenty seeds: bias within four simulation errors, standard errors near the spread of estimates, coverage of the
parameters together. The numbers of 200 seeds stand in docs/simulated.md.
"""

from __future__ import annotations

import numpy as np
import pytest
from benchmark.recovery import recovered, summary

pytestmark = pytest.mark.long


def test_sdm_on_cities() -> None:
    table = summary(recovered("cities", range(1, 21), "lee_yu"))
    assert list(table.index) == ["beta", "theta", "rho", "total"]
    assert (table["bias"].abs() < 4 * table["simulation error"]).all(), table
    assert table["mean se"].to_numpy() == pytest.approx(table["spread"].to_numpy(), rel=0.35)
    assert np.mean(table.loc[["beta", "theta", "rho"], "coverage"]) >= 0.88
