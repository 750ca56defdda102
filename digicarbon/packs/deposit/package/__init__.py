"""Recorded experiments as a package that a data editor can check: facts, documents, data, numbers, and a rebuild."""
