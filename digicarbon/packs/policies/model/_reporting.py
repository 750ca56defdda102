"""What a result says of a policy's effects: statistics, tables and notes beside the numbers of an estimator."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from digicarbon.note import Note, cut
from digicarbon.packs.policies.model._effects import PolicyEffects, have_errors
from digicarbon.packs.policies.model._estimator import PolicyEstimator
from digicarbon.packs.policies.model._fields import _PolicyModel
from digicarbon.packs.policies.model._timing import Timing, timing_of
from digicarbon.packs.policies.numeric.aggregation import NEVER, binned
from digicarbon.panel import Panel
from digicarbon.result import Effects, Mean, Result, roles_made_of

FEW_TREATED = 5
"""Fewest units of a cohort whose standard errors hold, about; the number that R's did has for its own note."""


@dataclass(frozen=True, eq=False)
class Reporting:
    """Effects of a policy, with what they were estimated from."""

    model: _PolicyModel
    how: PolicyEstimator
    effects: PolicyEffects
    panel: Panel
    """All rows."""
    timing: Timing | None
    """The rows that are used; None for those of a policy that is a share."""

    def result(self, reached: Sequence[Note]) -> Result:
        """Return the result by the standard errors. ``reached``: on how the policies of others reach the rows."""
        model, effects, fitted = self.model, self.effects, self.effects.fitted
        made_of = {**self.panel.made_of(model.controls, among=model.terms), **effects.made_of}
        terms = (*effects.terms, *effects.controls)
        statistics = {**fitted.statistics, **self._counts(), **self._events()}
        if effects.leads is not None and np.isfinite(effects.leads.p):
            statistics |= {"pretest_df": effects.leads.df, "pretest_p": effects.leads.p}
        mean = self.how.mean(self._covers)
        result = replace(
            fitted,
            kind=f"did_{model.estimator}",
            means={model.policy: mean},
            focal=(model.policy,),
            terms=terms,
            # models that differ in the level of intervals share what is fitted
            inference=replace(fitted.inference, level=model.level),
            coef=effects.coef.copy(),
            covariance=effects.covariance.copy(),
            tables={
                **{name: table.copy(deep=False) for name, table in fitted.tables.items()},
                **self._event_units(statistics),
            },
            roles=roles_made_of(terms, (), made_of),
            statistics=statistics,
            spatial_effects=self._spatial_effects(),
            notes=(
                *fitted.notes,
                *self._notes(mean),
                *reached,
            ),
        )
        return self._without_errors(result)

    @property
    def _covers(self) -> bool:
        """Whether all rows under the policy are behind the overall effect."""
        if self.timing is None or self._whole is None:
            return True
        behind = self.timing.event >= 0
        if self.effects.used is not None:
            behind = behind & self.effects.used
        return int(behind.sum()) == int((self._whole.event >= 0).sum())

    @cached_property
    def _whole(self) -> Timing | None:
        """The timing of all units, those that are left out or are the comparison for now as well."""
        if self.timing is None or self.timing.panel is self.panel:
            return self.timing
        return timing_of(self.panel, self.model.policy, self.model.observation_weights)

    def _without_errors(self, result: Result) -> Result:
        """Return the result without standard errors that would be zero."""
        model, effects = self.model, self.effects
        count = len(effects.terms)
        lost = np.flatnonzero(~have_errors(effects.coef[:count], np.diag(effects.covariance)[:count]))
        if not len(lost):
            return result
        covariance = result.covariance.copy()
        covariance[lost] = covariance[:, lost] = np.nan
        terms, shared = tuple(effects.terms[place] for place in lost), result.spatial_effects
        if shared is not None and model.policy in terms:
            direct = np.array(shared.names)[:, None] == "direct"
            shared = replace(shared, se=np.where(direct, np.nan, shared.se))
        return replace(result, covariance=covariance, spatial_effects=shared, without_errors=terms)

    def said_of_errors(self, found: Result) -> list[Note]:
        """Return notes on standard errors that are too small or not there; ``found``: the result with its p values."""
        model, timing, whole = self.model, self.timing, self._whole
        arranged = () if found.resampled is None else found.resampled.arranged
        declared = model.cov == "cluster" and model.cluster != "unit" and not self.how.own_errors
        tested = tuple(term for term in found.without_errors if term in arranged)
        lost = tuple(term for term in found.without_errors if term not in arranged)
        notes = [] if timing is None or whole is None else _small(timing, whole, self.how, arranged)
        notes += [Note("did_errors_arranged", terms=cut(tested, 4))] if tested else []
        notes += [Note("did_zero_errors" if declared else "did_no_errors", terms=cut(lost, 4))] if lost else []
        return notes

    def _spatial_effects(self) -> Effects | None:
        """Return the mean spillover on exposed rows without the policy, and the direct effect."""
        effects, policy = self.effects, self.model.policy
        if not effects.spillover:
            return None
        picks = np.zeros((2, len(effects.coef)))
        for term, weight in effects.spillover.items():
            picks[0, effects.terms.index(term)] = weight
        picks[1, effects.terms.index(policy)] = 1.0
        variance = np.einsum("ij,jk,ik->i", picks, effects.covariance, picks)
        coef, se = picks @ effects.coef, np.sqrt(np.maximum(variance, 0.0))
        return Effects((policy,), coef[:, None], se[:, None], ("spillover", "direct"))

    def _levels(self) -> list[float]:
        """Return the numbers of the levels that effects are of, e.g. event times."""
        levels = [part.number for made in self.effects.made_of.values() for part in made]
        return [level for level in levels if level is not None]

    def _events(self) -> dict[str, float]:
        """Return which event times have effects, and which one is the reference, if effects are by event time."""
        events = self._levels()
        if self.model.aggregate != "event" or not events:
            return {}
        reference = {} if self.model.base_event in events else self.how.reference(events)
        return {"first_event": min(events), "last_event": max(events), **reference}

    def _event_units(self, statistics: Mapping[str, float]) -> dict[str, pd.DataFrame]:
        """Return how many units under the policy there are at each event time that is shown, the reference too."""
        timing, effects = self.timing, self.effects
        if timing is None or "first_event" not in statistics:
            return {}
        references = [statistics[name] for name in ("reference_event", "reference_of_leads") if name in statistics]
        shown = sorted({int(level) for level in (*self._levels(), *references)})
        ends, used = self.how.ends, effects.used

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

    def _counts(self) -> dict[str, float]:
        """Return how many units come under the policy, never do, and how many cohorts there are."""
        panel, timing, whole, effects = self.panel, self.timing, self._whole, self.effects
        if timing is None or whole is None:
            treated = np.bincount(panel.unit_codes, panel.column(self.model.policy) != 0) > 0
            return {"n_treated": float(treated.sum()), "n_never": float((~treated).sum())}
        treated, never = timing.ever, ~timing.ever
        if effects.used is not None and effects.compared is not None:
            codes = timing.panel.unit_codes
            treated = treated & np.isin(np.arange(len(treated)), codes[effects.used])
            never = never & np.isin(np.arange(len(never)), codes[effects.compared])
        if timing.panel is not panel:
            # a last cohort that is the comparison comes under the policy, too
            known = {unit for unit, ever in zip(whole.panel.units, whole.ever, strict=True) if ever}
            never = never & np.array([unit not in known for unit in timing.panel.units])
        return {
            "n_treated": float(treated.sum()),
            "n_never": float(never.sum()),
            "n_cohorts": float(len(np.unique(timing.first[treated]))),
        }

    def _notes(self, mean: Mean) -> tuple[Note, ...]:
        """Return notes on cohorts, on the overall effect, and on event times that hold all farther ones."""
        timing, whole, model = self.timing, self._whole, self.model
        if timing is None or whole is None:
            return (Note("did_of_a_share", policy=model.policy),)
        notes = [*timing.notes, timing.once("cohorts in words", lambda: _cohorts(timing, whole))]
        notes += self.how.said_of(mean, timing)
        if self.how.by_event:
            first, last = self.how.ends
            event = timing.event[_shown(timing, self.effects)]
            ends = [Note("did_first_event", event=-first)] if first is not None and (event < -first).any() else []
            ends += [Note("did_last_event", event=last)] if last is not None and (event > last).any() else []
            notes += [Note("did_binned", ends=ends)] if ends else []
        return tuple(notes)


