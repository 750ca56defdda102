"""Difference-in-differences in R: plm and fixest, did, didimputation, and synthdid."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from digicarbon.packs.policies.model.did import DiD, Estimator
from digicarbon.packs.policies.script.did import REACHED, events, names_of
from digicarbon.replication.part import panel_r
from digicarbon.script.r import RPart, if_installed
from digicarbon.script.words import chunks

AGGREGATES = {"overall": "simple", "event": "dynamic", "cohort": "group", "calendar": "calendar"}
CONTROLS = {"never": "nevertreated", "not_yet": "notyettreated"}


def script(part: RPart, model: DiD) -> list[str]:
    """Return the estimator of the effects of a policy."""
    return _SCRIPTS[model.estimator](part, model)


def _dummies(part: RPart, model: DiD) -> list[str]:
    """Return the regression on dummies."""
    if not set(part.extract.regressors) & set(part.result.terms):
        return part.skip("the mean of the coefficients of event times; with aggregate=event they are compared")
    return panel_r.script(part, model.regression((model.policy,)))


def _stacked(part: RPart, model: DiD) -> list[str]:
    return part.skip("a regression on stacks, which are not in the data; fixest fits it to stacked data")


def _sun_abraham(part: RPart, model: DiD) -> list[str]:
    """Return sunab of fixest."""
    y, first, x = names_of(part, model)
    called = {term: f"time_id::{event}" for term, event in events(model, part.result).items()}
    kind = "period"
    if model.aggregate == "overall":
        called, kind = {model.policy: "ATT"}, "att"
    if not called:
        return part.skip("means of effects that sunab does not make")
    by = "" if model.observation_weights is None else f", weights = ~{part.names[model.observation_weights]}"
    right = " + ".join([f"sunab({first}, time_id, ref.p = {model.base_event})", *x])
    absorbed = " + ".join(["unit_id", "time_id", *panel_r.further(part, model.absorb, model.trends)])
    body = [
        f"fit <- fixest::feols({y} ~ {right} | {absorbed}, {part.data}, vcov = ~unit_id{by})",
        f'fit <- summary(fit, agg = "{kind}")',
        *part.compare("coef(fit)", "fixest::se(fit)" if _clustered(model) else "", called, "1e-5"),
    ]
    return if_installed("fixest", "0.14", body)


def _imputation(part: RPart, model: DiD) -> list[str]:
    """Return did_imputation."""
    if model.spillovers != "none":
        return part.skip(REACHED)
    y, first, x = names_of(part, model)
    called = {term: str(event) for term, event in events(model, part.result).items() if event >= 0}
    if model.aggregate == "overall":
        called = {model.policy: "treat"}
    if not called or model.anticipation:
        return part.skip("means of effects that did_imputation does not make")
    right = " + ".join(x) or "0"
    horizon = ", horizon = TRUE" if model.aggregate == "event" else ""
    weighted = f', wname = "{part.names[model.observation_weights]}"' if model.observation_weights else ""
    body = [
        f'fit <- didimputation::did_imputation({part.data}, "{y}", "{first}", "time_id", "unit_id",',
        f"  first_stage = ~ {right} | unit_id + time_id{horizon}{weighted})",
        *part.compare("setNames(fit$estimate, fit$term)", _errors(model, "fit$std.error", "fit$term"), called, "1e-5"),
    ]
    return if_installed("didimputation", "0.3", body)


def _callaway_santanna(part: RPart, model: DiD) -> list[str]:
    """Return att_gt and aggte of did."""
    y, first, x = names_of(part, model)
    called = {term: str(event) for term, event in events(model, part.result).items()}
    if model.aggregate == "event" and not called:
        return part.skip("event times whose ends hold all that lie beyond, which aggte does not make")
    # aggte has the mean over treated rows beside nothing
    kind = AGGREGATES[model.aggregate if model.aggregate == "event" or model.overall == "levels" else "overall"]
    if model.aggregate != "event" or model.overall == "levels":
        called = {model.policy: "overall"} | called
    pieces = [
        f'yname = "{y}"',
        f'gname = "{first}"',
        'tname = "time_id"',
        'idname = "unit_id"',
        f"xformla = ~ {' + '.join(x) or '1'}",
        f"data = {part.data}",
        *([f'weightsname = "{part.names[model.observation_weights]}"'] if model.observation_weights else []),
        f'control_group = "{CONTROLS[model.compare]}"',
        f"anticipation = {model.anticipation}",
        f'base_period = "{model.base_period}"',
        'est_method = "reg"',
        "bstrap = FALSE",
        "cband = FALSE",
    ]
    body = [
        *chunks(pieces, "cells <- did::att_gt(", ", ", ")"),
        f'fit <- did::aggte(cells, type = "{kind}", bstrap = FALSE, cband = FALSE)',
        'called <- c("overall", fit$egt)',
        *part.compare(
            "setNames(c(fit$overall.att, fit$att.egt), called)",
            _errors(model, "c(fit$overall.se, fit$se.egt)", "called"),
            called,
            "1e-5",
        ),
    ]
    return if_installed("did", "2.1", body)


def _synthetic(part: RPart, model: DiD) -> list[str]:
    """Return synthdid_estimate of each cohort, averaged by treated rows."""
    y, first, x = names_of(part, model)
    if x or model.anticipation or model.aggregate != "overall":
        return part.skip("synthdid takes no controls so, no anticipation, and makes the overall effect only")
    body = [
        f"cohorts <- setdiff(sort(unique({part.data}${first})), 0)",
        "parts <- sapply(cohorts, function(cohort) {",
        f"  own <- {part.data}[{part.data}${first} %in% c(0, cohort), ]",
        f"  own$treated <- as.integer(own${first} == cohort & own$time_id >= cohort)",
        f'  made <- synthdid::panel.matrices(own, "unit_id", "time_id", "{y}", "treated")',
        "  c(as.numeric(synthdid::synthdid_estimate(made$Y, made$N0, made$T0)), sum(own$treated))",
        "})",
        "fit <- c(overall = sum(parts[1, ] * parts[2, ]) / sum(parts[2, ]))",
        *part.compare("fit", "", {model.policy: "overall"}, "1e-5"),
    ]
    return if_installed("synthdid", "0.0.9", body)


def _errors(model: DiD, errors: str, names: str) -> str:
    """Return the named errors of a package; none by a column, for which it has another factor, or draws."""
    return "" if model.own_clusters else f"setNames({errors}, {names})"


def _clustered(model: DiD) -> bool:
    """Return whether errors are those that fixest has under this name; it counts levels of further effects."""
    return not model.absorbs and (model.cov, model.cluster, model.small_sample) == ("cluster", "unit", "stata")


_SCRIPTS: Mapping[Estimator, Callable[[RPart, DiD], list[str]]] = {
    "twfe": _dummies,
    "event_study": _dummies,
    "sun_abraham": _sun_abraham,
    "imputation": _imputation,
    "stacked": _stacked,
    "callaway_santanna": _callaway_santanna,
    "synthetic_did": _synthetic,
}
