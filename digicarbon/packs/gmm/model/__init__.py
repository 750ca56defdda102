"""Dynamic panels by the generalised method of moments."""
