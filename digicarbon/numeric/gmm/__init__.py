"""Generalised method of moments."""
