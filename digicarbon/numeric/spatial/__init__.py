"""Spatial weights as arrays, spatial likelihoods and effects."""
