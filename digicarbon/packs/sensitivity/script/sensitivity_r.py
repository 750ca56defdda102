"""Oster's delta and robustness values in plain R, and in sensemakr and robomit where they are installed."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd

from digicarbon.diagnostic._focal import focal_of
from digicarbon.packs.sensitivity.diagnostic.omitted_variable import OmittedVariable
from digicarbon.packs.sensitivity.diagnostic.oster import NAMES, Oster
from digicarbon.panel import Panel
from digicarbon.replication.part.after import after, compared, dummies
from digicarbon.script.extract import Extract
from digicarbon.script.r import RPart, code, if_installed, vector
from digicarbon.script.words import number, quoted
from digicarbon.weights import Weights


def extract(diagnostic: Oster | OmittedVariable, panel: Panel, weights: Weights | None, own: Extract) -> Extract:
    """Return what scripts read of a model, with the columns of the regression that it is."""
    focal = focal_of(diagnostic.model, panel, diagnostic.term, weights)
    return replace(own, columns={**own.columns, **focal.regression.extract(focal.panel, weights).columns})


def oster(part: RPart, diagnostic: Oster, panel: Panel) -> list[str]:
    """Return delta, the adjusted coefficient and both regressions; intervals are by samples and not computed."""
    focal = focal_of(diagnostic.model, panel, diagnostic.term, None)
    controls, always = diagnostic.controls(focal)
    part.functions += code(__package__, "sensitivity")
    table = part.result.tables["oster"]["value"]
    values = {short: float(table[NAMES[short]]) for short in NAMES}
    r_max = "NA" if diagnostic.r_max is None else number(diagnostic.r_max)
    lines = [
        "# Oster (2019); intervals are percentiles of samples of units and not computed.",
        *after(part, focal, [focal.term, *controls], always),
        f"found <- oster(left$X, {r_max}, {number(diagnostic.selection)}, {number(diagnostic.beta)})",
        *compared(values, "found", "oster"),
    ]
    if focal.regression.observation_weights is not None:
        return lines
    names = [part.names[name] for name in (focal.regression.y, focal.term)]
    right = " + ".join(part.names[name] for name in controls)
    arguments = f'y = "{names[0]}", x = "{names[1]}", con = "{right}", R2max = found[["r_max"]], type = "lm", '
    body = [
        "rows <- as.data.frame(left$X)",
        f"delta <- robomit::o_delta({arguments}beta = {number(diagnostic.beta)}, data = rows)",
        f"beta <- robomit::o_beta({arguments}delta = {number(diagnostic.selection)}, data = rows)",
        "print(delta)",
        "print(beta)",
    ]
    return [*lines, *if_installed("robomit", "1.0", body)]


def omitted_variable(part: RPart, diagnostic: OmittedVariable, panel: Panel) -> list[str]:
    """Return robustness values and benchmarks."""
    focal = focal_of(diagnostic.model, panel, diagnostic.term, None)
    regression, names = focal.regression, part.names
    part.functions += code(__package__, "sensitivity")
    row = part.result.tables["omitted_variable"].iloc[0]
    own = {"coef": float(row["coef"]), "df": float(row["df"])}
    own |= {"partial_r2": float(row["partial_r2"]), "rv": float(row["rv"]), "rv_level": float(row["rv_level"])}
    benchmarks = part.result.tables.get("omitted_variable_benchmarks", pd.DataFrame())
    df = None if regression.cov == "classic" else part.result.inference.df
    free = 'own[["df"]] - 1' if df is None else number(df)
    lines = [
        "# Cinelli and Hazlett (2020); scale: the standard error over the classic one.",
        *after(part, focal, [focal.term, *focal.controls]),
        "own <- classic(left$X, left$free)",
        't <- own[["coef"]] / own[["se"]]',
        "scale <- 1" if regression.cov == "classic" else f'scale <- {number(float(row["se"]))} / own[["se"]]',
        f"critical <- qt({number((1 + diagnostic.level) / 2)}, {free})",
        f'rv <- robustness(t, own[["df"]], {number(diagnostic.q)})',
        f'rv_level <- robustness(t, own[["df"]], {number(diagnostic.q)}, critical * scale)',
        'found <- c(own, partial_r2 = t^2 / (t^2 + own[["df"]]), rv = rv, rv_level = rv_level)',
        *compared(own, "found", "omitted variable"),
    ]
    groups = diagnostic.groups(focal)
    for place, cells in enumerate(benchmarks.itertuples()):
        called, columns = list(groups.items())[place // len(diagnostic.times)]
        times = diagnostic.times[place % len(diagnostic.times)]
        others = vector([names[name] for name in focal.controls if name not in columns])
        numbers = {name: float(getattr(cells, name)) for name in ("r2dz_x", "r2yz_dx", "coef", "se")}
        group = vector([names[name] for name in columns])
        where = f'"{names[focal.term]}", "{names[regression.y]}", {group}, {others}'
        what = f"{times:g} times {names.get(called, quoted(called))}"
        check = compared(numbers, "found", what, numbers | {"coef": numbers["se"]})
        call = f"found <- benchmark(left$X, {where}, {number(times)}, scale, left$free)"
        lines += [call, *check] if check else []
    if regression.observation_weights is None:
        right = " + ".join([names[focal.term], *(names[name] for name in focal.controls)])
        formula = f"{names[regression.y]} ~ {right} + {dummies(part, regression).removeprefix('~ ')}"
        known = {"rv_q": float(row["rv"]), "r2yd.x": float(row["partial_r2"]), "estimate": float(row["coef"])}
        body = [
            f"fit <- lm({formula}, data = {part.data})",
            f'found <- sensemakr::sensemakr(fit, treatment = "{names[focal.term]}", q = {number(diagnostic.q)})',
            *compared(known, "unlist(found$sensitivity_stats[names(expected)])", "sensemakr"),
        ]
        lines += if_installed("sensemakr", "0.1.4", body)
    return lines
