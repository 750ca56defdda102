"""What tables say below them of residuals."""
