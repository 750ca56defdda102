"""Bias and coverage of the two-way spatial Durbin model at the study's size, by batched fits.

Run: python tests/benchmark/monte_carlo.py [draws]

Design: 30 provinces, row-standardised W1, T = 6, ρ = 0.4, errors of unit variance, unit and time effects. One regressor
(β = 1, θ = 0.5, independent normal) or six (each β = -0.12, θ = 0.05, correlated between neighbours by a spatial
autoregression of 0.6; errors of standard deviation 0.3), drawn once; outcomes drawn anew.
"""

from __future__ import annotations

import sys
import time

import numpy as np
from numpy.typing import NDArray

from digicarbon.numeric.spatial.batch import LagBatch
from digicarbon.numeric.spatial.likelihood import Sample
from digicarbon.packs.china import facts
from digicarbon.weights import Weights

SEED = 20240601
N, T, RHO = 30, 6, 0.4
FloatArray = NDArray[np.float64]


def outcomes(
    rng: np.random.Generator, x: FloatArray, wx: FloatArray, truth: tuple[float, float, float], w: FloatArray, m: int
) -> FloatArray:
    """Draw m outcomes of shape (T, N)."""
    beta, theta, sigma = truth
    mean = beta * x.sum(axis=2) + theta * wx.sum(axis=2) + rng.normal(size=N) + rng.normal(size=(T, 1))
    noise = sigma * rng.normal(size=(m, T, N))
    return (mean + noise) @ np.linalg.inv(np.eye(N) - RHO * w).T


def main(draws: int) -> None:
    weights = Weights.from_edges(facts.adjacency())
    operator = weights.operator
    w = weights.dense()
    rng = np.random.default_rng(SEED)
    smooth = np.linalg.inv(np.eye(N) - 0.6 * w)
    designs = {
        "one regressor": (rng.normal(size=(T, N, 1)), (1.0, 0.5, 1.0)),
        "six regressors": (np.einsum("ij,tjk->tik", smooth, rng.normal(size=(T, N, 6))), (-0.12, 0.05, 0.3)),
    }
    out = sys.stdout
    out.write(f"{draws} draws, seed {SEED}\n\n")
    out.write("| design | likelihood | mean ρ | coverage of ρ | mean total effect | truth | coverage of the total |\n")
    out.write("|---|---|---|---|---|---|---|\n")
    start = time.process_time()
    for name, (x, truth) in designs.items():
        wx = operator.lag(x)
        y = outcomes(rng, x, wx, truth, w, draws)
        total = (truth[0] + truth[1]) / (1 - RHO)
        for correction in ("lee_yu", "none"):
            batch = LagBatch(np.concatenate([x, wx], axis=2), operator, Sample(N, T, "two_way", correction))
            parts = list(batch.parameters(batch.space.outcomes(y.transpose(2, 1, 0))))
            rho, rho_se, effect, effect_se = np.concatenate(
                [
                    [part.rho, np.sqrt(part.rho_variance), *batch.effects(part, [(0, x.shape[2], "total")])[0]]
                    for part in parts
                ],
                axis=1,
            )
            rho_in = np.abs(rho - RHO) <= 1.959964 * rho_se
            total_in = np.abs(effect - total) <= 1.959964 * effect_se
            out.write(
                f"| {name} | {correction} | {rho.mean():.3f} | {rho_in.mean():.3f} | {effect.mean():.3f} "
                f"| {total:.3f} | {total_in.mean():.3f} |\n"
            )
    out.write(f"\n{4 * draws} fits with their standard errors: {time.process_time() - start:.2f} CPU seconds\n")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 5000)
