"""Cases of this pack in tests of all models and diagnostics, see `tests/cases.py`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from classic import UnbalancedSpatialPanel
from fields import ESTIMATE, TERMS, Base, Does, Order, wild

from digicarbon.model import Model

STATES = {"y": "ln_gsp", "x": ("ln_pcap",), "controls": ("ln_pc", "unemp")}
LINE = {"_target_": "digicarbon.weights.KNearestWeights", "k": 2}
EXAMPLES: dict[type[Model], list[Model]] = {
    UnbalancedSpatialPanel: [
        *(UnbalancedSpatialPanel(**STATES, kind=kind) for kind in ("slx", "sar", "sem", "sdm", "sdem")),
        UnbalancedSpatialPanel(**STATES, kind="sdm", effects="unit", bias_correction="none", durbin="x"),
        UnbalancedSpatialPanel(**STATES | {"x": ("ln_pcap", "L.ln_pc")}, kind="sar", effects="none"),
        UnbalancedSpatialPanel(**STATES, kind="sdm", durbin="x", further_weights=(LINE,), cov="cluster"),
    ],
}
"""Fits of which all is asked that a class declares."""

FIELD_BASES: dict[type[Model], list[Base]] = {
    UnbalancedSpatialPanel: [
        Base(UnbalancedSpatialPanel(**TERMS, kind="sdm")),
        Base(UnbalancedSpatialPanel(**TERMS, kind="sdm", further_weights=(LINE,)), ("durbin_by", "kind")),
        Base(UnbalancedSpatialPanel(**TERMS, kind="sar"), ("restandardise", "cov"), gaps=True),
        Base(UnbalancedSpatialPanel(**TERMS, kind="sar", cov="cluster"), ("cluster",), gaps=True),
        wild(UnbalancedSpatialPanel, kind="sar"),
    ],
}
"""Models from which a field is varied at a time."""
FIELD_ORDERS = [
    Order(UnbalancedSpatialPanel(**TERMS, kind="sdm"), "cov", ("classic", "cluster")),
    Order(UnbalancedSpatialPanel(**TERMS, kind="slx"), "cov", ("classic", "cluster")),
    Order(UnbalancedSpatialPanel(**TERMS, kind="sar"), "bias_correction", ("none", "adjusted_score"), "sigma2", "coef"),
]
"""Words of a field by a number, from the smallest to the largest."""
FIELD_REFUSED = {(UnbalancedSpatialPanel, "cluster"): {"time", "both"}}
FIELD_DOES: dict[str, Does] = {**dict.fromkeys(("durbin_by", "restandardise"), ESTIMATE)}
"""What fields do that no model of the core has."""


def small_models(effects: Any) -> Iterator[tuple[str, Model]]:
    """Yield models for a small panel; names of those that take one with gaps begin with ``gaps``."""
    own: dict[str, Any] = {"y": "y", "x": ["x"], "controls": ["c"], "effects": effects, "test": "errors"}
    for kind in ("slx", "sar", "sem", "sdm"):
        yield f"periods {kind}", UnbalancedSpatialPanel(**own, kind=kind)
        yield f"gaps {kind}", UnbalancedSpatialPanel(**own, kind=kind)
    yield "gaps sdm cluster", UnbalancedSpatialPanel(**own, kind="sdm", cov="cluster")
    yield "gaps sdm uncorrected", UnbalancedSpatialPanel(**own, kind="sdm", bias_correction="none")
