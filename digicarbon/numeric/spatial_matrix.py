"""What the likelihood and the effects need to know of a weight matrix at a given spatial parameter.

Throughout, S = I - ρW and G = W S⁻¹ (METHODS of Lee & Yu 2010; LeSage & Pace 2009, ch. 2).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class SpatialMatrix:
    """A dense weight matrix with its spectrum.

    Attributes
    ----------
    w : ndarray, shape (N, N)
    constant_row_sum : float or None
        The common row sum c, or None if rows differ.
    """

    w: FloatArray
    constant_row_sum: float | None

    @property
    def n(self) -> int:
        """Number of units."""
        return len(self.w)

    @cached_property
    def eigenvalues(self) -> NDArray[np.complex128]:
        """Eigenvalues of W, shape (N,)."""
        return np.asarray(np.linalg.eigvals(self.w), dtype=np.complex128)

    @cached_property
    def bounds(self) -> tuple[float, float]:
        """The interval around 0 in which I - ρW is invertible: (1/λ_min, 1/λ_max) over the real eigenvalues.

        Where W has no negative real eigenvalue the lower end is minus the upper one.
        """
        real = self.eigenvalues[np.abs(self.eigenvalues.imag) < 1e-8].real
        upper = 1.0 / real.max()
        lower = 1.0 / real.min() if real.min() < -1e-12 else -upper
        return float(lower), float(upper)

    def lag(self, cube: FloatArray) -> FloatArray:
        """Return W x within each period for ``cube`` of shape (T, N) or (T, N, k)."""
        return np.asarray(np.einsum("ij,tj...->ti...", self.w, cube, optimize=True))

    def log_determinant(self, rho: float) -> float:
        """Return ln|I - ρW|."""
        return float(np.log(np.abs(1.0 - rho * self.eigenvalues)).sum())

    def trace_g(self, rho: float) -> float:
        """Return tr G."""
        return float((self.eigenvalues / (1.0 - rho * self.eigenvalues)).sum().real)

    def trace_g2(self, rho: float) -> float:
        """Return tr G²."""
        return float(((self.eigenvalues / (1.0 - rho * self.eigenvalues)) ** 2).sum().real)

    def g(self, rho: float) -> FloatArray:
        """Return G = W (I - ρW)⁻¹, shape (N, N)."""
        s = np.eye(self.n) - rho * self.w
        return np.asarray(np.linalg.solve(s.T, self.w.T).T)
