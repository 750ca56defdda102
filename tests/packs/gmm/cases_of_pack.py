"""Cases of this pack in tests of all models and diagnostics, see `tests/cases.py`."""

from __future__ import annotations

from classic import DynamicPanel
from fields import ERROR, ESTIMATE, SAID, TERMS, Base, Does, Order

from digicarbon.model import Model

STATES = {"y": "ln_gsp", "x": ("ln_pcap",), "controls": ("ln_pc", "unemp")}
EXAMPLES: dict[type[Model], list[Model]] = {
    DynamicPanel: [DynamicPanel(**STATES, lags=2, collapse=True), DynamicPanel(**STATES, kind="system", collapse=True)],
}
"""Fits of which all is asked that a class declares."""

FIELD_BASES: dict[type[Model], list[Base]] = {
    DynamicPanel: [
        Base(DynamicPanel(**TERMS, kind="system", collapse=True)),
        Base(DynamicPanel(**TERMS, steps=2, collapse=True)),
        Base(DynamicPanel(**TERMS, collapse=True), ("test",)),
    ],
}
"""Models from which a field is varied at a time."""
FIELD_ORDERS = [
    Order(DynamicPanel(**TERMS, collapse=True), "cov", ("classic", "robust")),
    Order(DynamicPanel(**TERMS, steps=2, collapse=True), "windmeijer", (False, True), least=0.01),
]
"""Words of a field by a number, from the smallest to the largest."""
FIELD_DOES: dict[str, Does] = {
    "windmeijer": ERROR,
    **dict.fromkeys(("collapse", "convention", "exogenous_equation", "steps", "transformation"), ESTIMATE),
}
"""What fields do that no model of the core has."""
FIELD_DOES_OF = {(DynamicPanel, "test"): SAID}
# instruments are the outcome itself, effects and all
EFFECTS_STAY = [DynamicPanel]
ORDERED_MODELS = [DynamicPanel(y="y", x=["x"])]
"""Models that need periods in order."""
MAY_IGNORE = [
    DynamicPanel(y="y", x=("x",), controls=("q",), kind=kind, steps=steps, collapse=True, **roles)
    for kind in ("difference", "system")
    for steps in (1, 2)
    for roles in ({}, {"predetermined": ("x",)}, {"predetermined": ("x",), "lag_ranges": {"x": (1, 2)}})
]
"""Models that ignore fields which matter in others of their class."""
NOT_IGNORED = [
    (DynamicPanel(y="y", x=("x",), steps=2, collapse=True), "windmeijer", False),
    (DynamicPanel(y="y", x=("x",), kind="system", collapse=True), "exogenous_equation", "transformed"),
    (DynamicPanel(y="y", x=("x",), predetermined=("x",), collapse=True), "predetermined_lags", (1, 2)),
]
"""Fields with another value than their own that changes the numbers."""
