"""Weights of a test for which nobody chose any."""

from __future__ import annotations

from digicarbon.country import country
from digicarbon.errors import DigicarbonError, WeightsError
from digicarbon.note import Note, note_of
from digicarbon.panel import Panel
from digicarbon.weights.base import Weights, WeightsSpec

K = 5
"""Number of nearest units, as ``weights=k_nearest`` has it."""
PLACES = {"longitude", "latitude"}


class NearbyWeights(WeightsSpec):
    """Neighbours that a panel shows: units that share a border in the known country, else the five nearest units.

    Places of units that no known country has are the panel's columns ``longitude`` and ``latitude``.
    """

    @staticmethod
    def seen(panel: Panel) -> bool:
        """Return whether a panel shows where its units lie."""
        return len(panel.units) > 1 and (_has_borders(panel) or _has_places(panel))

    def compute(self, panel: Panel) -> Weights:
        """Return the weights, with a note that nobody chose them.

        Raises WeightsError if places are missing, or change over time.
        """
        borders = country().borders
        if borders is not None and (_has_borders(panel) or not _has_places(panel)):
            weights: Weights = borders().compute(panel)
            return weights.noting(Note("nearby_borders", weights=weights.called))
        # loaded only where it is used: it brings the readers of files
        from digicarbon.weights.distance import KNearestWeights

        if panel.text.keys() & PLACES:
            # says which cells are no numbers
            panel.require(sorted(PLACES))
        k = min(K, len(panel.units) - 1)
        return KNearestWeights(k=k).compute(panel).noting(Note("nearby_places", k=k))


class NoWeights(WeightsSpec):
    """No weights, not even neighbours that a panel shows: for models that use weights in their tests alone."""

    def compute(self, panel: Panel) -> Weights:
        """Raise a WeightsError: there are none."""
        raise WeightsError(Note("weights_of_nobody"))


def nearby(panel: Panel) -> Weights | None:
    """Return the weights that a panel shows; None where it shows none."""
    try:
        return NearbyWeights().compute(panel) if NearbyWeights.seen(panel) else None
    except DigicarbonError:
        return None


def why_none(panel: Panel) -> Note | None:
    """Return why there are no weights where a panel seems to show places or names of units; None where it does not."""
    strangers = len(country().strangers(panel.units))
    if len(panel.units) < 2 or not (_has_places(panel) or 2 * strangers < len(panel.units)):
        return None
    try:
        NearbyWeights().compute(panel)
    except DigicarbonError as error:
        return Note("wild_without_places", why=note_of(error))
    return Note("wild_without_chosen")


def _has_places(panel: Panel) -> bool:
    return {*panel.names, *panel.text} >= PLACES


def _has_borders(panel: Panel) -> bool:
    return country().borders is not None and not country().strangers(panel.units)
