"""The adjusted estimate of a single outcome: the steps of `estimator.Solver`, with plain numbers.

Arrays of a leading axis of one cost several times as much as the arithmetic on them.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import scipy

from digicarbon.arrays import FloatArray
from digicarbon.packs.dynamic_space.numeric.spectrum import Spectrum, Values

MOST_STEPS = 30
CLOSE = 2e-5
"""Newton step whose square is rounding."""
REACH = 1.25
"""Largest root of A up to which a maximum is sought: the score is exact for roots of 1 and more, too."""
HALVES, MOST_CUTS = 5, 5
"""Times that a step is halved to stay in the stable region, and steps that may need it before no maximum is there."""


class One:
    """The adjusted likelihood of one outcome. ``gram``: as those of `estimator.Solver.quasi`, shape (q + 1, q + 1)."""

    def __init__(self, gram: FloatArray, spectrum: Spectrum, t: int, size: int, active: Sequence[int]) -> None:
        self._zz, self._zy, self._yy = gram[:-1, :-1], gram[:-1, -1], float(gram[-1, -1])
        self._spectrum, self._t, self._size, self._active = spectrum, t, size, list(active)
        self._whole = len(self._active) == 3

    @property
    def gram(self) -> FloatArray:
        """Inner products of the lags."""
        return self._zz

    def stable(self, theta: FloatArray, below: float) -> bool:
        """Return whether the model is stable in the sample, its roots below a size."""
        rho, tau, eta = theta.tolist()
        ends = self._spectrum.ends
        if np.iscomplexobj(ends):
            left = 1 - rho * ends
            return bool(left.real.min() > 0 and np.abs((tau + eta * ends) / left).max() < below)
        for end in ends.tolist():
            left = 1 - rho * end
            if left <= 0 or abs(tau + eta * end) >= below * left:
                return False
        return True

    def of_rho(self) -> tuple[tuple[float, float, float], FloatArray, FloatArray]:
        """Return what the past leaves of y′y, y′Wy and (Wy)′Wy, and the coefficients of y and of Wy on it."""
        zz, zy = self._zz, self._zy
        a, b, c = self._yy, float(zy[0]), float(zz[0, 0])
        if len(zy) == 1:
            return (a, b, c), np.empty(0), np.empty(0)
        right = np.array([zy[1:], zz[0, 1:]]).T
        coef = scipy.linalg.lapack.dposv(zz[1:, 1:], right)[1]
        (aa, ab), (_, bb) = (right.T @ coef).tolist()
        return (a - aa, b - ab, c - bb), coef[:, 0], coef[:, 1]

    def lee_yu(self, theta: FloatArray, sigma2: float, trace: float, square: float, size: int) -> FloatArray:
        """Return the change by Lee & Yu's correction; trace and square are T tr G* and T tr G*²."""
        rho, tau, eta = theta.tolist()
        d = 1 / (1 - tau - (rho + eta) * self._spectrum.nodes)
        own, lag, _ = (d @ self._spectrum.powers).real.tolist()
        precision = self._zz / sigma2
        precision[0, 0] += square - 2 * trace**2 / size
        bias = np.array([lag, own, lag])[self._active]
        bias[0] -= trace * self._spectrum.count / size
        change = np.zeros(3)
        change[self._active] = np.linalg.solve(precision, bias)
        return change

    def sum_of_squares(self, theta: FloatArray) -> float:
        """Return what the errors' squares add up to."""
        own = theta if self._whole else theta[self._active]
        return self._yy + float((self._zz @ own - 2 * self._zy) @ own)

    def step(self, theta: FloatArray) -> tuple[FloatArray, bool]:
        """Return Newton's step from a point, and whether the likelihood is concave there."""
        own = theta if self._whole else theta[self._active]
        product = self._zz @ own
        scale = self._size / (self._yy + float((product - 2 * self._zy) @ own))
        pull = (self._zy - product) * scale
        phi, slope, _ = self.expected(theta)
        metric = self._zz * scale
        gradient = pull - phi
        precision = metric + slope - np.outer(pull, pull * (2 / self._size))
        found, failed = scipy.linalg.lapack.dposv(precision, gradient)[1:]
        if failed:
            found = scipy.linalg.lapack.dposv(metric, gradient)[1]
        if self._whole:
            return found, not failed
        out = np.zeros(3)
        out[self._active] = found
        return out, not failed

    def expected(self, theta: FloatArray, variance: bool = False) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Return φ, its slope and, if asked, tr QL_aQL_b of the active parameters; see `score`."""
        t, nodes = self._t, self._spectrum.nodes
        rho, tau, eta = theta.tolist()
        u = 1 / (1 - rho * nodes)
        a = (tau + eta * nodes) * u
        g, dg = _kernel(a, t)
        square, ag = u * u, a * g
        sg, k = square * g, square * dg
        b = sg + a * k
        rows = [u * g, u * ((t - 1) - ag), k, b, square * (t - 1) - a * (sg + b)]
        if variance:
            kappa = g * g - 2 * dg
            mixed = a * kappa - g
            rows += [square * kappa, square * mixed, square * ((t - 1) - ag + a * mixed)]
        s = (np.array(rows) @ self._spectrum.powers).real.tolist()
        phi = np.array([s[1][1], -s[0][0], -s[0][1]])
        slope = np.array(
            [[s[4][2], -s[3][1], -s[3][2]], [-s[3][1], -s[2][0], -s[2][1]], [-s[3][2], -s[2][1], -s[2][2]]]
        )
        extra = slope
        if variance:
            extra = np.array([[s[7][2], s[6][1], s[6][2]], [s[6][1], s[5][0], s[5][1]], [s[6][2], s[5][1], s[5][2]]])
        if self._whole:
            return phi, slope, extra
        both = np.ix_(self._active, self._active)
        return phi[self._active], slope[both], extra[both]


def climb_one(one: One, start: FloatArray) -> FloatArray | None:
    """Return the local maximum beside a start; None where there is none. See `estimator.Solver`."""
    theta, cuts = start, 0
    for _ in range(MOST_STEPS):
        step, concave = one.step(theta)
        moved = theta + step
        outside = not one.stable(moved, REACH)
        if outside:
            cuts += 1
            for _ in range(HALVES):
                step = step / 2
                moved = theta + step
                outside = not one.stable(moved, REACH)
                if not outside:
                    break
            if outside or cuts > MOST_CUTS:
                return None
        theta = moved
        if max(map(abs, step.tolist())) < CLOSE:
            return theta if concave else None
    return None


def _kernel(a: Values, t: int) -> tuple[Values, Values]:
    """Return g(a) and its derivative by Horner's rule."""
    if t == 2:
        return np.full_like(a, 0.5), np.zeros_like(a)
    g, dg = a * (1 / t), np.full_like(a, 1 / t)
    g += 2 / t
    for h in range(t - 4, -1, -1):
        dg *= a
        dg += g
        g *= a
        g += (t - 1 - h) / t
    return g, dg
