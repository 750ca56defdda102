"""Spatial panels in R: the likelihood in base R, and splm where it is installed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from digicarbon.model.spatial_panel import SpatialPanel
from digicarbon.replication.part.spatial import WAY_OF_DEMEANING
from digicarbon.result import EFFECTS as KINDS
from digicarbon.result import Effects
from digicarbon.script.r import EFFECTS, RPart, code, finite, if_installed, vector
from digicarbon.script.words import chunks, number, wrapped


def script(part: RPart, model: SpatialPanel) -> list[str]:
    """Return a spatial panel in base R, and in splm where it is installed."""
    part.functions += code(__package__, "spatial")
    x = [part.names[name] for name in part.extract.regressors]
    lagged = [part.names[name] for name in part.extract.lagged]
    called = called_in(part)
    lines: list[str] = []
    why = ""
    if model.kind == "sac":
        why = "a spatial lag with spatial errors; base R code for it is not written here"
    elif model.effects == "random":
        why = "random effects with a spatial term; base R code for it is not written here"
    elif model.bias_correction == "bias_corrected" and model.effects != "none":
        why = "Lee and Yu's corrected direct estimates, which no R package has"
    elif model.error_weights is not None:
        why = "errors with a matrix of their own"
    elif part.result.boundary:
        why = "an estimate at the boundary of its range, where the likelihood has no interior maximum"
    if why:
        lines += part.skip(why)
    else:
        lines += chunks(
            [
                part.data,
                f'"{part.names[model.y]}"',
                vector(x),
                vector(lagged),
                part.matrix,
                f'"{model.kind}"',
                f'"{model.fixed}"',
                f'"{model.bias_correction}"',
                f'"{model.demeaning}"',
            ],
            "fit <- spatial_ml(",
            ", ",
            ")",
        )
        errors = "setNames(sqrt(diag(fit$V)), names(fit$coefficients))" if model.cov == "classic" else ""
        lines += part.compare("fit$coefficients", errors, called, "1e-5")
        if model.cov != "classic":
            lines += part.skip(f"standard errors: cov={model.cov} has no witness in R; see docs/spatial.md")
        loglik = number(part.result.statistics["loglik"])
        lines.append(
            f'check(run, c(loglik = fit$loglik), c(loglik = {loglik}), tolerance = 1e-8, what = "log-likelihood")'
        )
        lines += effects_lines(part, exact=model.cov == "classic" and model.effects_se == "delta")
        if model.effects_se == "simulation" and part.result.spatial_effects is not None:
            said = "Standard errors of effects come from draws; the delta method's differ by simulation."
            lines += wrapped("#", said)
    return [*lines, *_splm(part, model, x, lagged, called)]


def effects_lines(
    part: RPart, exact: bool, calls: Sequence[tuple[Sequence[str], str]] = ((KINDS, 'spatial_effects(fit, "{}")'),)
) -> list[str]:
    """Return the comparison of effects, and of their delta errors where these are exact, with those of ``fit``.

    ``calls``: names of effects, and the call that returns them, with braces where the name of a term stands.
    """
    found = part.result.spatial_effects
    part.has_effects = True
    if found is None:
        return []
    lines = []
    for term in found.terms:
        for kinds, call in calls:
            if set(kinds) <= set(found.names):
                lines += _effect_lines(part, found, term, kinds, call.format(part.names[term]), exact)
    return lines


def _effect_lines(part: RPart, found: Effects, term: str, kinds: Sequence[str], call: str, exact: bool) -> list[str]:
    """Return the comparison of one term's effects of some kinds with those that a call in R returns."""
    position, name = found.terms.index(term), part.names[term]
    rows = [found.names.index(kind) for kind in kinds]
    # a sum that is zero for every W, e.g. of indirect effects without any spatial term, is compared as that
    expected = ", ".join(f"{k} = {number(v)}" for k, v in zip(KINDS, found.coef[rows, position], strict=True))
    sizes = ", ".join(f"{k} = {finite(v)}" for k, v in zip(KINDS, found.se[rows, position], strict=True))
    lines = [
        f"found <- {call}",
        f"expected <- c({expected})",
        f"recorded_se <- c({sizes})",
        f'check(paste(run, "{name}"), found$effects, expected, recorded_se, 1e-5, "effect")',
    ]
    if exact:
        lines.append(
            f'check(paste(run, "{name}"), found$errors, recorded_se, max(recorded_se), 1e-4, '
            '"standard error of the effect")'
        )
    return lines


def _splm(
    part: RPart, model: SpatialPanel, x: Sequence[str], lagged: Sequence[str], called: Mapping[str, str]
) -> list[str]:
    """Return the same in splm where its estimates are ours; its covariance leaves that of rho and beta out."""
    if model.effects == "none" or model.kind == "slx" or model.error_weights is not None:
        return []
    same = (
        (model.bias_correction == "none" and model.demeaning == "first")
        or model.effects == "random"
        or (model.effects == "unit" and model.bias_correction != "bias_corrected")
    )
    if not same:
        return [part.remarks.refer(f"{WAY_OF_DEMEANING.format(tool='splm')} Its LeeYu = TRUE is wrong for two-way.")]
    lag = model.kind in ("sar", "sdm", "sac")
    error = {"kkp": "kkp", "baltagi": "b"}[model.error_structure] if model.effects == "random" else "b"
    kind = "random" if model.effects == "random" else f'within", effect = "{EFFECTS[model.effects]}'
    spatial = {"lag_y": "lambda", "lag_error": "rho"}
    renamed = {
        term: spatial.get(role.kind, called[term])
        for term, role in zip(part.result.terms, part.result.roles, strict=True)
        if role.kind not in ("variance", "constant")
    }
    right = " + ".join([*x, *(f"W_{name}" for name in lagged)])
    columns = [part.names[f"W_{term}"] for term in part.extract.lagged]
    new = [f'data_w[["W_{name}"]] <- {part.data}[["{column}"]]' for name, column in zip(lagged, columns, strict=True)]
    arguments = [
        f"{part.names[model.y]} ~ {right}",
        "data = data_w",
        'index = c("unit_id", "time_id")',
        f'listw = spdep::mat2listw({part.matrix}, style = "M")',
        f'model = "{kind}"',
        f"lag = {str(lag).upper()}",
        f'spatial.error = "{"none" if model.kind in ("sar", "sdm") else error}"',
        *(["LeeYu = FALSE"] if model.effects != "random" else []),
    ]
    body = [
        f"data_w <- {part.data}",
        *new,
        *chunks(arguments, "fit <- splm::spml(", ", ", ")"),
        *part.compare("coef(fit)", "", renamed, "1e-3", "(splm)"),
    ]
    return if_installed("splm", "1.6", body)


def called_in(part: RPart) -> dict[str, str]:
    """Return what each term is called in the script."""
    called: dict[str, str] = {}
    for term, role in zip(part.result.terms, part.result.roles, strict=True):
        if role.kind == "lag_x":
            called[term] = f"W{role.by if role.by > 1 else ''}_{part.names[role.of]}"
        else:
            called[term] = part.names[term] if role.kind == "regressor" else term
    return called
