"""A regression table: one column per run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import groupby
from types import MappingProxyType
from typing import Annotated, Literal

import numpy as np
import pandas as pd
from pydantic import Field, field_validator

from digicarbon import data
from digicarbon.arrays import FloatArray
from digicarbon.errors import ConfigError
from digicarbon.note import Note, cut, suggestion
from digicarbon.report.base import MOST_RUNS, MostRuns, Record, Report, Table, attributed, heads, notes_of
from digicarbon.report.intervals import interval_files
from digicarbon.report.labels import Labels
from digicarbon.report.pictured import Formats
from digicarbon.report.summary import coefficients
from digicarbon.result import REGRESSOR, Result, Role, effect_names
from digicarbon.spec import Names

Beneath = Literal["se", "t", "p", "interval"]

STATISTICS = ("nobs", "n_units", "n_instruments", "r2_within", "loglik")
TESTS = ("ar1", "ar2", "sargan", "hansen", "first_stage_f", "overid", "anderson_rubin")
PLACES = {"regressor": 1, "dummy": 1, "lag_x": 3}
"""The rank of a term's row by the kind of its role; focal terms come first, parameters that are no slopes last."""
_BENEATH: Mapping[str, Mapping[Beneath, str]] = {
    "en": {
        "se": "Standard errors in parentheses",
        "t": "t statistics (z without degrees of freedom) in parentheses",
        "p": "p values in parentheses",
        "interval": "{level} confidence intervals in brackets",
    },
    "zh": {
        "se": "括号内为标准误",
        "t": "括号内为t值（大样本为z值）",
        "p": "括号内为p值",
        "interval": "方括号内为{level}置信区间",
    },
}


