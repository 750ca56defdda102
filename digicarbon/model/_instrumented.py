"""What models with instruments have in common: fields, terms, and what their covariance assumes."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from typing import TYPE_CHECKING, Literal

import numpy as np
import scipy

from digicarbon.arrays import FloatArray
from digicarbon.errors import EstimationError
from digicarbon.model._iv_statistics import Asked, Method, made_of
from digicarbon.model._panel_columns import rows_of
from digicarbon.model._panel_covariance import Rule, kernel_of
from digicarbon.model.base import Terms
from digicarbon.model.tested import Tested
from digicarbon.note import Note
from digicarbon.numeric.iv.reduced_form import ErrorStructure
from digicarbon.numeric.linear.covariance import (
    FEWEST_CLUSTERS,
    ClusterBy,
    conley,
    driscoll_kraay,
    nested_effects,
    small_sample_factor,
)
from digicarbon.numeric.linear.within import EffectsKind, Rows, absorbed_rank, fixed_among
from digicarbon.panel import Panel
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
    cluster : {"unit", "time", "both"}
        What a cluster is.
    small_sample : {"stata", "none", "g", "full", "sss", "hc1"}
        The factor of a covariance that is not classic, as in `PanelRegression`.
    df : {"auto", "residual"}
        Degrees of freedom of t and F: residual ones, but with clusters G - 1 (Stata; the smaller G of two), or always
        the residual ones (linearmodels).
    """

    instruments: Terms
    endogenous: Terms = ()
    effects: str
    cluster: ClusterBy = "unit"
    small_sample: SmallSampleRule = "stata"
    df: Literal["auto", "residual"] = "auto"

    @property
    def terms(self) -> tuple[str, ...]:
        """All columns that the model reads."""
        return (*super().terms, *self.instruments)

    @property
    def instrumented(self) -> tuple[str, ...]:
        """The endogenous regressors."""
        return self.endogenous

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

    @property
    def _by(self) -> tuple[Literal["unit", "time"], ...]:
        """The ways of clustering."""
        if self.rule.cov != "cluster":
            return ()
        return ("unit", "time") if self.cluster == "both" else (self.cluster,)

    def refuse_few_clusters(self, panel: Panel) -> None:
        """Raise an EstimationError if there are too few clusters, or periods of Driscoll & Kraay's covariance."""
        groups = self._groups(panel)
        if groups is not None and groups < FEWEST_CLUSTERS:
            called = Note("by_unit_or_time") if self.cluster == "both" else self.cluster
            raise EstimationError(
                Note("iv_few_clusters", clusters=groups, by=called if self._by else "time", fewest=FEWEST_CLUSTERS)
            )

    def _groups(self, panel: Panel) -> int | None:
        """Return the number of clusters, the smaller one of two, or of periods; None where rows are not grouped."""
        n, t = panel.shape
        if self.rule.cov == "driscoll_kraay":
            return t
        return {"unit": n, "time": t, "both": min(n, t)}[self.cluster] if self._by else None

    def error_structure(self, columns: Columns, weights: Weights | None) -> ErrorStructure:
        """Return what the covariance assumes; raise where there are too few clusters or periods."""
        panel, rule, rows, own = columns.panel, self.rule, len(columns.y), rows_of(columns.panel)
        self.refuse_few_clusters(panel)
        groups, count = self._groups(panel), absorbed_rank(own, self.fixed)
        nested = sum(nested_effects(one, self.fixed, *panel.shape) for one in self._by)
        codes = {"unit": panel.unit_codes, "time": panel.period_codes}
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
            "classic" if classic else "cluster" if self._by else "robust",
            tuple(codes[one] for one in self._by),
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
