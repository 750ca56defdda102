"""A regression table: one column per run."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

import numpy as np
import pandas as pd
from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    PrivateAttr,
    WithJsonSchema,
    field_validator,
    model_validator,
)

from digicarbon import data, pack
from digicarbon.arrays import FloatArray
from digicarbon.errors import ConfigError
from digicarbon.note import Note, cut, suggestion
from digicarbon.numeric.significance import stars_of
from digicarbon.report.base import Record, Table, attributed
from digicarbon.report.heads import Heads, heads_of, option_of
from digicarbon.report.labels import Labels
from digicarbon.report.pictured import Formats, Pictured
from digicarbon.report.regimes import terms_in_words
from digicarbon.report.rows import Rows, controls_of, interval_text, number_text, row_of
from digicarbon.report.sets import set_text
from digicarbon.report.supplement import NOTES_OF_COLUMNS, NotesOfColumns, Supplement, SupplementRequest
from digicarbon.result import RATIOS, REGRESSOR, Result, Role, effect_names
from digicarbon.spec import Names

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Number = Literal["se", "t", "p", "ci"]


def _listed(value: Any) -> Any:
    """Return a list of one number's name, or several, with ``ci`` for ``interval``, its name in earlier versions."""
    names = [value] if isinstance(value, str) else value
    return tuple("ci" if name == "interval" else name for name in names) if isinstance(names, list | tuple) else names


_ONE = {"enum": ["se", "t", "p", "ci", "interval"], "type": "string"}
TablesBelow = Annotated[
    tuple[Number, ...],
    BeforeValidator(_listed),
    WithJsonSchema({"anyOf": [_ONE, {"type": "array", "items": _ONE, "uniqueItems": True}]}),
]
"""Numbers below a coefficient, a line each; a single one may stand without a list."""
STATISTICS = (
    *("nobs", "n_units", "n_treated", "n_never", "n_instruments", "r2_within", "loglik", "pretest_p"),
    *("threshold_1", "threshold_2", "threshold_3"),
)
TESTS = (
    *("ar1", "ar2", "sargan", "hansen", "first_stage_f", "overid", "anderson_rubin"),
    *("threshold_f_1", "threshold_lr_1", "threshold_f_2", "threshold_lr_2", "threshold_f_3", "threshold_lr_3"),
)
PLACES = {"regressor": 1, "dummy": 1, "lag_x": 3}
"""The rank of a term's row by the kind of its role; focal terms come first, parameters that are no slopes last."""


def _falling(stars: tuple[float, float, float]) -> tuple[float, float, float]:
    one, two, three = stars
    if not 1 >= one > two > three > 0:
        raise ValueError(Note("stars_not_falling", stars=str(list(stars))))
    return stars


Stars = Annotated[tuple[float, float, float], Field(strict=False), AfterValidator(_falling)]
"""Largest p values for one, two and three stars."""


def stars_meaning(stars: Stars) -> str:
    """Return what one, two and three stars mean, in no language."""
    return ", ".join(f"{'*' * (place + 1)} p ≤ {level:g}" for place, level in enumerate(stars))


_LABEL = re.compile(r"[A-Za-z0-9:._-]*")


