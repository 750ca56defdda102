"""Panel regressions in Stata: regress, xtreg, reghdfe, and commands for standard errors of their own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from digicarbon.model._absorption import TREND, group_column
from digicarbon.model.panel_regression import PanelRegression
from digicarbon.replication.part.small import small_of_panel
from digicarbon.script.small import Small
from digicarbon.script.stata import ABSORBED, CLUSTERS, StataPart
from digicarbon.script.words import wrapped


def script(part: StataPart, model: PanelRegression) -> list[str]:
    """Return a panel regression: regress, xtreg, reghdfe, or the command of its standard errors."""
    y, x = part.names[model.y], [part.names[name] for name in part.extract.regressors]
    called = {name: part.names[name] for name in part.extract.regressors}
    weight = "" if model.observation_weights is None else f" [aweight={part.names[model.observation_weights]}]"
    body = f"{y} {' '.join(x)}"
    if model.effects in ("random", "random_time", "random_two_way"):
        return _random(part, model, body, called)
    if model.estimator == "between":
        return _between(part, model, y, x, called)
    if model.estimator == "first_difference":
        return _first_difference(part, model, y, x, called)
    if model.estimator == "lsdv":
        dummies = {"unit": "ibn.unit_id", "time": "ibn.time_id", "two_way": "ibn.unit_id i.time_id"}[model.effects]
        vce, remark, errors = _vce(part, model)
        if model.cov not in ("classic", "robust") and not (model.cov == "cluster" and model.cluster != "both"):
            vce, remark, errors = "", "Standard errors are not compared.", False
        return [
            *wrapped("*", f"Dummies of every unit or period; the slopes are compared. {remark}"),
            f"regress {y} {' '.join(x)} {dummies}{weight}, noconstant{vce}",
            *part.compare(called, errors=errors),
        ]
    if model.absorbs or model.own_clusters:
        return _further(part, model, body, called, weight)
    if model.cov in ("driscoll_kraay", "newey_west", "beck_katz", "conley"):
        return _by_command(part, model, body, called, weight)
    vce, remark, errors = _vce(part, model)
    lines = wrapped("*", remark) if remark else []
    body += weight
    if model.effects == "none":
        called["const"] = "_cons"
        command = f"regress {body}{',' if vce else ''}{vce}"
        if "unit_id time_id" in vce:
            command = f"reghdfe {body}, noabsorb{vce}"
    elif _is_xtreg(model, vce):
        command = f"xtreg {body}, fe{vce}"
    else:
        command = f"reghdfe {body}, absorb({ABSORBED[model.effects]}) keepsingletons{vce}"
    if model.constant:
        called["const"] = "_cons"
    return [*lines, command, *part.compare(called, errors=errors)]


def _further(part: StataPart, model: PanelRegression, body: str, called: dict[str, str], weight: str) -> list[str]:
    """Return reghdfe with further effects, trends, or clusters of columns."""
    effects = [ABSORBED[model.fixed]] if model.fixed != "none" else []
    effects += further(part, model.absorb, model.trends)
    if model.cov == "cluster":
        by = " ".join(part.names[group_column(name)] for name in model.own_clusters) or CLUSTERS[str(model.cluster)]
        vce = f" vce(cluster {by})"
    else:
        vce = " vce(robust)" if model.cov == "robust" else ""
    same = not model.absorbs and model.small_sample == "stata" and not part.result.has_note("covariance_repaired")
    if not effects:
        called["const"] = "_cons"
    how = f"absorb({' '.join(effects)}) keepsingletons" if effects else "noabsorb"
    words = (
        "reghdfe finds redundant effects of the first two sets alone, digicarbon those of all: standard errors are "
        "shown and not compared."
        if model.absorbs
        else "Standard errors are shown and not compared."
    )
    return [
        *([] if same else wrapped("*", words)),
        f"reghdfe {body}{weight}, {how}{vce}",
        *part.compare(called, errors=same),
        *([] if same else part.shown(called)),
    ]


def further(part: StataPart, absorb: Sequence[str], trends: str | None) -> list[str]:
    """Return further effects and trends as reghdfe writes them."""
    effects = [part.names[group_column(effect)] for effect in absorb]
    if trends is None:
        return effects
    groups = part.names[group_column(trends)]
    return [*effects, f"{groups} {groups}#c.{part.names[TREND]}"]


def _is_xtreg(model: PanelRegression, vce: str) -> bool:
    """Return whether xtreg has the same standard errors; its weights must be constant within units."""
    same = "robust" not in vce and "time_id" not in vce and model.small_sample == "stata"
    return model.effects == "unit" and same and model.observation_weights is None


def _vce(part: StataPart, model: PanelRegression) -> tuple[str, str, bool]:
    """Return the option of standard errors, a sentence on it, and whether they are ours."""
    rule = model.small_sample
    if model.cov == "classic":
        return "", "", True
    if model.cov == "robust":
        if rule == "hc3":
            if model.effects == "none" and model.observation_weights is None:
                return " vce(hc3)", "", True
            return " vce(robust)", "HC3 of demeaned columns is not in Stata: standard errors differ.", False
        same = rule in ("stata", "full") or (model.effects == "none" and rule in ("sss", "hc1"))
    else:
        by = CLUSTERS[str(model.cluster)]
        same = rule == "stata"
        if same and model.cluster == "both" and part.result.has_note("covariance_repaired"):
            return f" vce(cluster {by})", "An indefinite covariance was repaired: errors may differ.", False
        return f" vce(cluster {by})", "" if same else _factor(part, model), same
    return " vce(robust)", "" if same else _factor(part, model), same


def _factor(part: StataPart, model: PanelRegression) -> str:
    by = str(model.cluster) if model.cov == "cluster" else "none"
    return factor_words(part, small_of_panel(part, model, by), by)


def factor_words(part: StataPart, small: Small, by: str) -> str:
    """Return a sentence on how a small-sample rule differs from Stata's; clusters as in `small_of_panel`."""
    if small.rule == "hc3":
        return "Residuals over 1 - leverage (HC3) are not in this command: standard errors are not compared."
    if small.rule in ("cr2", "cr3"):
        return f"Residuals corrected by cluster ({small.rule.upper()}): standard errors are not compared."
    n, t, nobs = part.count("n_units"), part.count("n_periods"), part.count("nobs")
    groups = {"unit": n, "time": t, "both": min(n, t)}.get(by, nobs)
    return (
        f"The small-sample rule '{small.rule}' is not Stata's: the recorded covariance has the factor "
        f"{small.expression(groups)}, Stata's {replace(small, rule='stata').expression(groups)}. Standard errors are "
        "not compared."
    )


