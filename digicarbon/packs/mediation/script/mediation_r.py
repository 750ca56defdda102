"""Mediation in R: the equation of the outcome as a panel regression, those of mediators by plm, products by hand."""

from __future__ import annotations

from digicarbon.packs.mediation.model.base import Mediation, on, through
from digicarbon.replication.part import panel_r
from digicarbon.script.r import EFFECTS, RPart


def script(part: RPart, model: Mediation) -> list[str]:
    """Return all equations; of mediators and of indirect effects only coefficients are compared."""
    if model.own_clusters:
        return part.skip("clusters of a column, which are not written here")
    full = model.equations == "full"
    lines = panel_r.script(part, model.outcome_equation) if full else []
    if full:
        lines += ["outcome <- coef(fit)"]
    names = part.names
    right = [name for name in part.extract.regressors if name not in model.mediators]
    kind = 'model = "pooling"'
    if model.effects != "none":
        kind = f'model = "within", effect = "{EFFECTS[model.effects]}"'
    for mediator in model.mediators:
        formula = f"{names[mediator]} ~ {' + '.join(names[name] for name in right)}"
        lines += [
            f"# the equation of {names[mediator]}",
            "fit <- plm(",
            f"  {formula}, data = {part.data},",
            f'  index = c("unit_id", "time_id"), {kind}',
            ")",
            *part.compare("coef(fit)", "", {on(mediator, x): names[x] for x in right}),
        ]
        if not full:
            continue
        focal = [x for x in right if through(x, mediator) in part.result.terms]
        products = ", ".join(f'{names[x]} = unname(coef(fit)["{names[x]}"])' for x in focal)
        lines += [
            f'indirect <- c({products}) * outcome["{names[mediator]}"]',
            *part.compare("indirect", "", {through(x, mediator): names[x] for x in focal}),
        ]
    return lines
