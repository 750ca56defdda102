"""Likelihood-ratio tests of fixed effects in a spatial panel, with a parametric bootstrap."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from digicarbon.arrays import FloatArray
from digicarbon.numeric.linear.statistic import Statistic
from digicarbon.numeric.linear.within import demean
from digicarbon.numeric.spatial.likelihood import Sample, SpatialFit, fit_error, fit_lag
from digicarbon.numeric.spatial.operator import SpatialOperator
from digicarbon.numeric.tests.nested import likelihood_ratio

OneWay = Literal["unit", "time"]
Dependence = Literal["lag", "error"]


@dataclass(frozen=True, eq=False)
class EffectsTest:
    """Both kinds of effects against one: 2(ln L two-way - ln L one-way) with its χ² p value.

    ``bootstrap`` is the share of bootstrap draws at least as large, (1 + number)/(1 + draws); not-a-number without
    draws.
    """

    statistic: Statistic
    bootstrap: float


def effects_test(
    z: FloatArray,
    y: FloatArray,
    w: SpatialOperator,
    tested: OneWay,
    dependence: Dependence,
    rng: np.random.Generator,
    draws: int = 199,
) -> EffectsTest:
    """Return the likelihood-ratio test of unit or of time effects beside the others, which the null leaves out.

    Regressors, shape (T, N, k), are raw and include spatial lags; ``dependence`` is a spatial lag of y or a spatial
    error; 0 draws leave the bootstrap out. Likelihoods are uncorrected: Lee & Yu's are of different samples and cannot
    be compared. The number of unit effects grows with N and T is small, so that χ² rejects far too often. The bootstrap
    draws normal errors, makes y from the null model (estimated with Lee & Yu's transformation where it exists, since
    direct estimates of ρ and σ² are too small) and refits both models to each draw.
    """
    t, n, _ = z.shape
    other: Literal["unit", "time"] = "time" if tested == "unit" else "unit"
    df = n - 1 if tested == "unit" else t - 1

    def ratio(outcome: FloatArray) -> Statistic:
        full, restricted = (_fit(z, outcome, w, effects, dependence).loglik for effects in ("two_way", other))
        return likelihood_ratio(full, restricted, df)

    statistic = ratio(y)
    if draws == 0:
        return EffectsTest(statistic, np.nan)
    exists = other == "unit" or w.constant_row_sum is not None
    null = _fit(z, y, w, other, dependence, "lee_yu" if exists else "none")
    mean = _mean(z, y, null, w, other, dependence)
    scale = np.sqrt(null.sigma2)
    larger = 0
    for _ in range(draws):
        y_draw = _outcome(mean, scale * rng.standard_normal((t, n)), null.spatial, w, dependence)
        larger += ratio(y_draw).value >= statistic.value
    return EffectsTest(statistic, (1 + larger) / (1 + draws))


def _fit(
    z: FloatArray,
    y: FloatArray,
    w: SpatialOperator,
    effects: Literal["unit", "time", "two_way"],
    dependence: Dependence,
    correction: Literal["none", "lee_yu"] = "none",
) -> SpatialFit:
    t, n, _ = z.shape
    sample = Sample(n, t, effects, correction)
    level = np.concatenate([z, y[..., None]], axis=2)
    within = demean(level, effects)
    if dependence == "lag":
        return fit_lag(np.concatenate([within, demean(w.lag(y[..., None]), effects)], axis=2), w, sample)
    return fit_error(within, demean(w.lag(level), effects), w, sample)


def _mean(
    z: FloatArray, y: FloatArray, fit: SpatialFit, w: SpatialOperator, effects: OneWay, dependence: Dependence
) -> FloatArray:
    """Return Zβ plus the estimated effects, shape (T, N)."""
    fitted = z @ fit.beta
    rest = y - fitted
    if dependence == "lag":
        rest = rest - fit.spatial * w.lag(y[..., None])[..., 0]
    return np.asarray(fitted + rest.mean(axis=0 if effects == "unit" else 1, keepdims=True))


def _outcome(
    mean: FloatArray, errors: FloatArray, spatial: float, w: SpatialOperator, dependence: Dependence
) -> FloatArray:
    """Return y of the model, shape (T, N): S⁻¹(mean + ε), or mean + S⁻¹ε."""
    if dependence == "lag":
        mean, errors = np.zeros_like(mean), mean + errors
    # S⁻¹ = I + ρG
    return np.asarray(mean + errors + spatial * w.apply_g(spatial, errors.T).T)
