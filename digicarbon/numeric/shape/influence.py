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

    ``alone`` is the variance between the means of a choice's values, over the variance of all estimates; ``unique`` the
    loss of R² of the regression on all choices without this one, equal to ``alone`` where every value of a choice meets
    every value of the others equally often; ``additive`` the R² of the regression on all choices.
    """

    alone: FloatArray
    unique: FloatArray
    additive: float


@dataclass(frozen=True, eq=False)
class Robustness:
    """Young and Holsteen's summary of a multiverse.

    ``mean`` is that of the estimates, ``sampling`` the square root of the mean squared standard error, ``modelling``
    the standard deviation of the estimates over specifications (divisor M), ``total`` the square root of the sum of
    both variances; ``median_se`` does not react to a few imprecise specifications.
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
    """Return the shares of variance of estimates, shape (M,).

    ``choices``, each of shape (M, d): indicator columns, one per value, or one per possible member of a list.
    """
    centred = estimates - estimates.mean()
    total = float(centred @ centred)
    if total <= np.finfo(float).eps ** 2 * float(estimates @ estimates) * len(estimates):
        zeros = np.zeros(len(choices))
        return Shares(zeros, zeros.copy(), 0.0)

    def r_squared(columns: Sequence[FloatArray]) -> float:
        fitted = _projection(columns, centred)
        return float(fitted @ fitted) / total

    whole = r_squared(choices)
    alone = np.array([r_squared([columns]) for columns in choices])
    unique = np.array([whole - r_squared([*choices[:i], *choices[i + 1 :]]) for i in range(len(choices))])
    return Shares(alone, np.clip(unique, 0.0, None), whole)


def influence(
    values: FloatArray,
    choices: Sequence[FloatArray],
    bases: Sequence[int | None],
    absent: Sequence[int | None] | None = None,
) -> list[FloatArray]:
    """Return by how much a value of each choice, shape (d,), moves the mean of ``values``, other choices held fixed.

    ``values``, shape (M,): estimates, or whether each is significant. ``choices``, shape (M, d): as for `shares`.
    ``bases``: the column of each choice that the others are compared with; None where each column is a separate choice,
    e.g. a control that is in the model or not. ``absent``: the column of each choice, not its base, of specifications
    on which the choice has no effect.

    These are coefficients of one regression on all choices, 0 for the base; nan where the specifications do not
    separate a value from other choices. A choice may be nested in another one: one estimator reads it, another does
    not. The column ``absent`` is then a sum of columns of other choices, and is left out. No fitted value changes. The
    values of the nested choice are compared among the specifications that it has an effect on. A value of the outer
    choice that does not read it is compared with the base of the outer choice where the nested choice is at its base.
    """
    absent = [None] * len(choices) if absent is None else absent
    masks = [np.arange(x.shape[1]) != (-1 if base is None else base) for x, base in zip(choices, bases, strict=True)]
    nested = _nested(choices, masks, absent)
    for mask, place, left_out in zip(masks, absent, nested, strict=True):
        if left_out:
            mask[place] = False
    columns = [np.ones((len(values), 1)), *(x[:, mask] for x, mask in zip(choices, masks, strict=True))]
    design = np.concatenate(columns, axis=1)
    slopes, identified = _identified(design, values)
    slopes = np.where(identified, slopes, np.nan)
    result, start = [], 1
    for mask, place, left_out in zip(masks, absent, nested, strict=True):
        one = np.zeros(len(mask))
        one[mask] = slopes[start : start + int(mask.sum())]
        start += int(mask.sum())
        if left_out:
            one[place] = np.nan
        result.append(one)
    return result


def _nested(
    choices: Sequence[FloatArray], masks: Sequence[NDArray[np.bool_]], absent: Sequence[int | None]
) -> list[bool]:
    """Return of which choices the column ``absent`` is a sum of other choices' columns, without bases and absences."""
    chosen = [
        x[:, mask & (np.arange(len(mask)) != (-1 if place is None else place))]
        for x, mask, place in zip(choices, masks, absent, strict=True)
    ]
    nested = []
    for number, (x, place) in enumerate(zip(choices, absent, strict=True)):
        column = np.zeros(len(x)) if place is None else x[:, place] - x[:, place].mean()
        left = column - _projection([*chosen[:number], *chosen[number + 1 :]], column)
        nested.append(place is not None and float(left @ left) < 1e-8 * float(column @ column))
    return nested


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
    """Return the share of the ``count`` largest in the sum of M parts, none negative; 0 if the sum is 0."""
    total = float(parts.sum())
    return float(np.sort(parts)[len(parts) - count :].sum()) / total if total > 0 else 0.0


def without_ends(estimates: FloatArray, count: int) -> NDArray[np.bool_]:
    """Return which of M estimates are neither among the ``count`` smallest nor among the ``count`` largest."""
    mask = np.zeros(len(estimates), dtype=np.bool_)
    mask[np.argsort(estimates, kind="stable")[count : len(estimates) - count]] = True
    return mask


def _projection(columns: Sequence[FloatArray], y: FloatArray) -> FloatArray:
    """Return the projection of a centred y on centred columns, whatever their rank."""
    if not columns:
        return np.zeros(len(y))
    x = np.concatenate(columns, axis=1)
    x = x - x.mean(axis=0)
    vectors, nonzero = _rank(x)
    # columns of the basis are orthogonal up to rounding, which the second pass takes out
    basis = x @ vectors[:, nonzero]
    lengths = np.einsum("ij,ij->j", basis, basis)
    fitted = basis @ (basis.T @ y / lengths)
    return np.asarray(fitted + basis @ (basis.T @ (y - fitted) / lengths))


def _identified(x: FloatArray, y: FloatArray) -> tuple[FloatArray, NDArray[np.bool_]]:
    """Return least-squares coefficients and which of them the rows of x determine."""
    vectors, nonzero = _rank(x)
    gram = x.T @ x
    pseudo = (
        vectors[:, nonzero] @ np.linalg.inv(vectors[:, nonzero].T @ gram @ vectors[:, nonzero]) @ vectors[:, nonzero].T
    )
    # a coefficient is determined if its unit vector has no part in the null space
    null = vectors[:, ~nonzero]
    return pseudo @ (x.T @ y), np.sum(null**2, axis=1) < 1e-8


def _rank(x: FloatArray) -> tuple[FloatArray, NDArray[np.bool_]]:
    """Return eigenvectors of X'X and which of them are not in the null space: X has few columns, and many rows."""
    values, vectors = np.linalg.eigh(x.T @ x)
    return vectors, values > max(float(values[-1]) if len(values) else 0.0, 1e-300) * 1e-10
