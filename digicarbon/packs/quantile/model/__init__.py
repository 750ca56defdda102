"""Quantile regressions with unit effects."""
