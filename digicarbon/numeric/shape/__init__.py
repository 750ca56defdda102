"""Turning points and influence."""
