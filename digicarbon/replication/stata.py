"""Recorded runs as a Stata do-file: xtreg, reghdfe, xsmle and xtabond2, with the recorded numbers as assertions."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from digicarbon.model import DynamicPanel, PanelIV, PanelRegression, SpatialPanel
from digicarbon.replication.case import Case
from digicarbon.replication.data import DataSet
from digicarbon.replication.names import Names
from digicarbon.replication.words import WAY_OF_DEMEANING, Remarks, number, quoted, unique, wrapped
from digicarbon.replication.writer import Writer

ABSORBED = {"unit": "unit_id", "time": "time_id", "two_way": "unit_id time_id"}
CLUSTERS = {"unit": "unit_id", "time": "time_id", "both": "unit_id time_id"}
TYPES = {"unit": "ind", "time": "time", "two_way": "both"}
PACKAGES = {
    "reghdfe": "reghdfe (ssc install reghdfe; ssc install ftools)",
    "ivreghdfe": "ivreghdfe (ssc install ivreghdfe; ssc install ivreg2; ssc install ranktest)",
    "xsmle": "xsmle (ssc install xsmle)",
    "xtabond2": "xtabond2 (ssc install xtabond2)",
    "xtscc": "xtscc (ssc install xtscc)",
}

NO_LEE_YU = (
    "xsmle's type(both, leeyu) has been reported to leave the time effects out (version 1.4.5), so that it is not used "
    "here; without leeyu estimates are those of the direct likelihood."
)
OTHER_ERRORS = (
    "Standard errors of xsmle are not compared: it takes the observed information, digicarbon the expected one. Its "
    "effects come from simulated draws, digicarbon's from the exact delta method."
)

HEAD = """\
version 14
clear all
set more off
global differ 0
global compared 0

* Compares a coefficient and its standard error with what was recorded: equal to a share of the larger of the two.
* A recorded standard error of . is not compared.
capture program drop recorded
program define recorded
    args run name coefficient error tolerance
    global compared = $compared + 1
    local size = max(abs(`coefficient'), cond(missing(`error'), 0, `error'), 1e-12)
    local found = _b[`name']
    capture assert abs(`found' - (`coefficient')) <= `tolerance' * `size'
    if _rc {
        global differ = $differ + 1
        display as error "DIFFERS `run': `name' is " %18.12g `found' ", recorded " %18.12g (`coefficient')
    }
    if !missing(`error') {
        global compared = $compared + 1
        local found = _se[`name']
        capture assert abs(`found' - `error') <= `tolerance' * `error'
        if _rc {
            global differ = $differ + 1
            display as error "DIFFERS `run': error of `name' is " %18.12g `found' ", recorded " %18.12g `error'
        }
    }
