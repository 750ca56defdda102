"""Reports of the influence of clusters."""
