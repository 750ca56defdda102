"""The covariance of a panel regression's coefficients, by the names of its fields."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import numpy as np
import scipy
from pydantic import BaseModel

from digicarbon.arrays import FloatArray
from digicarbon.errors import DataError, EstimationError, WeightsError
from digicarbon.model._absorption import Clusters, columns_of_clusters, few_clusters_of
from digicarbon.model._panel_columns import Columns
from digicarbon.note import Note
from digicarbon.numeric.linear import covariance as middle
from digicarbon.numeric.linear.absorbed import Absorber, Groups
from digicarbon.numeric.linear.cluster_leverage import Corrected
from digicarbon.numeric.linear.covariance import FEWEST_CLUSTERS, AnySmallSample, Covariance, Kernel
from digicarbon.numeric.linear.within import EFFECTS_OF
from digicarbon.panel import Panel
from digicarbon.weights import Weights

REPAIRED = Note("covariance_repaired")
BY: Mapping[str, str | Note] = {"unit": "unit", "time": "time", "both": Note("unit_and_time")}
"""What clusters are called."""
KERNELS: Mapping[Kernel, Note] = {"uniform": Note("kernel_uniform"), "weights": Note("kernel_weights")}


_SE_WORDS: Mapping[Covariance, str] = {"driscoll_kraay": "Driscoll-Kraay", "beck_katz": "panel-corrected"}


def called(cluster: Clusters) -> str | Note:
    """Return what clusters are called."""
    if isinstance(cluster, tuple):
        return Note("clusters_of_two", first=cluster[0], second=cluster[1])
    return BY.get(cluster, cluster)


@dataclass(frozen=True)
class Rule:
    """How a covariance is made; fields as in `PanelRegression`."""

    cov: Covariance
    cluster: Clusters
    bandwidth: int | None
    kernel: Kernel
    small_sample: AnySmallSample

    def lags(self, t: int) -> int:
        """Return the bandwidth, the usual one where none is given."""
        if self.bandwidth is not None:
            return self.bandwidth
        # Newey & West's (1994) rule for Bartlett weights, as Stata's xtscc; the other one is plm's
        if self.cov == "driscoll_kraay":
            return int(4 * (t / 100) ** (2 / 9))
        return int(t**0.25) if self.cov == "newey_west" else 0

    def counts_periods(self, t: int) -> bool:
        """Return whether errors of different periods are taken together, so that their order matters."""
        return self.lags(t) > 0 and self.cov in ("driscoll_kraay", "newey_west", "conley")

    def note(self, t: int) -> Note:
        """Return the note that says what the standard errors are."""
        return _note(self, t)

    def errors(self, lags: int, rule: str) -> Note:
        """Return what the standard errors are called."""
        match self.cov:
            case "robust":
                return Note("robust", hc={"none": "HC0", "hc3": "HC3"}.get(rule, "HC1"))
            case "cluster":
                if rule in ("cr2", "cr3"):
                    return Note("clustered_cr", by=called(self.cluster), rule=rule.upper())
                return Note("clustered", by=called(self.cluster), rule=rule)
            case "driscoll_kraay":
                return Note("driscoll_kraay", lags=lags, rule=rule)
            case "newey_west":
                return Note("newey_west", lags=lags, rule=rule)
            case "beck_katz":
                return Note("beck_katz", by="time" if self.cluster == "time" else "unit", rule=rule)
            case "conley" if lags:
                return Note("conley_lags", kernel=KERNELS[self.kernel], lags=lags, rule=rule)
            case "conley":
                return Note("conley", kernel=KERNELS[self.kernel], rule=rule)
            case _:
                return Note("classic")


@lru_cache(1024)
def _note(rule: Rule, t: int) -> Note:
    return Note("errors_are", errors=rule.errors(rule.lags(t), rule.small_sample))


OF_ERRORS = frozenset({*Rule.__dataclass_fields__, "df"})
"""Fields of models that say how standard errors are made."""


def usual_errors(model: type[BaseModel]) -> dict[str, object]:
    """Return the fields of a class that say how standard errors are made, as they are where nobody chooses."""
    return {name: one.default for name, one in model.model_fields.items() if name in OF_ERRORS}


def refuse_few_groups(columns: Columns, rule: Rule) -> None:
    """Raise a `DataError` or an `EstimationError` if there are too few clusters, units or periods for a covariance."""
    rows = columns.rows
    if columns.clusters:
        for name, one in zip(columns_of_clusters(rule.cluster), columns.clusters, strict=True):
            _refuse_few(rule, name, one.count)
        return
    counts = {"unit": {"unit": rows.n}, "time": {"time": rows.t}, "both": {"unit": rows.n, "time": rows.t}}
    needed = counts[str(rule.cluster)] if rule.cov == "cluster" else {}
    if rule.cov == "driscoll_kraay":
        needed = {"time": rows.t}
    if rule.cov == "beck_katz":
        needed = counts["time" if rule.cluster == "time" else "unit"]
    if rule.cov == "newey_west" and rows.t < 2:
        raise EstimationError(Note("newey_west_one_period"))
    if rule.cov == "beck_katz" and not rows.balanced:
        raise DataError(Note("beck_katz_unbalanced"))
    for by, groups in needed.items():
        _refuse_few(rule, by, groups)


def _refuse_few(rule: Rule, by: str, groups: int) -> None:
    if groups >= FEWEST_CLUSTERS:
        return
    way_out = Note("choose_classic_or_regions" if by == "unit" else "choose_classic")
    if by in columns_of_clusters(rule.cluster):
        raise EstimationError(few_clusters_of(by, groups))
    if rule.cov == "cluster":
        raise EstimationError(Note("few_clusters_by", groups=groups, by=by, fewest=FEWEST_CLUSTERS, way_out=way_out))
    raise EstimationError(
        Note(
            "few_units_for_errors" if by == "unit" else "few_periods_for_errors",
            groups=groups,
            errors=_SE_WORDS[rule.cov],
            fewest=FEWEST_CLUSTERS,
            way_out=way_out,
        )
    )


def covariance_of(columns: Columns, df_resid: int, rule: Rule, kernel: scipy.sparse.csr_array | None) -> FloatArray:
    """Return the covariance of the coefficients, shape (k, k); it may be indefinite where clusters are few."""
    fit = columns.fit
    if rule.cov == "classic":
        return fit.ssr / df_resid * fit.inverse
    if (
        rule.cov == "cluster"
        and rule.cluster in ("unit", "time")
        and rule.small_sample not in ("hc3", "cr2", "cr3")
        and columns.without_means
    ):
        # sums before the product with P: a product of few rows; without means it loses no digits
        sums = columns.score_sums("time" if rule.cluster == "time" else "unit") @ fit.root
        return fit.root @ (sums.T @ sums * factor_of(columns, rule)) @ fit.root.T
    corrected = corrected_by(columns, rule)
    z, e = columns.values[:, :-1] @ fit.root if corrected is None else corrected.basis, fit.residuals
    if rule.small_sample == "hc3":
        e = e / (1 - middle.leverages(z))
    return fit.root @ _middle(columns, z, e, rule, kernel) @ fit.root.T


def corrected_by(columns: Columns, rule: Rule) -> Corrected | None:
    """Return the regressors' basis as CR2 or CR3 corrects it; None of another rule."""
    power = {"cr2": -0.5, "cr3": -1.0}.get(rule.small_sample)
    return None if power is None else columns.corrected("time" if rule.cluster == "time" else "unit", power)


