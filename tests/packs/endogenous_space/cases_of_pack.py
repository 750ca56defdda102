"""Cases of this pack in tests of all models and diagnostics, see `tests/cases.py`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from classic import SpatialIV
from fields import ERRORS, ESTIMATE, SMALL_SAMPLES, TERMS, Base, Does, Order, wild

from digicarbon.model import Model

STATES = {"y": "ln_gsp", "x": ("ln_pcap",), "controls": ("ln_pc", "unemp")}
EXAMPLES: dict[type[Model], list[Model]] = {
    SpatialIV: [
        SpatialIV(**STATES, effects="unit"),
        SpatialIV(**STATES, kind="sdm", durbin="x", effects="unit", cov="cluster"),
        SpatialIV(**STATES, effects="none", cov="robust"),
        SpatialIV(**STATES, endogenous=("ln_pcap",), instruments=("L.ln_pcap",), cov="robust"),
        SpatialIV(**STATES, estimator="gmm", effects="unit", cov="driscoll_kraay"),
        SpatialIV(**STATES, kind="sarar", effects="unit"),
        SpatialIV(**STATES, kind="sem", effects="two_way", cov="robust"),
        SpatialIV(**STATES, kind="sdem", effects="random"),
    ],
}
"""Fits of which all is asked that a class declares."""
NO_NULL = {
    # regressors move with the errors, which a draw under the null would move alone
    SpatialIV: lambda model: bool(model.endogenous),
}
"""Models of a class that have no null model, while others of it have one."""

FIELD_BASES: dict[type[Model], list[Base]] = {
    SpatialIV: [
        Base(SpatialIV(**TERMS, kind="sdm", cov="cluster", effects="unit")),
        Base(SpatialIV(**TERMS, cov="robust", small_sample="none")),
        Base(SpatialIV(**TERMS, cov="conley")),
        Base(SpatialIV(**TERMS, kind="sdem", effects="unit"), ("kind", "effects", "durbin")),
        Base(SpatialIV(**TERMS, endogenous=("x",), instruments=("z",), cov="robust")),
        wild(SpatialIV),
    ],
}
"""Models from which a field is varied at a time."""
FIELD_ORDERS = [
    Order(SpatialIV(**TERMS), "cov", ERRORS),
    *(
        Order(model, "small_sample", words, term, least=0.001)
        for words in SMALL_SAMPLES
        for model, term in ((SpatialIV(**TERMS, cov="cluster"), "x"),)
    ),
]
"""Words of a field by a number, from the smallest to the largest."""
FIELD_DOES: dict[str, Does] = {**dict.fromkeys(("lag_instruments",), ESTIMATE)}
"""What fields do that no model of the core has."""


def small_models(effects: Any) -> Iterator[tuple[str, Model]]:
    """Yield models for a small panel."""
    own: dict[str, Any] = {"y": "y", "x": ["x"], "controls": ["c"], "effects": effects, "test": "errors"}
    for kind in ("sar", "sdm", "sem", "sdem", "sarar", "gns"):
        yield f"iv {kind}", SpatialIV(**own, kind=kind)
    yield "iv sar gmm", SpatialIV(**own, estimator="gmm", cov="robust")
    yield "iv sarar robust", SpatialIV(**own, kind="sarar", cov="robust")
    yield "iv sdm cluster", SpatialIV(**own, kind="sdm", cov="cluster")
    yield "iv sarar without effects", SpatialIV(**{**own, "effects": "none"}, kind="sarar")
    yield "iv random", SpatialIV(**{**own, "effects": "random"}, kind="sem")


def tiny_models() -> Iterator[tuple[str, Model]]:
    """Yield models for the smallest panels, of which q is an instrument of x."""
    own: dict[str, Any] = {"y": "y", "x": ["x"], "controls": ["c"], "endogenous": ["x"], "instruments": ["q"]}
    for effects in ("unit", "time", "two_way", "none"):
        for kind in ("sar", "sdm", "sdem", "gns"):
            yield f"iv {kind} {effects}", SpatialIV(**own, kind=kind, effects=effects)
