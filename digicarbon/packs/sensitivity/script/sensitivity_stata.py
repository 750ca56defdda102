"""Oster's delta and robustness values in Stata: psacalc and sensemakr."""

from __future__ import annotations

from digicarbon.diagnostic._focal import focal_of
from digicarbon.model._absorption import TREND, group_column
from digicarbon.packs.sensitivity.diagnostic.omitted_variable import OmittedVariable
from digicarbon.packs.sensitivity.diagnostic.oster import NAMES, Oster
from digicarbon.panel import Panel
from digicarbon.replication.part.after import UNITS, absorbed
from digicarbon.script.stata import StataPart
from digicarbon.script.words import number, quoted, wrapped


def oster(part: StataPart, diagnostic: Oster, panel: Panel) -> list[str]:
    """Return psacalc on columns after effects; its numbers are shown."""
    focal = focal_of(diagnostic.model, panel, diagnostic.term, None)
    if focal.regression.observation_weights is not None:
        return part.skip("Oster's delta with weights of rows, which psacalc does not have")
    part.packages.append("psacalc (ssc install psacalc)")
    always = focal.of(diagnostic.always, "diagnostic.always")
    columns = [focal.term, *focal.controls]
    table = part.result.tables["oster"]["value"]
    names = [f"after_{place}" for place in range(1, len(columns) + 2)]
    beside = " ".join(name for name, column in zip(names, columns, strict=False) if column in always)
    kept = f" mcontrol({beside})" if beside else ""
    r_max = f"rmax({number(float(table[NAMES['r_max']]))})"
    return [
        *absorbed(part, focal, columns),
        f"regress {names[-1]} {' '.join(names[:-1])}",
        *(["* psacalc counts what is always there in its R2; recorded ones are without it."] if beside else []),
        f"psacalc delta {names[0]}, {r_max} beta({number(diagnostic.beta)}){kept}",
        f"psacalc beta {names[0]}, {r_max} delta({number(diagnostic.selection)}){kept}",
        "restore",
        "* Recorded, not compared:",
        f"*   delta {number(float(table[NAMES['delta']]))}",
        f"*   beta  {number(float(table[NAMES['adjusted']]))}",
    ]


def omitted_variable(part: StataPart, diagnostic: OmittedVariable, panel: Panel) -> list[str]:
    """Return sensemakr on a regression with dummies; its numbers are shown."""
    focal = focal_of(diagnostic.model, panel, diagnostic.term, None)
    regression, names = focal.regression, part.names
    if regression.observation_weights is not None:
        return part.skip("robustness values with weights of rows")
    part.packages.append("sensemakr (ssc install sensemakr)")
    effects = [f"i.{name}" for name in UNITS[regression.fixed]]
    effects += [f"i.{names[group_column(effect)]}" for effect in regression.absorb]
    if regression.trends is not None:
        effects.append(f"i.{names[group_column(regression.trends)]}#c.{names[TREND]}")
    row = part.result.tables["omitted_variable"].iloc[0]
    right = " ".join([names[focal.term], *(names[name] for name in focal.controls), *effects])
    groups = diagnostic.groups(focal)
    single = [names[columns[0]] for columns in groups.values() if len(columns) == 1]
    several = {name: [names[column] for column in columns] for name, columns in groups.items() if len(columns) > 1}
    times = " ".join(f"{one:g}" for one in diagnostic.times)
    benchmarks = f" benchmark({' '.join(single)}) kd({times})" if single else ""
    how = f"treat({names[focal.term]}) q({number(diagnostic.q)}) alpha({1 - diagnostic.level:g})"
    command = f"sensemakr {names[regression.y]} {right}, {how}"
    grouped = [
        line
        for place, (name, columns) in enumerate(several.items(), start=1)
        for line in (
            *wrapped("*", f"group_{place} is the benchmark {quoted(name)}: {', '.join(columns)} together."),
            f"{command} gbenchmark({' '.join(columns)}) gname(group_{place}) kd({times})",
        )
    ]
    return [
        "* sensemakr has classic standard errors: the robustness value of significance and errors may differ.",
        f"{command}{benchmarks}",
        *(wrapped("*", "sensemakr takes one group of benchmarks at a time, by gbenchmark.") if several else []),
        *grouped,
        "* Recorded, not compared:",
        *(f"*   {name}  {number(float(row[name]))}" for name in ("coef", "partial_r2", "rv", "rv_level")),
    ]
