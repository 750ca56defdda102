"""Indices of several indicators."""
