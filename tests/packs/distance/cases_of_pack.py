"""Cases of this pack in tests of all models and diagnostics, see `tests/cases.py`."""

from __future__ import annotations

from typing import Any

from classic import DecayPanel, DistanceBands
from fields import CONLEY, ERRORS, ESTIMATE, PLACES, SAID, TERMS, Base, Does, Order, wild

from digicarbon.model import Model

STATES = {"y": "ln_gsp", "x": ("ln_pcap",), "controls": ("ln_pc", "unemp")}
EXAMPLES: dict[type[Model], list[Model]] = {
    DecayPanel: [
        *(DecayPanel(**STATES, kind=kind) for kind in ("slx", "sar", "sem", "sdm", "sdem")),
        DecayPanel(**STATES, kind="sdm", decay="exponential", effects="none", durbin="x", cov="cluster"),
    ],
    DistanceBands: [
        DistanceBands(**STATES, cutoffs=(500.0, 1500.0)),
        DistanceBands(**STATES, cutoffs=(500.0, 1500.0), effects="unit", cov="robust"),
    ],
}
"""Fits of which all is asked that a class declares."""

BANDS: dict[str, Any] = {"cutoffs": (100.0, 250.0), "distances": PLACES}
FIELD_BASES: dict[type[Model], list[Base]] = {
    DecayPanel: [
        Base(DecayPanel(**TERMS, kind="sdm", distances=PLACES)),
        Base(DecayPanel(**TERMS, kind="slx", distances=PLACES), ("test",)),
    ],
    DistanceBands: [
        Base(DistanceBands(**TERMS, **BANDS)),
        Base(DistanceBands(**TERMS, **BANDS, cov="robust", small_sample="none")),
        Base(DistanceBands(**TERMS, **BANDS, **CONLEY), ("cov", "kernel")),
        wild(DistanceBands, **BANDS),
    ],
}
"""Models from which a field is varied at a time."""
FIELD_ORDERS = [
    Order(DecayPanel(**TERMS, kind="sar", distances=PLACES), "cov", ("observed", "cluster")),
    Order(DecayPanel(**TERMS, kind="sar", distances=PLACES), "cov", ("observed", "robust"), "sigma2"),
    Order(DistanceBands(**TERMS, cutoffs=(250.0,), distances=PLACES), "cov", ERRORS),
    Order(DecayPanel(**TERMS, kind="sar", distances=PLACES), "bias_correction", ("none", "lee_yu"), "sigma2", "coef"),
]
"""Words of a field by a number, from the smallest to the largest."""
FIELD_DOES: dict[str, Does] = {**dict.fromkeys(("decay",), ESTIMATE)}
"""What fields do that no model of the core has."""
FIELD_DOES_OF = {(DecayPanel, "test"): SAID}
FEWEST_CLUSTERS = [DistanceBands(**TERMS, **BANDS)]
