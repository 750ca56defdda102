"""The matrix W2 of the study: near and large neighbours weigh more."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field

from digicarbon.arrays import FloatArray
from digicarbon.errors import WeightsError
from digicarbon.note import Note, cut
from digicarbon.numeric.spatial.geography import nested
from digicarbon.panel import Panel
from digicarbon.weights.economic import SizedWeights
from digicarbon.weights.places import FromPlaces, Places


class NestedWeights(FromPlaces, SizedWeights):
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
    """

    title: ClassVar[str] = "W2"

    power: Annotated[float, Field(gt=0)] = 1.0

    def matrix(self, places: Places, panel: Panel) -> FloatArray:
        """Return the weights of units on different places, whose means are positive."""
        places.refuse_same()
        size = self.sizes(panel)
        bad = [unit for unit, mean in zip(panel.units, size, strict=True) if mean <= 0]
        if bad:
            raise WeightsError(
                Note("weights_mean_not_positive", key="weights.economy", column=self.economy, units=cut(bad))
            )
        # the neighbour's size: of the unit itself it would cancel in the row's sum
        return nested(places.distances(), size, self.power)
