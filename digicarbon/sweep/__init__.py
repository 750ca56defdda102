"""A sweep: its runs are fitted, recorded and reported."""
