"""Weights between units whose Thiessen polygons touch."""

from __future__ import annotations

from digicarbon.note import Note
from digicarbon.numeric.spatial.operator import Normalise
from digicarbon.numeric.spatial.proximity import triangulated
from digicarbon.panel import Panel
from digicarbon.weights.base import Weights
from digicarbon.weights.places import PlacedWeights


class DelaunayWeights(PlacedWeights):
    """Units that share a side of a triangle in the Delaunay triangulation of their places weigh 1.

    They are the units whose Thiessen polygons (all that is nearer to one unit than to any other) touch: a contiguity
    for points. Every unit has a neighbour and there is one component; at the edge of the map neighbours can be far
    apart. See `digicarbon.numeric.spatial.proximity.triangulated`.

    Attributes
    ----------
    normalise : {"row", "spectral", "minmax", "none"}
        How weights are scaled, see `Weights.from_matrix`.
    """

    normalise: Normalise = "row"

    def compute(self, panel: Panel) -> Weights:
        """Return the weights among the panel's units, labelled and ordered as the panel.

        Raises
        ------
        DataError, WeightsError
            If places are not known, see `PlacedWeights.places`, two units have the same location, there are fewer than
            three units, or all are on one line.
        """
        places = self.places(panel)
        if len(places.units) > 1:
            places.refuse_same(Note("weights_no_triangle"))
        matrix = triangulated(places.coordinates, places.metric).matrix(1.0)
        return Weights.from_matrix(matrix, panel.units, name="Delaunay", normalise=self.normalise)
