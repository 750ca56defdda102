"""How strong an omitted variable must be to take a coefficient away (Cinelli & Hazlett 2020)."""

from __future__ import annotations

import numpy as np

from digicarbon.arrays import FloatArray


def robustness_value(t: FloatArray, df: float, q: float = 1.0, critical: float | FloatArray = 0.0) -> FloatArray:
    """Return the partial R² with both sides which confounders need to take away a share of coefficients.

    ``t``: classic t statistics. ``df``: residual degrees of freedom. ``q``: the share. ``critical``: instead of
    coefficients being down to 1 - q of themselves: their t statistics against that fall to this. Where standard errors
    are larger than classic ones, times their ratio.

    They have the shape of t and are between 0 and 1.

    ½(√(f⁴ + 4f²) - f²) with f = q|t|/√df - f_c and f_c = critical/√(df - 1). Where q|t|/√df times f_c is above 1 it is
    (q²t²/df - f_c²)/(1 + q²t²/df), as in sensemakr.

    Cinelli & Hazlett (2020), Journal of the Royal Statistical Society B 82.
    """
    f, least = q * np.abs(t) / np.sqrt(df), critical / np.sqrt(df - 1)
    above = np.maximum(f - least, 0.0)
    usual = (np.sqrt(above**4 + 4 * above**2) - above**2) / 2
    # a confounder that explains less of the outcome than of the regressor does more harm to t
    return np.asarray(np.where((above > 0) & (f * least > 1), (f**2 - least**2) / (1 + f**2), usual))