def _by_command(part: StataPart, model: PanelRegression, body: str, called: dict[str, str], weight: str) -> list[str]:
    """Return regressions whose standard errors have a command of their own."""
    t = part.count("n_periods")
    lags = model.rule.lags(t)
    dummies = {"none": "", "unit": " i.unit_id", "time": " i.time_id", "two_way": " i.unit_id i.time_id"}
    right = f"{body}{dummies[model.fixed]}{weight}"
    if model.cov == "driscoll_kraay":
        command, words = f"xi: xtscc {right}, lag({lags})", "xtscc has a small-sample factor of its own"
    elif model.cov == "newey_west":
        command = f"newey {right}, lag({lags}) force"
        words = "newey's factor is n/(n - k) with all dummies in k"
    elif model.cov == "beck_katz" and model.cluster == "time":
        command, words = f"xtpcse {right}", ""
        same = model.small_sample == "none" and part.extract.balanced
        lines = [] if same else wrapped("*", f"xtpcse has no factor, the recorded rule is '{model.small_sample}'.")
        return [*lines, command, *part.compare(called, errors=same)]
    else:
        absorbed = ABSORBED.get(model.effects)
        how = f"absorb({absorbed}) keepsingletons" if absorbed else "noabsorb"
        command, words = f"reghdfe {body}, {how}", f"Stata has no cov={model.cov} for this model"
    return [
        *wrapped("*", f"Coefficients are compared; {words}, so that standard errors are shown and not compared."),
        command,
        *part.compare(called, errors=False),
        *part.shown(called),
    ]


def _random(part: StataPart, model: PanelRegression, body: str, called: dict[str, str]) -> list[str]:
    if model.effects != "random":
        return part.skip("random effects of periods, which xtreg does not have")
    if model.variance not in ("stata", "swamy_arora"):
        return part.skip(f"variance components of {model.variance}, which xtreg does not have; R's plm does")
    called["const"] = "_cons"
    unbiased = " sa" if model.variance == "swamy_arora" and not part.extract.balanced else ""
    same, vce = model.cov == "classic", ""
    if model.cov == "cluster" and model.cluster == "unit":
        vce = " vce(cluster unit_id)"
    lines = [] if same else wrapped("*", "Standard errors are not compared: their small-sample factors differ.")
    return [*lines, f"xtreg {body}, re{unbiased}{vce}", *part.compare(called, "1e-5", errors=same)]


def _between(part: StataPart, model: PanelRegression, y: str, x: Sequence[str], called: dict[str, str]) -> list[str]:
    called["const"] = "_cons"
    robust = model.cov == "robust"
    same = not robust or model.small_sample in ("stata", "full", "sss", "hc1")
    by = "time_id" if model.effects == "time" else "unit_id"
    return [
        "preserve",
        f"collapse (mean) {y} {' '.join(x)}, by({by})",
        f"regress {y} {' '.join(x)}{', vce(robust)' if robust else ''}",
        *part.compare(called, errors=same),
        "restore",
    ]


def _first_difference(
    part: StataPart, model: PanelRegression, y: str, x: Sequence[str], called: dict[str, str]
) -> list[str]:
    called = {term: f"D.{name}" for term, name in called.items()}
    if model.cov not in ("classic", "robust", "cluster") or (model.cov == "cluster" and model.cluster == "both"):
        same, vce, remark = False, "", "Standard errors are not compared."
    else:
        vce, remark, same = _vce(part, model)
        if model.cov == "cluster" and model.cluster == "time" and model.effects == "two_way":
            # regress counts the dummies of periods, the rule leaves out what is nested in the clusters
            same, remark = False, "Standard errors are not compared: regress counts the dummies of periods."
    dummies = " i.time_id" if model.effects == "two_way" else ""
    if not dummies:
        called["const"] = "_cons"
    return [
        *(wrapped("*", remark) if remark else []),
        f"regress D.{y} {' '.join(f'D.{name}' for name in x)}{dummies}{',' if vce else ''}{vce}",
        *part.compare(called, errors=same),
    ]
