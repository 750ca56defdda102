"""Coefficients of a panel regression and their combinations, restricted for the wild bootstrap."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from digicarbon.arrays import FloatArray
from digicarbon.errors import EstimationError
from digicarbon.model._absorption import absorption
from digicarbon.model._panel_batch import fitting_weights
from digicarbon.model._panel_columns import rows_of
from digicarbon.model.batch import Batch, Estimand, Fits, OneByOne
from digicarbon.model.restrictions import KnownPart, Nulls, Projected, Restrictions, error_nulls, linear_nulls, moved
from digicarbon.numeric.linear.within import EffectsKind
from digicarbon.numeric.resampling.draws import Draws
from digicarbon.numeric.resampling.null_model import LagNulls, NullModel, by_time, linear_null
from digicarbon.numeric.spatial.likelihood import Sample

if TYPE_CHECKING:
    from digicarbon.model.panel_regression import PanelRegression
    from digicarbon.panel import Panel
    from digicarbon.weights import Weights


def restrictions_of(model: PanelRegression, panel: Panel, term: str, weights: Weights | None) -> Restrictions:
    """Return the restriction of a focal term's coefficient; the other terms of the panel stay in the null model.

    Weights are for the spatial dependence of the errors.
    """
    return restricted(model, panel, Estimand("coefficient", term), {term: 1.0}, weights, None)


class Contrasts:
    """Combinations of coefficients of a panel regression, each as a restriction; parameters as in `restrictions_of`.

    Null models have spatial ``lags`` of their regressors. They must not where a regressor is such a lag of another one:
    the null model would then have what it leaves out. Errors are a spatial autoregression without.
    """

    def __init__(self, model: PanelRegression, panel: Panel, weights: Weights | None, lags: bool = True) -> None:
        self._model, self._panel, self._weights, self._lags = model, panel, weights, lags
        self._batch: Batch | None = None
        self.units = model.levels_of_signs(panel)

    @property
    def fast(self) -> bool:
        """Whether many outcomes are fitted at once."""
        return not isinstance(self._fits(), OneByOne)

    def _fits(self) -> Batch:
        if self._batch is None:
            term = self._panel.expanded(self._model.x, among=self._model.terms)[0]
            self._batch = self._model.batch(self._panel, self._weights, Estimand("coefficient", term))
        return self._batch

    def drawn(self, estimands: Sequence[Estimand], draws: Draws) -> tuple[FloatArray, Fits]:
        """Return combinations in draws around the fit without restriction, as `Combinations.drawn` says."""
        from digicarbon.model.wild import drawn

        batch = self._fits()
        null = _nulls(self._model, self._panel, (), np.empty((0, 0)), np.empty((0, 0)), self._weights, self._lags)
        return drawn(batch, null.shifted(np.empty(0)), estimands, draws)

    def of(self, combination: Mapping[str, float]) -> Restrictions:
        """Return the restriction of the sum of coefficients, by term, times weights g.

        The null model g′b = τ has the columns XN, N a basis of what is orthogonal to g, and the known part Xg τ/(g′g).
        """
        estimand = Estimand.combination(combination)
        return restricted(self._model, self._panel, estimand, combination, self._weights, self._fits(), self._lags)


def joint_null(
    model: PanelRegression,
    panel: Panel,
    restrictions: FloatArray,
    terms: tuple[str, ...],
    weights: Weights | None,
    lags: bool = True,
) -> NullModel:
    """Return the null model in which combinations of terms' coefficients, (q, m) of full row rank, are zero.

    Other parameters are those of `Contrasts`.
    """
    nulls = _nulls(model, panel, terms, restrictions, np.empty((len(terms), 0)), weights, lags)
    return nulls.shifted(np.empty(0))


def restricted(
    model: PanelRegression,
    panel: Panel,
    estimand: Estimand,
    combination: Mapping[str, float],
    weights: Weights | None,
    batch: Batch | None,
    lags: bool = True,
) -> Restrictions:
    """Return the restriction of an estimand that is a combination of coefficients, weights by term.

    Other parameters are those of `Contrasts`; ``batch`` fits the model to many outcomes, where there is one already.
    """
    g = np.array(list(combination.values()))
    nulls = _nulls(model, panel, tuple(combination), g[None, :], (g / (g @ g))[:, None], weights, lags)
    one = np.ones((1, 1))
    batch = model.batch(panel, weights, estimand) if batch is None else batch
    return Projected((estimand,), batch, nulls, one, np.ones(1), one)


def _nulls(
    model: PanelRegression,
    panel: Panel,
    terms: tuple[str, ...],
    restrictions: FloatArray,
    known: FloatArray,
    weights: Weights | None,
    lags: bool = True,
) -> Nulls:
    """Return the null models in which combinations of terms' coefficients, shape (q, m), are given.

    ``known``, shape (m, j), are combinations of the columns that values of the restrictions are coefficients of.
    """
    effects = "none" if model.estimator == "between" else model.fixed
    names = [name for name in panel.expanded(model.regressors, among=model.terms) if name not in terms]
    z, own = panel.array(names), np.empty((len(panel.unit_codes), 0))
    if terms:
        own = panel.array(terms)
        if len(terms) > len(restrictions):
            # what is orthogonal to the restrictions is left in the null model
            free = np.linalg.svd(restrictions)[2][len(restrictions) :].T
            z = np.column_stack([z, own @ free])
    if model.absorbs:
        # without a spatial parameter: lags of so many dummies would leave nothing
        return absorbed_nulls(model, panel, z, own @ known)
    if effects == "none":
        z = np.column_stack([np.ones(len(z)), z])
    return nulls_of(panel, panel.column(model.y), z, own @ known, effects, weights, lags)


def absorbed_nulls(model: PanelRegression, panel: Panel, z: FloatArray, x: FloatArray) -> Nulls:
    """Return the null models of a regression with further absorbed effects; z and x as in `nulls_of`."""
    panel = panel.with_terms(model.terms)
    further = absorption(panel, model.fixed, model.absorb, model.trends)
    assert further is not None
    y, rows, stay = panel.column(model.y), rows_of(panel), 1 + z.shape[1]
    left = further.kernel(np.column_stack([y, z, x]))

    def of(known: FloatArray) -> NullModel:
        null = linear_null(left[:, 0] - known, left[:, 1:stay], rows, "none")
        return replace(moved(null, y), by_time=by_time(model.fixed))

    return KnownPart(left[:, stay:], of)


def nulls_of(
    panel: Panel,
    y: FloatArray,
    z: FloatArray,
    x: FloatArray,
    effects: EffectsKind,
    weights: Weights | None,
    lags: bool = True,
) -> Nulls:
    """Return the null models in which columns x, (rows, j), have given coefficients, and columns z, (rows, k), stay.

    z has a constant if there are no effects. Weights are for the spatial dependence of the errors; ``lags`` says
    whether spatial lags of the columns stay in the null model beside its spatial error.
    """
    rows = rows_of(panel)
    fitting = fitting_weights(panel, effects, [] if weights is None else [weights])
    if not fitting:
        return linear_nulls(y, z, x, rows, effects)
    sample, operator = Sample(rows.n, rows.t, effects, "lee_yu"), fitting[0].operator
    try:
        nulls = LagNulls(y, z, x, rows, operator, sample)
        nulls.shifted(np.zeros(x.shape[1]))
    except EstimationError:
        # weights whose likelihood is flat tell nothing of the outcome's dependence
        return linear_nulls(y, z, x, rows, effects)
    return nulls if lags else error_nulls(y, z, x, rows, operator, sample)
