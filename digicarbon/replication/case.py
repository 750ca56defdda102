"""A recorded run as other tools see it: its columns, its numbers, and the model that they have for it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from digicarbon.arrays import FloatArray
from digicarbon.errors import ConfigError
from digicarbon.model import (
    DynamicPanel,
    GroupedRegression,
    Model,
    NoModel,
    PanelIV,
    PanelRegression,
    SpatialPanel,
)
from digicarbon.note import Note
from digicarbon.numeric.linear.covariance import nested_effects
from digicarbon.panel import Index, Panel, canonical, parse
from digicarbon.plan.prepare import Prepared, Specs
from digicarbon.result import Result
from digicarbon.weights import Weights

KNOWN: tuple[type[Model], ...] = (PanelRegression, SpatialPanel, DynamicPanel, PanelIV)
"""The models that a script can be written for; a subclass of a user's own computes what only it knows."""


@dataclass(frozen=True)
class Small:
    """What a small-sample factor counts; `expression` is the factor as both tools read it.

    Attributes
    ----------
    rule : str
        As in `PanelRegression.small_sample`.
    nobs, k, absorbed, nested : int
        Rows; columns of the design; parameters of the effects, and how many of them are nested in the clusters.
    """

    rule: str
    nobs: int
    k: int
    absorbed: int
    nested: int = 0

    def expression(self, groups: int) -> str:
        """Return the factor on a covariance of so many clusters, e.g. ``30 / 29 * 179 / (180 - 8)``."""
        if self.rule in ("none", "hc3"):
            return "1"
        if self.rule == "hc1":
            return f"{self.nobs} / ({self.nobs} - {self.k})"
        grouped = f"{groups} / {groups - 1}"
        if self.rule == "g":
            return grouped
        counted = {"stata": self.k + self.absorbed - self.nested, "full": self.k + self.absorbed, "sss": self.k}
        return f"{grouped} * {self.nobs - 1} / ({self.nobs} - {counted[self.rule]})"


@dataclass(frozen=True, eq=False)
class Case:
    """A run that is exported.

    Attributes
    ----------
    number : int
        From 1, in the order of the scripts.
    run_id, label : str
    model : Model
        Of a grouped regression the regression on interactions that it is.
    index : Index
        Rows of `columns`.
    columns : mapping of str to ndarray, shape (rows,)
        Outcome, regressors, their spatial lags, instruments.
    regressors : tuple of str
        In the order of the model, dummies spelt out.
    lagged : tuple of str
        Those with a spatial lag in the model; their lags are the columns ``W_<name>``.
    instruments : tuple of str
        Excluded ones.
    weights : Weights or None
        In the order of the units.
    result : Result
        What was recorded.
    known : bool
        Whether a script can be written at all.
    """

    number: int
    run_id: str
    label: str
    model: Model
    index: Index
    columns: Mapping[str, FloatArray]
    regressors: tuple[str, ...]
    weights: Weights | None
    result: Result
    lagged: tuple[str, ...] = ()
    instruments: tuple[str, ...] = ()
    endogenous: tuple[str, ...] = ()
    lag_terms: Mapping[str, tuple[str, int]] = field(default_factory=dict)
    known: bool = True

    @property
    def title(self) -> str:
        """Number and label, in one line."""
        return f"{self.number}: {' '.join(self.label.split())}"

    @property
    def n(self) -> int:
        """Units."""
        return len(self.index.units)

    @property
    def t(self) -> int:
        """Periods."""
        return len(self.index.periods)

    @property
    def balanced(self) -> bool:
        """Whether each unit has each period."""
        return len(self.index) == self.n * self.t

    @property
    def without_gaps(self) -> bool:
        """Whether each unit's rows follow each other on the calendar."""
        if not self.index.ordered:
            return self.balanced
        order = self.index.positions[self.index.period_codes]
        units = self.index.unit_codes
        return bool(np.all((np.diff(order) == 1) | (np.diff(units) != 0)))

    @property
    def expected(self) -> dict[str, tuple[float, float]]:
        """Coefficient and standard error by term; a standard error that does not exist is not a number."""
        estimates = self.result.estimate_columns
        return {
            term: (float(coef), float(se))
            for term, coef, se in zip(self.result.terms, estimates["coef"], estimates["se"], strict=True)
        }

    def small(self, model: PanelRegression | PanelIV, by: str = "unit") -> Small:
        """Return what the small-sample factor of a covariance counts.

        Parameters
        ----------
        model : PanelRegression or PanelIV
        by : {"unit", "time", "both", "none"}
            What a cluster is.
        """
        found = self.result.statistics
        nobs, df_resid = int(found["nobs"]), int(found["df_resid"])
        removed = _removed(model)
        k = len(self.regressors) + (removed == "none" or getattr(model, "constant", False))
        if isinstance(model, PanelRegression) and model.estimator == "lsdv":
            k = nobs - df_resid
        clusters = {"unit": ("unit",), "time": ("time",), "both": ("unit", "time")}.get(by, ())
        n, t = int(found["n_units"]), int(found["n_periods"])
        nested = sum(nested_effects("time" if each == "time" else "unit", removed, n, t) for each in clusters)
        return Small(model.small_sample, nobs, k, nobs - df_resid - k, nested)


