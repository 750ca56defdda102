"""Regressions with instruments in R: plm."""

from __future__ import annotations

from digicarbon.model.panel_iv import PanelIV
from digicarbon.replication.part.panel_r import clustered, pieces
from digicarbon.replication.part.small import small_of_iv
from digicarbon.script.r import EFFECTS, RPart
from digicarbon.script.words import chunks


def script(part: RPart, model: PanelIV) -> list[str]:
    """Return two-stage least squares in plm."""
    if model.method == "liml":
        return part.skip("LIML, which plm does not have; Stata's ivreg2 does")
    if model.observation_weights is not None:
        return part.skip("weighted rows, whose standard errors plm does not have; Stata's ivreg2 does")
    if model.own_clusters:
        return part.skip("clusters of a column, which plm does not have; Stata's ivreg2 does")
    y = part.names[model.y]
    right = " + ".join(part.names[name] for name in part.extract.regressors)
    exogenous = [part.names[name] for name in part.extract.regressors if name not in part.extract.endogenous]
    outside = " + ".join([*exogenous, *(part.names[name] for name in part.extract.instruments)])
    kind = 'model = "pooling"' if model.effects == "none" else f'model = "within", effect = "{EFFECTS[model.effects]}"'
    called = {name: part.names[name] for name in part.extract.regressors} | {"const": "(Intercept)"}
    if model.cov == "classic":
        covariance = "vcov(fit)"
    elif model.cov == "robust":
        factor = small_of_iv(part, model, "none").expression(part.count("nobs"))
        covariance = f'vcovHC(fit, method = "white1", type = "HC0") * ({factor})'
    else:
        covariance = clustered(part, small_of_iv(part, model, str(model.cluster)), str(model.cluster))
    repair = "V, repair = TRUE" if model.cov == "cluster" and model.cluster == "both" else "V"
    return [
        *chunks([*pieces(part, y, f"{right} | {outside}"), kind], "fit <- plm(", ", ", ")"),
        f"V <- {covariance}",
        *part.compare("coef(fit)", f"errors_of({repair})", called),
    ]
