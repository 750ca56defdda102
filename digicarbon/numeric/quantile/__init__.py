"""Quantiles of an outcome whose location and scale are linear in the regressors."""
