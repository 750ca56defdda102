"""One pooled regression whose coefficients differ between groups of units."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import scipy
from pydantic import model_validator

from digicarbon.arrays import FloatArray
from digicarbon.errors import DataError, EstimationError
from digicarbon.model._absorption import Absorption, absorption
from digicarbon.model._groups import ByGroup, Groups, Interact, groups_of
from digicarbon.model._observation_weights import Weighting
from digicarbon.model._panel_columns import rows_of
from digicarbon.model.batch import Estimand
from digicarbon.model.panel_regression import PanelRegression
from digicarbon.note import Note, cut
from digicarbon.numeric.linear.covariance import FEWEST_CLUSTERS
from digicarbon.numeric.linear.least_squares import solve
from digicarbon.numeric.linear.within import EffectsKind, absorb, absorb_weighted, absorbed_count
from digicarbon.numeric.tests.equality import WaldTest, against_first, equality, wald_test
from digicarbon.panel import Panel
from digicarbon.result import Constituent, MadeOf, Result, Role, roles_made_of
from digicarbon.weights import Weights

if TYPE_CHECKING:
    from digicarbon.model._panel_restrictions import Contrasts
    from digicarbon.model.restrictions import Restrictions
    from digicarbon.script import Extract

_DIFFER: Mapping[Interact, Note] = {
    "focal": Note("focal_differ"),
    "regressors": Note("coefficients_differ"),
    "all": Note("everything_differs"),
}


@dataclass(frozen=True, eq=False)
class Expanded:
    """The regression on interactions that a grouped regression is."""

    model: PanelRegression
    """On the interacted columns."""
    panel: Panel
    """With these columns."""
    groups: Groups
    x: tuple[str, ...]
    """The focal terms."""
    focal: tuple[str, ...]
    """``term[group]`` for each focal term and group."""
    nuisance: tuple[str, ...]
    """Dummies of groups and of groups by periods, which are fitted and not reported."""
    made_of: Mapping[str, MadeOf]
    """What each slope is made of: its term, and the group that it is of."""


class GroupedRegression(ByGroup, PanelRegression):
    """A panel regression with a coefficient for each group of units, and tests that they are equal.

    Attributes
    ----------
    y, x, controls, formula, effects, estimator, cov, …
        As in `PanelRegression`; ``estimator`` is ``within`` or ``lsdv``.
    by : str or mapping of str to str
        A column that holds each unit's group, a grouping that is known of a country's units, or unit -> group. By
        default the known country's own grouping.
    interact : {"focal", "regressors", "all"}
        What differs between groups: the focal terms; the controls, too; the time effects, too. With ``all`` the
        coefficients are those of separate regressions, and one error variance is estimated from all groups.

    Notes
    -----
    Terms are ``ln_e[east]``, ``ln_e[west]``, ...; where unit effects do not absorb it, each group has an intercept of
    its own. ``statistics`` holds Wald tests of equal coefficients, F with the model's own degrees of freedom:
    ``equal_f``, ``equal_df`` and ``equal_p`` of all focal terms, and the same with ``.<term>`` where there are several;
    with random effects ``equal_chi2``. With ``test="wild"`` also ``equal_wild_p``: the same Wald statistic among draws
    of the wild bootstrap in which the coefficients are equal.
    """

    @model_validator(mode="after")
    def _one_observation_per_row(self) -> GroupedRegression:
        if self.estimator not in ("within", "lsdv"):
            raise ValueError(Note("estimator_without_groups", key="estimator", estimator=self.estimator))
        if self.collinear == "drop":
            raise ValueError(Note("groups_drop_nothing", key="collinear"))
        if self.absorbs and self.effects == "none":
            raise ValueError(Note("groups_absorb_beside_effects", key="absorb" if self.absorb else "trends"))
        return self

    @property
    def without_groups(self) -> PanelRegression:
        """The regression with one coefficient for all groups."""
        return PanelRegression(**self.model_dump(exclude={"by", "interact"}))

    def interacted(self, panel: Panel) -> tuple[PanelRegression, Panel]:
        """Return the regression on interactions, and the panel that has them."""
        expanded = self.expanded(panel)
        return expanded.model, expanded.panel

    def slopes(self, panel: Panel) -> Mapping[str, tuple[str, ...]]:
        """Return the coefficients of each focal term, one for each group."""
        expanded = self.expanded(panel)
        return {term: tuple(grouped(term, group) for group in expanded.groups.labels) for term in expanded.x}

    def extract(self, panel: Panel, weights: Weights | None) -> Extract:
        """Return the columns of the regression on interactions."""
        from digicarbon.script.extract import Extract

        expanded = self.expanded(panel)
        if self.observation_weights is not None or self.absorbs or self.own_clusters:
            return expanded.model.extract(expanded.panel, weights)
        return Extract.of(expanded.panel, self.y, expanded.model.regressors, weights)

    def made_of(self, panel: Panel) -> Mapping[str, MadeOf]:
        """Return what each slope is made of: its term, and the group that it is of."""
        return self.expanded(panel).made_of

    def check(self, panel: Panel, weights: Weights | None = None) -> None:
        """Raise a sentence if the model cannot be fitted; fit nothing."""
        expanded = self.expanded(panel)
        expanded.model.check(expanded.panel, weights)
        self.check_test(panel, weights)

    @property
    def inverts_arrangements(self) -> bool:
        """Whether there are intervals: none, as a path of x is in slopes of several groups."""
        return False

    def by_slope(self, panel: Panel) -> Panel:
        """Return the panel with a column for each term and group."""
        return self.expanded(panel).panel

    def restrictions(self, panel: Panel, weights: Weights | None, result: Result) -> list[Restrictions]:
        """Return the coefficient of each term and group as a restriction."""
        from digicarbon.model._panel_restrictions import restrictions_of

        expanded = self.expanded(panel)
        return [restrictions_of(expanded.model, expanded.panel, term, weights) for term in expanded.focal]

    def contrasts(self, panel: Panel, weights: Weights | None) -> Contrasts:
        """Return combinations of coefficients as restrictions."""
        from digicarbon.model._panel_restrictions import Contrasts

        expanded = self.expanded(panel)
        return Contrasts(expanded.model, expanded.panel, weights)

    def tested(self, result: Result, panel: Panel, weights: Weights | None) -> Result:
        """Return a result with wild p values where the model asks for them, those of equal coefficients among them."""
        found = super().tested(result, panel, weights)
        if self.test != "wild":
            return found
        from digicarbon.model._panel_restrictions import joint_null
        from digicarbon.model.wild import joint_p, one_thread

        expanded = self.expanded(panel)
        groups, model, made = expanded.groups.labels, expanded.model, expanded.panel
        draws = self.draws_for(model.levels_of_signs(made), weights)
        batch = model.batch(made, weights, Estimand("coefficient", expanded.focal[0]))
        statistics = dict(found.statistics)
        with one_thread():
            for suffix, terms in _equal(expanded.x).items():
                names = tuple(grouped(term, group) for term in terms for group in groups)
                r = against_first(len(terms), len(groups))
                estimands = [Estimand.combination(dict(zip(names, row, strict=True))) for row in r.tolist()]
                null = joint_null(model, made, r, names, weights)
                statistics[f"equal_wild_p{suffix}"] = joint_p(batch, null, estimands, draws)
        return replace(found, statistics=statistics)

    def estimated(self, panel: Panel, weights: Weights | None) -> Result:
        """Return the fit with p values from its standard errors."""
        expanded = self.expanded(panel)
        fitted = expanded.model.fit(expanded.panel, weights)
        terms, roles, pick = _reported(fitted, expanded)
        result = replace(
            fitted,
            focal=expanded.focal,
            terms=terms,
            coef=pick @ fitted.coef,
            covariance=pick @ fitted.covariance @ pick.T,
            roles=roles_made_of(terms, roles, expanded.made_of),
        )
        statistics = dict(result.statistics) | {"n_groups": float(len(expanded.groups.labels))}
        if expanded.nuisance and self.fixed != "none":
            statistics["r2_within"] = _within_r2(expanded, statistics["sigma2"] * statistics["df_resid"])
        statistics |= _joint(result) | equal_tests(result, expanded.x, expanded.groups.labels)
        return replace(result, statistics=statistics, notes=(*fitted.notes, *self._notes(expanded.groups)))

    def expanded(self, panel: Panel) -> Expanded:
        """Return the regression on interactions, and the panel that has them.

        A DataError or EstimationError says that the groups are wrong or a group is too small.
        """
        panel = panel.with_terms((self.y, *self.regressors))
        x, controls = (panel.expanded(terms, among=self.regressors) for terms in (self.x, self.controls))
        panel.require((self.y, *x, *controls))
        groups = groups_of(panel, self.by)
        split = x if self.interact == "focal" else (*x, *controls)
        self._refuse_small(panel, groups, len(split))
        columns: dict[str, FloatArray] = {}
        names: dict[str, tuple[str, ...]] = {}
        made_of: dict[str, MadeOf] = {}
        parts = panel.made_of(self.regressors, among=self.regressors)
        for term in (*x, *controls):
            names[term] = tuple(grouped(term, group) for group in groups.labels) if term in split else (term,)
            if term in split:
                made_of |= {
                    grouped(term, group): (*parts[term], Constituent(groups.by, level=group)) for group in groups.labels
                }
                column = panel.array([term])[:, 0]
                columns |= {name: column * (groups.rows == g) for g, name in enumerate(names[term])}
            else:
                made_of[term] = parts[term]
        made = panel.with_terms(self.terms) if self.absorbs else panel
        further = absorption(made, self.fixed, self.absorb, self.trends)
        dummies = _dummies(panel, groups, self.fixed, self.interact == "all", further)
        focal = tuple(name for term in x for name in names[term])
        others = tuple(name for term in controls for name in names[term])
        fields = self.model_dump(exclude={"by", "interact", "formula", "strata"}) | {"test": "errors"}
        # dummies come first: of two collinear columns the later one is named
        model = PanelRegression(**(fields | {"x": (*dummies, *focal), "controls": others}))
        return Expanded(model, panel.with_columns(columns | dummies), groups, x, focal, tuple(dummies), made_of)

    def _refuse_small(self, panel: Panel, groups: Groups, own: int) -> None:
        """Refuse a group that cannot identify its ``own`` coefficients."""
        time = self.interact == "all" and self.fixed in ("time", "two_way")
        unit = self.fixed in ("unit", "two_way")
        effects: EffectsKind = ("two_way" if time else "unit") if unit else ("time" if time else "none")
        for g, name in enumerate(groups.labels):
            rows = groups.rows == g
            units, periods = (len(np.unique(codes[rows])) for codes in (panel.unit_codes, panel.period_codes))
            taken = absorbed_count(units, periods, effects) if effects != "none" else 1
            if rows.sum() < own + taken:
                raise EstimationError(
                    Note(
                        "group_too_small",
                        group=name,
                        by=groups.by,
                        units=units,
                        observations=int(rows.sum()),
                        coefficients=own,
                        taken=taken,
                    )
                )

    def _notes(self, groups: Groups) -> tuple[Note, ...]:
        notes = [Note("grouped_regression", what=_DIFFER[self.interact], by=groups.by, groups=groups.notes())]
        if self.cov == "cluster" and self.cluster == "unit" and groups.few:
            notes.append(Note("few_clusters", groups=cut(groups.few), clusters=FEWEST_CLUSTERS))
        return tuple(notes)


def _joint(result: Result) -> dict[str, float]:
    """Return the test that all slopes are zero, dummies left out."""
    slopes = [j for j, role in enumerate(result.roles) if role.kind == "regressor"]
    test = wald_test(np.eye(len(result.terms))[slopes], result.coef, result.covariance, result.inference.df)
    name = "chi2" if result.inference.df is None else "f"
    return {name: test.statistic, f"{name}_p": test.p}


def _equal(x: tuple[str, ...]) -> dict[str, tuple[str, ...]]:
    """Return the terms that each test of equality is of, by the suffix of its statistics."""
    return {"": x} | ({f".{term}": (term,) for term in x} if len(x) > 1 else {})


def equal_tests(result: Result, x: tuple[str, ...], groups: tuple[str, ...]) -> dict[str, float]:
    """Return the tests that focal terms have one coefficient in all groups, as statistics of a result."""
    found = {suffix: equal_test(result, terms, groups) for suffix, terms in _equal(x).items()}
    name = "chi2" if result.inference.df is None else "f"
    return {
        f"equal_{key}{suffix}": value
        for suffix, test in found.items()
        for key, value in ((name, test.statistic), ("df", test.df), ("p", test.p))
    }


def grouped(term: str, group: str) -> str:
    """Return the name of a term's coefficient in a group."""
    return f"{term}[{group}]"