class RegressionTable(Report):
    """Coefficients with stars, standard errors in parentheses below, effects, and fit statistics.

    Attributes
    ----------
    decimals : int
        Digits after the decimal point.
    stars : tuple of 3 floats
        Largest p values for one, two and three stars.
    beneath : {"se", "t", "p", "interval"}
        What is below each coefficient and effect: its standard error, t statistic, p value or confidence interval.
    effects : bool
        Whether direct, indirect and total effects of the focal terms are shown where a model has them.
    show_controls : bool
        Whether controls and their spatial lags have rows; if not, one row says which runs have controls.
    statistics : tuple of str
        Which fit statistics to show.
    tests : tuple of str
        Which tests of the fit to show, by the statistic's name: its value, and in brackets the p value, which is the
        statistic ``<name>_p``.
    dummies : bool
        Whether the coefficients of unit and time dummies (LSDV) are shown.
    most_runs : int
        Up to how many runs have a column each. With more, the table counts signs and significance of the focal
        coefficients, over all runs and by each choice, at the second level of ``stars``.
    pictures : tuple of {"png", "svg", "pdf"}
        Formats of pictures of the focal coefficients and effects with their intervals; empty for none.
    labels, language
        As in `Report`.
    """

    decimals: Annotated[int, Field(ge=0, le=12)] = 4
    stars: Annotated[tuple[float, float, float], Field(strict=False)] = (0.1, 0.05, 0.01)
    beneath: Beneath = "se"
    effects: bool = True
    show_controls: bool = True
    statistics: Names = STATISTICS
    tests: Names = TESTS
    dummies: bool = False
    most_runs: MostRuns = MOST_RUNS
    pictures: Formats = ()

    @field_validator("stars")
    @classmethod
    def _falling(cls, stars: tuple[float, float, float]) -> tuple[float, float, float]:
        one, two, three = stars
        if not 1 >= one > two > three > 0:
            raise ValueError(Note("stars_not_falling", stars=str(list(stars))))
        return stars

    def files(self, title: str, records: Sequence[Record]) -> Mapping[str, bytes]:
        """Return pictures of the focal coefficients, and of effects where a model has them, if formats are named.

        Raises
        ------
        ConfigError
            If matplotlib is not installed, or no run has a focal term.
        """
        if not self.pictures or len(records) > self.most_runs:
            return {}
        runs = list(records)
        effects = ("effects",) if any(record.result.spatial_effects is not None for record in runs) else ()
        files: dict[str, bytes] = {}
        for name in ("coefficients", *effects):
            files |= interval_files(self, name, title, runs, (), self.pictures)
        return files

    def table(self, title: str, records: Sequence[Record]) -> Table:
        """Return the table.

        Raises
        ------
        ConfigError
            If there is no statistic or test of a name: neither the package has one nor any of the runs.
        """
        if len(records) > self.most_runs:
            return coefficients(title, records, self.stars[1], self.decimals, self.words)
        # read once: these are few
        return self._side_by_side(title, list(records))

    def _refuse_unknown(self, records: Sequence[Record]) -> None:
        """Refuse a statistic that nobody knows; one of the package that these runs lack has no row."""
        known = {**data.words(), **data.terms()}
        there = dict.fromkeys(name for record in records for name in record.result.statistics)
        for key, names in (("statistics", self.statistics), ("tests", self.tests)):
            unknown = [name for name in names if name not in there and name.removesuffix("_p") not in known]
            if unknown:
                hint = suggestion(unknown[0], [*there, *STATISTICS, *TESTS])
                raise ConfigError(
                    Note("no_statistic", key=f"report.{key}", name=unknown[0], hint=hint, there=cut(there, 20))
                )

    def _side_by_side(self, title: str, records: Sequence[Record]) -> Table:
        self._refuse_unknown(records)
        words = self.words
        rows: list[tuple[str, list[str]]] = []
        rules: list[int] = []
        blocks: list[int] = []
        roles = _roles(records)
        terms = [term for term in _order(records, roles) if self.dummies or roles[term].kind != "dummy"]
        hidden = set() if self.show_controls else _controls(records)
        shown = [term for term in terms if term not in hidden]
        rows += self._block(shown, [_by_term(r.result.terms, r.result.estimate_columns) for r in records], roles)
        for effect in effect_names(record.result for record in records) if self.effects else ():
            columns = [_effect_by_term(record.result, effect) for record in records]
            focal = dict.fromkeys(term for r in records if r.result.spatial_effects for term in r.result.focal)
            shown = [term for term in focal if any(term in one for one in columns)]
            if shown:
                rules.append(len(rows))
                blocks.append(len(rows))
                rows.append((words.word(effect), [""] * len(records)))
                rows += self._block(shown, columns)
        rules.append(len(rows))
        if hidden:
            with_controls = [not hidden.isdisjoint(record.result.terms) for record in records]
            rows.append((words.word("controls"), [words.word("yes" if has else "no") for has in with_controls]))
        absorbed = (kind for record in records for kind in record.result.absorbed)
        # random effects are shown in the row of the unit or the time
        for kind in dict.fromkeys(("unit", "time", *(kind for kind in absorbed if kind != "random"))):
            rows.append((self._effects_of(kind), [words.word(_effects(record.result, kind)) for record in records]))
        for names, cell in ((self.statistics, self._statistic), (self.tests, self._test)):
            for name in names:
                cells = [cell(record.result.statistics, name) for record in records]
                if any(cells):
                    rows.append((words.word(name), cells))
        columns_of_runs = _heads(records, self.words)
        cells_frame = pd.DataFrame(
            [cells for _, cells in rows], index=[label for label, _ in rows], columns=columns_of_runs
        )
        notes = self._notes(records, [term for term in terms if term in hidden])
        over = self._spanners(records)
        return Table(title, cells_frame, tuple(rules), notes, None, over, tuple(blocks), self.words.spoken)

    def _effects_of(self, kind: str) -> str:
        if kind in ("unit", "time"):
            return self.words.word(f"{kind} effects")
        return f"{self.words(kind)}{'固定效应' if self.language == 'zh' else ' effects'}"

    def _spanners(self, records: Sequence[Record]) -> tuple[tuple[str, int], ...]:
        """Return the outcomes as heads over their columns, if they differ."""
        runs = [(y, len(list(same))) for y, same in groupby(record.result.y for record in records)]
        return tuple((self.words(y), count) for y, count in runs) if len(runs) > 1 else ()

    def _statistic(self, statistics: Mapping[str, float], name: str) -> str:
        return _number(statistics.get(name), self.decimals)

    def _test(self, statistics: Mapping[str, float], name: str) -> str:
        value, p = statistics.get(name, np.nan), statistics.get(f"{name}_p", np.nan)
        # without a p value there is no test, as with as many instruments as parameters
        return f"{value:.{self.decimals}f} [{p:.{self.decimals}f}]" if np.isfinite(p) else ""

    def _block(
        self,
        terms: Sequence[str],
        columns: Sequence[Mapping[str, Mapping[str, float]]],
        roles: Mapping[str, Role] = MappingProxyType({}),
    ) -> list[tuple[str, list[str]]]:
        rows = []
        for term in terms:
            numbers = [one.get(term) for one in columns]
            label = self.words(term, roles.get(term, REGRESSOR).of)
            rows.append((label, ["" if row is None else self._starred(row) for row in numbers]))
            rows.append(("", ["" if row is None else self._beneath(row) for row in numbers]))
        return rows

    def _beneath(self, row: Mapping[str, float]) -> str:
        if not np.isfinite(row["se"]):
            return ""
        if self.beneath == "interval":
            return f"[{row['low']:z.{self.decimals}f}, {row['high']:z.{self.decimals}f}]"
        return self._bracketed(row[{"se": "se", "t": "stat", "p": "p"}[self.beneath]])

    def _bracketed(self, se: float) -> str:
        return f"({se:.{self.decimals}f})" if np.isfinite(se) else ""

    def _starred(self, row: Mapping[str, float]) -> str:
        stars = "*" * sum(bool(row["p"] < bound) for bound in self.stars)
        return f"{row['coef']:.{self.decimals}f}{stars}"

    def _notes(self, records: Sequence[Record], hidden: Sequence[str]) -> tuple[str, ...]:
        one, two, three = self.stars
        between = "、" if self.language == "zh" else ", "
        outcomes = between.join(self.words(y) for y in dict.fromkeys(record.result.y for record in records))
        tested = any(self._test(record.result.statistics, name) for record in records for name in self.tests)
        levels = "/".join(f"{level:.0%}" for level in dict.fromkeys(r.result.inference.level for r in records))
        beneath = _BENEATH[self.language or "en"][self.beneath].format(level=levels)
        stars = f"* p < {one:g}, ** p < {two:g}, *** p < {three:g}"
        roles = _roles(records)
        controls = between.join(self.words(term, roles[term].of) for term in hidden)
        if self.language == "zh":
            brackets = "；方括号内为检验的p值" if tested else ""
            first = [f"被解释变量：{outcomes}。{beneath}；{stars}{brackets}。"]
            first += [f"控制变量：{controls}。"] if hidden else []
        else:
            brackets = "; p values of tests in brackets" if tested else ""
            first = [f"Outcome: {outcomes}. {beneath}; {stars}{brackets}."]
            first += [f"Controls: {controls}."] if hidden else []
        choices = attributed([(record.label, _choice_notes(record, self.effects)) for record in records])
        within = any(self._statistic(record.result.statistics, "r2_within") for record in records)
        definition = [Note("within_r2")] if within and "r2_within" in self.statistics else []
        return (*first, *self.words.notes((*definition, *notes_of(records), *choices)))


