"""Spatial errors by generalised moments: a filter of u = λWu + ε, and instruments for what it is filtered from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import scipy

from digicarbon.arrays import FloatArray
from digicarbon.errors import EstimationError
from digicarbon.note import Note
from digicarbon.numeric.linear.least_squares import solve
from digicarbon.numeric.linear.within import EffectsKind, absorbed_count, singular
from digicarbon.numeric.spatial.likelihood import END

Rule = Literal["classic", "robust"]

NOTHING, SAME = 1e-10, 1e-4
"""Size up to which a moment's matrix is only rounding, and sine of the angle up to which two of them are one."""
TIE = 1e-10
"""Relative size of moments that are zero but for rounding."""
MOST_RANGES = 1e4
"""The largest standard error of λ, in ranges of it, that is more than rounding."""
EXACT = 1e-10
"""Share of the outcome, as a standard deviation, up to which residuals are only rounding; of these, their lag."""


@dataclass(frozen=True, eq=False)
class ErrorFit:
    """A model with a spatial error."""

    coef: FloatArray
    """Shape (k,)."""
    lam: float
    """λ."""
    covariance: FloatArray
    """Of the coefficients and λ, shape (k + 1, k + 1)."""
    innovations: FloatArray
    """ε with fixed effects removed, shape (T, N)."""
    sigma2: float
    boundary: bool
    """Whether λ lies at an end of its range."""


