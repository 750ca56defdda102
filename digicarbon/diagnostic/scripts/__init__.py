"""Diagnostics as parts of scripts: plain R after the model's part, and commands of Stata."""
