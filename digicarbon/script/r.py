"""The part of a run in an R script, and the words for it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib.resources import files

from digicarbon.script.part import Part
from digicarbon.script.words import chunks, number, quoted

EFFECTS = {"unit": "individual", "time": "time", "two_way": "twoways"}
"""What plm calls effects."""
WITHIN = {
    "none": "v - mean(v)",
    "unit": "v - ave(v, unit_id)",
    "time": "v - ave(v, time_id)",
    "two_way": "v - ave(v, unit_id) - ave(v, time_id) + mean(v)",
}
"""A column ``v`` without its effects, where columns of the data are known by name."""
DUMMIES = "lm.fit(model.matrix(~ factor(unit_id) + factor(time_id)), v)$residuals"
"""The same of two-way effects where units lack periods."""


def code(package: str, *names: str) -> list[str]:
    """Return the R code of files of a package, functions that the lines of scripts call."""
    return [files(package).joinpath(f"{name}.R").read_text(encoding="utf-8") for name in names]


@dataclass(eq=False)
class RPart(Part):
    """The part of one run in an R script.

    The script has read `data`, with the columns ``unit_id`` and ``time_id``, and loaded plm, lmtest and sandwich.

    Attributes
    ----------
    functions : list of str
        R code that must stand at the head of the script, each text once.
    packages : list of str
        R packages that the part needs beside these three: the script's head names and loads each of them once.
    compares : bool
        Whether coefficients are compared.
    has_effects : bool
        Whether effects are compared, too.
    """

    functions: list[str] = field(default_factory=list)
    packages: list[str] = field(default_factory=list)
    compares: bool = False
    has_effects: bool = False

    def skip(self, why: str) -> list[str]:
        """Return the line that says why a run is not compared."""
        return [f'skip(run, "{quoted(why)}")']

    def vectors(self, called: Mapping[str, str]) -> list[str]:
        """Return expected numbers as two vectors: terms that the tool reports, under its names."""
        found = {term: pair for term, pair in self.expected.items() if term in called}
        coef = [f"`{called[term]}` = {number(b)}" for term, (b, _) in found.items()]
        lines = chunks(coef, "expected <- c(", ", ", ")")
        size = [f"`{called[term]}` = {finite(se)}" for term, (_, se) in found.items()]
        return [*lines, *chunks(size, "recorded_se <- c(", ", ", ")")]

    def compare(
        self, coef: str, errors: str, called: Mapping[str, str], tolerance: str = "1e-6", what: str = ""
    ) -> list[str]:
        """Return the comparison of coefficients and, unless ``errors`` is empty, of their standard errors."""
        name = f'paste(run, "{what}")' if what else "run"
        self.compares = True
        lines = self.vectors(called)
        lines.append(f"check({name}, {coef}, expected, recorded_se, {tolerance})")
        if errors:
            lines += [
                "known <- !is.na(recorded_se)",
                f'check({name}, {errors}, recorded_se[known], tolerance = {tolerance}, what = "standard error")',
            ]
        return lines


def within(effects: str, balanced: bool) -> str:
    """Return R code of a column ``v`` without fixed effects, in the data; ``none`` removes its mean."""
    return DUMMIES if effects == "two_way" and not balanced else WITHIN[effects]


def if_installed(package: str, version: str, body: Sequence[str]) -> list[str]:
    """Return lines that are run where R has a package."""
    return [
        f'if (has("{package}") && packageVersion("{package}") >= "{version}") {{',
        *(f"  {line}" for line in body),
        f'}} else skip(paste(run, "({package})"), "the package {package} (>= {version}) is not installed")',
    ]


def vector(words: Sequence[str]) -> str:
    """Return texts as a vector."""
    quotes = ", ".join(f'"{word}"' for word in words)
    return f"c({quotes})" if words else "character(0)"


def finite(value: float) -> str:
    """Return a number with all its digits, ``NA`` for one that does not exist."""
    return number(value) if math.isfinite(value) else "NA"
