"""From an experiment to checked runs."""
