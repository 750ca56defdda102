"""How far errors of a model depend on each other within units or clusters."""

from __future__ import annotations

import numpy as np

from digicarbon.arrays import FloatArray
from digicarbon.errors import DigicarbonError
from digicarbon.model._panel_covariance import usual_errors
from digicarbon.model.base import Model
from digicarbon.model.tested import Tested
from digicarbon.numeric.averaging import design_effect
from digicarbon.panel import Panel
from digicarbon.result import Result
from digicarbon.weights import Weights


def dependence_pair(model: Model) -> tuple[Model, Model] | None:
    """Return a model with errors by its clusters, or by unit, and with independent ones; None if it has no such."""
    if isinstance(model, Tested):
        model = model.by_errors
    usual = usual_errors(type(model))
    if "cov" not in usual:
        return None
    clustered = getattr(model, "cov", "") == "cluster"
    first = model.model_copy(update={} if clustered else usual | {"cov": "cluster"})
    return first, model.model_copy(update=usual | {"cov": "classic"})


def design_effect_of(pair: tuple[Model, Model], panel: Panel, weights: Weights | None) -> float:
    """Return `design_effect` of two fits that differ in their errors alone; not-a-number where there is none."""
    try:
        clustered, classic = (_of_slopes(one.fit(panel, weights)) for one in pair)
    except DigicarbonError:
        return float("nan")
    return design_effect(clustered, classic) if len(clustered) else float("nan")


def _of_slopes(result: Result) -> FloatArray:
    places = [result.terms.index(term) for term in result.terms_of("regressor", "lag_x")]
    return result.covariance[np.ix_(places, places)]
