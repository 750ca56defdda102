"""Weights of made-up units."""

from __future__ import annotations

import digicarbon as dc


def lattice(rows: int, columns: int) -> dc.Weights:
    """Return weights of units that lie on a lattice and are neighbours where they share a side."""
    names = [[f"{row}-{column}" for column in range(columns)] for row in range(rows)]
    beside = [(names[row][column], names[row][column + 1]) for row in range(rows) for column in range(columns - 1)]
    below = [(names[row][column], names[row + 1][column]) for row in range(rows - 1) for column in range(columns)]
    return dc.Weights.from_edges([*beside, *below])
