"""Distances on the sphere and weights made from them."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from digicarbon.arrays import FloatArray

EARTH_RADIUS_KM = 6371.0088
"""Mean radius of the earth (IUGG)."""


def great_circle_km(longitude: ArrayLike, latitude: ArrayLike) -> FloatArray:
    """Return great-circle distances in km between n places in degrees by the haversine formula, shape (n, n)."""
    lam, phi = np.asarray(longitude, dtype=float), np.asarray(latitude, dtype=float)
    return haversine_km(lam[:, None], phi[:, None], lam, phi)


def haversine_km(
    longitude: ArrayLike, latitude: ArrayLike, to_longitude: ArrayLike, to_latitude: ArrayLike
) -> FloatArray:
    """Return the great-circle distance in km from each place to its counterpart, degrees of shapes that broadcast."""
    lam, phi = np.radians(np.asarray(longitude, dtype=float)), np.radians(np.asarray(latitude, dtype=float))
    to_lam, to_phi = np.radians(np.asarray(to_longitude, dtype=float)), np.radians(np.asarray(to_latitude, dtype=float))
    half_lam, half_phi = (lam - to_lam) / 2, (phi - to_phi) / 2
    haversine = np.sin(half_phi) ** 2 + np.cos(phi) * np.cos(to_phi) * np.sin(half_lam) ** 2
    # rounding can push the haversine of antipodes past one
    return np.asarray(2 * EARTH_RADIUS_KM * np.arcsin(np.sqrt(np.minimum(haversine, 1.0))))


def nested(distance_km: ArrayLike, economy: ArrayLike, power: float = 1.0) -> FloatArray:
    r"""Return nested geographic-economic weights before row-standardisation.

    .. math:: w_{ij} = d_{ij}^{-p}\, \bar Y_j / \bar Y, \qquad w_{ii} = 0

    The economy of the *neighbour* j enters (W2 of the study, multiplied from the right): that of unit i itself would
    cancel when the row is standardised and leave plain inverse distance.

    ``distance_km``, shape (n, n): distances; positive off the diagonal. ``economy``, shape (n,): each unit's mean GDP
    over the period, in any unit of money. ``power``: the exponent p of the distance. Returns shape (n, n): weights with
    a zero diagonal, not row-standardised and not symmetric.
    """
    distance, size = np.asarray(distance_km, dtype=float), np.asarray(economy, dtype=float)
    proximity = np.zeros_like(distance)
    off_diagonal = ~np.eye(len(distance), dtype=bool)
    proximity[off_diagonal] = distance[off_diagonal] ** -power
    return np.asarray(proximity * (size / size.mean()))
