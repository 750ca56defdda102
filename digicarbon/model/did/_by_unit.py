"""Estimators whose standard errors are those of units' influence: Callaway and Sant'Anna's, and imputation."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from digicarbon.arrays import FloatArray
from digicarbon.errors import EstimationError
from digicarbon.model.did._effects import PolicyEffects, Reported, pretest, treated_cells
from digicarbon.model.did._spillovers import Exposure
from digicarbon.model.did._timing import Timing
from digicarbon.note import Note, cut
from digicarbon.numeric.did.aggregation import aggregation, binned, influence_of_means
from digicarbon.numeric.did.group_time import GroupTime, group_time
from digicarbon.numeric.did.imputation import Imputation
from digicarbon.result import Inference, Result

if TYPE_CHECKING:
    from digicarbon.model.did.base import DiD


def callaway_santanna(model: DiD, timing: Timing) -> PolicyEffects:
    """Return means of the effects of cohorts in periods."""
    panel, names = timing.panel, timing.panel.expanded(model.controls, among=model.terms)
    y, x = panel.column(model.y), panel.array(names)
    how = (model.compare, model.base_period, model.anticipation, model.reference)
    estimated = group_time(y, x, panel.unit_codes, timing.at, timing.first, *how)
    if not (estimated.cells.event >= 0).any():
        raise EstimationError(Note("did_no_cell", policy=model.policy, compare=model.compare))
    chosen = aggregation(estimated.cells, model.aggregate, model.leads, model.lags)
    reported = Reported.of(timing, chosen.levels, model.aggregate)
    influence = influence_of_means(chosen, estimated.cells, estimated.att, estimated.influence, timing.first)
    covariance = estimated.influence.T @ estimated.influence
    alone = estimated.cells.units < 2
    before = estimated.cells.event < -model.anticipation
    early = np.eye(len(estimated.att))[before & ~alone]
    never = model.compare == "never"
    notes = [Note("did_compare_never" if never else "did_compare_not_yet", policy=model.policy)]
    if (before & alone).any():
        notes.append(Note("did_single_left_out"))
    if estimated.left_out:
        notes.append(Note("did_cells_left_out", cells=estimated.left_out))
    fitted = _fitted(model, timing, Note("did_influence"), notes, {"group_time": _table(timing, estimated)})
    leads = pretest(early, estimated.att, covariance, fitted.inference)
    effects = chosen.weights @ estimated.att
    return PolicyEffects(reported.terms, reported.made_of, effects, influence.T @ influence, (), leads, fitted)


def imputation(model: DiD, timing: Timing, reached: Exposure) -> PolicyEffects:
    """Return means of the differences between treated rows and what they are imputed to have been.

    With spillovers, rows that the policies of others reach are imputed, too (Butts 2023): what is left without is the
    comparison.
    """
    panel, names = timing.panel, timing.panel.expanded(model.controls, among=model.terms)
    y, x = panel.column(model.y), panel.array(names)
    treated = timing.event >= -model.anticipation
    exposed = panel.array(tuple(reached.columns)) > 0
    imputed: NDArray[np.bool_] = treated | exposed.any(axis=1)
    untreated = Imputation(x, panel.unit_codes, panel.period_codes, imputed)
    if not (untreated.known & (timing.event >= 0)).any():
        raise EstimationError(Note("did_no_untreated", policy=model.policy))
    cells, cell = treated_cells(timing, untreated.known & treated)
    chosen = aggregation(cells, model.aggregate, model.leads, model.lags)
    # a cell's effect is the mean of its rows
    means = np.where(cell[:, None] >= 0, (chosen.weights / cells.size).T[cell], 0.0)
    reported = Reported.of(timing, chosen.levels, model.aggregate)
    spillover: dict[str, float] = {}
    if reached.columns:
        there = exposed & untreated.known[:, None]
        counts = there.sum(axis=0)
        if not counts.all():
            lacking = [term for term, count in zip(reached.columns, counts, strict=True) if not count]
            raise EstimationError(Note("did_exposed_not_imputed", terms=cut(lacking)))
        means = np.column_stack([means, there / counts])
        reported = Reported((*reported.terms, *reached.columns), {**reported.made_of, **reached.made_of})
        spillover = dict(zip(reached.columns, (counts / counts.sum()).tolist(), strict=True))
        # rows of a ring and a period are taken as alike
        ring, period = there.argmax(axis=1), panel.period_codes
        cell = np.where(there.any(axis=1), len(cells.size) + ring * panel.shape[1] + period, cell)
    weights = untreated.weights(means)
    unknown = [term for term, column in zip(reported.terms, weights.T, strict=True) if np.isnan(column).any()]
    if unknown:
        raise EstimationError(Note("did_not_imputed", terms=cut(unknown)))
    dummies, levels = _leads(model, timing, ~imputed)
    fit = untreated.fit(y, dummies)
    effects = np.nan_to_num(fit.effects) @ means
    influence = untreated.influence(y, fit.effects, weights, cell)
    notes, lost = [], int((imputed & ~untreated.known).sum())
    if lost:
        notes.append(Note("did_rows_not_imputed", rows=lost))
    known = bool(len(levels) and np.isfinite(fit.leads).all())
    if len(levels) and not known:
        notes.append(Note("did_leads_unknown", policy=model.policy))
    fitted = _fitted(model, timing, Note("did_conservative"), notes)
    covariance = fit.influence_of_leads.T @ fit.influence_of_leads
    leads = pretest(np.eye(len(levels)), fit.leads, covariance, fitted.inference) if known else None
    if known and model.aggregate == "event":
        whole = Reported.of(timing, sorted({*levels, *chosen.levels}), "event")
        before = Reported.of(timing, levels, "event").terms[1:]
        whole = Reported((*whole.terms, *reached.columns), {**whole.made_of, **reached.made_of})
        order = [[*reported.terms, *before].index(term) for term in whole.terms]
        reported = whole
        effects = np.append(effects, fit.leads)[order]
        influence = np.column_stack([influence, fit.influence_of_leads])[:, order]
    influence = np.column_stack([influence, fit.influence_of_slopes])
    coef = np.append(effects, fit.slopes)
    covariance = influence.T @ influence
    return PolicyEffects(reported.terms, reported.made_of, coef, covariance, names, leads, fitted, spillover)


def _leads(model: DiD, timing: Timing, free: NDArray[np.bool_]) -> tuple[FloatArray, tuple[int, ...]]:
    """Return dummies of event times before the policy that free rows have, shape (rows, m), and these event times."""
    event = binned(timing.event, model.leads, None)
    treated = timing.ever[timing.panel.unit_codes]
    base = max(model.base_event, -model.leads) if model.leads else model.base_event
    there = np.unique(event[treated & free & (event < -model.anticipation) & (event != base)])
    return (treated & (event == there[:, None])).T.astype(np.float64), tuple(there.tolist())


def _fitted(
    model: DiD, timing: Timing, errors: Note, notes: list[Note], tables: dict[str, pd.DataFrame] | None = None
) -> Result:
    n, t = timing.panel.shape
    errors_note = Note("errors_are", errors=errors)
    return Result(
        kind="",
        y=model.y,
        inference=Inference(None, model.level),
        statistics={"nobs": float(len(timing.at)), "n_units": float(n), "n_periods": float(t)},
        tables=tables or {},
        absorbed=("unit", "time"),
        notes=(errors_note, *notes),
        errors_note=errors_note,
    )


def _table(timing: Timing, estimated: GroupTime) -> pd.DataFrame:
    """Return the effects of cohorts in periods as a table."""
    cells = estimated.cells
    return pd.DataFrame(
        {
            "cohort": [timing.label(one) for one in cells.first.tolist()],
            "period": [timing.label(one) for one in (cells.first + cells.event).tolist()],
            "event": cells.event,
            "coef": estimated.att,
            "se": np.sqrt((estimated.influence**2).sum(axis=0)),
        }
    )
