"""Regressors and instruments that are shares times shocks."""
