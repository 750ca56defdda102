"""Numeric functions: arrays in, small frozen dataclasses out."""
