"""Linear panel regressions, on linearmodels."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import model_validator

from digicarbon.errors import DataError, EstimationError
from digicarbon.model.base import Level, Model, refuse_single_period, refuse_too_small, refuse_unidentified
from digicarbon.numeric.covariance import ClusterBy, SmallSample, cluster_factor
from digicarbon.numeric.within import EffectsKind, absorbed_count
from digicarbon.panel import Panel
from digicarbon.result import Inference, Result
from digicarbon.weights import Weights

FloatArray = NDArray[np.float64]

FEWEST_CLUSTERS = 5
"""With fewer clusters a clustered covariance says nothing: with 3, the smallest p of a sign-flip test is 0.25."""


class PanelRegression(Model):
    """A linear regression on a panel, pooled or with fixed effects.

    Attributes
    ----------
    y, x, controls
        As in `Model`.
    effects : {"none", "unit", "time", "two_way"}
        Fixed effects; ``none`` is the pooled regression with a constant.
    cov : {"classic", "robust", "cluster"}
        Homoskedastic; HC1 with absorbed effects counted; clustered.
    cluster : {"unit", "time"}
        What a cluster is.
    small_sample : {"stata", "none", "g", "full"}
        The factor of a clustered covariance, see `digicarbon.numeric.covariance.cluster_factor`.
    df : {"auto", "residual"}
        Degrees of freedom of t: residual ones, and with clusters G - 1 (Stata) or the residual ones (linearmodels).
    level : float
        Coverage of the intervals.

    Notes
    -----
    Coefficients and covariances are those of ``linearmodels.PanelOLS``; the small-sample factor is ours.
    """

    takes_weights: ClassVar[bool] = False

    effects: EffectsKind = "two_way"
    cov: Literal["classic", "robust", "cluster"] = "classic"
    cluster: ClusterBy = "unit"
    small_sample: SmallSample = "stata"
    df: Literal["auto", "residual"] = "auto"
    level: Level = 0.95

    @model_validator(mode="after")
    def _reserved(self) -> PanelRegression:
        if "const" in self.terms:
            raise ValueError("'const' is the constant that the model adds itself; leave it out of the terms.")
        return self

    def check(self, panel: Panel, weights: Weights | None = None) -> None:
        """Raise a sentence if the model cannot be fitted; fit nothing."""
        panel.require(self.terms)
        refuse_single_period(panel, self.effects)
        n, t = panel.shape
        groups = n if self.cluster == "unit" else t
        if self.cov == "cluster" and groups < FEWEST_CLUSTERS:
            raise EstimationError(
                f"{groups} clusters by {self.cluster} are too few for clustered standard errors (at least "
                f"{FEWEST_CLUSTERS}); choose inference=classic, or compare groups in one pooled model."
            )
        names, design = self._design(panel)
        rows, effects = len(design), absorbed_count(n, t, self.effects)
        refuse_too_small(rows, len(names) + effects, self.effects)
        within = _within(design, panel, self.effects)
        refuse_unidentified(names, within, design, self.effects)
        y = panel.array([self.y])
        if np.ptp(_within(y, panel, self.effects)) < 1e-12 * max(float(np.abs(y).max()), 1.0):
            raise DataError(f"{self.y} does not vary after {self.effects} effects; there is nothing to explain.")

    def fit(self, panel: Panel, weights: Weights | None = None) -> Result:
        """Fit the regression.

        Parameters
        ----------
        panel : Panel
            Balanced or not.
        weights : Weights, optional
            Ignored: the model takes none.

        Returns
        -------
        Result
            Terms are the regressors, after ``const`` where there are no effects.

        Raises
        ------
        DataError, EstimationError
        """
        self.check(panel)
        names, design = self._design(panel)
        fitted = self._linearmodels(panel, names, design)
        n, t = panel.shape
        df_resid = self._df_resid(panel, len(names))
        clustered = self.cov == "cluster"
        covariance = np.asarray(fitted.cov)
        if clustered:
            covariance = covariance * cluster_factor(
                self.small_sample, self.cluster, self.effects, len(design), n, t, len(names)
            )
        df = (n if self.cluster == "unit" else t) - 1 if clustered and self.df == "auto" else df_resid
        ssr = float(fitted.resid_ss)
        return Result(
            kind={"none": "pooled"}.get(self.effects, f"fe_{self.effects}"),
            y=self.y,
            focal=self.x,
            terms=names,
            coef=np.asarray(fitted.params),
            covariance=covariance,
            inference=Inference(float(df), self.level),
            statistics={
                "nobs": float(len(design)),
                "n_units": float(n),
                "n_periods": float(t),
                "r2": self._r2(panel, ssr),
                "r2_within": float(fitted.rsquared),
                "loglik": float(fitted.loglik),
                "aic": 2.0 * (len(design) - df_resid) - 2 * float(fitted.loglik),
                "bic": float(np.log(len(design))) * (len(design) - df_resid) - 2 * float(fitted.loglik),
                "sigma2": ssr / df_resid,
                "df_resid": float(df_resid),
            },
            absorbed={"none": (), "two_way": ("unit", "time")}.get(self.effects, (self.effects,)),
            notes=(f"Standard errors: {self._cov_words()}.",),
            residuals=np.asarray(fitted.resids).reshape(n, t).T if panel.balanced else None,
        )

    def _design(self, panel: Panel) -> tuple[tuple[str, ...], FloatArray]:
        design = panel.array(self.regressors)
        if self.effects != "none":
            return self.regressors, design
        return ("const", *self.regressors), np.column_stack([np.ones(len(design)), design])

    def _df_resid(self, panel: Panel, k: int) -> int:
        n, t = panel.shape
        return len(panel.unit_codes) - k - absorbed_count(n, t, self.effects)

    def _linearmodels(self, panel: Panel, names: tuple[str, ...], design: FloatArray) -> Any:
        from linearmodels.panel import PanelOLS

        index = pd.MultiIndex.from_arrays([panel.unit_codes, panel.period_codes], names=["unit", "time"])
        model = PanelOLS(
            pd.Series(panel.array([self.y])[:, 0], index=index, name=self.y),
            pd.DataFrame(design, index=index, columns=list(names)),
            entity_effects=self.effects in ("unit", "two_way"),
            time_effects=self.effects in ("time", "two_way"),
        )
        if self.cov == "cluster":
            by = {"cluster_entity": self.cluster == "unit", "cluster_time": self.cluster == "time"}
            return model.fit(
                cov_type="clustered", debiased=False, group_debias=False, auto_df=False, count_effects=False, **by
            )
        return model.fit(cov_type="unadjusted" if self.cov == "classic" else "robust", debiased=True)

    def _r2(self, panel: Panel, ssr: float) -> float:
        y = panel.array([self.y])[:, 0]
        return 1 - ssr / float(((y - y.mean()) ** 2).sum())

    def _cov_words(self) -> str:
        if self.cov != "cluster":
            return {"classic": "classic", "robust": "heteroskedasticity-robust (HC1)"}[self.cov]
        return f"clustered by {self.cluster} (small-sample rule: {self.small_sample})"


def _within(columns: FloatArray, panel: Panel, effects: EffectsKind) -> FloatArray:
    """Return columns of shape (rows, k) with effects removed, also where the panel is not balanced."""
    n, t = panel.shape
    dummies = []
    if effects in ("unit", "two_way"):
        dummies.append(np.eye(n)[panel.unit_codes])
    if effects in ("time", "two_way"):
        dummies.append(np.eye(t)[panel.period_codes])
    if not dummies:
        return columns
    if panel.balanced:
        from digicarbon.numeric.within import demean

        return demean(columns.reshape(n, t, -1).transpose(1, 0, 2), effects).transpose(1, 0, 2).reshape(columns.shape)
    base = np.column_stack(dummies)
    return columns - base @ np.linalg.lstsq(base, columns, rcond=None)[0]
