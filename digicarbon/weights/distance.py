"""Weights from distances: nearest neighbours, bands and decay.

Anselin (1988), Spatial Econometrics: Methods and Models, ch. 3; LeSage & Pace (2009), ch. 4.
"""

from __future__ import annotations

from functools import partial
from typing import Annotated, ClassVar, Literal

import scipy
from pydantic import Field

from digicarbon.note import Note
from digicarbon.numeric.spatial.proximity import binary, exponential_decay, inverse_distance
from digicarbon.panel import Panel
from digicarbon.weights.places import FromPlaces, NearPlaces, Places

Positive = Annotated[float, Field(gt=0)]


class KNearestWeights(FromPlaces):
    """Each unit's k nearest units weigh 1; not symmetric.

    In a tie for the k-th nearest, the unit that comes first in the panel's order is taken.

    Attributes
    ----------
    k : int
        Number of neighbours of each unit; at most the number of other units.
    """

    k: Annotated[int, Field(ge=1)] = 5

    @property
    def title(self) -> Note:
        """What the weights are called."""
        return Note("nearest_weights", k=self.k)

    def matrix(self, places: Places, panel: Panel) -> scipy.sparse.csr_array:
        """Return the weights; there must be more than ``k`` units."""
        return places.nearest(self.k).matrix(1.0)


class DistanceBandWeights(NearPlaces):
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
    """

    title: ClassVar[Note] = Note("band_weights")

    threshold: Positive | None = None
    weight: Literal["binary", "inverse"] = "binary"
    power: Positive = 1.0

    def matrix(self, places: Places, panel: Panel) -> scipy.sparse.csr_array:
        """Return the weights; inverse distances need different places."""
        radius = places.smallest_band() if self.threshold is None else self.threshold
        if self.weight == "inverse":
            places.refuse_same()
        decay = partial(inverse_distance, power=self.power) if self.weight == "inverse" else binary
        return places.weighted(decay, radius, self.islands)


class CutOffWeights(NearPlaces):
    """Weights that fall with distance.

    Attributes
    ----------
    cutoff : float or None
        Pairs farther apart weigh 0, in kilometres or in the unit of the coordinates.
    """

    cutoff: Positive | None = None


class InverseDistanceWeights(CutOffWeights):
    r"""Inverse distance, :math:`w_{ij} = d_{ij}^{-p}`, to all units or to those within a cut-off.

    Attributes
    ----------
    power : float
        The exponent p; 2 is the gravity form.
    """

    title: ClassVar[Note] = Note("inverse_weights")

    power: Positive = 1.0

    def matrix(self, places: Places, panel: Panel) -> scipy.sparse.csr_array:
        """Return the weights; no two units may have the same place."""
        places.refuse_same()
        return places.weighted(partial(inverse_distance, power=self.power), self.cutoff, self.islands)


class ExponentialWeights(CutOffWeights):
    r"""Exponential decay, :math:`w_{ij} = \exp(-\alpha d_{ij})`, to all units or to those within a cut-off.

    Attributes
    ----------
    alpha : float
        Decay per kilometre, or per unit of the coordinates: weights halve every ln 2 / alpha.
    """

    title: ClassVar[Note] = Note("exponential_weights")

    alpha: Positive = 0.01

    def matrix(self, places: Places, panel: Panel) -> scipy.sparse.csr_array:
        """Return the weights."""
        return places.weighted(partial(exponential_decay, alpha=self.alpha), self.cutoff, self.islands)
