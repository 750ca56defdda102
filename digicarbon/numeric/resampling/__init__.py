"""Permutations, bootstraps and the null models that they draw from."""
