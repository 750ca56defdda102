"""Spatial panels with gaps, or with weights of each period."""
