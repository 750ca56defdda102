"""Effects of a policy that units come under at different times."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from functools import partial
from itertools import pairwise
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, TypeVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import Field, model_validator

from digicarbon.errors import EstimationError
from digicarbon.model._absorption import Absorb, Clusters, Trends, columns_of_clusters
from digicarbon.model._latest import LATEST, columns_of
from digicarbon.model._observation_weights import ObservationWeights, positive_rows, refuse_weights
from digicarbon.model._panel_batch import null_of
from digicarbon.model._panel_covariance import OF_ERRORS, called
from digicarbon.model.base import Model, Other, require_panel, sentences
from digicarbon.model.batch import Batch, Estimand, Null, OneByOne
from digicarbon.model.panel_regression import PanelRegression, regression_with
from digicarbon.model.tested import Tested
from digicarbon.note import Note, cut
from digicarbon.numeric.linear.covariance import Covariance, Kernel, SmallSample
from digicarbon.numeric.resampling.signs import signs_of
from digicarbon.packs.policies.model._effects import PolicyEffects, have_errors
from digicarbon.packs.policies.model._spillovers import NOTHING, Exposure, Spillovers, SpilloversOn, exposure
from digicarbon.packs.policies.model._timing import Timing, timing_of
from digicarbon.packs.policies.numeric.aggregation import NEVER, Aggregate, Overall, binned
from digicarbon.packs.policies.numeric.group_time import Base, Compare
from digicarbon.packs.policies.panel.policy import policy_columns
from digicarbon.panel import Panel
from digicarbon.result import Effects, Mean, Quantity, Result, roles_made_of
from digicarbon.spec import Names
from digicarbon.weights import Weights

if TYPE_CHECKING:
    from digicarbon.model.restrictions import Restrictions
    from digicarbon.numeric.tests.equality import WaldTest
    from digicarbon.packs.policies.model._by_unit import ByUnit
    from digicarbon.packs.policies.model._regressions import Expanded
    from digicarbon.packs.policies.model._stacked import StackColumns

_Made = TypeVar("_Made")

Estimator = Literal["twfe", "event_study", "sun_abraham", "imputation", "stacked", "callaway_santanna", "synthetic_did"]
SyntheticVariance = Literal["placebo", "jackknife", "bootstrap"]
REGRESSIONS = ("twfe", "event_study", "sun_abraham")
"""Estimators that are a two-way regression of the panel's own rows."""
FEW_TREATED = 5
"""Fewest units of a cohort whose standard errors hold, about; the number that R's did has for its own note."""
BY_UNIT = ("imputation", "callaway_santanna")
"""Estimators whose standard errors are those of units' influence, whatever the inference."""
OWN_ERRORS = (*BY_UNIT, "synthetic_did")
"""Estimators with standard errors of their own."""


