"""A regression table: one column per run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated

import numpy as np
import pandas as pd
from pydantic import Field

from digicarbon.report.base import MOST_RUNS, MostRuns, Record, Report, Table, notes_of
from digicarbon.report.intervals import interval_files
from digicarbon.report.pictured import Formats
from digicarbon.report.summary import coefficients
from digicarbon.result import FloatArray, Result
from digicarbon.spec import Names

_EFFECT_WORDS = {"unit": "Unit effects", "time": "Time effects"}
_STATISTIC_WORDS = {
    "nobs": "Observations", "n_units": "Units", "n_periods": "Periods", "r2": "R²", "r2_within": "Within R²",
    "loglik": "Log-likelihood", "aic": "AIC", "bic": "BIC", "sigma2": "σ²", "nobs_effective": "Effective observations",
    "df_resid": "Degrees of freedom", "n_instruments": "Instruments", "ar1": "AR(1)", "ar2": "AR(2)", "ar3": "AR(3)",
    "sargan": "Sargan", "hansen": "Hansen", "wald": "Wald", "first_stage_f": "First-stage F",
    "effective_f": "Effective F", "conditional_f": "Conditional F", "cragg_donald_f": "Cragg-Donald F",
    "kleibergen_paap_f": "Kleibergen-Paap F", "kleibergen_paap_lm": "Kleibergen-Paap LM", "overid": "Sargan/Hansen",
    "endogeneity": "Endogeneity", "anderson_rubin": "Anderson-Rubin", "partial_r2": "Partial R²",
    "anderson_rubin_low": "Anderson-Rubin set, from", "anderson_rubin_high": "Anderson-Rubin set, to",
    "equal_f": "Equality of groups, F", "equal_p": "Equality of groups, p", "equal_chi2": "Equality of groups, χ²",
}  # fmt: skip


class RegressionTable(Report):
    """Coefficients with stars, standard errors in parentheses below, effects, and fit statistics.

    Attributes
    ----------
    decimals : int
    stars : tuple of 3 floats
        Largest p values for one, two and three stars.
    effects : bool
        Whether direct, indirect and total effects of the focal terms are shown where a model has them.
    statistics : tuple of str
        Which fit statistics to show.
    tests : tuple of str
        Which tests of the fit to show, by the statistic's name: its value, and in brackets the p value that stands
        beside it as ``<name>_p``.
    dummies : bool
        Whether the coefficients of unit and time dummies (LSDV) are shown.
    most_runs : int
        Up to how many runs have a column each. Of more, the table counts signs and significance of the focal
        coefficients, over all runs and by each choice, at the second level of ``stars``.
    pictures : tuple of {"png", "svg", "pdf"}
        Formats of pictures of the focal coefficients and effects with their intervals; empty for none.
    """

    decimals: Annotated[int, Field(ge=0, le=12)] = 4
    stars: Annotated[tuple[float, float, float], Field(strict=False)] = (0.1, 0.05, 0.01)
    effects: bool = True
    statistics: Names = ("nobs", "n_units", "n_instruments", "r2_within", "loglik")
    tests: Names = ("ar1", "ar2", "sargan", "hansen", "first_stage_f", "overid", "anderson_rubin")
    dummies: bool = False
    most_runs: MostRuns = MOST_RUNS
    pictures: Formats = ()

    def files(self, title: str, records: Sequence[Record]) -> Mapping[str, bytes]:
        """Return pictures of the focal coefficients, and of effects where a model has them, if formats are named.

        Raises
        ------
        ConfigError
            If matplotlib is not installed, or no run has a focal term.
        """
        if not self.pictures or len(records) > self.most_runs:
            return {}
        shown = list(records)
        effects = ("effects",) if any(record.result.spatial_effects is not None for record in shown) else ()
        made: dict[str, bytes] = {}
        for name in ("coefficients", *effects):
            made |= interval_files(self, name, title, shown, (), self.pictures)
        return made

    def table(self, title: str, records: Sequence[Record]) -> Table:
        """Return the table."""
        if len(records) > self.most_runs:
            return coefficients(title, records, self.stars[1], self.decimals)
        return self._side_by_side(title, records)

    def _side_by_side(self, title: str, records: Sequence[Record]) -> Table:
        rows: list[tuple[str, list[str]]] = []
        rules: list[int] = []
        terms = [term for term in _order(records) if self.dummies or not term.startswith(("unit[", "time["))]
        rows += self._block(terms, [_by_term(r.result.terms, r.result.estimate_columns) for r in records])
        for position, effect in enumerate(("direct", "indirect", "total") if self.effects else ()):
            focal = list(dict.fromkeys(term for r in records if r.result.spatial_effects for term in r.result.focal))
            if focal:
                rules.append(len(rows))
                rows.append((f"{effect.capitalize()} effect", [""] * len(records)))
                rows += self._block(focal, [_effect_by_term(record.result, position) for record in records])
        rules.append(len(rows))
        for kind, words in _EFFECT_WORDS.items():
            rows.append((words, [_effects(record.result, kind) for record in records]))
        for names, shown in ((self.statistics, self._statistic), (self.tests, self._test)):
            for name in names:
                cells = [shown(record.result.statistics, name) for record in records]
                if any(cells):
                    rows.append((_STATISTIC_WORDS.get(name, name), cells))
        heads = _heads(records)
        cells_frame = pd.DataFrame([cells for _, cells in rows], index=[label for label, _ in rows], columns=heads)
        return Table(title, cells_frame, tuple(rules), self._notes(records))

    def _statistic(self, statistics: Mapping[str, float], name: str) -> str:
        return _number(statistics.get(name), self.decimals)

    def _test(self, statistics: Mapping[str, float], name: str) -> str:
        value, p = statistics.get(name, np.nan), statistics.get(f"{name}_p", np.nan)
        # without a p value there is no test, as with as many instruments as parameters
        return f"{value:.{self.decimals}f} [{p:.{self.decimals}f}]" if np.isfinite(p) else ""

    def _block(
        self, terms: Sequence[str], every: Sequence[Mapping[str, Mapping[str, float]]]
    ) -> list[tuple[str, list[str]]]:
        rows = []
        for term in terms:
            found = [one.get(term) for one in every]
            rows.append((term, ["" if row is None else self._starred(row) for row in found]))
            rows.append(("", ["" if row is None else self._bracketed(row["se"]) for row in found]))
        return rows

    def _bracketed(self, se: float) -> str:
        return f"({se:.{self.decimals}f})" if np.isfinite(se) else ""

    def _starred(self, row: Mapping[str, float]) -> str:
        stars = "*" * sum(bool(row["p"] < bound) for bound in self.stars)
        return f"{row['coef']:.{self.decimals}f}{stars}"

    def _notes(self, records: Sequence[Record]) -> tuple[str, ...]:
        one, two, three = self.stars
        outcomes = ", ".join(dict.fromkeys(record.result.y for record in records))
        tested = any(self._test(record.result.statistics, name) for record in records for name in self.tests)
        brackets = "; p values of tests in brackets" if tested else ""
        return (
            f"Outcome: {outcomes}. Standard errors in parentheses; * p < {one:g}, ** p < {two:g}, *** p < {three:g}"
            f"{brackets}.",
            *notes_of(records),
        )


def _by_term(terms: Sequence[str], columns: Mapping[str, FloatArray]) -> dict[str, dict[str, float]]:
    """Return coef, se and p by term; of a term that stands twice, the first."""
    names = ("coef", "se", "p")
    # arrays, no data frame, which costs more than the fit that it shows
    values = zip(*(columns[name].tolist() for name in names), strict=True)
    rows = [dict(zip(names, row, strict=True)) for row in values]
    return dict(reversed(list(zip(terms, rows, strict=True))))


def _effect_by_term(result: Result, position: int) -> dict[str, dict[str, float]]:
    """Return coef, se and p of the direct (0), indirect (1) or total (2) effects by term."""
    if result.spatial_effects is None:
        return {}
    columns = {name: column[position] for name, column in result.effect_columns.items()}
    return _by_term(result.spatial_effects.terms, columns)


def _effects(result: Result, kind: str) -> str:
    """Return whether effects of a kind are in a model, and that they are random where they are."""
    if kind in result.absorbed:
        return "yes"
    random = {"random": ("unit",), "random_time": ("time",), "random_two_way": ("unit", "time")}
    return "random" if kind in random.get(result.kind, ()) else "no"


def _order(records: Sequence[Record]) -> list[str]:
    """Focal terms first, then controls, spatial lags, and the parameters of the error."""
    every = list(dict.fromkeys(term for record in records for term in record.result.terms))
    focal = dict.fromkeys(term for record in records for term in record.result.focal)
    last = ("const", "rho", "lambda", "sigma2")

    def rank(term: str) -> int:
        if term in focal:
            return 0
        if term in last:
            return 4
        return 2 if term.startswith("W_") and term.removeprefix("W_") in focal else 3 if term.startswith("W_") else 1

    return sorted(every, key=rank)


def _number(value: float | None, decimals: int) -> str:
    if value is None or not np.isfinite(value):
        return ""
    return f"{value:.0f}" if float(value).is_integer() else f"{value:.{decimals}f}"


def _heads(records: Sequence[Record]) -> list[str]:
    """Return the runs' labels, numbered where a run has none."""
    return [record.label or f"({position})" for position, record in enumerate(records, start=1)]
