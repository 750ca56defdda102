"""Cases of this pack in tests of all models and diagnostics, see `tests/cases.py`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import classic as dc
from classic import SpatialFilter
from fields import CONLEY, ERRORS, TERMS, Base, Does, Order, wild

from digicarbon.diagnostic import Choice, Diagnostic, SpatialChoice
from digicarbon.model import Model

STATES = {"y": "ln_gsp", "x": ("ln_pcap",), "controls": ("ln_pc", "unemp")}
EXAMPLES: dict[type[Model], list[Model]] = {
    SpatialFilter: [
        SpatialFilter(**STATES),
        SpatialFilter(**STATES, effects="unit", method="forward"),
        SpatialFilter(**STATES, effects="none", cov="robust", method="all", candidates=3),
    ],
}
"""Fits of which all is asked that a class declares."""

SPATIAL = dc.SpatialPanel(**TERMS, kind="sdm")
FIELD_BASES: dict[type[Model], list[Base]] = {
    SpatialFilter: [
        Base(SpatialFilter(**TERMS, stop=0.4, cov="cluster")),
        Base(SpatialFilter(**TERMS, stop=0.4, cov="robust", small_sample="none")),
        Base(SpatialFilter(**TERMS, stop=0.4, **CONLEY)),
        Base(SpatialFilter(**TERMS, effects="time", share=0.1), ("method",)),
        wild(SpatialFilter),
    ],
}
"""Models from which a field is varied at a time."""
FIELD_ORDERS = [
    Order(SpatialFilter(**TERMS), "cov", ERRORS),
]
"""Words of a field by a number, from the smallest to the largest."""
DIAGNOSTIC_BASES: dict[type[Diagnostic], list[Diagnostic]] = {
    Choice: [Choice(model=SPATIAL, draws=19)],
    SpatialChoice: [SpatialChoice(model=dc.SpatialPanel(**TERMS, kind=kind), draws=99) for kind in ("sdm", "sar")],
}
DIAGNOSTIC_DOES: dict[tuple[type[Diagnostic], str], Does] = {
    (Choice, "form"): Does("statistic"),
    (SpatialChoice, "kinds"): Does("probability"),
    (SpatialChoice, "prior"): Does("log_marginal", keeps=("loglik", "aic")),
}
"""The column of its tables that each field changes, and those that it keeps."""
FEWEST_CLUSTERS = [SpatialFilter(**TERMS)]


def small_models(effects: Any) -> Iterator[tuple[str, Model]]:
    """Yield models for a small panel."""
    own: dict[str, Any] = {"y": "y", "x": ["x"], "controls": ["c"], "effects": effects, "test": "errors"}
    for method in ("double", "forward"):
        yield f"filter {method}", SpatialFilter(**own, method=method)
