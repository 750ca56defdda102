"""Regressions that filter dependence in space by eigenvectors of the weights."""
