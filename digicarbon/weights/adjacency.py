"""W1 of the study: which provinces share a border."""

from __future__ import annotations

import numpy as np

from digicarbon.data import adjacency
from digicarbon.panel import Panel
from digicarbon.weights._units import as_provinces
from digicarbon.weights.base import Islands, Weights, WeightsSpec


class AdjacencyWeights(WeightsSpec):
    """0-1 queen contiguity of the 30 provinces, Hainan joined to Guangdong (65 edges).

    Units may be named in English, in Chinese (full or short) or by adcode.

    Attributes
    ----------
    row_standardise : bool
        Divide each row by its sum.
    islands : {"refuse", "keep"}
        What to do with a province none of whose neighbours is in the panel.
    """

    row_standardise: bool = True
    islands: Islands = "refuse"

    def compute(self, panel: Panel) -> Weights:
        """Return the adjacency of the panel's units, labelled and ordered as the panel.

        Raises
        ------
        WeightsError
            If a unit is not a province, or has no neighbour in the panel and ``islands`` is ``"refuse"``.
        """
        position = {name: index for index, name in enumerate(as_provinces(panel.units, "w1_adjacency"))}
        matrix = np.zeros((len(position), len(position)))
        for start, end in adjacency()[["province", "neighbour"]].itertuples(index=False):
            if start in position and end in position:
                matrix[position[start], position[end]] = matrix[position[end], position[start]] = 1.0
        return Weights.from_matrix(matrix, panel.units, self.row_standardise, self.islands, "W1")
