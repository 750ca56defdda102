"""The equations of a mediation: mediators on x, the outcome on x, and the outcome on x and all mediators.

Notation: B the regressors without mediators, shape (rows, k), effects removed; M the mediators, shape (rows, m); f of
the columns of B are focal. a are the coefficients of focal columns in the equations of the mediators, b those of
mediators in the equation of the outcome, c' and c those of focal columns in the outcome with and without mediators.
Least squares on the same rows gives c = c' + Σ a_j b_j exactly.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import scipy

from digicarbon.arrays import FloatArray
from digicarbon.numeric.linear.least_squares import triangular


@dataclass(frozen=True, eq=False)
class Paths:
    """Least squares of all equations."""

    design: FloatArray
    """B, then M, shape (rows, k + m)."""
    k: int
    """Columns of B."""
    focal: tuple[int, ...]
    """Places of the f focal columns in B."""
    outcome: FloatArray
    """Coefficients of B and of the mediators (b) in the equation of the outcome, shape (k + m,)."""
    first: FloatArray
    """Coefficients of B in the equation of each mediator, shape (k, m)."""
    whole: FloatArray
    """Coefficients of B in the equation of the outcome without mediators, shape (k,)."""
    outcome_residuals: FloatArray
    first_residuals: FloatArray
    """Shape (rows, m)."""
    whole_residuals: FloatArray
    """`outcome_residuals`, `whole_residuals`: shape (rows,)."""
    root: FloatArray
    """P with PP' the inverse of the design's inner products; its first k rows and columns are those of B alone. Shape
    (k + m, k + m)."""

    @property
    def a(self) -> FloatArray:
        """Coefficients of focal columns in the equations of the mediators, shape (f, m)."""
        return self.first[list(self.focal)]

    @property
    def b(self) -> FloatArray:
        """Coefficients of mediators in the equation of the outcome, shape (m,)."""
        return self.outcome[self.k :]

    @property
    def direct(self) -> FloatArray:
        """Coefficients of focal columns beside the mediators, shape (f,)."""
        return self.outcome[list(self.focal)]

    @property
    def total(self) -> FloatArray:
        """Coefficients of focal columns without mediators, shape (f,)."""
        return self.whole[list(self.focal)]

    @cached_property
    def orthonormal(self) -> FloatArray:
        """An orthonormal basis of the design, shape (rows, k + m); its first k columns are one of B."""
        return self.design @ self.root

    @property
    def _small(self) -> FloatArray:
        """P of B alone."""
        return self.root[: self.k, : self.k]

    @cached_property
    def focal_influence(self) -> FloatArray:
        """B(B'B)⁻¹ of the focal columns, shape (rows, f): its product with an outcome is their coefficient."""
        return np.asarray(self.orthonormal[:, : self.k] @ self._small.T[:, list(self.focal)])

    @cached_property
    def outcome_influence(self) -> FloatArray:
        """Z(Z'Z)⁻¹ of the whole design, shape (rows, k + m)."""
        return np.asarray(self.orthonormal @ self.root.T)

    def influence(self, corrected: bool = False) -> FloatArray:
        """Return what each row adds to each parameter, shape (rows, k + m + fm + f).

        Parameters are those of the equation of the outcome, a by focal column and then by mediator, and c.
        ``corrected``: whether residuals are divided by one minus their leverages, as HC3 does.
        """
        basis = self.orthonormal
        own = 1 - (basis * basis).sum(axis=1) if corrected else np.ones(len(basis))
        small = basis[:, : self.k]
        others = 1 - (small * small).sum(axis=1) if corrected else own
        # (Z′Z)⁻¹z e of the outcome, (B′B)⁻¹b e of each mediator and of the outcome without mediators
        h = self.focal_influence
        first = h[:, :, None] * (self.first_residuals / others[:, None])[:, None, :]
        return np.hstack(
            [
                self.outcome_influence * (self.outcome_residuals / own)[:, None],
                first.reshape(len(h), -1),
                h * (self.whole_residuals / others)[:, None],
            ]
        )

    def classic(self, df_outcome: int, df_others: int) -> FloatArray:
        """Return the covariance of all parameters if errors of rows are independent and alike.

        Residuals of the outcome's equation are orthogonal to those of mediators, so that b is uncorrelated with a; c
        goes with both. Equations of different residual degrees of freedom have their geometric mean.
        """
        errors = np.column_stack([self.outcome_residuals, self.first_residuals, self.whole_residuals])
        roots = np.sqrt([df_outcome, *(df_others,) * (errors.shape[1] - 1)])
        sigma = errors.T @ errors / np.outer(roots, roots)
        places = list(self.focal)
        big, small = self.root @ self.root.T, (self._small @ self._small.T)[np.ix_(places, places)]
        across = big @ (self.design.T @ self.focal_influence)
        p, m, f = len(big), self.first.shape[1], len(places)
        out = np.empty((p + f * m + f,) * 2)
        out[:p, :p] = sigma[0, 0] * big
        mixed = sigma[1:, 1:]
        # blocks of a and c: the products of focal columns times those of equations
        out[p : p + f * m, p : p + f * m] = np.kron(small, mixed[:m, :m])
        out[p + f * m :, p + f * m :] = small * mixed[m, m]
        out[p : p + f * m, p + f * m :] = np.kron(small, mixed[:m, m:])
        out[:p, p : p + f * m] = np.kron(across, sigma[:1, 1 : 1 + m])
        out[:p, p + f * m :] = across * sigma[0, 1 + m]
        lower = np.tril_indices(len(out), -1)
        out[lower] = out.T[lower]
        return out


def paths(design: FloatArray, y: FloatArray, mediators: int, focal: tuple[int, ...]) -> Paths:
    """Fit all equations from one triangular factor.

    ``design``: regressors without mediators (a constant first), then mediators; effects removed, of full rank; shape
    (rows, k + m). ``y``: shape (rows,). ``mediators``: m. ``focal``: places of the focal columns among the first k.
    """
    p = design.shape[1]
    k = p - mediators
    factor = triangular(np.column_stack([design, y]))
    outcome, _ = scipy.linalg.lapack.dtrtrs(factor[:p, :p], factor[:p, p])
    # dtrtrs wakes all threads for more than one right-hand side, which costs more than the fit
    others = scipy.linalg.blas.dtrsm(1.0, factor[:k, :k], factor[:k, k:])
    root, _ = scipy.linalg.lapack.dtrtri(factor[:p, :p])
    first, whole = others[:, :-1], others[:, -1]
    return Paths(
        design,
        k,
        focal,
        outcome,
        first,
        whole,
        y - design @ outcome,
        design[:, k:] - design[:, :k] @ first,
        y - design[:, :k] @ whole,
        root,
    )


@dataclass(frozen=True, eq=False)
class Products:
    """Indirect effects a_j b_j, by focal column and mediator, and sums of them."""

    via: FloatArray
    """Shape (f, m)."""
    indirect: FloatArray
    """Over all mediators, shape (f,)."""
    shares: FloatArray
    """Of each indirect effect in the total one, shape (f, m)."""
    share: FloatArray
    """Their sum, shape (f,)."""
    covariance: FloatArray
    """Of the parameters of `Paths.influence`, then of ``via``, ``indirect``, ``shares`` and ``share``, shape (q, q)."""


def products(fit: Paths, covariance: FloatArray) -> Products:
    """Return indirect effects with the covariance of all, by the delta method, given that of `Paths.influence`."""
    f, m = fit.a.shape
    p = len(fit.outcome)
    q = p + f * m + f
    via = fit.a * fit.b
    indirect, total = via.sum(axis=1), fit.total
    with np.errstate(divide="ignore", invalid="ignore"):
        shares = via / total[:, None]
        share = indirect / total
        whole = np.zeros((q + 2 * f * m + 2 * f, q))
        np.fill_diagonal(whole, 1.0)
        of_via, of_sums, of_shares, of_share = np.split(whole[q:], np.cumsum([f * m, f, f * m]))
        for j in range(f):
            rows, of_total = slice(j * m, (j + 1) * m), p + f * m + j
            np.fill_diagonal(of_via[rows, fit.k : p], fit.a[j])
            np.fill_diagonal(of_via[rows, p + j * m : p + (j + 1) * m], fit.b)
            of_sums[j] = of_via[rows].sum(axis=0)
            of_shares[rows] = of_via[rows] / total[j]
            of_shares[rows, of_total] -= shares[j] / total[j]
            of_share[j] = of_sums[j] / total[j]
            of_share[j, of_total] -= share[j] / total[j]
        # a total effect of zero leaves shares without a number, and nothing else
        return Products(via, indirect, shares, share, whole @ covariance @ whole.T)


def sobel(a: FloatArray, b: FloatArray, se_a: FloatArray, se_b: FloatArray) -> dict[str, FloatArray]:
    """Return the textbook z statistics of Sobel (1982), Aroian (1947) and Goodman (1960), of the arguments' shape.

    The variance is a² s_b² + b² s_a², plus nothing, plus s_a² s_b², minus s_a² s_b²; not-a-number where it is not
    positive.
    """
    usual, both = a**2 * se_b**2 + b**2 * se_a**2, se_a**2 * se_b**2

    def z(variance: FloatArray) -> FloatArray:
        positive = variance > 0
        return np.asarray(np.where(positive, a * b / np.sqrt(np.where(positive, variance, 1.0)), np.nan))

    return {"sobel": z(usual), "aroian": z(usual + both), "goodman": z(usual - both)}
