"""Specification tests and measures of association."""
