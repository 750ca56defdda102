"""Tests of a spatial model against a rival that it does not contain, with p values of the wild bootstrap of units."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.stats import norm

from digicarbon.arrays import FloatArray
from digicarbon.packs.which_weights.numeric.profile import Fit, Profile
from digicarbon.packs.which_weights.numeric.space import LAG_OF_ERROR, LAG_OF_Y, ChoiceKind

RIVAL_OF_J: tuple[ChoiceKind, ...] = ("slx", "sar", "sdm")
"""Rivals whose prediction has a part that instruments explain and that a regression without lags does not have."""
DEPENDENT = 1e-10
"""A part of a column's square below this share is rounding."""
CONTAINS: dict[ChoiceKind, frozenset[ChoiceKind]] = {
    "ols": frozenset({"ols"}),
    "slx": frozenset({"ols", "slx"}),
    "sar": frozenset({"ols", "sar"}),
    "sem": frozenset({"ols", "sem"}),
    "sdm": frozenset({"ols", "slx", "sar", "sem", "sdm"}),
    "sdem": frozenset({"ols", "slx", "sem", "sdem"}),
}
"""Which kinds a kind contains for the same W, if all regressors are lagged."""


def contains(wide: ChoiceKind, narrow: ChoiceKind, every: bool) -> bool:
    """Return whether a kind contains another one with the same W; ``every``: all regressors are lagged.

    The combined model contains the lag and the error model, the Durbin model the latter only if all are lagged.
    """
    if wide == "sac":
        return narrow in ("sar", "sem", "sac")
    return every if (wide, narrow) == ("sdm", "sem") else narrow in CONTAINS[wide]


@dataclass(frozen=True)
class Rival:
    """A model against a rival; the model is the null hypothesis.

    ``gain``: the rival's log-likelihood less the model's. ``gain_p``: share of bootstrap samples of the model in which
    the gain is at least as large (Cox's test by simulation). ``j``: t of the rival's prediction in the model, by
    two-stage least squares. ``j_normal``, ``j_p``: two-sided p of j: of the normal distribution, and of the bootstrap.
    """

    gain: float
    gain_p: float
    j: float
    j_normal: float
    j_p: float


def against(model: Profile, rival: Profile, y: FloatArray, signs: FloatArray) -> Rival:
    """Return the tests of a model against a rival of the same regressors and sample, with the same or another W.

    The outcome has shape (R,), its effects are removed; signs, shape (M, N), weigh each draw and unit.

    Samples are made by the model with its residuals, all periods of a unit times one sign (Burridge & Fingleton 2010
    resample residuals of cross-sections). The gain is Cox's statistic, whose distribution is simulated (Pesaran &
    Pesaran 1993). J is that of Kelejian (2008) and Kelejian & Piras (2011): the model's equation, filtered by its
    error process at the estimated λ, gets the rival's prediction y - ê; instruments are the regressors and their lags
    by both W.
    """
    fit = model.fit(y)
    drawn = fit.residuals.reshape(signs.shape[1], -1, 1) * signs.T[:, None, :]
    drawn = model.space.lags.centre(drawn.reshape(signs.shape[1], -1)).reshape(len(y), -1)
    samples = np.column_stack([y, model.unfiltered(fit, drawn)])
    own, other = model.maximum(samples), rival.maximum(samples)
    gains = other.loglik - own.loglik
    j = _j(model, rival, fit, samples, other.spatial) if rival.kind in RIVAL_OF_J else np.full(len(gains), np.nan)
    return Rival(
        gain=float(gains[0]),
        gain_p=_share(_less_expected(gains, model.estimates(samples, own, fit.spatial))),
        j=float(j[0]),
        j_normal=float(2 * norm.sf(abs(j[0]))),
        j_p=_share(np.abs(j)),
    )