class RegressionTable(Pictured):
    """Coefficients with stars, standard errors in parentheses below, effects, and fit statistics.

    Attributes
    ----------
    stars : tuple of 3 floats
        Largest p values for one, two and three stars.
    beneath : tuple of {"se", "t", "p", "ci"}
        What is below each coefficient and effect, a line each: standard error, t statistic, p value, confidence
        interval. A single one may be a word; ``interval`` means ``ci``.
    heads : tuple of str, or None
        Choices whose values are the heads over the columns, from the top, e.g. ``[weights, model.effects, column]``:
        keys of the grid or of columns, a config group, and ``column``. None: what the grid varies, then the columns.
        Empty: the labels of the runs.
    rows : mapping of str to str or tuple
        Rows of the user's own above the statistics, by their words: a cell for each column, or what the row shows of
        each run: a choice (``weights``), a term (yes or no), a statistic, ``controls``, ``outcome`` or ``column``.
    caption : str or None
        The title instead of the experiment's.
    label : str or None
        By which a LaTeX paper refers to the table; None: one from the title.
    effects : bool
        Whether direct, indirect and total effects are shown where a model has them.
    effects_of : {"focal", "all"}
        Of which terms they are shown: the focal ones, or controls as well.
    show_controls : bool
        Whether controls and their spatial lags have rows; if not, one row says which runs have controls.
    statistics : tuple of str
        Which fit statistics to show; a threshold has its confidence set in the next row.
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
    """

    stars: Stars = (0.1, 0.05, 0.01)
    beneath: TablesBelow = ("se",)
    heads: Annotated[tuple[str, ...] | None, Field(strict=False)] = None
    rows: Rows = Field(default_factory=dict)
    caption: str | None = None
    label: str | None = None
    effects: bool = True
    effects_of: Literal["focal", "all"] = "focal"
    show_controls: bool = True
    statistics: Names = STATISTICS
    tests: Names = TESTS
    dummies: bool = False
    pictures: Formats = ()

    _of_columns: Mapping[str, tuple[Note, ...]] = PrivateAttr(default_factory=dict)

    @property
    def supplement_request(self) -> SupplementRequest | None:
        """What packs say of the columns below the table."""
        return next((make(self.most_runs) for make in pack.offered(NOTES_OF_COLUMNS)), None)

    def with_supplement(self, supplement: Supplement | None) -> Self:
        """Return the report with what is said of its columns."""
        report = self.model_copy()
        report._of_columns = supplement.notes if isinstance(supplement, NotesOfColumns) else {}
        return report

    @model_validator(mode="after")
    def _each_once(self) -> Self:
        for key, names in (("beneath", self.beneath), ("heads", self.heads or ())):
            twice = [name for name, times in Counter(names).items() if times > 1]
            if twice:
                raise ValueError(Note("several_named_twice", key=key, terms=cut(twice)))
        return self

    @field_validator("label")
    @classmethod
    def _printable(cls, label: str | None) -> str | None:
        if label is not None and not _LABEL.fullmatch(label):
            raise ValueError(Note("label_of_latex", label=label))
        return label

    def drawn(self, title: str, records: Sequence[Record]) -> Iterable[tuple[str, Figure]]:
        """Yield pictures of the focal coefficients, and of effects where a model has them."""
        from digicarbon.report.intervals import interval_figure

        runs = list(records)
        effects = ("effects",) if any(record.result.spatial_effects is not None for record in runs) else ()
        for name in ("coefficients", *effects):
            yield name, interval_figure(self, name, self.caption or title, runs)

    def table(self, title: str, records: Sequence[Record]) -> Table:
        """Return the table.

        Raises ConfigError if neither the package nor any of the runs has a statistic or test of a name, if no run has a
        choice of ``heads``, or what a row of ``rows`` shows, or a row has not one cell for each column.
        """
        title = self.caption or title
        if len(records) > self.most_runs:
            from digicarbon.report.summary import coefficients

            table = coefficients(title, records, self.stars[1], self.decimals, self.words, self.multiverse)
            return replace(table, label=self.label or "")
        # read once: these are few
        return self._side_by_side(title, heads_of(list(self._with_notes(records)), self.heads, self.words))

    def _with_notes(self, records: Iterable[Record]) -> Iterator[Record]:
        """Yield the records with what is said of their columns; a fit that is shown again follows its run."""
        own = ""
        for record in records:
            own = own if record.again else record.label
            more = self._of_columns.get(own, ())
            notes = (*record.result.notes, *more)
            yield replace(record, result=replace(record.result, notes=notes)) if more else record

    def _with_summary(self, above: Table, title: str, tables: Iterable[tuple[Record, pd.DataFrame]]) -> Table:
        """Return the table of very many runs with a summary of further numbers below, in place of pictures."""
        from digicarbon.report.summary import across

        below = across(self.words.word(title), tables, lambda value: self._number(float(str(value))), self.words)
        pictures = self.words.notes((Note("no_pictures_of_many", most=self.most_runs),))
        return replace(above, notes=(*above.notes, *pictures), below=replace(below, notes=below.notes[:1]))

    def _number(self, value: float) -> str:
        return f"{value:z.{self.decimals}f}"

    def _refuse_unknown(self, records: Sequence[Record]) -> None:
        """Refuse a statistic that nobody knows; one of the package that these runs lack has no row."""
        known = {**data.words(), **data.terms()}
        of_statistics = known
        there = dict.fromkeys(name for record in records for name in record.result.statistics)
        if there and self.statistics and not {*there, *STATISTICS}.intersection(self.statistics):
            # none of a list that someone wrote: the usual one has the number of observations
            of_statistics = {}
        for key, names in (("statistics", self.statistics), ("tests", self.tests)):
            unknown = [
                name
                for name in names
                if not {name, name.removesuffix("_p")} & {*there, *(known if key == "tests" else of_statistics)}
            ]
            if unknown:
                hint = suggestion(unknown[0], [*there, *STATISTICS, *TESTS])
                raise ConfigError(
                    Note("no_statistic", key=f"report.{key}", name=unknown[0], hint=hint, there=cut(there, 20))
                )

    def _side_by_side(self, title: str, heads: Heads) -> Table:
        records = heads.records
        self._refuse_unknown(records)
        words = self.words
        rows: list[tuple[str, list[str]]] = []
        rules: list[int] = []
        blocks: list[int] = []
        named = terms_in_words(records, words)
        results = [record.result for record in named.records]
        roles = _roles(results)
        terms = [term for term in _order(results, roles) if self.dummies or roles[term].kind != "dummy"]
        hidden = set() if self.show_controls else controls_of(records)
        shown = [term for term in terms if term not in hidden]
        coefs = [_by_term(result.terms, result.estimate_columns) for result in results]
        rows += self._block(shown, coefs, named.words, roles)
        for effect in effect_names(results) if self.effects else ():
            columns = [_effect_by_term(result, effect) for result in results]
            focal = dict.fromkeys(term for result in results if result.spatial_effects for term in result.focal)
            there = {term for one in columns for term in one}
            # in the order of the coefficients
            others = dict.fromkeys(term for term in _order(results, roles) if term in there)
            others = others if self.effects_of == "all" else {}
            shown = [term for term in focal | others if any(term in one for one in columns)]
            if shown:
                rules.append(len(rows))
                blocks.append(len(rows))
                rows.append((words.word(effect), [""] * len(records)))
                rows += self._block(shown, columns, named.words, ratios=effect in RATIOS)
        rules.append(len(rows))
        own = {title: row_of(title, row, records, self.decimals, words) for title, row in self.rows.items()}
        if hidden and words.word("controls") not in own:
            with_controls = [not hidden.isdisjoint(record.result.terms) for record in records]
            rows.append((words.word("controls"), [words.word("yes" if has else "no") for has in with_controls]))
        absorbed = (kind for record in records for kind in record.result.absorbed)
        # random effects are shown in the row of the unit or the time
        for kind in dict.fromkeys(("unit", "time", *(kind for kind in absorbed if kind != "random"))):
            cells = [words.word(_effects(record.result, kind)) for record in records]
            rows += [(self._effects_of(kind), cells)] if self._effects_of(kind) not in own else []
        for kind in dict.fromkeys(kind for record in records for kind in record.result.trends):
            cells = [words.word("yes" if kind in record.result.trends else "no") for record in records]
            rows += [(self._trends_of(kind), cells)] if self._trends_of(kind) not in own else []
        rows += self._choices(heads) + list(own.items())
        for names, cell in ((self.statistics, self._statistic), (self.tests, self._test)):
            for name in names:
                cells = [cell(record.result.statistics, name) for record in records]
                if any(cells):
                    rows.append((words.word(name), cells))
                sets = [set_text(record.result, name, self.decimals) for record in records]
                if any(sets) and names is self.statistics:
                    rows.append((words.word(f"{name}_set"), sets))
        names = tuple(record.label for record in records)
        cells_frame = pd.DataFrame(
            [cells for _, cells in rows], index=[label for label, _ in rows], columns=heads.lowest
        )
        return Table(
            title,
            cells_frame,
            rules=tuple(rules),
            notes=self._notes(heads, [term for term in terms if term in hidden]),
            spanners=heads.spanners,
            blocks=tuple(blocks),
            language=self.words.spoken,
            corners=heads.corners,
            names=names if names != tuple(heads.lowest) else (),
            label=self.label or "",
        )

    def _choices(self, heads: Heads) -> list[tuple[str, list[str]]]:
        """Return rows of choices that differ between the columns and that neither heads nor the user's rows show."""
        return [
            (self.words.choice(key), [_said(record, key, self.words) for record in heads.records])
            for key in _differing(heads)
            if key not in self.rows.values() and self.words.choice(key) not in self.rows
        ]

    def _effects_of(self, kind: str) -> str:
        if kind in ("unit", "time"):
            return self.words.word(f"{kind} effects")
        return self.words.word("effects of").format(kind=self.words(kind))

    def _trends_of(self, kind: str) -> str:
        if kind == "unit":
            return self.words.word("unit trends")
        return self.words.word("trends of").format(kind=self.words(kind))

    def _statistic(self, statistics: Mapping[str, float], name: str) -> str:
        return number_text(statistics.get(name), self.decimals)

    def _test(self, statistics: Mapping[str, float], name: str) -> str:
        value, p = statistics.get(name, np.nan), statistics.get(f"{name}_p", np.nan)
        # without a p value there is no test, as with as many instruments as parameters
        return f"{value:.{self.decimals}f} [{p:.{self.decimals}f}]" if np.isfinite(p) else ""

    def _block(
        self,
        terms: Sequence[str],
        columns: Sequence[Mapping[str, Mapping[str, float]]],
        words: Labels,
        roles: Mapping[str, Role] = MappingProxyType({}),
        ratios: bool = False,
    ) -> list[tuple[str, list[str]]]:
        rows = []
        kinds = dict.fromkeys("ci" if ratios and kind in ("se", "t") else kind for kind in self.beneath)
        for term in terms:
            numbers = [one.get(term) for one in columns]
            role = roles.get(term, REGRESSOR)
            label = words(term, role.of, role.by)
            rows.append((label, ["" if row is None else self._starred(row) for row in numbers]))
            for kind in kinds:
                cells = ["" if row is None else self._number_below(row, kind) for row in numbers]
                if kind == "ci" and kind not in self.beneath:
                    # a column without intervals has what the others have below their coefficients
                    cells = [
                        cell or ("" if row is None else self._number_below(row, self.beneath[0]))
                        for cell, row in zip(cells, numbers, strict=True)
                    ]
                # a parameter without a standard error has nothing beneath it
                rows += [("", cells)] if any(cells) else []
        return rows

    def _number_below(self, row: Mapping[str, float], kind: Number) -> str:
        if not np.isfinite(row["se"]):
            return ""
        if kind == "ci":
            return interval_text(row["low"], row["high"], self.decimals)
        if kind == "se" or len(self.beneath) == 1:
            return self._bracketed(row[{"se": "se", "t": "stat", "p": "p"}[kind]])
        value, least = row["stat" if kind == "t" else "p"], 10.0**-self.decimals
        if kind == "p" and value < least / 2:
            return f"p < {least:.{self.decimals}f}"
        return f"{kind} = {value:.{self.decimals}f}" if np.isfinite(value) else ""

    def _bracketed(self, se: float) -> str:
        return f"({se:.{self.decimals}f})" if np.isfinite(se) else ""

    def _starred(self, row: Mapping[str, float]) -> str:
        return f"{row['coef']:.{self.decimals}f}{stars_of(row['p'], self.stars)}"

    def _below(self, level: str) -> str:
        """Return the words for the numbers below coefficients."""
        word = self.words.word
        if len(self.beneath) == 1:
            return word(f"beneath alone: {self.beneath[0]}").format(level=level)
        between = "、" if self.language == "zh" else ", "
        each = between.join(word(f"beneath: {kind}").format(level=level) for kind in self.beneath)
        return word("beneath each coefficient").format(each=each)

    def _notes(self, heads: Heads, hidden: Sequence[str]) -> tuple[str, ...]:
        records = heads.records
        between = "、" if self.language == "zh" else ", "
        outcomes = between.join(self.words(y) for y in dict.fromkeys(record.result.y for record in records))
        tested = any(self._test(record.result.statistics, name) for record in records for name in self.tests)
        levels = "/".join(f"{level:.0%}" for level in dict.fromkeys(r.result.inference.level for r in records))
        parts = [self._below(levels)] if self.beneath else []
        parts.append(stars_meaning(self.stars))
        parts += [self.words.word("beneath ratios").format(level=levels)] if self._has_ratios(records) else []
        parts += [self.words.word("p values of tests")] if tested else []
        said = ("；" if self.language == "zh" else "; ").join(parts)
        roles = _roles([record.result for record in records])
        controls = between.join(self.words(term, roles[term].of, roles[term].by) for term in hidden)
        first = [self.words.word("about the columns").format(outcomes=outcomes, said=said)]
        first += [self.words.word("controls of the columns").format(controls=controls)] if hidden else []
        shown = {*heads.keys, *_differing(heads)}
        runs = list(zip(heads.owners, records, strict=True))
        own = attributed([(owner, record.result.notes) for owner, record in runs])
        choices = attributed([(owner, self._choice_notes(record, shown)) for owner, record in runs])
        within = any(self._statistic(record.result.statistics, "r2_within") for record in records)
        definition = [Note("within_r2")] if within and "r2_within" in self.statistics else []
        lost = attributed([(owner, _first_period(record, records)) for owner, record in runs])
        left = attributed([(owner, _other_effects(record, records)) for owner, record in runs])
        return (*first, *heads.same, *self.words.notes((*definition, *lost, *left, *own, *choices)))

    def _has_ratios(self, records: Sequence[Record]) -> bool:
        """Return whether intervals stand below effects in the place of other numbers."""
        if not self.effects or {"se", "t"}.isdisjoint(self.beneath):
            return False
        every = self.effects_of == "all"
        return any(
            np.isfinite(row["se"]) and not np.isnan(row["low"])
            for record in records
            for name in RATIOS
            for term, row in _effect_by_term(record.result, name).items()
            if every or term in record.result.focal
        )

    def _choice_notes(self, record: Record, shown: Collection[str]) -> list[Note]:
        """Return notes on the choices of a run that neither its heads nor a row show."""
        notes = []
        if "weights" not in shown and _said(record, "weights", self.words):
            notes.append(Note("spatial_weights", weights=option_of(record, "weights", self.words)))
        if "sample" not in shown and record.options.get("sample", "full") != "full":
            notes.append(Note("sample", sample=option_of(record, "sample", self.words)))
        if self.effects and not record.result.without_indirect.isdisjoint(record.result.focal):
            notes.append(Note("no_indirect"))
        return notes