end
"""
FOOT = """\
display as text "$compared numbers compared, $differ differ."
assert $differ == 0
"""


def do_file(
    cases: Sequence[Case],
    sets: Mapping[int, DataSet],
    names: Names,
    matrices: Mapping[str, str],
    file: str = "check.do",
) -> str:
    """Return a do-file that fits runs and stops with an error if a number is not the recorded one.

    Parameters
    ----------
    cases, sets, names, matrices, file
        As in `digicarbon.replication.r.r_script`.

    Returns
    -------
    str
    """
    remarks = Remarks("*")
    parts = [(case, _Writer(case, names, _matrix(case, matrices), remarks).lines()) for case in cases]
    text = "\n".join(line for _, lines in parts for line in lines if not line.startswith("*"))
    needed = [words for command, words in PACKAGES.items() if f"{command} " in text]
    lines = [
        f"* Fits recorded runs again and compares coefficients and standard errors. Run it in this folder: do {file}",
        *wrapped("*", f"It needs {'; '.join(needed) or 'nothing beside Stata'}."),
        *remarks.head(),
        HEAD,
        *(line for digest in _digests(cases) for line in _read_matrix(matrices[digest])),
    ]
    loaded = ""
    for case, own in parts:
        lines.append(f"* ---- {quoted(case.title)}")
        name = sets[case.number].name
        if name != loaded and any(not line.startswith("*") for line in own):
            lines += [f'use "data/{name}.dta", clear', "quietly xtset unit_id time_id"]
            loaded = name
        lines.append(f'local run "{quoted(case.title)}"')
        lines += [*own, ""]
    return "\n".join([*lines, FOOT])


def _digests(cases: Sequence[Case]) -> list[str]:
    used = (case for case in cases if case.known and isinstance(case.model, SpatialPanel))
    return unique(case.weights.digest for case in used if case.weights is not None)


def _matrix(case: Case, matrices: Mapping[str, str]) -> str:
    return "" if case.weights is None else matrices[case.weights.digest]


def _read_matrix(name: str) -> list[str]:
    return [
        f'import delimited "weights/{name}.csv", clear varnames(nonames) rowrange(2) asdouble encoding("utf-8")',
        "drop v1",
        f"mkmat _all, matrix({name})",
        "",
    ]


class _Writer(Writer):
    unmade = "terms that are made of lags, products or powers; make them by hand from the data"

    def skip(self, why: str) -> list[str]:
        return wrapped("*", f"Not compared: {why}.")

    def compare(self, called: Mapping[str, str], tolerance: str = "1e-6", errors: bool = True) -> list[str]:
        """Return assertions on terms under the names that Stata gives them."""
        lines = []
        for term, (coef, se) in self.case.expected.items():
            if term in called:
                error = number(se) if errors and math.isfinite(se) else "."
                lines.append(f'recorded "`run\'" {called[term]} {number(coef)} {error} {tolerance}')
        return lines

    def shown(self, called: Mapping[str, str]) -> list[str]:
        """Return what was recorded, as comments beside what Stata prints."""
        lines = ["* Recorded, not compared (coefficient, standard error):"]
        for term, (coef, se) in self.case.expected.items():
            if term in called:
                lines.append(f"*   {called[term]}  {number(coef)}  {number(se) if math.isfinite(se) else '.'}")
        return lines

    # -- panel regressions ------------------------------------------------------------------------------------------

    def panel(self, model: PanelRegression) -> list[str]:
        case = self.case
        y, x = self.names[model.y], [self.names[name] for name in case.regressors]
        called = {name: self.names[name] for name in case.regressors}
        body = f"{y} {' '.join(x)}"
        if model.effects in ("random", "random_time", "random_two_way"):
            return self.random(model, body, called)
        if model.estimator == "between":
            return self.between(model, y, x, called)
        if model.estimator == "first_difference":
            return self.first_difference(model, y, x, called)
        if model.estimator == "lsdv":
            dummies = {"unit": "ibn.unit_id", "time": "ibn.time_id", "two_way": "ibn.unit_id i.time_id"}[model.effects]
            vce, remark, errors = self.vce(model)
            if model.cov not in ("classic", "robust") and not (model.cov == "cluster" and model.cluster != "both"):
                vce, remark, errors = "", "Standard errors are not compared.", False
            return [
                *wrapped("*", f"Dummies of every unit or period; the slopes are compared. {remark}"),
                f"regress {body} {dummies}, noconstant{vce}",
                *self.compare(called, errors=errors),
            ]
        if model.cov in ("driscoll_kraay", "newey_west", "beck_katz", "conley"):
            return self.by_command(model, body, called)
        vce, remark, errors = self.vce(model)
        lines = wrapped("*", remark) if remark else []
        if model.effects == "none":
            called["const"] = "_cons"
            command = f"regress {body}{',' if vce else ''}{vce}"
            if "unit_id time_id" in vce:
                command = f"reghdfe {body}, noabsorb{vce}"
        elif model.effects == "unit" and "robust" not in vce and "time_id" not in vce and model.small_sample == "stata":
            command = f"xtreg {body}, fe{vce}"
        else:
            command = f"reghdfe {body}, absorb({ABSORBED[model.effects]}) keepsingletons{vce}"
        if model.constant:
            called["const"] = "_cons"
        return [*lines, command, *self.compare(called, errors=errors)]

    def vce(self, model: PanelRegression) -> tuple[str, str, bool]:
        """Return the option of standard errors, a sentence on it, and whether they are ours."""
        rule = model.small_sample
        if model.cov == "classic":
            return "", "", True
        if model.cov == "robust":
            if rule == "hc3":
                if model.effects == "none":
                    return " vce(hc3)", "", True
                return " vce(robust)", "HC3 of demeaned columns is not in Stata: standard errors differ.", False
            same = rule in ("stata", "full") or (model.effects == "none" and rule in ("sss", "hc1"))
        else:
            by = CLUSTERS[model.cluster]
            same = rule == "stata"
            if same and model.cluster == "both" and self.case.result.has_note("covariance_repaired"):
                return f" vce(cluster {by})", "An indefinite covariance was repaired: errors may differ.", False
            return f" vce(cluster {by})", "" if same else self.factor(model), same
        return " vce(robust)", "" if same else self.factor(model), same

    def factor(self, model: PanelRegression | PanelIV) -> str:
        """Return a sentence on what the small-sample rule differs by from Stata's."""
        case = self.case
        if model.small_sample == "hc3":
            return "Residuals over 1 - leverage (HC3) are not in this command: standard errors are not compared."
        found = case.result.statistics
        n, t, nobs = int(found["n_units"]), int(found["n_periods"]), int(found["nobs"])
        by = model.cluster if model.cov == "cluster" else "none"
        groups = {"unit": n, "time": t, "both": min(n, t)}.get(by, nobs)
        small = case.small(model, by)
        stata = type(small)("stata", small.nobs, small.k, small.absorbed, small.nested).expression(groups)
        return (
            f"The small-sample rule '{model.small_sample}' is not Stata's: the recorded covariance has the factor "
            f"{small.expression(groups)}, Stata's {stata}. Standard errors are not compared."
        )

    def by_command(self, model: PanelRegression, body: str, called: dict[str, str]) -> list[str]:
        """Return regressions whose standard errors have a command of their own."""
        t = int(self.case.result.statistics["n_periods"])
        lags = model.rule.lags(t)
        dummies = {"none": "", "unit": " i.unit_id", "time": " i.time_id", "two_way": " i.unit_id i.time_id"}
        right = f"{body}{dummies[model.fixed]}"
        if model.cov == "driscoll_kraay":
            command, words = f"xi: xtscc {right}, lag({lags})", "xtscc has a small-sample factor of its own"
        elif model.cov == "newey_west":
            command = f"newey {right}, lag({lags}) force"
            words = "newey's factor is n/(n - k) with all dummies in k"
        elif model.cov == "beck_katz" and model.cluster == "time":
            command, words = f"xtpcse {right}", ""
            same = model.small_sample == "none" and self.case.balanced
            lines = [] if same else wrapped("*", f"xtpcse has no factor, the recorded rule is '{model.small_sample}'.")
            return [*lines, command, *self.compare(called, errors=same)]
        else:
            absorbed = ABSORBED.get(model.effects)
            how = f"absorb({absorbed}) keepsingletons" if absorbed else "noabsorb"
            command, words = f"reghdfe {body}, {how}", f"Stata has no cov={model.cov} for this model"
        return [
            *wrapped("*", f"Coefficients are compared; {words}, so that standard errors are shown and not compared."),
            command,
            *self.compare(called, errors=False),
            *self.shown(called),
        ]

    def random(self, model: PanelRegression, body: str, called: dict[str, str]) -> list[str]:
        if model.effects != "random":
            return self.skip("random effects of periods, which xtreg does not have")
        if model.variance not in ("stata", "swamy_arora"):
            return self.skip(f"variance components of {model.variance}, which xtreg does not have; R's plm does")
        called["const"] = "_cons"
        unbiased = " sa" if model.variance == "swamy_arora" and not self.case.balanced else ""
        same, vce = model.cov == "classic", ""
        if model.cov == "cluster" and model.cluster == "unit":
            vce = " vce(cluster unit_id)"
        lines = [] if same else wrapped("*", "Standard errors are not compared: their small-sample factors differ.")
        return [*lines, f"xtreg {body}, re{unbiased}{vce}", *self.compare(called, "1e-5", errors=same)]

    def between(self, model: PanelRegression, y: str, x: Sequence[str], called: dict[str, str]) -> list[str]:
        called["const"] = "_cons"
        robust = model.cov == "robust"
        same = not robust or model.small_sample in ("stata", "full", "sss", "hc1")
        by = "time_id" if model.effects == "time" else "unit_id"
        return [
            "preserve",
            f"collapse (mean) {y} {' '.join(x)}, by({by})",
            f"regress {y} {' '.join(x)}{', vce(robust)' if robust else ''}",
            *self.compare(called, errors=same),
            "restore",
        ]

    def first_difference(self, model: PanelRegression, y: str, x: Sequence[str], called: dict[str, str]) -> list[str]:
        called = {term: f"D.{name}" for term, name in called.items()}
        if model.cov not in ("classic", "robust", "cluster") or (model.cov == "cluster" and model.cluster == "both"):
            same, vce, remark = False, "", "Standard errors are not compared."
        else:
            vce, remark, same = self.vce(model)
            if model.cov == "cluster" and model.cluster == "time" and model.effects == "two_way":
                # regress counts the dummies of periods, the rule leaves out what is nested in the clusters
                same, remark = False, "Standard errors are not compared: regress counts the dummies of periods."
        dummies = " i.time_id" if model.effects == "two_way" else ""
        if not dummies:
            called["const"] = "_cons"
        return [
            *(wrapped("*", remark) if remark else []),
            f"regress D.{y} {' '.join(f'D.{name}' for name in x)}{dummies}{',' if vce else ''}{vce}",
            *self.compare(called, errors=same),
        ]

    # -- instruments ------------------------------------------------------------------------------------------------

    def instruments(self, model: PanelIV) -> list[str]:
        case = self.case
        called = {name: self.names[name] for name in case.regressors}
        inside = " ".join(self.names[name] for name in case.endogenous)
        exogenous = " ".join(self.names[name] for name in case.regressors if name not in case.endogenous)
        outside = " ".join(self.names[name] for name in case.instruments)
        equation = " ".join(part for part in (self.names[model.y], exogenous, f"({inside} = {outside})") if part)
        vce = {"classic": "", "robust": " robust", "cluster": f" cluster({CLUSTERS[model.cluster]})"}[model.cov]
        rule = model.small_sample
        same = model.cov == "classic" or rule == "stata" or (model.cov == "robust" and rule == "full")
        lines = [] if same else wrapped("*", self.factor(model))
        liml = " liml" if model.method == "liml" else ""
        if model.effects == "none":
            called["const"] = "_cons"
            command = f"ivreg2 {equation}, small{vce}{liml}"
        else:
            command = f"ivreghdfe {equation}, absorb({ABSORBED[model.effects]}) keepsingletons small{vce}{liml}"
        return [*lines, command, *self.compare(called, "1e-5", errors=same)]

    # -- dynamic panels ---------------------------------------------------------------------------------------------

    def dynamic(self, model: DynamicPanel) -> list[str]:
        if model.convention == "pgmm":
            return self.skip("instruments in the convention of R's pgmm, which xtabond2 does not have")
        case, y = self.case, self.names[model.y]
        own = [self.stata_lag(y, lag) for lag in range(1, model.lags + 1)]
        regressors = [self.dynamic_term(term) for term in model.regressors]
        gmm = [(y, model.instrument_lags)]
        for default, group in (
            (model.predetermined_lags, model.predetermined),
            (model.endogenous_lags, model.endogenous),
        ):
            for name in group:
                lags = model.lag_ranges.get(name, default)
                if lags is not None:
                    gmm.append((self.names[name], lags))
        inside = {*model.predetermined, *model.endogenous}
        exogenous = [
            self.dynamic_term(term)
            for term in (*model.regressors, *model.instruments)
            if term not in inside and case.lag_terms.get(term, ("", 0))[0] not in inside
        ]
        collapse = " collapse" if model.collapse else ""
        system = model.kind == "system"
        where = ", equation(diff)" if system and model.exogenous_equation == "transformed" else ""
        options = [f"gmm({name}, lag({a} {'.' if b is None else b}){collapse})" for name, (a, b) in gmm]
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
        called = {f"L{'' if lag == 1 else lag}.{model.y}": own[lag - 1] for lag in range(1, model.lags + 1)}
        called |= {term: self.dynamic_term(term) for term in model.regressors}
        if system and model.effects == "unit":
            called["const"] = "_cons"
        if case.result.has_note("dependent_instruments"):
            lines += wrapped(
                "*",
                "Some instruments are linearly dependent: xtabond2 leaves columns out, digicarbon takes Moore and "
                "Penrose's inverse, so that numbers may differ. They are shown and not compared.",
            )
            numbers = self.shown(called)
        else:
            numbers = self.compare(called, "1e-5")
        words = [y, *own, *regressors]
        return [*lines, f"xtabond2 {' '.join(words)}{dummies}, {' '.join(options)}", *numbers]

    def dynamic_term(self, term: str) -> str:
        if term in self.case.lag_terms:
            variable, order = self.case.lag_terms[term]
            return self.stata_lag(self.names[variable], order)
        return self.names[term]

    def stata_lag(self, name: str, order: int) -> str:
        return f"L{'' if order == 1 else order}.{name}"

    # -- spatial panels ---------------------------------------------------------------------------------------------

    def spatial(self, model: SpatialPanel) -> list[str]:
        """Return xsmle, which has fixed and random effects; SLX and SDEM with the spatial lags that are in the data."""
        case = self.case
        y = self.names[model.y]
        x = [self.names[name] for name in case.regressors]
        lags = [self.names[f"W_{name}"] for name in case.lagged]
        if model.kind == "slx":
            return self.slx(model, y, [*x, *lags])
        if model.effects == "none":
            return self.skip("a pooled spatial panel, which xsmle does not have (it takes fe or re)")
        if model.error_weights is not None:
            return self.skip("errors with a matrix of their own, which is not among the files")
        if model.effects == "random" and model.error_structure == "kkp" and model.kind in ("sem", "sdem"):
            return self.skip("random effects inside the spatial process (KKP); xsmle has them outside")
        lag, error = model.kind in ("sar", "sdm", "sac"), model.kind in ("sem", "sdem", "sac")
        options = [f"wmat({self.matrix})"] if lag else []
        options += [f"emat({self.matrix})"] if error else []
        options.append(f"model({'sem' if model.kind == 'sdem' else model.kind})")
        right = [*x, *lags] if model.kind == "sdem" else x
        if model.kind == "sdm" and case.lagged != case.regressors:
            options.append(f"durbin({' '.join(self.names[name] for name in case.lagged)})")
        lines, compared, tolerance = [], True, "1e-4"
        if model.effects == "random":
            options.append("re")
        else:
            kind = TYPES[model.effects]
            yu = ", leeyu" if model.bias_correction == "lee_yu" and model.effects == "unit" else ""
            options += ["fe", f"type({kind}{yu})"]
        if model.effects in ("time", "two_way"):
            compared = model.demeaning == "first"
            # xsmle was seen to stop a little before the maximum of its own likelihood
            tolerance = "1e-2"
            lines += [] if compared else [self.remarks.refer(WAY_OF_DEMEANING.format(tool="xsmle"))]
            if model.bias_correction == "lee_yu":
                lines.append(self.remarks.refer(NO_LEE_YU))
        if model.bias_correction == "bias_corrected":
            compared = False
            lines += wrapped("*", "Lee and Yu's corrected direct estimates, which xsmle does not have.")
        lines.append(self.remarks.refer(OTHER_ERRORS))
        options += ["noeffects", "nolog"]
        called = {name: f"Main:{short}" for name, short in zip(case.regressors, x, strict=True)}
        where = "Main:" if model.kind == "sdem" else "Wx:"
        short = lags if model.kind == "sdem" else [self.names[name] for name in case.lagged]
        called |= {f"W_{name}": f"{where}{s}" for name, s in zip(case.lagged, short, strict=True)}
        called |= {"rho": "Spatial:rho", "lambda": "Spatial:lambda"}
        command = f"xsmle {y} {' '.join(right)}, {' '.join(options)}"
        numbers = self.compare(called, tolerance, errors=False) if compared else self.shown(called)
        return [*lines, command, *numbers]

    def slx(self, model: SpatialPanel, y: str, right: Sequence[str]) -> list[str]:
        case = self.case
        called = {name: self.names[name] for name in case.regressors}
        called |= {f"W_{name}": self.names[f"W_{name}"] for name in case.lagged}
        absorbed = ABSORBED.get(model.effects)
        if absorbed:
            command = f"reghdfe {y} {' '.join(right)}, absorb({absorbed}) keepsingletons"
        else:
            called["const"] = "_cons"
            command = f"regress {y} {' '.join(right)}"
        return [
            *wrapped(
                "*",
                "Least squares on regressors and their spatial lags. Standard errors are not compared: digicarbon's "
                f"are those of maximum likelihood with {int(case.result.statistics['nobs_effective'])} effective "
                "observations, Stata's have degrees of freedom.",
            ),
            command,
            *self.compare(called, errors=False),
        ]
