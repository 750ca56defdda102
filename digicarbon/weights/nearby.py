"""Weights of a test for which nobody chose any."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from digicarbon.country import country
from digicarbon.errors import DigicarbonError, WeightsError
from digicarbon.note import Note, note_of
from digicarbon.panel import Panel
from digicarbon.weights.base import Weights, WeightsSpec

K = 5
"""Number of nearest units, as ``weights=k_nearest`` has it."""
LONGITUDE = ("longitude", "lon", "lng", "long", "经度")
LATITUDE = ("latitude", "lat", "纬度")
"""What columns of places are called, in any case; the first that is there counts."""


class NearbyWeights(WeightsSpec):
    """Neighbours that a panel shows: units that share a border in the known country, else the five nearest units.

    Places of units that no known country has are columns ``longitude`` and ``latitude``, or ``lon`` and ``lat``.
    """

    @staticmethod
    def seen(panel: Panel) -> bool:
        """Return whether a panel shows where its units lie."""
        return len(panel.units) > 1 and (_has_borders(panel) or _places(panel) is not None)

    def compute(self, panel: Panel) -> Weights:
        """Return the weights, with a note that nobody chose them.

        Raises WeightsError if places are missing, or change over time.
        """
        borders, places = country().borders, _places(panel)
        if borders is not None and (_has_borders(panel) or places is None):
            weights: Weights = borders().compute(panel)
            return weights.noting(Note("nearby_borders", weights=weights.called))
        # loaded only where it is used: it brings the readers of files
        from digicarbon.weights.distance import KNearestWeights

        longitude, latitude = places or (LONGITUDE[0], LATITUDE[0])
        if panel.text.keys() & {longitude, latitude}:
            # says which cells are no numbers
            panel.require([latitude, longitude])
        k = min(K, len(panel.units) - 1)
        weights = KNearestWeights(k=k, longitude=longitude, latitude=latitude).compute(panel)
        return weights.noting(Note("nearby_places", k=k))


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
    if len(panel.units) < 2 or not (_places(panel) is not None or 2 * strangers < len(panel.units)):
        return None
    try:
        NearbyWeights().compute(panel)
    except DigicarbonError as error:
        return Note("wild_without_places", why=note_of(error))
    return Note("wild_without_chosen")


def place_columns(names: Iterable[str], further: Sequence[str] = ("", "")) -> tuple[str, str] | None:
    """Return which names are those of longitude and latitude; None if one is not there.

    ``further``: one more word for each.
    """
    columns = {name.casefold(): name for name in names}
    longitude, latitude = (
        next((columns[word] for word in words if word in columns), "")
        for words in ((*LONGITUDE, further[0]), (*LATITUDE, further[1]))
    )
    return (longitude, latitude) if longitude and latitude else None


def _places(panel: Panel) -> tuple[str, str] | None:
    return place_columns((*panel.text, *panel.names))


def _has_borders(panel: Panel) -> bool:
    return country().borders is not None and not country().strangers(panel.units)
