"""What the pack's models and diagnostics are in R and Stata."""
