"""The regression on stacks of cohorts with their clean comparison."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import scipy

from digicarbon.arrays import FloatArray, IntArray
from digicarbon.errors import EstimationError
from digicarbon.model._absorption import groups_of_units, own_cluster
from digicarbon.model._observation_weights import weighted_by
from digicarbon.model.base import COLUMN, refuse_unidentified
from digicarbon.note import Note, cut
from digicarbon.numeric.linear.absorbed import Groups
from digicarbon.numeric.linear.covariance import FEWEST_CLUSTERS
from digicarbon.numeric.linear.least_squares import Fit, least_squares, triangular
from digicarbon.numeric.linear.within import clear_products
from digicarbon.packs.policies.model._effects import Design, PolicyEffects, pretest, reported
from digicarbon.packs.policies.model._estimator import PolicyEstimator
from digicarbon.packs.policies.model._fields import Exposure, _PolicyModel
from digicarbon.packs.policies.model._timing import Timing
from digicarbon.packs.policies.numeric.aggregation import Cells, aggregation
from digicarbon.packs.policies.numeric.stacks import StackRows, Stacks, corrective_weights, covariance_of_stacks, stacks
from digicarbon.panel import Column, Panel
from digicarbon.result import Inference, Mean, Result
from digicarbon.weights import Weights


@dataclass(frozen=True, eq=False)
class StackColumns:
    """What least squares is run on."""

    names: tuple[str, ...]
    """Of the controls."""
    values: FloatArray
    """Dummies, controls and the outcome, effects removed, shape (m, k + 1)."""
    gram: FloatArray
    """Their inner products, shape (k + 1, k + 1)."""
    df_resid: int
    design: _Design
    clusters: Groups | None
    """Those of a column, of the rows of stacks."""

    @cached_property
    def fit(self) -> Fit:
        """The least-squares fit, which models that differ in their standard errors share."""
        return least_squares(self.values, factor=triangular(self.values, self.gram))


def columns_of(model: _PolicyModel, timing: Timing) -> StackColumns:
    """Return the columns of the regression, after every check. Raises DataError, EstimationError."""
    panel, names = timing.panel, timing.panel.expanded(model.controls, among=model.terms)
    window = (model.leads, model.lags, model.anticipation, model.stack_weights == "corrective")
    key = (model.compare, window, model.aggregate, timing.weights)
    chosen, rows = timing.once(("stacks", key), lambda: _stacks(model, timing, window))
    if rows is None:
        raise EstimationError(Note("did_no_stack", policy=model.policy, compare=model.compare))
    design = timing.once(("design of stacks", key, model.base_event), lambda: _design(model, chosen, rows))
    panel.require((*names, model.y))
    columns = [panel.columns[name] for name in (*names, model.y)]
    values = _beside(design.inner, np.column_stack([_absorbed(column, chosen, rows) for column in columns]))
    gram = np.asarray(values.T @ values)
    squares = [column.square for column in columns[:-1]]
    if not clear_products(gram[:-1, :-1], np.concatenate([design.squares, squares])):
        raw = _beside(design.dummies, panel.array(names)[chosen.row])
        refuse_unidentified((*design.names, *names), values[:, :-1], raw, "two_way")
    df_resid = len(values) - values.shape[1] + 1 - design.rows.effects.rank
    if df_resid <= 0:
        raise EstimationError(Note("did_no_stack", policy=model.policy, compare=model.compare))
    return StackColumns(names, values, gram, df_resid, design, _clusters(model, timing, design))


def _clusters(model: _PolicyModel, timing: Timing, design: _Design) -> Groups | None:
    """Return the clusters of a column that rows of stacks are in; refuse fewer clusters than errors need."""
    own = groups_of_units(timing.panel, model.own_clusters)
    if own is not None:
        groups = Groups.of([own.codes[timing.panel.unit_codes[design.chosen.row]]])
        count, by, way_out = groups.count, model.own_clusters[0], Note("choose_more_clusters")
    else:
        rows, groups = design.rows, None
        count = {"unit": rows.n, "time": rows.t, "both": min(rows.n, rows.t)}[own_cluster(model.cluster)]
        by, way_out = "unit" if model.cluster == "unit" else "time", Note("choose_classic")
    if model.cov == "cluster" and count < FEWEST_CLUSTERS:
        raise EstimationError(Note("few_clusters_by", groups=count, by=by, fewest=FEWEST_CLUSTERS, way_out=way_out))
    return groups


class Stacked(PolicyEstimator):
    """A regression with effects of units and of periods in each stack."""

    levels = ("overall", "event")
    one_effect = True
    by_compare = True

    @property
    def reads(self) -> Collection[str]:
        """Fields that mean something: the reference is one of event times."""
        return {"compare", "leads", "lags", "stack_weights"} | ({"reference"} if self.by_event else set())

    @property
    def ends(self) -> tuple[int | None, int | None]:
        """None: the window of a stack ends where others put what lies beyond."""
        return None, None

    @property
    def lacks_window(self) -> str:
        """The field without which event times of stacks would be of other cohorts each; empty if none is needed."""
        needed = self.model.stack_weights == "corrective" and self.by_event
        lacking = [name for name in ("leads", "lags") if getattr(self.model, name) is None]
        return lacking[0] if needed and lacking else ""

    @property
    def offers(self) -> Mapping[str, tuple[object, ...]]:
        """A row may stand in several stacks: what takes rows in their order there is not."""
        clusters = {"cluster": ("unit", "time", "both", COLUMN)} if self.model.cov == "cluster" else {}
        return {"cov": ("classic", "robust", "cluster"), **clusters}

    def design(self, timing: Timing, panel: Panel, reached: Exposure) -> StackedRegression:
        """Return the regression; models that differ in their standard errors share its columns."""
        model, without = self.model, frozenset({"small_sample", "df"})
        columns = model.latest(
            panel, reached, without, lambda: columns_of(model, timing), lambda made: made.values.nbytes
        )
        return StackedRegression(model, timing, columns)

    def mean(self, covers: bool) -> Mean:
        """Return over what the overall effect is a mean: stacks may leave rows out, or weigh otherwise."""
        model = self.model
        if model.stack_weights == "variance":
            return "stack_variance"
        if model.aggregate == "overall" and model.anticipation:
            return "anticipating_rows"
        mean = super().mean(covers)
        return "stack_rows" if mean == "estimated_rows" else mean


@dataclass(frozen=True, eq=False)
class StackedRegression(Design):
    """The regression on the rows of a policy."""

    model: _PolicyModel
    timing: Timing
    columns: StackColumns

    def effects(self, weights: Weights | None = None) -> PolicyEffects:
        """Return the effects in the outcome."""
        model, timing, columns = self.model, self.timing, self.columns
        design, fit, df_resid = columns.design, columns.fit, columns.df_resid
        events, chosen = design.events, design.chosen
        how = (design.rows, model.cov, columns.clusters or own_cluster(model.cluster), model.small_sample)
        covariance, groups = covariance_of_stacks(columns.values[:, :-1], fit, df_resid, *how)
        combined, terms = np.ones((1, 1)), reported(timing, (), "overall")
        early = np.empty((0, 1))
        if len(events):
            # an event time is a cell that all cohorts share
            cells = Cells(np.zeros_like(events), events, design.squares, np.ones(len(events)))
            means = aggregation(cells, "event", overall=model.overall)
            combined, terms = means.weights, reported(timing, means.levels, "event")
            early = np.eye(len(events))[events < -model.anticipation]
        k = len(columns.names)
        pick = scipy.linalg.block_diag(combined, np.eye(k))
        inference = Inference(float(df_resid if groups is None or model.df == "residual" else groups - 1), model.level)
        return PolicyEffects(
            terms,
            pick @ fit.coef,
            pick @ covariance @ pick.T,
            columns.names,
            pretest(np.pad(early, ((0, 0), (0, k))), fit.coef, covariance, inference),
            _fitted(model, timing, design, df_resid, inference),
            used=np.isin(np.arange(len(timing.at)), chosen.row[chosen.own]),
            compared=np.isin(np.arange(len(timing.at)), chosen.row[~chosen.own]),
        )


@dataclass(frozen=True, eq=False)
class _Design:
    """Dummies of a policy in stacks."""

    rows: StackRows
    dummies: FloatArray
    inner: FloatArray
    """`dummies`, `inner`: before and after effects are removed, shape (m, k)."""
    events: IntArray
    """Their event times; empty for a single dummy."""
    used: int
    """How many rows of the panel are in a stack."""
    names: tuple[str, ...]
    """Of the dummies."""
    chosen: Stacks

    @cached_property
    def squares(self) -> FloatArray:
        """Sums of squares of the dummies: in how many rows each of them is one, or the weights of these."""
        weights = self.rows.weights
        return np.asarray(self.dummies.sum(axis=0) if weights is None else weights @ self.dummies)


def _stacks(
    model: _PolicyModel, timing: Timing, window: tuple[int | None, int | None, int, bool]
) -> tuple[Stacks, StackRows | None]:
    unit = timing.panel.unit_codes
    chosen = stacks(unit, timing.at, timing.first, model.compare, *window)
    if not len(chosen.row):
        return chosen, None
    weights = None if timing.observation_weights is None else timing.observation_weights[chosen.row]
    if model.stack_weights == "corrective":
        own = corrective_weights(chosen, weights, model.anticipation, windows=model.aggregate == "overall")
        # equal weights are none
        if not np.allclose(own, own[0], rtol=1e-12, atol=0.0):
            weights = own if weights is None else own * weights
    return chosen, StackRows(unit[chosen.row], timing.at[chosen.row], chosen.stack, weights)


def _absorbed(column: Column, chosen: Stacks, rows: StackRows) -> FloatArray:
    """Return a column in the rows of stacks, effects removed: once for all models."""
    if rows not in column.memory:
        column.memory[rows] = rows.absorb(column.values[chosen.row, None])[:, 0]
    return np.asarray(column.memory[rows])


def _design(model: _PolicyModel, chosen: Stacks, rows: StackRows) -> _Design:
    dummies, events = _dummies(model, chosen)
    names = tuple(f"{model.policy}[{event}]" for event in events.tolist()) or (model.policy,)
    return _Design(rows, dummies, rows.absorb(dummies), events, len(np.unique(chosen.row)), names, chosen)


def _beside(left: FloatArray, right: FloatArray) -> FloatArray:
    """Return two sets of columns side by side, each column in one piece."""
    return np.concatenate([left.T, right.T]).T


def _dummies(model: _PolicyModel, chosen: Stacks) -> tuple[FloatArray, IntArray]:
    """Return the dummy of the policy, or dummies of event times and these, which are none of a single dummy."""
    if model.aggregate == "overall":
        return (chosen.own & (chosen.event >= -model.anticipation))[:, None].astype(np.float64), chosen.event[:0]
    base = model.base_event
    if not (chosen.own & (chosen.event == base)).any():
        raise EstimationError(Note("did_no_reference", event=base))
    events = np.unique(chosen.event[chosen.own & (chosen.event != base)])
    return (chosen.own & (chosen.event == events[:, None])).T.astype(np.float64), events


def _fitted(model: _PolicyModel, timing: Timing, design: _Design, df_resid: int, inference: Inference) -> Result:
    errors_note = model.regression((model.policy,)).rule.note(timing.panel.shape[1])
    return Result(
        kind="",
        y=model.y,
        inference=inference,
        statistics={
            "nobs": float(len(design.dummies)),
            "n_units": float(design.rows.n),
            "n_periods": float(design.rows.t),
            "df_resid": float(df_resid),
        },
        absorbed=("unit", "time"),
        transformed=True,
        notes=(
            errors_note,
            *(() if timing.weighted_by is None else (weighted_by(timing.weighted_by),)),
            Note("did_stacks", stacks=design.rows.effects.stacks, rows=design.used),
            Note("did_clean_never" if model.compare == "never" else "did_clean_not_yet", policy=model.policy),
            *_weighed(model, timing, design.chosen),
        ),
        errors_note=errors_note,
    )


def _weighed(model: _PolicyModel, timing: Timing, chosen: Stacks) -> list[Note]:
    """Return notes on how stacks weigh, and on cohorts that have none."""
    notes = [Note("did_corrective_weights" if model.stack_weights == "corrective" else "did_variance_weights")]
    if chosen.without:
        notes.append(Note("did_without_stack", cohorts=cut(map(timing.label, chosen.without))))
    if chosen.incomplete:
        notes.append(Note("did_incomplete_window", cohorts=cut(map(timing.label, chosen.incomplete))))
    return notes
