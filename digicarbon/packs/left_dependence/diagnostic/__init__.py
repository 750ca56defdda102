"""Diagnostics of what residuals have left."""
