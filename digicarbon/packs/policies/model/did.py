"""Effects of a policy that units come under at different times."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from itertools import pairwise
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from pydantic import model_validator

from digicarbon.model._observation_weights import positive_rows, refuse_weights
from digicarbon.model._panel_batch import null_of
from digicarbon.model._panel_covariance import OF_ERRORS
from digicarbon.model.base import Model, Other, require_panel, sentences
from digicarbon.model.batch import Batch, Estimand, Null, OneByOne
from digicarbon.model.tested import FEWER_REFITS
from digicarbon.note import Note, cut
from digicarbon.packs.policies.model._effects import Design, Restricted
from digicarbon.packs.policies.model._estimator import PolicyEstimator
from digicarbon.packs.policies.model._estimators import class_of
from digicarbon.packs.policies.model._fields import Estimator as Estimator
from digicarbon.packs.policies.model._fields import Exposure, _PolicyModel
from digicarbon.packs.policies.model._reporting import Reporting
from digicarbon.packs.policies.model._spillovers import exposure
from digicarbon.packs.policies.model._timing import Timing
from digicarbon.packs.policies.panel.policy import match_weight, policy_columns
from digicarbon.panel import Panel
from digicarbon.result import Quantity, Result
from digicarbon.weights import Weights

if TYPE_CHECKING:
    from digicarbon.model.restrictions import Restrictions
    from digicarbon.numeric.tests.equality import WaldTest
    from digicarbon.packs.policies.model._regressions import Expanded

OF_SOME = frozenset(
    ("compare", "reference", "leads", "lags", "sdid_variance", "sdid_draws", "stack_weights", "base_period")
)
"""Fields that mean something for some estimators alone."""


class DiD(_PolicyModel):
    """The effect of a policy on the units that come under it, compared with units that do not, or not yet.

    Attributes
    ----------
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
        one unit at a time, or from units drawn with replacement; with clusters of a column from whole clusters.
        ``auto`` is ``jackknife`` where every cohort has two units or clusters, else ``placebo``.
    sdid_draws : int
        Of ``placebo`` and ``bootstrap``.
    absorb : tuple of str
        Further fixed effects, as in `PanelRegression`; of ``twfe``, ``event_study`` and ``sun_abraham``.
    trends : str or None
        Linear trends of units or of the values of a column; of the same estimators.
    cov, cluster, bandwidth, kernel, small_sample, df
        As in `digicarbon.model.panel_regression.PanelRegression`. Standard errors of ``imputation`` and
        ``callaway_santanna`` are sums of influences by units, or by the clusters of one column, times √(G/(G - 1)) and
        with t of G - 1; those of ``synthetic_did`` are of ``sdid_variance``. Clusters of ``stacked`` are units,
        periods, both, or those of one column. What an estimator does not have is refused.
    observation_weights : str or None
        A column by which rows weigh, as in `PanelRegression`. Means of effects weigh by it, too: effects are those on
        the units' size, e.g. on people, and no longer on units.
    test, draws, weights, seed, intervals, level, strata
        As in `digicarbon.model.tested.Tested`; ``stacked`` and ``synthetic_did`` have no wild bootstrap, and draws of
        the latter have this seed, too. Arrangements give the dates of the policy to other units.

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
    def _consistent(self) -> DiD:
        if self.leads is not None and self.base_event < -self.leads:
            raise ValueError(Note("did_reference_outside", key="leads", leads=self.leads, event=self.base_event))
        how, column = self.how, self.observation_weights
        how.refuse()
        if column is not None and not how.weighs:
            raise ValueError(Note("did_without_weights", key="observation_weights", estimator=self.estimator))
        if column is not None and not how.own_errors:
            refuse_weights(self, column, self.cov)
        if self.absorbs and not how.regression:
            key = "absorb" if self.absorb else "trends"
            raise ValueError(Note("did_absorbs", key=key, estimator=self.estimator))
        if self.spillovers != "none" and not how.with_spillovers:
            raise ValueError(Note("did_without_spillovers", key="spillovers", estimator=self.estimator))
        edges = self.rings
        ordered = len(edges) > 1 and edges[0] >= 0 and all(inner < outer for inner, outer in pairwise(edges))
        if self.spillovers == "rings" and not ordered:
            raise ValueError(Note("did_ring_edges", key="rings", given=cut(f"{edge:g}" for edge in edges)))
        return self

    @property
    def offers(self) -> Mapping[str, tuple[object, ...]]:
        """What the estimator takes of a request."""
        return {**super().offers, **self.how.offers}

    @property
    def how(self) -> PolicyEstimator:
        """The estimator: what differs from one to the other is said there."""
        return class_of(self.estimator)(self)

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
            return tuple(dict.fromkeys((*super().terms, *self.regression((self.policy,)).terms)))
        column, terms = self.observation_weights, super().terms
        return terms if column is None or column in terms else (*terms, column)

    @property
    def uses_weights(self) -> bool:
        """Whether the spillovers or the covariance need spatial weights."""
        return self.spillovers == "neighbours" or (self.cov == "conley" and not self.how.own_errors)

    @property
    def ignored(self) -> frozenset[str]:
        """Fields that mean nothing for the estimator and the standard errors."""
        how = self.how
        meaningless = {
            "overall": self.aggregate == "overall",
            **dict.fromkeys(("rings", "longitude", "latitude"), self.spillovers != "rings"),
            "spillovers_on": self.spillovers == "none" or not how.regression,
        }
        fields = OF_SOME.union(name for name, holds in meaningless.items() if holds)
        fixed = {name for name, offered in how.offers.items() if len(offered) == 1}
        of_errors = fixed if how.own_errors else self.regression((self.policy,)).ignored & OF_ERRORS
        return (self.untested | fields) - frozenset(how.reads) | of_errors

    def check(self, panel: Panel, weights: Weights | None = None) -> None:
        """Raise a sentence if the model cannot be fitted; fit nothing but what is quick."""
        self.design(panel, weights).check(weights)
        self.check_test(panel, weights)

    def moves_with(self, variables: set[str]) -> set[str]:
        """Return all columns of the policy: a unit gets another one's dates."""
        return variables | {*policy_columns(self.policy)}

    @property
    def no_arrangements(self) -> Note | None:
        """Why the policy is not given to other units: weights of a matched sample are made for those that have it."""
        matched = self.observation_weights == match_weight(self.policy)
        return Note("randomised_matched", weights=self.observation_weights) if matched else super().no_arrangements

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
        timing, design = self.how.on(made, reached)
        effects = design.effects(weights)
        reporting = Reporting(self, self.how, effects, made, timing)
        result = reporting.result(reached.notes)
        used = made if timing is None else timing.panel
        restrictions = partial(design.restrictions, weights) if isinstance(design, Restricted) else tuple
        # of the panel with all units: those that the estimator leaves out reach others, too
        found = self.resampled(result, used, weights, restrictions, made)
        found = replace(found, notes=(*found.notes, *reporting.said_of_errors(found)))
        by_draws = found.resampled is not None and found.resampled.wild
        drawn = design if isinstance(design, Restricted) and by_draws else None
        if drawn is not None and "first_event" in found.statistics:
            found = replace(found, statistics={**found.statistics, **self._band(found, drawn, weights, used)})
        if effects.leads is None:
            return found, None
        if drawn is None or self.test != "wild":
            said = Note("did_leads_not_arranged" if self.test == "randomisation" else "did_leads_by_errors")
            known = np.isfinite(effects.leads.p) and (self.how.has_wild or self.test == "randomisation")
            return replace(found, notes=(*found.notes, said)) if known else found, effects.leads
        from digicarbon.model.wild import one_thread

        draws = self.draws_for(drawn.units, weights)
        with one_thread():
            leads = drawn.wild_leads(weights, draws)
        if leads is None:
            return found, effects.leads
        tested = {"pretest_df": leads.df, "pretest_p": leads.p}
        return replace(found, statistics={**found.statistics, **tested}), leads

    def _band(self, result: Result, design: Restricted, weights: Weights | None, panel: Panel) -> dict[str, float]:
        """Return the critical value of the band that holds all effects by event time, from the draws of the run.

        It is not-a-number where p values are from arrangements, which give no intervals.
        """
        from digicarbon.model.arranged import few_carriers
        from digicarbon.model.wild import one_thread
        from digicarbon.numeric.resampling.unit_wild import uniform_critical

        terms = [term for term in result.focal_levels if term not in result.without_errors]
        if not terms:
            return {}
        if self.test == "randomisation" or few_carriers(self, panel, self.carried_after, [self.policy]):
            return {"uniform_critical": float("nan")}
        with one_thread():
            centre, fits = design.drawn(terms, weights, self.draws_for(design.units, weights))
        return {"uniform_critical": uniform_critical(centre, fits, self.level)}

    @property
    def no_wild(self) -> Note | None:
        """Why this estimator has no wild bootstrap."""
        return None if self.how.has_wild else Note("did_without_wild", estimator=self.estimator)

    def work_for(self, units: int, periods: int) -> float:
        """Return how many times as long as usual a fit takes: wild tests are inverted for each effect.

        Fitted to CPU times of 31 to 285 units and 8 to 25 periods, 999 draws.
        """
        if self.test != "wild" or self.no_wild is not None:
            return self.work
        effects = 1 if self.aggregate == "overall" else min(periods, 12) + 2
        each = 5e-8 * units**2 + 1.4e-9 * units**3
        return self.work + self.how.wild_work * effects * periods * each / 0.003

    @property
    def refits(self) -> int:
        """Arrangements up to which all are taken: fewer where the estimator takes long."""
        return FEWER_REFITS if self.how.takes_long else super().refits

    @property
    def inverts_arrangements(self) -> bool:
        """Whether covariances are quadratic forms of the outcome: that of the regression on one dummy."""
        regression = self.how.one_dummy
        return regression is not None and regression.inverts_arrangements

    def restrictions(self, panel: Panel, weights: Weights | None, result: Result) -> Sequence[Restrictions]:
        """Return each effect as a restriction of the regression that it is a combination of."""
        return self._restricted(panel, weights).restrictions(weights)

    def filters(self, panel: Panel, weights: Weights) -> bool:
        """Return whether the panel is balanced and these weights hold its units."""
        return self.regression((self.policy,)).filters(panel, weights)

    def null(self, panel: Panel, weights: Weights | None, candidates: Sequence[Weights]) -> Null | None:
        """Return the two-way regression on the controls alone; None where units or periods are left out."""
        made = panel.with_terms(self.terms)
        if self.rows(made) is not made or (not self.is_share(made) and self.how.timing(made).panel is not made):
            return None
        if self.absorbs:
            return self.regression((self.policy,)).null(made, weights, candidates)
        names = made.expanded(self.controls, among=self.terms)
        return null_of(made, self.y, names, "two_way", candidates)

    def batch(self, panel: Panel, weights: Weights | None, estimand: Estimand) -> Batch:
        """Return what fits the effects to many outcomes at once, one by one where an estimator has no faster way."""
        if self.how.has_wild:
            return self._restricted(panel, weights).batch(weights, estimand)
        return OneByOne(self.by_errors, panel, weights, estimand)

    def as_a(self, kind: type[Other]) -> Other | None:
        """Return the regression on one dummy; none of other estimators, whose dummies depend on the panel."""
        regression = self.how.one_dummy
        return super().as_a(kind) or (regression if isinstance(regression, kind) else None)

    def cautions(self, result: Result, panel: Panel, weights: Weights | None) -> list[Note]:
        """Return those of the regression on one dummy."""
        regression = self.how.one_dummy
        return [] if regression is None else regression.looked_for(result, panel)

    def design(self, panel: Panel, weights: Weights | None = None) -> Design:
        """Return the estimator on the rows of a panel.

        Raises
        ------
        DataError, EstimationError, WeightsError
        """
        require_panel(panel)
        return self.how.on(*self.reached(panel, weights))[1]

    def _restricted(self, panel: Panel, weights: Weights | None) -> Restricted:
        design = self.design(panel, weights)
        assert isinstance(design, Restricted)
        return design

    def expanded(self, panel: Panel, weights: Weights | None = None) -> Expanded:
        """Return the regression on dummies that the estimator is; there is one where `PolicyEstimator.regression` is.

        Raises
        ------
        DataError, EstimationError, WeightsError
        """
        from digicarbon.packs.policies.model._regressions import Expanded

        design = self.design(panel, weights)
        assert isinstance(design, Expanded)
        return design

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

    def timing(self, panel: Panel) -> Timing:
        """Return the rows that are used, and when their units come under the policy."""
        return self.how.timing(self.rows(panel))
