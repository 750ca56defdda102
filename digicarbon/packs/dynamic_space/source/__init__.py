"""Simulated panels with a known truth."""
