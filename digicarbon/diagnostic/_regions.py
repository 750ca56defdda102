"""Where an effect along a moderator is significant, in words."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from digicarbon.arrays import FloatArray
from digicarbon.note import Note
from digicarbon.numeric.shape.moderation import Piece, RegionKind, kind_of

WHERE: dict[RegionKind, str] = {
    "interval": "inside",
    "outside": "outside",
    "everywhere": "everywhere",
    "none": "nowhere",
    "pieces": "in parts",
}
"""Where an effect is significant, seen from the two ends of a row."""


def region(whole: tuple[Piece, ...], parts: tuple[Piece, ...], low: float, high: float) -> dict[str, Any]:
    """Return where on the whole line an effect is significant, and whether ends of it are beyond the data."""
    kind = kind_of(whole)
    if kind == "interval":
        ends = next((piece.low, piece.high) for piece in whole if piece.sign)
    elif kind == "outside":
        ends = next((piece.low, piece.high) for piece in whole if not piece.sign)
    else:
        ends = (math.nan, math.nan)
    if kind == "pieces":
        note = Note("significant_pieces", parts=tuple(_part(piece) for piece in whole if piece.sign))
    elif kind == "interval":
        note = Note("significant_interval", low=ends[0], high=ends[1])
    elif kind == "outside":
        note = _turn(whole) or Note("significant_outside", low=ends[0], high=ends[1])
    else:
        note = Note("significant_everywhere") if kind == "everywhere" else Note("significant_none")
    ends_of_parts = [piece.high for piece in whole[:-1]]
    if ends_of_parts and len(parts) == 1:
        # all ends are beyond: the sample is on one side of each
        sample = Note("significant_in_sample") if parts[0].sign else Note("significant_nowhere_in_sample")
        note = Note("roots_all_beyond", said=note, within=sample, low=low, high=high)
    elif not all(low <= end <= high for end in ends_of_parts):
        note = Note("roots_beyond", said=note, low=low, high=high)
    return {"significant": WHERE[kind], "low": ends[0], "high": ends[1], "note": note}


def region_within(parts: tuple[Piece, ...]) -> dict[str, Any]:
    """Return where in the data an effect is significant."""
    significant = [piece for piece in parts if piece.sign]
    if len(parts) == 1 and significant:
        return {"significant": WHERE["everywhere"], "note": Note("significant_in_sample")}
    if not significant:
        return {"significant": WHERE["none"], "note": Note("significant_nowhere_in_sample")}
    note = _turn(parts) or Note("significant_pieces", parts=tuple(map(_part, significant)))
    return {"significant": WHERE["pieces"], "note": note}


def _turn(pieces: tuple[Piece, ...]) -> Note | None:
    """Return where the only change is one of sign, at a place where the effect is zero by construction; else None."""
    signs = [piece.sign for piece in pieces if piece.low < piece.high]
    if len(signs) != 2 or 0 in signs or signs[0] == signs[1]:
        return None
    return Note("significant_turn_up" if signs[1] > 0 else "significant_turn_down", at=pieces[-1].low)


def _part(piece: Piece) -> Note:
    if math.isinf(piece.low):
        return Note("part_up_to", high=piece.high)
    if math.isinf(piece.high):
        return Note("part_from", low=piece.low)
    return Note("significant_interval", low=piece.low, high=piece.high)


def share(z: FloatArray, part: Piece, parts: tuple[Piece, ...]) -> float:
    """Return the share of the observations in a part; one on an end between two parts counts in the right one.

    Where a part is one place, the observations at this place count there.
    """
    near = 1e-9 * max(abs(float(z.min())), abs(float(z.max())))
    if part.low == part.high:
        return float((np.abs(z - part.low) <= near).mean())
    last = part is parts[-1]
    inside = (z >= part.low) & ((z <= part.high) if last else (z < part.high))
    for other in parts:
        if other.low == other.high:
            inside &= np.abs(z - other.low) > near
    return float(inside.mean())