def equal_test(result: Result, terms: tuple[str, ...], groups: tuple[str, ...]) -> WaldTest:
    """Return the Wald test that each term has one coefficient in all groups, of a `GroupedRegression`'s result."""
    index = [result.terms.index(grouped(term, group)) for term in terms for group in groups]
    return equality(
        result.coef[index], result.covariance[np.ix_(index, index)], len(terms), len(groups), result.inference.df
    )


def group_dummies(panel: Panel, groups: Groups, effects: EffectsKind) -> dict[str, FloatArray]:
    """Return intercepts of groups that the fixed effects leave to be estimated."""
    return _dummies(panel, groups, effects, False, None)


def _dummies(
    panel: Panel, groups: Groups, effects: EffectsKind, by_period: bool, further: Absorption | None
) -> dict[str, FloatArray]:
    """Return intercepts of groups, or of groups by periods, that the fixed effects leave to be estimated."""
    indicator = {name: groups.rows == g for g, name in enumerate(groups.labels[1:], start=1)}
    candidates: dict[str, FloatArray] = {}
    if by_period and effects in ("time", "two_way"):
        for name, rows in indicator.items():
            for p, period in enumerate(panel.periods):
                column = (rows & (panel.period_codes == p)).astype(float)
                candidates[grouped("time", f"{name} {period}")] = column
    elif effects in ("none", "time"):
        candidates = {grouped("const", name): rows.astype(float) for name, rows in indicator.items()}
    if effects == "none" or not candidates:
        return candidates
    names = list(candidates)
    every = np.column_stack(list(candidates.values()))
    within = absorb(every, rows_of(panel), effects) if further is None else further.kernel(every)
    # unit and time effects take up some of them: which ones are left out does not matter
    _, triangle, order = scipy.linalg.qr(within, mode="economic", pivoting=True)
    size = np.abs(np.diag(triangle))
    kept = sorted(order[: int((size > 1e-9 * max(size[0], 1.0)).sum())])
    return {names[j]: candidates[names[j]] for j in kept}


