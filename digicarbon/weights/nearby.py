"""Weights of a test for which nobody chose any."""

from __future__ import annotations

from digicarbon.country import country
from digicarbon.errors import DigicarbonError
from digicarbon.note import Note
from digicarbon.panel import Panel
from digicarbon.weights.base import Weights, WeightsSpec

K = 5
"""Number of nearest units, as ``weights=k_nearest`` has it."""


class NearbyWeights(WeightsSpec):
    """Neighbours that a panel shows: units that share a border in the known country, else the five nearest units.

    Places of units that no known country has are the panel's columns ``longitude`` and ``latitude``.
    """

    @staticmethod
    def seen(panel: Panel) -> bool:
        """Return whether a panel shows where its units lie."""
        return len(panel.units) > 1 and (_has_borders(panel) or {"longitude", "latitude"} <= set(panel.names))

    def compute(self, panel: Panel) -> Weights:
        """Return the weights, with a note that nobody chose them.

        Raises WeightsError if places are missing, or change over time.
        """
        borders = country().borders
        if borders is not None and _has_borders(panel):
            weights: Weights = borders().compute(panel)
            return weights.noting(Note("nearby_borders", weights=weights.called))
        # loaded only where it is used: it brings the readers of files
        from digicarbon.weights.distance import KNearestWeights

        k = min(K, len(panel.units) - 1)
        return KNearestWeights(k=k).compute(panel).noting(Note("nearby_places", k=k))


def nearby(panel: Panel) -> Weights | None:
    """Return the weights that a panel shows; None where it shows none."""
    try:
        return NearbyWeights().compute(panel) if NearbyWeights.seen(panel) else None
    except DigicarbonError:
        return None


def _has_borders(panel: Panel) -> bool:
    return country().borders is not None and not country().strangers(panel.units)
