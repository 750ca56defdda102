"""Outcomes of spatial models: combinations of few columns, which are projected on regressors once for all draws."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from digicarbon.arrays import FloatArray
from digicarbon.numeric.slices import slices

CELLS = 1 << 18
"""Numbers in an array of rows and draws that are handled at a time: they stay in the processor's cache."""
FEWEST, MOST = 64, 2000
"""Draws of a block, whatever the rows."""
EVERY = slice(None)


def centred(by_unit: FloatArray) -> FloatArray:
    """Return columns less their means."""
    # numpy's own mean takes longer than the sum of a small array
    return np.asarray(by_unit - np.add.reduce(by_unit, axis=0) / len(by_unit))


@dataclass(frozen=True, eq=False)
class LagOutcomes:
    """Outcomes and their spatial lags as they enter the likelihood, effects removed.

    ``level``, ``lagged``, shape (N·T′, J): y and Wy; T′ is T, or T - 1 where unit effects are contracted away.
    ``weights``, shape (J, M): the outcomes are these combinations of the columns; None stands for the columns
    themselves.
    """

    level: FloatArray
    lagged: FloatArray
    weights: FloatArray | None = None

    @property
    def count(self) -> int:
        """Number of outcomes."""
        return len((self.level if self.weights is None else self.weights).T)

    def __matmul__(self, weights: FloatArray) -> LagOutcomes:
        """Return linear combinations of the outcomes, weights of shape (M, draws)."""
        return LagOutcomes(self.level, self.lagged, weights if self.weights is None else self.weights @ weights)

    def blocks(self) -> Iterator[LagBlock]:
        """Yield blocks of outcomes."""
        size = int(np.clip(CELLS // len(self.level), FEWEST, MOST))
        for draws in slices(self.count, size):
            if self.weights is None:
                yield LagBlock(self.level[:, draws], self.lagged[:, draws])
            else:
                weights = np.ascontiguousarray(self.weights[:, draws])
                yield LagBlock(self.level @ weights, self.lagged @ weights)

    def projected(self, basis: FloatArray, formed: bool) -> Iterator[Projected]:
        """Yield blocks of outcomes, projected on an orthonormal basis of shape (N·T′, k).

        Where outcomes are combinations of few columns their inner products are those of these columns, and a block may
        have many; not if its rows are to be ``formed``.
        """
        both = np.concatenate([self.level, self.lagged], axis=1)
        coordinates = basis.T @ both
        both -= basis @ coordinates
        rows, columns = self.level.shape
        # of all blocks; a product with itself takes half of the time
        gram = both.T @ both if self.weights is not None and columns < rows else None
        whole = Projected(both, coordinates, basis, gram=gram)
        size = int(np.clip(CELLS // (rows if formed or self.weights is None else columns), FEWEST, MOST))
        for draws in slices(self.count, size):
            if self.weights is None:
                yield whole.columns(draws)
            else:
                yield replace(whole, weights=np.ascontiguousarray(self.weights[:, draws]))


At = tuple[FloatArray, FloatArray, FloatArray]
"""ρ and 1/σ, each of shape (M,), and what (Wy)* has in the basis beside its rest, shape (k, M)."""


class Formed(Protocol):
    """Writes residuals and (Wy)* of a slice of outcomes into arrays, each of shape (m, N·T′)."""

    def __call__(self, block: slice, out: tuple[FloatArray, FloatArray], /) -> None:
        """Write both."""


class Block(Protocol):
    """What the fits of a model take of outcomes that are projected on its regressors."""

    @property
    def rows(self) -> int:
        """N·T′."""

    @property
    def moments(self) -> tuple[FloatArray, FloatArray, FloatArray]:
        """y′y, y′Wy and (Wy)′Wy of each outcome, each of shape (M,)."""

    @property
    def coordinates(self) -> tuple[FloatArray, FloatArray]:
        """Coordinates of y and Wy in the basis, each of shape (k, M)."""

    def filtered(self, rho: FloatArray) -> FloatArray:
        """Return the coordinates of y - ρWy at each ρ, shape (k, M)."""

    def formed(self, at: At, kind: np.dtype[Any]) -> Formed:
        """Return what forms residuals and (Wy)*, over σ, of some outcomes, in numbers of a kind."""

    def standardised(self, rho: FloatArray, sigma2: FloatArray, kind: np.dtype[Any]) -> FloatArray:
        """Return residuals over σ at each ρ and σ², shape (N·T′, M), in numbers of a kind."""


@dataclass(frozen=True, eq=False)
class LagBlock:
    """Some outcomes: y and Wy, each of shape (N·T′, M)."""

    level: FloatArray
    lagged: FloatArray


@dataclass(frozen=True, eq=False)
class Projected:
    """Some outcomes that are projected on regressors."""

    both: FloatArray
    """y and Wy less their projections. Shape (N·T′, 2 J)."""
    of_both: FloatArray
    """Coordinates of the projections. Shape (k, 2 J)."""
    basis: FloatArray
    """Shape (N·T′, k)."""
    weights: FloatArray | None = None
    """The outcomes are these combinations of the columns; None stands for the columns themselves. Shape (J, M)."""
    further: FloatArray | None = None
    """What residuals have in the basis, where they are not those of least squares. Shape (k, M)."""
    gram: FloatArray | None = None
    """`both`′`both` where outcomes are combinations of fewer columns than there are rows. Shape (2 J, 2 J)."""

    @property
    def level(self) -> FloatArray:
        """Y less its projection, shape (N·T′, J)."""
        return self.both[:, : self.both.shape[1] // 2]

    @property
    def lagged(self) -> FloatArray:
        """Wy less its projection, shape (N·T′, J)."""
        return self.both[:, self.both.shape[1] // 2 :]

    @property
    def moments(self) -> tuple[FloatArray, FloatArray, FloatArray]:
        """y′y, y′Wy and (Wy)′Wy of each outcome, each of shape (M,)."""
        gram = self.gram
        if self.weights is not None and gram is not None:
            count = len(self.weights)
            grams = np.concatenate([gram[:count, :count], gram[:count, count:], gram[count:, count:]])
            a, b, c = np.einsum("ijm,jm->im", (grams @ self.weights).reshape(3, count, -1), self.weights)
            return a, b, c
        level, lagged = self.combined(self.level), self.combined(self.lagged)
        pairs = (level, level), (level, lagged), (lagged, lagged)
        a, b, c = (np.einsum("im,im->m", one, other) for one, other in pairs)
        return a, b, c

    @property
    def coordinates(self) -> tuple[FloatArray, FloatArray]:
        """Coordinates of y and Wy in the basis, each of shape (k, M)."""
        half = self.of_both.shape[1] // 2
        return self.combined(self.of_both[:, :half]), self.combined(self.of_both[:, half:])

    def filtered(self, rho: FloatArray) -> FloatArray:
        """Return the coordinates of y - ρWy at each ρ, shape (k, M)."""
        level, lagged = self.coordinates
        return np.asarray(level - rho * lagged)

    @property
    def count(self) -> int:
        """Number of outcomes."""
        return len((self.level if self.weights is None else self.weights).T)

    @property
    def rows(self) -> int:
        """N·T′."""
        return len(self.both)

    def columns(self, chosen: slice | NDArray[np.intp]) -> Projected:
        """Return some of the columns as outcomes."""
        both = np.arange(self.both.shape[1]).reshape(2, -1)[:, chosen].ravel()
        return Projected(self.both[:, both], self.of_both[:, both], self.basis)

    def some(self, chosen: slice | NDArray[np.intp]) -> Projected:
        """Return some of the outcomes."""
        if self.weights is None:
            return self.columns(chosen)
        weights = np.ascontiguousarray(self.weights[:, chosen])
        return replace(self, weights=weights)

    def combined(self, columns: FloatArray) -> FloatArray:
        """Return the combinations of columns that the outcomes are, shape (…, J): shape (…, M)."""
        return columns if self.weights is None else columns @ self.weights

    def residuals(self, rho: FloatArray) -> FloatArray:
        """Return residuals at each ρ, shape (N·T′, M)."""
        out = self.combined(self.level) - rho * self.combined(self.lagged)
        return out if self.further is None else out + self.basis @ self.further

    def standardised(self, rho: FloatArray, sigma2: FloatArray, kind: np.dtype[Any]) -> FloatArray:
        """Return residuals over σ at each ρ and σ², shape (N·T′, M), in numbers of a kind."""
        scale = 1 / np.sqrt(sigma2)
        if self.weights is None or self.further is not None:
            return np.asarray(self.residuals(rho) * scale, dtype=kind)
        weights = self.weights * scale
        return np.asarray(self.both.astype(kind) @ np.concatenate([weights, weights * -rho]).astype(kind))

    def formed(self, at: At, kind: np.dtype[Any], of: Projected | None = None) -> Formed:
        """Return what forms residuals and (Wy)*, over σ, of some outcomes, in numbers of a kind.

        ``of`` are other combinations of the same columns, which keep these in numbers of seven digits.
        """
        rho, scale, shift = at
        source = self if self.weights is None or of is None else of
        both, beside = source._short if kind == np.float32 else (source.both.T, source._beside)
        # over σ, products are not too large for numbers of seven digits
        coordinates, half = shift * scale, len(both) // 2
        if self.weights is not None:
            weights = self.weights * scale
            by_errors = np.concatenate([weights, weights * -rho]).T.astype(kind)
            by_lag = np.concatenate([weights, coordinates]).T.astype(kind)
        else:
            by_errors, by_lag = np.stack([scale, -rho * scale], axis=1).astype(kind), coordinates.T.astype(kind)
        further = None if self.further is None else (self.further * scale).T.astype(kind)

        def form(block: slice, out: tuple[FloatArray, FloatArray]) -> None:
            errors, wy = out
            if self.weights is not None:
                np.matmul(by_errors[block], both, out=errors)
                np.matmul(by_lag[block], beside, out=wy)
            else:
                level, lagged = both[:half][block], both[half:][block]
                own = by_errors[block]
                np.add(own[:, :1] * level, own[:, 1:] * lagged, out=errors)
                np.matmul(by_lag[block], beside[half:], out=wy)
                wy += own[:, :1] * lagged
            if further is not None:
                errors += further[block] @ beside[half:]

        return form

    @cached_property
    def _beside(self) -> FloatArray:
        """Wy less its projections, and the basis, shape (J + k, N·T′)."""
        return np.concatenate([self.lagged, self.basis], axis=1).T

    @cached_property
    def _short(self) -> tuple[FloatArray, FloatArray]:
        """Columns of y and Wy, and `_beside`, in numbers of seven digits."""
        return np.asarray(self.both.T, dtype=np.float32), np.asarray(self._beside, dtype=np.float32)

    def by_unit(self, weights: FloatArray, n: int) -> Projected:
        """Return outcomes whose residuals are sums by unit of these ones' times weights, shape (N·T′,)."""

        def sums(columns: FloatArray) -> FloatArray:
            return np.asarray(np.matmul(weights.reshape(n, 1, -1), columns.reshape(n, -1, columns.shape[1]))[:, 0])

        return replace(self, both=sums(self.both), basis=sums(self.basis), gram=None)
