"""What is made of all runs of a sweep."""
