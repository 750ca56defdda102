"""Weights between units whose Thiessen polygons touch."""

from __future__ import annotations

from typing import ClassVar

import scipy

from digicarbon.note import Note
from digicarbon.numeric.spatial.proximity import triangulated
from digicarbon.panel import Panel
from digicarbon.weights.places import FromPlaces, Places


class DelaunayWeights(FromPlaces):
    """Units that share a side of a triangle in the Delaunay triangulation of their places weigh 1.

    They are the units whose Thiessen polygons (all that is nearer to one unit than to any other) touch: a contiguity
    for points. Every unit has a neighbour and there is one component; at the edge of the map neighbours can be far
    apart. See `digicarbon.numeric.spatial.proximity.triangulated`.
    """

    title: ClassVar[str] = "Delaunay"

    def matrix(self, places: Places, panel: Panel) -> scipy.sparse.csr_array:
        """Return the weights of three or more units on different places that are not on one line."""
        if len(places.units) > 1:
            places.refuse_same(Note("weights_no_triangle"))
        return triangulated(places.coordinates, places.metric).matrix(1.0)
