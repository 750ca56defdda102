"""Cases of this pack in tests of all models and diagnostics, see `tests/cases.py`."""

from __future__ import annotations

from functools import cache

import classic as dc
from fields import Does

from digicarbon.diagnostic import AkmErrors, Diagnostic, RotembergWeights
from digicarbon.source import SimulatedShiftShare

EXPOSED = dc.PanelRegression(y="y", x=("bartik",), effects="two_way", cov="cluster")
DIAGNOSTIC_BASES: dict[type[Diagnostic], list[Diagnostic]] = {
    AkmErrors: [AkmErrors(model=EXPOSED)],
    RotembergWeights: [RotembergWeights(model=EXPOSED)],
}
DIAGNOSTIC_DOES: dict[tuple[type[Diagnostic], str], Does] = {
    (AkmErrors, "shocks"): Does("se", keeps=("coef",)),
    (RotembergWeights, "centred"): Does("weight"),
}
"""The column of its tables that each field changes, and those that it keeps."""


@cache
def shares() -> dc.Panel:
    """Return a panel with a shift-share column."""
    frame = SimulatedShiftShare(n=60, periods=5, sectors=12).load().frame
    return dc.Panel.from_frame(frame, "unit", "time").with_shift_share("bartik", "share_*", "shock_*")


DIAGNOSTIC_PANELS = dict.fromkeys((AkmErrors, RotembergWeights), shares)
"""The panel of a diagnostic that needs columns of its own."""
