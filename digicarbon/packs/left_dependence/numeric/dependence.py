"""Whether residuals of different units still move together: their products, summed over patterns of pairs of units."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import scipy

from digicarbon.arrays import FloatArray, Removes
from digicarbon.numeric.linear.within import Rows


@dataclass(frozen=True)
class Dependence:
    """A test of one pattern: the statistic, its mean and standard deviation over draws, and p."""

    statistic: float
    expected: float
    deviation: float
    p: float

    @property
    def z(self) -> float:
        """How many deviations the statistic is above what independent units would have."""
        return (self.statistic - self.expected) / self.deviation


def dependence_left(
    residuals: FloatArray, rows: Rows, remove: Removes, patterns: Sequence[scipy.sparse.csr_array], signs: FloatArray
) -> list[Dependence]:
    """Test whether units' residuals are independent, by patterns of pairs.

    ``residuals``, shape (rows,): structural ones. ``rows``: need not be balanced. ``remove``: removes effects and
    regressors from columns, shape (rows, M). ``patterns``, shape (N, N): symmetric weights of pairs, zero on the
    diagonal: pairs within regions, neighbours, and so on. ``signs``, shape (M, N): draws of one sign for each unit.

    The statistic is I = N/Σa_ij · Σ a_ij e_i′e_j / Σ e_i′e_i: Moran's I where the pattern is W, and for pairs within
    regions Pesaran's CD with products in place of correlations. Effects make residuals add up to zero, of which the
    normal approximation of CD knows nothing (Juodis and Reese 2022, Journal of Business & Economic Statistics 40); here
    each draw gives each unit's path one sign, and effects and regressors are removed from it again. Correlations would
    not do: period effects put parts of noisy units into the residuals of all others, which is little in products, but
    much in the correlations of quiet units (rejections .22 to .48 of true nulls where standard deviations are
    lognormal).
    """
    drawn = remove(residuals[:, None] * np.column_stack([np.ones(rows.n), signs.T])[rows.unit_codes])
    whole = np.zeros((rows.n, rows.t, drawn.shape[1]))
    whole[rows.unit_codes, rows.period_codes] = drawn / np.sqrt((drawn * drawn).sum(axis=0))
    flat = whole.reshape(rows.n, -1)
    found = []
    for pattern in patterns:
        sums = np.einsum("ntm,ntm->m", whole, (pattern @ flat).reshape(whole.shape)) * rows.n / pattern.sum()
        draws, expected = sums[1:], float(sums[1:].mean())
        extreme = np.abs(draws - expected) >= abs(sums[0] - expected) * (1 - 1e-12)
        p = (1 + int(extreme.sum())) / (1 + len(draws))
        found.append(Dependence(float(sums[0]), expected, float(draws.std(ddof=1)), p))
    return found
