"""W1 of the study: which provinces share a border."""

from __future__ import annotations

import numpy as np
import scipy

from digicarbon.note import Note
from digicarbon.numeric.spatial.operator import Normalise
from digicarbon.packs.china.facts import links, provinces
from digicarbon.panel import Panel
from digicarbon.weights.base import IslandsPlaced, Weights, WeightsSpec, as_known, rest


class AdjacencyWeights(WeightsSpec):
    """0-1 queen contiguity of provinces, Hainan joined to Guangdong (65 edges among 30; 69 with Tibet).

    Units may be named in English, in Chinese (full or short) or by adcode.

    Attributes
    ----------
    normalise : {"row", "spectral", "minmax", "none"}
        How weights are scaled, see `Weights.from_matrix`.
    islands : {"refuse", "keep", "nearest"}
        What to do with a province none of whose neighbours is in the panel; ``"nearest"`` makes it and the province
        with the nearest capital neighbours of each other.
    """

    normalise: Normalise = "row"
    islands: IslandsPlaced = "refuse"

    def compute(self, panel: Panel) -> Weights:
        """Return the adjacency of the panel's units, labelled and ordered as the panel.

        Raises WeightsError if a unit is not a province, or has no neighbour in the panel and ``islands`` is
        ``"refuse"``.
        """
        names = as_known(panel.units, Note("option_of_group", group="weights", option="w1_adjacency"))
        matrix = scipy.sparse.csr_array(links(names))
        if self.islands == "nearest":
            from digicarbon.numeric.spatial.proximity import binary
            from digicarbon.weights.places import Places, joined

            capitals = (
                provinces(tibet=True)
                .set_index("province")
                .loc[names, ["longitude", "latitude"]]
                .to_numpy(dtype=np.float64)
            )
            matrix = joined(matrix, Places(panel.units, capitals, "great_circle").nearest(), binary)
        return Weights.from_matrix(matrix, panel.units, islands=rest(self.islands), name="W1", normalise=self.normalise)