def _first_period(record: Record, records: Sequence[Record]) -> list[Note]:
    """Return a note where a run with the past in it stands beside runs of the same units and one period more."""
    n_units, n_periods = (record.result.statistics.get(name, np.nan) for name in ("n_units", "n_periods"))
    beside = [
        other.result.statistics
        for other in records
        if other.result.terms and not other.result.terms_of("past_y", "past_lag_y")
    ]
    longer = any(each.get("n_units") == n_units and each.get("n_periods") == n_periods + 1 for each in beside)
    return [Note("first_period_lost")] if longer and record.result.terms_of("past_y", "past_lag_y") else []


_EFFECTS = {"unit": Note("of_units"), "time": Note("of_periods")}


def _other_effects(record: Record, records: Sequence[Record]) -> list[Note]:
    """Return a note where a run has other effects than the first column, without having chosen them."""
    if not record.result.terms or {"model.effects", "model.absorb"}.intersection(record.varied):
        return []
    first, own = _kinds(next(one.result for one in records if one.result.terms)), _kinds(record.result)
    return [Note("other_effects", own=_effects_words(own), first=_effects_words(first))] if own != first else []


def _kinds(result: Result) -> frozenset[str]:
    """Return what a result has effects of, those of random ones included."""
    return frozenset({*result.absorbed, *result.random} - {"random"})


