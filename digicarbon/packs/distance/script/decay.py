"""Spatial panels with an estimated decay in R: the likelihood of `spatial_r`, profiled in base R."""

from __future__ import annotations

from digicarbon.packs.distance.model.base import DecayPanel
from digicarbon.replication.part import spatial_r
from digicarbon.replication.part.spatial_r import called_in
from digicarbon.script.r import RPart, code, vector
from digicarbon.script.words import chunks, number


def in_r(part: RPart, model: DecayPanel) -> list[str]:
    """Return the fit in base R; distances are the matrix of the part."""
    if part.result.boundary:
        return part.skip("an estimate at the boundary of its range, where the likelihood has no interior maximum")
    if part.result.has_note("decay_at_end"):
        return part.skip("a decay at the end of its range, where the likelihood has no interior maximum")
    part.functions += [*code(spatial_r.__package__, "spatial"), *code(__package__, "decay")]
    profile = part.result.tables["decay_profile"].index
    static = model.static
    x = [part.names[name] for name in part.extract.regressors]
    lagged = [part.names[name] for name in static.lagged]
    arguments = [
        part.data,
        f'"{part.names[model.y]}"',
        vector(x),
        vector(lagged),
        part.matrix,
        f'"{model.kind}"',
        f'"{model.effects}"',
        f'"{model.bias_correction}"',
        f'"{model.decay}"',
        number(float(profile[0])),
        number(float(profile[-1])),
    ]
    errors = "setNames(sqrt(diag(fit$V)), names(fit$coefficients))" if model.cov == "observed" else ""
    loglik = number(part.result.statistics["loglik"])
    lines = [
        "# the matrix holds distances, and zero where there is no weight",
        *chunks(arguments, "fit <- decay_ml(", ", ", ")"),
        *part.compare("fit$coefficients", errors, called_in(part), "1e-3"),
        f'check(run, c(loglik = fit$loglik), c(loglik = {loglik}), tolerance = 1e-6, what = "log-likelihood")',
    ]
    if model.cov != "observed":
        lines += part.skip(f"standard errors: cov={model.cov} has no witness in R")
    return lines
