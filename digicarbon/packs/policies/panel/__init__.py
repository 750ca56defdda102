"""Columns that a panel makes from choices."""
