"""Bounds on a policy's effect where trends need not be parallel (Rambachan & Roth 2023), by diff-diff."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
import pandas as pd
from pydantic import Field

from digicarbon.diagnostic.of_model import OfModel
from digicarbon.errors import ConfigError, EstimationError
from digicarbon.model.base import Level
from digicarbon.note import Note, cut
from digicarbon.packs.policies.diagnostic._policy import did_of
from digicarbon.packs.policies.diagnostic.leads import by_event, event_effects
from digicarbon.packs.policies.model.did import DiD
from digicarbon.panel import Panel
from digicarbon.result import Result
from digicarbon.weights import Weights

Restriction = Literal["relative", "smooth"]
Sizes = Annotated[tuple[Annotated[float, Field(ge=0)], ...], Field(strict=False, min_length=1)]
RELATIVE = (0.0, 0.5, 1.0, 1.5, 2.0)
SMOOTH = (0.0, 0.25, 0.5, 0.75, 1.0)
"""Sizes that are shown without others; of a smooth trend in standard errors of the effect."""


class HonestBounds(OfModel):
    """Bounds on the effect if the trends of treated and other units differ by no more than a size.

    Attributes
    ----------
    model : Model
        In a configuration ``${model}``, the model of the run; of ``estimator=twfe`` the event study is fitted.
    restriction : {"relative", "smooth"}
        What the size is of: differences from one period to the next, at most so many times the largest one before the
        policy; or changes of the slope from one period to the next, in units of the outcome.
    sizes : tuple of float or None
        None: 0 to 2 of ``relative``; 0 to 1 standard errors of the effect of ``smooth``.
    event : int or None
        The event time whose effect it is; None: the mean of those from 0 on.
    level : float
        Coverage of the intervals.

    Notes
    -----
    Needs the package diff-diff. Its interval of ``smooth`` is the fixed-length one of Rambachan and Roth; that of
    ``relative`` widens the bounds by the standard error of the effect and takes the estimated trend before the policy
    as known, where Rambachan and Roth test moment inequalities.
    """

    references: ClassVar[tuple[str, ...]] = ("rambachan2023",)

    table_names: ClassVar[tuple[str, ...]] = ("honest_bounds",)

    restriction: Restriction = "relative"
    sizes: Sizes | None = None
    event: Annotated[int, Field(ge=0)] | None = None
    level: Level = 0.95

    @property
    def notes(self) -> tuple[Note, ...]:
        """What the sizes are, and what the interval is."""
        of_one_dummy = did_of(self.model).estimator == "twfe"
        return (
            Note("honest_relative" if self.restriction == "relative" else "honest_smooth", level=self.level),
            *((Note("honest_of_event_study"),) if of_one_dummy else ()),
        )

    def check(self, panel: Panel, weights: Weights | None = None) -> None:
        """Raise an error if the package is missing, or there are no effects by event time around the reference."""
        _package()
        _by_event(did_of(self.model)).check(panel, weights)

    def tables(self, panel: Panel, weights: Weights | None = None) -> Mapping[str, pd.DataFrame]:
        """Return ``honest_bounds``, indexed by size: bounds of the effect, and its interval.

        Bounds are not a number where no trend of this size agrees with what was estimated before the policy.
        """
        package = _package()
        model = _by_event(did_of(self.model))
        result = model.by_errors.fit(panel, weights)
        early, late = _horizons(model, result)
        weight = self._weights(model, late)
        terms = event_effects(result, model.policy)
        lost = [terms[event] for event in (*early, *late) if terms[event] in result.without_errors]
        if lost:
            raise EstimationError(Note("honest_no_errors", terms=cut(lost, 4)))
        at = [result.terms.index(terms[event]) for event in (*early, *late)]
        effects = _effects(package, result, at, early, late)
        covariance = result.covariance[np.ix_(at[len(early) :], at[len(early) :])]
        se = math.sqrt(weight @ covariance @ weight)
        sizes = self.sizes or (RELATIVE if self.restriction == "relative" else tuple(se * size for size in SMOOTH))
        method = "relative_magnitude" if self.restriction == "relative" else "smoothness"
        bounds = package.HonestDiD(method=method, alpha=1 - self.level, l_vec=weight)
        rows = []
        for size in sizes:
            one = bounds.fit(effects, M=float(size))
            rows.append((one.original_estimate, one.original_se, one.lb, one.ub, one.ci_lb, one.ci_ub))
        columns = ["coef", "se", "bound_low", "bound_high", "low", "high"]
        index = pd.Index([float(size) for size in sizes], name="size")
        return {"honest_bounds": pd.DataFrame(rows, columns=columns, index=index, dtype=np.float64)}

    def _weights(self, model: DiD, late: Sequence[int]) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
        """Return the weights of effects after the reference in the effect."""
        chosen = [event >= 0 if self.event is None else event == self.event for event in late]
        if not any(chosen):
            last = max(late)
            raise ConfigError(Note("honest_no_event", key="diagnostic.event", event=self.event or 0, last=last))
        return np.array(chosen, dtype=np.float64) / sum(chosen)


def _package() -> Any:
    """Return diff-diff. Raises ConfigError if it is not installed."""
    try:
        import diff_diff
    except ImportError as error:
        raise ConfigError(Note("honest_needs_package", package="diff-diff")) from error
    return diff_diff


def _by_event(model: DiD) -> DiD:
    """Return the model with all effects relative to the last period before the policy."""
    if model.estimator == "imputation":
        raise ConfigError(Note("honest_of_imputation"))
    if model.reference != -1:
        raise ConfigError(Note("honest_reference", reference=model.reference))
    return by_event(model).model_copy(update={"base_period": "universal"})


def _horizons(model: DiD, result: Result) -> tuple[list[int], list[int]]:
    """Return event times before and after the reference, without gaps."""
    events = [event for event in event_effects(result, model.policy) if event != model.base_event]
    early = [event for event in events if event < model.base_event]
    late = [event for event in events if event > model.base_event]
    whole = [event for event in range(min(events), max(events) + 1) if event != model.base_event]
    if not early or not late or events != whole:
        raise EstimationError(Note("honest_gaps", policy=model.policy, reference=model.base_event))
    return early, late


def _effects(package: Any, result: Result, at: Sequence[int], early: Sequence[int], late: Sequence[int]) -> Any:
    """Return effects by event time as diff-diff takes them."""
    from diff_diff.results import PeriodEffect

    coef, covariance = result.coef[list(at)], result.covariance[np.ix_(at, at)]
    se = np.sqrt(np.diag(covariance))
    events = [*early, *late]
    unused = (math.nan, math.nan)
    return package.MultiPeriodDiDResults(
        period_effects={
            event: PeriodEffect(event, float(b), float(s), math.nan, math.nan, unused)
            for event, b, s in zip(events, coef, se, strict=True)
        },
        avg_att=math.nan,
        avg_se=math.nan,
        avg_t_stat=math.nan,
        avg_p_value=math.nan,
        avg_conf_int=unused,
        n_obs=int(result.statistics["nobs"]),
        n_treated=int(result.statistics["n_treated"]),
        n_control=int(result.statistics["n_never"]),
        pre_periods=list(early),
        post_periods=list(late),
        vcov=covariance,
        interaction_indices={event: place for place, event in enumerate(events)},
    )
