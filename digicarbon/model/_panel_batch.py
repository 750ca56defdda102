"""Linear panel regressions as a joint test takes them."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial

import numpy as np

from digicarbon.arrays import FloatArray
from digicarbon.errors import EstimationError
from digicarbon.model._panel_columns import Columns, Transform, rows_of
from digicarbon.model._panel_covariance import Rule, factor_of, factors_of_both, parts_of, scored_by
from digicarbon.model.batch import Estimand, Fits, Fitted, Null, columns_key
from digicarbon.numeric.linear.linear_batch import LinearBatch, LinearRule, Middle, Paths
from digicarbon.numeric.linear.within import EffectsKind, Rows
from digicarbon.numeric.resampling.null_model import NullModel, lag_null, linear_null
from digicarbon.numeric.spatial.likelihood import Sample
from digicarbon.numeric.spatial.operator import DenseOperator
from digicarbon.panel import Panel
from digicarbon.weights import Weights


@dataclass(frozen=True, eq=False)
class LinearOutcomes:
    """Outcomes with effects removed: columns, (rows, m), or combinations of them, weights (m, M), not yet formed."""

    made: FloatArray | Paths
    weights: FloatArray | None = None

    @property
    def columns(self) -> FloatArray:
        """The columns, shape (rows, m)."""
        return self.made.formed if isinstance(self.made, Paths) else self.made

    @property
    def formed(self) -> FloatArray:
        """The outcomes, shape (rows, M)."""
        return self.columns if self.weights is None else self.columns @ self.weights

    def __matmul__(self, weights: FloatArray) -> LinearOutcomes:
        """Return linear combinations of the outcomes, weights of shape (M, draws)."""
        return LinearOutcomes(self.made if self.weights is None else self.formed, weights)


MOST_PRODUCTS = 1 << 20
"""Numbers up to which the products of regressors and units' paths are formed."""


def _spread(null: NullModel) -> FloatArray | None:
    """Return S⁻¹ of a null model of a balanced panel, shape (N, N); None where W is sparse or there are several."""
    if not null.rows.balanced or len(null.filters) > 1:
        return None
    if not null.filters:
        return np.eye(null.rows.n)
    operator, parameter = null.filters[0]
    if not isinstance(operator, DenseOperator):
        return None
    spread = np.asarray(parameter * operator.g(parameter))
    spread.flat[:: null.rows.n + 1] += 1.0
    return spread


class LinearFits(Fitted[LinearOutcomes]):
    """A linear regression that is fitted to many outcomes.

    ``transform`` is linear in raw outcomes, shape (rows, M), and makes of them those of the columns; ``contrast``
    returns the combination of the coefficients, shape (k,), that an estimand is.
    """

    def __init__(
        self,
        columns: Columns,
        transform: Transform,
        contrast: Callable[[Estimand], FloatArray],
        estimand: Estimand,
        rule: LinearRule,
    ) -> None:
        self._transform, self._contrast, self._estimand = transform, contrast, estimand
        clusters = parts_of(columns.clusters) if rule.middle in ("groups", "both") else ()
        self._batch = LinearBatch(columns.values[:, :-1], columns.rows, rule, clusters)
        self._rows, self._removed = columns.rows, columns.removed
        plain = columns.absorption is None and columns.weighting is None and columns.estimator == "within"
        small = (len(columns.names) * columns.rows.n) * columns.rows.n <= MOST_PRODUCTS
        self._paths = plain and small and self._batch.takes_paths
        self._last: tuple[FloatArray, FloatArray] | None = None
        self.key: Hashable = ("linear", columns.estimator, columns.removed, columns.rows.n, columns.rows.t)
        if columns.weighting is not None:
            self.key = (*self.key, columns.weighting.digest)
        if columns.absorption is not None:
            self.key = (*self.key, columns.absorption.key)

    def prepare(self, outcomes: FloatArray) -> LinearOutcomes:
        """Return outcomes with effects removed."""
        return LinearOutcomes(self._transform(outcomes))

    def basis(self, null: NullModel, residuals: FloatArray) -> LinearOutcomes:
        """Return the basis of draws from a null model: of few units the path of each, and how it spreads."""
        rows, spread = null.rows, _spread(null)
        if not self._paths or spread is None or (rows.n, rows.t) != (self._rows.n, self._rows.t):
            return super().basis(null, residuals)
        if self._last is None or self._last[0] is not null.y:
            self._last = null.y, self._transform(null.y[:, None]).reshape(rows.n, rows.t)
        # a null model's residuals have no effects, but corrected ones have
        error, (parts, path) = null.residuals.reshape(rows.n, rows.t), null.parts(residuals)
        if self._removed in ("unit", "two_way"):
            path = path - np.add.reduce(path, axis=1)[:, None] / rows.t
        if self._removed in ("time", "two_way"):
            spread = spread - np.add.reduce(spread, axis=0) / rows.n
        first = self._last[1] - spread @ error
        return LinearOutcomes(Paths(first, spread if parts is None else spread @ parts, path))

    def several(self, prepared: LinearOutcomes, estimands: Sequence[Estimand]) -> Fits:
        """Return several estimands, as `fit` returns its own."""
        y, weights = prepared.made, prepared.weights
        return [self._batch.fit(y, self._contrast(estimand), weights) for estimand in estimands]

    def largest(self, asked: Sequence[tuple[LinearOutcomes, Estimand, float]], count: int) -> Fits:
        """Return estimands as `fit` does, where the largest statistics are to be exact."""
        found = []
        for prepared, estimand, value in asked:
            contrast, weights = self._contrast(estimand), prepared.weights
            if weights is None:
                found.append(self._batch.fit(prepared.formed, contrast))
            else:
                found.append(self._batch.largest(prepared.made, contrast, weights, value, count))
        return found

    def wald(self, prepared: LinearOutcomes, estimands: Sequence[Estimand]) -> FloatArray:
        """Return the Wald statistic that all estimands are zero, for each outcome, shape (M,)."""
        return self._batch.wald(prepared.formed, np.stack([self._contrast(estimand) for estimand in estimands]))


