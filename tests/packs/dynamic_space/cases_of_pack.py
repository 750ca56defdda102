"""Cases of this pack in tests of all models and diagnostics, see `tests/cases.py`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from classic import DynamicSpatialPanel
from fields import ESTIMATE, TERMS, Base, Does, Order, wild

from digicarbon.model import Model

PERSISTENT = {"y": "unemp", "x": ("ln_pcap",), "controls": ("ln_pc",)}
EXAMPLES: dict[type[Model], list[Model]] = {
    DynamicSpatialPanel: [
        DynamicSpatialPanel(**PERSISTENT, effects="unit"),
        DynamicSpatialPanel(**PERSISTENT, kind="sar", effects="unit", bias_correction="lee_yu", cov="robust"),
        DynamicSpatialPanel(**PERSISTENT, durbin=("ln_pc",), bias_correction="none"),
    ],
}
"""Fits of which all is asked that a class declares."""

FIELD_BASES: dict[type[Model], list[Base]] = {
    DynamicSpatialPanel: [
        Base(DynamicSpatialPanel(**TERMS)),
        wild(DynamicSpatialPanel, kind="sar"),
    ],
}
"""Models from which a field is varied at a time."""
FIELD_ORDERS = [
    Order(DynamicSpatialPanel(**TERMS), "cov", ("classic", "robust"), "sigma2"),
    Order(DynamicSpatialPanel(**TERMS), "bias_correction", ("none", "lee_yu"), "lag_y", "coef"),
    Order(DynamicSpatialPanel(**TERMS), "bias_correction", ("none", "score"), "lag_y", "coef"),
]
"""Words of a field by a number, from the smallest to the largest."""
FIELD_DOES: dict[str, Does] = {**dict.fromkeys(("space_time_lag", "time_lag"), ESTIMATE)}
"""What fields do that no model of the core has."""


def small_models(effects: Any) -> Iterator[tuple[str, Model]]:
    """Yield models for a small panel."""
    own: dict[str, Any] = {"y": "y", "x": ["x"], "controls": ["c"], "effects": effects, "test": "errors"}
    for correction in ("score", "lee_yu", "none"):
        yield f"dynamic {correction}", DynamicSpatialPanel(**own, bias_correction=correction)
        yield f"dynamic sar {correction}", DynamicSpatialPanel(**own, kind="sar", bias_correction=correction)
    yield "dynamic robust", DynamicSpatialPanel(**own, cov="robust")
    yield "dynamic in time", DynamicSpatialPanel(**own, space_time_lag=False)
