"""Small-sample factors of regressions with effects, counted from what was recorded."""

from __future__ import annotations

from digicarbon.model.panel_iv import PanelIV
from digicarbon.model.panel_regression import PanelRegression
from digicarbon.numeric.linear.covariance import nested_effects
from digicarbon.numeric.linear.within import EffectsKind
from digicarbon.script.part import Part
from digicarbon.script.small import Small


def small_of_panel(part: Part, model: PanelRegression, by: str) -> Small:
    """Return what the factor of a panel regression counts.

    Parameters
    ----------
    part : Part
    model : PanelRegression
    by : {"unit", "time", "both", "none"}
        What a cluster is.
    """
    removed = _removed(model)
    k = len(part.extract.regressors) + (removed == "none" or model.constant)
    if model.estimator == "lsdv":
        k = part.count("nobs") - part.count("df_resid")
    return _small(part, model.small_sample, by, removed, k)


def small_of_iv(part: Part, model: PanelIV, by: str) -> Small:
    """Return what the factor of a regression with instruments counts; arguments as in `small_of_panel`."""
    k = len(part.extract.regressors) + (model.effects == "none")
    return _small(part, model.small_sample, by, model.effects, k)


def _removed(model: PanelRegression) -> EffectsKind:
    """Return the fixed effects that are removed before least squares."""
    if model.estimator in ("lsdv", "between"):
        return "none"
    if model.estimator == "first_difference":
        return "time" if model.effects == "two_way" else "none"
    return model.fixed


def _small(part: Part, rule: str, by: str, removed: EffectsKind, k: int) -> Small:
    nobs, df_resid, n, t = (part.count(name) for name in ("nobs", "df_resid", "n_units", "n_periods"))
    nested = 0
    if by in ("unit", "both"):
        nested += nested_effects("unit", removed, n, t)
    if by in ("time", "both"):
        nested += nested_effects("time", removed, n, t)
    return Small(rule, nobs, k, nobs - df_resid - k, nested)