class DiD(Tested):
    """The effect of a policy on the units that come under it, compared with units that do not, or not yet.

    Attributes
    ----------
    y, controls
        As in `Model`.
    x : tuple of str
        Left empty: the policy is the focal term.
    policy : str
        A policy of the panel (``panel.policy``), or a column that is 1 from a unit's first period under the policy on.
        With ``twfe`` also a share between 0 and 1. In a configuration ``${panel.policy}``: the policy that is there.
    estimator : {"twfe", "event_study", "sun_abraham", "imputation", "stacked", "callaway_santanna", "synthetic_did"}
        One dummy with two-way effects; dummies of event times with two-way effects; dummies of cohorts by event times
        (Sun & Abraham 2021); what treated rows would have been, imputed from untreated ones (Borusyak, Jaravel & Spiess
        2024); a regression on stacks of cohorts with their clean comparison (Cengiz et al. 2019); outcome regressions
        by cohort and period (Callaway & Sant'Anna 2021); weighted units without the policy and weighted periods before
        it, which together move as each cohort did (Arkhangelsky et al. 2021).
    compare : {"never", "not_yet"}
        Units of comparison in ``callaway_santanna`` and ``stacked``: never treated ones, or those too that are not
        treated yet. In ``sun_abraham`` with ``not_yet`` the last cohort is the comparison until it is treated, where no
        unit is never treated.
    reference : int
        The event time, before any anticipation, whose effect is zero: -1 is the last period before the policy.
    leads : int or None
        How many event times before the first treated period are told apart; earlier ones are put into the last of them.
        In ``stacked`` the window of a stack begins there. None: all.
    lags : int or None
        How many event times after the first treated period are told apart, or where the window of a stack ends.
    anticipation : int
        Periods before the first one in which units may react already.
    aggregate : {"overall", "event", "cohort", "calendar"}
        Mean effects that are reported beside the overall one: none, by event time, by cohort, by period.
    overall : {"rows", "levels"}
        What the overall effect is where others are reported beside it: the mean over treated rows, as without these;
        or the mean of what is reported beside, over event times from 0 on, cohorts by their units, or periods.
    base_period : {"varying", "universal"}
        In ``callaway_santanna``, what periods before the policy are compared with: the period before, or the reference.
    stack_weights : {"corrective", "variance"}
        In ``stacked``, how cohorts weigh in an effect: by their treated rows (Wing, Freedman & Hollingsworth 2024),
        where a cohort needs the whole window of ``leads`` and ``lags``; or as least squares weighs them, by the
        variance of the policy in their stacks, with what the panel has of the window.
    spillovers : {"none", "neighbours", "rings"}
        Whether the policies of others reach a unit: not; by the share of its neighbours under the policy, with the
        weights of the run; by the distance to the nearest other unit under the policy (Butts 2023). Of regressions of
        the panel and ``imputation``; the latter is fitted to rows that no policy reaches, and averages the others.
    rings : tuple of float
        Edges of the rings in kilometres, increasing, e.g. ``(0, 50, 100)``: a distance is above the inner edge and up
        to the outer one.
    spillovers_on : {"untreated", "all", "interacted"} or None
        In a regression, whom spillovers reach: rows without the policy, so that the effect of the policy has in it what
        units under it get from others; all rows alike; all, with another coefficient for rows under the policy. None:
        ``all`` of ``neighbours``, ``untreated`` of ``rings``.
    longitude : str
        Column of degrees east for ``rings``; units of a known country have the places on record.
    latitude : str
        Column of degrees north.
    sdid_variance : {"auto", "placebo", "jackknife", "bootstrap"}
        Standard errors of ``synthetic_did``: from units without the policy in place of those with it, from leaving out
        one unit at a time, or from units drawn with replacement. ``auto`` is ``jackknife`` where every cohort has two
        units, else ``placebo``.
    sdid_draws : int
        Of ``placebo`` and ``bootstrap``.
    absorb : tuple of str
        Further fixed effects, as in `PanelRegression`; of ``twfe``, ``event_study`` and ``sun_abraham``.
    trends : str or None
        Linear trends of units or of the values of a column; of the same estimators.
    cov, cluster, bandwidth, kernel, small_sample, df
        As in `PanelRegression`. Standard errors of ``imputation`` and ``callaway_santanna`` are those of units, and
        clusters of ``stacked`` are units, periods, or both.
    observation_weights : str or None
        A column by which rows weigh, as in `PanelRegression`. Means of effects weigh by it, too: effects are those on
        the units' size, e.g. on people, and no longer on units.
    test, replications, weights, seed, intervals, level
        As in `digicarbon.model.tested.Tested`; of all estimators but ``stacked`` and ``synthetic_did``; its
        draws have this seed, too.

    Notes
    -----
    See docs/policies.md for which estimator answers which question.
    """

    scripts: ClassVar[Mapping[str, str]] = {
        "extract": "digicarbon.packs.policies.script.did:extract",
        "r": "digicarbon.packs.policies.script.did_r:script",
        "stata": "digicarbon.packs.policies.script.did_stata:script",
    }
    references_by: ClassVar[Mapping[str, Mapping[str, tuple[str, ...]]]] = {
        **Model.references_by,
        "estimator": {
            "twfe": ("goodmanbacon2021",),
            "event_study": ("sun2021",),
            "sun_abraham": ("sun2021",),
            "imputation": ("borusyak2024",),
            "stacked": ("cengiz2019", "wing2024"),
            "callaway_santanna": ("callaway2021",),
            "synthetic_did": ("arkhangelsky2021",),
        },
    }

    y: str
    x: Names = ()
    policy: str
    estimator: Estimator = "twfe"
    compare: Compare = "never"
    reference: Annotated[int, Field(le=-1)] = -1
    leads: Annotated[int, Field(ge=1)] | None = None
    lags: Annotated[int, Field(ge=0)] | None = None
    anticipation: Annotated[int, Field(ge=0)] = 0
    aggregate: Aggregate = "overall"
    overall: Overall = "rows"
    base_period: Base = "varying"
    stack_weights: Literal["corrective", "variance"] = "corrective"
    spillovers: Spillovers = "none"
    rings: Annotated[tuple[float, ...], Field(strict=False)] = ()
    spillovers_on: SpilloversOn | None = None
    longitude: str = "longitude"
    latitude: str = "latitude"
    sdid_variance: Literal["auto", "placebo", "jackknife", "bootstrap"] = "auto"
    sdid_draws: Annotated[int, Field(ge=20, le=100_000)] = 200
    absorb: Absorb = ()
    trends: Trends = None
    cov: Covariance = "cluster"
    cluster: Clusters = "unit"
    bandwidth: Annotated[int, Field(ge=0)] | None = None
    kernel: Kernel = "uniform"
    small_sample: SmallSample = "stata"
    df: Literal["auto", "residual"] = "auto"
    observation_weights: ObservationWeights = None

    @model_validator(mode="before")
    @classmethod
    def _focal_is_policy(cls, fields: Any) -> Any:
        if not isinstance(fields, Mapping):
            return fields
        if isinstance(policies := fields.get("policy"), Mapping):
            if not policies:
                raise ValueError(Note("did_no_policy", key="policy", policy="pilot"))
            if len(policies) > 1:
                raise ValueError(Note("did_several_policies", key="policy", policies=cut(map(str, policies))))
            fields = {**fields, "policy": next(iter(policies))}
        if not isinstance(fields.get("policy"), str):
            return fields
        policy, given = fields["policy"], fields.get("x") or ()
        if given != policy and tuple(given) not in ((), (policy,)):
            raise ValueError(Note("did_focal_is_policy", key="x", policy=policy))
        return {**fields, "x": (policy,)}

    @model_validator(mode="after")
    def _reference_is_told_apart(self) -> DiD:
        if self.leads is not None and self.base_event < -self.leads:
            raise ValueError(Note("did_reference_outside", key="leads", leads=self.leads, event=self.base_event))
        if self.estimator == "twfe" and self.aggregate != "overall":
            raise ValueError(Note("did_without_levels", key="aggregate", aggregate=self.aggregate))
        if self.estimator in ("event_study", "stacked") and self.aggregate in ("cohort", "calendar"):
            raise ValueError(
                Note("did_without_cells", key="aggregate", aggregate=self.aggregate, estimator=self.estimator)
            )
        if self.lacks_window:
            raise ValueError(Note("did_stacks_without_window", key=self.lacks_window))
        if self.estimator == "stacked" and self.cov not in ("classic", "robust", "cluster"):
            raise ValueError(Note("did_cov_of_stacked", key="cov", cov=self.cov))
        return self

    @model_validator(mode="after")
    def _can_be_weighted(self) -> DiD:
        if self.observation_weights is None:
            return self
        if self.estimator == "synthetic_did":
            raise ValueError(Note("did_without_weights", key="observation_weights", estimator=self.estimator))
        if self.estimator not in OWN_ERRORS:
            refuse_weights(self, self.observation_weights, self.cov)
        return self

    @model_validator(mode="after")
    def _can_absorb(self) -> DiD:
        if self.absorbs and self.estimator not in REGRESSIONS:
            key = "absorb" if self.absorb else "trends"
            raise ValueError(Note("did_absorbs", key=key, estimator=self.estimator))
        if self.estimator == "stacked" and self.own_clusters:
            raise ValueError(Note("did_clusters_of_stacked", key="cluster"))
        return self

    @model_validator(mode="after")
    def _rings_in_order(self) -> DiD:
        if self.spillovers == "none":
            return self
        if self.estimator not in (*REGRESSIONS, "imputation"):
            raise ValueError(Note("did_without_spillovers", key="spillovers", estimator=self.estimator))
        edges = self.rings
        if self.spillovers == "rings" and (
            len(edges) < 2 or edges[0] < 0 or any(inner >= outer for inner, outer in pairwise(edges))
        ):
            raise ValueError(Note("did_ring_edges", key="rings", given=cut(f"{edge:g}" for edge in edges)))
        return self

    @property
    def lacks_window(self) -> str:
        """The field without which event times of stacks would be of other cohorts each; empty if none is needed."""
        needed = self.estimator == "stacked" and self.stack_weights == "corrective" and self.aggregate == "event"
        lacking = [name for name in ("leads", "lags") if getattr(self, name) is None]
        return lacking[0] if needed and lacking else ""

    @property
    def compares_alone(self) -> bool:
        """Whether the units that are never treated, or the last cohort for them, are the comparison of all effects."""
        by_compare = self.estimator in ("callaway_santanna", "stacked") and self.compare == "never"
        return by_compare or self.estimator == "sun_abraham"

    @property
    def receivers(self) -> SpilloversOn:
        """Whom spillovers reach in a regression."""
        return self.spillovers_on or ("all" if self.spillovers == "neighbours" else "untreated")

    @property
    def optional_terms(self) -> tuple[str, ...]:
        """The places of units where the panel has them."""
        return (self.longitude, self.latitude) if self.spillovers == "rings" else ()

    @property
    def quantities(self) -> tuple[Quantity, ...]:
        """The coefficient, and with spillovers their mean on exposed rows beside the direct effect."""
        return ("coefficient",) if self.spillovers == "none" else ("coefficient", "spillover", "direct")

    @property
    def terms(self) -> tuple[str, ...]:
        """All columns that the model reads, those of weights, further effects and clusters among them."""
        if self.absorbs or self.own_clusters:
            return self.regression((self.policy,)).terms
        column, terms = self.observation_weights, super().terms
        return terms if column is None or column in terms else (*terms, column)

    @property
    def absorbs(self) -> bool:
        """Whether there are fixed effects or trends beside the effects of units and periods."""
        return bool(self.absorb) or self.trends is not None

    @property
    def own_clusters(self) -> tuple[str, ...]:
        """The columns that clusters are read from; none for those of units and periods."""
        return columns_of_clusters(self.cluster) if self.cov == "cluster" and self.estimator not in OWN_ERRORS else ()

    @property
    def base_event(self) -> int:
        """The event time whose effect is zero."""
        return self.reference - self.anticipation

    @property
    def uses_weights(self) -> bool:
        """Whether the spillovers or the covariance need spatial weights."""
        return self.spillovers == "neighbours" or (self.cov == "conley" and self.estimator not in OWN_ERRORS)

    @property
    def ignored(self) -> frozenset[str]:
        """Fields that mean nothing for the estimator and the standard errors."""
        single, by_unit = self.estimator == "twfe", self.estimator in OWN_ERRORS
        synthetic = self.estimator == "synthetic_did"
        meaningless = {
            "compare": self.estimator in ("twfe", "event_study", "imputation", "synthetic_did"),
            "reference": single or synthetic or (self.estimator == "stacked" and self.aggregate == "overall"),
            "leads": single or synthetic,
            "lags": single,
            "sdid_variance": not synthetic,
            "sdid_draws": not synthetic or self.sdid_variance == "jackknife",
            "overall": self.aggregate == "overall",
            "stack_weights": self.estimator != "stacked",
            "base_period": self.estimator != "callaway_santanna",
            "rings": self.spillovers != "rings",
            "longitude": self.spillovers != "rings",
            "latitude": self.spillovers != "rings",
            "spillovers_on": self.spillovers == "none" or self.estimator == "imputation",
            "cov": by_unit,
            "small_sample": by_unit,
            "df": by_unit,
            "kernel": by_unit,
            "cluster": by_unit,
            "bandwidth": by_unit,
        }
        own = frozenset(name for name, holds in meaningless.items() if holds)
        untested = self.untested - {"seed"} if synthetic and self.sdid_variance != "jackknife" else self.untested
        return untested | own | (frozenset() if by_unit else self.regression((self.policy,)).ignored & OF_ERRORS)

    def regression(self, x: Sequence[str]) -> PanelRegression:
        """Return the two-way regression of the outcome on columns, with the standard errors of this model."""
        fields = {name: getattr(self, name) for name in _OF_REGRESSION}
        return regression_with(**fields, x=tuple(x), effects="two_way")

    def check(self, panel: Panel, weights: Weights | None = None) -> None:
        """Raise a sentence if the model cannot be fitted; fit nothing but what is quick.

        Raises
        ------
        DataError, EstimationError, WeightsError
        """
        require_panel(panel)
        if self.estimator in REGRESSIONS:
            expanded = self.expanded(panel, weights)
            expanded.model.check(expanded.panel, weights)
        elif self.estimator in BY_UNIT:
            self._by_unit(panel, weights)
        elif self.estimator == "stacked":
            made = self.rows(panel)
            self._stacks(made, self._timing(made))
        else:
            from digicarbon.packs.policies.model import _synthetic

            _synthetic.check(self, self.timing(panel))

    @sentences
    def fit(self, panel: Panel, weights: Weights | None = None) -> Result:
        """Estimate the effects.

        Parameters
        ----------
        panel : Panel
            Balanced or not, with the columns of the policy.
        weights : Weights, optional
            For the share of neighbours, for Conley's covariance, and for the spatial dependence of the errors in the
            wild bootstrap.

        Returns
        -------
        Result
            The first term is the overall effect, named as the policy; then ``policy[level]`` for each event time,
            cohort or period, and for the share of neighbours or each ring; then controls where they have coefficients.
            ``statistics`` has the joint test that nothing happened before the policy (``pretest_p``). With spillovers
            ``spatial_effects`` has their mean on exposed rows without the policy, and the direct effect.

        Raises
        ------
        DataError, EstimationError, WeightsError
        """
        return self.pretest(panel, weights)[0]

    def pretest(self, panel: Panel, weights: Weights | None = None) -> tuple[Result, WaldTest | None]:
        """Return what `fit` returns, and the joint test that nothing happened before the policy.

        The test is that of the standard errors, or the wild bootstrap's of event times; None where there are no leads.

        Raises
        ------
        DataError, EstimationError, WeightsError
        """
        require_panel(panel)
        made, reached = self.reached(panel, weights)
        timing = None if self.is_share(made) else self._timing(made)
        effects, restricted = self._effects(made, timing, reached, weights)
        result = self._result(effects, made, timing, reached)
        used = made if timing is None else timing.panel
        if restricted is None:
            return self.tested(result, used, weights), effects.leads
        # of the panel with all units: those that the estimator leaves out reach others, too
        found = self.resampled(result, used, weights, partial(restricted.restrictions, weights))
        if effects.leads is None:
            return found, None
        if found.resampled is None:
            said = [Note("did_leads_by_errors")] if np.isfinite(effects.leads.p) else []
            return replace(found, notes=(*found.notes, *said)), effects.leads
        from digicarbon.model.wild import one_thread

        signs = signs_of(restricted.units, self.replications, self.seed, self.weights)
        with one_thread():
            leads = restricted.wild_leads(weights, signs)
        if leads is None:
            return found, effects.leads
        tested = {"pretest_df": leads.df, "pretest_p": leads.p}
        return replace(found, statistics={**found.statistics, **tested}), leads

    @property
    def no_wild(self) -> Note | None:
        """Why this estimator has no wild bootstrap."""
        has = self.estimator in REGRESSIONS or self.estimator in BY_UNIT
        return None if has else Note("did_without_wild", estimator=self.estimator)

    def restrictions(self, panel: Panel, weights: Weights | None, result: Result) -> Sequence[Restrictions]:
        """Return each effect as a restriction of the regression that it is a combination of."""
        if self.estimator in BY_UNIT:
            return self._by_unit(panel, weights).restrictions(weights)
        return self.expanded(panel, weights).restrictions(weights)

    def filters(self, panel: Panel, weights: Weights) -> bool:
        """Return whether the panel is balanced and these weights hold its units."""
        return self.regression((self.policy,)).filters(panel, weights)

    def null(self, panel: Panel, weights: Weights | None, candidates: Sequence[Weights]) -> Null | None:
        """Return the two-way regression on the controls alone; None where units or periods are left out."""
        made = panel.with_terms(self.terms)
        if self.rows(made) is not made or (not self.is_share(made) and self._timing(made).panel is not made):
            return None
        if self.absorbs:
            return self.regression((self.policy,)).null(made, weights, candidates)
        names = made.expanded(self.controls, among=self.terms)
        return null_of(made, self.y, names, "two_way", candidates)

    def batch(self, panel: Panel, weights: Weights | None, estimand: Estimand) -> Batch:
        """Return what fits the effects to many outcomes at once, one by one where an estimator has no faster way."""
        if self.estimator in REGRESSIONS:
            return self.expanded(panel, weights).batch(weights, estimand)
        if self.estimator in BY_UNIT:
            from digicarbon.packs.policies.model._by_unit import UnitBatch

            return UnitBatch(self._by_unit(panel, weights), estimand)
        return OneByOne(self.by_errors, panel, weights, estimand)

    def as_a(self, kind: type[Other]) -> Other | None:
        """Return the regression on one dummy; none of other estimators, whose dummies depend on the panel."""
        regression = self._one_dummy
        return super().as_a(kind) or (regression if isinstance(regression, kind) else None)

    @property
    def _one_dummy(self) -> PanelRegression | None:
        single = self.estimator == "twfe" and not self.anticipation and self.spillovers == "none"
        return self.regression((self.policy,)) if single else None

    def cautions(self, result: Result, panel: Panel, weights: Weights | None) -> list[Note]:
        """Return those of the regression on one dummy."""
        return [] if self._one_dummy is None else self._one_dummy.looked_for(result, panel)

    def expanded(self, panel: Panel, weights: Weights | None = None) -> Expanded:
        """Return the regression on dummies that the estimator is.

        Raises
        ------
        DataError, EstimationError, WeightsError
        """
        require_panel(panel)
        made, reached = self.reached(panel, weights)
        return self._expanded(made, None if self.is_share(made) else self._timing(made), reached)

    def _expanded(self, panel: Panel, timing: Timing | None, reached: Exposure) -> Expanded:
        from digicarbon.packs.policies.model._regressions import expanded, share, with_spillovers

        def make() -> Expanded:
            own = share(self, panel) if timing is None else expanded(self, timing)
            return with_spillovers(own, reached)

        # all but dummies, which are kept anyway, is small; the level of intervals is that of the result
        return make() if timing is None else self._latest(panel, reached, frozenset(), make, lambda _: 0)

    def reached(self, panel: Panel, weights: Weights | None) -> tuple[Panel, Exposure]:
        """Return the rows that weigh something, with columns of how the policies of others reach them.

        Raises
        ------
        DataError, EstimationError, WeightsError
        """
        made = panel.with_terms(self.terms)
        # rows that weigh nothing reach others, too
        reached = exposure(self, made, weights)
        whole = made.with_columns(reached.columns) if reached.columns else made
        if self.observation_weights is None:
            return whole, reached
        kept, left_out = positive_rows(whole, self.observation_weights)
        return kept, replace(reached, notes=(*reached.notes, *left_out))

    def _by_unit(self, panel: Panel, weights: Weights | None) -> ByUnit:
        made, reached = self.reached(panel, weights)
        return self._own(made, self._timing(made), reached)

    def _own(self, panel: Panel, timing: Timing, reached: Exposure) -> ByUnit:
        from digicarbon.packs.policies.model._by_unit import by_unit

        # fields of errors are others' than those of influences
        return self._latest(panel, reached, OF_ERRORS, lambda: by_unit(self, timing, reached), lambda own: own.nbytes)

    def _stacks(self, panel: Panel, timing: Timing) -> StackColumns:
        from digicarbon.packs.policies.model._stacked import columns_of as stack

        without = frozenset({"small_sample", "df"})
        return self._latest(panel, NOTHING, without, lambda: stack(self, timing), lambda made: made.values.nbytes)

    def _latest(
        self,
        panel: Panel,
        reached: Exposure,
        without: frozenset[str],
        make: Callable[[], _Made],
        size: Callable[[_Made], int],
    ) -> _Made:
        """Return what follows from the model without some fields, made if none of the latest models had the same."""
        columns = columns_of(panel, self.terms, policy_columns(self.policy))
        if columns is None or reached.columns or type(self) is not DiD:
            return make()
        fields = (value for name, value in self.__dict__.items() if name not in _OF_TESTS and name not in without)
        return LATEST.once((*fields, *columns), make, size)

    def timing(self, panel: Panel) -> Timing:
        """Return the rows that are used, and when their units come under the policy."""
        return self._timing(self.rows(panel))

    def rows(self, panel: Panel) -> Panel:
        """Return the panel with every term, without rows that weigh nothing."""
        made, column = panel.with_terms(self.terms), self.observation_weights
        return made if column is None else positive_rows(made, column)[0]

    def is_share(self, panel: Panel) -> bool:
        """Return whether the policy has values other than 0 and 1, which two-way effects take as they are.

        Raises
        ------
        DataError
            If the panel has no such policy.
        """
        panel.require((self.policy,))
        return self.estimator == "twfe" and not panel.is_binary(self.policy)

    def _timing(self, panel: Panel) -> Timing:
        """Return the timing without units that the estimator cannot use."""
        timing = timing_of(panel, self.policy, self.observation_weights)
        if self.estimator == "twfe":
            return timing
        if self.estimator == "callaway_santanna":
            timing.refuse_weights_that_change()
        # a synthetic unit needs a change before the policy
        fewest = 2 if self.estimator == "synthetic_did" else 1
        unusable = timing.once(
            ("nothing before", self.estimator == "sun_abraham", fewest, self.base_event, self.anticipation),
            lambda: self._nothing_before(timing, fewest),
        )
        if unusable.any():
            if unusable[timing.ever].all():
                raise EstimationError(
                    Note(
                        "did_nothing_before", policy=self.policy, anticipation=self.anticipation, event=self.base_event
                    )
                )
            units = cut(timing.panel.units[place] for place in np.flatnonzero(unusable))
            short = Note("did_units_too_short", units=units, policy=self.policy)
            missing = Note("did_units_left_out", units=units, policy=self.policy, event=self.base_event)
            note = short if fewest == 2 else missing
            timing = timing.rows(~unusable[timing.panel.unit_codes], note)
        if self.estimator == "sun_abraham" and timing.ever.all():
            timing = self._until_last_cohort(timing)
        if self.estimator in ("callaway_santanna", "stacked") and self.compare == "never" and timing.ever.all():
            raise EstimationError(Note("did_needs_never", policy=self.policy, estimator=self.estimator))
        if timing.ever.all() and len(timing.cohorts) == 1:
            raise EstimationError(Note("did_all_at_once", policy=self.policy))
        return timing

    def _nothing_before(self, timing: Timing, fewest: int) -> NDArray[np.bool_]:
        """Return whether a unit is of a cohort without the periods that effects are compared with, shape (N,)."""
        needs_base = self.estimator == "sun_abraham"
        before = timing.event == self.base_event if needs_base else timing.event < -self.anticipation
        early = np.bincount(timing.panel.unit_codes[before], minlength=len(timing.first)) >= fewest
        late = [one for one in timing.cohorts if not early[timing.first == one].any()]
        return np.isin(timing.first, late)

    def _until_last_cohort(self, timing: Timing) -> Timing:
        """Return the rows before the last cohort is treated: it is then the comparison."""
        if self.compare == "never":
            raise EstimationError(Note("did_needs_never", policy=self.policy, estimator=self.estimator))
        if len(timing.cohorts) == 1:
            raise EstimationError(Note("did_all_at_once", policy=self.policy))
        last = timing.cohorts[-1]
        note = Note("did_last_cohort", policy=self.policy, period=timing.label(last))
        cut_off = timing.rows(timing.at < last - self.anticipation, note)
        return cut_off.changed(first=np.where(cut_off.first == last, NEVER, cut_off.first))

    def _effects(
        self, panel: Panel, timing: Timing | None, reached: Exposure, weights: Weights | None
    ) -> tuple[PolicyEffects, Expanded | ByUnit | None]:
        """Return the effects, and what restricts them if something does."""
        if timing is not None and self.estimator not in REGRESSIONS:
            from digicarbon.packs.policies.model import _stacked, _synthetic

            if self.estimator == "stacked":
                return _stacked.stacked(self, timing, self._stacks(panel, timing)), None
            if self.estimator == "synthetic_did":
                return _synthetic.synthetic_did(self, timing), None
            own = self._own(panel, timing, reached)
            return own.effects(), own
        expanded = self._expanded(panel, timing, reached)
        return expanded.effects(expanded.model.estimated(expanded.panel, weights)), expanded

    def _result(self, effects: PolicyEffects, panel: Panel, timing: Timing | None, reached: Exposure) -> Result:
        made_of = {**panel.made_of(self.controls, among=self.terms), **effects.made_of}
        terms = (*effects.terms, *effects.controls)
        statistics = {**effects.fitted.statistics, **self._counts(panel, timing, effects), **self._events(effects)}
        if effects.leads is not None and np.isfinite(effects.leads.p):
            statistics |= {"pretest_df": effects.leads.df, "pretest_p": effects.leads.p}
        by_event = {} if timing is None else self._event_units(effects, timing, statistics)
        mean = self._mean(self._covers(effects, panel, timing))
        result = replace(
            effects.fitted,
            kind=f"did_{self.estimator}",
            means={self.policy: mean},
            focal=(self.policy,),
            terms=terms,
            # models that differ in the level of intervals share what is fitted
            inference=replace(effects.fitted.inference, level=self.level),
            coef=effects.coef.copy(),
            covariance=effects.covariance.copy(),
            tables={**{name: table.copy(deep=False) for name, table in effects.fitted.tables.items()}, **by_event},
            roles=roles_made_of(terms, (), made_of),
            statistics=statistics,
            spatial_effects=self._spatial_effects(effects),
            notes=(
                *effects.fitted.notes,
                *(
                    (Note("wild_by_units", by=called(self.cluster)),)
                    if self.test == "wild" and self.own_clusters
                    else ()
                ),
                *self._notes(panel, timing, effects, mean),
                *reached.notes,
            ),
        )
        return self._without_errors(result, effects)

    def _covers(self, effects: PolicyEffects, panel: Panel, timing: Timing | None) -> bool:
        """Return whether all rows under the policy are behind the overall effect."""
        if timing is None:
            return True
        behind = timing.event >= 0
        if effects.used is not None:
            behind = behind & effects.used
        return int(behind.sum()) == int((self._whole(panel, timing).event >= 0).sum())

    def _whole(self, panel: Panel, timing: Timing) -> Timing:
        """Return the timing of all units, those that are left out or are the comparison for now as well."""
        return timing if timing.panel is panel else timing_of(panel, self.policy, self.observation_weights)

    def _mean(self, covers: bool) -> Mean:
        """Return over what the overall effect is a mean.

        Parameters
        ----------
        covers : bool
            Whether all rows under the policy are behind it.
        """
        if self.estimator == "twfe":
            return "variance"
        if self.estimator == "stacked" and self.stack_weights == "variance":
            return "stack_variance"
        by: Aggregate = "overall" if self.overall == "rows" else self.aggregate
        if by == "overall" and self.estimator == "stacked" and self.aggregate == "overall" and self.anticipation:
            return "anticipating_rows"
        if by == "overall" and not covers:
            return "stack_rows" if self.estimator == "stacked" else "estimated_rows"
        return _MEANS[by]

    def _without_errors(self, result: Result, effects: PolicyEffects) -> Result:
        """Return the result without standard errors that would be zero, with the note that names their effects."""
        count = len(effects.terms)
        lost = np.flatnonzero(~have_errors(effects.coef[:count], np.diag(effects.covariance)[:count]))
        if not len(lost):
            return result
        covariance = result.covariance.copy()
        covariance[lost] = covariance[:, lost] = np.nan
        terms, shared = tuple(effects.terms[place] for place in lost), result.spatial_effects
        if shared is not None and self.policy in terms:
            direct = np.array(shared.names)[:, None] == "direct"
            shared = replace(shared, se=np.where(direct, np.nan, shared.se))
        by_periods = self.cov == "cluster" and self.cluster != "unit" and self.estimator not in OWN_ERRORS
        note = (
            Note("did_zero_errors", terms=cut(terms, 4)) if by_periods else Note("did_no_errors", terms=cut(terms, 4))
        )
        return replace(
            result,
            covariance=covariance,
            spatial_effects=shared,
            without_errors=terms,
            notes=(*result.notes, note),
        )

    def _spatial_effects(self, effects: PolicyEffects) -> Effects | None:
        """Return the mean spillover on exposed rows without the policy, and the direct effect."""
        if not effects.spillover:
            return None
        picks = np.zeros((2, len(effects.coef)))
        for term, weight in effects.spillover.items():
            picks[0, effects.terms.index(term)] = weight
        picks[1, effects.terms.index(self.policy)] = 1.0
        variance = np.einsum("ij,jk,ik->i", picks, effects.covariance, picks)
        coef, se = picks @ effects.coef, np.sqrt(np.maximum(variance, 0.0))
        return Effects((self.policy,), coef[:, None], se[:, None], ("spillover", "direct"))

    def _events(self, effects: PolicyEffects) -> dict[str, float]:
        """Return which event times have effects, and which one is the reference, if effects are by event time."""
        levels = [part.number for made in effects.made_of.values() for part in made]
        events = [level for level in levels if level is not None]
        if self.aggregate != "event" or not events:
            return {}
        ends = {"first_event": min(events), "last_event": max(events)}
        # a synthetic period before the policy is the mean of several
        if self.base_event in events or self.estimator == "synthetic_did":
            return ends
        if self.estimator != "imputation":
            return {**ends, "reference_event": float(self.base_event)}
        # effects are compared with all untreated rows, and only what is before the policy with this period
        before = any(event < -self.anticipation for event in events)
        return {**ends, "reference_of_leads": float(self.base_event)} if before else ends

    def _event_units(
        self, effects: PolicyEffects, timing: Timing, statistics: Mapping[str, float]
    ) -> dict[str, pd.DataFrame]:
        """Return how many units under the policy there are at each event time that is shown, the reference too."""
        if "first_event" not in statistics:
            return {}
        levels = {part.number for made in effects.made_of.values() for part in made}
        references = {statistics.get(name) for name in ("reference_event", "reference_of_leads")}
        shown = sorted(int(level) for level in levels | references if level is not None)
        ends = self._ends
        used = effects.used

        def table() -> pd.DataFrame:
            there = _shown(timing, effects)
            event, unit = binned(timing.event, *ends)[there], timing.panel.unit_codes[there]
            pairs = np.unique(event * len(timing.first) + unit) // len(timing.first)
            units = [int((pairs == level).sum()) for level in shown]
            farther = np.isin(shown, event[event != timing.event[there]])
            index = pd.Index(shown, name="event")
            return pd.DataFrame({"units": units, "farther": farther.astype(np.int64)}, index=index)

        made = timing.once(("event units", ends, *shown, None if used is None else used.tobytes()), table)
        return {"event_units": made.copy(deep=False)}

    @property
    def _ends(self) -> tuple[int | None, int | None]:
        """The first and the last event time, which hold all that lie beyond; None of none."""
        if self.estimator == "stacked":
            # the window of a stack ends where others put what lies beyond
            return (None, None)
        return (None if self.estimator == "synthetic_did" else self.leads, self.lags)

    def _counts(self, panel: Panel, timing: Timing | None, effects: PolicyEffects) -> dict[str, float]:
        if timing is None:
            treated = np.bincount(panel.unit_codes, panel.column(self.policy) != 0) > 0
            return {"n_treated": float(treated.sum()), "n_never": float((~treated).sum())}
        treated, never = timing.ever, ~timing.ever
        if effects.used is not None and effects.compared is not None:
            codes = timing.panel.unit_codes
            treated = treated & np.isin(np.arange(len(treated)), codes[effects.used])
            never = never & np.isin(np.arange(len(never)), codes[effects.compared])
        if timing.panel is not panel:
            # a last cohort that is the comparison comes under the policy, too
            whole = self._whole(panel, timing)
            known = {unit for unit, ever in zip(whole.panel.units, whole.ever, strict=True) if ever}
            never = never & np.array([unit not in known for unit in timing.panel.units])
        return {
            "n_treated": float(treated.sum()),
            "n_never": float(never.sum()),
            "n_cohorts": float(len(np.unique(timing.first[treated]))),
        }

    def _notes(self, panel: Panel, timing: Timing | None, effects: PolicyEffects, mean: Mean) -> tuple[Note, ...]:
        policy = self.policy
        if timing is None:
            return (Note("did_of_a_share", policy=policy),)
        whole = self._whole(panel, timing)
        notes = [*timing.notes, timing.once("cohorts in words", lambda: _cohorts(timing, whole))]
        notes += _small(timing, whole, self)
        if self.estimator == "twfe":
            return (*notes, Note("did_staggered", policy=policy)) if len(timing.cohorts) > 1 else tuple(notes)
        said: dict[Mean, Note] = {
            **dict.fromkeys(
                ("treated_rows", "estimated_rows", "stack_rows"), Note("did_overall_overall", policy=policy)
            ),
            "event_times": Note("did_overall_event", policy=policy),
            "cohorts": Note("did_overall_cohort", policy=policy),
            "periods": Note("did_overall_calendar", policy=policy),
        }
        # the label alone says the others
        notes += [said[mean]] if mean in said else []
        if self.estimator not in ("stacked", "twfe") and (self.aggregate == "event" or self.estimator == "event_study"):
            first, last = self._ends
            event = timing.event[_shown(timing, effects)]
            ends = [Note("did_first_event", event=-first)] if first is not None and (event < -first).any() else []
            ends += [Note("did_last_event", event=last)] if last is not None and (event > last).any() else []
            notes += [Note("did_binned", ends=ends)] if ends else []
        return tuple(notes)


