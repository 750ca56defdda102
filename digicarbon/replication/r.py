"""Recorded runs as an R script: each model writes its part, with the recorded numbers that it must find."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib.resources import files

from digicarbon.replication.case import Case, written
from digicarbon.replication.data import DataSet
from digicarbon.script import Names, RPart
from digicarbon.script.words import Remarks, chunks, quoted, unique, wrapped

PACKAGES = ("plm", "lmtest", "sandwich")
"""R packages that every script loads; a part names further ones."""


def r_script(
    cases: Sequence[Case], sets: Mapping[int, DataSet], names: Names, matrices: Mapping[str, str], file: str = "check.R"
) -> str:
    """Return a script that fits runs and ends with an error if a number is not the recorded one.

    ``sets``: the data of each run, by its number. ``matrices``: names of the files of weights, by digest. ``file``:
    what the script is called.
    """
    used = unique(sets[case.number].name for case in cases)
    weights = {one.digest: one for case in cases for one in case.weights}
    remarks = Remarks("#")
    parts: list[str] = []
    functions: list[str] = []
    further: list[str] = []
    for case in cases:
        names_of = case.matrix(matrices), remarks, case.further(matrices)
        part = RPart(case.extract, case.result, names, sets[case.number].name, *names_of)
        own = written(case, "r", part)
        if part.compares and not part.has_effects and case.result.spatial_effects is not None:
            own += part.skip("effects, for which there is no R code of this model")
        functions += part.functions
        further += part.packages
        title = quoted(case.title)
        parts += [f"# ---- {title}", f'run <- "{title}"', "fit <- V <- NULL", *own, ""]
    packages = unique((*PACKAGES, *further))
    lines = [
        "# Fits recorded runs again and compares coefficients and standard errors. Run it in this folder:",
        f"#   Rscript {file}",
        *wrapped(
            "#",
            f"It needs the packages {', '.join(packages[:-1])} and {packages[-1]}, and uses fixest and splm where they "
            "are installed.",
        ),
        *remarks.head(),
        *chunks(
            [f"library({name})" for name in packages], "suppressWarnings(suppressPackageStartupMessages({", "; ", "}))"
        ),
        "has <- function(package) requireNamespace(package, quietly = TRUE)",
        files(__package__).joinpath("helpers.R").read_text(encoding="utf-8"),
        *unique(functions),
        *(f'{name} <- read.csv("data/{name}.csv", encoding = "UTF-8")' for name in used),
        *(
            f'{matrices[digest]} <- {"by_period" if one.by_period else "matrix_of"}("weights/{matrices[digest]}.csv")'
            for digest, one in weights.items()
        ),
        "",
        *parts,
        'cat(sprintf("%d numbers compared, %d differ; %d comparisons not run.\\n", checked, length(failed), '
        "length(not_checked)))",
        "stopifnot(length(failed) == 0)",
        "",
    ]
    return "\n".join(lines)
