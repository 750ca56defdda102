"""Diagnostics of the influence of clusters."""