def _shown(timing: Timing, effects: PolicyEffects) -> NDArray[np.bool_]:
    """Return the rows of units under the policy that have a part in effects, shape (rows,)."""
    return timing.treated if effects.used is None else timing.treated & effects.used


def _small(timing: Timing, whole: Timing, how: PolicyEstimator, arranged: Collection[str]) -> list[Note]:
    """Return the note that names cohorts of few units, or all treated units together where cohorts have one effect.

    Few units that all cohorts are compared with are named as well. ``arranged``: terms with p from arrangements.
    """
    sizes = {one: int((timing.first == one).sum()) for one in timing.cohorts}
    together = how.one_effect
    few = [] if together and sum(sizes.values()) >= FEW_TREATED else list(sizes.items())
    small = [_cohort(timing, one, units) for one, units in few if together or units < FEW_TREATED]
    if how.compares_alone and int((~timing.ever).sum()) < FEW_TREATED:
        compared = {unit for unit, ever in zip(timing.panel.units, timing.ever, strict=True) if not ever}
        small += _counted(whole, compared)
    if not small:
        return []
    facts = {"least": FEW_TREATED, "cohorts": cut(small)}
    if timing.policy in arranged:
        return [Note("did_small_arranged", policy=timing.policy, **facts)]
    return [Note("did_small_cohorts", **facts)]


def _cohort(timing: Timing, place: int, units: int) -> Note:
    return Note("did_cohort", period=timing.label(place), units=units)


def _cohorts(timing: Timing, whole: Timing) -> Note:
    """Return the note that says how many units come under the policy when, a comparison cohort among them."""
    return Note("did_cohorts", policy=timing.policy, cohorts=cut(_counted(whole, set(timing.panel.units)), 8))


def _counted(timing: Timing, units: Collection[str]) -> list[Note]:
    """Return how many of some units come under the policy in each period, and how many never do."""
    first = timing.first[[unit in units for unit in timing.panel.units]]
    counts = [(one, int((first == one).sum())) for one in timing.cohorts]
    cohorts = [_cohort(timing, one, count) for one, count in counts if count]
    never = int((first == NEVER).sum())
    return [*cohorts, *([Note("did_never", units=never)] if never else [])]
