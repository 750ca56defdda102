"""Mediation on arrays."""
