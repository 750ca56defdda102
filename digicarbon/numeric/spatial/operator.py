"""A weight matrix: its scaling, and what likelihoods and effects need of it, computed once and shared by every fit.

Throughout, S = I - ρW and G = W S⁻¹ (LeSage & Pace 2009, ch. 2; Lee & Yu 2010).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Literal, Protocol

import numpy as np
import scipy
from numpy.typing import NDArray

from digicarbon.arrays import FloatArray

Normalise = Literal["row", "spectral", "minmax", "none"]
"""Rows that sum to one; a largest eigenvalue of one; a largest row or column sum of one; as given."""

ALL_ROOTS = 400
"""Up to this number of units all eigenvalues cost less than an iteration for the largest one."""


def row_standardised(raw: scipy.sparse.csr_array) -> scipy.sparse.csr_array:
    """Return weights whose rows sum to one; a row of zeros does not change."""
    sums = np.asarray(raw.sum(axis=1))
    with np.errstate(divide="ignore"):
        inverse = np.where(sums > 0, 1 / sums, 0.0)
    matrix = scipy.sparse.csr_array(scipy.sparse.diags_array(inverse) @ raw)
    # a product leaves the cells of a row in any order, and the digest depends on it
    matrix.sort_indices()
    return matrix


def scale(raw: scipy.sparse.csr_array, how: Literal["spectral", "minmax", "none"]) -> float:
    """Return what all weights are divided by: the spectral radius, min(max_i Σ_j w_ij, max_j Σ_i w_ij), or 1.

    One scalar for the whole matrix leaves the relative sizes of rows as they are, so that the model is the same up to
    the unit of ρ (Kelejian & Prucha 2010, Journal of Econometrics 157, 53-67, section 2.2).
    """
    if how == "none":
        return 1.0
    if how == "spectral":
        return spectral_radius(raw)
    return float(min(raw.sum(axis=1).max(), raw.sum(axis=0).max()))


def components(raw: scipy.sparse.csr_array, connection: Literal["weak", "strong"]) -> int:
    """Return the number of parts that no link joins (weak), or within which paths lead both ways (strong)."""
    count: int = scipy.sparse.csgraph.connected_components(
        raw, directed=True, connection=connection, return_labels=True
    )[0]
    return count


def spectral_radius(raw: scipy.sparse.csr_array) -> float:
    """Return the largest absolute eigenvalue, which for non-negative weights is an eigenvalue itself.

    It is exactly 0 if no path leads from a unit back to itself.
    """
    n = raw.shape[0]
    if components(raw, "strong") == n:
        return 0.0
    symmetric = abs(raw - raw.T).max() == 0
    if n <= ALL_ROOTS:
        dense = raw.toarray()
        values = np.linalg.eigvalsh(dense) if symmetric else np.linalg.eigvals(dense)
        return float(np.abs(values).max())
    # a fixed start makes the same file give the same number
    start = np.ones(n)
    if symmetric:
        return float(scipy.sparse.linalg.eigsh(raw, k=1, which="LA", v0=start, return_eigenvectors=False)[0])
    return float(scipy.sparse.linalg.eigs(raw, k=1, which="LR", v0=start, return_eigenvectors=False)[0].real)


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


FEW = 64
"""Places up to which traces are sums over eigenvalues; beyond it series are faster."""

TERMS, REACH = 9, 0.05
"""Terms of the series of traces, and their reach relative to the nearest pole: the error is about 0.05⁹ = 2e-12."""


@dataclass(frozen=True, eq=False)
class _Series:
    """Taylor series of tr G and tr G² in ρ around m centres, coefficients (m, 2, terms), each used up to its end."""

    centres: FloatArray
    ends: FloatArray
    coefficients: FloatArray
    range: tuple[float, float]


class SpatialOperator(Protocol):
    """A weight matrix W of N units as an operator."""

    def __hash__(self) -> int:
        """Return a number of the object: what is computed from it is stored for it alone."""

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

    def log_determinants(self, rho: FloatArray) -> FloatArray:
        """Return ln|I - ρW| at each place, shape (m,)."""

    def traces_at(self, rho: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return tr G and tr G² at each place, each of shape (m,)."""

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

    ``w``: shape (N, N). ``balance``, shape (N,): positive d with d_i w_ij = d_j w_ji, e.g. the row sums by which a
    symmetric matrix was standardised; the spectrum is then that of a symmetric matrix.
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
        return float(np.add.reduce(roots).real), float((roots @ roots).real)

    def log_determinants(self, rho: FloatArray) -> FloatArray:
        """Return ln|I - ρW| at each place."""
        return np.asarray(np.log(np.abs(1.0 - rho[:, None] * self.eigenvalues)).sum(axis=1))

    def traces_at(self, rho: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return tr G and tr G² at each place."""
        if len(rho) < FEW:
            roots = self.eigenvalues / (1.0 - rho[:, None] * self.eigenvalues)
            return np.asarray(roots.sum(axis=1).real), np.asarray(np.einsum("mi,mi->m", roots, roots).real)
        series = self._series
        place = np.searchsorted(series.ends, rho)
        distance = rho - series.centres[place]
        powers = np.empty((len(rho), TERMS))
        powers[:, 0] = 1.0
        for power in range(1, TERMS):
            np.multiply(powers[:, power - 1], distance, out=powers[:, power])
        first, second = np.einsum("mk,mjk->jm", powers, series.coefficients[place])
        # beside a pole there is no series
        beyond = (rho < series.range[0]) | (rho > series.range[1])
        if beyond.any():
            roots = self.eigenvalues / (1.0 - rho[beyond, None] * self.eigenvalues)
            first[beyond], second[beyond] = roots.sum(axis=1).real, (roots * roots).sum(axis=1).real
        return first, second

    @cached_property
    def _series(self) -> _Series:
        """Taylor series of tr G and tr G² around places that cover the bounds, as close as their poles ask for."""
        poles = 1.0 / self.eigenvalues[np.abs(self.eigenvalues) > 1e-12]
        low, high = self.bounds
        margin = 1e-6 * (high - low)
        centres, ends, at = [], [], low + margin
        while at < high - margin:
            # the centre whose reach to the left is where the last one ends
            reach = REACH * float(np.abs(poles - at).min(initial=high - low)) / (1 + REACH)
            centres.append(at + reach)
            reach = REACH * float(np.abs(poles - centres[-1]).min(initial=high - low))
            at = max(centres[-1] + reach, at + margin)
            ends.append(at)
        centre = np.array(centres)
        roots = self.eigenvalues / (1.0 - centre[:, None] * self.eigenvalues)
        # the derivatives of tr G are k! tr G^(k + 1)
        sums, power = np.empty((len(centre), TERMS + 1)), roots
        for k in range(TERMS + 1):
            sums[:, k] = power.sum(axis=1).real
            power = power * roots
        second = sums[:, 1:] * np.arange(1, TERMS + 1)
        coefficients = np.stack([sums[:, :-1], second], axis=1)
        return _Series(centre, np.array(ends[:-1]), coefficients, (low + margin, ends[-1]))

    def centred_norm(self, rho: float) -> float:
        """Return tr JGG′J, J = I - 11′/N, for W with constant row sums."""
        if self.n > FORM_G:
            sums = self.apply_gt(rho, np.ones((self.n, 1)))
            return self.trace_gg(rho) - float(np.vdot(sums, sums)) / self.n
        g = self.g(rho)
        star = g - np.add.reduce(g, axis=0) / self.n
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
    def _spectrum(self) -> tuple[FloatArray | NDArray[np.complex128], FloatArray | None, FloatArray | None]:
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


def unit_blocks(n: int, size: int = 256) -> Iterator[tuple[NDArray[np.intp], FloatArray]]:
    """Yield units block by block, and their columns of the identity, shape (n, units)."""
    for start in range(0, n, size):
        units = np.arange(start, min(start + size, n))
        columns = np.zeros((n, len(units)))
        columns[units, units - start] = 1.0
        yield units, columns


def coarse_nodes(bounds: tuple[float, float], count: int = 25) -> FloatArray:
    """Return nodes within ``bounds``, denser near the ends, where the log-determinant bends."""
    low, high = bounds
    # the outermost nodes stay a millionth of the range away from the ends, where I - ρW is singular
    half = (high - low) / 2 * (1 - 2e-6)
    return np.asarray((low + high) / 2 - half * np.cos(np.linspace(0, np.pi, count)))


def find_balance(w: scipy.sparse.csr_array) -> FloatArray | None:
    """Return positive d, shape (N,), with d_i w_ij = d_j w_ji, of a non-negative W; None if there is none.

    Row-standardised symmetric weights have one, and so have distances times the neighbour's size: any W = D⁻¹S with S
    symmetric. How W was computed need not be known: d follows along the edges of a spanning tree.
    """
    n = w.shape[0]
    parts, part = scipy.sparse.csgraph.connected_components(w, directed=False)
    heads = np.unique(part, return_index=True)[1]
    root = scipy.sparse.coo_array((np.ones(parts), (np.full(parts, n), heads)), shape=(n + 1, n + 1))
    cells = scipy.sparse.coo_array(w)
    inner = scipy.sparse.coo_array((cells.data, cells.coords), shape=(n + 1, n + 1))
    order, before = scipy.sparse.csgraph.breadth_first_order(scipy.sparse.csr_array(inner + root), n, directed=True)
    if len(order) <= n:
        # not every unit is reached along the direction of the weights
        return None
    child = order[1:][before[order[1:]] != n]
    parent = before[child]
    forth, back = _cells(w, parent, child), _cells(w, child, parent)
    if not (back > 0).all():
        return None
    d = [1.0] * n
    for i, j, ratio in zip(parent.tolist(), child.tolist(), (forth / back).tolist(), strict=True):
        d[j] = d[i] * ratio
    out = np.array(d)
    scaled = scipy.sparse.csr_array(scipy.sparse.diags_array(out) @ w)
    gap = abs(scaled - scaled.T)
    return out if gap.max() <= 1e-11 * scaled.max() else None


def _cells(w: scipy.sparse.csr_array, rows: NDArray[np.int32], columns: NDArray[np.int32]) -> FloatArray:
    return np.asarray(w[rows, columns]).ravel() if len(rows) else np.empty(0)
