"""Least squares whose slopes change where a variable passes a threshold."""
