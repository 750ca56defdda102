"""Estimators whose standard errors are those of units' influence: Callaway and Sant'Anna's, and imputation."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from digicarbon.arrays import FloatArray
from digicarbon.errors import EstimationError
from digicarbon.model.did._effects import PolicyEffects, Reported, pretest, treated_cells
from digicarbon.model.did._timing import Timing
from digicarbon.note import Note, cut
from digicarbon.numeric.did.aggregation import aggregation, binned, influence_of_means
from digicarbon.numeric.did.group_time import GroupTime, comparisons, group_time
from digicarbon.numeric.did.imputation import Imputation
from digicarbon.result import Inference, Result

if TYPE_CHECKING:
    from digicarbon.model.did.base import DiD


def callaway_santanna(model: DiD, timing: Timing) -> PolicyEffects:
    """Return means of the effects of cohorts in periods."""
    panel, names = timing.panel, timing.panel.expanded(model.controls, among=model.terms)
    y, x = panel.column(model.y), panel.array(names)
    how = (model.compare, model.base_period, model.anticipation, model.reference)
    compared = timing.once(("comparisons", how), lambda: comparisons(timing.at, timing.first, *how))
    estimated = group_time(y, x, panel.unit_codes, compared)
    if not (estimated.cells.event >= 0).any():
        raise EstimationError(Note("did_no_cell", policy=model.policy, compare=model.compare))
    chosen = aggregation(estimated.cells, model.aggregate, model.leads, model.lags)
    reported = Reported.of(timing, chosen.levels, model.aggregate)
    influence = influence_of_means(chosen, estimated.cells, estimated.att, estimated.influence, timing.first)
    covariance = estimated.influence.T @ estimated.influence
    early = np.eye(len(estimated.att))[estimated.cells.event < -model.anticipation]
    never = model.compare == "never"
    notes = [Note("did_compare_never" if never else "did_compare_not_yet", policy=model.policy)]
    if estimated.left_out:
        notes.append(Note("did_cells_left_out", cells=estimated.left_out))
    fitted = _fitted(model, timing, Note("did_influence"), notes, {"group_time": _table(timing, estimated)})
    leads = pretest(early, estimated.att, covariance, fitted.inference)
    effects = chosen.weights @ estimated.att
    return PolicyEffects(reported.terms, reported.made_of, effects, influence.T @ influence, (), leads, fitted)


def imputation(model: DiD, timing: Timing) -> PolicyEffects:
    """Return means of the differences between treated rows and what they are imputed to have been."""
    panel, names = timing.panel, timing.panel.expanded(model.controls, among=model.terms)
    y, x = panel.column(model.y), panel.array(names)
    treated = timing.event >= -model.anticipation
    untreated = Imputation(x, panel.unit_codes, panel.period_codes, treated)
    if not (untreated.known & (timing.event >= 0)).any():
        raise EstimationError(Note("did_no_untreated", policy=model.policy))
    cells, cell = treated_cells(timing, untreated.known)
    chosen = aggregation(cells, model.aggregate, model.leads, model.lags)
    # a cell's effect is the mean of its rows
    weights = untreated.weights(np.where(cell[:, None] >= 0, (chosen.weights / cells.size).T[cell], 0.0))
    reported = Reported.of(timing, chosen.levels, model.aggregate)
    unknown = [term for term, column in zip(reported.terms, weights.T, strict=True) if np.isnan(column).any()]
    if unknown:
        raise EstimationError(Note("did_not_imputed", terms=cut(unknown)))
    dummies, levels = _leads(model, timing)
    fit = untreated.fit(y, dummies)
    effects = np.nan_to_num(fit.effects) @ np.where(cell[:, None] >= 0, (chosen.weights / cells.size).T[cell], 0.0)
    influence = untreated.influence(y, fit.effects, weights, cell)
    notes, lost = [], int((treated & ~untreated.known).sum())
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
        order = [[*reported.terms, *before].index(term) for term in whole.terms]
        reported = whole
        effects = np.append(effects, fit.leads)[order]
        influence = np.column_stack([influence, fit.influence_of_leads])[:, order]
    influence = np.column_stack([influence, fit.influence_of_slopes])
    coef = np.append(effects, fit.slopes)
    return PolicyEffects(reported.terms, reported.made_of, coef, influence.T @ influence, names, leads, fitted)


def _leads(model: DiD, timing: Timing) -> tuple[FloatArray, tuple[int, ...]]:
    """Return dummies of event times before the policy, shape (rows, m), and these event times."""
    event = binned(timing.event, model.leads, None)
    treated = timing.ever[timing.panel.unit_codes]
    base = max(model.base_event, -model.leads) if model.leads else model.base_event
    there = np.unique(event[treated & (event < -model.anticipation) & (event != base)])
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
    periods = cells.first + cells.event

    def places() -> pd.DataFrame:
        labels = ([timing.label(one) for one in of.tolist()] for of in (cells.first, periods))
        return pd.DataFrame(dict(zip(("cohort", "period"), labels, strict=True)) | {"event": cells.event})

    # columns of text take longer than the fit
    frame = timing.once(("places", cells.first.tobytes(), periods.tobytes()), places)
    return frame.assign(coef=estimated.att, se=np.sqrt((estimated.influence**2).sum(axis=0)))
