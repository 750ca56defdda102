"""The simulated shift-share: its shares, its truth, and where least squares fails."""

from __future__ import annotations

from typing import Literal

import classic as dc
import numpy as np
import pytest

from digicarbon.source import SimulatedShiftShare


def panel(**fields: object) -> dc.Panel:
    frame = SimulatedShiftShare(**fields).load().frame
    return dc.Panel.from_frame(frame, "unit", "time").with_shift_share("bartik", "share_*", "shock_*")


@pytest.mark.parametrize("world", ["shocks", "shares"])
def test_the_instrument_finds_the_effect_and_least_squares_does_not(world: Literal["shocks", "shares"]) -> None:
    one = panel(world=world, n=1000, sectors=60, periods=8, confounding=1.0)
    iv = dc.PanelIV(y="y", x=("x",), instruments=("bartik",)).fit(one)
    ols = dc.PanelRegression(y="y", x=("x",), effects="two_way").fit(one)
    assert iv.coef[0] == pytest.approx(1.0, abs=0.15)
    assert ols.coef[0] > 1.2


def test_shares_sum_to_one_and_seeds_matter() -> None:
    frame = SimulatedShiftShare(n=20, sectors=5).load().frame
    np.testing.assert_allclose(frame.filter(like="share_").sum(axis=1), 1.0)
    assert frame.equals(SimulatedShiftShare(n=20, sectors=5).load().frame)
    assert not frame.equals(SimulatedShiftShare(n=20, sectors=5, seed=2).load().frame)
