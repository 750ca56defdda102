"""Standard errors by unit of spatial models: their ratio to the standard deviation, and coverage at 95 %.

Run from the repository: ``python tests/benchmark/spatial_errors.py [--replications 400] [--jobs 2] [--only NAME …]``.

The outcome of N units on a ring with two neighbours on each side follows a spatial Durbin model with ρ = 0.4, effects
of units and periods, and x and errors that are AR(1) with 0.7 within units. ``unequal`` units have errors with standard
deviations exp(0.7 z). ``sums`` are the standard errors of earlier versions, scores added up by unit; ``pairs`` those
of ``cov: cluster`` now; ``classic`` those of the information.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Sequence
from itertools import product

os.environ.update(OPENBLAS_NUM_THREADS="1", OMP_NUM_THREADS="1")

import numpy as np
from joblib import Parallel, delayed
from numpy.typing import NDArray

from digicarbon.numeric.linear.within import demean
from digicarbon.numeric.spatial.effects import lag_effects
from digicarbon.numeric.spatial.likelihood import Sample, SpatialFit, fit_lag, in_sample
from digicarbon.numeric.spatial.operator import DenseOperator
from digicarbon.numeric.spatial.robust import Score, SpatialTerm, unit_clustered

FloatArray = NDArray[np.float64]
RHO, BETA, THETA, SERIAL, BURN = 0.4, 1.0, 0.5, 0.7, 30
FORMS = ("classic", "sums", "pairs")
QUANTITIES = ("rho", "beta", "direct", "indirect", "total")
WORLDS = {
    f"{n} × {t}{', unequal' if unequal else ''}": (n, t, unequal)
    for n, t, unequal in product((30, 60, 285), (6, 15), (False, True))
}


def ring(n: int) -> DenseOperator:
    """Return weights of two neighbours on each side."""
    links = sum(np.roll(np.eye(n), step, axis=1) for step in (-2, -1, 1, 2))
    return DenseOperator(np.asarray(links / 4), 1.0, np.ones(n))


def drawn(n: int, t: int, unequal: bool, w: DenseOperator, seed: int) -> tuple[FloatArray, FloatArray]:
    """Return x and y, each of shape (T, N)."""
    rng = np.random.default_rng(seed)

    def paths() -> FloatArray:
        e = rng.normal(size=(t + BURN, n))
        for period in range(1, t + BURN):
            e[period] += SERIAL * e[period - 1]
        return np.asarray(e[BURN:])

    scale = np.exp(0.7 * rng.normal(size=n)) if unequal else np.ones(n)
    x, e = paths(), paths() * scale
    signal = BETA * x + THETA * x @ w.w.T + e + rng.normal(size=n) + rng.normal(size=(t, 1))
    return x, np.linalg.solve(np.eye(n) - RHO * w.w, signal.T).T


def sums_by_unit(fit: SpatialFit, term: SpatialTerm, sample: Sample) -> FloatArray:
    """Return the sandwich of scores added up by unit, as it was."""
    n, t, e = sample.n, sample.t, fit.residuals
    applied = demean(np.einsum("ij,tj->ti", term.g, e), sample.effects)
    share = (1 - 1 / t) * term.own(by_time=True)
    parts = [
        np.einsum("ti,tik->ik", e, fit.z.reshape(t, n, -1)) / fit.sigma2,
        ((e * (fit.q.reshape(t, n) + applied)).sum(axis=0) / fit.sigma2 - t * share)[:, None],
        ((e**2).sum(axis=0) / (2 * fit.sigma2**2))[:, None],
    ]
    by_unit = np.concatenate(parts, axis=1)
    by_unit -= by_unit.mean(axis=0)
    return np.asarray(fit.covariance @ by_unit.T @ by_unit @ fit.covariance * n / (n - 1))


def one(n: int, t: int, unequal: bool, seed: int) -> FloatArray:
    """Return estimates and standard errors, shape (quantities, 1 + forms)."""
    w = ring(n)
    x, y = drawn(n, t, unequal, w, seed)
    raw = np.stack([x, x @ w.w.T, y, y @ w.w.T], axis=2)
    sample = Sample(n, t, "two_way", "lee_yu")
    fit = fit_lag(demean(raw, "two_way"), w, sample)
    term = SpatialTerm(fit.q, in_sample(w, sample).g(fit.spatial))
    score = Score.of(fit.z, fit.residuals, fit.sigma2, [term], sample)
    covariances = (
        fit.covariance,
        sums_by_unit(fit, term, sample),
        unit_clustered(fit.covariance, score, fit.sigma2, sample),
    )
    columns = []
    for covariance in covariances:
        effects = lag_effects(fit.beta[:1], fit.beta[1:], fit.spatial, covariance[:3, :3], w)
        columns.append([*np.sqrt([covariance[2, 2], covariance[0, 0]]), *effects.se[:, 0]])
    estimates = [fit.spatial, fit.beta[0], *effects.coef[:, 0]]
    return np.column_stack([estimates, *columns])


def truths(n: int) -> FloatArray:
    """Return the true values of the quantities."""
    effects = lag_effects(np.array([BETA]), np.array([THETA]), RHO, np.zeros((3, 3)), ring(n))
    return np.array([RHO, BETA, *effects.coef[:, 0]])


def main(arguments: Sequence[str] | None = None) -> None:
    """Write a table of ratios and of coverage."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--replications", type=int, default=400)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--only", nargs="*", default=list(WORLDS))
    asked = parser.parse_args(arguments)
    sys.stdout.write("standard error over standard deviation | coverage\n\n| world | quantity | bias | sd |")
    sys.stdout.write("".join(f" {form} |" for form in FORMS) + "\n" + "|---" * (4 + len(FORMS)) + "|\n")
    start = time.perf_counter()
    for name in asked.only:
        found = Parallel(n_jobs=asked.jobs)(delayed(one)(*WORLDS[name], seed) for seed in range(asked.replications))
        every, truth = np.array(found), truths(WORLDS[name][0])
        for place, quantity in enumerate(QUANTITIES):
            values, errors = every[:, place, 0], every[:, place, 1:]
            sd = values.std(ddof=1)
            cover = (np.abs(values - truth[place])[:, None] <= 1.96 * errors).mean(axis=0)
            cells = [
                f"{ratio:.2f}, **{share:.3f}**" for ratio, share in zip(errors.mean(axis=0) / sd, cover, strict=True)
            ]
            sys.stdout.write(f"| {name} | {quantity} | {values.mean() - truth[place]:.3f} | {sd:.3f} | ")
            sys.stdout.write(" | ".join(cells) + " |\n")
            sys.stdout.flush()
    sys.stdout.write(f"\n{asked.replications} replications; {time.perf_counter() - start:.0f} s\n")


if __name__ == "__main__":
    main()