def _effects_words(kinds: frozenset[str]) -> Note:
    """Return effects in words, those of units and periods first."""
    order = sorted(kinds, key=lambda kind: ([*_EFFECTS, kind].index(kind), kind))
    if not order:
        return Note("no_effects")
    return Note("effects_of_kinds", kinds=tuple(_EFFECTS.get(kind, kind) for kind in order))


def _said(record: Record, key: str, words: Labels) -> str:
    """Return the words for the weights or the sample of a run; none for weights that its model does not use."""
    # weights whose decay is estimated are none of the run's
    spatial = record.result.terms_of("lag_x", "lag_y", "lag_error") and not record.result.terms_of("decay")
    used = key != "weights" or spatial
    return option_of(record, key, words) if used and key in record.options else ""


def _differing(heads: Heads) -> list[str]:
    """Return which of the weights and the sample differ between columns without being their heads."""
    return [
        key
        for key in ("weights", "sample")
        if key not in heads.keys and len({_said(record, key, Labels()) for record in heads.records} - {""}) > 1
    ]


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


def with_block(above: Table, lines: Sequence[tuple[str, list[str]]]) -> Table:
    """Return a regression table with lines, a label and a cell for each run, below its coefficients."""
    cut = above.rules[0]
    table = with_lines(above, cut, lines)
    return replace(table, rules=(cut, *table.rules))


