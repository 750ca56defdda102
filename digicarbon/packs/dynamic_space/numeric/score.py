"""The expected score of a dynamic spatial panel with fixed effects, and what corrects it.

Notation: S = I - ρW, A = S⁻¹(τI + ηW), D = (1 - τ)I - (ρ + η)W; of an eigenvalue ω of W they have s = 1 - ρω, u = 1/s,
a = (τ + ηω)u. The parameters are always in the order (ρ, τ, η).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from digicarbon.arrays import BoolArray, FloatArray
from digicarbon.packs.dynamic_space.numeric.spectrum import Spectrum, Values


@dataclass(frozen=True, eq=False)
class Expected:
    """The expectation of z_a′Qv/σ² for a = ρ, τ, η, and its derivatives."""

    phi: FloatArray
    """Shape (M, 3)."""
    slope: FloatArray
    """Symmetric: φ is the gradient of a function, shape (M, 3, 3)."""


def expected_score(theta: FloatArray, spectrum: Spectrum, t: int) -> Expected:
    """Return the exact expectation of the score's quadratic part, conditional on the first outcome.

    ``theta``: shape (M, 3). ``t``: periods after the first one.

    With y_{-1} = m + Lv and Q = (I - 11′/T) ⊗ J the expectation is tr QL, whatever the first outcome is. For an
    eigenvalue, L is u times the strictly lower triangular Toeplitz matrix B of powers of a, for Wy it is ωu(I + aB),
    and tr((I - 11′/T)B) = -g(a) with g(a) = Σ_h (T - 1 - h) aʰ/T. Hence φ_τ = -Σ u g, φ_η = -Σ ωu g and φ_ρ = Σ ωu
    ((T - 1) - a g).
    """
    nodes = spectrum.nodes
    u, a = _roots(theta, nodes)
    g, dg = _kernel(a, t)
    square = u * u
    ag, k = a * g, square * dg
    sg = square * g
    b = sg + a * k
    sums = spectrum.sums(
        np.concatenate([u * g, u * ((t - 1) - ag), k, b, square * (t - 1) - a * (sg + b)]).reshape(5, len(theta), -1)
    )
    phi = np.column_stack([sums[1, :, 1], -sums[0, :, 0], -sums[0, :, 1]])
    return Expected(phi, _matrices(sums[4, :, 2], -sums[3, :, 1:], -sums[2]))


def score_variance(theta: FloatArray, spectrum: Spectrum, t: int) -> FloatArray:
    """Return tr QL_aQL_b, by which the variance of the score exceeds z_a′Qz_b/σ² under normal errors, shape (M, 3, 3).

    For an eigenvalue tr MBMB = κ(a) = g² - 2g′ with M = I - 11′/T, and tr MBM = -g.
    """
    u, a = _roots(theta, spectrum.nodes)
    g, dg = _kernel(a, t)
    kappa, square = g * g - 2 * dg, u * u
    mixed = a * kappa - g
    sums = spectrum.sums(
        np.concatenate([square * kappa, square * mixed, square * ((t - 1) - a * g + a * mixed)]).reshape(
            3, len(theta), -1
        )
    )
    return _matrices(sums[2, :, 2], sums[1, :, 1:], sums[0])


def _matrices(first: FloatArray, crossed: FloatArray, others: FloatArray) -> FloatArray:
    """Return symmetric matrices, shape (M, 3, 3), from their ρρ, shape (M,), ρτ and ρη, (M, 2), and ττ, τη and ηη."""
    out = np.empty((len(first), 3, 3))
    out[:, 0, 0] = first
    out[:, 0, 1:] = out[:, 1:, 0] = crossed
    out[:, 1, 1:], out[:, 2, 1:] = others[:, :2], others[:, 1:]
    return out


def largest_root(theta: FloatArray, ends: Values) -> FloatArray:
    """Return the largest modulus of A's roots, shape (M,).

    Between two real eigenvalues of W the root of A is a monotone function of theirs, as long as I - ρW is regular.
    """
    _, a = _roots(theta, ends)
    return np.asarray(np.abs(a).max(axis=1))


def regular(theta: FloatArray, ends: Values) -> BoolArray:
    """Return whether every root of I - ρW has a positive real part, shape (M,)."""
    return np.asarray(((1 - theta[:, :1] * ends).real > 0).all(axis=1))


def long_run(theta: FloatArray, spectrum: Spectrum) -> FloatArray:
    """Return tr D⁻¹, tr WD⁻¹ and tr W²D⁻² …: sums of d, ωd, and of d², ωd², ω²d² with d = 1/(1 - τ - (ρ + η)ω).

    The result has shape (M, 5).
    """
    d = 1 / (1 - theta[:, 1:2] - (theta[:, :1] + theta[:, 2:]) * spectrum.nodes)
    first, second = spectrum.sums(d), spectrum.sums(d * d)
    return np.concatenate([first[:, :2], second], axis=1)


def _roots(theta: FloatArray, nodes: Values) -> tuple[Values, Values]:
    """Return u and a at each eigenvalue, each of shape (M, m)."""
    u = 1 / (1 - theta[:, :1] * nodes)
    return u, (theta[:, 1:2] + theta[:, 2:] * nodes) * u


def _kernel(a: Values, t: int) -> tuple[Values, Values]:
    """Return g(a) and its derivative by Horner's rule."""
    g, dg = np.full_like(a, 1 / t), np.zeros_like(a)
    for h in range(t - 3, -1, -1):
        dg *= a
        dg += g
        g *= a
        g += (t - 1 - h) / t
    return g, dg