def _choice_notes(record: Record, effects: bool) -> list[Note]:
    """Return notes on the choices of a run that its column does not show."""
    notes = []
    weights, sample = record.options.get("weights", ""), record.options.get("sample", "full")
    if weights and record.result.terms_of("lag_x", "lag_y", "lag_error"):
        notes.append(Note("spatial_weights", weights=weights))
    if sample != "full":
        notes.append(Note("sample", sample=sample))
    if effects and not record.result.without_indirect.isdisjoint(record.result.focal):
        notes.append(Note("no_indirect"))
    return notes


def _controls(records: Sequence[Record]) -> set[str]:
    """Return controls and their spatial lags: columns that are neither focal nor the outcome's own past."""
    models = [record.result for record in records if record.result.focal]
    focal = {term for model in models for term in model.focal}
    return {
        term
        for model in models
        for term in model.terms_of("regressor", "lag_x")
        if (model.role(term).of or term) not in focal and not model.role(term).of_past(model.y)
    }


def _by_term(terms: Sequence[str], columns: Mapping[str, FloatArray]) -> dict[str, dict[str, float]]:
    """Return coef, se, stat, p, low and high by term; for a repeated term, the first."""
    names = ("coef", "se", "stat", "p", "low", "high")
    # plain arrays: a data frame would cost more time than the fit itself
    values = zip(*(columns[name].tolist() for name in names), strict=True)
    rows = [dict(zip(names, row, strict=True)) for row in values]
    return dict(reversed(list(zip(terms, rows, strict=True))))


def _effect_by_term(result: Result, effect: str) -> dict[str, dict[str, float]]:
    """Return the numbers of an effect, e.g. the direct one, by term; none where the result lacks it."""
    terms, columns = result.effects_of(effect)
    without = result.without_indirect if effect == "indirect" else frozenset()
    return {term: row for term, row in _by_term(terms, columns).items() if term not in without} if terms else {}


def _effects(result: Result, kind: str) -> str:
    """Return whether a model has effects of a kind: yes, no, or random."""
    if kind in result.absorbed:
        return "yes"
    return "random" if kind in result.random else "no"


def _roles(records: Sequence[Record]) -> dict[str, Role]:
    """Return the role of each term; if records differ, that in the first record."""
    roles: dict[str, Role] = {}
    for result in (record.result for record in records):
        roles = dict(zip(result.terms, result.roles or (REGRESSOR,) * len(result.terms), strict=True)) | roles
    return roles


def _order(records: Sequence[Record], roles: Mapping[str, Role]) -> list[str]:
    """Return terms in the order of rows: focal terms, controls, spatial lags, parameters of the error."""
    terms = list(dict.fromkeys(term for record in records for term in record.result.terms))
    focal = dict.fromkeys(term for record in records for term in record.result.focal)

    def rank(term: str) -> int:
        if term in focal:
            return 0
        return 2 if roles[term].of in focal else PLACES.get(roles[term].kind, 4)

    return sorted(terms, key=rank)


def _number(value: float | None, decimals: int) -> str:
    if value is None or not np.isfinite(value):
        return ""
    return f"{value:.0f}" if float(value).is_integer() else f"{value:.{decimals}f}"


def _heads(records: Sequence[Record], words: Labels) -> list[str]:
    """Return what the runs are called, numbered where a run has no label."""
    return [name or f"({position})" for position, name in enumerate(heads(records, words), start=1)]
