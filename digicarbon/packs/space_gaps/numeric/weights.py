"""Weights of each period, one or several, as blocks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import scipy
from numpy.typing import NDArray

from digicarbon.arrays import BoolArray, FloatArray, IntArray
from digicarbon.errors import EstimationError
from digicarbon.note import Note
from digicarbon.numeric.spatial.likelihood import END
from digicarbon.numeric.spatial.operator import DenseOperator, find_balance

LARGE = 0.1
"""A ρ by which (I - ρW)⁻¹ - I can be divided without a loss of digits."""
SAME = 1e-12
"""The smallest eigenvalue of cosines between weights, or between their lags, from which they are told apart."""

STABLE = 1 - 2 * END
"""The largest root of Σ ρ_r W_r that is away from the end of its range, which is 1: as `near_end` says of one W."""


@dataclass(frozen=True, eq=False)
class Solved:
    """The inverse of I - Σ ρ_r W_r, shape (P, N, N), and W_r times it, shape (R, P, N, N)."""

    inverse: FloatArray
    g: FloatArray


def _refuse_same(blocks: FloatArray) -> None:
    """Raise if one of several weights is a combination of those before it."""
    flat = blocks.reshape(len(blocks), -1)
    size = np.linalg.norm(flat, axis=1)
    if not size.all():
        return
    cosines = flat @ flat.T / np.outer(size, size)
    for last in range(1, len(blocks)):
        values, vectors = np.linalg.eigh(cosines[: last + 1, : last + 1])
        if values[0] < SAME:
            others = tuple(str(place + 1) for place in np.flatnonzero(np.abs(vectors[:last, 0]) > np.sqrt(SAME)))
            of = {"key": "model.further_weights", "number": last + 1, "others": others}
            raise EstimationError(Note("weights_same" if len(others) == 1 else "weights_combined", **of))


class PeriodWeights:
    """Weights of each period as blocks, one or several in each.

    ``blocks``: R weights, each with P different blocks, without rows and columns of units that are not observed, shape
    (R, P, N, N). ``which``: the block of each period, shape (T,). ``present``: shape (T, N). Raises EstimationError if
    one of several weights is a combination of others.
    """

    def __init__(self, blocks: FloatArray, which: IntArray, present: BoolArray) -> None:
        self.blocks, self.which, self.present = blocks, which, present
        self.times = np.bincount(which, minlength=blocks.shape[1])
        if len(blocks) > 1:
            _refuse_same(blocks)

    @property
    def several(self) -> int:
        """Number of weights R."""
        return len(self.blocks)

    def lag(self, cube: FloatArray, place: int = 0) -> FloatArray:
        """Return Wx of one of the weights for x of shape (T, N, k)."""
        return np.asarray(self.blocks[place][self.which] @ cube)

    @cached_property
    def operators(self) -> list[DenseOperator]:
        """The blocks of the first weights that have a link, with their spectrum."""
        out = []
        for block in self.blocks[0]:
            balance = find_balance(scipy.sparse.csr_array(block)) if block.any() else None
            out.append(DenseOperator(block, None, balance))
        return out

    @cached_property
    def bounds(self) -> tuple[float, float]:
        """The interval around zero in which I - ρW is invertible in each period, of one W."""
        ends = [operator.bounds for operator in self.operators if operator.w.any()]
        return max(low for low, _ in ends), min(high for _, high in ends)

    @cached_property
    def isometric(self) -> bool:
        """Whether W′W = cI among the units of each period, with the same c, of one W: see `likelihood.twin`."""
        first = [int(np.flatnonzero(self.which == place)[0]) for place in range(self.blocks.shape[1])]
        grams = np.swapaxes(self.blocks[0], 1, 2) @ self.blocks[0]
        c = float(grams.trace(axis1=1, axis2=2).sum() / self.present[first].sum())
        wanted = c * np.eye(grams.shape[1]) * self.present[first][:, None]
        return c > 0 and bool(np.abs(grams - wanted).max() < 1e-9 * c)

    @cached_property
    def eigenvalues(self) -> NDArray[np.complex128]:
        """Eigenvalues of the blocks of one W, shape (P, N)."""
        return np.stack([np.asarray(operator.eigenvalues, dtype=np.complex128) for operator in self.operators])

    def log_determinant(self, rho: FloatArray) -> FloatArray:
        """Return Σ ln|I - ρW| over periods at places of ρ, shape (m,), of one W."""
        roots = np.abs(1.0 - rho[:, None, None] * self.eigenvalues)
        return np.asarray(np.log(roots).sum(axis=2) @ self.times)

    def filter(self, rho: FloatArray) -> FloatArray:
        """Return I - Σ ρ_r W_r, shape (P, N, N)."""
        return np.asarray(np.eye(self.blocks.shape[2]) - self.mixed(rho))

    def mixed(self, rho: FloatArray) -> FloatArray:
        """Return Σ ρ_r W_r, shape (P, N, N)."""
        return np.asarray((rho @ self.blocks.reshape(self.several, -1)).reshape(self.blocks.shape[1:]))

    def stable(self, rho: FloatArray) -> bool:
        """Return whether I - s Σ ρ_r W_r is invertible for each s from 0 to 1, so that the model is stable."""
        mixed = self.mixed(rho)
        if mixed.min(initial=0.0) >= 0:
            # the largest root of weights that are positive is no less than the least row sum among units with links
            linked = mixed.sum(axis=2) > 0
            least = np.where(linked, (mixed @ linked[..., None])[..., 0], np.inf).min(axis=1)
            if (np.isfinite(least) & (least >= 1.0)).any():
                return False
        return self.largest(rho) < 1.0

    def largest(self, rho: FloatArray) -> float:
        """Return the largest real part of the roots of Σ ρ_r W_r, or a number above it that is less than `STABLE`."""
        mixed = self.mixed(rho)
        # no root is larger than the largest row sum
        bound = float(np.abs(mixed).sum(axis=2).max())
        return bound if bound < STABLE else float(np.linalg.eigvals(mixed).real.max())

    def inverse(self, rho: FloatArray) -> FloatArray:
        """Return the inverse of `filter`, shape (P, N, N)."""
        return self.solved(rho).inverse

    def solved(self, rho: FloatArray) -> Solved:
        """Return the inverse of `filter` and G; those of the latest ρ are kept, which a fit needs several times."""
        key = rho.tobytes()
        known: tuple[bytes, Solved] | None = self.__dict__.get("_solved")
        if known is not None and known[0] == key:
            return known[1]
        inverse = np.asarray(np.linalg.inv(self.filter(rho)))
        if len(rho) == 1 and abs(float(rho[0])) > LARGE:
            # W(I - ρW)⁻¹ = ((I - ρW)⁻¹ - I)/ρ, which costs no product
            g = (inverse - np.eye(len(inverse[0])))[None] / rho[0]
        else:
            g = self.blocks @ inverse
        made = Solved(inverse, np.asarray(g))
        self.__dict__["_solved"] = key, made
        return made

    def g(self, rho: FloatArray) -> FloatArray:
        """Return W_r (I - Σ ρ_r W_r)⁻¹ in each period, shape (R, T, N, N)."""
        g = self.solved(rho).g
        # where all periods differ there is nothing to copy
        return g if len(self.which) == g.shape[1] else np.asarray(g[:, self.which])


def distinct(blocks: Sequence[FloatArray]) -> tuple[FloatArray, IntArray]:
    """Return different ones of each period's weights, shape (R, N, N) each, and which one a period has.

    Returns ``blocks``, shape (R, P, N, N); ``which``, shape (T,).
    """
    places: dict[bytes, int] = {}
    which = np.array([places.setdefault(block.tobytes(), len(places)) for block in blocks], dtype=np.int64)
    first = [int(np.flatnonzero(which == place)[0]) for place in range(len(places))]
    return np.ascontiguousarray(np.stack([blocks[place] for place in first], axis=1)), which
