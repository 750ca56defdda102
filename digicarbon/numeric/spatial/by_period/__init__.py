"""Spatial panels whose units or weights differ between periods, with one or several weights.

All that differs between periods is block-diagonal: cubes have the shape (T, N, k), with zeros where a unit is not
observed, and a block of weights has no row and no column of such a unit.
"""
