"""What each model equals in R and Stata, a file per model and tool, and what parts of diagnostics share."""