def with_lines(table: Table, place: int, lines: Sequence[tuple[str, list[str]]]) -> Table:
    """Return a table with lines, a label and a cell for each run, before the row of a place."""
    cells = pd.DataFrame([own for _, own in lines], index=[label for label, _ in lines], columns=table.cells.columns)
    return replace(
        table,
        cells=pd.concat([table.cells.iloc[:place], cells, table.cells.iloc[place:]]),
        rules=tuple(rule + len(lines) * (rule >= place) for rule in table.rules),
        blocks=tuple(block + len(lines) * (block >= place) for block in table.blocks),
    )


def _roles(results: Sequence[Result]) -> dict[str, Role]:
    """Return the role of each term; if results differ, that in the first one."""
    roles: dict[str, Role] = {}
    for result in results:
        roles = dict(zip(result.terms, result.roles or (REGRESSOR,) * len(result.terms), strict=True)) | roles
    return roles


def _order(results: Sequence[Result], roles: Mapping[str, Role]) -> list[str]:
    """Return terms in the order of rows: focal terms, their values, controls, spatial lags, parameters of the error."""
    terms = list(dict.fromkeys(term for result in results for term in result.terms))
    focal = dict.fromkeys(term for result in results for term in result.focal)
    numbers = {term: part.number for result in results for term, part in result.focal_levels.items()}

    def rank(term: str) -> tuple[float, float]:
        if term in focal:
            return 0, 0
        if term in numbers:
            # not in the order of the runs: the first of them may lack some values
            number = numbers[term]
            return 0.5, np.inf if number is None else number
        return 2 if roles[term].of in focal else PLACES.get(roles[term].kind, 4), 0

    return sorted(terms, key=rank)