def _reported(result: Result, expanded: Expanded) -> tuple[tuple[str, ...], tuple[Role, ...], FloatArray]:
    """Return the terms that are shown, their roles, and each as a sum of fitted coefficients, shape (terms, fitted)."""
    fitted = result.terms
    first, *others = (grouped("const", name) for name in expanded.groups.labels)
    shown = {name: [name] for name in fitted if name not in expanded.nuisance}
    if "const" in shown and others[0] in fitted:
        # dummies are differences from the first group
        del shown["const"]
        shown = {first: ["const"], **{name: ["const", name] for name in others}, **shown}
    pick = np.zeros((len(shown), len(fitted)))
    for row, parts in enumerate(shown.values()):
        pick[row, [fitted.index(part) for part in parts]] = 1.0
    return tuple(shown), tuple(result.role(parts[0]) for parts in shown.values()), pick


def _within_r2(expanded: Expanded, ssr: float) -> float:
    """Return the share of what effects and dummies leave of y that the regressors explain."""
    model, panel = expanded.model, expanded.panel
    columns, by = panel.array([*expanded.nuisance, model.y]), model.observation_weights
    transform = model.design(panel).transform if model.absorbs else None
    if transform is not None:
        within = transform(columns)
    elif by is None:
        within = absorb(columns, rows_of(panel), model.fixed)
    else:
        weighting = Weighting.of(panel, by)
        within = absorb_weighted(columns, rows_of(panel), model.fixed, weighting.values)
        within = weighting.root[:, None] * within
    dummies, y = within[:, :-1], within[:, -1]
    left = y - dummies @ solve(dummies, y)
    total = float(left @ left)
    if total <= 0:
        raise DataError(Note("nothing_after_the_effects", y=model.y))
    return 1 - ssr / total
