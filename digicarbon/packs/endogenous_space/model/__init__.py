"""Spatial models with instruments."""
