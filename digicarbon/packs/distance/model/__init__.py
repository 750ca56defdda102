"""Models in which spillovers fall with distance."""
