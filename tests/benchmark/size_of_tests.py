"""Size of the spatial diagnostics under their null at the study's sample: share of draws rejected at 5 %.

Run from the repository: ``python tests/benchmark/size_of_tests.py`` (about five minutes on one core).

30 provinces with W1 (adjacency, row-standardised), 6 periods, two regressors that are spatially correlated and stay the
same over draws, normal errors. Under the null of the dependence tests y = x1 - 0.5 x2 + unit effects + time effects +
errors; under that of the tests of effects y is a spatial Durbin model with rho 0.4 and no effects.
"""

from __future__ import annotations

import sys
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from digicarbon.numeric.linear.within import demean
from digicarbon.numeric.tests.cross_section import pesaran_cd, weighted_cd
from digicarbon.numeric.tests.effects_test import effects_test
from digicarbon.numeric.tests.residual_moran import residual_moran
from digicarbon.numeric.tests.spatial_lm import lagrange_multipliers
from digicarbon.packs.china import facts
from digicarbon.weights import Weights

FloatArray = NDArray[np.float64]
Effects = Literal["none", "unit", "time", "two_way"]

T, DRAWS, BOOTSTRAPPED, REPLICATES, SEED, LEVEL = 6, 5000, 2000, 199, 20240601, 0.05
EFFECTS: tuple[Effects, ...] = ("none", "unit", "time", "two_way")
LM = ("lag", "error", "robust_lag", "robust_error")


def dependence(weights: Weights, rng: np.random.Generator) -> dict[str, dict[str, float]]:
    """Return rejection shares by test and effects."""
    n, w = weights.n, weights.matrix
    x = regressors(weights, rng)
    rejected: dict[str, dict[str, float]] = {}

    def count(test: str, effects: str, p: float) -> None:
        row = rejected.setdefault(test, dict.fromkeys(EFFECTS, 0.0))
        row[effects] += (p < LEVEL) / DRAWS

    for _ in range(DRAWS):
        errors = rng.standard_normal((T, n))
        for effects in EFFECTS:
            constant = np.ones((T, n, 1 if effects == "none" else 0))
            # the statistics do not depend on the coefficients and effects of the regression, which are left out
            columns = np.concatenate([constant, x, errors[..., None]], axis=2)
            for form in ("classic", "corrected"):
                found = lagrange_multipliers(columns, w, effects, form)
                for name in LM:
                    count(f"LM {name.replace('_', ' ')}, {form}", effects, getattr(found, name).p)
            count("Moran's I of residuals", effects, residual_moran(columns, w, effects).p)
            residuals = least_squares(columns, effects)
            count("CD", effects, pesaran_cd(residuals).p)
            count("CDw, 1 set of weights", effects, weighted_cd(residuals, rng, 1).p)
            count("CDw, 30 sets of weights", effects, weighted_cd(residuals, rng, 30).p)
    return rejected


def effects_tests(weights: Weights, rng: np.random.Generator) -> dict[str, tuple[float, float]]:
    """Return rejection shares of the tests of unit and of time effects by χ² and by bootstrap."""
    n, w = weights.n, weights.operator
    x = regressors(weights, rng)
    z = np.concatenate([x, w.lag(x)], axis=2)
    mean = z @ np.array([1.0, -0.5, 0.5, 0.2])
    inverse = np.linalg.inv(np.eye(n) - 0.4 * weights.dense())
    shares = {}
    for tested in ("unit", "time"):
        p = np.empty((BOOTSTRAPPED, 2))
        for draw in range(BOOTSTRAPPED):
            y = (mean + rng.standard_normal((T, n))) @ inverse.T
            found = effects_test(z, y, w, tested, "lag", rng, REPLICATES)
            p[draw] = found.statistic.p, found.bootstrap
        by_chi2, by_bootstrap = (p <= LEVEL).mean(axis=0)
        shares[tested] = (float(by_chi2), float(by_bootstrap))
    return shares


def regressors(weights: Weights, rng: np.random.Generator) -> FloatArray:
    """Return two regressors with spatial correlation 0.6 and unit means, shape (T, N, 2)."""
    inverse = np.linalg.inv(np.eye(weights.n) - 0.6 * weights.dense())
    drawn = rng.standard_normal((T, weights.n, 2)) + rng.standard_normal((1, weights.n, 2))
    return np.einsum("ij,tjk->tik", inverse, drawn)


def least_squares(columns: FloatArray, effects: Effects) -> FloatArray:
    """Return residuals of the last column on the others and effects, shape (T, N)."""
    within = demean(columns, effects)
    flat = within.reshape(-1, within.shape[2])
    fitted = flat[:, :-1] @ np.linalg.lstsq(flat[:, :-1], flat[:, -1], rcond=None)[0]
    return (flat[:, -1] - fitted).reshape(within.shape[:2])


def main() -> None:
    """Write the tables as Markdown."""
    weights = Weights.from_edges(facts.adjacency()[["province", "neighbour"]])
    rng = np.random.default_rng(SEED)
    shares, tests = dependence(weights, rng), effects_tests(weights, rng)
    lines = [
        "## Spatial diagnostics",
        "",
        f"Share of draws in which a true null is rejected at {LEVEL:.0%}, 30 provinces, W1, T = {T}, seed {SEED}.",
        "Made by `python tests/benchmark/size_of_tests.py`; the design is described in that script.",
        "The classic LM tests reject too often after effects, the corrected ones hold their size. CD never rejects",
        "after time effects. CDw with many sets of weights, and the chi2 of the tests of effects, reject too often",
        "at few periods.",
        "",
        f"### Dependence tests after least squares ({DRAWS} draws, simulation error about 0.003)",
        "",
        "| test | no effects | unit | time | two-way |",
        "|---|---|---|---|---|",
        *(f"| {test} | " + " | ".join(f"{row[e]:.3f}" for e in EFFECTS) + " |" for test, row in shares.items()),
        "",
        f"### LR tests of fixed effects in a spatial Durbin model ({BOOTSTRAPPED} draws, simulation error about 0.005)",
        "",
        f"| null | chi2 | parametric bootstrap ({REPLICATES} replicates) |",
        "|---|---|---|",
        *(f"| no {name} effects beside the others | {c:.3f} | {b:.3f} |" for name, (c, b) in tests.items()),
        "",
    ]
    sys.stdout.write("\n".join(lines))


if __name__ == "__main__":
    main()
