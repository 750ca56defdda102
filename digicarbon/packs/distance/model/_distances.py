"""The distances between the units of a panel, as weights read them."""

from __future__ import annotations

import numpy as np

from digicarbon.arrays import FloatArray
from digicarbon.errors import WeightsError
from digicarbon.note import Note
from digicarbon.panel import Panel
from digicarbon.spec import under
from digicarbon.weights import WeightsSpec
from digicarbon.weights.places import PlacedWeights

KEY = "model.distances"
"""The key of the node, for messages."""


def columns_of_places(node: WeightsSpec) -> tuple[str, ...]:
    """Return the columns of the panel that places may be read from."""
    return (node.longitude, node.latitude) if isinstance(node, PlacedWeights) else ()


def unit_of(node: WeightsSpec) -> str:
    """Return the unit of distances: ``km`` on the globe; empty where it is that of the coordinates or of a matrix."""
    return "km" if isinstance(node, PlacedWeights) and node.metric == "great_circle" else ""


def length(value: float, unit: str) -> Note:
    """Return a distance with its unit, for a note."""
    return Note("kilometres", value=value) if unit else Note("own_length", value=value)


def distances_of(node: WeightsSpec, panel: Panel, same_place: bool = False) -> FloatArray:
    """Return distances in the panel's order, shape (N, N); infinite on the diagonal and where a matrix has none.

    ``node``: weights that are built from places, of which places and metric count; or a matrix that is not scaled,
    whose cells are distances, and zero or absent where a pair is too far apart to count. ``same_place``: whether two
    units may have the same place, at a distance of 0. Raises DataError or WeightsError if places are not known, two
    units have the same one and must not, or a matrix is scaled.
    """
    with under(KEY, WeightsSpec):
        if isinstance(node, PlacedWeights):
            places = node.places(panel)
            same = places.same()
            if same and not same_place:
                raise WeightsError(Note("distances_same_place", key=KEY, start=same[0], end=same[1]))
            out = places.distances()
        else:
            if getattr(node, "normalise", "none") != "none":
                raise WeightsError(Note("distances_are_scaled", key=f"{KEY}.normalise"))
            out = _cells(node, panel)
            out = np.where(out > 0, out, np.inf)
    np.fill_diagonal(out, np.inf)
    gap = np.abs(np.where(np.isfinite(out), out, 0) - np.where(np.isfinite(out), out, 0).T)
    if gap.max() > 1e-9 * float(np.max(out, where=np.isfinite(out), initial=1.0)):
        raise WeightsError(Note("distances_not_symmetric", key=KEY))
    return out


def dropped(node: WeightsSpec, panel: Panel) -> tuple[Note, ...]:
    """Return a note on the pairs of units that do not count since a matrix has no distance, or 0, between them."""
    if isinstance(node, PlacedWeights):
        return ()
    cells = _cells(node, panel)
    pairs = int((~(cells > 0)).sum() - len(cells)) // 2
    return (Note("distances_of_zero", pairs=pairs, every=len(cells) * (len(cells) - 1) // 2),) if pairs else ()


def _cells(node: WeightsSpec, panel: Panel) -> FloatArray:
    """Return the cells of a matrix in the panel's order, with zeros on the diagonal."""
    out = np.asarray(node.compute(panel).align(panel).matrix.toarray(), dtype=np.float64)
    np.fill_diagonal(out, 0.0)
    return out
