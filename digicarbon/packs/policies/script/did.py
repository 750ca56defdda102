"""What tools for difference-in-differences read, and what they call the effects."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from digicarbon.model._absorption import group_column, group_columns
from digicarbon.packs.policies.model._timing import Timing
from digicarbon.packs.policies.numeric.aggregation import NEVER
from digicarbon.script.extract import Extract, columns_of

if TYPE_CHECKING:
    from digicarbon.packs.policies.model.did import DiD
    from digicarbon.panel import Panel
    from digicarbon.result import Result
    from digicarbon.script.part import Part
    from digicarbon.weights import Weights

DUMMIES = ("twfe", "event_study")
"""Estimators that tools fit as a regression on the columns of the extract."""

REACHED = "imputation of rows that the policies of others reach, which no package does; the columns say which they are"
"""Why imputation with spillovers has no script."""


def first_of(policy: str) -> str:
    """Return the name of the column that has the first period under a policy, as ``time_id``; 0 for never."""
    return f"{policy}_first"


def names_of(part: Part, model: DiD) -> tuple[str, str, list[str]]:
    """Return the names of the outcome, of the first period under the policy, and of controls in the tool."""
    controls = [part.names[name] for name in part.extract.regressors]
    return part.names[model.y], part.names[first_of(model.policy)], controls


def clusters_of(part: Part, model: DiD) -> list[str]:
    """Return the columns of clusters in the tool; none of units and periods."""
    return [part.names[group_column(name)] for name in model.own_clusters]


def extract(model: DiD, panel: Panel, weights: Weights | None) -> Extract:
    """Return outcome, controls and the dummies of a regression, or the first period under the policy.

    With spillovers, also the columns of how the policies of others reach a row.
    """
    if model.estimator in DUMMIES:
        expanded = model.expanded(panel, weights)
        return expanded.model.extract(expanded.panel, weights)
    whole, reached = model.reached(panel, weights)
    timing = model.timing(whole)
    made = timing.panel
    names = (*reached.columns, *made.expanded(model.controls, among=model.terms))
    by = () if model.observation_weights is None else (model.observation_weights,)
    columns = columns_of(made, (model.y, *names, *by)) | {first_of(model.policy): _first(timing)}
    groups = group_columns(made, model.absorb, model.trends, model.own_clusters)
    return Extract(made.index, {**columns, **groups}, names)


def events(model: DiD, result: Result) -> dict[str, int]:
    """Return the event time of each effect by event time; none where these have bins, or others are reported."""
    if model.aggregate != "event" or model.leads is not None or model.lags is not None:
        return {}
    numbers = {
        term: part.number
        for term, role in zip(result.terms, result.roles, strict=True)
        for part in role.made_of
        if part.variable == model.policy
    }
    return {term: int(number) for term, number in numbers.items() if number is not None}


def _first(timing: Timing) -> np.typing.NDArray[np.float64]:
    positions = timing.panel.positions[timing.panel.period_codes]
    step = max(int(timing.at.max()) // max(int(positions.max()), 1), 1)
    first = np.where(timing.first < NEVER, -(-timing.first // step) + 1, 0)
    return np.asarray(first[timing.panel.unit_codes], dtype=np.float64)
