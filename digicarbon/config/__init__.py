"""Configuration files: where they are, what they say, and how a run's values are put together."""
