"""What each estimator equals in R and Stata, a file per estimator and tool; nothing here computes a number of a run."""
