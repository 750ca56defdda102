"""Propensity scores, nearest neighbours and kernels, as arrays."""

from __future__ import annotations

import warnings
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from digicarbon.arrays import FloatArray, IntArray

Kernel = Literal["epanechnikov", "gaussian"]
LEAST = 1e-12
"""Weights of a kernel below this are none."""
MOST = 30.0
"""Logits beyond this are probabilities of 0 or 1: the covariates tell the two groups apart."""


def propensity(x: FloatArray, treated: NDArray[np.bool_]) -> FloatArray | None:
    """Return the logit of the probability to be treated, shape (n,), from a logistic regression by maximum likelihood.

    ``x``, shape (n, k): covariates; a constant is added. ``treated``: shape (n,). None where there is no estimate: the
    covariates tell the two groups apart, or are collinear. Rosenbaum & Rubin (1983), Biometrika 70, 41-55.
    """
    from statsmodels.discrete.discrete_model import Logit
    from statsmodels.tools.sm_exceptions import PerfectSeparationError

    spread = x.std(axis=0)
    if not (spread > 0).all():
        return None
    design = np.column_stack([np.ones(len(x)), (x - x.mean(axis=0)) / spread])
    if np.linalg.matrix_rank(design) < design.shape[1]:
        return None
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        try:
            fitted = Logit(treated.astype(np.float64), design).fit(disp=0, maxiter=100, tol=1e-10)
        except (PerfectSeparationError, np.linalg.LinAlgError):
            return None
    score = design @ np.asarray(fitted.params, dtype=np.float64)
    whole = bool(fitted.mle_retvals["converged"]) and np.isfinite(score).all()
    return score if whole and np.abs(score).max() < MOST else None


def nearest(
    score: FloatArray, treated: NDArray[np.bool_], k: int = 1, width: float = np.inf, replace: bool = True
) -> IntArray:
    """Return pairs of a treated unit and one of its k nearest other units.

    ``score``: shape (n,). ``treated``: shape (n,). ``k``: most neighbours of a treated unit. ``width``: the largest
    distance of a pair. ``replace``: whether a unit may be the neighbour of several. If not, treated units choose in the
    order of falling scores, each one neighbour per round. Returns shape (pairs, 2): positions of the treated unit and
    of its neighbour, sorted; ties go to the lower position.
    """
    own, others = np.flatnonzero(treated), np.flatnonzero(~treated)
    distance = np.abs(score[own][:, None] - score[others])
    distance[distance > width] = np.inf
    pairs: list[tuple[int, int]] = []
    if replace:
        order = np.argsort(distance, axis=1, kind="stable")[:, :k]
        pairs = [(own[i], others[j]) for i, row in enumerate(order) for j in row if np.isfinite(distance[i, j])]
    else:
        for _ in range(k):
            for i in np.argsort(-score[own], kind="stable"):
                j = int(np.argmin(distance[i])) if len(others) else -1
                if j >= 0 and np.isfinite(distance[i, j]):
                    pairs.append((own[i], others[j]))
                    distance[:, j] = np.inf
    return np.array(sorted(pairs), dtype=np.int64).reshape(-1, 2)


def by_kernel(
    score: FloatArray, treated: NDArray[np.bool_], width: float, kernel: Kernel = "epanechnikov"
) -> tuple[IntArray, FloatArray]:
    """Return pairs of a treated unit and another one, and the weight of each in the mean of its treated unit.

    ``score``, ``treated``: shape (n,). ``width``: the bandwidth: of ``epanechnikov`` the largest distance of a pair.
    Pairs are as those of `nearest`; weights, shape (pairs,), sum to 1 for each treated unit that is there. Heckman,
    Ichimura & Todd (1998), Review of Economic Studies 65, 261-294.
    """
    own, others = np.flatnonzero(treated), np.flatnonzero(~treated)
    u = (score[own][:, None] - score[others]) / width
    heights = np.maximum(1 - u**2, 0.0) if kernel == "epanechnikov" else np.exp(-(u**2) / 2)
    heights[heights < LEAST] = 0.0
    i, j = np.nonzero(heights)
    return np.column_stack([own[i], others[j]]), heights[i, j] / heights.sum(axis=1)[i]
