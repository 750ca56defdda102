"""Columns of a spatial model that is fitted by instruments: regressors, their lags, and what explains the lag of y."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import scipy

from digicarbon.arrays import FloatArray
from digicarbon.errors import EstimationError, WeightsError
from digicarbon.model._panel_columns import rows_of
from digicarbon.model._spatial_estimates import MOST_DENSE_UNITS
from digicarbon.model.base import in_order, refuse_constant, refuse_too_small, refuse_unidentified
from digicarbon.model.panel_iv import Columns
from digicarbon.note import Note, cut
from digicarbon.numeric.linear.within import (
    EffectsKind,
    absorbed_rank,
    clearly_independent,
    demean,
    dependent,
    vanishing,
)
from digicarbon.numeric.resampling.null_model import in_rows
from digicarbon.numeric.spatial.operator import SpatialOperator
from digicarbon.packs.endogenous_space.numeric.moments import QuadraticMoments
from digicarbon.panel import Panel
from digicarbon.weights import Weights

if TYPE_CHECKING:
    from digicarbon.packs.endogenous_space.model.base import SpatialIV


def lag_of(term: str, order: int = 1) -> str:
    """Return what the spatial lag of a term is called: ``W_x``, ``W2_x``, …."""
    return f"W_{term}" if order == 1 else f"W{order}_{term}"


@dataclass(frozen=True, eq=False)
class SpatialDesign:
    """Checked columns of one fit."""

    columns: Columns
    """Outcome, regressors and instruments in the order of a panel's rows, effects removed. The lag of the outcome is
    the last endogenous regressor."""
    level: FloatArray
    """Regressors, in the order of ``columns.names``, and the outcome; less their means where there are no effects.
    Shape (T, N, k + 1)."""
    within: FloatArray
    """The same with effects removed, shape (T, N, k + 1)."""
    lag: str
    """What the lag of the outcome is called; empty where the kind has none."""
    w: SpatialOperator
    matrix: scipy.sparse.csr_array
    """Shape (N, N)."""
    moments: QuadraticMoments | None
    """What a spatial error is estimated from; None without one, and with random effects."""
    dropped: tuple[str, ...]
    """Spatial lags that say nothing beside other instruments."""
    effects: EffectsKind

    @property
    def terms(self) -> tuple[str, ...]:
        """Names of the coefficients; that of the outcome's lag is rho."""
        return self.called(self.columns.names)

    def called(self, names: tuple[str, ...]) -> tuple[str, ...]:
        """Return columns as their coefficients are called."""
        return tuple("rho" if name == self.lag else name for name in names)

    @property
    def exogenous(self) -> bool:
        """Whether no regressor needs instruments."""
        return not self.columns.endogenous

    def lagged(self) -> FloatArray:
        """Return the lags of ``level``, effects removed after the lag."""
        return demean(self.w.lag(self.level), self.effects)


