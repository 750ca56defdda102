"""Regressions whose coefficients change at a threshold."""
