"""Fits of linearmodels, pyfixest and statsmodels as results, so that a table can show them beside ours."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from digicarbon.arrays import FloatArray
from digicarbon.errors import ConfigError
from digicarbon.note import Note
from digicarbon.result import CONSTANT, REGRESSOR, Inference, Result

SAME_P = 1e-8
"""How far p values may differ from those of the package that fitted."""
_CONSTANTS = ("Intercept", "(Intercept)")


def as_result(fitted: object, unit: str = "unit", time: str = "time") -> Result:
    """Return a fit of another package as a result; a result of ours as it is.

    Parameters
    ----------
    fitted : object
        A `Result`, or what ``fit`` returns in linearmodels (panel or iv) and statsmodels, or ``feols`` in pyfixest.
    unit, time : str
        Names of pyfixest's fixed effects that are shown as unit and time effects, e.g. ``city``.

    Returns
    -------
    Result
        With the package's own coefficients, covariance and p values.

    Raises
    ------
    ConfigError
        If the fit is of another kind, or its p values come from no known distribution.
    """
    if isinstance(fitted, Result):
        return fitted
    package = type(fitted).__module__.partition(".")[0]
    reader = _READERS.get(package)
    if reader is None or not all(hasattr(fitted, name) for name in _NEEDED[package]):
        raise ConfigError(Note("not_a_fit", packages=tuple(_READERS), package=package, name=type(fitted).__name__))
    return reader(fitted, unit, time)


def _linearmodels(fitted: Any, unit: str, time: str) -> Result:
    effects = list(getattr(fitted, "included_effects", ()) or ())
    names = {"Entity": "unit", "Time": "time"}
    outcome = fitted.model.dependent
    random = "RandomEffects" in type(fitted).__name__
    numbers: dict[str, float] = {"nobs": float(fitted.nobs), "r2_within" if effects else "r2": float(fitted.rsquared)}
    if hasattr(fitted, "loglik"):
        numbers["loglik"] = float(fitted.loglik)
    if getattr(fitted, "entity_info", None) is not None:
        numbers["n_units"] = float(fitted.entity_info["total"])
    return _result(
        package="linearmodels",
        kind="random" if random else "linear",
        y=str((getattr(outcome, "vars", None) or outcome.cols)[0]),
        terms=fitted.params.index,
        numbers=(fitted.params, fitted.cov, fitted.pvalues),
        df=float(fitted.df_resid),
        statistics=numbers,
        absorbed=tuple(names.get(name, name) for name in effects),
        errors=str(getattr(fitted, "cov_type", None) or getattr(fitted, "_cov_type", "")).lower(),
        random=("unit",) if random else (),
    )


def _pyfixest(fitted: Any, unit: str, time: str) -> Result:
    effects = [] if not fitted._fixef else str(fitted._fixef).split("+")
    names = {unit: "unit", time: "time"}
    numbers = {"nobs": float(fitted._N), "r2": float(fitted._r2)}
    if effects:
        numbers["r2_within"] = float(fitted._r2_within)
    clusters = getattr(fitted, "_clustervar", None) or ()
    return _result(
        package="pyfixest",
        kind="linear",
        y=str(fitted._depvar),
        terms=fitted._coefnames,
        numbers=(fitted.coef(), fitted._vcov, fitted.pvalue()),
        df=float(fitted._df_t),
        statistics=numbers,
        absorbed=tuple(names.get(name, name) for name in map(str.strip, effects)),
        errors=f"{fitted._vcov_type_detail}{f' by {chr(43).join(clusters)}' if clusters else ''}",
    )


def _statsmodels(fitted: Any, unit: str, time: str) -> Result:
    numbers = {"nobs": float(fitted.nobs)}
    for ours, theirs in (("r2", "rsquared"), ("loglik", "llf")):
        value = getattr(fitted, theirs, None)
        if value is not None:
            numbers[ours] = float(value)
    return _result(
        package="statsmodels",
        kind="linear",
        y=str(fitted.model.endog_names),
        terms=fitted.model.exog_names,
        numbers=(fitted.params, fitted.cov_params(), fitted.pvalues),
        df=float(fitted.df_resid),
        statistics=numbers,
        absorbed=(),
        errors=str(getattr(fitted, "cov_type", "nonrobust")),
    )


_READERS: Mapping[str, Callable[[Any, str, str], Result]] = {
    "linearmodels": _linearmodels,
    "pyfixest": _pyfixest,
    "statsmodels": _statsmodels,
}
_NEEDED = {
    "linearmodels": ("params", "cov", "pvalues", "df_resid", "nobs", "rsquared"),
    "pyfixest": ("coef", "_vcov", "_df_t", "_N", "_r2", "_fixef", "_depvar"),
    "statsmodels": ("params", "cov_params", "pvalues", "df_resid", "nobs", "model"),
}


def _result(
    package: str,
    kind: str,
    y: str,
    terms: Any,
    numbers: tuple[Any, Any, Any],
    df: float,
    statistics: Mapping[str, float],
    absorbed: tuple[str, ...],
    errors: str,
    random: tuple[str, ...] = (),
) -> Result:
    coef, covariance, p = (np.asarray(one, dtype=float) for one in numbers)
    names = tuple("const" if str(name) in _CONSTANTS else str(name) for name in terms)
    return Result(
        kind,
        y,
        terms=names,
        coef=coef,
        covariance=covariance,
        inference=_inference(coef, covariance, p, df, package),
        statistics=statistics,
        absorbed=absorbed,
        random=random,
        notes=(Note("fitted_by", package=package, errors=errors),),
        roles=tuple(CONSTANT if str(name) in _CONSTANTS else REGRESSOR for name in terms),
    )


def _inference(coef: FloatArray, covariance: FloatArray, p: FloatArray, df: float, package: str) -> Inference:
    """Return the distribution that gives the package's own p values."""
    se = np.sqrt(np.diag(covariance))
    for inference in (Inference(df), Inference(None)):
        if np.allclose(inference.columns(coef, se)["p"], p, rtol=SAME_P, atol=SAME_P):
            return inference
    raise ConfigError(Note("p_values_of_neither", package=package, df=df))
