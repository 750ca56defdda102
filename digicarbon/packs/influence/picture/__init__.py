"""Pictures of the influence of clusters."""
