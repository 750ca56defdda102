"""Whether coefficients differ between groups of units: an interacted model and a permutation test."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, ClassVar, get_args

import numpy as np
import pandas as pd
from pydantic import Field

from digicarbon.diagnostic._arguments import Seed, refuse_unknown, regression_of, whole, with_call
from digicarbon.diagnostic._rows import followed, in_english, not_tested
from digicarbon.diagnostic.of_model import OfModel
from digicarbon.errors import ConfigError, DigicarbonError, EstimationError
from digicarbon.model import GroupedRegression, GroupedSpatial, Model, PanelRegression, SpatialPanel
from digicarbon.model._groups import By, Groups, Interact, known_grouping
from digicarbon.model.grouped_regression import Expanded, equal_test, grouped
from digicarbon.model.tested import Tested
from digicarbon.note import Note, cut, note_of
from digicarbon.note.about import note_of_said, rebased
from digicarbon.numeric.resampling.group_permutation import PermutationStatistic, permutation_test, unit_moments
from digicarbon.numeric.tests.equality import wald_test
from digicarbon.panel import Panel
from digicarbon.result import Result
from digicarbon.weights import Weights

FEWEST_DRAWS = 99
Draws = Annotated[int, Field(ge=FEWEST_DRAWS)]
COLUMNS = ("term", "test", "groups", "regression", "estimate", "se", "statistic", "df", "df_denominator", "p", "null")
JOINT = "all focal terms"
TOGETHER, SEPARATE = "all units", "each group"


@dataclass(frozen=True)
class _Line:
    """One row of a comparison; see `compare_groups`."""

    term: str
    test: str
    groups: str | Note
    null: Note
    regression: str = TOGETHER
    estimate: float = math.nan
    se: float = math.nan
    statistic: float = math.nan
    df: float = math.nan
    df_denominator: float = math.nan
    p: float = math.nan


@with_call
def compare_groups(
    model: Model,
    panel: Panel,
    by: By | None = None,
    interact: Interact = "focal",
    draws: int = 999,
    seed: int = 0,
    statistic: PermutationStatistic = "studentised",
    weights: Weights | None = None,
) -> pd.DataFrame:
    """Compare a regression's focal coefficients between groups of units.

    Parameters
    ----------
    model : PanelRegression or SpatialPanel
        Its terms, effects and covariance are used.
    panel : Panel
    by : str or mapping of str to str, optional
        A column of text or numbers that is constant within units, a grouping that is known of a country's units, or
        unit -> group. By default the known country's own grouping.
    interact : {"focal", "regressors", "all"}
        What differs between groups in the interacted model, see `GroupedRegression`; not ``all`` in a spatial panel.
    draws : int
        Splits of the permutation test; where two groups have no more splits than this, each split is used once.
    seed : int
        Of the random draws.
    statistic : {"difference", "studentised"}
        Of the permutation test; studentised where the spread of regressors or errors differs between groups, see
        `digicarbon.numeric.resampling.group_permutation.permutation_test`.
    weights : Weights, optional
        For Conley's covariance and spatial panels.

    Returns
    -------
    DataFrame
        Columns term, test, groups, regression, estimate, se, statistic, df, df_denominator, p and null (a sentence).
        The regression is of ``all units``, with interactions, or of ``each group`` separately. Tests are
        ``coefficient`` (of a group, against zero), ``equality`` (Wald, F with the model's degrees of freedom),
        ``difference`` (of two groups, t, with df 1) and ``permutation`` (of two groups; its estimate is the difference
        of two separate regressions). p values of pairs are not corrected for their number.
        In a spatial panel all p values rest on the standard errors.

    Raises
    ------
    ConfigError
        If the model is neither a panel regression nor a spatial panel, or ``draws``, ``seed``, ``interact`` or
        ``statistic`` is wrong.
    DataError, EstimationError
        If the groups are wrong, or the interacted model cannot be fitted.

    Notes
    -----
    The permutation test moves whole units with their time paths between two groups and keeps the sizes of the groups;
    p is two-sided, (b + 1)/(B + 1) of B draws. Stata's ``bdiff`` (Lian, version 1.04) counts draws with a difference of
    at least the observed one, b/B, and shows 1 - p where that exceeds one half: one tail in the direction of the
    estimate, which can be zero; it moves single observations unless the command's name begins with xt.
    """
    by = known_grouping() if by is None else by
    refuse_unknown(interact, get_args(Interact), "interact")
    refuse_unknown(statistic, get_args(PermutationStatistic), "statistic")
    refuse_few_draws(draws)
    seed = whole(seed, "seed")
    # the checks above speak of arguments, not of fields
    asked = GroupComparison.model_construct(
        model=model, by=by, interact=interact, draws=draws, seed=seed, statistic=statistic
    )
    return in_english(asked.lines(panel, weights))


def refuse_few_draws(draws: int) -> None:
    """Raise a `ConfigError` if p values would be coarser than 0.01."""
    if whole(draws, "draws", None) < FEWEST_DRAWS:
        raise ConfigError(Note("draws_too_few", draws=draws, fewest=FEWEST_DRAWS))


def _of_terms(result: Result, x: tuple[str, ...], groups: Groups) -> list[_Line]:
    lines = [line for term in x for line in _interaction_lines(result, term, groups)]
    return [*lines, *([_equality_line(result, x, groups)] if len(x) > 1 else [])]


def _without_groups(model: Model) -> Tested:
    """Return the regression or the spatial panel without groups."""
    regression = regression_of(model)
    if regression is not None:
        return regression.without_groups
    return _one_slope(model)


def _one_slope(model: Model) -> SpatialPanel:
    """Return the spatial panel with one slope for all groups."""
    spatial = model.as_a(SpatialPanel)
    if spatial is None and isinstance(plain := getattr(model, "without_groups", None), Model):
        spatial = plain.as_a(SpatialPanel)
    if spatial is None:
        raise ConfigError(Note("groups_of_other_model", model=type(model).__name__))
    return spatial


def _interaction_lines(result: Result, term: str, groups: Groups) -> Iterator[_Line]:
    numbers, df = {column: values.to_numpy() for column, values in result.estimates.items()}, result.inference.df
    denominator = math.nan if df is None else df
    for name, size in zip(groups.labels, groups.sizes, strict=True):
        at = result.terms.index(grouped(term, name))
        coef, se, t, p = (float(numbers[column][at]) for column in ("coef", "se", "stat", "p"))
        null = Note("group_zero", term=term, group=name, units=int(size))
        yield _Line(term, "coefficient", name, null, TOGETHER, coef, se, t, 1.0, denominator, p)
    yield _equality_line(result, (term,), groups)
    for one, two in itertools.combinations(groups.labels, 2):
        index = [result.terms.index(grouped(term, name)) for name in (one, two)]
        pair, covariance = result.coef[index], result.covariance[np.ix_(index, index)]
        contrast = np.array([[1.0, -1.0]])
        estimate, variance = float((contrast @ pair)[0]), float((contrast @ covariance @ contrast.T)[0, 0])
        test = wald_test(contrast, pair, covariance, df)
        se = math.sqrt(variance) if variance >= 0 else math.nan
        # F of one restriction is t²
        t = math.copysign(math.sqrt(test.statistic), estimate) if test.statistic >= 0 else math.nan
        null = Note("two_groups_equal", term=term, group=one, other=two)
        yield _Line(term, "difference", _pair(one, two), null, TOGETHER, estimate, se, t, 1.0, denominator, test.p)


def _equality_line(result: Result, terms: tuple[str, ...], groups: Groups) -> _Line:
    test = equal_test(result, terms, groups.labels)
    which = terms[0] if len(terms) == 1 else JOINT
    null = Note("groups_equal", terms=cut(terms))
    if math.isnan(test.statistic):
        null = followed(not_tested(Note("few_clusters_for_restrictions", restrictions=int(test.df))), null)
    return _Line(
        which,
        "equality",
        Note("groups", groups=len(groups.labels)),
        null,
        statistic=test.statistic,
        df=test.df,
        df_denominator=test.df_denominator,
        p=test.p,
    )


def _pair(one: str, two: str) -> Note:
    return Note("difference_of", first=one, second=two)


def _permutations(
    model: PanelRegression, expanded: Expanded, draws: int, seed: int, statistic: PermutationStatistic
) -> list[_Line]:
    """Return the permutation tests of each pair of groups; where a test is not possible, its row says why."""
    groups, x = expanded.groups, expanded.x
    controls = expanded.panel.expanded(model.controls, among=model.regressors)
    classic = model.model_copy(update={"formula": None, "x": x, "controls": controls, "cov": "classic"})
    pairs = list(itertools.combinations(range(len(groups.labels)), 2))
    lines: list[_Line] = []
    # each pair has a separate stream: its draws do not depend on those of another pair
    for pair, stream in zip(pairs, np.random.default_rng(seed).spawn(len(pairs)), strict=True):
        try:
            lines += _permutation(classic, expanded.panel, groups, pair, draws, stream, statistic)
        except DigicarbonError as error:
            which = x[0] if len(x) == 1 else JOINT
            where = _pair(*(groups.labels[g] for g in pair))
            lines.append(_Line(which, "permutation", where, not_tested(note_of(error)), SEPARATE))
    return sorted(lines, key=lambda line: x.index(line.term) if line.term in x else len(x))


def _permutation(
    model: PanelRegression,
    panel: Panel,
    groups: Groups,
    pair: tuple[int, int],
    draws: int,
    rng: np.random.Generator,
    statistic: PermutationStatistic,
) -> list[_Line]:
    if model.fixed != model.effects:
        raise EstimationError(Note("permutation_of_effects", effects=model.effects))
    one, two = (groups.labels[g] for g in pair)
    both = panel.rows(np.isin(groups.rows, pair))
    first = (groups.units == pair[0])[np.isin(groups.units, pair)]
    for name, side in ((one, first), (two, ~first)):
        try:
            model.check(both.rows(side[both.unit_codes]))
        except DigicarbonError as error:
            raise EstimationError(Note("group_by_itself", group=name, why=error)) from error
    moments = unit_moments(both.array([*model.regressors, model.y]), both.unit_codes, both.period_codes, model.fixed)
    result = permutation_test(moments, first, draws, rng, statistic)
    null = Note(
        "one_population" if statistic == "difference" else "one_population_studentised",
        group=one,
        other=two,
        first=int(first.sum()),
        second=int((~first).sum()),
        how=Note("all_splits" if result.exact else "splits_drawn", splits=result.splits),
    )
    return [
        _Line(term, "permutation", _pair(one, two), null, SEPARATE, float(result.difference[j]), p=float(result.p[j]))
        for j, term in enumerate(model.x)
    ]


class GroupComparison(OfModel):
    """Whether the model's focal coefficients differ between groups of units, as a table.

    Attributes
    ----------
    by : str or mapping of str to str
    interact : {"focal", "regressors", "all"}
    draws : int
        Splits of the permutation test.
    seed : int
        Of the random draws.
    statistic : {"difference", "studentised"}
        See `compare_groups`.
    """

    table_names: ClassVar[tuple[str, ...]] = ("groups", "pooled")

    by: By = Field(default_factory=known_grouping)
    interact: Interact = "focal"
    draws: Draws = 999
    seed: Seed = 0
    statistic: PermutationStatistic = "studentised"

    @property
    def terms(self) -> tuple[str, ...]:
        """The model's columns, and that of the groups as dummies."""
        by = (f"C({self.by})",) if isinstance(self.by, str) else ()
        return tuple(dict.fromkeys([*self.model.terms, *by]))

    @property
    def notes(self) -> tuple[Note, ...]:
        """Which model each row comes from: differences in one model and permutation tests come from different ones."""
        if self.model.as_a(PanelRegression) is None:
            return (Note("groups_in_one_space"),)
        common = {
            "focal": Note("common_controls"),
            "regressors": Note("common_effects"),
            "all": Note("common_nothing"),
        }[self.interact]
        return (Note("groups_in_one_model", common=common),)

    def check(self, panel: Panel, weights: Weights | None = None) -> None:
        """Raise an error if the interacted model cannot be fitted."""
        regression = regression_of(self.model)
        try:
            (self._in_space() if regression is None else self._in_groups(regression)).check(panel, weights)
        except DigicarbonError as error:
            # the groups are the diagnostic's, all else is the model's
            raise error.anew(rebased(note_of_said(error.said), "model.by", "diagnostic.by"), error.where) from error

    def tables(self, panel: Panel, weights: Weights | None = None) -> Mapping[str, pd.DataFrame]:
        """Return the table ``groups``, indexed by test and groups, and by term where there are several focal ones.

        The tables of runs with different measures then fit side by side. The table ``pooled`` has the coefficients of
        the regression without groups, and the tests that the groups' coefficients are equal.
        """
        frame = self.lines(panel, weights)
        plain = _without_groups(self.model).by_errors
        pooled = plain.fit(panel, weights).estimates.reset_index(names="term")
        equal = frame.loc[frame["test"] == "equality", ["term", "p"]]
        tables = {"pooled": pooled[["term", "coef", "se"]].merge(equal, on="term").set_index("term")}
        several = frame["term"].nunique() > 1
        groups = frame if several else frame.drop(columns="term")
        return {"groups": groups.set_index(["term", "test", "groups"][not several :]), **tables}

    def _in_groups(self, regression: PanelRegression) -> GroupedRegression:
        """Return a regression with slopes by group."""
        return GroupedRegression(**regression.without_groups.model_dump(), by=self.by, interact=self.interact)

    def _in_space(self) -> GroupedSpatial:
        """Return the spatial model with slopes by group."""
        if self.interact == "all":
            raise ConfigError(Note("groups_all_in_space"))
        return GroupedSpatial(**_one_slope(self.model).model_dump(), by=self.by, interact=self.interact)

    def lines(self, panel: Panel, weights: Weights | None) -> pd.DataFrame:
        """Return the table of `compare_groups` with notes as nulls, and as groups where a row is of several."""
        regression = regression_of(self.model)
        if regression is None:
            # of one kind: equality and differences have no bootstrap in space
            in_space = self._in_space().by_errors
            found = in_space.expanded(panel, weights)
            lines = _of_terms(in_space.fit(panel, weights), found.x, found.groups)
        else:
            in_groups = self._in_groups(regression)
            expanded = in_groups.expanded(panel)
            lines = _of_terms(in_groups.fit(panel, weights), expanded.x, expanded.groups)
            lines += _permutations(regression.without_groups, expanded, self.draws, self.seed, self.statistic)
        return pd.DataFrame([vars(line) for line in lines], columns=list(COLUMNS))

    def remarks(self, tables: Mapping[str, pd.DataFrame]) -> tuple[Note, ...]:
        """Return the notes, and for each focal term the coefficient of all units beside those of the groups."""
        frame = tables["groups"].reset_index()
        frame = frame[frame["test"] == "coefficient"]
        lines = []
        for term, pooled in tables["pooled"].dropna().iterrows():
            own = frame[frame["term"] == term] if "term" in frame else frame
            pairs = zip(own["groups"], own["estimate"].astype(float), strict=True)
            groups = tuple(Note("group_coefficient", group=group, coef=coef) for group, coef in pairs)
            numbers = {"coef": float(pooled["coef"]), "se": float(pooled["se"]), "p": float(pooled["p"])}
            lines.append(Note("groups_beside_pooled", term=term, groups=groups, **numbers))
        return (*self.notes, *lines)