def scored_by(columns: Columns, rule: Rule) -> FloatArray | None:
    """Return by what residuals are multiplied in scores, shape (rows, k); None where it is the regressors."""
    corrected = corrected_by(columns, rule)
    # the basis is that of ZP
    return None if corrected is None else np.asarray(np.linalg.solve(columns.fit.root.T, corrected.basis.T).T)


def degrees_of_freedom(columns: Columns, df_resid: int, rule: Rule) -> int:
    """Return those of t: clusters less one, the smaller count of two; periods less one; or the residual ones."""
    n, t = columns.rows.n, columns.rows.t
    if rule.cov == "cluster" and columns.clusters:
        return min(one.count for one in columns.clusters) - 1
    if rule.cov == "cluster":
        assert isinstance(rule.cluster, str)
        return {"unit": n, "time": t, "both": min(n, t)}[rule.cluster] - 1
    return t - 1 if rule.cov == "driscoll_kraay" else df_resid


def factor_of(columns: Columns, rule: Rule) -> float:
    """Return the small-sample factor of a robust covariance, or of one that is clustered by units or periods."""
    if rule.cov == "robust":
        return _factor(columns, rule, len(columns.values))
    if columns.clusters:
        return _factor(columns, rule, columns.clusters[0].count, clusters=columns.clusters)
    by: Literal["unit", "time"] = "time" if rule.cluster == "time" else "unit"
    return _factor(columns, rule, columns.rows.groups(by)[1], (by,))


def factors_of_both(columns: Columns, rule: Rule) -> tuple[float, ...]:
    """Return the small-sample factors of the parts of a covariance clustered by two kinds, the overlap last."""
    n, t, nobs = columns.rows.n, columns.rows.t, len(columns.values)
    own = rule.small_sample == "sss"
    if columns.clusters:
        counts = [one.count for one in parts_of(columns.clusters)]
        groups = counts if own else [min(counts)] * 3
        return tuple(_factor(columns, rule, count, clusters=columns.clusters) for count in groups)
    # plm scales each part with its own number of groups, fixest and reghdfe all with the smaller one
    return tuple(_factor(columns, rule, groups if own else min(n, t), ("unit", "time")) for groups in (n, t, nobs))


