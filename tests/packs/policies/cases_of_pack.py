"""Cases of this pack in tests of all models and diagnostics, see `tests/cases.py`."""

from __future__ import annotations

from typing import Any

import classic as dc
from classic import DiD
from fields import CONLEY, ERROR, ERRORS, ESTIMATE, SMALL_SAMPLES, Base, Does, Order, wild

from digicarbon.diagnostic import Diagnostic, HonestBounds
from digicarbon.model import Model

POLICY_OF_STATES = {"y": "ln_gsp", "policy": "pilot", "controls": ("unemp",)}
RING = (0.0, 100.0)
EXAMPLES: dict[type[Model], list[Model]] = {
    DiD: [
        DiD(**POLICY_OF_STATES),
        DiD(**POLICY_OF_STATES, anticipation=1),
        DiD(**POLICY_OF_STATES, spillovers="neighbours"),
        DiD(**POLICY_OF_STATES, spillovers="rings", rings=RING, spillovers_on="interacted"),
        DiD(**POLICY_OF_STATES | {"policy": "share"}),
        DiD(**POLICY_OF_STATES, estimator="event_study"),
        DiD(**POLICY_OF_STATES, estimator="event_study", aggregate="event", leads=4, lags=4),
        DiD(**POLICY_OF_STATES, estimator="sun_abraham", aggregate="event"),
        DiD(**POLICY_OF_STATES, estimator="sun_abraham", aggregate="calendar"),
        DiD(**POLICY_OF_STATES, estimator="imputation"),
        DiD(**POLICY_OF_STATES, estimator="imputation", aggregate="event"),
        DiD(**POLICY_OF_STATES, estimator="imputation", aggregate="event", spillovers="rings", rings=RING),
        DiD(**POLICY_OF_STATES, estimator="sun_abraham", aggregate="event", spillovers="rings", rings=RING),
        DiD(**POLICY_OF_STATES, estimator="stacked"),
        *(
            DiD(**POLICY_OF_STATES, estimator=name, observation_weights="emp")
            for name in ("twfe", "event_study", "stacked", "imputation")
        ),
        DiD(**POLICY_OF_STATES, estimator="sun_abraham", aggregate="event", observation_weights="emp"),
        DiD(**POLICY_OF_STATES, estimator="callaway_santanna"),
        DiD(**POLICY_OF_STATES, estimator="callaway_santanna", compare="not_yet", aggregate="event"),
        DiD(**POLICY_OF_STATES | {"controls": ()}, estimator="synthetic_did"),
        DiD(**POLICY_OF_STATES, estimator="synthetic_did", sdid_variance="jackknife", aggregate="event"),
    ],
}
"""Fits of which all is asked that a class declares."""

POLICY: dict[str, Any] = {"y": "y", "policy": "pilot", "controls": ("q",)}
EVENTS = dc.DiD(y="y", policy="pilot", controls=("q",), estimator="event_study", aggregate="event")
FIELD_BASES: dict[type[Model], list[Base]] = {
    DiD: [
        Base(DiD(**POLICY)),
        Base(DiD(**POLICY, cov="robust", small_sample="none")),
        Base(DiD(**POLICY, **CONLEY)),
        Base(DiD(**POLICY, spillovers="rings", rings=(0.0, 100.0), spillovers_on="all")),
        Base(DiD(**POLICY, estimator="callaway_santanna", aggregate="event")),
        Base(DiD(**POLICY, estimator="stacked")),
        Base(DiD(**POLICY, estimator="synthetic_did", sdid_draws=20), ("sdid_variance",)),
        # a cohort of one unit
        Base(DiD(y="y", policy="sham", estimator="synthetic_did", sdid_draws=20), ("sdid_variance",)),
        wild(DiD, policy="sham", x=(), draws=499),
    ],
}
"""Models from which a field is varied at a time."""
FIELD_ORDERS = [
    Order(DiD(**POLICY), "cov", ERRORS, "pilot"),
    Order(DiD(**POLICY, estimator="stacked"), "cov", ("classic", "cluster"), "pilot"),
    *(
        Order(model, "small_sample", words, term, least=0.001)
        for words in SMALL_SAMPLES
        for model, term in (
            (DiD(**POLICY), "pilot"),
            (DiD(**POLICY, estimator="stacked"), "pilot"),
        )
    ),
]
"""Words of a field by a number, from the smallest to the largest."""
FIELD_DOES: dict[str, Does] = {
    "sdid_variance": ERROR,
    **dict.fromkeys(
        ("aggregate", "base_period", "compare", "overall", "spillovers", "spillovers_on", "stack_weights"), ESTIMATE
    ),
}
"""What fields do that no model of the core has."""
DIAGNOSTIC_BASES: dict[type[Diagnostic], list[Diagnostic]] = {
    HonestBounds: [HonestBounds(model=EVENTS, sizes=(0.5,))],
}
DIAGNOSTIC_DOES: dict[tuple[type[Diagnostic], str], Does] = {
    (HonestBounds, "restriction"): Does("low", keeps=("coef", "se")),
}
"""The column of its tables that each field changes, and those that it keeps."""
FEWEST_CLUSTERS = [DiD(**POLICY)]


def with_columns(panel: dc.Panel) -> dc.Panel:
    """Return the panel of `fields` with a policy that does something, and one that does nothing."""
    sham = {f"u{code:02}": 2005 + code % 3 for code in (0, 1, 3, 4, 5, 7)}
    return panel.with_policy("pilot", "start").with_policy("sham", sham)


OF_PANEL = {"panel.policy": {"pilot": "adopted"}}
"""What options refer to that the panel of the default experiment leaves empty."""
