"""The quantities of a focal term of a spatial panel model, restricted for the wild bootstrap."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from digicarbon.arrays import FloatArray
from digicarbon.model._spatial_batch import contrast_of, null_sample, solved, space_of
from digicarbon.model._spatial_estimates import LAG_KINDS, Design, dense
from digicarbon.model.batch import Estimand
from digicarbon.model.restrictions import CombinedNulls, ErrorNulls, Lagged, Nulls, Projected, Restrictions
from digicarbon.numeric.resampling.null_model import LagNulls, LagWeights, in_rows
from digicarbon.numeric.spatial.batch import LagSpace
from digicarbon.numeric.spatial.likelihood import coarse_jacobian
from digicarbon.result import Quantity, Result

if TYPE_CHECKING:
    from digicarbon.model.spatial_panel import SpatialPanel
    from digicarbon.panel import Panel
    from digicarbon.weights import Weights


def restrictions_of(
    model: SpatialPanel,
    design: Design,
    result: Result,
    term: str,
    panel: Panel,
    weights: Weights | None,
    quantities: tuple[Quantity, ...] = (),
) -> Restrictions:
    """Return the restrictions of a focal term.

    Parameters
    ----------
    model : SpatialPanel
    design : Design
        Of the model.
    result : Result
        Of its fit.
    term : str
    panel, weights
        Those of the fit.
    quantities : tuple of str
        By default those of the model.
    """
    from digicarbon.model._panel_columns import rows_of

    names, lag, rows = design.names, f"W_{term}", rows_of(panel)
    own = [names.index(name) for name in (term, lag) if name in names]
    by_lag = model.kind in ("slx", "sar", "sdm")
    # the null model of a lag has the lags of all regressors of its own
    lags = {f"W_{name}" for name in model.lagged} if by_lag else set()
    stay = [place for place, name in enumerate(names) if place not in own and name not in lags]
    flat = in_rows(design.level)
    z, x, y = flat[:, stay], flat[:, own], np.ascontiguousarray(flat[:, -1])
    sample = null_sample(design)
    effects = [quantity for quantity in quantities or model.quantities if quantity != "coefficient"]
    estimands = tuple(
        [Estimand("coefficient", names[place]) for place in own] + [Estimand(effect, term) for effect in effects]
    )
    batch = model.batch(panel, weights, estimands[0])
    if model.kind in ("sar", "sdm"):
        space = space_of(solved(design.w), design.sample)
        coarse = coarse_jacobian(design.w, sample)
        weights_at = [LagWeights(partial(_weights, space, estimand, term, len(own)), coarse) for estimand in estimands]
        return Lagged(estimands, batch, LagNulls(y, z, x, rows, design.w, sample), weights_at)
    nulls: Nulls
    if model.kind == "slx":
        nulls = LagNulls(y, z, x, rows, design.w, sample)
    elif model.kind == "sac":
        nulls = CombinedNulls(y, z, x, rows, dense(design.w), dense(design.m), sample)
    else:
        nulls = ErrorNulls(y, z, x, rows, design.m, sample)
    if model.kind in LAG_KINDS:
        space, rho = space_of(solved(design.w), design.sample), result.coef[result.terms.index("rho")]
        g = np.stack([_weights(space, estimand, term, len(own), np.array([rho]))[0] for estimand in estimands])
    else:
        g = np.stack([contrast_of(design, estimand)[own] for estimand in estimands])
    spread = result.covariance[np.ix_(own, own)]
    return Projected(estimands, batch, nulls, g, result.coef[own], spread)


def _weights(space: LagSpace, estimand: Estimand, term: str, columns: int, rho: FloatArray) -> FloatArray:
    """Return the weights of a term's coefficient and of its lag's in an estimand at each ρ, shape (p, columns)."""
    first, second = space.effect_weights(rho, estimand.quantity)[:2]
    if estimand.quantity == "coefficient" and estimand.term != term:
        first, second = second, first
    return np.stack([first, second][:columns], axis=1)
