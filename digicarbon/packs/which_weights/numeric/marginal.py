"""Log marginal likelihoods of spatial models and the posterior probabilities of models and weights.

The marginal likelihood is what is left of the likelihood when β and σ² are integrated out exactly, and the spatial
parameter numerically. Priors: ρ and λ are uniform where I - ρW is invertible, σ² has 1/σ², a constant is flat, and β is
either Zellner's N(0, σ²(gZ′Z)⁻¹) with Z filtered by the error process and g = 1/max(n, k²) (Fernández, Ley & Steel
2001), or flat. With a flat prior the units of a regressor decide between models that have different regressors. The
milder prior has g = 1/√n (prior c of the same paper).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy.special import gammaln

from digicarbon.arrays import FloatArray
from digicarbon.numeric.spatial.operator import coarse_nodes
from digicarbon.packs.which_weights.numeric.space import LAG_OF_ERROR, LAG_OF_Y, ChoiceKind, Space

Prior = Literal["g", "flat"]
Beside = Prior | Literal["mild"]
"""A prior that is chosen, or the milder g-prior that stands beside it."""
NODES = 33
"""Places on each axis while the range is narrowed to where the integrand is."""
ROUNDS = 3
DEPTH = 45.0
"""What lies so far below the highest value of a log integrand is left out: a share of 1e-19."""
LEGENDRE = np.polynomial.legendre.leggauss(64)


@dataclass(frozen=True, eq=False)
class Factors:
    """Triangular factor of all columns and their lags: sums of squares of every kind follow from it.

    ``level``, ``lagged``, shape (q, f + k + l + 2): of the columns of a `Space`, y and Wy; and of W times these.
    """

    space: Space
    level: FloatArray
    lagged: FloatArray

    @classmethod
    def of(cls, space: Space, y: FloatArray) -> Factors:
        """Return the factor for one outcome, shape (N, T, 1), raw."""
        own, of_own = space.lags.transform(y)
        twice = space.lag(of_own)
        both = np.column_stack([space.level, own, of_own, space.lagged, of_own, twice])
        # large means of a model without effects would cost digits
        r = np.asarray(np.linalg.qr(both, mode="r"))
        half = both.shape[1] // 2
        return cls(space, r[:, :half], r[:, half:])

    def integrand(self, kind: ChoiceKind, prior: Beside) -> Callable[..., FloatArray]:
        """Return the log integrand of a kind as a function of places of ρ, of λ, or of both (then a grid)."""
        space = self.space
        of_y, of_error = kind in LAG_OF_Y, kind in LAG_OF_ERROR
        columns = [*space.columns(kind), -2, -1]
        level, lagged = self.level[:, columns], self.lagged[:, columns]
        f, k, n = space.free, len(columns) - 2 - space.free, space.sample.size
        one = np.zeros(1)

        def value(*at: FloatArray) -> FloatArray:
            rho = at[0] if of_y else one
            lam = at[-1] if of_error else one
            r = np.asarray(np.linalg.qr(level - lam[:, None, None] * lagged, mode="r"))
            diagonal = 2 * np.log(np.abs(np.einsum("mii->mi", r)[:, : f + k]))
            # coordinates of y - ρWy, shape (places of ρ, places of λ, columns)
            left = r[:, :, -2] - rho[:, None, None] * r[:, :, -1]
            residual = (left[..., f + k :] ** 2).sum(axis=2)
            out = np.zeros((len(rho), len(lam)))
            out += space.log_determinants(rho)[:, None] if of_y else 0.0
            out += space.log_determinants(lam) if of_error else 0.0
            out -= diagonal[:, :f].sum(axis=1) / 2
            if prior == "flat":
                nu = n - f - k
                out -= diagonal[:, f:].sum(axis=1) / 2 + nu / 2 * np.log(residual)
            else:
                nu, g = n - f, n**-0.5 if prior == "mild" else 1 / max(n, k**2)
                explained = (left[..., f : f + k] ** 2).sum(axis=2)
                # the residual and g/(1 + g) of what the regressors explain, which the prior expects to be nothing
                out += k / 2 * np.log(g / (1 + g)) - nu / 2 * np.log(residual + g / (1 + g) * explained)
            out += gammaln(nu / 2) - nu / 2 * np.log(np.pi)
            return out if of_y and of_error else out.ravel()

        return value

    def marginal(self, kind: ChoiceKind, prior: Beside = "g") -> float:
        """Return the logarithm of the marginal likelihood of a kind, with all constants that the prior defines.

        LeSage (2014), Spatial Statistics 9; LeSage (2015), Journal of Geographical Systems 17; LeSage & Parent (2007).
        Differences to SDPDmod's ``blmpSDPD`` are on the page docs/which_weights.md.
        """
        value = self.integrand(kind, prior)
        axes = (kind in LAG_OF_Y) + (kind in LAG_OF_ERROR)
        if not axes:
            return float(value()[0])
        low, high = self.space.bounds
        return _integrated(value, (low, high), axes) - axes * float(np.log(high - low))


def _integrated(value: Callable[..., FloatArray], bounds: tuple[float, float], axes: int) -> float:
    """Return the logarithm of an integral over one or two axes."""
    boxes = [bounds] * axes
    for _ in range(ROUNDS):
        # near the ends of the range the log-determinant bends; at an end itself it may have no value
        grids = [coarse_nodes(box, NODES) for box in boxes]
        heights = value(*grids)
        near = heights > heights.max() - DEPTH
        for axis in range(axes):
            there = np.flatnonzero(near.any(axis=1 - axis) if axes == 2 else near)
            grid = grids[axis]
            low, high = boxes[axis]
            low = low if there[0] <= 1 else float(grid[there[0] - 1])
            high = high if there[-1] >= NODES - 2 else float(grid[there[-1] + 1])
            boxes[axis] = low, high
    points, weights = LEGENDRE
    places = [(low + high) / 2 + (high - low) / 2 * points for low, high in boxes]
    shares = [(high - low) / 2 * weights for low, high in boxes]
    heights = value(*places)
    top = heights.max()
    mass = np.exp(heights - top) * (shares[0] if axes == 1 else np.outer(*shares))
    return float(top + np.log(mass.sum()))


def probabilities(log_marginal: FloatArray, prior: FloatArray | None = None) -> FloatArray:
    """Return posterior probabilities; missing values stand for what was not compared, no prior for equal weights.

    What is compared with nothing has no probability.
    """
    if np.isfinite(log_marginal).sum() < 2:
        return np.full(log_marginal.shape, np.nan)
    height = log_marginal if prior is None else log_marginal + np.log(prior)
    share = np.exp(height - np.nanmax(height))
    return np.asarray(share / np.nansum(share))
