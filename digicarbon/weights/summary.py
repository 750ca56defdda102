"""A weight matrix in numbers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from digicarbon.numeric.spatial.operator import Normalise, components, spectral_radius

if TYPE_CHECKING:
    from digicarbon.weights.base import Weights


@dataclass(frozen=True)
class WeightsSummary:
    """A weight matrix in numbers."""

    name: str
    n: int
    """Units."""
    links: int
    """Ordered pairs (i, j) with a weight."""
    density: float
    """Links over the n (n - 1) possible ones."""
    neighbours_min: int
    neighbours_mean: float
    neighbours_max: int
    """`neighbours_min`, `neighbours_mean`, `neighbours_max`: neighbours of a unit."""
    islands: tuple[str, ...]
    """Units without neighbour."""
    components: int
    """Number of parts that are not connected by any link, ignoring directions."""
    symmetric: bool
    """Whether the weights before normalisation are symmetric, to twelve digits."""
    normalisation: Normalise
    rho_low: float
    rho_high: float
    """`rho_low`, `rho_high`: the interval around 0 in which I - ρW is invertible, from the real eigenvalues of W;
    infinite if all are 0."""


def summarise(weights: Weights) -> WeightsSummary:
    """Return the summary of ``weights``."""
    raw, n = weights.raw, weights.n
    counts = np.diff(raw.indptr)
    low, high = (-np.inf, np.inf) if spectral_radius(raw) == 0 else weights.operator.bounds
    return WeightsSummary(
        name=weights.name,
        n=n,
        links=int(raw.nnz),
        density=float(raw.nnz / (n * (n - 1))) if n > 1 else 0.0,
        neighbours_min=int(counts.min()),
        neighbours_mean=float(counts.mean()),
        neighbours_max=int(counts.max()),
        islands=tuple(weights.labels[i] for i in np.flatnonzero(counts == 0)),
        components=components(raw, "weak"),
        symmetric=bool(abs(raw - raw.T).max() <= 1e-12 * raw.max()),
        normalisation=weights.normalisation,
        rho_low=float(low),
        rho_high=float(high),
    )
