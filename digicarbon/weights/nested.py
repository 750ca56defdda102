"""The matrix W2 of the study: near and large neighbours weigh more."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from digicarbon.errors import WeightsError
from digicarbon.note import Note, cut
from digicarbon.numeric.spatial.geography import nested
from digicarbon.numeric.spatial.operator import Normalise
from digicarbon.panel import Panel
from digicarbon.weights.base import Weights
from digicarbon.weights.economic import SizedWeights
from digicarbon.weights.places import PlacedWeights


class NestedWeights(PlacedWeights, SizedWeights):
    r"""Nested geographic-economic weights (Eq 10 of the study).

    .. math:: w_{ij} = d_{ij}^{-p} \, \bar Y_j / \bar Y

    with d the distance (between capitals, km, for a known country), :math:`\bar Y_j` the neighbour's mean of
    ``economy`` and :math:`\bar Y` the mean over all units.

    Attributes
    ----------
    economy, window
        As in `SizedWeights`, in levels.
    power : float
        The exponent p of the distance.
    normalise : {"row", "spectral", "minmax", "none"}
        How weights are scaled, see `Weights.from_matrix`.
    """

    power: Annotated[float, Field(gt=0)] = 1.0
    normalise: Normalise = "row"

    def compute(self, panel: Panel) -> Weights:
        """Return the weights among the panel's units, labelled and ordered as the panel.

        Raises
        ------
        WeightsError
            If places or means do not exist, see `PlacedWeights.places` and `SizedWeights.sizes`, two units have the
            same location, or a mean is not positive.
        DataError
            If a file cannot be read, or a value of ``economy`` in the window is missing or text.
        """
        places = self.places(panel)
        places.refuse_same()
        size = self.sizes(panel)
        bad = [unit for unit, mean in zip(panel.units, size, strict=True) if mean <= 0]
        if bad:
            raise WeightsError(
                Note("weights_mean_not_positive", key="weights.economy", column=self.economy, units=cut(bad))
            )
        matrix = nested(places.distances(), size, self.power)
        return Weights.from_matrix(matrix, panel.units, name="W2", normalise=self.normalise)
