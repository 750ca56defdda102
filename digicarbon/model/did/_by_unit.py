"""Estimators whose standard errors are those of units' influence: Callaway and Sant'Anna's, and imputation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from digicarbon.arrays import FloatArray, IntArray
from digicarbon.errors import EstimationError
from digicarbon.model.did._effects import PolicyEffects, Reported, pretest, treated_cells
from digicarbon.model.did._timing import Timing
from digicarbon.note import Note, cut
from digicarbon.numeric.did.aggregation import aggregation, binned, influence_of_means
from digicarbon.numeric.did.group_time import GroupTime, comparisons, group_time
from digicarbon.numeric.did.imputation import Block, Imputation, Untreated
from digicarbon.result import Inference, Result

if TYPE_CHECKING:
    from digicarbon.model.did.base import DiD


def check(model: DiD, timing: Timing) -> None:
    """Raise an error if the effects cannot be estimated without controls; fit nothing.

    Raises
    ------
    DataError, EstimationError
    """
    names = timing.panel.expanded(model.controls, among=model.terms)
    timing.panel.require((model.y, *names))
    bare = model.model_copy(update={"controls": ()})
    key = (model.estimator, model.compare, model.base_period, model.base_event, model.anticipation)
    ends = (model.aggregate, model.leads, model.lags)
    own = imputation if model.estimator == "imputation" else callaway_santanna
    # what depends on the controls is seen by the fit
    timing.once(("checked", key, ends), lambda: own(bare, timing).terms)


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
    untreated = timing.once(("untreated", model.anticipation), lambda: _untreated(model, timing))
    if not (untreated.known & (timing.event >= 0)).any():
        raise EstimationError(Note("did_no_untreated", policy=model.policy))
    key = (model.anticipation, model.aggregate, model.leads, model.lags)
    means = timing.once(("means of imputed", key), lambda: _means(model, timing, untreated))
    regression = Imputation(x, untreated)
    weights = regression.weights(means.weights)
    reported = means.reported
    unknown = [term for term, column in zip(reported.terms, weights.T, strict=True) if np.isnan(column).any()]
    if unknown:
        raise EstimationError(Note("did_not_imputed", terms=cut(unknown)))
    imputed = regression.fit(y)
    effects = np.nan_to_num(imputed.effects) @ means.weights
    influence = regression.influence(imputed, weights, means.cell)
    notes, lost = [], int((timing.event >= -model.anticipation).sum() - untreated.known.sum())
    if lost:
        notes.append(Note("did_rows_not_imputed", rows=lost))
    lead_key = (model.anticipation, model.base_event, model.leads)
    before = timing.once(("leads of imputed", lead_key), lambda: _leads(model, timing, untreated))
    early = regression.leads(y, before.dummies) if before.levels else None
    if before.levels and early is None:
        notes.append(Note("did_leads_unknown", policy=model.policy))
    fitted = _fitted(model, timing, Note("did_conservative"), notes)
    leads = None
    if early is not None:
        covariance = early.influence.T @ early.influence
        leads = pretest(np.eye(len(before.levels)), early.coef, covariance, fitted.inference)
        if model.aggregate == "event":
            whole = Reported.of(timing, sorted({*before.levels, *means.levels}), "event")
            own = Reported.of(timing, before.levels, "event").terms[1:]
            order = [[*reported.terms, *own].index(term) for term in whole.terms]
            reported = whole
            effects = np.append(effects, early.coef)[order]
            influence = np.column_stack([influence, early.influence])[:, order]
    slopes = regression.slopes(y)
    influence = np.column_stack([influence, slopes.influence])
    coef = np.append(effects, slopes.coef)
    return PolicyEffects(reported.terms, reported.made_of, coef, influence.T @ influence, names, leads, fitted)


def _untreated(model: DiD, timing: Timing) -> Untreated:
    panel = timing.panel
    return Untreated(panel.unit_codes, panel.period_codes, timing.event >= -model.anticipation)


@dataclass(frozen=True, eq=False)
class _Means:
    """Means of the effects of imputed rows.

    Attributes
    ----------
    reported : Reported
    levels : tuple of int
    weights : ndarray, shape (rows, q)
        Of the rows in each mean.
    cell : ndarray of int, shape (rows,)
        Cohort and period of an imputed row, -1 for others.
    """

    reported: Reported
    levels: tuple[int, ...]
    weights: FloatArray
    cell: IntArray


def _means(model: DiD, timing: Timing, untreated: Untreated) -> _Means:
    cells, cell = treated_cells(timing, untreated.known)
    chosen = aggregation(cells, model.aggregate, model.leads, model.lags)
    # a cell's effect is the mean of its rows
    weights = np.where(cell[:, None] >= 0, (chosen.weights / cells.size).T[cell], 0.0)
    return _Means(Reported.of(timing, chosen.levels, model.aggregate), chosen.levels, weights, cell)


@dataclass(frozen=True, eq=False)
class _Leads:
    """Event times before the policy, and their dummies with those of periods."""

    levels: tuple[int, ...]
    dummies: Block


def _leads(model: DiD, timing: Timing, untreated: Untreated) -> _Leads:
    """Return dummies of event times before the policy, and these event times."""
    event = binned(timing.event, model.leads, None)
    base = max(model.base_event, -model.leads) if model.leads else model.base_event
    there = np.unique(event[timing.treated & (event < -model.anticipation) & (event != base)])
    dummies = (timing.treated & (event == there[:, None])).T.astype(np.float64)
    return _Leads(tuple(there.tolist()), untreated.with_periods(dummies))


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
