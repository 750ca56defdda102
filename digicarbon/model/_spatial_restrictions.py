"""The quantities of a focal term of a spatial panel model, restricted for the wild bootstrap."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from digicarbon.arrays import FloatArray
from digicarbon.model._spatial_batch import contrast_of, null_sample, solved, space_of
from digicarbon.model._spatial_estimates import Design, dense
from digicarbon.model.batch import Batch, Estimand
from digicarbon.model.restrictions import KnownPart, Lagged, Nulls, Projected, Redrawn, Restrictions, error_nulls
from digicarbon.numeric.resampling.draws import Draws
from digicarbon.numeric.resampling.null_model import LagNulls, NullModel, combined_null, in_rows, lag_null
from digicarbon.result import Result

if TYPE_CHECKING:
    from digicarbon.model._group_quantities import GroupQuantities
    from digicarbon.model.spatial_panel import SpatialPanel
    from digicarbon.panel import Panel
    from digicarbon.weights import Weights


def restrictions_of(
    model: SpatialPanel, design: Design, result: Result, term: str, panel: Panel, weights: Weights | None
) -> Restrictions:
    """Return the restrictions of a focal term; the result is that of the fit to this panel with these weights."""
    lag = f"W_{term}"
    names = [name for name in (term, lag) if name in design.names]
    estimands = Estimand.of_term(term, names, model.quantities)
    batch = model.batch(panel, weights, estimands[0])
    space = space_of(solved(design.w), design.sample, design.clusters) if model.has_lag else None
    own = [design.names.index(name) for name in names]

    def at(estimand: Estimand, rho: FloatArray) -> FloatArray:
        if space is None:
            return contrast_of(design, estimand)[None, own]
        first, second = space.effect_weights(rho, estimand.quantity)[:2]
        if estimand.quantity == "coefficient" and estimand.term != term:
            first, second = second, first
        return np.stack([first, second][: len(own)], axis=1)

    return restricted(model, design, result, own, estimands, at, batch, panel)


def restrictions_by_group(
    model: SpatialPanel, design: Design, result: Result, term: str, of: GroupQuantities, batch: Batch, panel: Panel
) -> list[Restrictions | Redrawn]:
    """Return the restrictions of a term's slope in a group, such as ``x[east]``, and of its effects.

    The model is on the interacted columns. The null model of the slope and of its spatial lag leaves both out: without
    the lag alone it would still have it, as null models of a lag model have the lags of all their regressors, and those
    of all slopes add up to the lags of all groups. Effects have the lags' slopes of all groups, as neighbours in any
    group may be reached: each has a null model in which it is zero, and no more.
    """
    lag, lags = f"W_{term}", tuple(of.slopes[term].lags.values())
    names = [name for name in (term, lag) if name in design.names]
    quantities = ("direct", *(("indirect",) if model.has_lag or lags else ()), "total")
    effects = [Estimand(effect, term) for effect in quantities]
    slopes = tuple(Estimand("coefficient", name) for name in names)
    own = [design.names.index(name) for name in names]
    reached = [of.slopes[term].own, *lags]

    def of_slopes(estimand: Estimand, rho: FloatArray) -> FloatArray:
        if estimand.quantity != "coefficient":
            return of.weights(estimand, rho)[0].T
        return np.tile([float(name == estimand.term) for name in names], (len(rho), 1))

    def of_effects(estimand: Estimand, rho: FloatArray) -> FloatArray:
        return of.weights(estimand, rho)[0].T

    if lag not in names:
        return [restricted(model, design, result, own, (*slopes, *effects), of_slopes, batch, panel)]
    both = restricted(model, design, result, own, slopes, of_slopes, batch, panel)
    every = restricted(model, design, result, reached, tuple(effects), of_effects, batch, panel)
    if isinstance(every, Lagged) and np.linalg.matrix_rank(every.nulls.x) < len(reached):
        # few units: beside the lags of its regressors a null model has no more room for those of all groups
        return [both]
    return [both, Single(every)]


def free_null(model: SpatialPanel, panel: Panel, weights: Weights | None) -> NullModel:
    """Return the null model of a lag model in which no slope is restricted; its lags are those of all regressors."""
    from digicarbon.model._panel_columns import rows_of

    design = model.design(panel, weights)
    flat, lags = in_rows(design.level), {f"W_{name}" for name in model.lagged}
    z = flat[:, [place for place, name in enumerate(design.names) if name not in lags]]
    return lag_null(np.ascontiguousarray(flat[:, -1]), z, rows_of(panel), design.w, null_sample(design))


class Single(Redrawn):
    """Restrictions each of which has a null model of its own at zero, too."""

    def __init__(self, restrictions: Restrictions) -> None:
        self.restrictions = restrictions
        self.estimands = restrictions.estimands

    def fits(self, place: int, value: float, draws: Draws) -> tuple[FloatArray, FloatArray]:
        """Return a quantity and its standard error for every draw in which it has a value."""
        from digicarbon.model.wild import fits

        return fits(self.restrictions, self.restrictions.null_at(place, value), [place], draws)[0]


def restricted(
    model: SpatialPanel,
    design: Design,
    result: Result,
    own: list[int],
    estimands: tuple[Estimand, ...],
    at: Callable[[Estimand, FloatArray], FloatArray],
    batch: Batch,
    panel: Panel,
) -> Restrictions:
    """Return restrictions of quantities that are combinations of some coefficients, at the places ``own``.

    ``at`` makes of an estimand and places of ρ, shape (p,), the weights of the coefficients, shape (p, len(own)).
    """
    from digicarbon.model._panel_columns import rows_of

    names, rows = design.names, rows_of(panel)
    by_lag = model.kind in ("slx", "sar", "sdm")
    # the null model of a lag has the lags of all regressors of its own
    lags = {f"W_{name}" for name in model.lagged} if by_lag else set()
    stay = [place for place, name in enumerate(names) if place not in own and name not in lags]
    flat = in_rows(design.level)
    z, x, y = flat[:, stay], flat[:, own], np.ascontiguousarray(flat[:, -1])
    sample = null_sample(design)
    rho = float(result.coef[result.terms.index("rho")]) if model.has_lag else 0.0
    g = np.stack([at(estimand, np.array([rho]))[0] for estimand in estimands])
    if model.kind in ("sar", "sdm"):
        place = result.terms.index("rho")
        half = 0.0 if len(own) > 1 else float(np.sqrt(result.covariance[place, place]))
        bounds = max(rho - half, design.w.bounds[0]), min(rho + half, design.w.bounds[1])
        weights_at = [lambda place, one=one: at(one, np.array([place]))[0] for one in estimands]
        return Lagged(estimands, batch, LagNulls(y, z, x, rows, design.w, sample), weights_at, bounds)
    nulls: Nulls
    if model.kind == "slx":
        nulls = LagNulls(y, z, x, rows, design.w, sample)
    elif model.kind == "sac":
        w, m = dense(design.w), dense(design.m)
        # xb is on the right-hand side of the lag model: the lag of y has it, too
        nulls = KnownPart(x, lambda known: combined_null(y, z, rows, w, m, sample, known=known))
    else:
        nulls = error_nulls(y, z, x, rows, design.m, sample)
    spread = result.covariance[np.ix_(own, own)]
    return Projected(estimands, batch, nulls, g, result.coef[own], spread)
