"""Weights of indicators by Shannon's entropy."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy

from digicarbon.arrays import FloatArray


@dataclass(frozen=True, eq=False)
class EntropyWeights:
    """Weights of k indicators, which sum to one, and the entropies that they are computed from.

    An entropy is from 0 (one row has all) to 1 (all rows are equal).
    """

    entropy: FloatArray
    weights: FloatArray


def entropy_weights(values: FloatArray) -> EntropyWeights:
    """Return weights that are the larger, the more unequal an indicator is over the rows.

    With shares p_ij = z_ij / Σ_i z_ij the entropy is e_j = -(1/ln n) Σ_i p_ij ln p_ij, where 0 ln 0 is 0, and the
    weight w_j = (1 - e_j) / Σ_j (1 - e_j). Shannon (1948), *Bell System Technical Journal* 27, 379-423; Zeleny (1982),
    *Multiple Criteria Decision Making*, chapter 6.

    ``values``, shape (n, k): not negative, on one scale (`indicators.min_max`); n is at least 2 and not every indicator
    is constant.
    """
    share = values / values.sum(axis=0)
    entropy = -scipy.special.xlogy(share, share).sum(axis=0) / np.log(len(values))
    return EntropyWeights(np.asarray(entropy), np.asarray((1 - entropy) / (1 - entropy).sum()))
