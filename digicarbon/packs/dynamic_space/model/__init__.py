"""Spatial panels with lags in time."""
