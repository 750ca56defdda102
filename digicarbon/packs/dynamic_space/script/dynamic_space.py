"""Dynamic spatial panels in R (the estimators in base R) and in Stata (xsmle with dlag)."""

from __future__ import annotations

import numpy as np

from digicarbon.errors import WeightsError
from digicarbon.note import Note
from digicarbon.packs.dynamic_space.model.base import DynamicSpatialPanel
from digicarbon.packs.dynamic_space.numeric.effects import LONG, SHORT
from digicarbon.panel import Panel
from digicarbon.replication.part.spatial_r import effects_lines
from digicarbon.script.extract import Extract, columns_of
from digicarbon.script.r import RPart, code, vector
from digicarbon.script.stata import StataPart
from digicarbon.script.words import chunks, number, wrapped
from digicarbon.weights import Weights

DLAG = {(True, False): 1, (False, True): 2, (True, True): 3}
"""xsmle's option dlag: the outcome's lag, its neighbours', both."""
TYPES = {"unit": "ind", "time": "time", "two_way": "both"}
WITHOUT_CORRECTION = (
    "xsmle's dynamic estimates are not compared: it has Lee and Yu's (2010) correction or none, with time effects "
    "removed before y is lagged. These lines have not been run."
)


def extract(model: DynamicSpatialPanel, panel: Panel, weights: Weights | None) -> Extract:
    """Return the columns of a dynamic spatial panel with the lags that are in the model."""
    if weights is None:
        raise WeightsError(Note("script_without_weights", kind=f"dynamic_{model.kind}"))
    made = panel.with_terms(model.terms)
    n, t = made.shape
    lags = {
        f"W_{name}": np.ascontiguousarray(weights.matrix @ made.array([name]).reshape(n, t)).ravel()
        for name in model.lagged
    }
    columns = columns_of(made, (model.y, model.past, *model.regressors)) | lags
    return Extract(made.index, columns, model.regressors, weights, lagged=model.lagged)


def r_script(part: RPart, model: DynamicSpatialPanel) -> list[str]:
    """Return the estimate and its effects by base R."""
    part.functions += code(__package__, "dynamic_space")
    lost = ("dynamic_no_maximum", "dynamic_no_correction", "dynamic_neither")
    if part.result.boundary or any(map(part.result.has_note, lost)):
        return part.skip("an estimate where the likelihood has no interior maximum")
    lines = chunks(
        [
            part.data,
            f'"{part.names[model.y]}"',
            f'"{part.names[model.past]}"',
            vector([part.names[name] for name in part.extract.regressors]),
            vector([part.names[name] for name in part.extract.lagged]),
            part.matrix,
            f'"{model.effects}"',
            f'"{model.bias_correction}"',
            str(model.time_lag).upper(),
            str(model.space_time_lag).upper(),
        ],
        "fit <- dynamic_ml(",
        ", ",
        ")",
    )
    called = {name: part.names[name] for name in part.extract.regressors}
    called |= {f"W_{name}": f"W_{part.names[name]}" for name in part.extract.lagged}
    called |= {term: term for term in part.result.terms if term not in called}
    classic = model.cov == "classic"
    errors = "c(sqrt(diag(fit$V)), sigma2 = fit$s2_error)" if classic else ""
    lines += part.compare("fit$coefficients", errors, called, "1e-5")
    if not classic:
        lines += part.skip(f"standard errors: cov={model.cov} has no witness in R")
    loglik = number(part.result.statistics["loglik"])
    lines.append(f'check(run, c(loglik = fit$loglik), c(loglik = {loglik}), tolerance = 1e-8, what = "log-likelihood")')
    calls = (SHORT, 'dynamic_effects(fit, "{}", FALSE)'), (LONG, 'dynamic_effects(fit, "{}", TRUE)')
    return [*lines, *effects_lines(part, classic, calls)]


def stata_script(part: StataPart, model: DynamicSpatialPanel) -> list[str]:
    """Return xsmle with lags of the outcome, whose numbers are shown beside ours."""
    part.reads_matrix = True
    x = [part.names[name] for name in part.extract.regressors]
    options = [f"wmat({part.matrix})", f"model({model.kind})", f"dlag({DLAG[model.time_lag, model.space_time_lag]})"]
    if model.kind == "sdm" and part.extract.lagged != part.extract.regressors:
        options.append(f"durbin({' '.join(part.names[name] for name in part.extract.lagged)})")
    options += ["fe", f"type({TYPES[model.effects]})", "effects", "nolog"]
    called = {name: f"Main:{short}" for name, short in zip(part.extract.regressors, x, strict=True)}
    called |= {f"W_{name}": f"Wx:{part.names[name]}" for name in part.extract.lagged}
    called |= {"rho": "Spatial:rho"}
    return [
        *wrapped("*", WITHOUT_CORRECTION),
        f"xsmle {part.names[model.y]} {' '.join(x)}, {' '.join(options)}",
        *part.shown(called),
    ]
