"""Where an effect along a moderator is significant, in words."""

from __future__ import annotations

import math
from typing import Any

from digicarbon.arrays import FloatArray
from digicarbon.note import Note
from digicarbon.numeric.shape.moderation import Piece, kind_of


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
        note = Note("significant_outside", low=ends[0], high=ends[1])
    else:
        note = Note("significant_everywhere") if kind == "everywhere" else Note("significant_none")
    ends_of_parts = [piece.high for piece in whole[:-1]]
    if ends_of_parts and len(parts) == 1:
        # all ends are beyond: the sample is on one side of each
        sample = Note("significant_in_sample") if parts[0].sign else Note("significant_nowhere_in_sample")
        note = Note("roots_all_beyond", said=note, within=sample, low=low, high=high)
    elif not all(low <= end <= high for end in ends_of_parts):
        note = Note("roots_beyond", said=note, low=low, high=high)
    return {"low": ends[0], "high": ends[1], "note": note}


def region_within(parts: tuple[Piece, ...]) -> dict[str, Any]:
    """Return where in the data an effect is significant."""
    significant = [piece for piece in parts if piece.sign]
    if len(significant) == len(parts):
        return {"note": Note("significant_in_sample")}
    if not significant:
        return {"note": Note("significant_nowhere_in_sample")}
    return {"note": Note("significant_pieces", parts=tuple(map(_part, significant)))}


def _part(piece: Piece) -> Note:
    if math.isinf(piece.low):
        return Note("part_up_to", high=piece.high)
    if math.isinf(piece.high):
        return Note("part_from", low=piece.low)
    return Note("significant_interval", low=piece.low, high=piece.high)


def share(z: FloatArray, part: Piece, parts: tuple[Piece, ...]) -> float:
    """Return the share of the observations in a part; one on an end between two parts counts in the right one."""
    last = part is parts[-1]
    inside = (z >= part.low) & ((z <= part.high) if last else (z < part.high))
    return float(inside.mean())
