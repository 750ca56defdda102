"""What both tools read of a spatial panel, and what is said of both."""

from __future__ import annotations

import numpy as np

from digicarbon.arrays import FloatArray
from digicarbon.errors import WeightsError
from digicarbon.model.spatial_panel import SpatialPanel
from digicarbon.note import Note
from digicarbon.panel import Panel
from digicarbon.script.extract import Extract, columns_of
from digicarbon.weights import Weights

WAY_OF_DEMEANING = (
    "Spatial lags are taken of raw data and effects are removed afterwards, the likelihood of the model with dummies; "
    "{tool} removes effects before y is lagged. The two differ under time and two-way effects: on Munnell's panel "
    "rho is 0.3702 and 0.3688, on 30 units and 12 years with an economic matrix the difference was more than a "
    "standard error."
)


def extract(model: SpatialPanel, panel: Panel, weights: Weights | None) -> Extract:
    """Return the columns of a spatial panel with the spatial lags that are in the model."""
    if weights is None:
        raise WeightsError(Note("script_without_weights", kind=model.kind))
    made = panel.with_terms(model.terms)
    names = made.expanded(model.regressors, among=model.terms)
    lags = {f"W_{name}": _lag(made, weights, name) for name in model.lagged}
    columns = columns_of(made, (model.y, *names)) | lags
    return Extract(made.index, columns, names, weights, lagged=model.lagged)


def _lag(panel: Panel, weights: Weights, name: str) -> FloatArray:
    """Return a column's spatial lag, shape (rows,)."""
    n, t = panel.shape
    return np.ascontiguousarray(weights.matrix @ panel.array([name]).reshape(n, t)).ravel()
