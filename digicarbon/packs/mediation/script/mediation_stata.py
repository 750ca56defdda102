"""Mediation in Stata: each equation by regress, xtreg or reghdfe; products by hand."""

from __future__ import annotations

from digicarbon.packs.mediation.model.base import Mediation, on, through
from digicarbon.replication.part import panel_stata
from digicarbon.script.stata import ABSORBED, StataPart
from digicarbon.script.words import wrapped


def script(part: StataPart, model: Mediation) -> list[str]:
    """Return all equations; of mediators only coefficients are compared, indirect effects are shown."""
    if model.own_clusters:
        return part.skip("clusters of a column, which are not written here")
    full, names = model.equations == "full", part.names
    right = [name for name in part.extract.regressors if name not in model.mediators]
    lines = panel_stata.script(part, model.outcome_equation) if full else []
    if full:
        lines += [f"scalar b_{place} = _b[{names[one]}]" for place, one in enumerate(model.mediators, 1)]
    for place, mediator in enumerate(model.mediators, 1):
        body = f"{names[mediator]} {' '.join(names[name] for name in right)}"
        absorbed = ABSORBED.get(model.effects)
        command = f"reghdfe {body}, absorb({absorbed}) keepsingletons" if absorbed else f"regress {body}"
        lines += [
            *wrapped("*", f"The equation of {names[mediator]}; coefficients are compared."),
            command,
            *part.compare({on(mediator, x): names[x] for x in right}, errors=False),
        ]
        focal = [x for x in right if through(x, mediator) in part.result.terms]
        for x in focal:
            # nlcom would take b as known: the standard error needs the scores of both equations
            lines += [
                f"* Indirect effect of {names[x]} through {names[mediator]}:",
                f"display _b[{names[x]}] * scalar(b_{place})",
                *part.shown({through(x, mediator): f"{names[x]} through {names[mediator]}"}),
            ]
    return lines
