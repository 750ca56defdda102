"""Spatial panel models by maximum likelihood."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from digicarbon.errors import DataError, WeightsError, listing, nearest
from digicarbon.model.base import Level, Model, refuse_single_period, refuse_too_small, refuse_unidentified
from digicarbon.numeric.spatial_effects import EffectEstimates, lag_effects, local_effects
from digicarbon.numeric.spatial_likelihood import Correction, Demeaning, Sample, SpatialFit, fit_error, fit_lag
from digicarbon.numeric.spatial_operator import SpatialOperator
from digicarbon.numeric.within import EffectsKind, absorbed_count, demean
from digicarbon.panel import Panel
from digicarbon.result import Effects, Inference, Result
from digicarbon.weights import Weights

FloatArray = NDArray[np.float64]
Durbin = Literal["all", "x"] | Annotated[tuple[str, ...], Field(strict=False)]

_LAG = ("sar", "sdm")
_DURBIN = ("sdm", "sdem")


@dataclass(frozen=True, eq=False)
class _Design:
    """Arrays of one fit.

    Attributes
    ----------
    level, within : ndarray, shape (T, N, k + 1)
        The columns of Z and y, raw and with fixed effects removed.
    lagged_y : ndarray, shape (T, N, 1)
        Wy, raw.
    names : tuple of str
        Names of Z's columns.
    w : SpatialOperator
    sample : Sample
    """

    level: FloatArray
    within: FloatArray
    lagged_y: FloatArray
    names: tuple[str, ...]
    w: SpatialOperator
    sample: Sample


class SpatialPanel(Model):
    """A static spatial panel model fitted by maximum likelihood.

    Attributes
    ----------
    y, x, controls
        As in `Model`.
    kind : {"sar", "sem", "sdm", "sdem"}
        Spatial lag of y; spatial error; spatial Durbin; spatial Durbin error model.
    durbin : {"all", "x"} or list of names
        The regressors whose spatial lags enter ``sdm`` and ``sdem``: all, the focal ones, or those named.
    effects : {"none", "unit", "time", "two_way"}
        Fixed effects.
    bias_correction : {"lee_yu", "none"}
        Lee & Yu's transformation likelihood, or direct maximum likelihood. Without effects the two are the same.
    demeaning : {"exact", "first"}
        ``exact`` takes spatial lags of raw data and demeans afterwards, the likelihood of the model with dummies;
        ``first`` demeans y before it is lagged, as splm does. They differ under time and two-way effects.
    cov : {"classic"}
        Inverse of the expected information matrix.
    level : float
        Coverage of the intervals.

    References
    ----------
    Elhorst (2014), Spatial Econometrics, ch. 3; Lee & Yu (2010), Journal of Econometrics 154; LeSage & Pace (2009).
    """

    takes_weights: ClassVar[bool] = True

    kind: Literal["sar", "sem", "sdm", "sdem"]
    durbin: Durbin = "all"
    effects: EffectsKind = "two_way"
    bias_correction: Correction = "lee_yu"
    demeaning: Demeaning = "exact"
    cov: Literal["classic"] = "classic"
    level: Level = 0.95

    @model_validator(mode="after")
    def _consistent(self) -> SpatialPanel:
        if isinstance(self.durbin, tuple):
            unknown = [name for name in self.durbin if name not in self.regressors]
            if unknown:
                raise ValueError(
                    f"durbin names {listing(unknown)}, which is neither in x nor in controls."
                    f"{nearest(unknown[0], self.regressors)}"
                )
        if self.demeaning == "first" and self.bias_correction == "lee_yu" and self.effects in ("time", "two_way"):
            raise ValueError(
                "demeaning=first has no Lee-Yu form with time effects, since that likelihood lags first; "
                "choose bias_correction=none beside it, or demeaning=exact."
            )
        return self

    @property
    def lagged(self) -> tuple[str, ...]:
        """The regressors whose spatial lags are in the model."""
        if self.kind not in _DURBIN:
            return ()
        if self.durbin == "all":
            return self.regressors
        return self.x if self.durbin == "x" else tuple(self.durbin)

    def check(self, panel: Panel, weights: Weights | None = None) -> None:
        """Raise a sentence if the model cannot be fitted; fit nothing."""
        self._design(panel, weights)

    def fit(self, panel: Panel, weights: Weights | None = None) -> Result:
        """Fit the model to a balanced panel.

        Parameters
        ----------
        panel : Panel
        weights : Weights
            For exactly the panel's units, in any order.

        Returns
        -------
        Result
            Terms are the regressors, ``W_<name>`` for their spatial lags, ``rho`` or ``lambda``, and ``sigma2``.

        Raises
        ------
        DataError, WeightsError, EstimationError
        """
        design = self._design(panel, weights)
        w, sample, names = design.w, design.sample, design.names
        found = self._fitted(design)
        spatial = "rho" if self.kind in _LAG else "lambda"
        return Result(
            kind=self.kind,
            y=self.y,
            focal=self.x,
            terms=(*names, spatial, "sigma2"),
            coef=np.array([*found.beta, found.spatial, found.sigma2]),
            covariance=found.covariance,
            inference=Inference(None, self.level),
            statistics=self._statistics(found, design, spatial),
            # at the boundary I - ρW is singular: numbers would be noise of the inverse
            spatial_effects=None if found.boundary and self.kind in _LAG else self._effects(found, names, w),
            absorbed={"none": (), "two_way": ("unit", "time")}.get(self.effects, (self.effects,)),
            notes=self._notes(found, sample, spatial, w),
        )

    def _design(self, panel: Panel, weights: Weights | None) -> _Design:
        """Return checked arrays in the panel's order."""
        if weights is None:
            raise WeightsError(f"A {self.kind} model needs spatial weights; choose weights=… or pass `weights`.")
        refuse_single_period(panel, self.effects)
        aligned = weights.align(panel)
        w = aligned.operator
        n, t = panel.shape
        sample = Sample(n, t, self.effects, self.bias_correction)
        if sample.drops_constant and w.constant_row_sum is None:
            raise WeightsError(
                f"{aligned.name} has rows with different sums, so Lee and Yu's transformation with time effects does "
                "not exist; row-standardise it, or choose model.bias_correction=none."
            )
        raw = panel.cube((*self.regressors, self.y))
        lagged = w.lag(raw)
        constant = ("const",) if self.effects == "none" else ()
        names = (*constant, *self.regressors, *(f"W_{name}" for name in self.lagged))
        refuse_too_small(sample.size, len(names) + 1, self.effects)
        own = [self.regressors.index(name) for name in self.lagged]
        level = np.concatenate([np.ones((t, n, len(constant))), raw[..., :-1], lagged[..., own], raw[..., -1:]], axis=2)
        within = demean(level, self.effects)
        flat = within.reshape(n * t, -1)
        refuse_unidentified(names, flat[:, :-1], level.reshape(n * t, -1)[:, :-1], self.effects)
        if np.ptp(flat[:, -1]) < 1e-12 * max(float(np.abs(raw[..., -1]).max()), 1.0):
            raise DataError(f"{self.y} does not vary after {self.effects} effects; there is nothing to explain.")
        return _Design(level, within, lagged[..., -1:], names, w, sample)

    def _fitted(self, design: _Design) -> SpatialFit:
        w, sample, within = design.w, design.sample, design.within
        if self.kind in _LAG:
            wy = w.lag(within[..., -1:]) if self.demeaning == "first" else demean(design.lagged_y, self.effects)
            return fit_lag(np.concatenate([within, wy], axis=2), w, sample, self.demeaning)
        lagged = w.lag(within) if self.demeaning == "first" else demean(w.lag(design.level), self.effects)
        return fit_error(within, lagged, w, sample)

    def _effects(self, found: SpatialFit, names: tuple[str, ...], w: SpatialOperator) -> Effects:
        """Return effects of every regressor, its own spatial lag taken into account."""
        k = len(self.regressors)
        own = [names.index(name) for name in self.regressors]
        theta = np.zeros(k)
        # one row per (β, θ, ρ) picks its parameter; rows of absent lags stay zero
        pick = np.zeros((2 * k + 1, len(names) + 2))
        pick[np.arange(k), own] = 1.0
        pick[2 * k, len(names)] = 1.0
        for position, name in enumerate(self.regressors):
            if name in self.lagged:
                column = names.index(f"W_{name}")
                theta[position] = found.beta[column]
                pick[k + position, column] = 1.0
        covariance = pick @ found.covariance @ pick.T
        beta = found.beta[own]
        values: EffectEstimates = (
            lag_effects(beta, theta, found.spatial, covariance, w)
            if self.kind in _LAG
            else local_effects(beta, theta, covariance[:-1, :-1], w)
        )
        return Effects(self.regressors, values.coef, values.se)

    def _statistics(self, found: SpatialFit, design: _Design, spatial: str) -> dict[str, float]:
        k = len(found.beta) + 2
        sample = design.sample
        total = design.within[..., -1] - design.within[..., -1].mean()
        absorbed = 0 if sample.transformed else absorbed_count(sample.n, sample.t, self.effects)
        return {
            "nobs": float(sample.n * sample.t),
            "nobs_effective": float(sample.size),
            "n_units": float(sample.n),
            "n_periods": float(sample.t),
            "loglik": found.loglik,
            "aic": 2 * k - 2 * found.loglik,
            "bic": k * float(np.log(sample.size)) - 2 * found.loglik,
            "r2_within": 1 - found.ssr / float((total**2).sum()),
            spatial: found.spatial,
            "sigma2": found.sigma2,
            "df_resid": float(sample.size - len(found.beta) - 1 - absorbed),
        }

    def _notes(self, found: SpatialFit, sample: Sample, spatial: str, w: SpatialOperator) -> tuple[str, ...]:
        notes = []
        if sample.transformed:
            notes.append(
                f"Lee-Yu transformation: the log-likelihood is that of {sample.size} effective observations, "
                "comparable only between models of equal effects and correction."
            )
        if found.boundary:
            low, high = w.bounds
            lost = "effects are not reported and " if self.kind in _LAG else ""
            reached = f"{spatial} lies at the boundary of its range ({low:.4f}, {high:.4f})"
            notes.append(f"{reached}: {lost}standard errors are not reliable.")
        return tuple(notes)