def _less_expected(gains: FloatArray, estimates: FloatArray) -> FloatArray:
    """Return gains less what the model's estimates let expect, as Cox's statistic is: the sample first, then the draws.

    The expected gain is a function of the parameters. Near the estimates it is linear, and since maximum likelihood is
    efficient its slopes are those of a regression of the draws' gains on the draws' estimates. Without this a sample
    with a large ρ̂ by chance would be compared with draws whose gain is lower altogether.
    """
    gaps = estimates[1:] - estimates[0]
    scale = gaps.std(axis=0)
    columns = np.column_stack([np.ones(len(gaps)), gaps[:, scale > 0] / scale[scale > 0]])
    slopes, _, rank, _ = np.linalg.lstsq(columns, gains[1:], rcond=None)
    left = gains[1:] - columns @ slopes
    return np.concatenate([[gains[0] - slopes[0]], left * np.sqrt(len(left) / max(len(left) - rank, 1))])


def _share(values: FloatArray) -> float:
    """Return the share of all values, the first one among them, that are at least as large as the first."""
    if not np.isfinite(values[0]):
        return float("nan")
    # equal samples differ by rounding
    return float((values >= values[0] - 1e-9 * max(1.0, abs(values[0]))).mean())


def _j(model: Profile, rival: Profile, fit: Fit, y: FloatArray, of_rival: FloatArray) -> FloatArray:
    """Return t of the rival's prediction in each sample, shape (M,); not-a-number where it adds nothing."""
    rho = of_rival if rival.kind in LAG_OF_Y else np.zeros(y.shape[1])
    lam = fit.spatial if model.kind in LAG_OF_ERROR else 0.0
    left = y - rho * rival.space.lag(y)
    predicted = y - (left - rival.basis @ (rival.basis.T @ left))
    level, lagged = model.columns
    z = level - lam * lagged

    def filtered(columns: FloatArray) -> FloatArray:
        return columns - lam * model.space.lag(columns) if lam else columns

    tools = [model.space.level, model.space.lagged, rival.space.level, rival.space.lagged, z]
    basis = _basis(np.column_stack(tools))
    of_z = np.linalg.qr(basis.T @ z)[0]

    def inside(columns: FloatArray) -> FloatArray:
        coordinates = basis.T @ columns
        return np.asarray(coordinates - of_z @ (of_z.T @ coordinates))

    own = filtered(y)
    added = [filtered(predicted)]
    if model.kind in LAG_OF_Y:
        added.append(model.space.lag(y))
    parts = np.stack([inside(one) for one in added])
    cross = np.einsum("ahm,bhm->mab", parts, parts)
    right = np.einsum("ahm,hm->ma", parts, inside(own))
    determinant = np.linalg.det(cross)
    clear = determinant > DEPENDENT * np.prod([(one**2).sum(axis=0) for one in added], axis=0)
    cross[~clear] = np.eye(len(added))
    slope = np.linalg.solve(cross, right[..., None])[..., 0]
    rest = own - np.einsum("ma,arm->rm", slope, np.stack(added))
    # β of two-stage least squares: z is among its own instruments
    q = np.linalg.qr(z)[0]
    e = rest - q @ (q.T @ rest)
    degrees = model.space.sample.size - z.shape[1] - len(added)
    variance = np.linalg.inv(cross)[:, 0, 0] * (e**2).sum(axis=0) / degrees
    return np.where(clear, slope[:, 0] / np.sqrt(variance), np.nan)


def _basis(columns: FloatArray) -> FloatArray:
    """Return an orthonormal basis of columns, some of which depend on others."""
    scaled = columns / np.maximum(np.linalg.norm(columns, axis=0), 1e-300)
    left, values, _ = np.linalg.svd(scaled, full_matrices=False)
    return np.asarray(left[:, values > 1e-8 * values[0]])


def vuong(first: FloatArray, second: FloatArray, more: float = 0.0) -> tuple[float, float]:
    """Return Vuong's (1989) test from the units' parts, shape (N,), of two log-likelihoods; nan where they are equal.

    It is that two models are equally far from the truth: z, positive where the first one is closer, and its two-sided
    p. ``more`` is Schwarz's correction of the difference, (k₁ - k₂)/2 · ln(observations).
    """
    gap = first - second
    spread = float(gap.std(ddof=1)) * float(np.sqrt(len(gap)))
    if spread <= 1e-9 * max(1.0, float(np.abs(first).max())):
        return float("nan"), float("nan")
    z = (float(gap.sum()) - more) / spread
    return z, float(2 * norm.sf(abs(z)))
