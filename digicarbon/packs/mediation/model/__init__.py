"""Effects of x on y along mediators."""
