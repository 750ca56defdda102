"""Standard errors on random directed graphs, beside dense solves.

``python tests/numeric/directed_graphs.py 20000`` counts the graphs on which they differ.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from digicarbon.numeric.linear.within import demean
from digicarbon.numeric.spatial.likelihood import Sample, fit_lag
from digicarbon.numeric.spatial.operator import DenseOperator

FloatArray = NDArray[np.float64]
PERIODS = 4


class Solved(DenseOperator):
    """A W without decomposition but for the range of ρ: everything by dense solves."""

    def log_determinant(self, rho: float) -> float:
        return float(np.linalg.slogdet(np.eye(self.n) - rho * self.w)[1])

    def g(self, rho: float) -> FloatArray:
        return np.linalg.solve((np.eye(self.n) - rho * self.w).T, self.w.T).T

    def traces(self, rho: float) -> tuple[float, float]:
        g = self.g(rho)
        return float(np.trace(g)), float((g * g.T).sum())

    def trace_gg(self, rho: float) -> float:
        g = self.g(rho)
        return float((g * g).sum())

    def apply_g(self, rho: float, columns: FloatArray) -> FloatArray:
        return self.g(rho) @ columns


def graphs(count: int, seed: int = 0) -> Iterator[FloatArray]:
    """Give row-standardised k-nearest-neighbour and Erdős-Rényi graphs of 5 to 49 units, in turn."""
    rng = np.random.default_rng(seed)
    for number in range(count):
        n = int(rng.integers(5, 13 if number % 4 < 2 else 50))
        if number % 2:
            w = (rng.random((n, n)) < rng.uniform(2, 5) / n).astype(float)
            np.fill_diagonal(w, 0.0)
            # a unit without neighbour takes the next one
            empty = np.flatnonzero(w.sum(axis=1) == 0)
            w[empty, (empty + 1) % n] = 1.0
        else:
            points = rng.random((n, 2))
            distance = ((points[:, None] - points) ** 2).sum(axis=2)
            np.fill_diagonal(distance, np.inf)
            w = np.zeros((n, n))
            near = np.argsort(distance, axis=1)[:, : int(rng.integers(2, min(6, n - 1) + 1))]
            w[np.arange(n)[:, None], near] = 1.0
        yield w / w.sum(axis=1, keepdims=True)


def gap(w: FloatArray, seed: int) -> float:
    """Return by how much standard errors of a lag model with unit effects differ from those of dense solves."""
    n = len(w)
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(PERIODS, n, 1))
    noise = rng.normal(size=(PERIODS, n, 1))
    y = np.linalg.solve(np.eye(n) - 0.3 * w, x + noise)
    columns = demean(np.concatenate([x, y, w @ y], axis=2), "unit")
    sample = Sample(n, PERIODS, "unit", "lee_yu")
    fits = [fit_lag(columns, operator(w, 1.0), sample) for operator in (DenseOperator, Solved)]
    if any(each.boundary for each in fits):
        return 0.0
    one, other = (np.sqrt(np.diag(each.covariance)) for each in fits)
    return float(np.abs(one / other - 1).max())


def main() -> None:
    """Print how many graphs give other standard errors."""
    count = int(sys.argv[1])
    gaps = np.array([gap(w, seed) for seed, w in enumerate(graphs(count))])
    wrong = int((~(gaps < 1e-6)).sum())
    sys.stdout.write(f"{count} graphs, {wrong} with other standard errors, largest relative gap {gaps.max():.1e}\n")


if __name__ == "__main__":
    main()
