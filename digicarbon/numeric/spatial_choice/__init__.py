"""Comparison of spatial models and weights on arrays."""
