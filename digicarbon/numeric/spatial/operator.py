"""The functions of a weight matrix that likelihoods and effects need, computed once and shared by every fit.

Throughout, S = I - ρW and G = W S⁻¹ (LeSage & Pace 2009, ch. 2; Lee & Yu 2010).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from digicarbon.arrays import FloatArray

REAL = 1e-9
"""Largest imaginary part, relative to the spectral radius, that rounding leaves on a real eigenvalue."""

SINGULAR = 1e-4
"""Distance of an eigenvalue from the real axis, relative to the spectral radius, below which it bounds the range.

Rounding moves a root of a Jordan block of m by the m-th root of its size; I - ρW is almost singular beside it.
"""

NO_END = 0.01
"""Size of a root, relative to the spectral radius, below which it does not bound the range: it may be rounding."""

FORM_G = 100
"""Up to this size G itself is formed at each ρ, since fewer calls count more than fewer operations."""


class SpatialOperator(Protocol):
    """A weight matrix W of N units as an operator."""

    @property
    def n(self) -> int:
        """Number of units."""

    @property
    def constant_row_sum(self) -> float | None:
        """The common row sum c of W, or None if rows differ."""

    @property
    def bounds(self) -> tuple[float, float]:
        """The interval around 0 in which I - ρW is invertible."""

    @property
    def coarse(self) -> tuple[FloatArray, FloatArray]:
        """Nodes that cover the bounds, denser near their ends, and ln|I - ρW| there; each of shape (m,).

        The values are precise enough to locate a maximum.
        """

    def lag(self, cube: FloatArray) -> FloatArray:
        """Return W x within each period, for x of shape (T, N, k)."""

    def log_determinant(self, rho: float) -> float:
        """Return ln|I - ρW|."""

    def traces(self, rho: float) -> tuple[float, float]:
        """Return tr G and tr G², the first and second derivative of -ln|I - ρW|."""

    def trace_gg(self, rho: float) -> float:
        """Return tr GG′, the squared Frobenius norm of G."""

    def trace_gg_error(self, rho: float) -> float:
        """Return the standard error of `trace_gg`, 0 where it is exact."""

    def apply_g(self, rho: float, columns: FloatArray) -> FloatArray:
        """Return G x for x of shape (N, m)."""

    def apply_gt(self, rho: float, columns: FloatArray) -> FloatArray:
        """Return G′ x for x of shape (N, m)."""


@dataclass(frozen=True, eq=False)
class DenseOperator:
    """A dense weight matrix with its spectral decomposition.

    Attributes
    ----------
    w : ndarray, shape (N, N)
    constant_row_sum : float or None
    balance : ndarray, shape (N,), or None
        Positive d with d_i w_ij = d_j w_ji, e.g. the row sums by which a symmetric matrix was standardised; the
        spectrum is then that of a symmetric matrix.
    """

    w: FloatArray
    constant_row_sum: float | None
    balance: FloatArray | None = None

    @property
    def n(self) -> int:
        """Number of units."""
        return len(self.w)

    @cached_property
    def eigenvalues(self) -> FloatArray | NDArray[np.complex128]:
        """Eigenvalues of W, shape (N,); real where all of them are."""
        return self._spectrum[0]

    @cached_property
    def bounds(self) -> tuple[float, float]:
        """The interval around 0 in which I - ρW is invertible: (1/λ_min, 1/λ_max) over the real eigenvalues.

        Where W has no negative real eigenvalue the lower end is minus the upper one, and the other way round; where all
        real eigenvalues are zero the range is (-1, 1). A zero of a Jordan block is computed as a small number of any
        sign, so small eigenvalues count as zero where W has no well conditioned eigenvectors.
        """
        values = np.asarray(self.eigenvalues, dtype=np.complex128)
        radius = float(np.abs(values).max())
        small = max(1e-12, radius * (NO_END if self._spectrum[1] is None else 0.0))
        real = values[np.abs(values.imag) < SINGULAR * radius].real
        low, high = float(real.min(initial=0.0)), float(real.max(initial=0.0))
        if high < small and low > -small:
            return -1.0, 1.0
        upper = 1.0 / high if high >= small else -1.0 / low
        return (1.0 / low if low <= -small else -upper), upper

    @cached_property
    def transformed(self) -> DenseOperator:
        """W without the root c of the constant, the common row sum, for a likelihood without the constant.

        W̃ = W - c 1π′ with 1′π = 1 has the roots of W with 0 in place of c, and JG̃ = JG, so that there is no pole at
        1/c.

        The range ends at 1/μ, with μ the largest real part of the other roots: up to there every root of I - ρW̃ has a
        positive real part. Near a complex pair the determinant only dips there, and beyond it likelihoods have second
        maxima at values of ρ without a meaning. The lower end is that of W. Where μ is a hundredth of the spectral
        radius or less, it does not bound the range, which then reaches as far up as down, and at least as far as W's.
        """
        c = float(self.constant_row_sum or 0.0)
        share = np.ones(self.n) if self.balance is None else self.balance
        out = DenseOperator(self.w - c * share / share.sum(), 0.0, self.balance)
        roots, vectors, inverse = self._spectrum
        distance = np.abs(roots - c)
        if (distance < SINGULAR * max(abs(c), 1e-300)).sum() == 1:
            # a simple root has the constant as its vector: the decomposition is that of W
            out.__dict__["_spectrum"] = np.where(np.arange(self.n) == distance.argmin(), 0.0, roots), vectors, inverse
        low, high = self.bounds
        largest = float(out.eigenvalues.real.max())
        bounded = largest > NO_END * float(np.abs(roots).max())
        out.__dict__["bounds"] = low, 1 / largest if bounded else max(-low, high)
        return out

    @cached_property
    def coarse(self) -> tuple[FloatArray, FloatArray]:
        """Nodes that cover the bounds and ln|I - ρW| there."""
        nodes = coarse_nodes(self.bounds)
        values = np.log(np.abs(1.0 - nodes[:, None] * self.eigenvalues)).sum(axis=1)
        return nodes, values

    def lag(self, cube: FloatArray) -> FloatArray:
        """Return W x within each period."""
        return np.asarray(self.w @ cube)

    def log_determinant(self, rho: float) -> float:
        """Return ln|I - ρW|."""
        return float(np.log(np.abs(1.0 - rho * self.eigenvalues)).sum())

    def traces(self, rho: float) -> tuple[float, float]:
        """Return tr G and tr G²."""
        roots = self.eigenvalues / (1.0 - rho * self.eigenvalues)
        return float(roots.sum().real), float((roots * roots).sum().real)

    def centred_norm(self, rho: float) -> float:
        """Return tr JGG′J, J = I - 11′/N, for W with constant row sums."""
        if self.n > FORM_G:
            sums = self.apply_gt(rho, np.ones((self.n, 1)))
            return self.trace_gg(rho) - float(np.vdot(sums, sums)) / self.n
        g = self.g(rho)
        star = g - g.mean(axis=0)
        return float(np.vdot(star, star))

    def trace_gg(self, rho: float) -> float:
        """Return tr GG′."""
        if self._overlap is not None:
            roots = self.eigenvalues / (1.0 - rho * self.eigenvalues)
            return float(roots @ self._overlap @ roots)
        g = self.g(rho)
        return float(np.vdot(g, g))

    def trace_gg_error(self, rho: float) -> float:
        """Return 0: the trace is exact."""
        return 0.0

    def apply_g(self, rho: float, columns: FloatArray) -> FloatArray:
        """Return G x."""
        roots, vectors, inverse = self._spectrum
        if vectors is not None and inverse is not None and self.n > FORM_G:
            return np.asarray(vectors @ ((roots / (1.0 - rho * roots))[:, None] * (inverse @ columns)))
        return np.asarray(self.g(rho) @ columns)

    def apply_gt(self, rho: float, columns: FloatArray) -> FloatArray:
        """Return G′ x."""
        roots, vectors, inverse = self._spectrum
        if vectors is not None and inverse is not None and self.n > FORM_G:
            return np.asarray(inverse.T @ ((roots / (1.0 - rho * roots))[:, None] * (vectors.T @ columns)))
        return np.asarray(self.g(rho).T @ columns)

    def g(self, rho: float) -> FloatArray:
        """Return G = W (I - ρW)⁻¹, shape (N, N)."""
        last = self._last.get("g")
        if last is not None and last[0] == rho:
            return last[1]
        roots, vectors, inverse = self._spectrum
        if vectors is None or inverse is None:
            g = np.asarray(np.linalg.solve((np.eye(self.n) - rho * self.w).T, self.w.T).T)
        else:
            g = np.asarray((vectors * (roots / (1.0 - rho * roots))) @ inverse)
        # one pair: threads that share W must not read the matrix of another thread's rho
        self._last["g"] = rho, g
        return g

    @cached_property
    def _overlap(self) -> FloatArray | None:
        """V′V ∘ V⁻¹V⁻¹′ of the eigenvectors V: with r the eigenvalues of G, tr GG′ is r′(V′V ∘ V⁻¹V⁻¹′)r."""
        _, vectors, inverse = self._spectrum
        if vectors is None or inverse is None or self.n <= FORM_G:
            return None
        return np.asarray((vectors.T @ vectors) * (inverse @ inverse.T))

    @cached_property
    def _last(self) -> dict[str, tuple[float, FloatArray]]:
        # G at the last ρ: a fit asks for it several times
        return {}

    @cached_property
    def _spectrum(
        self,
    ) -> tuple[FloatArray | NDArray[np.complex128], FloatArray | None, FloatArray | None]:
        """Eigenvalues, and eigenvectors with their inverse where they are real and well conditioned."""
        if self.balance is not None:
            root = np.sqrt(self.balance)
            values, vectors = np.linalg.eigh(root[:, None] * self.w / root)
            return values, vectors / root[:, None], vectors.T * root
        roots, vectors = np.linalg.eig(self.w)
        if np.abs(roots.imag).max() > REAL * np.abs(roots).max():
            return roots, None, None
        # a repeated root may be computed as a tiny complex pair, whose vectors have equal real parts; and G from badly
        # conditioned vectors would lose digits
        if np.iscomplexobj(vectors) or np.linalg.cond(vectors) > 1e4:
            return roots.real, None, None
        return roots, vectors, np.linalg.inv(vectors)


def coarse_nodes(bounds: tuple[float, float], count: int = 25, margin: float = 1e-6) -> FloatArray:
    """Return nodes within ``bounds``, denser near the ends, where the log-determinant bends.

    Parameters
    ----------
    bounds : (float, float)
    count : int
    margin : float
        Distance of the outermost nodes from the ends, relative to the range.
    """
    low, high = bounds
    half = (high - low) / 2 * (1 - 2 * margin)
    return np.asarray((low + high) / 2 - half * np.cos(np.linspace(0, np.pi, count)))
