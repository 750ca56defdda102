"""What every estimator of a policy's effects hands to the model: designs, effects, and the terms that are reported."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from digicarbon.arrays import FloatArray, IntArray
from digicarbon.model.batch import Estimand, Fits, JointBatch
from digicarbon.note import Note
from digicarbon.numeric.resampling.draws import Draws
from digicarbon.numeric.resampling.null_model import NullModel
from digicarbon.numeric.tests.equality import WaldTest, wald_test
from digicarbon.packs.policies.model._timing import Timing
from digicarbon.packs.policies.numeric.aggregation import Aggregate, Cells
from digicarbon.result import Constituent, Inference, MadeOf, Result
from digicarbon.weights import Weights

if TYPE_CHECKING:
    from digicarbon.model.batch import Batch
    from digicarbon.model.restrictions import Restrictions


@dataclass(frozen=True, eq=False)
class PolicyEffects:
    """Effects of a policy."""

    made_of: Mapping[str, MadeOf]
    """By term, the policy, and the level of each but the overall effect, which is the first one; see `reported`."""
    coef: FloatArray
    """Effects, then coefficients of controls where there are any, shape (p,)."""
    covariance: FloatArray
    """Shape (p, p)."""
    controls: tuple[str, ...]
    leads: WaldTest | None
    """The joint test that nothing happened before the policy."""
    fitted: Result
    """Statistics, notes, and the distribution of the test statistics."""
    spillover: Mapping[str, float] = field(default_factory=dict)
    """Weights of terms in the mean spillover; none where the model has no spillovers."""
    used: NDArray[np.bool_] | None = None
    """The rows that have a part in effects; None: all. Shape (rows,)."""
    compared: NDArray[np.bool_] | None = None
    """The rows that those of ``used`` are compared with, where the estimator leaves units out; else None. Shape
    (rows,)."""

    @property
    def terms(self) -> tuple[str, ...]:
        """The overall effect, then those by event time, cohort or period."""
        return tuple(self.made_of)


class Design(ABC):
    """An estimator on the rows of a panel, after every check that is quick."""

    @abstractmethod
    def effects(self, weights: Weights | None = None) -> PolicyEffects:
        """Return the effects in the outcome."""

    def check(self, weights: Weights | None) -> None:
        """Raise a sentence if something that the weights of a run are for cannot be computed."""
        return


class Restricted(Design):
    """A design whose effects have values in null models, and that is fitted to many outcomes at once."""

    @property
    @abstractmethod
    def units(self) -> tuple[str, ...]:
        """Whose sign each unit has in the wild bootstrap."""

    @abstractmethod
    def restrictions(self, weights: Weights | None) -> Sequence[Restrictions]:
        """Return each effect as a restriction of the regression that it is a combination of."""

    @abstractmethod
    def wild_leads(self, weights: Weights | None, draws: Draws) -> WaldTest | None:
        """Return the wild test that all effects by event time before the policy are zero; None where there are none."""

    @abstractmethod
    def drawn(self, terms: Sequence[str], weights: Weights | None, draws: Draws) -> tuple[FloatArray, Fits]:
        """Return effects in draws around their estimates, as `digicarbon.model.wild.drawn` does."""

    @abstractmethod
    def batch(self, weights: Weights | None, estimand: Estimand) -> Batch:
        """Return what fits the effects to many outcomes at once."""


def estimands_of(terms: Iterable[str], spillover: Mapping[str, float]) -> list[tuple[Estimand, ...]]:
    """Return what each effect is, the overall one, of the policy's name, first; with spillovers their mean is last.

    The overall effect is then the direct one, too.
    """
    first, *others = ((Estimand("coefficient", term),) for term in terms)
    if not spillover:
        return [first, *others]
    policy = first[0].term
    return [(*first, Estimand("direct", policy)), *others, (Estimand("spillover", policy),)]


def reported(timing: Timing, levels: Sequence[int], by: Aggregate) -> dict[str, MadeOf]:
    """Return the terms of an aggregation and what they are made of: the overall effect, named as the policy, first."""
    policy = timing.policy
    named = [str(level) if by == "event" else timing.label(level) for level in levels]
    each = {f"{policy}[{name}]": (Constituent(policy, level=name),) for name in named}
    return {policy: (Constituent(policy),), **each}


def unfitted(
    timing: Timing, y: str, level: float, errors: Note, notes: Sequence[Note], tables: dict[str, pd.DataFrame]
) -> Result:
    """Return a result without coefficients, of an estimator whose standard errors are its own."""
    n, t = timing.panel.shape
    errors_note = Note("errors_are", errors=errors)
    return Result(
        kind="",
        y=y,
        inference=Inference(None, level),
        statistics={"nobs": float(len(timing.at)), "n_units": float(n), "n_periods": float(t)},
        tables=tables,
        absorbed=("unit", "time"),
        notes=(errors_note, *notes),
        errors_note=errors_note,
    )


def treated_cells(timing: Timing, keep: NDArray[np.bool_]) -> tuple[Cells, IntArray]:
    """Return the cohorts and event times of some rows of treated units as cells, and each row's cell, -1 for none."""
    first = timing.first[timing.panel.unit_codes]
    # one number for a pair: sorting pairs takes many times longer
    low = int(timing.event[keep].min())
    width = int(timing.event[keep].max()) - low + 1
    pairs, cell = np.unique(first[keep] * width + timing.event[keep] - low, return_inverse=True)
    cohorts, events = pairs // width, pairs % width + low
    codes = np.full(len(keep), -1, dtype=np.int64)
    codes[keep] = cell
    weights, units = timing.observation_weights, timing.unit_weight
    counts = np.bincount(cell, None if weights is None else weights[keep], minlength=len(pairs))
    of_cohorts = np.array([float(units[timing.first == cohort].sum()) for cohort in cohorts.tolist()])
    return Cells(cohorts, events, counts.astype(np.float64), of_cohorts), codes


def joint_wild(batch: JointBatch, null: NullModel, leads: Sequence[Estimand], draws: Draws) -> WaldTest | None:
    """Return the wild test of a null in which effects before the policy are zero; None where there is no statistic."""
    from digicarbon.model.wild import joint_p

    p, count = joint_p(batch, null, leads, draws), len(leads)
    if np.isnan(p):
        return None
    statistic = float(batch.wald(batch.prepare(null.y[:, None]), leads)[0])
    return WaldTest(statistic / count, float(count), np.nan, p)


def pretest(leads: FloatArray, coef: FloatArray, covariance: FloatArray, inference: Inference) -> WaldTest | None:
    """Return the joint test that combinations of effects before the policy are zero; None where there are none.

    Those without a standard error are not among them.
    """
    known = leads[have_errors(leads @ coef, np.einsum("ij,jk,ik->i", leads, covariance, leads))]
    return wald_test(known, coef, covariance, inference.df) if len(known) else None


def have_errors(effects: FloatArray, variances: FloatArray) -> NDArray[np.bool_]:
    """Return which effects, shape (q,), have a standard error that is more than rounding.

    Where one unit is compared with one, neither differs from its mean: the influence of both is zero.
    """
    return np.asarray(~(variances <= (1e-9 * np.abs(effects).max(initial=0.0)) ** 2), dtype=np.bool_)
