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


def columns_of_places(node: WeightsSpec) -> tuple[str, ...]:
    """Return the columns of the panel that places may be read from."""
    return (node.longitude, node.latitude) if isinstance(node, PlacedWeights) else ()


def distances_of(node: WeightsSpec, panel: Panel, key: str = "model.distances") -> FloatArray:
    """Return distances in the panel's order, shape (N, N); infinite on the diagonal and where a matrix has none.

    Parameters
    ----------
    node : WeightsSpec
        Weights that are built from places, of which places and metric count; or a matrix that is not scaled, whose
        cells are distances, and zero or absent where a pair is too far apart to count.
    panel : Panel
    key : str
        Of the node.

    Raises
    ------
    DataError, WeightsError
        If places are not known, two units have the same one, or a matrix is scaled.
    """
    with under(key, WeightsSpec):
        if isinstance(node, PlacedWeights):
            places = node.places(panel)
            places.refuse_same()
            out = places.distances()
        else:
            if getattr(node, "normalise", "none") != "none":
                raise WeightsError(Note("distances_are_scaled", key=f"{key}.normalise"))
            out = np.asarray(node.compute(panel).align(panel).matrix.toarray(), dtype=np.float64)
    out = np.where(out > 0, out, np.inf)
    np.fill_diagonal(out, np.inf)
    gap = np.abs(np.where(np.isfinite(out), out, 0) - np.where(np.isfinite(out), out, 0).T)
    if gap.max() > 1e-9 * float(np.max(out, where=np.isfinite(out), initial=1.0)):
        raise WeightsError(Note("distances_not_symmetric", key=key))
    return out
