"""What a two-way coefficient of a staggered policy compares (Goodman-Bacon 2021), and how it weighs effects."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from typing import Literal

import numpy as np

from digicarbon.arrays import FloatArray, IntArray
from digicarbon.numeric.linear.within import demean

Comparison = Literal["never", "not_yet", "already", "always"]
"""Who a cohort is compared with: units without the policy, cohorts that get it later, cohorts that have it already,
units that have it in all periods."""
COMPARISONS: tuple[Comparison, ...] = ("never", "not_yet", "already", "always")


@dataclass(frozen=True)
class Pair:
    """A difference-in-differences of two cohorts in the periods in which one of them does not change."""

    treated: int
    other: int
    """`treated`, `other`: first treated periods of the cohort that changes and of the one that does not."""
    kind: Comparison
    estimate: float
    weight: float
    """In the two-way coefficient; weights of all pairs sum to one."""


def goodman_bacon(y: FloatArray, start: IntArray) -> tuple[list[Pair], float]:
    """Return the pairs that the two-way coefficient of a policy that stays is a mean of, and this coefficient.

    ``y``: a balanced panel, shape (N, T). ``start``: the position of each unit's first treated period: 0 for always, T
    for never; shape (N,).

    Theorem 1 of Goodman-Bacon (2021). With shares n of units and D̄ of treated periods, the weight of cohort k, treated
    before cohort l, is (n_k n_l)(D̄_k - D̄_l)(1 - D̄_k) where k changes, and (n_k n_l)(D̄_k - D̄_l) D̄_l where l does, over
    the variance of the demeaned policy. Units that are always or never treated are cohorts with D̄ of 1 and 0.
    """
    units, periods = y.shape
    cohorts = np.unique(start)
    means = np.stack([y[start == one].mean(axis=0) for one in cohorts])
    sizes = np.array([(start == one).mean() for one in cohorts])
    treated = 1 - cohorts / periods
    policy = demean((np.arange(periods) >= start[:, None]).astype(np.float64), "two_way")
    variance = float((policy**2).mean())
    pairs: list[Pair] = []
    for k, later in combinations(range(len(cohorts)), 2):
        first, second = int(cohorts[k]), int(cohorts[later])
        gap = means[k] - means[later]
        common = sizes[k] * sizes[later] * (treated[k] - treated[later]) / variance
        before, between, after = gap[:first], gap[first:second], gap[second:]
        if first > 0:
            estimate = float(between.mean() - before.mean())
            kind: Comparison = "never" if second == periods else "not_yet"
            pairs.append(Pair(first, second, kind, estimate, float(common * (1 - treated[k]))))
        if second < periods:
            estimate = float(between.mean() - after.mean())
            kind = "always" if first == 0 else "already"
            pairs.append(Pair(second, first, kind, estimate, float(common * treated[later])))
    coefficient = float((policy * y).sum() / (variance * units * periods))
    return pairs, coefficient


@dataclass(frozen=True, eq=False)
class EffectWeights:
    """How a coefficient weighs the effects of treated rows (de Chaisemartin & D'Haultfoeuille 2020)."""

    weights: FloatArray
    """Of the treated rows; they sum to one. Shape (m,)."""
    negative: int
    """How many are below zero."""
    sum_negative: float
    heterogeneity: float
    """The smallest standard deviation of effects over treated rows with which the mean effect may be zero; infinite
    where all weights are equal."""


def effect_weights(residuals: FloatArray, policy: FloatArray, coefficient: float) -> EffectWeights:
    """Return the weights of treated rows in a coefficient of a policy, which may be a share, shape (rows,).

    ``residuals``, shape (rows,): of the policy on everything else in the regression. The expected coefficient is Σ w Δ
    over treated rows with w = D e / Σ D e, if trends are parallel. Weights within rounding of zero, as of a cohort in a
    period whose residual is zero, count as zero. The last number is that of Corollary 1: |coefficient| over the
    standard deviation of the weights, scaled to a mean of one.
    """
    there = policy != 0
    weights = (residuals * policy)[there]
    weights = weights / weights.sum()
    weights = np.where(np.abs(weights) > 1e-12 * np.abs(weights).max(), weights, 0.0)
    below = weights < 0
    # of a share, a treated row counts by its dose
    doses = policy[there] / policy[there].sum()
    spread = float(np.sqrt((doses * (weights / doses - 1) ** 2).sum()))
    ratio = abs(coefficient) / spread if spread > 1e-10 else np.inf
    return EffectWeights(weights, int(below.sum()), float(weights[below].sum()), float(ratio))
