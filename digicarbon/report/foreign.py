"""Fits of linearmodels, pyfixest, spreg and statsmodels as results, so that a table can show them beside ours."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from digicarbon.arrays import FloatArray
from digicarbon.errors import ConfigError
from digicarbon.note import Note
from digicarbon.result import CONSTANT, LAG_ERROR, LAG_Y, REGRESSOR, Inference, Result, Role

SAME_P = 1e-8
"""How far p values may differ from those of the package that fitted."""
_CONSTANTS = ("Intercept", "(Intercept)")


def as_result(fitted: object, unit: str = "unit", time: str = "time") -> Result:
    """Return a fit of another package as a result; a result of ours as it is.

    Parameters
    ----------
    fitted : object
        A `Result`, or what ``fit`` returns in linearmodels (panel or iv) and statsmodels, ``feols`` in pyfixest, or an
        estimator of spreg with one equation and no regimes, e.g. ``GM_Lag``, ``ML_Lag``, ``GM_Combo_Het``,
        ``Panel_FE_Lag``.
    unit, time : str
        Names of pyfixest's fixed effects that are shown as unit and time effects, e.g. ``city``.

    Returns
    -------
    Result
        With the package's own coefficients, covariance and p values. Of spreg the spatial lag of the outcome is
        ``rho``, that of the errors ``lambda``, as in ours; variances are left out, and so are its panels'
        log-likelihoods, whose constant is another.

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
    numbers |= _known(fitted, r2="rsquared", loglik="llf")
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


_SPATIAL = {"rho": LAG_Y, "lambda": LAG_ERROR}
_LEFT_OUT = ("phi", "sigma2_v", "sigma2_1", "sig2_u")


def _spreg(fitted: Any, unit: str, time: str) -> Result:
    names = [str(name).strip() for name in getattr(fitted, "name_z", None) or fitted.name_x]
    betas = np.asarray(fitted.betas, dtype=float).ravel()
    if len(names) != len(betas):
        raise ConfigError(Note("spreg_of_several", name=type(fitted).__name__))
    y = str(fitted.name_y)
    terms = [
        "const" if name == "CONSTANT" else "rho" if name in (f"W_{y}", f"_Global_W_{y}") else name for name in names
    ]
    keep = [place for place, name in enumerate(names) if name not in _LEFT_OUT]
    terms = [terms[place] for place in keep]
    known = np.asarray(fitted.vm, dtype=float)
    # lambda of some moment estimators has no variance: it is the last one
    covariance = np.full((len(betas), len(betas)), np.nan)
    covariance[: len(known), : len(known)] = known
    covariance = covariance[np.ix_(keep, keep)]
    tests = getattr(fitted, "z_stat", None) or fitted.t_stat
    p = np.array([float(pair[1]) for pair in tests])[: min(len(keep), len(known))]
    rows = int(np.asarray(fitted.u).shape[0])
    own = type(fitted).__name__
    lag, error, durbin = "rho" in terms, "lambda" in terms, any(f"W_{name}" in terms for name in terms)
    kind = {(True, True): "sac", (True, False): "sdm" if durbin else "sar", (False, True): "sdem" if durbin else "sem"}
    numbers = {"nobs": float(rows)}
    # panels' log-likelihoods have another constant than ours, and stand for other data where means were taken off
    numbers |= _known(fitted, r2="r2") if own.startswith("Panel_") else _known(fitted, r2="r2", loglik="logll")
    robust = getattr(fitted, "robust", None)
    found = betas[keep]
    return Result(
        kind.get((lag, error), "slx" if durbin else "linear"),
        y,
        terms=tuple(terms),
        coef=found,
        covariance=covariance,
        inference=_inference(found[: len(p)], covariance[: len(p), : len(p)], p, float(rows - fitted.k), "spreg"),
        statistics=numbers,
        absorbed=("unit",) if own.startswith("Panel_FE") else (),
        random=("unit",) if own.startswith("Panel_RE") or own == "GM_KKP" else (),
        notes=(Note("fitted_by", package="spreg", errors=f"{own}, {robust}" if robust else own),),
        roles=tuple(_role_in_space(name, terms) for name in terms),
    )


def _known(fitted: Any, **names: str) -> dict[str, float]:
    """Return the statistics that a fit has, by our names of theirs."""
    values = {ours: getattr(fitted, theirs, None) for ours, theirs in names.items()}
    return {ours: float(value) for ours, value in values.items() if value is not None}


def _role_in_space(name: str, terms: Sequence[str]) -> Role:
    if name in _SPATIAL:
        return _SPATIAL[name]
    lagged = name.removeprefix("W_")
    if lagged != name and lagged in terms:
        return Role("lag_x", lagged)
    return CONSTANT if name == "const" else REGRESSOR


_READERS: Mapping[str, Callable[[Any, str, str], Result]] = {
    "linearmodels": _linearmodels,
    "pyfixest": _pyfixest,
    "spreg": _spreg,
    "statsmodels": _statsmodels,
}
_NEEDED = {
    "linearmodels": ("params", "cov", "pvalues", "df_resid", "nobs", "rsquared"),
    "pyfixest": ("coef", "_vcov", "_df_t", "_N", "_r2", "_fixef", "_depvar"),
    "spreg": ("betas", "vm", "name_x", "name_y", "u", "k"),
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
