"""A large sparse weight matrix as an operator: nothing of size N × N is ever formed.

Throughout, S = I - ρW and G = W S⁻¹. Everything comes from sparse triangular factors of S (LeSage & Pace 2009, ch. 4):
ln|S| from their diagonal, tr G and tr G² as derivatives of a local interpolant of ln|S|, and tr GG′ as a mixed
derivative of a log-determinant by a complex step (Squire & Trapp 1998).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np
import scipy
from numpy.polynomial import chebyshev
from numpy.typing import NDArray

from digicarbon.arrays import FloatArray
from digicarbon.numeric.spatial.operator import DenseOperator, coarse_nodes

CELL = 0.2
"""Width of the cells, in artanh of the position within the bounds, that share one local interpolant of ln|S|."""

REACH = 0.14
"""Half-width of an interpolant: more than half a cell, since derivatives are worst at the ends."""

NODES = {True: 10, False: 12}
"""Factorisations per interpolant, for a real spectrum or any other.

The map ρ = tanh u keeps the singularities of ln|S| at a distance of π/2 where W's spectrum is real, and of π/4 where it
may be complex. Measured on queen lattices and on US counties over the whole range: tr G within 5e-12 N, tr G² within
5e-10 relative; fewer nodes lose a digit each, more of them only add rounding.
"""

COARSE_NODES = 9
"""Factorisations of the coarse table: enough to find the cell of ρ̂ or one beside it (measured error: mostly within
0.07 of the distance to the nearer end); from the neighbouring cell the search moves on."""

SPECTRUM_UNITS = 20_000
"""Up to this size 1/λ_min is computed (15 ms at 2,800 units, 5 s at 100,000); beyond it the lower bound is -1/λ_max."""

EXACT_FILL = 5_000_000
"""Non-zeros of the factors of S up to which tr GG′ is exact where W has no balance.

