"""What models with instruments have in common: fields, terms, and what their covariance assumes."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Literal

import numpy as np
import scipy

from digicarbon.arrays import FloatArray
from digicarbon.errors import EstimationError
from digicarbon.model._absorption import (
    OWN_CLUSTERS,
    Clusters,
    clusters_by,
    columns_of_clusters,
    few_clusters_of,
    own_groups,
)
from digicarbon.model._iv_statistics import Asked, Method, made_of
from digicarbon.model._panel_columns import rows_of
from digicarbon.model._panel_covariance import Rule, kernel_of
from digicarbon.model.base import COLUMN, Terms
from digicarbon.model.tested import Tested
from digicarbon.note import Note
from digicarbon.numeric.iv.reduced_form import ErrorStructure
from digicarbon.numeric.linear.absorbed import Absorber, Groups
from digicarbon.numeric.linear.covariance import FEWEST_CLUSTERS, conley, driscoll_kraay, small_sample_factor
from digicarbon.numeric.linear.within import EffectsKind, Rows, absorbed_rank, fixed_among
from digicarbon.panel import Panel, numbered
from digicarbon.weights import Weights

if TYPE_CHECKING:
    from digicarbon.model.panel_iv import Columns

SmallSampleRule = Literal["stata", "none", "g", "full", "sss", "hc1"]


class ByInstruments(Tested):
    """A model whose endogenous regressors have instruments.

    Attributes
    ----------
    instruments : tuple of str
        Excluded instruments of the endogenous regressors; terms such as ``L.ln_e`` are allowed. That they affect the
        outcome through the endogenous regressors alone is the user's claim.
    cluster : {"unit", "time", "both"} or the name of a column
        What a cluster is. Signs of the wild bootstrap are those of the clusters of a column.
    small_sample : {"stata", "none", "g", "full", "sss", "hc1"}
        The factor of a covariance that is not classic, as in `PanelRegression`.
    df : {"auto", "residual"}
        Degrees of freedom of t and F: residual ones, but with clusters G - 1 (Stata; the smaller G of two), or always
        the residual ones (linearmodels).
    """

    instruments: Terms
    endogenous: Terms = ()
    effects: str
    cov: str
    cluster: Clusters = "unit"
    small_sample: SmallSampleRule = "stata"
    df: Literal["auto", "residual"] = "auto"

    @property
    def terms(self) -> tuple[str, ...]:
        """All columns that the model reads, those of clusters among them."""
        return (*super().terms, *self.instruments, *map(numbered, self.own_clusters))

    @property
    def offers(self) -> Mapping[str, tuple[object, ...]]:
        """What this model takes of a request: clusters of one column, where its covariance has clusters."""
        column = (COLUMN,) if self.rule.cov == "cluster" else ()
        return {**super().offers, "cluster": (*OWN_CLUSTERS, *column) if self.cov == "cluster" else ("unit",)}

    @property
    def own_clusters(self) -> tuple[str, ...]:
        """The columns that clusters are read from; none for those of units and periods."""
        return columns_of_clusters(self.cluster) if self.rule.cov == "cluster" else ()

    @property
    def instrumented(self) -> tuple[str, ...]:
        """The endogenous regressors."""
        return self.endogenous

    @property
    def no_arrangements(self) -> Note | None:
        """Why x does not move over units: what is correlated with the errors is so where it does nothing, too."""
        return Note("randomised_instrumented") if self.instrumented else super().no_arrangements

    @property
    def fixed(self) -> EffectsKind:
        """The fixed effects."""
        return fixed_among(self.effects)

    @property
    @abstractmethod
    def rule(self) -> Rule:
        """How the covariance is made."""

    @property
    def counts_effects(self) -> bool:
        """Whether effects alone, and no coefficients, are counted in a classic covariance."""
        return False

    def refuse_few_clusters(self, panel: Panel) -> None:
        """Raise an EstimationError if there are too few clusters, or periods of Driscoll & Kraay's covariance.

        It also says that clusters of a column cannot have the signs of the wild bootstrap.
        """
        if self.no_wild is None:
            self.levels_of_signs(panel)
        for name, one in zip(self.own_clusters, self._clusters(panel), strict=False):
            if one.count < FEWEST_CLUSTERS:
                raise EstimationError(few_clusters_of(name, one.count))
        groups = self._groups(panel)
        if groups is not None and groups < FEWEST_CLUSTERS:
            both = Note("by_unit_or_time") if self.cluster == "both" else self.cluster
            by = both if self.rule.cov == "cluster" else "time"
            raise EstimationError(Note("iv_few_clusters", clusters=groups, by=by, fewest=FEWEST_CLUSTERS))

    def _clusters(self, panel: Panel) -> tuple[Groups, ...]:
        """Return the clusters of a panel with the model's terms; none where errors have no clusters."""
        if self.rule.cov != "cluster":
            return ()
        if self.own_clusters:
            return clusters_by(panel, self.cluster)
        return own_groups(panel, "two_way" if self.cluster == "both" else fixed_among(str(self.cluster)))

    def _groups(self, panel: Panel) -> int | None:
        """Return the number of clusters, the smaller one of two, or of periods; None where rows are not grouped."""
        if self.rule.cov == "driscoll_kraay":
            return panel.shape[1]
        return min((one.count for one in self._clusters(panel)), default=None)

    def error_structure(self, columns: Columns, weights: Weights | None) -> ErrorStructure:
        """Return what the covariance assumes; raise where there are too few clusters or periods."""
        panel, rule, rows, own = columns.panel, self.rule, len(columns.y), rows_of(columns.panel)
        self.refuse_few_clusters(panel)
        groups, count, clusters = self._groups(panel), absorbed_rank(own, self.fixed), self._clusters(panel)
        effects = own_groups(panel, self.fixed)
        nested = Absorber(effects).nested(clusters) if effects else 0
        classic = rule.cov == "classic"

        def residual(k: int) -> int:
            return rows - k - count

        def factor(k: int) -> float:
            if classic:
                return rows / residual(0 if self.counts_effects else k)
            return small_sample_factor(self.small_sample, groups or rows, rows, k, count, nested)

        def fewer(k: int) -> int:
            return residual(k) if groups is None or self.df == "residual" else groups - 1

        kernel = kernel_of(weights, rule.kernel, panel) if rule.cov == "conley" else None
        return ErrorStructure(
            "classic" if classic else "cluster" if clusters else "robust",
            tuple(one.codes for one in clusters),
            count,
            factor,
            fewer,
            _of_scores(rule, own, kernel),
        )

    def asked(self, columns: Columns, endogenous: tuple[str, ...], method: Method) -> Asked:
        """Return what is fitted, for sentences, with the endogenous regressors as they are called there."""
        sources = self.instrumented
        return Asked(
            self.y,
            endogenous,
            columns.instruments,
            method,
            self.level,
            self.fixed in ("unit", "two_way"),
            columns.panel.shape[1],
            made_of(self.instruments, sources),
            made_of((name for name in self.regressors if name not in sources), sources),
        )


def _of_scores(
    rule: Rule, rows: Rows, kernel: scipy.sparse.csr_array | None
) -> Callable[[FloatArray], FloatArray] | None:
    """Return what takes scores of several rows together: by period and its past, or by neighbours; None for others."""
    lags = rule.lags(rows.t)
    if rule.cov == "driscoll_kraay":
        return lambda scores: driscoll_kraay(scores, np.ones(len(scores)), rows, lags)
    if kernel is not None:
        return lambda scores: conley(scores, np.ones(len(scores)), rows, kernel, lags)
    return None
