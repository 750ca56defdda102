"""Cases of this pack in tests of all diagnostics, see `tests/cases.py`."""

from __future__ import annotations

from typing import Any

from fields import Does

from digicarbon.diagnostic import BivariateMoran, Diagnostic, Geary, GetisOrd, HotSpots, LocalMoran, Moran

OF: dict[str, Any] = {"variables": ("y",), "draws": 99}
POSITIVE: dict[str, Any] = {"variables": ("size",), "draws": 99}
DIAGNOSTIC_BASES: dict[type[Diagnostic], list[Diagnostic]] = {
    Moran: [Moran(**OF)],
    LocalMoran: [LocalMoran(**OF)],
    BivariateMoran: [BivariateMoran(**OF, neighbours="x")],
    Geary: [Geary(**OF)],
    GetisOrd: [GetisOrd(**POSITIVE)],
    HotSpots: [HotSpots(**POSITIVE)],
}
DIAGNOSTIC_DOES: dict[tuple[type[Diagnostic], str], Does] = {
    (Moran, "moments"): Does("variance", keeps=("i",)),
    (LocalMoran, "moments"): Does("variance", keeps=("i", "quadrant")),
    (LocalMoran, "ml_variance"): Does("i", keeps=("quadrant",)),
    (LocalMoran, "quadrants"): Does("quadrant", keeps=("i", "expected", "variance", "z", "p")),
    (Geary, "moments"): Does("variance", keeps=("c",)),
    (GetisOrd, "moments"): Does("variance", keeps=("g",)),
    (GetisOrd, "links"): Does("g"),
    (HotSpots, "links"): Does("g"),
    (HotSpots, "star"): Does("g"),
    (HotSpots, "permute"): Does("p", keeps=("g", "z")),
    **{(cls, "sides"): Does("p", keeps=("i", "c", "g", "expected", "variance", "z")) for cls in DIAGNOSTIC_BASES},
}
"""The column of its tables that each field changes, and those that it keeps."""
TABLE_MAKERS = [("moran", "Add diagnostic=bivariate_moran or diagnostic=moran, which makes it, or choose")]
"""What is said where no run has a table, by the table's name."""
DECLARED_TABLES: list[Diagnostic] = [Moran(variables=("unemp",)), LocalMoran(variables=("unemp",))]
"""Diagnostics whose tables are those that they declare."""
