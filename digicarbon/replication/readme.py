"""What is said of an export: its README, the numbers as a table, and the versions."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from digicarbon.disk.cells import plain_table
from digicarbon.errors import counted
from digicarbon.replication.case import Case
from digicarbon.replication.data import DataSet
from digicarbon.script import Names
from digicarbon.tracking import COMMIT, DIRTY, recorded_versions

WIDTH = 110
_WILD = (
    "p values and intervals of the wild bootstrap are in expected.csv; the scripts do not compute them. "
    "digicarbon's page on inference has every step, and weights/ has the matrix of the filter."
)


@dataclass(frozen=True)
class Facts:
    """What an export is of.

    ``simulated``: whether data are drawn by a computer. ``uncounted``: sentences on runs that are not among the cases.
    ``scripts``: names of the scripts. ``statements``: what packs say of the plan, e.g. of its lock.
    """

    title: str
    experiment: str
    parent_id: str
    simulated: bool
    uncounted: tuple[str, ...]
    scripts: tuple[str, ...]
    statements: tuple[str, ...]


def readme(
    facts: Facts,
    cases: Sequence[Case],
    sets: Mapping[int, DataSet],
    names: Names,
    matrices: Mapping[str, str],
    configs: Mapping[int, str],
) -> str:
    """Return README.txt.

    ``sets``: by the number of the run. ``matrices``: names of the files of weights, by digest. ``configs``: the file of
    each run's configuration.
    """
    width = max(map(len, names.values()), default=0)
    notes = dict.fromkeys(note for case in cases for note in case.result.notes)
    r, do = ([name for name in facts.scripts if name.endswith(end)] for end in (".R", ".do"))
    parts = [
        facts.title,
        "=" * min(len(facts.title), WIDTH),
        "",
        *(["THE DATA ARE SIMULATED: drawn by a computer from a model with known coefficients.", ""] * facts.simulated),
        _wrapped(
            f"{counted(len(cases), 'run')} of the MLflow experiment {facts.experiment}, parent run {facts.parent_id}, "
            "with the data that they were fitted to and scripts that fit them again in R and Stata and compare every "
            "coefficient, effect and standard error with the recorded one."
        ),
        "",
        *(line for statement in facts.statements for line in (_wrapped(statement), "")),
        "To check",
        "  R      " + ", ".join(f"Rscript {name}" for name in r),
        "  Stata  " + ", ".join(f"do {name}" for name in do),
        _wrapped(
            "in this folder. A script says what it compared and ends with an error if a number differs. What a tool "
            "does not have, or computes by another convention, is said in a comment beside the run and not compared. "
            "The R scripts are run in digicarbon's own tests (plm, base R); Stata, fixest and splm are not."
        ),
        *([_wrapped(_WILD)] if any((own := case.result.resampled) is not None and own.wild for case in cases) else []),
        "",
        "Files",
        "  data/set_<k>.csv, .dta    rows of units and periods with the columns of the models (terms are made: logs,",
        "                            powers, lags, products); unit_id and time_id count units and periods",
        "  weights/<name>.csv        spatial weights as fitted (normalised), a matrix in the order of unit_id",
        "  weights/<name>_long.csv   the same, a row for each pair: unit, neighbour, their numbers, weight",
        "                            weights that differ between periods stand below each other, with their period",
        "  config/<run>.yaml         the composed configuration of each run",
        "  expected.csv              every coefficient and standard error of every run, and the effects",
        "  experiment.yaml           the experiment as it was asked for",
        "  data.json                 files, bytes and choices behind the data",
        "  environment.txt           versions; requirements.txt: the same for pip",
        "  manifest.json             SHA-256 of each file",
        "",
        "Runs",
        *_runs(cases, sets, matrices, configs),
        *(["", *(_wrapped(sentence) for sentence in facts.uncounted)] if facts.uncounted else []),
        "",
        "Names: in the files, in digicarbon",
        *(f"  {name:<{width}}  {column}" for column, name in names.items()),
        "",
        "Notes under the table",
        *(_wrapped(f"- {note}", "  ") for note in notes),
        "",
    ]
    return "\n".join(parts)


def expected(cases: Sequence[Case], sets: Mapping[int, DataSet], names: Names) -> str:
    """Return all numbers of all runs as CSV."""
    rows = []
    for case in cases:
        head: dict[str, Any] = {
            "run": case.number,
            "label": case.label,
            "run_id": case.run_id,
            "data": sets[case.number].name,
        }
        effects = case.result.effects.reset_index(level="effect")
        for table in (case.result.estimates.assign(effect="coefficient"), effects):
            called = [names.get(str(term), str(term)) for term in table.index]
            rows.append(table.rename_axis("term").reset_index().assign(name=called, **head))
    found = pd.concat(rows)
    first = ["run", "label", "run_id", "data", "effect", "term", "name"]
    return plain_table(found[[*first, *found.columns.drop(first)]]).to_csv(index=False, lineterminator="\n")


def environment(recorded: Mapping[str, str], now: Mapping[str, str], python: str) -> tuple[str, str]:
    """Return environment.txt and requirements.txt.

    ``recorded``, ``now``: tags of the code (`digicarbon.tracking.provenance`) when the runs were fitted, and of this
    export. ``python``: the version of Python now.
    """
    then, today = recorded_versions(recorded), recorded_versions(now)
    lines = [
        f"{'package':<16}{'when fitted':<16}now",
        *(f"{name:<16}{then.get(name, ''):<16}{today.get(name, '')}" for name in dict.fromkeys([*then, *today])),
        "",
        f"Git commit when fitted: {recorded.get(COMMIT, 'not in a repository')}"
        f"{', with changes that are not in it' if recorded.get(DIRTY) == 'True' else ''}",
        f"Python of this export: {python}",
        "",
    ]
    return "\n".join(lines), "".join(f"{name}=={number}\n" for name, number in then.items() if number)


def _runs(
    cases: Sequence[Case], sets: Mapping[int, DataSet], matrices: Mapping[str, str], configs: Mapping[int, str]
) -> list[str]:
    lines = []
    for case in cases:
        weights = "".join(f", {matrices[one.digest]}" for one in case.weights)
        weights += f", p filtered by {matrices[case.filtered.digest]}" if case.filtered is not None else ""
        lines.append(f"  {case.title}")
        lines.append(f"      {case.result.kind}, {sets[case.number].name}{weights}, {configs[case.number]}")
    return lines


def _wrapped(text: str, indent: str = "") -> str:
    return textwrap.fill(text, WIDTH, initial_indent=indent, subsequent_indent=indent + ("  " if indent else ""))
