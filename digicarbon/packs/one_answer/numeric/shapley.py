"""Shapley shares of the variance of estimates over specifications.

The game: a set of choices is worth the R² of the regression of the estimates on the indicators of their values. A
choice's share is its mean gain over all orders in which choices may enter, so that the shares add up to the R² of all
choices; what is left is due to combinations of values.

References
----------
Lindeman, R. H., Merenda, P. F. and Gold, R. Z. (1980), Introduction to Bivariate and Multivariate Analysis. Owen, A. B.
and Prieur, C. (2017), On Shapley value for measuring importance of dependent inputs, SIAM/ASA Journal on Uncertainty
Quantification 5. Many choices: Castro, J., Gómez, D. and Tejada, J. (2009), Computers & Operations Research 36.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import factorial

import numpy as np

from digicarbon.arrays import FloatArray, IntArray

MOST_EXACT = 14
"""Up to so many choices every set is valued; beyond it, orders are drawn."""
ORDERS = 500
"""How many orders are drawn, each with its reverse."""
SMALL = 1e-9
"""A column of which less than this share is left after others is a combination of them."""


@dataclass(frozen=True, eq=False)
class Shapley:
    """How much of the variance of estimates each of m choices accounts for.

    ``shares``, shape (m,): they sum to ``additive``. ``errors``, shape (m,): standard errors from the draw of orders; 0
    where all sets were valued. ``additive``: R² of the regression on all choices; the rest is due to combinations.
    """

    shares: FloatArray
    errors: FloatArray
    additive: float


def shapley(estimates: FloatArray, choices: Sequence[FloatArray], seed: int = 1) -> Shapley:
    """Return the shares.

    ``estimates``: shape (M,). ``choices``, shape (M, d): indicator columns of each choice: one per value, or one per
    possible member of a list. ``seed``: of the orders, if there are more than `MOST_EXACT` choices.
    """
    count = len(choices)
    centred = estimates - estimates.mean()
    total = float(centred @ centred)
    if not count or total <= np.finfo(float).eps ** 2 * float(estimates @ estimates) * len(estimates):
        return Shapley(np.zeros(count), np.zeros(count), 0.0)
    columns = [x - x.mean(axis=0) for x in choices]
    stacked = np.column_stack([*columns, centred / np.sqrt(total)])
    gram = stacked.T @ stacked
    ends = np.cumsum([x.shape[1] for x in columns])
    places = [np.arange(end - x.shape[1], end) for end, x in zip(ends, columns, strict=True)]
    if count > MOST_EXACT:
        return _drawn(gram, places, seed)
    worth = _worths(gram, places)
    sizes = np.array([bin(code).count("1") for code in range(1 << count)])
    weight = np.array([factorial(s) * factorial(count - s - 1) / factorial(count) for s in range(count)])
    shares = np.empty(count)
    codes = np.arange(1 << count)
    for place in range(count):
        without = codes[codes >> place & 1 == 0]
        shares[place] = weight[sizes[without]] @ (worth[without | 1 << place] - worth[without])
    return Shapley(shares, np.zeros(count), float(worth[-1]))


def _worths(gram: FloatArray, places: Sequence[IntArray]) -> FloatArray:
    """Return the R² of each set of choices; the bits of its position say which are in it."""
    worth = np.zeros(1 << len(places))
    scale = np.diag(gram).copy()

    def extend(left: FloatArray, code: int, first: int) -> None:
        worth[code] = 1 - left[-1, -1]
        for place in range(first, len(places)):
            extend(_without(left, places[place], scale), code | 1 << place, place + 1)

    extend(gram, 0, 0)
    return worth


def _drawn(gram: FloatArray, places: Sequence[IntArray], seed: int) -> Shapley:
    """Return the shares from orders that are drawn, each with its reverse."""
    generator = np.random.default_rng(seed)
    scale = np.diag(gram).copy()
    gains = np.zeros((ORDERS, len(places)))
    worth = 0.0
    for row in range(ORDERS):
        order = generator.permutation(len(places))
        for one in (order, order[::-1]):
            left, worth = gram, 0.0
            for place in one.tolist():
                left = _without(left, places[place], scale)
                after = 1 - float(left[-1, -1])
                gains[row, place] += (after - worth) / 2
                worth = after
    return Shapley(gains.mean(axis=0), gains.std(axis=0, ddof=1) / np.sqrt(ORDERS), worth)


def _without(gram: FloatArray, place: IntArray, scale: FloatArray) -> FloatArray:
    """Return products of columns after the columns at some places are projected out."""
    block = gram[np.ix_(place, place)]
    size = np.where(scale[place] > 0, scale[place], 1.0)
    root = 1 / np.sqrt(size)
    values, vectors = np.linalg.eigh(block * root[:, None] * root)
    kept = values > SMALL
    # coordinates of all columns on an orthonormal basis of what the places add
    basis = (vectors[:, kept] * root[:, None]) / np.sqrt(values[kept])
    coordinates = basis.T @ gram[place]
    return np.asarray(gram - coordinates.T @ coordinates)
