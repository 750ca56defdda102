"""Dynamic panels in Stata: xtabond2."""

from __future__ import annotations

from digicarbon.packs.gmm.model.dynamic_panel import DynamicPanel
from digicarbon.packs.gmm.script.gmm import lagged_instruments, made_of_columns, outside
from digicarbon.script.stata import StataPart
from digicarbon.script.words import wrapped


def script(part: StataPart, model: DynamicPanel) -> list[str]:
    """Return the model in xtabond2."""
    if not made_of_columns(part, model):
        return part.skip("terms that are made of lags, products or powers; make them by hand from the data")
    if model.convention == "pgmm":
        return part.skip("instruments in the convention of R's pgmm, which xtabond2 does not have")
    y = part.names[model.y]
    own = [_lag(y, lag) for lag in range(1, model.lags + 1)]
    regressors = [_term(part, term) for term in model.regressors]
    exogenous = [_term(part, term) for term in outside(part, model)]
    collapse = " collapse" if model.collapse else ""
    system = model.kind == "system"
    where = ", equation(diff)" if system and model.exogenous_equation == "transformed" else ""
    options = [
        f"gmm({name}, lag({a} {'.' if b is None else b}){collapse})" for name, (a, b) in lagged_instruments(part, model)
    ]
    options += [f"iv({' '.join(exogenous)}{where})"] if exogenous else []
    lines = []
    dummies = ""
    if model.effects == "two_way":
        lines += ["capture drop period_*", "quietly tabulate time_id, generate(period_)"]
        dummies = " period_*"
        options.append("iv(period_*)")
    options += [] if system else ["noleveleq"]
    options += ["orthogonal"] if model.transformation == "orthogonal_deviations" else []
    options += ["twostep"] if model.steps == 2 else []
    options += ["robust"] if (model.windmeijer if model.steps == 2 else model.cov == "robust") else []
    options.append("nodiffsargan")
    called = dict(zip(model.outcomes, own, strict=True))
    called |= {term: _term(part, term) for term in model.regressors}
    if system and model.effects == "unit":
        called["const"] = "_cons"
    if part.result.has_note("dependent_instruments"):
        lines += wrapped(
            "*",
            "Some instruments are linearly dependent: xtabond2 leaves columns out, digicarbon takes Moore and "
            "Penrose's inverse, so that numbers may differ. They are shown and not compared.",
        )
        numbers = part.shown(called)
    else:
        numbers = part.compare(called, "1e-5")
    words = [y, *own, *regressors]
    return [*lines, f"xtabond2 {' '.join(words)}{dummies}, {' '.join(options)}", *numbers]


def _term(part: StataPart, term: str) -> str:
    if term in part.extract.lag_terms:
        variable, order = part.extract.lag_terms[term]
        return _lag(part.names[variable], order)
    return part.names[term]


def _lag(name: str, order: int) -> str:
    return f"L{'' if order == 1 else order}.{name}"
