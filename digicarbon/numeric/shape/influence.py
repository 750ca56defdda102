"""Which choice moves an estimate: shares of variance by choice, and model influence.

References
----------
Young, C. and Holsteen, K. (2017), Model Uncertainty and Robustness, Sociological Methods & Research 46(1).
Sobol, I. M. (1993), Sensitivity Estimates for Nonlinear Mathematical Models; the share of a choice alone is its
first-order index on the specifications that were fitted.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from digicarbon.arrays import FloatArray


@dataclass(frozen=True, eq=False)
class Shares:
    """How much of the variance of estimates over specifications each of m choices accounts for.

    Attributes
    ----------
    alone : ndarray, shape (m,)
        Variance between the means of a choice's values, over the variance of all estimates.
    unique : ndarray, shape (m,)
        What R² of the regression on all choices loses without this one. Equal to ``alone`` where every value of a
        choice meets every value of the others equally often.
    additive : float
        R² of the regression on all choices.
    """

    alone: FloatArray
    unique: FloatArray
    additive: float


@dataclass(frozen=True, eq=False)
class Robustness:
    """Young and Holsteen's summary of a multiverse.

    Attributes
    ----------
    mean : float
        Mean estimate.
    sampling : float
        Square root of the mean squared standard error.
    modelling : float
        Standard deviation of the estimates over specifications (divisor M).
    total : float
        Square root of the sum of both variances.
    median_se : float
        Median standard error, which a few specifications of no precision leave as it is.
    """

    mean: float
    sampling: float
    median_se: float
    modelling: float
    total: float

    @property
    def ratio(self) -> float:
        """Mean estimate over total standard error; 2 in absolute value is the authors' rule of thumb."""
        return self.mean / self.total if self.total > 0 else np.nan


def shares(estimates: FloatArray, choices: Sequence[FloatArray]) -> Shares:
    """Return the shares of variance.

    Parameters
    ----------
    estimates : ndarray, shape (M,)
    choices : sequence of ndarray, shape (M, d)
        Indicator columns of each choice: one per value, or per member of a list that is there or not.
    """
    centred = estimates - estimates.mean()
    every = float(centred @ centred)
    if every <= np.finfo(float).eps ** 2 * float(estimates @ estimates) * len(estimates):
        nothing = np.zeros(len(choices))
        return Shares(nothing, nothing.copy(), 0.0)

    def explained(columns: Sequence[FloatArray]) -> float:
        fitted = _projected(columns, centred)
        return float(fitted @ fitted) / every

    whole = explained(choices)
    alone = np.array([explained([columns]) for columns in choices])
    unique = np.array([whole - explained([*choices[:i], *choices[i + 1 :]]) for i in range(len(choices))])
    return Shares(alone, np.clip(unique, 0.0, None), whole)


def influence(values: FloatArray, choices: Sequence[FloatArray], bases: Sequence[int | None]) -> list[FloatArray]:
    """Return by how much a value of a choice moves the mean of ``values``, all other choices held fixed.

    Parameters
    ----------
    values : ndarray, shape (M,)
        Estimates, or whether each is significant.
    choices : sequence of ndarray, shape (M, d)
        As for `shares`.
    bases : sequence of int or None
        The column of each choice that the others are compared with; None where each column stands for itself, e.g. a
        control that is in the model or not.

    Returns
    -------
    list of ndarray, shape (d,)
        Coefficients of one regression on all choices, 0 for the base; nan where the specifications cannot tell a value
        from other choices.
    """
    kept = [np.arange(x.shape[1]) != (-1 if base is None else base) for x, base in zip(choices, bases, strict=True)]
    columns = [np.ones((len(values), 1)), *(x[:, keep] for x, keep in zip(choices, kept, strict=True))]
    design = np.concatenate(columns, axis=1)
    slopes, told_apart = _identified(design, values)
    slopes = np.where(told_apart, slopes, np.nan)
    found, start = [], 1
    for keep in kept:
        one = np.zeros(len(keep))
        one[keep] = slopes[start : start + int(keep.sum())]
        start += int(keep.sum())
        found.append(one)
    return found


def robustness(estimates: FloatArray, se: FloatArray) -> Robustness:
    """Return the summary of estimates and their standard errors, both of shape (M,)."""
    sampling = float(np.mean(se**2))
    modelling = float(np.var(estimates))
    return Robustness(
        mean=float(estimates.mean()),
        sampling=sampling**0.5,
        median_se=float(np.median(se)),
        modelling=modelling**0.5,
        total=(sampling + modelling) ** 0.5,
    )


def concentration(parts: FloatArray, count: int) -> float:
    """Return the share of a sum of M parts, none negative, that the ``count`` largest have; 0 if the sum is 0."""
    every = float(parts.sum())
    return float(np.sort(parts)[len(parts) - count :].sum()) / every if every > 0 else 0.0


def without_ends(estimates: FloatArray, count: int) -> NDArray[np.bool_]:
    """Return which of M estimates are neither among the ``count`` smallest nor among the ``count`` largest."""
    kept = np.zeros(len(estimates), dtype=np.bool_)
    kept[np.argsort(estimates, kind="stable")[count : len(estimates) - count]] = True
    return kept


def _projected(columns: Sequence[FloatArray], y: FloatArray) -> FloatArray:
    """Return the projection of a centred y on centred columns, whatever their rank."""
    if not columns:
        return np.zeros(len(y))
    x = np.concatenate(columns, axis=1)
    x = x - x.mean(axis=0)
    vectors, kept = _rank(x)
    basis = x @ vectors[:, kept]
    found: FloatArray = basis @ np.linalg.lstsq(basis, y, rcond=None)[0] if basis.shape[1] else np.zeros(len(y))
    return found


def _identified(x: FloatArray, y: FloatArray) -> tuple[FloatArray, NDArray[np.bool_]]:
    """Return least-squares coefficients and which of them the rows of x determine."""
    vectors, kept = _rank(x)
    gram = x.T @ x
    pseudo = vectors[:, kept] @ np.linalg.inv(vectors[:, kept].T @ gram @ vectors[:, kept]) @ vectors[:, kept].T
    # a coefficient is determined if its unit vector has no part in the null space
    null = vectors[:, ~kept]
    return pseudo @ (x.T @ y), np.sum(null**2, axis=1) < 1e-8


def _rank(x: FloatArray) -> tuple[FloatArray, NDArray[np.bool_]]:
    """Return eigenvectors of X'X and which of them are not in the null space: X has few columns, and many rows."""
    values, vectors = np.linalg.eigh(x.T @ x)
    return vectors, values > max(float(values[-1]) if len(values) else 0.0, 1e-300) * 1e-10
