"""Size at 5 % of tests with few clusters and of tests that groups are equal: python tests/benchmark/few_clusters.py.

Panels of 6 periods with two-way effects; x and errors are either independent or both AR(0.7) within units; the
coefficient is zero (in all groups). 2,000 samples, seed 1; bootstraps of 399 draws, permutations of 199.
"""

from __future__ import annotations

import sys
from collections.abc import Callable

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

import digicarbon as dc
from digicarbon.numeric.linear.within import demean
from digicarbon.numeric.resampling.group_permutation import permutation_test, unit_moments
from digicarbon.numeric.resampling.wild_bootstrap import wild_cluster_bootstrap

FloatArray = NDArray[np.float64]
SAMPLES, PERIODS, DRAWS, SEED = 2000, 6, 399, 1
REGIONS = {"northeast": 3, "east": 10, "central": 6, "west": 11}


def series(rng: np.random.Generator, units: int, persistence: float) -> FloatArray:
    """Return stationary AR(1) series of variance one, shape (units, periods)."""
    shocks = rng.standard_normal((units, PERIODS))
    out = shocks.copy()
    for t in range(1, PERIODS):
        out[:, t] = persistence * out[:, t - 1] + np.sqrt(1 - persistence**2) * shocks[:, t]
    return out


def absorb(units: int) -> Callable[[FloatArray], FloatArray]:
    """Return the two-way within transformation of columns of shape (units · periods, m)."""

    def within(columns: FloatArray) -> FloatArray:
        cube = columns.reshape(units, PERIODS, -1).transpose(1, 0, 2)
        return demean(cube, "two_way").transpose(1, 0, 2).reshape(columns.shape)

    return within


def p_values(rng: np.random.Generator, clusters: int, persistence: float) -> dict[str, float]:
    """Return p values of a true null on one sample."""
    x, e = (series(rng, clusters, persistence).reshape(-1, 1) for _ in range(2))
    within = absorb(clusters)
    x, y = within(x), within(e)[:, 0]
    codes = np.repeat(np.arange(clusters), PERIODS)
    df = clusters * PERIODS - clusters - PERIODS
    slope = (x[:, 0] @ y) / (x[:, 0] @ x[:, 0])
    residual = y - x[:, 0] * slope
    classic = slope / np.sqrt(residual @ residual / df / (x[:, 0] @ x[:, 0]))
    rows = len(y)
    scores = np.bincount(codes, x[:, 0] * residual)
    # Stata's factor: unit effects are nested in the clusters
    factor = clusters / (clusters - 1) * (rows - 1) / (rows - 1 - PERIODS)
    clustered = slope / np.sqrt(factor * scores @ scores) * (x[:, 0] @ x[:, 0])
    out = {
        "classic t": 2 * stats.t.sf(abs(classic), df),
        "clustered t": 2 * stats.t.sf(abs(clustered), clusters - 1),
    }
    for weights in ("rademacher", "webb"):
        for null in (True, False):
            found = wild_cluster_bootstrap(
                x, y, within, codes, np.eye(1), 0.0, weights, null, "symmetric", DRAWS, None, rng
            )
            out[f"{weights} {'WCR' if null else 'WCU'}"] = found.p
    return out


def regions(rng: np.random.Generator, persistence: float, spread: float = 1.0) -> dict[str, float]:
    """Return p values on one sample of the study's regions; ``spread`` multiplies x in the northeast."""
    names = np.repeat(list(REGIONS), list(REGIONS.values()))
    units = len(names)
    x, e = (series(rng, units, persistence) for _ in range(2))
    x[names == "northeast"] *= spread
    frame = pd.DataFrame(
        {
            "unit": np.repeat(np.arange(units), PERIODS),
            "year": np.tile(np.arange(PERIODS), units),
            "region": np.repeat(names, PERIODS),
            "x": x.ravel(),
            "y": e.ravel(),
        }
    )
    panel = dc.Panel.from_frame(frame, "unit", "year")
    out = {}
    for cov in ("classic", "cluster"):
        for interact in ("focal", "all"):
            result = dc.GroupedRegression(y="y", x=("x",), cov=cov, interact=interact, test="errors").fit(panel)
            out[f"{cov}, {interact}: x[northeast] = 0"] = float(result.estimates.loc["x[northeast]", "p"])
            out[f"{cov}, {interact}: equality"] = result.statistics["equal_p"]
    model = dc.GroupedRegression(y="y", x=("x",), cov="classic", test="errors")
    for weights in ("rademacher", "webb"):
        wild = dc.wild_bootstrap(model, panel, weights=weights, draws=DRAWS, seed=int(rng.integers(2**31)))["p"]
        out[f"wild bootstrap, {weights}: x[northeast] = 0"] = float(wild["x[northeast]"])
        out[f"wild bootstrap, {weights}: equality"] = float(wild["x, all equal"])
    for one, two in (("northeast", "east"), ("east", "west")):
        pair = panel.rows(np.isin(panel.text["region"], [one, two]))
        moments = unit_moments(pair.array(["x", "y"]), pair.unit_codes, pair.period_codes, "two_way")
        first = np.array([names[int(unit)] == one for unit in pair.units])
        for statistic in ("difference", "studentised"):
            found = permutation_test(moments, first, 199, rng, statistic)
            out[f"permutation, {statistic}: {one} - {two}"] = float(found.p[0])
    return out


def rejections(make: Callable[[np.random.Generator], dict[str, float]], samples: int) -> pd.Series:
    """Return the share of p values of at most 0.05."""
    rng = np.random.default_rng(SEED)
    return (pd.DataFrame([make(rng) for _ in range(samples)]) <= 0.05).mean()


def main() -> None:
    """Write both tables."""
    columns = {
        f"G = {clusters}, {'AR(0.7)' if persistence else 'independent'}": rejections(
            lambda rng, g=clusters, a=persistence: p_values(rng, g, a), SAMPLES
        )
        for clusters in (3, 5, 6, 10, 30)
        for persistence in (0.0, 0.7)
    }
    sys.stdout.write(pd.DataFrame(columns).round(3).to_string() + "\n\n")
    columns = {
        f"{'AR(0.7)' if persistence else 'independent'}, x in the northeast times {spread:g}": rejections(
            lambda rng, a=persistence, s=spread: regions(rng, a, s), SAMPLES
        )
        for persistence, spread in ((0.0, 1.0), (0.7, 1.0), (0.0, 0.3), (0.7, 0.3))
    }
    sys.stdout.write(pd.DataFrame(columns).round(3).to_string() + "\n\n")


if __name__ == "__main__":
    main()
