"""Spatial panels whose slopes differ between groups of units."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar, Literal

import numpy as np
import pandas as pd
from pydantic import model_validator

from digicarbon.arrays import FloatArray
from digicarbon.model._groups import ByGroup, Groups, groups_of
from digicarbon.model._spatial_estimates import Design, Kind
from digicarbon.model.base import Model, Other, needed
from digicarbon.model.batch import Batch, Estimand, OneByOne
from digicarbon.model.grouped_regression import equal_tests, group_dummies, grouped
from digicarbon.model.spatial_panel import SpatialPanel
from digicarbon.note import Note, cut
from digicarbon.numeric.linear.covariance import FEWEST_CLUSTERS
from digicarbon.numeric.spatial.group_effects import GroupCurve, effects_of_units, group_weights
from digicarbon.numeric.tests.equality import against_first, wald_test
from digicarbon.panel import Panel
from digicarbon.result import EFFECTS, REGRESSOR, Constituent, Effects, MadeOf, Result, Role, roles_made_of
from digicarbon.weights import Weights

if TYPE_CHECKING:
    from digicarbon.model._group_quantities import GroupQuantities
    from digicarbon.model.restrictions import Redrawn, Restrictions
    from digicarbon.script import Extract, RPart, StataPart

Interact = Literal["focal", "regressors"]
WITHOUT_LAGS: Mapping[Kind, Kind] = {"sdm": "sar", "sdem": "sem"}
"""The kind in which spatial lags of x are regressors like others."""


@dataclass(frozen=True, eq=False)
class Expanded:
    """The spatial panel on interactions that a spatial panel by group is."""

    model: SpatialPanel
    """On the interacted columns; spatial lags of x are regressors."""
    panel: Panel
    """With these columns."""
    groups: Groups
    x: tuple[str, ...]
    """The focal terms."""
    slopes: Mapping[str, tuple[str, ...]]
    lags: Mapping[str, tuple[str, ...]]
    """`slopes`, `lags`: the coefficients of each regressor and of its spatial lag, one for each group or one for all.
    """
    nuisance: tuple[str, ...]
    """Dummies of groups."""
    made_of: Mapping[str, MadeOf]

    @property
    def focal(self) -> tuple[str, ...]:
        """``term[group]`` for each focal term and group."""
        return tuple(name for term in self.x for name in self.slopes[term])


class GroupedSpatial(ByGroup, SpatialPanel):
    """A spatial panel with slopes for each group of units and common spatial parameters, and tests that they are equal.

    Attributes
    ----------
    y, x, controls, kind, durbin, effects, cov, …
        As in `SpatialPanel`; ``effects_se`` is ``delta``.
    by : str or mapping of str to str
        A column that holds each unit's group, a grouping that is known of a country's units, or unit -> group. By
        default the known country's own grouping.
    interact : {"focal", "regressors"}
        What differs between groups: the focal terms, or the controls, too. Spatial lags of what differs do, too.

    Notes
    -----
    The outcome of unit i has the slopes of i's own group: β_g of its x, and θ_g of its neighbours' x, whatever the
    groups of the neighbours. Terms are ``ln_e[east]`` and ``W_ln_e[east]``. Effects of ``ln_e[east]`` are those of a
    change of ln_e in the units of the east, means over these units: on themselves, on all others, on all (see
    `digicarbon.numeric.spatial.group_effects`). ``statistics`` holds Wald tests of equality, χ²: ``equal_chi2``,
    ``equal_df`` and ``equal_p`` of the focal terms' slopes (with ``.<term>`` where there are several), and the p values
    of equal effects ``equal_direct_p``, ``equal_indirect_p`` and ``equal_total_p``; they rest on the standard errors
    with ``test="wild"``, too, by which p values of focal slopes, of their spatial lags and of effects are wild.
    """

    takes_long: ClassVar[bool] = True

    interact: Interact = "focal"

    @model_validator(mode="after")
    def _with_delta(self) -> GroupedSpatial:
        if self.effects_se != "delta":
            raise ValueError(Note("groups_with_delta", key="effects_se", effects_se=self.effects_se))
        return self

    def as_a(self, kind: type[Other]) -> Other | None:
        """Return the model itself; the tests of spatial panels are of models with one slope."""
        return None if kind is SpatialPanel else super().as_a(kind)

    def cautions(self, result: Result, panel: Panel, weights: Weights | None) -> list[Note]:
        """Return none: they are of models with one slope."""
        return []

    @property
    def without_groups(self) -> SpatialPanel:
        """The spatial panel with one coefficient for all groups."""
        return SpatialPanel(**self.model_dump(exclude={"by", "interact"}))

    def batch(self, panel: Panel, weights: Weights | None, estimand: Estimand) -> Batch:
        """Return what fits the model to one outcome after the other."""
        return Model.batch(self, panel, weights, estimand)

    def made_of(self, panel: Panel) -> Mapping[str, MadeOf]:
        """Return what each slope is made of: its term, and the group that it is of."""
        return self._columns(panel, None).made_of

    def check(self, panel: Panel, weights: Weights | None = None) -> None:
        """Raise a sentence if the model cannot be fitted; fit nothing."""
        expanded = self.expanded(panel, weights)
        expanded.model.check(expanded.panel, weights)
        self.check_test(panel, weights)

    def by_slope(self, panel: Panel) -> Panel:
        """Return the panel with a column for each term and group."""
        return self._columns(panel, None).panel

    def extract(self, panel: Panel, weights: Weights | None) -> Extract:
        """Return the columns of the model on interactions."""
        expanded = self.expanded(panel, weights)
        return expanded.model.extract(expanded.panel, weights)

    def r(self, part: RPart) -> list[str]:
        """Return the model on interactions in R."""
        return self._interacted_model(part.extract.regressors).r(replace(part, result=_plain(part.result)))

    def stata(self, part: StataPart) -> list[str]:
        """Return the model on interactions in Stata."""
        return self._interacted_model(part.extract.regressors).stata(replace(part, result=_plain(part.result)))

    def restrictions(self, panel: Panel, weights: Weights | None, result: Result) -> list[Restrictions | Redrawn]:
        """Return the slope of each focal term in a group, that of its spatial lag there, and its effects."""
        from digicarbon.model._spatial_restrictions import restrictions_by_group

        expanded = self.expanded(panel, weights)
        model, made = expanded.model, expanded.panel
        design = model.design(made, weights)
        of, first = quantities_of(expanded, design), Estimand("coefficient", expanded.focal[0])
        batch = model.fits(made, weights, first, of) or OneByOne(
            self.by_errors, panel.with_terms(self.terms), weights, first
        )
        return [
            restrictions
            for name in expanded.focal
            for restrictions in restrictions_by_group(model, design, result, name, of, batch, made)
        ]

    def tested(self, result: Result, panel: Panel, weights: Weights | None) -> Result:
        """Return a result with wild p values of slopes where the model asks for them."""
        found = super().tested(result, panel, weights)
        if found.resampled is None:
            return found
        effects = found.spatial_effects
        none = () if effects is None else np.array(effects.terms)[np.isnan(found.resampled.effects[0]).all(axis=0)]
        without = [term for term in found.focal if term in none]
        notes = (*((Note("effects_by_errors", terms=cut(without)),) if without else ()), Note("equality_by_errors"))
        return replace(found, notes=(*found.notes, *notes))

    def unit_effects(self, result: Result, panel: Panel, weights: Weights) -> pd.DataFrame:
        """Return the effects of each unit, as `SpatialPanel.unit_effects` does."""
        expanded = self.expanded(panel, weights)
        coef = dict(zip(result.terms, result.coef, strict=True))
        operator, groups, rho = weights.align(panel).operator, expanded.groups, float(coef.get("rho", 0.0))
        parts = []
        for term, names in expanded.slopes.items():
            beta, theta = (
                np.array([coef[name] for name in each])[groups.units if len(each) > 1 else np.zeros_like(groups.units)]
                if each
                else np.zeros(operator.n)
                for each in (names, expanded.lags.get(term, ()))
            )
            index = pd.MultiIndex.from_product([panel.units, [term]], names=[panel.unit_name, "term"])
            values = np.column_stack(effects_of_units(beta, theta, rho, operator))
            parts.append(pd.DataFrame(values, index=index, columns=["own", "received", "sent"]))
        return pd.concat(parts)

    def estimated(self, panel: Panel, weights: Weights | None, error_weights: Weights | None = None) -> Result:
        """Return the fit with p values from its standard errors."""
        expanded = self.expanded(panel, weights)
        model, made = expanded.model, expanded.panel
        fitted = model.estimated(made, weights, error_weights)
        lag_of = {
            lag: Role("lag_x", name)
            for term, lags in expanded.lags.items()
            for lag, name in zip(lags, _of_each(expanded.slopes[term], lags), strict=True)
        }
        dummies = dict.fromkeys(expanded.nuisance, Role("dummy"))
        roles = [(lag_of | dummies).get(term, role) for term, role in zip(fitted.terms, fitted.roles, strict=True)]
        few = expanded.groups.few if self.cov == "cluster" else []
        result = replace(
            fitted,
            kind=self.kind,
            focal=expanded.focal,
            roles=roles_made_of(fitted.terms, roles, expanded.made_of),
            statistics={**fitted.statistics, "n_groups": float(len(expanded.groups.labels))},
            notes=(
                *fitted.notes,
                Note("grouped_spatial", by=expanded.groups.by, groups=expanded.groups.notes()),
                *((Note("grouped_lags"),) if expanded.lags else ()),
                *((Note("few_units_of_groups", groups=cut(few), clusters=FEWEST_CLUSTERS),) if few else ()),
            ),
        )
        statistics = dict(result.statistics) | equal_tests(result, expanded.x, expanded.groups.labels)
        if fitted.spatial_effects is None:
            return replace(result, statistics=statistics)
        effects, equal = self._group_effects(result, expanded, model.design(made, weights))
        return replace(result, statistics=statistics | equal, spatial_effects=effects)

    def expanded(self, panel: Panel, weights: Weights | None) -> Expanded:
        """Return the spatial panel on interactions, and the panel that has them.

        A DataError, WeightsError or EstimationError says that the groups are wrong, there are no weights, or a group is
        too small.
        """
        return self._columns(panel, needed(weights, self.kind))

    def _columns(self, panel: Panel, weights: Weights | None) -> Expanded:
        """Return what `expanded` does; without weights, the lags are named and not computed."""
        panel = panel.with_terms(self.terms)
        x, controls = (panel.expanded(terms, among=self.regressors) for terms in (self.x, self.controls))
        panel.require((self.y, *x, *controls))
        groups = groups_of(panel, self.by)
        split = {*x, *(controls if self.interact == "regressors" else ())}
        parts = panel.made_of(self.regressors, among=self.regressors)
        lagged = tuple(name for name in (*x, *controls) if name in panel.expanded(self.lagged, among=self.regressors))
        columns: dict[str, FloatArray] = {}
        made_of: dict[str, MadeOf] = {}

        def named(name: str, column: FloatArray, by_group: bool) -> tuple[str, ...]:
            names = tuple(grouped(name, group) for group in groups.labels) if by_group else (name,)
            for g, each in enumerate(names):
                columns[each] = column * (groups.rows == g) if by_group else column
            return names

        slopes: dict[str, tuple[str, ...]] = {}
        lags: dict[str, tuple[str, ...]] = {}
        for term in (*x, *controls):
            slopes[term] = named(term, panel.array([term])[:, 0], term in split)
            for group, name in zip(groups.labels, slopes[term], strict=False):
                made_of[name] = (*parts[term], *((Constituent(groups.by, level=group),) if term in split else ()))
        if lagged and weights is not None:
            n, t = panel.shape
            cube = panel.cube(lagged)
            lag = weights.align(panel).operator.lag(cube).transpose(1, 0, 2).reshape(n * t, -1)
            for term, column in zip(lagged, lag.T, strict=True):
                # a unit's neighbours count with the slope of its own group
                lags[term] = named(f"W_{term}", column, term in split)
        dummies = group_dummies(panel, groups, self.fixed)
        order = [*(name for term in controls for name in slopes[term]), *(n for each in lags.values() for n in each)]
        model = self._interacted_model(
            [*(name for term in x for name in slopes[term]), *order, *dummies], sum(len(slopes[term]) for term in x)
        )
        made = panel.with_columns({**columns, **dummies})
        return Expanded(model, made, groups, tuple(x), slopes, lags, tuple(dummies), made_of)

    def _interacted_model(self, regressors: Sequence[str], focal: int = 1) -> SpatialPanel:
        """Return the spatial panel on interacted columns, of which the first ones are focal."""
        fields = self.model_dump(exclude={"by", "interact", "durbin", "kind", "x", "controls", "strata"}) | {
            "test": "errors"
        }
        kind = WITHOUT_LAGS.get(self.kind, self.kind)
        return SpatialPanel(
            **fields, kind=kind, durbin=(), x=tuple(regressors[:focal]), controls=tuple(regressors[focal:])
        )

    def _group_effects(self, result: Result, expanded: Expanded, design: Design) -> tuple[Effects, dict[str, float]]:
        """Return effects by group of the units whose x changes, and tests that those of focal terms are equal."""
        at = {term: place for place, term in enumerate(result.terms)}
        rho = float(result.coef[at["rho"]]) if "rho" in at else 0.0
        groups = expanded.groups
        by_group = group_weights(rho, design.w, groups.units, len(groups.labels))
        for_all = group_weights(rho, design.w, np.zeros_like(groups.units), 1)
        names: list[str] = []
        gradients = []
        for term, slopes in expanded.slopes.items():
            weights = by_group if len(slopes) > 1 else for_all
            gradient = np.zeros((3, len(slopes), len(result.terms)))
            for place, columns in enumerate((slopes, expanded.lags.get(term, ()))):
                index = [at[name] for name in columns]
                gradient[..., index] = weights.values[:, :, place, : len(index)]
                if "rho" in at:
                    gradient[..., at["rho"]] += weights.slopes[:, :, place, : len(index)] @ result.coef[index]
            names += slopes
            gradients.append(gradient)
        gradient = np.concatenate(gradients, axis=1)
        linear = gradient.copy()
        if "rho" in at:
            linear[..., at["rho"]] = 0.0
        values = linear @ result.coef
        # a parameter that no effect has may have no variance
        used = np.flatnonzero(np.abs(gradient).sum(axis=(0, 1)) > 0)
        covariance = result.covariance[np.ix_(used, used)]
        gradient = gradient[..., used]
        variance = np.einsum("eki,ij,ekj->ek", gradient, covariance, gradient)
        statistics = {}
        count, terms = len(groups.labels), len(expanded.x)
        focal = [names.index(name) for name in expanded.focal]
        for name, value, slope in zip(EFFECTS, values, gradient, strict=True):
            if name in self.quantities:
                own = slope[focal]
                test = wald_test(against_first(terms, count), value[focal], own @ covariance @ own.T, None)
                statistics[f"equal_{name}_p"] = test.p
        return Effects(tuple(names), values, np.sqrt(np.maximum(variance, 0.0))), statistics


def quantities_of(expanded: Expanded, design: Design) -> GroupQuantities:
    """Return what effects of focal terms by group are made of.

    A lag counts in effects of the groups from which its own group receives: of others its weight is zero.
    """
    from digicarbon.model._group_quantities import GroupQuantities, Slope
    from digicarbon.model._spatial_batch import solved, space_of

    groups, count = expanded.groups.units, len(expanded.groups.labels)
    one = np.eye(count)[groups]
    # rows receive, columns send
    links = one.T @ design.w.lag(one[None])[0] > 0
    slopes = {}
    for term in expanded.x:
        lags = [design.names.index(name) for name in expanded.lags.get(term, ())]
        for group, name in enumerate(expanded.slopes[term]):
            reached = {receiver: lag for receiver, lag in enumerate(lags) if links[receiver, group]}
            slopes[name] = Slope(group, design.names.index(name), reached)
    return GroupQuantities(GroupCurve(space_of(solved(design.w), design.sample), groups, count), slopes)


def _of_each(slopes: tuple[str, ...], lags: tuple[str, ...]) -> tuple[str, ...]:
    return slopes if len(slopes) == len(lags) else slopes[:1] * len(lags)


def _plain(result: Result) -> Result:
    """Return a result in which spatial lags of x are regressors, without effects, for scripts."""
    roles = tuple(REGRESSOR if role.kind in ("lag_x", "dummy") else role for role in result.roles)
    return replace(result, roles=roles, spatial_effects=None)
