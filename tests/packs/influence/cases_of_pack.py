"""What this pack adds to tests of all diagnostics."""

from __future__ import annotations

import classic as dc
from fields import Does

from digicarbon.diagnostic import Influence

DIAGNOSTIC_BASES = {Influence: [Influence(model=dc.PanelRegression(y="y", x=("x",), controls=("q",), cov="cluster"))]}
DIAGNOSTIC_DOES = {(Influence, "cluster"): Does("clusters", keeps=("coef", "se"))}
DIAGNOSTIC_REFUSED = {(Influence, "cluster"): {"both"}}