def coefficient_of(names: tuple[str, ...], estimand: Estimand) -> FloatArray:
    """Return the combination of coefficients that an estimand is, shape (k,)."""
    if estimand.weights:
        weights = dict(estimand.weights)
        return np.array([weights.get(name, 0.0) for name in names])
    return np.array([float(name == estimand.term) for name in names])


def linear_rule(columns: Columns, rule: Rule) -> LinearRule | None:
    """Return how the covariance is made, or None if it is none of those that are made for many outcomes."""
    nobs, k = len(columns.values), columns.values.shape[1] - 1
    leverage = rule.small_sample == "hc3" and rule.cov != "classic"
    if rule.cov == "classic":
        return LinearRule("classic", (1 / (nobs - k - columns.absorbed),))
    if rule.cov == "cluster" and len(columns.clusters) == 1:
        return LinearRule("groups", (factor_of(columns, rule),), leverage, scored_by(columns, rule))
    if rule.cov == "robust" or (rule.cov == "cluster" and rule.cluster in ("unit", "time")):
        middle: Middle = "robust" if rule.cov == "robust" else "time" if rule.cluster == "time" else "unit"
        return LinearRule(middle, (factor_of(columns, rule),), leverage, scored_by(columns, rule))
    if rule.cov == "cluster":
        return LinearRule("both", factors_of_both(columns, rule), leverage)
    return None


def null_of(panel: Panel, y: str, names: tuple[str, ...], effects: EffectsKind, candidates: Sequence[Weights]) -> Null:
    """Return the null model of a linear regression, in which the columns ``names`` stay.

    ``candidates`` are weights for spatial dependence of the outcome; the likeliest is taken, none where there are none,
    or they do not fit or have a flat likelihood.
    """
    fitting = fitting_weights(panel, effects, candidates)
    key = ("linear", panel.columns[y].digest, columns_key(panel, names), effects, tuple(w.digest for w in fitting))
    return Null(key, partial(_fit, panel, y, names, effects, fitting))


def fitting_weights(panel: Panel, effects: EffectsKind, candidates: Sequence[Weights]) -> list[Weights]:
    """Return the weights of exactly the panel's units, or those that hold them, cut; each once."""
    if not panel.balanced:
        return []
    units = set(panel.units)
    own = [w for w in candidates if set(w.labels) == units]
    wider = [w.restrict(panel.units, "keep") for w in candidates if set(w.labels) > units] if not own else []
    found = {w.digest: w.align(panel) for w in (*own, *wider) if w.matrix.nnz}
    by_time = effects in ("time", "two_way")
    return [w for w in found.values() if not by_time or w.operator.constant_row_sum is not None]


def _fit(
    panel: Panel, y: str, names: tuple[str, ...], effects: EffectsKind, candidates: Sequence[Weights]
) -> NullModel:
    rows, z, outcome = rows_of(panel), panel.array(names), panel.column(y)
    if effects == "none":
        z = np.column_stack([np.ones(len(z)), z])
    return _likeliest(outcome, z, rows, effects, candidates)


def _likeliest(
    y: FloatArray, z: FloatArray, rows: Rows, effects: EffectsKind, candidates: Sequence[Weights]
) -> NullModel:
    sample = Sample(rows.n, rows.t, effects, "lee_yu")
    found: list[NullModel] = []
    for w in candidates:
        # weights whose likelihood is flat tell nothing of the outcome's dependence
        with suppress(EstimationError):
            found.append(lag_null(y, z, rows, w.operator, sample))
    return max(found, key=lambda one: one.loglik) if found else linear_null(y, z, rows, effects)
