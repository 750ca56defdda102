"""Units under a policy, and units without it that were like them before."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Annotated, ClassVar, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import Field

from digicarbon.arrays import FloatArray, IntArray
from digicarbon.errors import DataError
from digicarbon.note import Note, cut, suggestion
from digicarbon.note.about import under
from digicarbon.packs.policies.numeric.matching import Kernel, by_kernel, nearest, propensity
from digicarbon.packs.policies.panel.policy import match_weight, policy_columns
from digicarbon.panel import Panel
from digicarbon.sample import Sample
from digicarbon.spec import SomeNames


@dataclass(frozen=True, eq=False)
class Matching:
    """Units and their matches.

    Attributes
    ----------
    units : tuple of str
        The n units among which matches were looked for.
    treated : ndarray of bool, shape (n,)
        Whether a unit ever gets the policy.
    score : ndarray, shape (n,)
        The logit of the estimated probability to get it.
    means : DataFrame
        The means of the covariates before the policy, a row per unit.
    pairs : ndarray of int, shape (pairs, 2)
        Positions of a unit with the policy and of a match.
    shares : ndarray, shape (pairs,)
        The weight of a match in the mean of its unit's matches.
    once : bool
        Whether each unit counts once, however often it is a match.
    """

    units: tuple[str, ...]
    treated: NDArray[np.bool_]
    score: FloatArray
    means: pd.DataFrame
    pairs: IntArray
    shares: FloatArray
    once: bool = False

    @property
    def kept(self) -> NDArray[np.bool_]:
        """Which units have or are a match, shape (n,)."""
        return np.isin(np.arange(len(self.units)), self.pairs)

    @property
    def weights(self) -> FloatArray:
        """Weights of units, shape (n,): 1 of those with the policy, the sum of its shares of a match, 0 of others."""
        out = np.bincount(self.pairs[:, 1], self.shares, minlength=len(self.units))
        out[self.pairs[:, 0]] = 1.0
        return np.asarray(out, dtype=np.float64)

    @property
    def balance(self) -> pd.DataFrame:
        """The balance of the covariates: a row for each.

        Columns are the means of units with and without the policy and their standardised difference (the difference
        over the root of the mean of both variances of all units), before and after matching; after it by `weights`, or
        each unit counted once where it is so in the regression.
        """
        after = self.kept.astype(np.float64) if self.once else self.weights
        values = self.means.to_numpy()
        spread = np.sqrt((values[self.treated].var(axis=0, ddof=1) + values[~self.treated].var(axis=0, ddof=1)) / 2)
        columns: dict[str, FloatArray] = {}
        for when, weights in (("before", np.ones_like(after)), ("after", after)):
            own, others = (
                weights[group] @ values[group] / weights[group].sum() for group in (self.treated, ~self.treated)
            )
            columns |= {f"treated_{when}": own, f"others_{when}": others, f"difference_{when}": (own - others) / spread}
        return pd.DataFrame(columns, index=self.means.columns)


class Matched(Sample):
    """Units under a policy and units like them among those that never have it.

    The score is the probability to get the policy, by a logistic regression of a unit's means of covariates in the
    periods before the first unit gets it (the same periods for all). Neighbours are near in the logit of the score
    (Rosenbaum & Rubin 1985, The American Statistician 39, 33-38). Units without a match are left out; a unit that is
    the match of several is in the sample once. How much it counts is in the column ``policy_weight`` (`match_weight`):
    1 of units with the policy, and of others the sum of their shares in the means of matches. In a run the model takes
    it as ``observation_weights``; in Python it is named there.

    Attributes
    ----------
    policy : str
        A policy of ``panel.policy`` with dates.
    covariates : tuple of str
        What units are compared by: columns, definitions, and logarithms of both, e.g. ``ln_pgdp``.
    method : {"nearest", "kernel"}
        The nearest neighbours, or all units within the bandwidth, weighted by their distance.
    kernel : {"epanechnikov", "gaussian"}
        Of ``kernel``.
    bandwidth : float
        Of ``kernel``, in standard deviations of the logit.
    neighbours : int
        Matches of each unit; this and the following are of ``nearest``.
    caliper : float or None
        The largest distance of a match, in standard deviations of the logit; None: no limit. 0.2 is from Austin (2011),
        Pharmaceutical Statistics 10, 150-161.
    replace : bool
        Whether a unit may be the match of several.
    counts : {"matches", "once"}
        How much a unit counts in a run's regression and in the balance: as much as it is a match, or once. A model that
        has no weights of rows needs ``once``.
    """

    references: ClassVar[tuple[str, ...]] = ("austin2011", "rosenbaum1983")
    references_by: ClassVar[Mapping[str, Mapping[str, tuple[str, ...]]]] = {"method": {"kernel": ("heckman1998",)}}

    policy: str
    covariates: SomeNames
    method: Literal["nearest", "kernel"] = "nearest"
    kernel: Kernel = "epanechnikov"
    bandwidth: Annotated[float, Field(gt=0)] = 0.2
    neighbours: Annotated[int, Field(ge=1)] = 1
    caliper: Annotated[float, Field(gt=0)] | None = 0.2
    replace: bool = True
    counts: Literal["matches", "once"] = "matches"

    @property
    def row_weights(self) -> str | None:
        """The column by which rows weigh; None where each unit counts once by the matching itself, or by choice."""
        alike = self.method == "nearest" and self.neighbours == 1 and not self.replace
        return None if alike or self.counts == "once" else match_weight(self.policy)

    @cached_property
    def variables(self) -> tuple[str, ...]:
        """The names that the query and the matching read."""
        return tuple(dict.fromkeys([*super().variables, *self.covariates, policy_columns(self.policy).treated]))

    @property
    def notes(self) -> tuple[Note, ...]:
        """The rows that are used, the matching, and the treatment of outliers."""
        facts = {"policy": self.policy, "covariates": cut(self.covariates)}
        if self.method == "kernel":
            kernel = Note("kernel_epanechnikov" if self.kernel == "epanechnikov" else "kernel_gaussian")
            how = Note("matched_by_kernel", kernel=kernel, bandwidth=self.bandwidth, **facts)
        elif self.caliper is None:
            how = Note("matched", neighbours=self.neighbours, **facts)
        else:
            how = Note("matched_within", neighbours=self.neighbours, caliper=self.caliper, **facts)
        # how much a unit counts that may be the match of several
        if self.row_weights is not None:
            return (*super().notes, how, Note("matched_count", column=self.row_weights))
        return (*super().notes, how, *((Note("matched_once"),) if self.counts == "once" else ()))

    def rows(self, panel: Panel) -> NDArray[np.bool_]:
        """Return which rows belong to this sample, shape (rows,).

        Raises
        ------
        DataError
            As `Sample.rows` and `matching` do.
        """
        result = self.matching(panel)
        kept = {unit for unit, keep in zip(result.units, result.kept, strict=True) if keep}
        chosen = np.array([unit in kept for unit in panel.units], dtype=np.bool_)
        return np.asarray(super().rows(panel) & chosen[panel.unit_codes], dtype=np.bool_)

    def remarks(self, panel: Panel) -> tuple[Note, ...]:
        """Return notes that name units with the policy that have no match, and covariates that are less alike."""
        result = self.matching(panel)
        lost = [result.units[place] for place in np.flatnonzero(result.treated & ~result.kept)]
        every = int(result.treated.sum())
        alone = Note("without_match", policy=self.policy, units=len(lost), every=every, lost=cut(lost))
        notes = (alone,) if lost else ()
        differences = result.balance[["difference_before", "difference_after"]].to_numpy(dtype=np.float64).tolist()
        worse = [
            Note("balance_worse_of", covariate=covariate, before=before, after=after)
            for covariate, (before, after) in zip(self.covariates, differences, strict=True)
            if abs(after) > abs(before)
        ]
        return (*notes, Note("balance_worse", covariates=cut(worse))) if worse else notes

    def balance(self, panel: Panel) -> pd.DataFrame:
        """Return the balance of the covariates, see `Matching.balance`."""
        return self.matching(panel).balance

    def matching(self, panel: Panel) -> Matching:
        """Return the units of the sample and their matches.

        Parameters
        ----------
        panel : Panel
            Has the policy's columns and the covariates.

        Raises
        ------
        DataError
            If the policy or a covariate is unknown, a unit has no value before the policy, covariates tell the two
            groups apart, or no unit has a match.
        """
        panel = panel.with_terms(self.covariates)
        under_policy = self._under_policy(panel)
        n, t = panel.shape
        first = np.full(n, t)
        np.minimum.at(first, panel.unit_codes[under_policy], panel.period_codes[under_policy])
        # a unit that has the policy from the beginning on shows nothing of the time before it
        within = super().rows(panel) & (first > 0)[panel.unit_codes]
        ever = first < t
        early = within & (panel.period_codes < first[first > 0].min(initial=t))
        if not early.any():
            raise DataError(Note("matched_no_period", key="sample.policy", policy=self.policy, what=panel.time_name))
        units = np.unique(panel.unit_codes[within])
        means = self._means(panel, early, units)
        treated = ever[units]
        if treated.all() or not treated.any():
            raise DataError(Note("matched_one_group", key="sample.policy", policy=self.policy))
        score = propensity(means.to_numpy(), treated)
        if score is None:
            raise DataError(
                Note("matched_no_score", key="sample.covariates", covariates=cut(self.covariates), policy=self.policy)
            )
        pairs, shares = self._pairs(score, treated)
        of_units, once = tuple(panel.units[i] for i in units), self.counts == "once"
        return Matching(of_units, treated, score, means, pairs, shares, once)

    def columns(self, panel: Panel) -> Mapping[str, FloatArray]:
        """Return the weights of the matching, in each row of a unit; 0 of units that are left out.

        Raises
        ------
        DataError
            As `matching` does, and if the panel has a column of this name.
        """
        name = match_weight(self.policy)
        if panel.has(name):
            raise DataError(Note("matched_column_taken", key="sample.policy", column=name, policy=self.policy))
        result = self.matching(panel)
        weights = dict(zip(result.units, result.weights.tolist(), strict=True))
        own = np.array([weights.get(unit, 0.0) for unit in panel.units])
        return {name: own[panel.unit_codes]}

    def _pairs(self, score: FloatArray, treated: NDArray[np.bool_]) -> tuple[IntArray, FloatArray]:
        """Return pairs of a unit with the policy and a match, and the share of each in the mean of its matches."""
        deviation = float(score.std(ddof=1))
        if self.method == "kernel":
            pairs, shares = by_kernel(score, treated, self.bandwidth * deviation, self.kernel)
        else:
            width = np.inf if self.caliper is None else self.caliper * deviation
            pairs = nearest(score, treated, self.neighbours, width, self.replace)
            shares = 1 / np.bincount(pairs[:, 0], minlength=len(score))[pairs[:, 0]]
        if len(pairs):
            return pairs, shares
        if self.method == "kernel":
            raise DataError(Note("matched_nobody_by_kernel", key="sample.bandwidth", bandwidth=self.bandwidth))
        raise DataError(Note("matched_nobody", key="sample.caliper", caliper=self.caliper))

    def _under_policy(self, panel: Panel) -> NDArray[np.bool_]:
        columns = policy_columns(self.policy)
        if columns.treated not in panel.columns:
            hint = suggestion(self.policy, panel.names)
            raise DataError(Note("matched_no_policy", key="sample.policy", policy=self.policy, hint=hint))
        if columns.event not in panel.columns:
            raise DataError(Note("matched_of_share", key="sample.policy", policy=self.policy))
        return np.asarray(panel.column(columns.treated) == 1, dtype=np.bool_)

    def _means(self, panel: Panel, early: NDArray[np.bool_], units: IntArray) -> pd.DataFrame:
        """Return the means of covariates in early rows, a row per unit."""
        columns: dict[str, FloatArray] = {}
        for name in self.covariates:
            try:
                panel.require_column(name)
            except DataError as error:
                raise under(error, "sample.covariates") from error
            values = panel.column(name)
            rows = early & np.isfinite(values)
            count = np.bincount(panel.unit_codes[rows], minlength=len(panel.units))[units]
            total = np.bincount(panel.unit_codes[rows], values[rows], minlength=len(panel.units))[units]
            lacking = [panel.units[i] for i in units[count == 0]]
            if lacking:
                raise DataError(
                    Note("matched_gap", key="sample.covariates", column=name, units=cut(lacking), what=panel.time_name)
                )
            columns[name] = total / count
        return pd.DataFrame(columns, index=[panel.units[i] for i in units])
