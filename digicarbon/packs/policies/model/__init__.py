"""Estimators of a policy's effects."""
