"""Cases of this pack in tests of all models and diagnostics, see `tests/cases.py`."""

from __future__ import annotations

from classic import Mediation
from fields import ERRORS, ESTIMATE, SMALL_SAMPLES, TERMS, Base, Does, Order, wild

from digicarbon.model import Model

THROUGH = {"y": "ln_gsp", "x": ("ln_pcap",), "mediators": ("ln_pc",), "controls": ("unemp",)}
EXAMPLES: dict[type[Model], list[Model]] = {
    Mediation: [
        Mediation(**THROUGH),
        Mediation(**THROUGH | {"mediators": ("ln_pc", "L.emp")}, cov="classic", effects="unit"),
        Mediation(**THROUGH | {"x": ("ln_pcap", "emp")}, cov="robust", effects="none"),
        Mediation(**THROUGH, equations="first_step"),
    ],
}
"""Fits of which all is asked that a class declares."""
NO_NULL = {
    # its first equation says nothing of the outcome, which a null model is of
    Mediation: lambda model: model.equations == "first_step",
}
"""Models of a class that have no null model, while others of it have one."""

FIELD_BASES: dict[type[Model], list[Base]] = {
    Mediation: [
        Base(Mediation(**TERMS, mediators=("m",))),
        Base(Mediation(**TERMS, mediators=("m",), cov="robust", small_sample="none")),
        wild(Mediation, mediators=("m",)),
    ],
}
"""Models from which a field is varied at a time."""
FIELD_ORDERS = [
    Order(Mediation(**TERMS, mediators=("m",)), "cov", ERRORS, "m[x]"),
    *(
        Order(model, "small_sample", words, term, least=0.001)
        for words in SMALL_SAMPLES
        for model, term in ((Mediation(**TERMS, mediators=("m",)), "x"),)
    ),
]
"""Words of a field by a number, from the smallest to the largest."""
FIELD_DOES: dict[str, Does] = {**dict.fromkeys(("equations",), ESTIMATE)}
"""What fields do that no model of the core has."""

HEADINGS = [("equations", "Equations", "方程")]
"""Tables of results, and what pages call them."""
