"""Regressions with instruments in Stata: ivreg2 and ivreghdfe."""

from __future__ import annotations

from digicarbon.model._absorption import group_column
from digicarbon.model.panel_iv import PanelIV
from digicarbon.replication.part.panel_stata import factor_words
from digicarbon.replication.part.small import small_of_iv
from digicarbon.script.stata import ABSORBED, CLUSTERS, StataPart
from digicarbon.script.words import wrapped


def script(part: StataPart, model: PanelIV) -> list[str]:
    """Return the regression in ivreg2 or ivreghdfe."""
    called = {name: part.names[name] for name in part.extract.regressors}
    inside = " ".join(part.names[name] for name in part.extract.endogenous)
    exogenous = " ".join(part.names[name] for name in part.extract.regressors if name not in part.extract.endogenous)
    outside = " ".join(part.names[name] for name in part.extract.instruments)
    equation = " ".join(word for word in (part.names[model.y], exogenous, f"({inside} = {outside})") if word)
    if model.observation_weights is not None:
        equation += f" [aweight={part.names[model.observation_weights]}]"
    clusters = " ".join(part.names[group_column(name)] for name in model.own_clusters) or CLUSTERS[str(model.cluster)]
    vce = {"classic": "", "robust": " robust", "cluster": f" cluster({clusters})"}[model.cov]
    rule = model.small_sample
    same = model.cov == "classic" or rule == "stata" or (model.cov == "robust" and rule == "full")
    by = str(model.cluster) if model.cov == "cluster" else "none"
    words = f"The small-sample rule '{rule}' is not Stata's. Standard errors are not compared."
    if not model.own_clusters:
        words = factor_words(part, small_of_iv(part, model, by), by)
    lines = [] if same else wrapped("*", words)
    liml = " liml" if model.method == "liml" else ""
    if model.effects == "none":
        called["const"] = "_cons"
        command = f"ivreg2 {equation}, small{vce}{liml}"
    else:
        command = f"ivreghdfe {equation}, absorb({ABSORBED[model.effects]}) keepsingletons small{vce}{liml}"
    return [*lines, command, *part.compare(called, "1e-5", errors=same)]