def _removed(model: PanelRegression | PanelIV) -> str:
    """Return the fixed effects that are removed before least squares."""
    if isinstance(model, PanelIV):
        return model.effects
    if model.estimator in ("lsdv", "between"):
        return "none"
    if model.estimator == "first_difference":
        return "time" if model.effects == "two_way" else "none"
    return model.fixed


def case_of(number: int, run_id: str, label: str, specs: Specs, prepared: Prepared, result: Result) -> Case | None:
    """Return a run as other tools see it; None where it fits no model.

    Raises
    ------
    DataError, EstimationError
        If the columns of the model cannot be made.
    """
    model, panel = specs.model, prepared.panel
    if isinstance(model, NoModel) or not model.y:
        return None
    weights = None if prepared.weights is None else prepared.weights.align(panel)
    given = (number, run_id, label)
    if type(model) is GroupedRegression:
        expanded = model.expanded(panel)
        names = expanded.model.regressors
        columns = _columns(expanded.panel, (model.y, *names))
        return Case(*given, expanded.model, expanded.panel.index, columns, names, weights, result)
    if type(model) is DynamicPanel:
        return _dynamic(given, model, panel, result)
    if type(model) not in KNOWN:
        made = panel.with_terms(model.terms)
        names = made.expanded(model.regressors, among=model.terms)
        columns = _columns(made, (model.y, *names))
        return Case(*given, model, made.index, columns, names, weights, result, known=False)
    made = panel.with_terms(model.terms)
    names = made.expanded(model.regressors, among=model.terms)
    columns = _columns(made, (model.y, *names))
    if isinstance(model, SpatialPanel):
        if weights is None:
            raise ConfigError(Note("replication_no_weights", run=label))
        columns |= {f"W_{name}": _lag(made, weights, name) for name in model.lagged}
        return Case(*given, model, made.index, columns, names, weights, result, lagged=model.lagged)
    if isinstance(model, PanelIV):
        outside = made.expanded(model.instruments, among=model.terms)
        inside = made.expanded(model.instrumented, among=model.terms)
        columns |= _columns(made, outside)
        return Case(*given, model, made.index, columns, names, None, result, instruments=outside, endogenous=inside)
    return Case(*given, model, made.index, columns, names, weights, result)


def _columns(panel: Panel, names: tuple[str, ...]) -> dict[str, FloatArray]:
    return {name: panel.column(name) for name in names}


def _lag(panel: Panel, weights: Weights, name: str) -> FloatArray:
    """Return a column's spatial lag, shape (rows,)."""
    n, t = panel.shape
    return np.ascontiguousarray(weights.matrix @ panel.array([name]).reshape(n, t)).ravel()


def _dynamic(given: tuple[int, str, str], model: DynamicPanel, panel: Panel, result: Result) -> Case:
    """Return a dynamic panel with lags left to the tool where they are lags of a column, made where they are not."""
    wanted = (*model.regressors, *model.instruments)
    lags: dict[str, tuple[str, int]] = {}
    for term in wanted:
        factors = parse(canonical(term))
        if factors and len(factors) == 1 and factors[0].power == 1 and factors[0].atom.operator == "L":
            lags[term] = factors[0].atom.variable, factors[0].atom.order
    simple = all(term in lags or not (set("^:.(") & set(term)) or panel.has(term) for term in wanted)
    read = [model.y, *(lags[term][0] if term in lags else term for term in wanted)]
    if not simple:
        # what the model reads, so that the data are there all the same
        read = [term for term in model.terms if panel.has(term)]
    columns = _columns(panel, tuple(dict.fromkeys(read)))
    return Case(
        *given,
        model,
        panel.index,
        columns,
        model.regressors,
        None,
        result,
        instruments=model.instruments,
        lag_terms=lags,
        known=simple,
    )