The complex factors of twice the size then take up to about 0.8 GB. Measured on nearest neighbours: 100,000 units with 6
each fill 3.1 million and cost 1.8 s, as much as the probes that would replace them.
"""

PROBES = 64
"""Random vectors of the stochastic tr GG′."""


@dataclass(frozen=True, eq=False)
class _Interpolant:
    """Chebyshev coefficients in u of ln|S| and of its first two derivatives, columns of ``coefficients``."""

    centre: float
    coefficients: FloatArray

    def at(self, u: float) -> tuple[float, float, float]:
        values = np.asarray(chebyshev.chebval((u - self.centre) / REACH, self.coefficients))
        return float(values[0]), float(values[1]), float(values[2])


@dataclass(frozen=True, eq=False)
class _Pattern:
    """S in an order with little fill: ``unit - r ∘ weight`` on a fixed pattern, for a ρ per row or for all.

    ``order`` are positions in W of each row; ``rows`` and ``pointers`` the row of each cell and the start of each
    column; ``unit`` and ``weight`` the values of I and of W.
    """

    order: NDArray[np.int64]
    rows: NDArray[np.int32]
    pointers: NDArray[np.int32]
    unit: FloatArray
    weight: FloatArray

    def factor(self, rho: Any) -> scipy.sparse.linalg.SuperLU:
        """Return the factors of I - diag(rho) W, rho a number or of shape (N,) in this order."""
        n = len(self.order)
        by_cell = rho[self.rows] if np.ndim(rho) else rho
        return _factor(
            scipy.sparse.csc_array((self.unit - by_cell * self.weight, self.rows, self.pointers), shape=(n, n))
        )


@dataclass(frozen=True, eq=False)
class SparseOperator:
    """A sparse weight matrix; quantities that depend only on it are computed once and stored."""

    w: scipy.sparse.csr_array
    """Non-negative. Within -1/λ_max and 1/λ_max S is an H-matrix (diagonally dominant for a row-standardised W), and
    below -1/λ_max, possible only for a balanced W, similar to a positive definite one: no pivoting is needed.
    Shape (N, N)."""
    constant_row_sum: float | None
    balance: FloatArray | None = None
    """Positive d with d_i w_ij = d_j w_ji, see `find_balance`; W's spectrum is then that of a symmetric matrix.
    Shape (N,)."""

    def __getstate__(self) -> dict[str, object]:
        # factors are objects of compiled code and cannot be sent to another process
        return {name: value for name, value in self.__dict__.items() if name != "_factored"}

    @property
    def n(self) -> int:
        """Number of units."""
        return int(self.w.shape[0])

    @cached_property
    def bounds(self) -> tuple[float, float]:
        """An interval around 0 in which I - ρW is invertible.

        The upper end is 1/λ_max. The lower end is 1/λ_min where W is balanced and has at most `SPECTRUM_UNITS` units,
        and else -1/λ_max, which is never too low since no eigenvalue of a non-negative matrix exceeds λ_max in size.
        """
        upper = 1.0 / (self.constant_row_sum or self._largest())
        if self.balance is None or self.n > SPECTRUM_UNITS:
            return -upper, upper
        lowest = self._extreme("SA")
        return (1.0 / lowest if lowest < -1e-12 else -upper), upper

    @cached_property
    def coarse(self) -> tuple[FloatArray, FloatArray]:
        """The centres of the cells and ln|I - ρW| there, interpolated from few factorisations.

        The values locate a maximum; `log_determinant` gives exact ones.
        """
        low, high = self.bounds
        # the root at the upper end is known: without it the rest is smooth enough for few nodes
        angles = np.linspace(-np.pi / 2, np.pi / 2, COARSE_NODES)
        places = np.sin(angles)
        nodes = (low + high) / 2 + (high - low) / 2 * np.sin(np.pi / 2 * places) * (1 - 2e-6)
        smooth = [self._determinant(rho) - np.log(1 - rho / high) for rho in nodes]
        coefficients = chebyshev.chebfit(places, smooth, COARSE_NODES - 1)
        edges = coarse_nodes(self.bounds, 2)
        reach = np.floor(np.arctanh(1 - 2e-6) / CELL)
        positions = np.tanh(CELL * np.arange(-reach, reach + 1))
        centres = np.concatenate([edges[:1], (low + high) / 2 + (high - low) / 2 * positions, edges[1:]])
        inside = np.clip((2 * centres - low - high) / ((high - low) * (1 - 2e-6)), -1, 1)
        values = chebyshev.chebval(np.arcsin(inside) * 2 / np.pi, coefficients) + np.log(1 - centres / high)
        return centres, np.asarray(values)

    def lag(self, cube: FloatArray) -> FloatArray:
        """Return W x within each period, for x of shape (T, N, k)."""
        out = np.empty(cube.shape)
        for period, values in enumerate(cube):
            out[period] = self.w @ values
        return out

    def log_determinant(self, rho: float) -> float:
        """Return ln|I - ρW|."""
        u, _, _ = self._mapping(rho)
        return self._interpolant(u).at(u)[0]

    def traces(self, rho: float) -> tuple[float, float]:
        """Return tr G and tr G², the first and second derivative of -ln|I - ρW|."""
        u, first, second = self._mapping(rho)
        _, du, ddu = self._interpolant(u).at(u)
        return -du * first, -(ddu * first**2 + du * second)

    def log_determinants(self, rho: FloatArray) -> FloatArray:
        """Return ln|I - ρW| at each place, shape (m,)."""
        return np.asarray(self._at(self._positions(rho))[0])

    def traces_at(self, rho: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return tr G and tr G² at each place, each of shape (m,)."""
        x = self._positions(rho)
        slope = 1 / (1 - x * x) / ((self.bounds[1] - self.bounds[0]) / 2)
        bend = 2 * x * slope * slope
        _, du, ddu = self._at(x)
        return -du * slope, -(ddu * slope**2 + du * bend)

    def _positions(self, rho: FloatArray) -> FloatArray:
        """Return where places lie within the bounds, from -1 to 1."""
        low, high = self.bounds
        return np.asarray(np.clip((rho - (low + high) / 2) / ((high - low) / 2), -1 + 1e-9, 1 - 1e-9))

    def _at(self, x: FloatArray) -> FloatArray:
        """Return ln|S| and its derivatives in u = artanh x at positions, shape (3, m)."""
        u = np.arctanh(x)
        cells, out = np.round(u / CELL).astype(np.int64), np.empty((3, len(u)))
        for cell in np.unique(cells).tolist():
            own = cells == cell
            table = self._interpolant(cell * CELL)
            out[:, own] = chebyshev.chebval((u[own] - table.centre) / REACH, table.coefficients)
        return out

    def trace_gg(self, rho: float) -> float:
        """Return tr GG′: exact unless `trace_gg_error` is positive."""
        return self._squared_norm(rho)[0]

    def trace_gg_error(self, rho: float) -> float:
        """Return the standard error of `trace_gg`, 0 where it is exact."""
        return self._squared_norm(rho)[1]

    def apply_g(self, rho: float, columns: FloatArray) -> FloatArray:
        """Return G x for x of shape (N, m)."""
        return np.asarray(self.w @ self._solve(rho, columns, "N"))

    def apply_gt(self, rho: float, columns: FloatArray) -> FloatArray:
        """Return G′ x for x of shape (N, m)."""
        return self._solve(rho, np.asarray(self.w.T @ columns), "T")

    @cached_property
    def dense(self) -> DenseOperator:
        """The same weights with an eigendecomposition, for estimators that need G itself; N × N numbers."""
        return DenseOperator(np.asarray(self.w.toarray()), self.constant_row_sum, self.balance)

    @cached_property
    def fill(self) -> int:
        """Non-zeros of the triangular factors of S."""
        return int(self._ordering[1])

    @property
    def _pattern(self) -> _Pattern:
        return self._ordering[0]

    @cached_property
    def _ordering(self) -> tuple[_Pattern, int]:
        """The pattern of S in an order with little fill, computed once on S + S′, and the fill."""
        eye = scipy.sparse.eye_array(self.n, format="csr")
        # any ρ serves: the order depends on the pattern alone
        first = _factor(scipy.sparse.csc_array(eye - 0.5 / self._row_bound * self.w), "MMD_AT_PLUS_A")
        order = np.argsort(first.perm_c)
        w = scipy.sparse.coo_array(self.w)
        rank = np.empty(self.n, dtype=np.int64)
        rank[order] = np.arange(self.n)
        diagonal = np.arange(self.n)
        rows = np.concatenate([rank[w.coords[0]], diagonal])
        columns = np.concatenate([rank[w.coords[1]], diagonal])
        unit = np.concatenate([np.zeros(w.nnz), np.ones(self.n)])
        weight = np.concatenate([w.data, np.zeros(self.n)])
        by_column = np.lexsort((rows, columns))
        pointers = np.concatenate([[0], np.cumsum(np.bincount(columns, minlength=self.n))])
        pattern = _Pattern(
            order, rows[by_column].astype(np.int32), pointers.astype(np.int32), unit[by_column], weight[by_column]
        )
        return pattern, int(first.nnz)

    @cached_property
    def _row_bound(self) -> float:
        """The largest row sum, which no eigenvalue exceeds in size."""
        return float(np.asarray(self.w.sum(axis=1)).max())

    def _largest(self) -> float:
        """Return λ_max, the Perron root."""
        if self.balance is not None:
            return self._extreme("LA")
        start = np.ones(self.n)
        return float(
            scipy.sparse.linalg.eigs(self.w, 1, which="LR", v0=start, tol=1e-9, return_eigenvectors=False)[0].real
        )

    def _extreme(self, which: Literal["SA", "LA"]) -> float:
        """Return the smallest ("SA") or largest ("LA") eigenvalue of a balanced W."""
        root = scipy.sparse.diags_array(np.sqrt(np.asarray(self.balance)))
        inverse = scipy.sparse.diags_array(1 / np.sqrt(np.asarray(self.balance)))
        similar = scipy.sparse.csr_array(root @ self.w @ inverse)
        start = np.random.default_rng(0).uniform(0.5, 1.5, self.n) * (1 if which == "LA" else _signs(self.n))
        # an eigenvalue of a symmetric matrix has twice the digits of its vector
        values: Any = scipy.sparse.linalg.eigsh(similar, 1, which=which, v0=start, tol=1e-6, return_eigenvectors=False)
        return float(values[0])

    def _mapping(self, rho: float) -> tuple[float, float, float]:
        """Return u = artanh of ρ's position within the bounds, du/dρ and d²u/dρ²."""
        low, high = self.bounds
        half = (high - low) / 2
        x = min(max((rho - (low + high) / 2) / half, -1 + 1e-9), 1 - 1e-9)
        slope = 1 / (1 - x * x) / half
        return float(np.arctanh(x)), slope, 2 * x * slope * slope

    def _interpolant(self, u: float) -> _Interpolant:
        """Return the interpolant of the cell of u; cells are fixed, so that no fit depends on the ones before it."""
        cell = round(u / CELL)
        if cell not in self._interpolants:
            count = NODES[self.balance is not None]
            places = chebyshev.chebpts1(count)
            low, high = self.bounds
            nodes = (low + high) / 2 + (high - low) / 2 * np.tanh(cell * CELL + REACH * places)
            coefficients = chebyshev.chebfit(places, [self._determinant(rho) for rho in nodes], count - 1)
            table = np.zeros((count, 3))
            table[:, 0] = coefficients
            table[:-1, 1] = chebyshev.chebder(coefficients) / REACH
            table[:-2, 2] = chebyshev.chebder(coefficients, 2) / REACH**2
            self._interpolants[cell] = _Interpolant(cell * CELL, table)
        return self._interpolants[cell]

    @cached_property
    def _interpolants(self) -> dict[int, _Interpolant]:
        return {}

    def _determinant(self, rho: float) -> float:
        """Return ln|I - ρW| from a factorisation."""
        return float(np.log(np.abs(self._pattern.factor(rho).U.diagonal())).sum())

    def _solve(self, rho: float, columns: FloatArray, trans: Literal["N", "T"]) -> FloatArray:
        """Return S⁻¹ x ("N") or S′⁻¹ x ("T") for x of shape (N, m)."""
        last = self._factored.get("last")
        if last is None or last[0] != rho:
            last = (rho, self._pattern.factor(rho))
            self._factored["last"] = last
        order = self._pattern.order
        out = np.empty(columns.shape)
        factors: Any = last[1]
        out[order] = factors.solve(np.asfortranarray(columns[order]), trans)
        return out

    @cached_property
    def _factored(self) -> dict[str, tuple[float, scipy.sparse.linalg.SuperLU]]:
        # the factors at the last ρ: a fit asks for them several times
        return {}

    def _squared_norm(self, rho: float) -> tuple[float, float]:
        """Return tr GG′ and its standard error."""
        last = self._norms.get("last")
        if last is None or last[0] != rho:
            last = (rho, *self._new_squared_norm(rho))
            self._norms["last"] = last
        return last[1], last[2]

    @cached_property
    def _norms(self) -> dict[str, tuple[float, float, float]]:
        return {}

    def _new_squared_norm(self, rho: float) -> tuple[float, float]:
        if self.balance is not None:
            return self._balanced_norm(rho, self.balance), 0.0
        if self.fill <= EXACT_FILL:
            return self._unbalanced_norm(rho), 0.0
        return self._estimated_norm(rho)

    def _balanced_norm(self, rho: float, balance: FloatArray) -> float:
        """Return tr GG′ of a balanced W from two complex factorisations of S's own size.

        With G′ = DGD⁻¹, tr GG′ = tr GDGD⁻¹ = -∂²F/∂s∂t at 0 of F(s, t) = ln|I - diag(ρ - s d - t/d) W|, which is the
        imaginary part of F(h, ih) - F(-h, ih), over 2h²: first derivatives cancel, and imaginary parts carry no
        rounding of real ones.
        """
        d = balance[self._pattern.order]
        up, down = d / d.max(), d.min() / d
        low, high = self.bounds
        h = 1e-5 * min(high - rho, rho - low)
        difference = sum(
            sign * np.angle(self._pattern.factor(rho - sign * h * up - 1j * h * down).U.diagonal()).sum()
            for sign in (1, -1)
        )
        return float(-difference / (2 * h * h) * d.max() / d.min())

    def _unbalanced_norm(self, rho: float) -> float:
        """Return tr GG′ from one complex factorisation of twice the size.

        The determinant of [[S′, -sW′], [W, S]] is |S|² |I + s GG′|; at s = ih its phase is h tr GG′.
        """
        order = self._pattern.order
        h = 1e-20
        w = scipy.sparse.csr_array(self.w[order][:, order])
        s = scipy.sparse.csr_array(scipy.sparse.eye_array(self.n, format="csr") - rho * w)
        blocks: Any = [[s.T, -1j * h * w.T], [w, s]]
        double = scipy.sparse.coo_array(scipy.sparse.block_array(blocks))
        # a unit's two rows are adjacent, so that the fill remains that of S in 2 × 2 blocks
        row, column = (2 * (index % self.n) + index // self.n for index in double.coords)
        shape = (2 * self.n, 2 * self.n)
        factors = _factor(scipy.sparse.csc_array((double.data, (row, column)), shape=shape))
        return float(np.angle(factors.U.diagonal()).sum() / h)

    def _estimated_norm(self, rho: float) -> tuple[float, float]:
        """Return tr GG′ and its standard error from seeded random signs z (Hutchinson 1990).

        tr GG′ = tr G² + E‖Gz - G′z‖²/2, of which tr G² is exact: only the asymmetry of G is estimated.
        """
        z = np.random.default_rng(0).choice([-1.0, 1.0], size=(self.n, PROBES))
        gap = self.apply_g(rho, z) - self.apply_gt(rho, z)
        draws = (gap * gap).sum(axis=0) / 2
        return self.traces(rho)[1] + float(draws.mean()), float(draws.std(ddof=1) / np.sqrt(PROBES))


def _signs(n: int) -> FloatArray:
    return np.random.default_rng(1).choice([-1.0, 1.0], size=n)


def _factor(matrix: Any, order: Literal["NATURAL", "MMD_AT_PLUS_A"] = "NATURAL") -> scipy.sparse.linalg.SuperLU:
    """Return triangular factors without pivoting, columns in their own order or in one of little fill."""
    factors: scipy.sparse.linalg.SuperLU = scipy.sparse.linalg.splu(
        matrix, permc_spec=order, diag_pivot_thresh=0.0, options={"SymmetricMode": True}
    )
    return factors
