"""Series at constant prices from volume indices."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from digicarbon.arrays import FloatArray


def at_constant_prices(nominal_base: ArrayLike, index: ArrayLike, base: int) -> FloatArray:
    r"""Return a series at the prices of a base year, by chaining a volume index.

    .. math::
        Y_{it} = Y_{ib} \prod_{s=b+1}^{t} \frac{I_{is}}{100} \;(t > b), \qquad
        Y_{it} = Y_{ib} \Big/ \prod_{s=t+1}^{b} \frac{I_{is}}{100} \;(t < b)

    (System of National Accounts 2008, ch. 15: the previous year's index links two years, and the base year fixes the
    level.)

    ``nominal_base``, shape (N,): values of the base year b at its own prices, in any money. ``index``, shape (N, T):
    volume index of successive years, previous year = 100. The first year's value is not used. ``base``: position of the
    base year among the T years. Returns shape (N, T): in the money of ``nominal_base``; not-a-number for every year
    that only a missing index leads to.
    """
    growth = np.asarray(index, dtype=float) / 100
    chain = np.ones_like(growth)
    chain[:, base + 1 :] = np.cumprod(growth[:, base + 1 :], axis=1)
    backward = np.cumprod(growth[:, base:0:-1], axis=1)
    chain[:, :base] = 1 / backward[:, ::-1]
    return np.asarray(np.asarray(nominal_base, dtype=float)[:, None] * chain)
