"""The coefficient of a focal term of a panel regression, restricted for the wild bootstrap."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from digicarbon.model._panel_batch import likeliest
from digicarbon.model._panel_columns import rows_of
from digicarbon.model.batch import Estimand
from digicarbon.model.restrictions import LinearNulls, Nulls, Projected, Restrictions
from digicarbon.numeric.resampling.null_model import LagNulls
from digicarbon.numeric.spatial.likelihood import Sample

if TYPE_CHECKING:
    from digicarbon.model.panel_regression import PanelRegression
    from digicarbon.panel import Panel
    from digicarbon.weights import Weights


def restrictions_of(model: PanelRegression, panel: Panel, term: str, weights: Weights | None) -> Restrictions:
    """Return the restriction of a focal term's coefficient; the other terms stay in the null model.

    Parameters
    ----------
    model : PanelRegression
    panel : Panel
        With every term of the model.
    term : str
    weights : Weights or None
        For the spatial dependence of the errors.
    """
    effects = "none" if model.estimator == "between" else model.fixed
    names = [name for name in panel.expanded(model.regressors, among=model.terms) if name != term]
    rows, z, x, y = rows_of(panel), panel.array(names), panel.array([term]), panel.column(model.y)
    if effects == "none":
        z = np.column_stack([np.ones(len(z)), z])
    fitting = likeliest(panel, y, z, effects, [] if weights is None else [weights])
    nulls: Nulls
    if fitting is None:
        nulls = LinearNulls(y, z, x, rows, effects)
    else:
        nulls = LagNulls(y, z, x, rows, fitting.operator, Sample(rows.n, rows.t, effects, "lee_yu"))
    estimand = Estimand("coefficient", term)
    one = np.ones((1, 1))
    return Projected((estimand,), model.batch(panel, weights, estimand), nulls, one, np.ones(1), one)