def design_of(model: SpatialIV, panel: Panel, weights: Weights | None) -> SpatialDesign:
    """Return the checked columns of a model. Raises DataError, WeightsError, EstimationError."""
    made, aligned = in_order(panel, weights, model.kind, model.terms, model.fixed)
    w, effects = aligned.operator, model.fixed
    if model.has_error and effects in ("time", "two_way") and w.constant_row_sum is None:
        raise WeightsError(Note("moments_unequal_rows", weights=aligned.called))
    if model.has_error and effects in ("time", "two_way") and w.n > MOST_DENSE_UNITS:
        # means of periods make the moments' matrices dense
        raise EstimationError(Note("moments_too_many", units=w.n))
    moments = None
    if model.has_error and model.effects != "random":
        moments = QuadraticMoments.of(aligned.matrix, made.shape[1], effects)
    raw = made.cube((*model.regressors, *model.instruments, model.y))
    t, n, _ = raw.shape
    orders = [raw]
    for _ in range(model.highest_order):
        orders.append(w.lag(orders[-1]))
    place = {name: index for index, name in enumerate((*model.regressors, *model.instruments, model.y))}
    lag = lag_of(model.y) if model.has_lag else ""
    constant = ("const",) if effects == "none" else ()
    names = (*constant, *model.regressors, *map(lag_of, model.lagged), *((lag,) if lag else ()))
    endogenous = (*model.endogenous, *(lag_of(name) for name in model.lagged if name in model.endogenous))
    endogenous = (*endogenous, *((lag,) if lag else ()))
    exogenous = tuple(name for name in names if name not in endogenous)
    spatial = model.spatial_instruments if endogenous else ()
    level = np.concatenate(
        [
            np.ones((t, n, len(constant))),
            raw[..., : len(model.regressors)],
            *(orders[1][..., [place[name]]] for name in model.lagged),
            *([orders[1][..., -1:]] if lag else []),
            raw[..., -1:],
        ],
        axis=2,
    )
    outside = np.concatenate(
        [
            *(raw[..., [place[name]]] for name in model.instruments),
            *(orders[order][..., [place[name]]] for name, order in spatial),
            np.empty((t, n, 0)),
        ],
        axis=2,
    )
    outside_names = (*model.instruments, *(lag_of(name, order) for name, order in spatial))
    every = np.concatenate([level, outside], axis=2)
    means = np.zeros(every.shape[2])
    before = every
    if constant:
        # projections square the condition of columns with large means; the constant takes the means back
        means = every.mean(axis=(0, 1))
        means[0] = 0.0
        every = every - means
    rows = in_rows(demean(every, effects))
    of_levels = in_rows(before)
    k = len(names)
    refuse_too_small(
        len(rows),
        # the test of exogeneity has residuals of the first stages beside the regressors
        max(k + len(endogenous), len(exogenous) + len(outside_names)) + absorbed_rank(rows_of(made), effects),
        effects,
    )
    refuse_unidentified(names, rows[:, :k], of_levels[:, :k], effects)
    refuse_constant(model.y, rows[:, k], of_levels[:, k], effects, EstimationError)
    inside = [names.index(name) for name in exogenous]
    kept, dropped = _independent(rows, of_levels, inside, k + 1, len(model.instruments), outside_names)
    instruments = tuple(outside_names[index] for index in kept)
    outside_columns = [k + 1 + index for index in kept]
    refuse_unidentified(
        (*exogenous, *instruments),
        rows[:, [*inside, *outside_columns]],
        of_levels[:, [*inside, *outside_columns]],
        effects,
    )
    if len(instruments) < len(endogenous):
        numbers = {"given": len(instruments), "needed": len(endogenous), "endogenous": cut(endogenous)}
        if not model.lags:
            raise EstimationError(
                Note("spatial_iv_own_instruments", lags="model.lags", key="model.instruments", **numbers)
            )
        raise EstimationError(Note("spatial_iv_few_instruments", **numbers))
    of_name = dict(zip((*names, model.y, *outside_names), means, strict=True))
    columns = Columns(
        panel=made,
        names=names,
        exogenous=exogenous,
        endogenous=endogenous,
        instruments=instruments,
        y=rows[:, k],
        regressors=rows[:, :k],
        w=rows[:, inside],
        x=rows[:, [names.index(name) for name in endogenous]],
        z=rows[:, outside_columns],
        means=of_name,
    )
    if endogenous:
        columns.refuse_useless()
    levels = every[..., : k + 1]
    within = demean(levels, effects)
    return SpatialDesign(columns, levels, within, lag, w, aligned.matrix, moments, dropped, effects)


def _independent(
    rows: FloatArray, before: FloatArray, exogenous: list[int], first: int, own: int, names: tuple[str, ...]
) -> tuple[list[int], tuple[str, ...]]:
    """Return the instruments to keep, and names of spatial lags that depend on others; own instruments stay."""
    places = [*exogenous, *range(first, first + len(names))]
    if not names or clearly_independent(rows[:, places], before[:, places]):
        return list(range(len(names))), ()
    gone = {first + own + j for j in vanishing(rows[:, first + own :], before[:, first + own :])}
    left = [place for place in places if place not in gone]
    if not vanishing(rows[:, left], before[:, left]):
        gone |= {left[j] for j, _ in dependent(rows[:, left]) if left[j] >= first + own}
    kept = [index for index in range(len(names)) if first + index not in gone]
    return kept, tuple(names[place - first] for place in sorted(gone))
