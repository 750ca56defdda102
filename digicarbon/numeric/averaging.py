"""Averages of one estimate over models, weighted by how well the data support each model.

References
----------
Raftery, A. E. (1995), Bayesian Model Selection in Social Research, Sociological Methodology 25. George, E. I. (2010),
Dilution priors: Compensating for model space redundancy, IMS Collections 6. LeSage, J. P. (2014), Spatial
Econometric Panel Data Model Specification: A Bayesian Approach, Spatial Statistics 9. Likelihoods of dependent
observations: Pauli, F., Racugno, W. and Ventura, L. (2011), Bayesian composite marginal likelihoods, Statistica Sinica
21; Varin, C. and Vidoni, P. (2005), Biometrika 92; Gao, X. and Song, P. X.-K. (2010), JASA 105.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from digicarbon.arrays import FloatArray


@dataclass(frozen=True, eq=False)
class Averaged:
    """The estimate of a mixture of models.

    ``weights``: posterior probabilities of the models; their sum is one; shape (M,). ``within``: root of the weighted
    mean of squared standard errors: what one does not know given the model. ``between``: weighted standard deviation of
    the estimates: what one does not know of the model. ``positive``: probability that the effect is above zero; given a
    model it is 1 - p/2 on the side of the estimate. ``effective``: exp of the entropy of the weights: the number of
    equally likely models that are as uncertain.
    """

    weights: FloatArray
    mean: float
    within: float
    between: float
    positive: float
    effective: float

    @property
    def sd(self) -> float:
        """Standard deviation of the mixture."""
        return float(np.hypot(self.within, self.between))


def bic(loglik: FloatArray, parameters: FloatArray, observations: FloatArray) -> FloatArray:
    """Return Schwarz's criterion, k ln n − 2 ln L; arguments of shape (M,)."""
    return np.asarray(parameters * np.log(observations) - 2 * loglik)


def design_effect(clustered: FloatArray, classic: FloatArray) -> float:
    """Return k = tr(J H⁻¹) / p, by how much dependent errors enlarge the variances of p slopes on average.

    Both are covariances of the slopes of one fit, shape (p, p); it is not below 1. Twice the gain in ln L of p
    regressors without effect has the mean p k: to the power 1/k a likelihood is as sure as independent errors make it
    (Pauli, Racugno and Ventura 2011).
    """
    return max(1.0, float(np.trace(np.linalg.solve(classic, clustered))) / len(classic))


def powered(log_marginal: FloatArray, highest: FloatArray, k: float) -> FloatArray:
    """Return log marginal likelihoods whose likelihoods have the power 1/k; ``highest``: their log maxima.

    What the prior takes off for each parameter stays. Without a power, k = 1, no maxima are needed.
    """
    return log_marginal if k == 1 else np.asarray(log_marginal - (1 - 1 / k) * highest)


def log_dilution(x: FloatArray, power: float) -> float:
    """Return the logarithm of George's prior weight |R|ʰ of a model, R the correlation matrix of its regressors.

    Regressors have shape (n, k), their effects are removed; one or none gives 0, the weight of regressors without
    correlation. The power is h.
    """
    if power == 0 or x.shape[1] < 2:
        return 0.0
    centred = x - x.mean(axis=0)
    scaled = centred / np.linalg.norm(centred, axis=0)
    # the determinant of R is the squared product of the singular values
    values = np.linalg.svd(scaled, compute_uv=False)
    return float(power * 2 * np.log(np.maximum(values, np.finfo(float).tiny)).sum())


def average(estimates: FloatArray, se: FloatArray, p: FloatArray, log_weights: FloatArray) -> Averaged:
    """Return the mixture of M models with two-sided p values of their estimates.

    Log weights, up to a constant, are -BIC/2 or ln m(y), and those of the prior.
    """
    share = np.exp(log_weights - log_weights.max())
    share /= share.sum()
    mean = float(share @ estimates)
    known = share[share > 0]
    return Averaged(
        weights=share,
        mean=mean,
        within=float(np.sqrt(share @ se**2)),
        between=float(np.sqrt(max(float(share @ (estimates - mean) ** 2), 0.0))),
        positive=float(share @ np.where(estimates > 0, 1 - p / 2, p / 2)),
        effective=float(np.exp(-(known @ np.log(known)))),
    )


def inclusion(weights: FloatArray, columns: FloatArray) -> FloatArray:
    """Return the posterior probability of each value of a choice, shape (d,), by its columns of 0 and 1, (M, d)."""
    return np.asarray(weights @ columns)
