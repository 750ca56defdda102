"""Selection on what is not observed, in proportion to selection on what is (Oster 2019)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from digicarbon.arrays import FloatArray
from digicarbon.packs.sensitivity.numeric.products import remaining

_REAL = 1e-8
"""Largest imaginary part, in proportion, of a root that is real to rounding."""


@dataclass(frozen=True, eq=False)
class Regressions:
    """A regression of y on x, and one on x and controls; each number is an array of shape (B,), a sample each.

    ``short``, ``long``: coefficients of x without and with controls. ``var_y``, ``var_x``: sums of squares, in place of
    variances: what follows depends on their ratios. ``var_rest``: that of x after the controls.
    """

    short: FloatArray
    long: FloatArray
    r2_short: FloatArray
    r2_long: FloatArray
    var_y: FloatArray
    var_x: FloatArray
    var_rest: FloatArray


def regressions(gram: FloatArray) -> Regressions:
    """Return both regressions from inner products, shape (B, k + 2, k + 2), of x, controls and y without effects."""
    last = gram.shape[-1] - 1
    rest = remaining(gram, [0, last], range(1, last))
    x, y, both = gram[:, 0, 0], gram[:, last, last], gram[:, 0, last]
    with np.errstate(divide="ignore", invalid="ignore"):
        long = rest[:, 0, 1] / rest[:, 0, 0]
        ssr = rest[:, 1, 1] - long * rest[:, 0, 1]
        return Regressions(both / x, long, both**2 / (x * y), 1 - ssr / y, y, x, rest[:, 0, 0])


def delta(found: Regressions, r_max: FloatArray, beta: float = 0.0) -> FloatArray:
    """Return how strong selection on what is not observed must be, relative to the controls, for a true coefficient.

    ``r_max``, shape (B,), is the R² of a regression with all that matters. Oster's proposition 3, as Stata's ``psacalc
    delta``.
    """
    nu, b = found.long - beta, found.short - found.long
    s, t = found.var_x, found.var_rest
    gained = (found.r2_long - found.r2_short) * found.var_y
    left = (r_max - found.r2_long) * found.var_y
    cubic = nu**3 * (t * s - t**2)
    above = nu * t * (gained + s * b**2) + 2 * nu**2 * t * b * s + cubic
    below = left * b * s + nu * left * (s - t) + nu**2 * t * b * s + cubic
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(above / below)


def adjusted(found: Regressions, r_max: FloatArray, selection: float = 1.0) -> FloatArray:
    """Return the coefficient, shape (B,), without the bias from what is not observed; ``selection`` is Oster's delta.

    The bias is b u, b the change of the coefficient by the controls, u a root of a cubic (of a quadratic where delta is
    1). Of several roots, it is the smallest positive one: the closest to the coefficient of the long regression among
    those by which the bias has the sign of b (Oster's assumption 3), as in ``psacalc`` and R's robomit. With delta 1
    there is exactly one. The polynomial is solved for 1/u, whose highest power never vanishes.
    """
    b, s, t = found.short - found.long, found.var_x, found.var_rest
    gained = (found.r2_long - found.r2_short) * found.var_y
    left = np.maximum(r_max - found.r2_long, 0.0) * found.var_y
    linear = selection * left * (s - t) - gained * t - s * t * b**2
    factor = np.zeros(len(b))
    # where controls change nothing, nothing is left to explain or there is no selection, there is no bias
    some = np.flatnonzero(np.isfinite(linear) & (left * selection * b != 0))
    first = (selection * left * s)[some]
    lower = (
        linear[some] / first,
        ((selection - 2) * t * s * b**2)[some] / first,
        ((selection - 1) * (t * s - t**2) * b**2)[some] / first,
    )
    if selection == 1:
        half = -lower[0] / 2
        root = np.sqrt(half**2 - lower[1])
        # the larger root, without the difference of two close numbers
        inverse = np.where(half > 0, half + root, -lower[1] / (root - np.minimum(half, 0.0) + (half > 0)))
    else:
        inverse = _largest(np.column_stack(lower))
    with np.errstate(divide="ignore"):
        factor[some] = 1 / inverse
    return np.asarray(np.where(np.isfinite(linear), found.long - b * factor, np.nan))


def _largest(lower: FloatArray) -> FloatArray:
    """Return the largest positive root of cubics, or else the largest one in absolute value, shape (B,).

    ``lower``, shape (B, 3), has the coefficients of the square, of the first power and of one; that of the cube is one.
    """
    companion = np.zeros((len(lower), 3, 3))
    companion[:, 0] = -lower
    companion[:, 1, 0] = companion[:, 2, 1] = 1
    roots = np.linalg.eigvals(companion)
    real = np.where(np.abs(roots.imag) <= _REAL * np.abs(roots), roots.real, 0.0)
    most = real.max(axis=1)
    biggest = np.take_along_axis(real, np.abs(real).argmax(axis=1)[:, None], axis=1)[:, 0]
    return np.asarray(np.where(most > 0, most, biggest))


def approximate(found: Regressions, r_max: FloatArray, selection: float = 1.0) -> FloatArray:
    """Return Oster's approximation of `adjusted`, shape (B,), for selection that is alike in all controls."""
    with np.errstate(divide="ignore", invalid="ignore"):
        share = (r_max - found.r2_long) / (found.r2_long - found.r2_short)
    return np.asarray(found.long - selection * (found.short - found.long) * share)