def _middle(
    columns: Columns, z: FloatArray, e: FloatArray, rule: Rule, kernel: scipy.sparse.csr_array | None
) -> FloatArray:
    rows, nobs = columns.rows, len(z)
    t, own = rows.t, rule.small_sample == "sss"
    if rule.cov == "robust":
        return middle.white(z, e) * factor_of(columns, rule)
    if rule.cov == "cluster" and columns.clusters:
        return of_influence(columns, rule, z * e[:, None])
    if rule.cov == "cluster" and rule.cluster != "both":
        return middle.clustered(z, e, rows, "time" if rule.cluster == "time" else "unit") * factor_of(columns, rule)
    if rule.cov == "cluster":
        by_unit, by_time = (middle.clustered(z, e, rows, by) for by in ("unit", "time"))
        factors = factors_of_both(columns, rule)
        return by_unit * factors[0] + by_time * factors[1] - middle.white(z, e) * factors[2]
    if rule.cov == "driscoll_kraay":
        return middle.driscoll_kraay(z, e, rows, rule.lags(t)) * _factor(columns, rule, t)
    if rule.cov == "newey_west":
        return middle.newey_west(z, e, rows, rule.lags(t)) * _factor(columns, rule, nobs if own else t)
    if rule.cov == "beck_katz":
        by: Literal["unit", "time"] = "time" if rule.cluster == "time" else "unit"
        return middle.beck_katz(z, e, rows, by) * _factor(columns, rule, nobs)
    if kernel is None:
        raise TypeError("Conley's covariance needs a kernel.")
    return middle.conley(z, e, rows, kernel, rule.lags(t)) * _factor(columns, rule, nobs)


def of_influence(columns: Columns, rule: Rule, influence: FloatArray) -> FloatArray:
    """Return a robust or clustered covariance, shape (k, k), from what each row contributes to estimates, (rows, k).

    Of scores, the result is the middle of a covariance. It may be indefinite where clusters are of two kinds.
    """
    if rule.cov == "robust":
        return influence.T @ influence * factor_of(columns, rule)
    if columns.clusters:
        return _of_columns(columns, rule, influence)
    rows = columns.rows
    if rule.cluster == "both":
        parts = (rows.sums(influence, "unit"), rows.sums(influence, "time"), influence)
        factors = factors_of_both(columns, rule)
        first, second, overlap = (sums.T @ sums * factor for sums, factor in zip(parts, factors, strict=True))
        return np.asarray(first + second - overlap)
    sums = rows.sums(influence, "time" if rule.cluster == "time" else "unit")
    return np.asarray(sums.T @ sums * factor_of(columns, rule))


def _of_columns(columns: Columns, rule: Rule, scores: FloatArray) -> FloatArray:
    """Return what is clustered by one column, or by two (Cameron, Gelbach & Miller 2011)."""
    clusters = columns.clusters
    if len(clusters) == 1:
        return middle.of_groups(scores, clusters[0]) * factor_of(columns, rule)
    parts = zip(parts_of(clusters), factors_of_both(columns, rule), strict=True)
    first, second, both = (middle.of_groups(scores, one) * factor for one, factor in parts)
    return np.asarray(first + second - both)


def parts_of(clusters: tuple[Groups, ...]) -> tuple[Groups, ...]:
    """Return the clusters of each part of a covariance: of two kinds also those that are in the same one of each."""
    return clusters if len(clusters) < 2 else (*clusters, Groups.of([one.codes for one in clusters]))


def kernel_of(weights: Weights | None, kernel: Kernel, panel: Panel) -> scipy.sparse.csr_array:
    """Return Conley's kernel in the panel's order, shape (N, N): symmetric, one on the diagonal.

    A `WeightsError` says that there are no weights, or they do not fit the panel.
    """
    if weights is None:
        raise WeightsError(Note("conley_needs_weights"))
    links = scipy.sparse.csr_array(weights.align(panel).raw)
    if kernel == "weights" and links.nnz and links.max() > 1:
        raise WeightsError(Note("conley_weights_above_one", weights=weights.called))
    if kernel == "uniform":
        links = scipy.sparse.csr_array((np.ones(links.nnz), links.indices, links.indptr), shape=links.shape)
    both = links.maximum(links.T).tolil()
    both.setdiag(1.0)
    return scipy.sparse.csr_array(both)


def _factor(
    columns: Columns,
    rule: Rule,
    groups: int,
    nested_in: tuple[Literal["unit", "time"], ...] = (),
    clusters: tuple[Groups, ...] = (),
) -> float:
    rows = columns.rows
    if columns.absorption is not None:
        nested = columns.absorption.kernel.nested([*clusters, *(Groups(*rows.groups(by)) for by in nested_in)])
    elif clusters:
        effects = [Groups(*rows.groups(by)) for by in EFFECTS_OF[columns.removed]]
        nested = Absorber(effects).nested(clusters) if effects else 0
    else:
        nested = sum(middle.nested_effects(by, columns.removed, rows.n, rows.t) for by in nested_in)
    k = columns.values.shape[1] - 1
    return middle.small_sample_factor(rule.small_sample, groups, len(columns.values), k, columns.absorbed, nested)