def _shown(timing: Timing, effects: PolicyEffects) -> NDArray[np.bool_]:
    """Return the rows of units under the policy that have a part in effects, shape (rows,)."""
    return timing.treated if effects.used is None else timing.treated & effects.used


def _small(timing: Timing, whole: Timing, model: DiD) -> list[Note]:
    """Return the note that names cohorts of few units, or all treated units together where cohorts have one effect.

    Few units that all cohorts are compared with are named as well.
    """
    sizes = {one: int((timing.first == one).sum()) for one in timing.cohorts}
    together = model.estimator in ("twfe", "event_study", "stacked")
    few = [] if together and sum(sizes.values()) >= FEW_TREATED else list(sizes.items())
    small = [_cohort(timing, one, units) for one, units in few if together or units < FEW_TREATED]
    if model.compares_alone and int((~timing.ever).sum()) < FEW_TREATED:
        compared = {unit for unit, ever in zip(timing.panel.units, timing.ever, strict=True) if not ever}
        small += _counted(whole, compared)
    return [Note("did_small_cohorts", least=FEW_TREATED, cohorts=cut(small))] if small else []


def _cohort(timing: Timing, place: int, units: int) -> Note:
    return Note("did_cohort", period=timing.label(place), units=units)


def _cohorts(timing: Timing, whole: Timing) -> Note:
    """Return the note that says how many units come under the policy when.

    Parameters
    ----------
    timing : Timing
    whole : Timing
        In which a cohort that is the comparison has its first period.
    """
    return Note("did_cohorts", policy=timing.policy, cohorts=cut(_counted(whole, set(timing.panel.units)), 8))


def _counted(timing: Timing, units: Collection[str]) -> list[Note]:
    """Return how many of some units come under the policy in each period, and how many never do."""
    first = timing.first[[unit in units for unit in timing.panel.units]]
    counts = [(one, int((first == one).sum())) for one in timing.cohorts]
    cohorts = [_cohort(timing, one, count) for one, count in counts if count]
    never = int((first == NEVER).sum())
    return [*cohorts, *([Note("did_never", units=never)] if never else [])]


_MEANS: Mapping[Aggregate, Mean] = {
    "overall": "treated_rows",
    "event": "event_times",
    "cohort": "cohorts",
    "calendar": "periods",
}
_OF_TESTS = frozenset({*Tested.model_fields} - {*Model.model_fields})
"""Fields that change nothing of effects and their standard errors."""
_OF_REGRESSION = ("y", "controls", "absorb", "trends", *sorted(OF_ERRORS), "level", "observation_weights")
"""Fields that the regression has, too."""