@dataclass(frozen=True, eq=False)
class QuadraticMoments:
    """The moments E ε′Aε = 0 of matrices A whose diagonals are zero among what effects leave of ε."""

    matrices: tuple[scipy.sparse.csr_array, ...]
    """W′W and W, each less a diagonal; one of them where the other one says nothing beside it. Shape (N, N)."""
    products: tuple[FloatArray | scipy.sparse.csr_array, ...]
    """C_i∘C_j with C = A + A′ between unit means of periods, of the pairs i ≤ j, shape (N, N)."""
    share: float
    """Share of the variance of a product of two units' errors that effects of units leave."""

    @classmethod
    def of(cls, w: scipy.sparse.csr_array, t: int, effects: EffectsKind) -> QuadraticMoments:
        """Return the moments of W in a panel of T periods.

        Raises EstimationError if they say nothing about λ.

        Without effects of periods a diagonal of zero makes E ε′Aε zero whatever the variances of ε are (Kelejian &
        Prucha 2010). Beside them J = I - 11′/N stands on both sides of A, so that d solves diag(J(A - diag d)J) = 0.

        Where W has two eigenvalues among what effects leave, as with equal weights in groups of equal size, W′W is a
        combination of W and I: both moments are one, and their covariance is singular. Then W's moment is taken alone;
        in the range of λ it has one zero.
        """
        by_time = effects in ("time", "two_way")
        if by_time and w.shape[0] < 3:
            # one number is left in each period
            raise EstimationError(Note("moments_flat"))
        raw = [scipy.sparse.csr_array(a) for a in (w.T @ w, w)]
        found = [_without_diagonal(a, by_time) for a in raw]
        both = [_symmetric(a, by_time) for a in found]
        sizes = [float(np.sqrt(_product(one, one).sum())) for one in both]
        kept = [i for i in (0, 1) if sizes[i] > NOTHING * float(np.sqrt((raw[i] ** 2).sum()))]
        if len(kept) == 2:
            cosine = float(_product(both[0], both[1]).sum()) / (sizes[0] * sizes[1])
            kept = [1] if 1 - cosine**2 < SAME**2 else kept
        if not kept:
            raise EstimationError(Note("moments_flat"))
        products = tuple(_product(both[i], both[j]) for i in kept for j in kept if i <= j)
        share = 1 - 1 / t if effects in ("unit", "two_way") else 1.0
        return cls(tuple(found[i] for i in kept), products, share)

    def polynomial(self, u: FloatArray, lagged: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return g and G, shapes (m,) and (m, 2): the moments of u - λWu are g - G(λ, λ²)′.

        ``u``, ``lagged``: residuals and their lag, effects removed, shape (T, N).
        """
        g, slopes = np.empty(len(self.matrices)), np.empty((len(self.matrices), 2))
        for s, a in enumerate(self.matrices):
            of_u, of_lag = (a @ u.T).T, (a @ lagged.T).T
            g[s] = np.vdot(u, of_u)
            slopes[s] = np.vdot(lagged, of_u) + np.vdot(u, of_lag), -np.vdot(lagged, of_lag)
        return g, slopes

    def variance(self, squares: FloatArray) -> FloatArray:
        """Return the covariance of the moments, shape (m, m), from variances of ε, shape (T, N)."""
        values = [0.5 * self.share * float(np.vdot(squares, (product @ squares.T).T)) for product in self.products]
        if len(values) == 1:
            return np.array([values])
        one, cross, two = values
        return np.array([[one, cross], [cross, two]])

    def gradient(self, columns: FloatArray, errors: FloatArray) -> FloatArray:
        """Return the derivatives of the moments in coefficients, shape (m, k): -Z′(A + A′)ε.

        ``columns``: shape (T, N, k). ``errors``: shape (T, N).
        """
        flat = columns.reshape(-1, columns.shape[2])
        return np.stack([-(((a + a.T) @ errors.T).T.ravel() @ flat) for a in self.matrices])


def _without_diagonal(a: scipy.sparse.csr_array, by_time: bool) -> scipy.sparse.csr_array:
    n = a.shape[0]
    d = a.diagonal()
    if by_time:
        # diag(JAJ) and its sum; what of a diagonal D is left is (1 - 2/N) d + sum(d)/N²
        rows, columns = (np.asarray(a.sum(axis=axis)).ravel() / n for axis in (1, 0))
        own = d - rows - columns + rows.sum() / n
        total = own.sum() / (1 - 1 / n)
        d = (own - total / n**2) / (1 - 2 / n)
    return scipy.sparse.csr_array(a - scipy.sparse.diags_array(d))


def _symmetric(a: scipy.sparse.csr_array, by_time: bool) -> FloatArray | scipy.sparse.csr_array:
    both = scipy.sparse.csr_array(a + a.T)
    if not by_time:
        return both
    dense = both.toarray()
    dense = dense - dense.mean(axis=0)
    return np.asarray(dense - dense.mean(axis=1, keepdims=True))


def _product(
    first: FloatArray | scipy.sparse.csr_array, second: FloatArray | scipy.sparse.csr_array
) -> FloatArray | scipy.sparse.csr_array:
    """Return the products of the elements of two matrices that are both dense or both sparse."""
    if isinstance(first, np.ndarray):
        return np.asarray(first * second)
    return scipy.sparse.csr_array(first.multiply(second))


def smallest(g: FloatArray, slopes: FloatArray, weights: FloatArray, bounds: tuple[float, float]) -> tuple[float, bool]:
    """Return the λ in a range at which m′Vm is smallest, m = g - G(λ, λ²)′, and whether it is an end of the range.

    ``g``: shape (m,). ``slopes``: G, shape (m, 2). ``weights``: V, shape (m, m).

    m′Vm is a polynomial of the fourth degree: its smallest value is at a root of its derivative, or at an end. Of
    values that are equal but for rounding, the λ nearest to zero counts, whatever the order of units. Where all moments
    are zero at an end, it is a root of a high order, which rounding moves: one beside such an end is the end.
    """
    # coefficients of 1, λ, λ² in each moment
    m = np.column_stack([g, -slopes])
    inner = m.T @ weights @ m
    quartic = np.array([inner[2, 2], 2 * inner[1, 2], 2 * inner[0, 2] + inner[1, 1], 2 * inner[0, 1], inner[0, 0]])
    roots = np.roots(np.polyder(quartic))
    low, high = bounds
    inside = [float(root.real) for root in roots if abs(root.imag) < 1e-9 and low < root.real < high]
    places = np.array([low, high, *inside])
    values = np.polyval(quartic, places)
    rounding = TIE * np.polyval(np.abs(quartic), np.abs(places))
    least = int(np.argmin(values))
    tied = values <= values[least] + rounding
    best = float(min(places[tied], key=abs))
    ends = [end for end, is_tied in zip(bounds, tied[:2], strict=True) if is_tied]
    best = next((end for end in ends if abs(best - end) < END * (high - low)), best)
    return best, best in bounds


def fit_error_moments(
    columns: FloatArray,
    lagged: FloatArray,
    h: FloatArray | None,
    moments: QuadraticMoments,
    effects: EffectsKind,
    bounds: tuple[float, float],
    rule: Rule,
) -> ErrorFit:
    """Fit y = Zδ + u, u = λWu + ε, by instruments and generalised moments.

    ``columns``, shape (T, N, k + 1): Z and y, effects removed. ``lagged``: their lags by the weights of the error,
    effects removed after the lag. ``h``, shape (T, N, q): exogenous regressors and instruments; None where all of Z are
    exogenous: least squares then. ``bounds``: of λ. ``rule``: equal variances of ε, or any. An EstimationError says
    that no errors are left, before or after the filter, the moments say nothing about λ at its estimate, or filtered
    regressors depend on each other there, as they may at an end of its range.

    Kelejian & Prucha (2010) and Arraiz, Drukker, Kelejian & Prucha (2010), one round: δ by instruments, λ by moments of
    equal weights, δ from columns filtered by it, λ by moments with efficient weights. Fixed effects as in Mutl &
    Pfaffermayr (2011): instruments and moments of columns without effects; variances of ε are those of residuals times
    rows over rows less effects.
    """
    (t, n, _), k = columns.shape, columns.shape[2] - 1
    rows = t * n
    left = rows - absorbed_count(n, t, effects)
    z, y = columns[..., :k].reshape(rows, k), columns[..., k].ravel()
    basis = None if h is None else np.linalg.qr(h.reshape(rows, -1))[0]

    def residuals(coef: FloatArray) -> tuple[FloatArray, FloatArray]:
        return columns[..., k] - columns[..., :k] @ coef, lagged[..., k] - lagged[..., :k] @ coef

    def variances(errors: FloatArray) -> FloatArray:
        if rule == "robust":
            return np.asarray(errors**2 * (rows / left))
        return np.full(errors.shape, float(np.vdot(errors, errors)) / left)

    def psi(errors: FloatArray, filtered: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
        """Return the weights P of H′ε in δ, variances of ε, a = HPα and the covariance of the moments of λ."""
        flat, squares = filtered.reshape(rows, k), variances(errors)
        used = np.linalg.qr(flat)[0] if basis is None else basis
        p = np.linalg.pinv(used.T @ flat).T
        alpha = np.zeros((len(moments.matrices), k)) if basis is None else moments.gradient(filtered, errors)
        a = used @ p @ alpha.T
        return used @ p, squares, a, moments.variance(squares) + (a * squares.reshape(rows, 1)).T @ a

    def refuse_singular(filtered: FloatArray, lam: float) -> None:
        flat = filtered.reshape(rows, k)
        if singular(flat if basis is None else basis.T @ flat, columns[..., :k].reshape(rows, k)):
            raise EstimationError(Note("moments_singular", value=lam))

    def left_over(lam: float) -> FloatArray:
        errors = u - lam * of_lag
        if np.linalg.norm(errors) <= EXACT * np.linalg.norm(y):
            raise EstimationError(Note("moments_without_errors", value=lam))
        return np.asarray(errors)

    def by_instruments(z: FloatArray, y: FloatArray) -> FloatArray:
        if basis is not None:
            z, y = basis.T @ z, basis.T @ y
        return solve(z, y)

    u, of_lag = residuals(by_instruments(z, y))
    if np.linalg.norm(u) <= EXACT * np.linalg.norm(y):
        raise EstimationError(Note("no_errors_left"))
    if np.linalg.norm(of_lag) <= EXACT * np.linalg.norm(u):
        # a filter changes nothing of these residuals
        raise EstimationError(Note("moments_flat"))
    lam, _ = smallest(*moments.polynomial(u, of_lag), np.eye(len(moments.matrices)), bounds)
    filtered = columns - lam * lagged
    refuse_singular(filtered[..., :k], lam)
    coef = by_instruments(filtered[..., :k].reshape(rows, k), filtered[..., k].ravel())
    u, of_lag = residuals(coef)
    weights = np.asarray(np.linalg.inv(psi(left_over(lam), filtered[..., :k])[3]), dtype=np.float64)
    g, slopes = moments.polynomial(u, of_lag)
    lam, end = smallest(g, slopes, weights, bounds)
    errors = left_over(lam)
    filtered = columns[..., :k] - lam * lagged[..., :k]
    refuse_singular(filtered, lam)
    p, squares, a, variance = psi(errors, filtered)
    scaled = p * squares.reshape(rows, 1)
    j = slopes @ np.array([1.0, 2 * lam])
    weighted = np.linalg.solve(variance, j)
    information = float(j @ weighted)
    # a standard error of thousands of ranges is rounding of moments that do not depend on λ
    if not information > (MOST_RANGES * (bounds[1] - bounds[0])) ** -2:
        raise EstimationError(Note("moments_flat"))
    of_lam = 1 / information
    cross = scaled.T @ a @ weighted * of_lam
    covariance = np.block([[scaled.T @ p, cross[:, None]], [cross[None, :], np.array([[of_lam]])]])
    return ErrorFit(coef, lam, covariance, errors, float(np.vdot(errors, errors)) / left, end)
