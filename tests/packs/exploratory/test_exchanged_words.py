"""Which word of a field is which: two words that are exchanged change as much as two that are not."""

from __future__ import annotations

import numpy as np
import pytest
from cases import merged
from fields import panel, weights, worded

from digicarbon.diagnostic import Diagnostic, Geary, GetisOrd, HotSpots, LocalMoran, Moran


@pytest.mark.parametrize("cls", [Moran, Geary, GetisOrd, LocalMoran, HotSpots])
def test_one_side_has_half_of_the_p_value_where_neighbours_are_alike(cls: type[Diagnostic]) -> None:
    base = {} if cls is HotSpots else {"moments": worded(cls)["moments"][0]}
    diagnostic = merged("DIAGNOSTIC_BASES")[cls][0]
    two, greater = (
        next(iter(diagnostic.model_copy(update={**base, "sides": sides}).tables(panel(), weights()).values()))
        for sides in ("two", "greater")
    )
    alike = (two["c"] < two["expected"] if cls is Geary else two["z"] > 0).to_numpy()
    np.testing.assert_allclose(greater["p"].to_numpy()[alike], two["p"].to_numpy()[alike] / 2, rtol=1e-12)
    assert (greater["p"].to_numpy()[~alike] >= 0.5).all()


def test_quadrants_compare_the_neighbours_with_the_mean_of_values_or_with_their_own() -> None:
    w = weights().align(panel()).matrix.toarray()
    high = {"high-high": 3, "high-low": 2, "low-high": 1, "low-low": 0}
    for quadrants in ("esda", "spdep"):
        table = LocalMoran(variables=("y",), quadrants=quadrants).tables(panel(), weights())["local_moran"]
        for period, values in zip(panel().periods, panel().cube(("y",))[..., 0], strict=True):
            lag = w @ values
            bound = values.mean() if quadrants == "esda" else lag.mean()
            expected = 2 * (values > values.mean()) + (lag > bound)
            found = table.xs(period, level=1)["quadrant"]
            assert [high[str(one)] for one in found] == expected.tolist()
