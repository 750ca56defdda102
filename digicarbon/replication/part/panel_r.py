"""Panel regressions in R: plm, lm with dummies or of means, and fixest where it is installed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from digicarbon.model._absorption import TREND, group_column
from digicarbon.model.panel_regression import PanelRegression
from digicarbon.replication.part.after import UNITS
from digicarbon.replication.part.small import small_of_columns, small_of_panel
from digicarbon.script.r import EFFECTS, RPart, if_installed
from digicarbon.script.small import Small
from digicarbon.script.words import chunks, wrapped

CLUSTERED = {"unit": ["unit_id"], "time": ["time_id"], "both": ["unit_id", "time_id"]}
"""Columns of clusters."""
RULES = {"stata": "nonnested", "full": "full", "sss": "none"}
"""What fixest calls small-sample rules."""
CORRECTED = ("cr2", "cr3")
"""Small-sample rules that correct residuals by cluster."""
RANDOM = {"random": "individual", "random_time": "time", "random_two_way": "twoways"}
METHODS = {"swamy_arora": "swar", "wallace_hussain": "walhus", "amemiya": "amemiya", "nerlove": "nerlove"}


def script(part: RPart, model: PanelRegression) -> list[str]:
    """Return a panel regression in plm, and in fixest where it is installed."""
    y, x = part.names[model.y], [part.names[name] for name in part.extract.regressors]
    called = {name: part.names[name] for name in part.extract.regressors} | {"const": "(Intercept)"}
    if model.estimator == "lsdv":
        return _dummies(part, model, y, x, called)
    if model.absorbs or model.own_clusters or model.small_sample in CORRECTED:
        return _further(part, model, y, x, called)
    if model.observation_weights is not None:
        return _weighted(part, model, y, x, called)
    right = " + ".join(x)
    if model.estimator == "between":
        return _between(part, model, y, right, called)
    if model.estimator == "first_difference" and not part.extract.without_gaps:
        return part.skip("units have gaps: plm takes differences of rows, digicarbon of the calendar")
    if model.effects in RANDOM:
        if model.variance == "stata" and not part.extract.balanced:
            return part.skip("Stata's variance components of an unbalanced panel, which plm does not have")
        method = METHODS.get(model.variance, "swar")
        kind = f'model = "random", effect = "{RANDOM[model.effects]}", random.method = "{method}"'
    elif model.estimator == "first_difference":
        # dummies of periods, differenced, and the constant span the effects of all differences
        right += " + factor(time_id)" if model.effects == "two_way" else ""
        kind = 'model = "fd"'
        if model.effects == "two_way":
            called.pop("const", None)
    elif model.effects == "none":
        kind = 'model = "pooling"'
    else:
        kind = f'model = "within", effect = "{EFFECTS[model.effects]}"'
    if model.constant:
        called.pop("const", None)
    lines = [*chunks([*pieces(part, y, right), kind], "fit <- plm(", ", ", ")"), *_constant_remark(model)]
    covariance, remark = _covariance(part, model)
    lines += wrapped("#", remark) if remark else []
    if covariance:
        lines += [f"V <- {covariance}"]
    repair = "V, repair = TRUE" if model.cov == "cluster" and model.cluster == "both" else "V"
    lines += part.compare("coef(fit)", f"errors_of({repair})" if covariance else "", called)
    if not covariance:
        lines += part.skip(f"standard errors: {remark}")
    return [*lines, *_fixest(part, model, y, x)]


def pieces(part: RPart, y: str, right: str) -> list[str]:
    """Return the first arguments of plm."""
    return [f"{y} ~ {right}", f"data = {part.data}", 'index = c("unit_id", "time_id")']


def _covariance(part: RPart, model: PanelRegression) -> tuple[str, str]:
    """Return the covariance in R, empty where plm has none, and a sentence on it."""
    t, nobs = part.count("n_periods"), part.count("nobs")
    lags = model.rule.lags(t)
    rule, hc = f"small-sample rule '{model.small_sample}'", hc_of(model.small_sample)
    if model.cov == "classic":
        return "vcov(fit)", ""
    if model.cov == "robust":
        factor = small_of_panel(part, model, "none").expression(nobs)
        return f'vcovHC(fit, method = "white1", type = "{hc}") * ({factor})', f"White's {hc} times the {rule}."
    if model.cov == "cluster":
        return clustered(
            part, small_of_panel(part, model, str(model.cluster)), str(model.cluster)
        ), f"Clusters without a factor ({hc}), times the {rule}."
    if model.cov == "driscoll_kraay":
        factor = small_of_panel(part, model, "none").expression(t)
        return f'vcovSCC(fit, type = "{hc}", maxlag = {lags}) * ({factor})', f"{lags} lags, times the {rule}."
    if model.cov == "newey_west":
        if not part.extract.without_gaps:
            return "", "units have gaps: plm's lags are rows, ours are of the calendar"
        factor = small_of_panel(part, model, "none").expression(nobs if model.small_sample == "sss" else t)
        return f'vcovNW(fit, type = "{hc}", maxlag = {lags}) * ({factor})', f"{lags} lags, times the {rule}."
    if model.cov == "beck_katz":
        by = "time" if model.cluster == "time" else "group"
        factor = small_of_panel(part, model, "none").expression(nobs)
        return f'vcovBK(fit, type = "{hc}", cluster = "{by}") * ({factor})', f"Panel-corrected, times the {rule}."
    return "", "Conley's covariance is not in plm"


def clustered(part: RPart, small: Small, cluster: str) -> str:
    """Return a covariance of plm with clusters by ``unit``, ``time`` or ``both``, times its factor."""
    n, t, nobs = part.count("n_units"), part.count("n_periods"), part.count("nobs")
    hc = hc_of(small.rule)
    if cluster != "both":
        by, groups = ("group", n) if cluster == "unit" else ("time", t)
        found = f'vcovHC(fit, method = "arellano", type = "{hc}", cluster = "{by}")'
        return f"{found} * ({small.expression(groups)})"
    own = small.rule == "sss"
    parts = [
        f'vcovHC(fit, {method}, type = "{hc}") * ({small.expression(groups if own else min(n, t))})'
        for method, groups in (
            ('method = "arellano", cluster = "group"', n),
            ('method = "arellano", cluster = "time"', t),
            ('method = "white1"', nobs),
        )
    ]
    return f"{parts[0]} +\n  {parts[1]} -\n  {parts[2]}"


def _constant_remark(model: PanelRegression) -> list[str]:
    remark = "The constant beside the effects (the mean of them) is not compared."
    return wrapped("#", remark) if model.constant else []


def _weights(part: RPart, model: PanelRegression) -> str:
    return "" if model.observation_weights is None else f", weights = {part.names[model.observation_weights]}"


def _lm(
    part: RPart, model: PanelRegression, formula: str, covariance: str, called: Mapping[str, str], what: str
) -> list[str]:
    """Return a regression with lm; without a covariance a sentence says that errors after lm with ``what`` lack."""
    return [
        f"fit <- lm({formula}, data = {part.data}{_weights(part, model)})",
        *([f"V <- {covariance}"] if covariance else []),
        *part.compare("coef(fit)", "errors_of(V)" if covariance else "", called),
        *([] if covariance else part.skip(f"standard errors: {model.cov} after lm with {what}")),
    ]


def _feols(
    part: RPart,
    formula: str,
    arguments: str,
    called: Mapping[str, str],
    errors: str = "fixest::se(fit)",
    before: Sequence[str] = (),
) -> list[str]:
    """Return a regression with fixest where it is installed, and lines that stand before its comparison."""
    fit = f"fit <- fixest::feols({formula}, {part.data}{arguments})"
    return if_installed(
        "fixest", "0.14", [fit, *before, *part.compare("coef(fit)", errors, called, "1e-5", "(fixest)")]
    )


def _dummies(part: RPart, model: PanelRegression, y: str, x: Sequence[str], called: dict[str, str]) -> list[str]:
    """Return a least-squares regression on dummies, all slopes compared."""
    right = " + ".join(["0", *x, *(f"factor({name})" for name in UNITS[model.effects])])
    called.pop("const")
    return _lm(part, model, f"{y} ~ {right}", _least_squares(part, model), called, "dummies")


def _between(part: RPart, model: PanelRegression, y: str, right: str, called: Mapping[str, str]) -> list[str]:
    """Return a least-squares regression of means."""
    by = "time_id" if model.effects == "time" else "unit_id"
    columns = ", ".join(f'"{name}"' for name in [y, *right.split(" + ")])
    covariance = _least_squares(part, model)
    return [
        f'means <- aggregate({part.data}[c({columns})], {part.data}["{by}"], mean)',
        f"fit <- lm({y} ~ {right}, data = means)",
        f"V <- {covariance}",
        *part.compare("coef(fit)", "errors_of(V)", called),
    ]


def _least_squares(part: RPart, model: PanelRegression) -> str:
    """Return a covariance after lm, empty where it is not a simple one."""
    n, t, nobs = part.count("n_units"), part.count("n_periods"), part.count("nobs")
    if model.cov == "classic":
        return "vcov(fit)"
    if model.cov == "robust":
        if model.small_sample == "hc3":
            return 'vcovHC(fit, type = "HC3")'
        return f'vcovHC(fit, type = "HC0") * ({small_of_panel(part, model, "none").expression(nobs)})'
    if model.cov == "cluster" and model.cluster != "both" and model.small_sample != "hc3":
        by, groups = ("unit_id", n) if model.cluster == "unit" else ("time_id", t)
        factor = small_of_panel(part, model, str(model.cluster)).expression(groups)
        clusters = f'vcovCL(fit, cluster = {part.data}${by}, type = "HC0", cadjust = FALSE)'
        return f"{clusters} * ({factor})"
    return ""


def _fixest(part: RPart, model: PanelRegression, y: str, x: Sequence[str]) -> list[str]:
    """Return the same in fixest, for the settings whose standard errors it has under one name."""
    plain = model.estimator == "within" and model.effects in EFFECTS and not model.constant
    how = _fixest_errors(model)
    if not plain or model.cov == "robust" or model.small_sample not in RULES or not how:
        return []
    called = {name: part.names[name] for name in part.extract.regressors}
    return _feols(part, f"{y} ~ {' + '.join(x)} | {' + '.join(UNITS[model.effects])}", f", {how}", called)


def _fixest_errors(model: PanelRegression) -> str:
    """Return the arguments of fixest for standard errors that it has under one name, else an empty text."""
    if model.cov == "classic":
        return 'vcov = "iid"'
    if model.cov not in ("robust", "cluster") or model.small_sample not in RULES:
        return ""
    by = CLUSTERED[str(model.cluster)]
    if model.cov == "cluster" and model.cluster == "both" and model.small_sample == "sss":
        # plm's rule scales each part by its own number of groups, fixest has one number for all
        return ""
    vcov = '"hetero"' if model.cov == "robust" else f"~{' + '.join(by)}"
    return f'vcov = {vcov}, ssc = fixest::ssc(K.adj = TRUE, K.fixef = "{RULES[model.small_sample]}")'


def _weighted(part: RPart, model: PanelRegression, y: str, x: Sequence[str], called: dict[str, str]) -> list[str]:
    """Return a weighted regression on dummies, and in fixest: plm has weights for pooled regressions alone."""
    by, how = UNITS[model.fixed], _fixest_errors(model)
    if by:
        # lm's intercept is the effect of the first unit or period
        called.pop("const")
    right = " + ".join([*x, *(f"factor({name})" for name in by)])
    # leverages are those of columns without effects
    covariance = "" if by and model.small_sample == "hc3" and model.cov != "classic" else _least_squares(part, model)
    lines = [*_constant_remark(model), *_lm(part, model, f"{y} ~ {right}", covariance, called, "weights")]
    if not how:
        return lines
    absorbed = f" | {' + '.join(by)}" if by else ""
    weights = _weights(part, model).replace("= ", "= ~")
    return [*lines, *_feols(part, f"{y} ~ {' + '.join(x)}{absorbed}", f"{weights}, {how}", called)]


def _further(part: RPart, model: PanelRegression, y: str, x: Sequence[str], called: dict[str, str]) -> list[str]:
    """Return a regression on all dummies, and in fixest: with further effects, trends, or clusters of columns."""
    effects = [*UNITS[model.fixed], *(part.names[group_column(effect)] for effect in model.absorb)]
    absorbed = [*UNITS[model.fixed], *further(part, model.absorb, model.trends)]
    dummies = [f"factor({name})" for name in effects]
    if model.trends is not None:
        groups, trend = part.names[group_column(model.trends)], part.names[TREND]
        dummies += [f"factor({groups})", f"factor({groups}):{trend}"]
    if absorbed:
        called.pop("const", None)
    covariance, errors = _of_columns(part, model)
    formula = f"{y} ~ {' + '.join([*x, *dummies])}"
    right = f" | {' + '.join(absorbed)}" if absorbed else ""
    arguments = _weights(part, model).replace("= ", "= ~") + (errors and f", vcov = {errors}")
    # fixest counts levels of effects, digicarbon those that are independent: the factor is ours
    factor = [f"factor <- {_factor_of(part, model)}"] if errors else []
    scaled = "fixest::se(fit) * sqrt(factor)" if errors else ""
    return [
        *_constant_remark(model),
        *_lm(part, model, formula, covariance, called, "dummies"),
        *_feols(part, f"{y} ~ {' + '.join(x)}{right}", arguments, called, scaled, factor),
    ]


def further(part: RPart, absorb: Sequence[str], trends: str | None) -> list[str]:
    """Return further effects and trends as fixest writes them."""
    effects = [part.names[group_column(effect)] for effect in absorb]
    return effects if trends is None else [*effects, f"{part.names[group_column(trends)]}[{part.names[TREND]}]"]


def _of_columns(part: RPart, model: PanelRegression) -> tuple[str, str]:
    """Return the covariance after lm, and fixest's argument for one without a factor; empty where there is none."""
    if model.cov == "classic":
        return "vcov(fit)", ""
    if model.small_sample == "hc3" or model.cov not in ("robust", "cluster"):
        return "", ""
    by = [part.names[group_column(name)] for name in model.own_clusters] or CLUSTERED[str(model.cluster)]
    if model.small_sample == "cr3":
        return f'vcovJK(fit, cluster = {part.data}${by[0]}, center = "estimate")', ""
    if model.small_sample == "cr2":
        if model.fixed != "none" or model.absorbs or model.observation_weights is not None:
            # dummies make blocks singular whose roots sandwich inverts
            return "", ""
        groups = small_of_columns(part, model)[1]
        # without the factor (G - 1)/G that sandwich has
        covariance = f'vcovCL(fit, cluster = {part.data}${by[0]}, type = "HC2", cadjust = FALSE)'
        return f"{covariance} * ({groups} / {groups - 1})", ""
    factor = _factor_of(part, model)
    if model.cov == "robust":
        return f'vcovHC(fit, type = "HC0") * ({factor})', ""
    if len(by) == 2 and (model.small_sample == "sss" or part.result.has_note("covariance_repaired")):
        # each part has a factor of its own, or was repaired together with the dummies
        return "", ""
    columns = ", ".join(f'"{name}"' for name in by)
    covariance = f'vcovCL(fit, cluster = {part.data}[c({columns})], type = "HC0", cadjust = FALSE) * ({factor})'
    return covariance, f"~{' + '.join(by)}, ssc = fixest::ssc(K.adj = FALSE, G.adj = FALSE)"


def _factor_of(part: RPart, model: PanelRegression) -> str:
    small, groups = small_of_columns(part, model)
    return small.expression(groups)


def hc_of(rule: str) -> str:
    """Return the type that plm calls a sandwich without a factor: of residuals, or of residuals over 1 - leverage."""
    return "HC3" if rule == "hc3" else "HC0"
