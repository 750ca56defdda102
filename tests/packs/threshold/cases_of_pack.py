"""Cases of this pack in tests of all models and diagnostics, see `tests/cases.py`."""

from __future__ import annotations

from classic import PanelThreshold
from fields import CONLEY, ESTIMATE, TERMS, Base, Does, Order, wild

from digicarbon.model import Model

STATES = {"y": "ln_gsp", "x": ("ln_pcap",), "controls": ("ln_pc", "unemp")}
EXAMPLES: dict[type[Model], list[Model]] = {
    PanelThreshold: [
        PanelThreshold(effects="unit", **STATES, threshold="unemp", threshold_draws=39),
        PanelThreshold(**STATES, threshold="ln_pcap", thresholds=2, effects="two_way", threshold_draws=0, grid=50),
        PanelThreshold(
            **STATES | {"x": ("ln_pcap", "L.ln_pcap")},
            threshold="L.unemp",
            effects="none",
            threshold_draws=19,
            cov="cluster",
        ),
        PanelThreshold(
            **STATES, threshold="unemp", threshold_draws=19, space="sdm", sets="likelihood", effects="two_way"
        ),
    ],
}
"""Fits of which all is asked that a class declares."""

FIELD_BASES: dict[type[Model], list[Base]] = {
    PanelThreshold: [
        Base(PanelThreshold(effects="unit", **TERMS, threshold="v", threshold_draws=19, cov="cluster")),
        Base(PanelThreshold(effects="unit", **TERMS, threshold="v", threshold_draws=0, **CONLEY)),
        Base(
            PanelThreshold(effects="unit", **TERMS, threshold="v", threshold_draws=19, space="sar", sets="likelihood"),
            ("space", "cov"),
        ),
        wild(PanelThreshold, threshold="v", threshold_draws=0),
    ],
}
"""Models from which a field is varied at a time."""
FIELD_ORDERS = [
    Order(
        PanelThreshold(effects="unit", **TERMS, threshold="v", threshold_draws=0), "cov", ("classic", "cluster"), "x[1]"
    ),
]
"""Words of a field by a number, from the smallest to the largest."""
FIELD_DOES: dict[str, Does] = {
    "resampling": Does("tables", keeps=("coef", "se")),
    "sets": Does("tables", keeps=("coef", "se")),
    **dict.fromkeys(("space",), ESTIMATE),
}
"""What fields do that no model of the core has."""

WRONG_FIELDS = [
    (
        {
            "experiments/mine.yaml": "defaults: [config, override measure: none, override model: threshold, _self_]\n"
            "model: {x: [gdp]}\n"
        },
        "mine",
        ["model.threshold is not set. conf/model/threshold.yaml takes it from measure.terms.0", "set model.threshold"],
    ),
]
"""Files with a mistake, the words of the command line, and what is said."""
