"""What diagnostics of a policy's effects ask of a model and a panel."""

from __future__ import annotations

import numpy as np

from digicarbon.arrays import FloatArray
from digicarbon.errors import ConfigError
from digicarbon.model import DiD, Model
from digicarbon.model._observation_weights import Weighting
from digicarbon.model._panel_columns import rows_of
from digicarbon.note import Note
from digicarbon.numeric.linear.within import absorb, absorb_weighted
from digicarbon.panel import Panel


def did_of(model: Model) -> DiD:
    """Return a model of a policy's effects.

    Raises
    ------
    ConfigError
        If it is another model.
    """
    if model.as_did is None:
        raise ConfigError(Note("policy_of_other_model", model=type(model).__name__))
    return model.as_did


def two_way(model: DiD) -> DiD:
    """Return the two-way regression on the policy without spillovers, whatever the estimator."""
    return model.by_errors.model_copy(update={"estimator": "twfe", "aggregate": "overall", "spillovers": "none"})


def paths(model: DiD, panel: Panel) -> tuple[Panel, FloatArray]:
    """Return the rows of the two-way regression, and each unit's policy over all periods, shape (N, T).

    Raises
    ------
    ConfigError
        If the policy is a share and the panel has gaps: the path of a unit is then not known.
    DataError
        If the panel lacks a column.
    """
    made = model.rows(panel)
    if model.is_share(made):
        if not made.balanced:
            raise ConfigError(Note("placebo_of_share", policy=model.policy))
        return made, made.column(model.policy).reshape(made.shape)
    timing = model.timing(made)
    return timing.panel, timing.paths(model.anticipation)


def left_of_policy(model: DiD, panel: Panel) -> tuple[FloatArray, FloatArray, float]:
    """Return the policy, what effects and controls leave of it, each of shape (rows,), and its two-way coefficient.

    Where observations are weighted, the policy is multiplied by their weights: by these its rows count.
    """
    expanded = two_way(model).expanded(panel)
    names = expanded.panel.expanded(expanded.model.controls, among=expanded.model.terms)
    columns = expanded.panel.array([*names, expanded.model.y, model.policy])
    if model.observation_weights is not None:
        weighting = Weighting.of(expanded.panel, model.observation_weights)
        inner = absorb_weighted(columns, rows_of(expanded.panel), "two_way", weighting.values)
        root = weighting.root[:, None]
        scaled, coefficient = _left(root * inner)
        return weighting.values * columns[:, -1], scaled / weighting.root, coefficient
    left, coefficient = _left(absorb(columns, rows_of(expanded.panel), "two_way"))
    return columns[:, -1], left, coefficient


def _left(inner: FloatArray) -> tuple[FloatArray, float]:
    """Return what controls leave of the last column, and its coefficient in a regression of the one before."""
    basis = np.linalg.qr(inner[:, :-2])[0]
    left = inner[:, -1] - basis @ (basis.T @ inner[:, -1])
    return left, float(left @ inner[:, -2] / (left @ left))
