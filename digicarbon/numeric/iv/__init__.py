"""Instrumental variables."""
