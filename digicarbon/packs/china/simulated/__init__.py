"""The simulated study: provinces, cities and counties that are real, with random numbers."""
