"""Cases of this pack in tests of all diagnostics, see `tests/cases.py`."""

from __future__ import annotations

from classic import PanelRegression
from fields import TERMS, Does

from digicarbon.diagnostic import Diagnostic, PlaceboLaws

DIAGNOSTIC_BASES: dict[type[Diagnostic], list[Diagnostic]] = {
    PlaceboLaws: [PlaceboLaws(model=PanelRegression(**TERMS, cov="cluster"), laws=99)]
}
DIAGNOSTIC_DOES: dict[tuple[type[Diagnostic], str], Does] = {
    (PlaceboLaws, "places"): Does("moran_laws", keeps=("p", "moran")),
    (PlaceboLaws, "outcome"): Does("share", keeps=("p", "moran", "moran_laws")),
}
"""The column of its tables that each field changes, and those that it keeps."""
