"""Spatial models by instruments in R and Stata: base R, and Stata's regressions with instruments on lagged columns."""

from __future__ import annotations

from typing import TYPE_CHECKING

from digicarbon.packs.endogenous_space.model._design import lag_of
from digicarbon.replication.part.panel_stata import factor_words
from digicarbon.replication.part.small import counted
from digicarbon.replication.part.spatial_r import called_in
from digicarbon.script.extract import Extract, columns_of
from digicarbon.script.r import RPart, code, vector
from digicarbon.script.small import Small
from digicarbon.script.stata import ABSORBED, CLUSTERS, StataPart
from digicarbon.script.words import chunks, wrapped

if TYPE_CHECKING:
    from digicarbon.packs.endogenous_space.model.base import SpatialIV
    from digicarbon.panel import Panel
    from digicarbon.script.part import Part
    from digicarbon.weights import Weights

OF_COLUMNS = "clusters of a column, which are not written here"


def extract(model: SpatialIV, panel: Panel, weights: Weights | None) -> Extract:
    """Return outcome, regressors and instruments, and the spatial lags of all that are in the model."""
    from digicarbon.numeric.resampling.null_model import in_rows

    design = model.design(panel, weights)
    own = design.columns
    names = (model.y, *model.regressors, *model.instruments)
    columns = columns_of(own.panel, names)
    cube = own.panel.cube(names)
    for order in range(1, model.highest_order + 1):
        cube = design.w.lag(cube)
        for name, values in zip(names, in_rows(cube).T, strict=True):
            called = lag_of(name, order)
            if called in (*own.names, *own.instruments):
                columns[called] = values
    return Extract(
        own.panel.index,
        columns,
        model.regressors,
        weights,
        lagged=model.lagged,
        instruments=own.instruments,
        endogenous=own.endogenous,
    )


def r(part: RPart, model: SpatialIV) -> list[str]:
    """Return the model in base R."""
    if model.effects == "random":
        return part.skip("random effects by generalised moments, for which base R code is not written here")
    if part.result.boundary:
        return part.skip("an estimate at an end of its range")
    part.functions += code(__package__, "spatial_iv")
    names = part.names
    used = [
        (name, order) for name, order in model.spatial_instruments if lag_of(name, order) in part.extract.instruments
    ]
    orders = ", ".join(str(order) for _, order in used)
    lines = chunks(
        [
            part.data,
            f'"{names[model.y]}"',
            vector([names[name] for name in model.regressors]),
            vector([names[name] for name in model.lagged]),
            vector([names[name] for name in model.endogenous]),
            vector([names[name] for name in model.instruments]),
            f"list(name = {vector([names[name] for name, _ in used])}, order = c({orders}))",
            part.matrix,
            f'"{model.effects}"',
            str(model.has_lag).upper(),
            str(model.has_error).upper(),
            str(model.cov_used == "robust").upper(),
        ],
        "fit <- spatial_iv(",
        ", ",
        ")",
    )
    called = called_in(part)
    if model.has_error:
        errors = "setNames(sqrt(diag(fit$V)), names(fit$coefficients))"
        return [*lines, *part.compare("fit$coefficients", errors, called, "1e-5")]
    if model.estimator == "gmm" or model.cov_used in ("driscoll_kraay", "conley"):
        what = "two-step weights" if model.estimator == "gmm" else f"cov={model.cov_used}"
        compared = [] if model.estimator == "gmm" else part.compare("fit$coefficients", "", called, "1e-6")
        return [*lines, *compared, *part.skip(f"{what}, for which base R code is not written here")]
    if model.own_clusters:
        return [*lines, *part.compare("fit$coefficients", "", called, "1e-6"), *part.skip(OF_COLUMNS)]
    small = _small(part, model)
    kind = str(model.cluster) if model.cov_used == "cluster" else model.cov_used
    groups = {"unit": "n_units", "time": "n_periods"}.get(kind, "nobs")
    count = min(part.count("n_units"), part.count("n_periods")) if kind == "both" else part.count(groups)
    factor = small.expression(count)
    if model.cov_used == "classic":
        left = "fit$absorbed" if model.small_sample == "none" else "fit$absorbed - fit$k"
        factor = f"fit$rows / (fit$rows - {left})"
    lines.append(f'V <- spatial_iv_errors(fit, "{kind}", {factor})')
    return [*lines, *part.compare("fit$coefficients", "setNames(sqrt(diag(V)), names(fit$coefficients))", called)]


def stata(part: StataPart, model: SpatialIV) -> list[str]:
    """Return ivreg2 or ivreghdfe on columns that were lagged in space before."""
    if model.has_error:
        return part.skip(
            "a spatial error by generalised moments; Stata's spivregress has it for cross-sections, spxtregress for "
            "panels by maximum likelihood and without endogenous regressors"
        )
    names, own = part.names, part.extract
    right = [*model.regressors, *(f"W_{name}" for name in model.lagged)]
    exogenous = " ".join(names[name] for name in right if name not in own.endogenous)
    inside = " ".join(names[name] for name in own.endogenous)
    outside = " ".join(names[name] for name in own.instruments)
    equation = " ".join(word for word in (names[model.y], exogenous, f"({inside} = {outside})") if word)
    called = {name: names[name] for name in right} | {"rho": names[f"W_{model.y}"]}
    if model.cov_used in ("driscoll_kraay", "conley"):
        return part.skip(
            f"cov={model.cov_used} with instruments; ivreg2's dkraay counts its small-sample factor otherwise"
        )
    if model.own_clusters:
        return part.skip(OF_COLUMNS)
    by = CLUSTERS[str(model.cluster)]
    vce = {"classic": "", "robust": " robust", "cluster": f" cluster({by})"}[model.cov_used]
    rule = model.small_sample
    same = rule == "stata" or (model.cov_used == "robust" and rule == "full")
    lines = [] if same else wrapped("*", factor_words(part, _small(part, model), _by(model)))
    two_step = " gmm2s" if model.estimator == "gmm" else ""
    if model.effects == "none":
        called["const"] = "_cons"
        command = f"ivreg2 {equation}, small{vce}{two_step}"
    else:
        command = f"ivreghdfe {equation}, absorb({ABSORBED[model.effects]}) keepsingletons small{vce}{two_step}"
    errors = same and not two_step
    return [*lines, command, *part.compare(called, "1e-5", errors=errors)]


def _by(model: SpatialIV) -> str:
    return str(model.cluster) if model.cov_used == "cluster" else "none"


def _small(part: Part, model: SpatialIV) -> Small:
    """Return what the factor of a spatial model with instruments counts."""
    return counted(part, model.small_sample, _by(model), model.fixed, len(part.result.terms))
