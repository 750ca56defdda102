"""The regression on stacks of cohorts with their clean comparison."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from digicarbon.arrays import FloatArray, IntArray
from digicarbon.errors import EstimationError
from digicarbon.model._observation_weights import weighted_by
from digicarbon.model.base import refuse_unidentified
from digicarbon.model.did._effects import PolicyEffects, Reported, pretest
from digicarbon.model.did._timing import Timing
from digicarbon.note import Note
from digicarbon.numeric.did.aggregation import Cells, aggregation
from digicarbon.numeric.did.stacks import Stacks, absorb_stacks, covariance_of_stacks, stacks
from digicarbon.numeric.linear.covariance import FEWEST_CLUSTERS
from digicarbon.numeric.linear.least_squares import least_squares
from digicarbon.result import Inference, Result

if TYPE_CHECKING:
    from digicarbon.model.did.base import DiD


def stacked(model: DiD, timing: Timing) -> PolicyEffects:
    """Return the effects of a regression with effects of units and of periods in each stack."""
    panel, names = timing.panel, timing.panel.expanded(model.controls, among=model.terms)
    window = (model.leads, model.lags, model.anticipation)
    chosen = stacks(panel.unit_codes, timing.at, timing.first, model.compare, *window)
    if not len(chosen.row):
        raise EstimationError(Note("did_no_stack", policy=model.policy, compare=model.compare))
    dummies, events = _dummies(model, chosen)
    raw = np.column_stack([dummies, panel.array((*names, model.y))[chosen.row]])
    unit, at = panel.unit_codes[chosen.row], timing.at[chosen.row]
    weights = None if timing.observation_weights is None else timing.observation_weights[chosen.row]
    values, effects = absorb_stacks(raw, unit, at, chosen.stack, weights)
    own = (model.policy,) if not len(events) else tuple(f"{model.policy}[{event}]" for event in events.tolist())
    refuse_unidentified((*own, *names), values[:, :-1], raw[:, :-1], "two_way")
    df_resid = len(values) - values.shape[1] + 1 - effects.rank
    if df_resid <= 0:
        raise EstimationError(Note("did_no_stack", policy=model.policy, compare=model.compare))
    if weights is not None:
        values = np.sqrt(weights)[:, None] * values
    fit = least_squares(values)
    covariance, groups = covariance_of_stacks(
        values[:, :-1], fit, df_resid, unit, at, effects, model.cov, model.cluster, model.small_sample
    )
    if groups is not None and groups < FEWEST_CLUSTERS:
        by = "unit" if model.cluster == "unit" else "time"
        way_out = Note("choose_classic")
        raise EstimationError(Note("few_clusters_by", groups=groups, by=by, fewest=FEWEST_CLUSTERS, way_out=way_out))
    combined, reported = np.ones((1, 1)), Reported.of(timing, (), "overall")
    early = np.empty((0, 1))
    if len(events):
        # an event time is a cell that all cohorts share
        sizes = dummies.sum(axis=0) if weights is None else weights @ dummies
        cells = Cells(np.zeros_like(events), events, sizes, np.ones(len(events)))
        means = aggregation(cells, "event")
        combined, reported = means.weights, Reported.of(timing, means.levels, "event")
        early = np.eye(len(events))[events < -model.anticipation]
    k, count = len(names), len(own)
    pick = np.zeros((len(combined) + k, count + k))
    pick[: len(combined), :count], pick[len(combined) :, count:] = combined, np.eye(k)
    inference = Inference(float(df_resid if groups is None or model.df == "residual" else groups - 1), model.level)
    return PolicyEffects(
        reported.terms,
        reported.made_of,
        pick @ fit.coef,
        pick @ covariance @ pick.T,
        names,
        pretest(np.pad(early, ((0, 0), (0, k))), fit.coef, covariance, inference),
        _fitted(model, timing, chosen, df_resid, inference),
    )


def _dummies(model: DiD, chosen: Stacks) -> tuple[FloatArray, IntArray]:
    """Return the dummy of the policy, or dummies of event times and these, which are none of a single dummy."""
    if model.aggregate == "overall":
        return (chosen.own & (chosen.event >= -model.anticipation))[:, None].astype(np.float64), chosen.event[:0]
    base = model.base_event
    if not (chosen.own & (chosen.event == base)).any():
        raise EstimationError(Note("did_no_reference", event=base))
    events = np.unique(chosen.event[chosen.own & (chosen.event != base)])
    return (chosen.own & (chosen.event == events[:, None])).T.astype(np.float64), events


def _fitted(model: DiD, timing: Timing, chosen: Stacks, df_resid: int, inference: Inference) -> Result:
    panel = timing.panel
    used = np.unique(chosen.row)
    errors_note = model.regression((model.policy,)).rule.note(panel.shape[1])
    return Result(
        kind="",
        y=model.y,
        inference=inference,
        statistics={
            "nobs": float(len(chosen.row)),
            "n_units": float(len(np.unique(panel.unit_codes[used]))),
            "n_periods": float(len(np.unique(panel.period_codes[used]))),
            "df_resid": float(df_resid),
        },
        absorbed=("unit", "time"),
        transformed=True,
        notes=(
            errors_note,
            *(() if timing.weighted_by is None else (weighted_by(timing.weighted_by),)),
            Note("did_stacks", stacks=int(chosen.stack.max()) + 1, rows=len(used)),
            Note("did_clean_never" if model.compare == "never" else "did_clean_not_yet", policy=model.policy),
        ),
        errors_note=errors_note,
    )
