"""Recorded runs as a Stata do-file: each model writes its part, with the recorded numbers as assertions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from digicarbon.replication.case import Case, written
from digicarbon.replication.data import DataSet
from digicarbon.script import Names, StataPart
from digicarbon.script.words import Remarks, quoted, unique, wrapped

PACKAGES = {
    "reghdfe": "reghdfe (ssc install reghdfe; ssc install ftools)",
    "ivreghdfe": "ivreghdfe (ssc install ivreghdfe; ssc install ivreg2; ssc install ranktest)",
    "xsmle": "xsmle (ssc install xsmle)",
    "xtabond2": "xtabond2 (ssc install xtabond2)",
    "xtscc": "xtscc (ssc install xtscc)",
}

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

* Compares a number that a command returned, to a share of a size.
capture program drop recorded_number
program define recorded_number
    args run name found expected size tolerance
    global compared = $compared + 1
    capture assert abs(`found' - (`expected')) <= `tolerance' * `size'
    if _rc {
        global differ = $differ + 1
        display as error "DIFFERS `run': `name' is " %18.12g `found' ", recorded " %18.12g (`expected')
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

    ``cases``, ``sets``, ``names``, ``matrices``, ``file``: as in `digicarbon.replication.r.r_script`.
    """
    remarks = Remarks("*")
    parts: list[tuple[Case, list[str]]] = []
    read: list[str] = []
    further: list[str] = []
    for case in cases:
        names_of = case.matrix(matrices), remarks, case.further(matrices)
        part = StataPart(case.extract, case.result, names, sets[case.number].name, *names_of)
        own = written(case, "stata", part)
        parts.append((case, own))
        further += part.packages
        read += [part.matrix] if part.reads_matrix else []
    text = "\n".join(line for _, lines in parts for line in lines if not line.startswith("*"))
    needed = unique((*(words for command, words in PACKAGES.items() if f"{command} " in text), *further))
    lines = [
        f"* Fits recorded runs again and compares coefficients and standard errors. Run it in this folder: do {file}",
        *wrapped("*", f"It needs {'; '.join(needed) or 'nothing beside Stata'}."),
        *remarks.head(),
        HEAD,
        *(line for name in unique(read) for line in _read_matrix(name)),
    ]
    loaded = ""
    for case, own in parts:
        lines.append(f"* ---- {quoted(case.title)}")
        name = sets[case.number].name
        if name != loaded and any(not line.startswith("*") for line in own):
            lines += [f'use "data/{name}.dta", clear', "quietly xtset unit_id time_id"]
            loaded = name
        lines += [f'local run "{quoted(case.title)}"', "ereturn clear"]
        lines += [*own, ""]
    return "\n".join([*lines, FOOT])


def _read_matrix(name: str) -> list[str]:
    return [
        f'import delimited "weights/{name}.csv", clear varnames(nonames) rowrange(2) asdouble encoding("utf-8")',
        "drop v1",
        f"mkmat _all, matrix({name})",
        "",
    ]
