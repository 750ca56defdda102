"""What diagnostics of a policy's effects ask of a model and a panel."""

from __future__ import annotations

import numpy as np

from digicarbon.arrays import FloatArray
from digicarbon.errors import ConfigError
from digicarbon.model import Model
from digicarbon.note import Note
from digicarbon.numeric.resampling.null_model import without
from digicarbon.packs.policies.model.did import DiD
from digicarbon.panel import Panel


def did_of(model: Model) -> DiD:
    """Return a model of a policy's effects. Raises ConfigError if it is another model."""
    did = model.as_a(DiD)
    if did is None:
        raise ConfigError(Note("policy_of_other_model", model=type(model).__name__))
    return did


def two_way(model: DiD) -> DiD:
    """Return the two-way regression on the policy without spillovers, whatever the estimator."""
    return model.by_errors.model_copy(update={"estimator": "twfe", "aggregate": "overall", "spillovers": "none"})


def paths(model: DiD, panel: Panel) -> tuple[Panel, FloatArray]:
    """Return the rows of the two-way regression, and each unit's policy over all periods, shape (N, T).

    Raises ConfigError if the policy is a share and the panel has gaps: the path of a unit is then not known. Raises
    DataError if the panel lacks a column.
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
    columns = expanded.model.design(expanded.panel)
    at = columns.names.index(model.policy)
    left, coefficient = _left(np.delete(columns.values, at, axis=1), columns.values[:, at])
    policy, weighting = columns.raw[:, at], columns.weighting
    return (
        (policy, left, coefficient)
        if weighting is None
        else (weighting.values * policy, left / weighting.root, coefficient)
    )


def _left(others: FloatArray, policy: FloatArray) -> tuple[FloatArray, float]:
    """Return what all columns but the last leave of a policy, and its coefficient in a regression of the last one."""
    basis = np.linalg.qr(others[:, :-1])[0]
    left = without(basis, policy)
    return left, float(left @ others[:, -1] / (left @ left))
