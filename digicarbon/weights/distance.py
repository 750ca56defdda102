"""Weights from distances: nearest neighbours, bands and decay.

Anselin (1988), Spatial Econometrics: Methods and Models, ch. 3; LeSage & Pace (2009), ch. 4.
"""

from __future__ import annotations

from functools import partial
from typing import Annotated, Literal

from pydantic import Field

from digicarbon.note import Note
from digicarbon.numeric.spatial.operator import Normalise
from digicarbon.numeric.spatial.proximity import binary, exponential_decay, inverse_distance
from digicarbon.panel import Panel
from digicarbon.weights.base import IslandsPlaced, Weights, rest
from digicarbon.weights.places import PlacedWeights

Positive = Annotated[float, Field(gt=0)]


class KNearestWeights(PlacedWeights):
    """Each unit's k nearest units weigh 1; not symmetric.

    In a tie for the k-th nearest, the unit that comes first in the panel's order is taken.

    Attributes
    ----------
    k : int
        Number of neighbours of each unit; at most the number of other units.
    normalise : {"row", "spectral", "minmax", "none"}
        How weights are scaled, see `Weights.from_matrix`.
    """

    k: Annotated[int, Field(ge=1)] = 5
    normalise: Normalise = "row"

    def compute(self, panel: Panel) -> Weights:
        """Return the weights among the panel's units, labelled and ordered as the panel.

        Raises
        ------
        DataError, WeightsError
            If places are not known, see `PlacedWeights.places`, or there are not more than ``k`` units.
        """
        matrix = self.places(panel).nearest(self.k).matrix(1.0)
        return Weights.from_matrix(
            matrix, panel.units, name=Note("nearest_weights", k=self.k), normalise=self.normalise
        )


class DistanceBandWeights(PlacedWeights):
    r"""Units no farther apart than a threshold weigh 1, or the inverse of their distance.

    .. math:: w_{ij} = 1(d_{ij} \le D) \quad\text{or}\quad w_{ij} = 1(d_{ij} \le D)\, d_{ij}^{-p}

    Attributes
    ----------
    threshold : float or None
        D, in kilometres or in the unit of the coordinates. None takes the smallest threshold with which every
        unit has a neighbour: the largest distance of a unit to its nearest one.
    weight : {"binary", "inverse"}
    power : float
        The exponent p of inverse distances.
    normalise : {"row", "spectral", "minmax", "none"}
        How weights are scaled, see `Weights.from_matrix`.
    islands : {"refuse", "keep", "nearest"}
        What to do with a unit that has no other within the threshold; ``"nearest"`` makes it and the unit nearest to
        it neighbours of each other, whatever their distance, with the weight of that distance.
    """

    threshold: Positive | None = None
    weight: Literal["binary", "inverse"] = "binary"
    power: Positive = 1.0
    normalise: Normalise = "row"
    islands: IslandsPlaced = "refuse"

    def compute(self, panel: Panel) -> Weights:
        """Return the weights among the panel's units, labelled and ordered as the panel.

        Raises
        ------
        DataError, WeightsError
            If places are not known, see `PlacedWeights.places`, a unit has no neighbour and ``islands`` is
            ``"refuse"``, or ``weight`` is ``"inverse"`` and two units have the same location.
        """
        places = self.places(panel)
        radius = places.smallest_band() if self.threshold is None else self.threshold
        if self.weight == "inverse":
            places.refuse_same()
        decay = partial(inverse_distance, power=self.power) if self.weight == "inverse" else binary
        matrix = places.weighted(decay, radius, self.islands)
        return Weights.from_matrix(
            matrix, panel.units, islands=rest(self.islands), name=Note("band_weights"), normalise=self.normalise
        )


class InverseDistanceWeights(PlacedWeights):
    r"""Inverse distance, :math:`w_{ij} = d_{ij}^{-p}`, to all units or to those within a cut-off.

    Attributes
    ----------
    power : float
        The exponent p; 2 is the gravity form.
    cutoff : float or None
        Pairs farther apart weigh 0, in kilometres or in the unit of the coordinates.
    normalise : {"row", "spectral", "minmax", "none"}
        How weights are scaled, see `Weights.from_matrix`.
    islands : {"refuse", "keep", "nearest"}
        What to do with a unit that has no other within the cut-off; ``"nearest"`` makes it and the unit nearest to it
        neighbours of each other, with the weight that their distance gives.
    """

    power: Positive = 1.0
    cutoff: Positive | None = None
    normalise: Normalise = "row"
    islands: IslandsPlaced = "refuse"

    def compute(self, panel: Panel) -> Weights:
        """Return the weights among the panel's units, labelled and ordered as the panel.

        Raises
        ------
        DataError, WeightsError
            If places are not known, see `PlacedWeights.places`, two units have the same location, or a unit has no
            neighbour and ``islands`` is ``"refuse"``.
        """
        places = self.places(panel)
        places.refuse_same()
        matrix = places.weighted(partial(inverse_distance, power=self.power), self.cutoff, self.islands)
        return Weights.from_matrix(
            matrix, panel.units, islands=rest(self.islands), name=Note("inverse_weights"), normalise=self.normalise
        )


class ExponentialWeights(PlacedWeights):
    r"""Exponential decay, :math:`w_{ij} = \exp(-\alpha d_{ij})`, to all units or to those within a cut-off.

    Attributes
    ----------
    alpha : float
        Decay per kilometre, or per unit of the coordinates: weights halve every ln 2 / alpha.
    cutoff : float or None
        Pairs farther apart weigh 0, in kilometres or in the unit of the coordinates.
    normalise : {"row", "spectral", "minmax", "none"}
        How weights are scaled, see `Weights.from_matrix`.
    islands : {"refuse", "keep", "nearest"}
        What to do with a unit that has no other within the cut-off; ``"nearest"`` makes it and the unit nearest to it
        neighbours of each other, with the weight that their distance gives.
    """

    alpha: Positive = 0.01
    cutoff: Positive | None = None
    normalise: Normalise = "row"
    islands: IslandsPlaced = "refuse"

    def compute(self, panel: Panel) -> Weights:
        """Return the weights among the panel's units, labelled and ordered as the panel.

        Raises
        ------
        DataError, WeightsError
            If places are not known, see `PlacedWeights.places`, or a unit has no neighbour and ``islands`` is
            ``"refuse"``.
        """
        matrix = self.places(panel).weighted(partial(exponential_decay, alpha=self.alpha), self.cutoff, self.islands)
        return Weights.from_matrix(
            matrix, panel.units, islands=rest(self.islands), name=Note("exponential_weights"), normalise=self.normalise
        )
