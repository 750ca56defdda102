"""Small-sample factors of clustered covariances, by the names that other packages' tables go under."""

from __future__ import annotations

from typing import Literal

from digicarbon.numeric.within import EffectsKind, absorbed_count

SmallSample = Literal["stata", "none", "g", "full"]
ClusterBy = Literal["unit", "time"]


def cluster_factor(rule: SmallSample, by: ClusterBy, effects: EffectsKind, nobs: int, n: int, t: int, k: int) -> float:
    """Return the factor on a clustered sandwich covariance.

    Parameters
    ----------
    rule : {"stata", "none", "g", "full"}
        ``stata``: G/(G-1) · (nobs-1)/(nobs-K), effects nested in the clusters not counted in K beyond their constant
        (Stata's xtreg and reghdfe, fixest's default). ``full``: the same with all effects counted. ``g``: G/(G-1).
        ``none``: 1.
    by : {"unit", "time"}
    effects : {"none", "unit", "time", "two_way"}
    nobs, n, t : int
        Observations, units, periods.
    k : int
        Columns of the design, a constant among them where there are no effects.

    Returns
    -------
    float
    """
    groups = n if by == "unit" else t
    if rule == "none":
        return 1.0
    grouped = groups / (groups - 1)
    if rule == "g":
        return grouped
    # effects that nest in the clusters leave one parameter, the constant
    nested = {("unit", "unit"): 1, ("unit", "two_way"): t, ("time", "time"): 1, ("time", "two_way"): n}
    all_effects = absorbed_count(n, t, effects)
    counted = all_effects if rule == "full" else nested.get((by, effects), all_effects)
    return grouped * (nobs - 1) / (nobs - k - counted)
