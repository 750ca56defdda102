"""Dynamic panels in R: pgmm."""

from __future__ import annotations

from digicarbon.packs.gmm.model.dynamic_panel import DynamicPanel
from digicarbon.packs.gmm.script.gmm import lagged_instruments, made_of_columns, outside
from digicarbon.script.r import RPart
from digicarbon.script.words import chunks


def script(part: RPart, model: DynamicPanel) -> list[str]:
    """Return the model in pgmm where it has the same instruments."""
    if not made_of_columns(part, model):
        return part.skip("terms that pgmm does not make of columns (products, powers or differences)")
    system = model.kind == "system"
    if model.transformation != "difference":
        return part.skip("forward orthogonal deviations, which pgmm does not have; Stata's xtabond2 does")
    if system and model.convention != "pgmm":
        return part.skip(
            "system GMM with xtabond2's instruments; pgmm has other ones (no constant, dummies for levels only), "
            "model.convention=pgmm makes them"
        )
    if any(lags is None for lags in model.lag_ranges.values()) or (system and model.exogenous_equation != "both"):
        return part.skip("instruments that pgmm cannot be told")
    rank = part.count("n_instruments")
    if model.convention != "pgmm" and part.result.has_note("dependent_instruments"):
        return part.skip(f"linearly dependent instruments (rank {rank}), which each tool weights in its own way")
    y = part.names[model.y]
    regressors = [_term(part, term) for term in model.regressors]
    own = [f"lag({y}, 1:{model.lags})" if model.lags > 1 else f"lag({y}, 1)"]
    gmm = [_lags(name, *lags) for name, lags in lagged_instruments(part, model)]
    others = " + ".join(_term(part, term) for term in outside(part, model))
    parts = " | ".join([" + ".join([*own, *regressors]), " + ".join(gmm), *([others] if others else [])])
    effect = "twoways" if model.effects == "two_way" else "individual"
    step = "twosteps" if model.steps == 2 else "onestep"
    order = [*model.outcomes, *model.regressors]
    called = {term: f"b{position}" for position, term in enumerate(order, 1)}
    robust = model.windmeijer if model.steps == 2 else model.cov == "robust"
    lines = [
        *chunks(
            [
                f"{y} ~ {parts}",
                f'data = pdata.frame({part.data}, index = c("unit_id", "time_id"))',
                f'effect = "{effect}"',
                f'model = "{step}"',
                f'transformation = "{"ld" if system else "d"}"',
                f"collapse = {str(model.collapse).upper()}",
            ],
            "fit <- pgmm(",
            ", ",
            ")",
        ),
        f'b <- setNames(coef(fit)[1:{len(order)}], paste0("b", 1:{len(order)}))',
    ]
    if model.steps == 1 and not robust:
        lines += part.compare("b", "", called, "1e-5")
        lines += part.skip("standard errors: pgmm's plain ones of one step put 1/N in place of the error variance")
        return lines
    covariance = "vcovHC(fit)" if robust else "vcov(fit)"
    lines.append(f'se <- setNames(sqrt(diag({covariance}))[1:{len(order)}], paste0("b", 1:{len(order)}))')
    return [*lines, *part.compare("b", "se", called, "1e-5")]


def _term(part: RPart, term: str) -> str:
    if term in part.extract.lag_terms:
        variable, order = part.extract.lag_terms[term]
        return f"lag({part.names[variable]}, {order})"
    return part.names[term]


def _lags(name: str, first: int, last: int | None) -> str:
    return f"lag({name}, {first}:{99 if last is None else last})"
