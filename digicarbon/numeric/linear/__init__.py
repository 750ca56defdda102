"""Least squares, within transformations and their standard errors."""
