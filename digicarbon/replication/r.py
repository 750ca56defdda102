"""Recorded runs as an R script: plm, base R for spatial panels, and fixest and splm where they are installed."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from importlib.resources import files

from digicarbon.model import DynamicPanel, PanelIV, PanelRegression, SpatialPanel
from digicarbon.replication.case import Case
from digicarbon.replication.data import DataSet
from digicarbon.replication.names import Names
from digicarbon.replication.words import WAY_OF_DEMEANING, Remarks, chunks, number, quoted, unique, wrapped
from digicarbon.replication.writer import Writer

EFFECTS = {"unit": "individual", "time": "time", "two_way": "twoways"}
RANDOM = {"random": "individual", "random_time": "time", "random_two_way": "twoways"}
METHODS = {"swamy_arora": "swar", "wallace_hussain": "walhus", "amemiya": "amemiya", "nerlove": "nerlove"}


def r_script(
    cases: Sequence[Case], sets: Mapping[int, DataSet], names: Names, matrices: Mapping[str, str], file: str = "check.R"
) -> str:
    """Return a script that fits runs and ends with an error if a number is not the recorded one.

    Parameters
    ----------
    cases : sequence of Case
    sets : mapping of int to DataSet
        The data of each run, by its number.
    names : Names
    matrices : mapping of str to str
        Names of the files of weights, by digest.
    file : str
        What the script is called.

    Returns
    -------
    str
    """
    used = unique(sets[case.number].name for case in cases)
    spatial = any(isinstance(case.model, SpatialPanel) and case.known for case in cases)
    digests = unique(case.weights.digest for case in cases if case.weights is not None)
    remarks = Remarks("#")
    parts = []
    for case in cases:
        w = "" if case.weights is None else matrices[case.weights.digest]
        own = _Writer(case, sets[case.number].name, names, w, remarks).lines()
        title = quoted(case.title)
        parts += [f"# ---- {title}", f'run <- "{title}"', *own, ""]
    lines = [
        "# Fits recorded runs again and compares coefficients and standard errors. Run it in this folder:",
        f"#   Rscript {file}",
        "# It needs the packages plm, lmtest and sandwich, and uses fixest and splm where they are installed.",
        *remarks.head(),
        "suppressWarnings(suppressPackageStartupMessages({library(plm); library(sandwich); library(lmtest)}))",
        "has <- function(package) requireNamespace(package, quietly = TRUE)",
        _helpers("helpers.R"),
        *([_helpers("spatial.R")] if spatial else []),
        *(f'{name} <- read.csv("data/{name}.csv", encoding = "UTF-8")' for name in used),
        *(
            f'{matrices[digest]} <- as.matrix(read.csv("weights/{matrices[digest]}.csv", row.names = 1, '
            'check.names = FALSE, encoding = "UTF-8"))'
            for digest in digests
        ),
        "",
        *parts,
        'cat(sprintf("%d numbers compared, %d differ; %d comparisons not run.\\n", checked, length(failed), '
        "length(not_checked)))",
        "stopifnot(length(failed) == 0)",
        "",
    ]
    return "\n".join(lines)


def _helpers(name: str) -> str:
    return files("digicarbon.replication").joinpath(name).read_text(encoding="utf-8")


class _Writer(Writer):
    unmade = "terms that pgmm does not make of columns (products, powers or differences)"

    def __init__(self, case: Case, data: str, names: Names, matrix: str, remarks: Remarks) -> None:
        super().__init__(case, names, matrix, remarks)
        self.data = data

    def skip(self, why: str) -> list[str]:
        return [f'skip(run, "{quoted(why)}")']

    def own(self, term: str) -> str:
        """Return what a term of a spatial panel is called in the script."""
        if term.startswith("W_") and term[2:] in self.case.lagged:
            return f"W_{self.names[term[2:]]}"
        return self.names[term] if term in self.case.regressors else term

    def lag_column(self, term: str) -> str:
        """Return the column of a spatial lag."""
        return self.names[f"W_{term}"]

    def vectors(self, called: Mapping[str, str], errors: bool = True) -> list[str]:
        """Return expected numbers as two vectors: terms that the tool reports, under its names."""
        found = {term: pair for term, pair in self.case.expected.items() if term in called}
        coef = [f"`{called[term]}` = {number(b)}" for term, (b, _) in found.items()]
        lines = chunks(coef, "expected <- c(", ", ", ")", "  ")
        size = [f"`{called[term]}` = {_finite(se)}" for term, (_, se) in found.items()]
        return [*lines, *chunks(size, "recorded_se <- c(", ", ", ")", "  ")]

    def compare(
        self, coef: str, errors: str, called: Mapping[str, str], tolerance: str = "1e-6", what: str = ""
    ) -> list[str]:
        """Return the comparison of coefficients and, unless ``errors`` is empty, of their standard errors."""
        name = f'paste(run, "{what}")' if what else "run"
        lines = self.vectors(called)
        lines.append(f"check({name}, {coef}, expected, recorded_se, {tolerance})")
        if errors:
            lines += [
                "known <- !is.na(recorded_se)",
                f'check({name}, {errors}, recorded_se[known], tolerance = {tolerance}, what = "standard error")',
            ]
        return lines

    # -- panel regressions ------------------------------------------------------------------------------------------

    def panel(self, model: PanelRegression) -> list[str]:
        case = self.case
        y, x = self.names[model.y], [self.names[name] for name in case.regressors]
        called = {name: self.names[name] for name in case.regressors} | {"const": "(Intercept)"}
        if model.estimator == "lsdv":
            return self.dummies(model, y, x, called)
        right = " + ".join(x)
        if model.estimator == "between":
            return self.between(model, y, right, called)
        if model.estimator == "first_difference" and not case.without_gaps:
            return self.skip("units have gaps: plm takes differences of rows, digicarbon of the calendar")
        if model.effects in RANDOM:
            if model.variance == "stata" and not case.balanced:
                return self.skip("Stata's variance components of an unbalanced panel, which plm does not have")
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
        lines = chunks([*self._pieces(y, right), kind], "fit <- plm(", ", ", ")", "  ")
        if model.constant:
            called.pop("const", None)
            lines += wrapped("#", "The constant beside the effects (the mean of them) is not compared.")
        covariance, remark = self.covariance(model)
        lines += wrapped("#", remark) if remark else []
        if covariance:
            lines += [f"V <- {covariance}"]
        repair = "V, repair = TRUE" if model.cov == "cluster" and model.cluster == "both" else "V"
        lines += self.compare("coef(fit)", f"errors_of({repair})" if covariance else "", called)
        if not covariance:
            lines += self.skip(f"standard errors: {remark}")
        return [*lines, *self.fixest(model, y, x)]

    def _pieces(self, y: str, right: str) -> list[str]:
        return [f"{y} ~ {right}", f"data = {self.data}", 'index = c("unit_id", "time_id")']

    def covariance(self, model: PanelRegression) -> tuple[str, str]:
        """Return the covariance in R, empty where plm has none, and a sentence on it."""
        case = self.case
        n, t = int(case.result.statistics["n_units"]), int(case.result.statistics["n_periods"])
        nobs = int(case.result.statistics["nobs"])
        lags = model.rule.lags(t)
        rule, hc = f"small-sample rule '{model.small_sample}'", _hc(model)
        if model.cov == "classic":
            return "vcov(fit)", ""
        if model.cov == "robust":
            factor = case.small(model, "none").expression(nobs)
            return f'vcovHC(fit, method = "white1", type = "{hc}") * ({factor})', f"White's {hc} times the {rule}."
        if model.cov == "cluster":
            return self.clustered(model, n, t, nobs), f"Clusters without a factor ({hc}), times the {rule}."
        if model.cov == "driscoll_kraay":
            factor = case.small(model, "none").expression(t)
            return f'vcovSCC(fit, type = "{hc}", maxlag = {lags}) * ({factor})', f"{lags} lags, times the {rule}."
        if model.cov == "newey_west":
            if not case.without_gaps:
                return "", "units have gaps: plm's lags are rows, ours are of the calendar"
            factor = case.small(model, "none").expression(nobs if model.small_sample == "sss" else t)
            return f'vcovNW(fit, type = "{hc}", maxlag = {lags}) * ({factor})', f"{lags} lags, times the {rule}."
        if model.cov == "beck_katz":
            by = "time" if model.cluster == "time" else "group"
            factor = case.small(model, "none").expression(nobs)
            return f'vcovBK(fit, type = "{hc}", cluster = "{by}") * ({factor})', f"Panel-corrected, times the {rule}."
        return "", "Conley's covariance is not in plm"

    def clustered(self, model: PanelRegression | PanelIV, n: int, t: int, nobs: int) -> str:
        small, hc = self.case.small(model, model.cluster), _hc(model)
        if model.cluster != "both":
            by, groups = ("group", n) if model.cluster == "unit" else ("time", t)
            found = f'vcovHC(fit, method = "arellano", type = "{hc}", cluster = "{by}")'
            return f"{found} * ({small.expression(groups)})"
        own = model.small_sample == "sss"
        parts = [
            f'vcovHC(fit, {method}, type = "{hc}") * ({small.expression(groups if own else min(n, t))})'
            for method, groups in (
                ('method = "arellano", cluster = "group"', n),
                ('method = "arellano", cluster = "time"', t),
                ('method = "white1"', nobs),
            )
        ]
        return f"{parts[0]} +\n  {parts[1]} -\n  {parts[2]}"

    def dummies(self, model: PanelRegression, y: str, x: Sequence[str], called: dict[str, str]) -> list[str]:
        """Return a least-squares regression on dummies, all slopes compared."""
        by = {"unit": ["unit"], "time": ["time"], "two_way": ["unit", "time"]}[model.effects]
        right = " + ".join([*x, *(f"factor({name}_id)" for name in by)])
        called.pop("const")
        lines = [f"fit <- lm({y} ~ 0 + {right}, data = {self.data})"]
        covariance = self.least_squares(model)
        return [
            *lines,
            *([f"V <- {covariance}"] if covariance else []),
            *self.compare("coef(fit)", "errors_of(V)" if covariance else "", called),
            *([] if covariance else self.skip(f"standard errors: {model.cov} after lm with dummies")),
        ]

    def between(self, model: PanelRegression, y: str, right: str, called: Mapping[str, str]) -> list[str]:
        by = "time_id" if model.effects == "time" else "unit_id"
        columns = ", ".join(f'"{name}"' for name in [y, *right.split(" + ")])
        covariance = self.least_squares(model)
        return [
            f'means <- aggregate({self.data}[c({columns})], {self.data}["{by}"], mean)',
            f"fit <- lm({y} ~ {right}, data = means)",
            f"V <- {covariance}",
            *self.compare("coef(fit)", "errors_of(V)", called),
        ]

    def least_squares(self, model: PanelRegression) -> str:
        """Return a covariance after lm, empty where it is not a simple one."""
        case = self.case
        n, t = int(case.result.statistics["n_units"]), int(case.result.statistics["n_periods"])
        nobs = int(case.result.statistics["nobs"])
        if model.cov == "classic":
            return "vcov(fit)"
        if model.cov == "robust":
            if model.small_sample == "hc3":
                return 'vcovHC(fit, type = "HC3")'
            return f'vcovHC(fit, type = "HC0") * ({case.small(model, "none").expression(nobs)})'
        if model.cov == "cluster" and model.cluster != "both" and model.small_sample != "hc3":
            by, groups = ("unit_id", n) if model.cluster == "unit" else ("time_id", t)
            factor = case.small(model, model.cluster).expression(groups)
            clusters = f'vcovCL(fit, cluster = {self.data}${by}, type = "HC0", cadjust = FALSE)'
            return f"{clusters} * ({factor})"
        return ""

    def fixest(self, model: PanelRegression, y: str, x: Sequence[str]) -> list[str]:
        """Return the same in fixest, for the settings whose standard errors it has under one name."""
        plain = model.estimator == "within" and model.effects in EFFECTS and not model.constant
        rules = {"stata": "nonnested", "full": "full", "sss": "none"}
        if not plain or model.cov not in ("classic", "cluster") or model.small_sample not in rules:
            return []
        by = {"unit": ["unit_id"], "time": ["time_id"], "both": ["unit_id", "time_id"]}[model.cluster]
        absorbed = {"unit": "unit_id", "time": "time_id", "two_way": "unit_id + time_id"}[model.effects]
        if model.cov == "cluster" and model.cluster == "both" and model.small_sample == "sss":
            # plm's rule scales each part by its own number of groups, fixest has one number for all
            return []
        vcov = '"iid"' if model.cov == "classic" else f"~{' + '.join(by)}"
        rule = (
            ""
            if model.cov == "classic"
            else f', ssc = fixest::ssc(K.adj = TRUE, K.fixef = "{rules[model.small_sample]}")'
        )
        called = {name: self.names[name] for name in self.case.regressors}
        body = [
            f"fit <- fixest::feols({y} ~ {' + '.join(x)} | {absorbed}, {self.data}, vcov = {vcov}{rule})",
            *self.compare("coef(fit)", "fixest::se(fit)", called, "1e-5", "(fixest)"),
        ]
        return _if_installed("fixest", "0.14", body)

    # -- instruments ------------------------------------------------------------------------------------------------

    def instruments(self, model: PanelIV) -> list[str]:
        case = self.case
        if model.method == "liml":
            return self.skip("LIML, which plm does not have; Stata's ivreg2 does")
        y = self.names[model.y]
        right = " + ".join(self.names[name] for name in case.regressors)
        exogenous = [self.names[name] for name in case.regressors if name not in case.endogenous]
        outside = " + ".join([*exogenous, *(self.names[name] for name in case.instruments)])
        kind = (
            'model = "pooling"' if model.effects == "none" else f'model = "within", effect = "{EFFECTS[model.effects]}"'
        )
        called = {name: self.names[name] for name in case.regressors} | {"const": "(Intercept)"}
        n, t = int(case.result.statistics["n_units"]), int(case.result.statistics["n_periods"])
        nobs = int(case.result.statistics["nobs"])
        if model.cov == "classic":
            covariance = "vcov(fit)"
        elif model.cov == "robust":
            factor = case.small(model, "none").expression(nobs)
            covariance = f'vcovHC(fit, method = "white1", type = "HC0") * ({factor})'
        else:
            covariance = self.clustered(model, n, t, nobs)
        repair = "V, repair = TRUE" if model.cov == "cluster" and model.cluster == "both" else "V"
        return [
            *chunks([*self._pieces(y, f"{right} | {outside}"), kind], "fit <- plm(", ", ", ")", "  "),
            f"V <- {covariance}",
            *self.compare("coef(fit)", f"errors_of({repair})", called),
        ]

    # -- dynamic panels ---------------------------------------------------------------------------------------------

    def dynamic(self, model: DynamicPanel) -> list[str]:
        """Return the model in pgmm where it has the same instruments."""
        system = model.kind == "system"
        if model.transformation != "difference":
            return self.skip("forward orthogonal deviations, which pgmm does not have; Stata's xtabond2 does")
        if system and model.convention != "pgmm":
            return self.skip(
                "system GMM with xtabond2's instruments; pgmm has other ones (no constant, dummies for levels only), "
                "model.convention=pgmm makes them"
            )
        if any(lags is None for lags in model.lag_ranges.values()) or (system and model.exogenous_equation != "both"):
            return self.skip("instruments that pgmm cannot be told")
        rank = int(self.case.result.statistics["n_instruments"])
        if model.convention != "pgmm" and self.case.result.has_note("dependent_instruments"):
            return self.skip(f"linearly dependent instruments (rank {rank}), which each tool weights in its own way")
        y = self.names[model.y]
        regressors = [self.dynamic_term(term) for term in model.regressors]
        own = [f"lag({y}, 1:{model.lags})" if model.lags > 1 else f"lag({y}, 1)"]
        gmm = [_lags(y, *model.instrument_lags)]
        for default, group in (
            (model.predetermined_lags, model.predetermined),
            (model.endogenous_lags, model.endogenous),
        ):
            for name in group:
                lags = model.lag_ranges.get(name) or default
                gmm.append(_lags(self.names[name], *lags))
        inside = {*model.predetermined, *model.endogenous}
        outside = [
            self.dynamic_term(term)
            for term in (*model.regressors, *model.instruments)
            if term not in inside and self.case.lag_terms.get(term, ("", 0))[0] not in inside
        ]
        parts = " | ".join(
            [" + ".join([*own, *regressors]), " + ".join(gmm), *([" + ".join(outside)] if outside else [])]
        )
        effect = "twoways" if model.effects == "two_way" else "individual"
        step = "twosteps" if model.steps == 2 else "onestep"
        order = [*(f"L{'' if lag == 1 else lag}.{model.y}" for lag in range(1, model.lags + 1)), *model.regressors]
        called = {term: f"b{position}" for position, term in enumerate(order, 1)}
        robust = model.windmeijer if model.steps == 2 else model.cov == "robust"
        lines = [
            *chunks(
                [
                    f"{y} ~ {parts}",
                    f'data = pdata.frame({self.data}, index = c("unit_id", "time_id"))',
                    f'effect = "{effect}"',
                    f'model = "{step}"',
                    f'transformation = "{"ld" if system else "d"}"',
                    f"collapse = {str(model.collapse).upper()}",
                ],
                "fit <- pgmm(",
                ", ",
                ")",
                "  ",
            ),
            f'b <- setNames(coef(fit)[1:{len(order)}], paste0("b", 1:{len(order)}))',
        ]
        if model.steps == 1 and not robust:
            lines += self.compare("b", "", called, "1e-5")
            lines += self.skip("standard errors: pgmm's plain ones of one step put 1/N in place of the error variance")
            return lines
        covariance = "vcovHC(fit)" if robust else "vcov(fit)"
        lines.append(f'se <- setNames(sqrt(diag({covariance}))[1:{len(order)}], paste0("b", 1:{len(order)}))')
        return [*lines, *self.compare("b", "se", called, "1e-5")]

    def dynamic_term(self, term: str) -> str:
        if term in self.case.lag_terms:
            variable, order = self.case.lag_terms[term]
            return f"lag({self.names[variable]}, {order})"
        return self.names[term]

    # -- spatial panels ---------------------------------------------------------------------------------------------

    def spatial(self, model: SpatialPanel) -> list[str]:
        case = self.case
        x = [self.names[name] for name in case.regressors]
        lagged = [self.names[name] for name in case.lagged]
        called = {term: self.own(term) for term in case.result.terms}
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
        elif case.result.boundary:
            why = "an estimate at the boundary of its range, where the likelihood has no interior maximum"
        if why:
            lines += self.skip(why)
        else:
            lines += chunks(
                [
                    self.data,
                    f'"{self.names[model.y]}"',
                    _vector(x),
                    _vector(lagged),
                    self.matrix,
                    f'"{model.kind}"',
                    f'"{model.fixed}"',
                    f'"{model.bias_correction}"',
                    f'"{model.demeaning}"',
                ],
                "fit <- spatial_ml(",
                ", ",
                ")",
                "  ",
            )
            errors = "setNames(sqrt(diag(fit$V)), names(fit$coefficients))" if model.cov == "classic" else ""
            lines += self.compare("fit$coefficients", errors, called, "1e-5")
            if model.cov != "classic":
                lines += self.skip(f"standard errors: cov={model.cov} has no witness in R; see docs/spatial.md")
            loglik = number(case.result.statistics["loglik"])
            lines.append(
                f'check(run, c(loglik = fit$loglik), c(loglik = {loglik}), tolerance = 1e-8, what = "log-likelihood")'
            )
            lines += self.effects(model)
        return [*lines, *self.splm(model, x, lagged, called)]

    def effects(self, model: SpatialPanel) -> list[str]:
        found = self.case.result.spatial_effects
        if found is None:
            return []
        lines = []
        for position, term in enumerate(found.terms):
            name = self.names[term]
            kinds = list(
                zip(("direct", "indirect", "total"), found.coef[:, position], found.se[:, position], strict=True)
            )
            # a sum that is zero for every W, e.g. of indirect effects without any spatial term, is compared as that
            expected = ", ".join(f"{kind} = {number(coef)}" for kind, coef, _ in kinds)
            sizes = ", ".join(f"{kind} = {_finite(se)}" for kind, _, se in kinds)
            lines += [
                f'found <- spatial_effects(fit, "{name}")',
                f"expected <- c({expected})",
                f"recorded_se <- c({sizes})",
                f'check(paste(run, "{name}"), found$effects, expected, recorded_se, 1e-5, "effect")',
            ]
            if model.cov == "classic" and model.effects_se == "delta":
                lines.append(
                    f'check(paste(run, "{name}"), found$errors, recorded_se, max(recorded_se), 1e-4, '
                    '"standard error of the effect")'
                )
        if model.effects_se == "simulation":
            lines += wrapped(
                "#", "Standard errors of effects come from draws; the delta method's differ by simulation."
            )
        return lines

    def splm(
        self, model: SpatialPanel, x: Sequence[str], lagged: Sequence[str], called: Mapping[str, str]
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
            return [
                self.remarks.refer(f"{WAY_OF_DEMEANING.format(tool='splm')} Its LeeYu = TRUE is wrong for two-way.")
            ]
        lag = model.kind in ("sar", "sdm", "sac")
        error = {"kkp": "kkp", "baltagi": "b"}[model.error_structure] if model.effects == "random" else "b"
        kind = "random" if model.effects == "random" else f'within", effect = "{EFFECTS[model.effects]}'
        spatial = {"rho": "lambda" if lag else "rho", "lambda": "rho"}
        renamed = {
            term: spatial.get(term, name) for term, name in called.items() if term not in ("sigma2", "phi", "const")
        }
        right = " + ".join([*x, *(f"W_{name}" for name in lagged)])
        new = [
            f'data_w[["W_{name}"]] <- {self.data}[["{self.lag_column(term)}"]]'
            for name, term in zip(lagged, self.case.lagged, strict=True)
        ]
        body = [
            f"data_w <- {self.data}",
            *new,
            *chunks(
                [
                    f"{self.names[model.y]} ~ {right}",
                    "data = data_w",
                    'index = c("unit_id", "time_id")',
                    f'listw = spdep::mat2listw({self.matrix}, style = "M")',
                    f'model = "{kind}"',
                    f"lag = {str(lag).upper()}",
                    f'spatial.error = "{"none" if model.kind in ("sar", "sdm") else error}"',
                    "LeeYu = FALSE",
                ]
                if model.effects != "random"
                else [
                    f"{self.names[model.y]} ~ {right}",
                    "data = data_w",
                    'index = c("unit_id", "time_id")',
                    f'listw = spdep::mat2listw({self.matrix}, style = "M")',
                    'model = "random"',
                    f"lag = {str(lag).upper()}",
                    f'spatial.error = "{"none" if model.kind in ("sar", "sdm") else error}"',
                ],
                "fit <- splm::spml(",
                ", ",
                ")",
                "  ",
            ),
            *self.compare("coef(fit)", "", renamed, "1e-3", "(splm)"),
        ]
        return _if_installed("splm", "1.6", body)


def _hc(model: PanelRegression | PanelIV) -> str:
    """Return the type that plm calls a sandwich without a factor: of residuals, or of residuals over 1 - leverage."""
    return "HC3" if model.small_sample == "hc3" else "HC0"


def _if_installed(package: str, version: str, body: Sequence[str]) -> list[str]:
    return [
        f'if (has("{package}") && packageVersion("{package}") >= "{version}") {{',
        *(f"  {line}" for line in body),
        f'}} else skip(paste(run, "({package})"), "the package {package} (>= {version}) is not installed")',
    ]


def _lags(name: str, first: int, last: int | None) -> str:
    return f"lag({name}, {first}:{99 if last is None else last})"


def _vector(words: Sequence[str]) -> str:
    quotes = ", ".join(f'"{word}"' for word in words)
    return f"c({quotes})" if words else "character(0)"


def _finite(value: float) -> str:
    return number(value) if math.isfinite(value) else "NA"
