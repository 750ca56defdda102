"""Cases of this pack in tests of all models and diagnostics, see `tests/cases.py`."""

from __future__ import annotations

from typing import Any

from classic import PanelQuantile
from fields import ERROR, ESTIMATE, SMALL_SAMPLES, TERMS, Base, Does, Order, wild

from digicarbon.model import Model

STATES = {"y": "ln_gsp", "x": ("ln_pcap",), "controls": ("ln_pc", "unemp")}
EXAMPLES: dict[type[Model], list[Model]] = {
    PanelQuantile: [
        PanelQuantile(effects="unit", **STATES),
        PanelQuantile(**STATES, quantiles=(0.25, 0.75), effects="two_way", errors="bootstrap", bootstrap_draws=20),
        PanelQuantile(**STATES | {"x": ("ln_pcap", "L.ln_pcap")}, effects="none", cov="robust", bias="half_panel"),
    ],
}
"""Fits of which all is asked that a class declares."""

QUARTILES: dict[str, Any] = {"quantiles": (0.25, 0.75)}
FIELD_BASES: dict[type[Model], list[Base]] = {
    PanelQuantile: [
        Base(PanelQuantile(effects="unit", **TERMS, **QUARTILES)),
        Base(PanelQuantile(effects="unit", **TERMS, **QUARTILES, cov="robust")),
        wild(PanelQuantile, **QUARTILES),
    ],
}
"""Models from which a field is varied at a time."""
FIELD_ORDERS = [
    Order(PanelQuantile(effects="unit", **TERMS, quantiles=(0.5,)), "cov", ("robust", "cluster"), "x[0.5]"),
    *(
        Order(model, "small_sample", words, term, least=0.001)
        for words in SMALL_SAMPLES
        for model, term in ((PanelQuantile(effects="unit", **TERMS, quantiles=(0.5,)), "x[0.5]"),)
    ),
]
"""Words of a field by a number, from the smallest to the largest."""
FIELD_DOES: dict[str, Does] = {"errors": ERROR, **dict.fromkeys(("bias",), ESTIMATE)}
"""What fields do that no model of the core has."""
FIELD_DOES_OF = {(PanelQuantile, "test"): Does("notes", keeps=("coef", "se"))}
# a note says for all of them that there is no wild bootstrap
FIELD_UNUSED = [(PanelQuantile, "signs"), (PanelQuantile, "weights"), (PanelQuantile, "intervals")]
NO_WILD = [PanelQuantile]
