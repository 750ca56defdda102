"""Pairs of places, and weights made from the distance between them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import scipy
from numpy.typing import ArrayLike, NDArray

from digicarbon.arrays import FloatArray
from digicarbon.errors import WeightsError
from digicarbon.note import Note
from digicarbon.numeric.spatial.geography import EARTH_RADIUS_KM, haversine_km

IntArray = NDArray[np.intp]
Metric = Literal["great_circle", "euclidean"]
"""Kilometres between degrees east and north, or the straight line in the unit of the coordinates."""

TIE = 1e-9
"""Distances that differ by less, relatively, are equal: rounding must not decide who is a neighbour."""


FEW = 300
"""Of up to so many places all pairs are sorted: a tree is not faster, and to load it takes longer than a fit."""


@dataclass(frozen=True, eq=False)
class Pairs:
    """Ordered pairs of different places.

    ``n``: number of places. ``origin``, ``destination``, shape (m,): positions of i and j. ``distance``, shape (m,):
    d_ij.
    """

    n: int
    origin: IntArray
    destination: IntArray
    distance: FloatArray

    def matrix(self, weight: ArrayLike) -> scipy.sparse.csr_array:
        """Return a matrix of shape (n, n) with the weights of the pairs, one for all or shape (m,)."""
        values = np.broadcast_to(np.asarray(weight, dtype=float), self.distance.shape)
        return scipy.sparse.csr_array((values, (self.origin, self.destination)), shape=(self.n, self.n))


def pairs_within(coordinates: FloatArray, metric: Metric, radius: float | None = None) -> Pairs:
    """Return all pairs no farther apart than ``radius``.

    ``coordinates``, shape (n, 2): longitude and latitude in degrees, or x and y. ``radius``: in kilometres or in the
    unit of the coordinates; by default all n (n - 1) pairs.
    """
    n = len(coordinates)
    if radius is None:
        origin, destination = np.nonzero(~np.eye(n, dtype=bool))
        return _with_distance(coordinates, metric, origin, destination)
    half = scipy.spatial.KDTree(_embedding(coordinates, metric)).query_pairs(
        _chord(radius, metric) * (1 + TIE), output_type="ndarray"
    )
    pairs = _with_distance(
        coordinates, metric, np.concatenate([half[:, 0], half[:, 1]]), np.concatenate([half[:, 1], half[:, 0]])
    )
    near = pairs.distance <= radius * (1 + TIE)
    return Pairs(n, pairs.origin[near], pairs.destination[near], pairs.distance[near])


def nearest_pairs(coordinates: FloatArray, metric: Metric, k: int) -> Pairs:
    """Return the pairs of each of n places with its k < n nearest ones; a tie goes to the place that comes first."""
    n = len(coordinates)
    pairs = pairs_within(coordinates, metric) if n <= FEW else _near_pairs(coordinates, metric, k)
    order = np.lexsort((pairs.destination, _without_rounding(pairs.distance), pairs.origin))
    starts = np.searchsorted(pairs.origin[order], np.arange(n))
    nearest = order[(starts[:, None] + np.arange(k)).ravel()]
    return Pairs(n, pairs.origin[nearest], pairs.destination[nearest], pairs.distance[nearest])


def _near_pairs(coordinates: FloatArray, metric: Metric, k: int) -> Pairs:
    """Return the pairs of each place with all places as near as its k-th neighbour, so that ties are included."""
    points = _embedding(coordinates, metric)
    tree = scipy.spatial.KDTree(points)
    reach = np.asarray(tree.query(points, k=[k + 1])[0])[:, 0]
    neighbours = tree.query_ball_point(points, reach * (1 + TIE))
    counts = np.array([len(item) for item in neighbours])
    origin, destination = np.repeat(np.arange(len(points)), counts), np.concatenate([*neighbours]).astype(np.intp)
    other = origin != destination
    return _with_distance(coordinates, metric, origin[other], destination[other])


def triangulated(coordinates: FloatArray, metric: Metric) -> Pairs:
    """Return the pairs of places that share a side of a triangle in the Delaunay triangulation.

    No other place is in the circle around a triangle; two places are a pair where their Thiessen polygons touch. On
    the sphere the circles are those of the sphere: a stereographic projection keeps them.

    Delaunay (1934), Bulletin de l'Académie des Sciences de l'URSS 6, 793-800; Okabe, Boots, Sugihara & Chiu (2000),
    Spatial Tessellations, ch. 2.

    ``coordinates``, shape (n, 2): no two places equal. Returns each pair in both orders. Raises WeightsError if there
    are fewer than three places or all are on one line.
    """
    flat = Note("delaunay_flat")
    if len(coordinates) < 3:
        raise WeightsError(flat)
    plane = coordinates if metric == "euclidean" else _stereographic(_embedding(coordinates, metric) / EARTH_RADIUS_KM)
    try:
        start, neighbour = scipy.spatial.Delaunay(plane).vertex_neighbor_vertices
    except scipy.spatial.QhullError as error:
        raise WeightsError(flat) from error
    return _with_distance(
        coordinates, metric, np.repeat(np.arange(len(plane)), np.diff(start)), neighbour.astype(np.intp)
    )


def binary(distance: FloatArray) -> FloatArray:
    """Return 1 for distances of any shape."""
    return np.ones_like(distance)


def inverse_distance(distance: FloatArray, power: float = 1.0) -> FloatArray:
    """Return d^-p, for positive distances of any shape."""
    return np.asarray(distance**-power)


def exponential_decay(distance: FloatArray, alpha: float) -> FloatArray:
    """Return exp(-αd), for distances of any shape."""
    return np.asarray(np.exp(-alpha * distance))


def inverse_gap(size: FloatArray) -> FloatArray:
    r"""Return economic proximity :math:`w_{ij} = 1/|\bar Y_i - \bar Y_j|`, :math:`w_{ii} = 0`, shape (n, n).

    ``size``, shape (n,): each unit's mean; no two equal.
    """
    gap = np.abs(np.subtract.outer(size, size))
    np.fill_diagonal(gap, np.inf)
    return np.asarray(1 / gap)


def without_neighbour(matrix: scipy.sparse.csr_array) -> IntArray:
    """Return the positions of rows without a weight."""
    return np.flatnonzero(np.asarray(matrix.sum(axis=1)) == 0)


def linked(
    matrix: scipy.sparse.csr_array, origin: IntArray, destination: IntArray, weight: FloatArray
) -> scipy.sparse.csr_array:
    """Return a matrix with additional links of pairs, in both directions.

    ``matrix``: shape (n, n). ``origin``, ``destination``, shape (m,): a pair may occur in both orders. ``weight``:
    shape (m,).
    """
    both = np.concatenate([np.column_stack([origin, destination]), np.column_stack([destination, origin])])
    cells, first = np.unique(both, axis=0, return_index=True)
    links = scipy.sparse.csr_array((np.tile(weight, 2)[first], (cells[:, 0], cells[:, 1])), shape=matrix.shape)
    return scipy.sparse.csr_array(matrix.maximum(links))


def higher_order(matrix: scipy.sparse.csr_array, order: int, lower: bool = False) -> scipy.sparse.csr_array:
    """Return 0-1 weights between units whose shortest path in ``matrix`` has ``order`` steps, or with ``lower`` fewer.

    Weights that are not zero are steps. Anselin & Smirnov (1996), Journal of Regional Science 36, 67-89: no circular
    paths, so that a unit is neighbour of another at one order only and never of itself.
    """
    step = _indicator(matrix)
    total = scipy.sparse.csr_array(scipy.sparse.eye_array(matrix.shape[0], format="csr"))
    now = total
    orders: list[scipy.sparse.csr_array] = []
    for _ in range(order):
        onward = _indicator(scipy.sparse.csr_array(now @ step))
        now = scipy.sparse.csr_array(onward - onward.multiply(total))
        now.eliminate_zeros()
        total = scipy.sparse.csr_array(total + now)
        orders.append(now)
    return scipy.sparse.csr_array(sum(orders[1:], orders[0])) if lower else now


def _indicator(matrix: scipy.sparse.csr_array) -> scipy.sparse.csr_array:
    """Return ones where there are weights."""
    cells = scipy.sparse.csr_array(matrix)
    cells.eliminate_zeros()
    return scipy.sparse.csr_array((np.ones(cells.nnz), cells.indices, cells.indptr), shape=cells.shape)


def _with_distance(coordinates: FloatArray, metric: Metric, origin: IntArray, destination: IntArray) -> Pairs:
    start, end = coordinates[origin], coordinates[destination]
    if metric == "great_circle":
        distance = haversine_km(start[:, 0], start[:, 1], end[:, 0], end[:, 1])
    else:
        distance = np.hypot(start[:, 0] - end[:, 0], start[:, 1] - end[:, 1])
    return Pairs(len(coordinates), origin, destination, np.asarray(distance))


def _embedding(coordinates: FloatArray, metric: Metric) -> FloatArray:
    """Return points whose straight-line distance orders pairs as the metric does; on the sphere, of shape (n, 3)."""
    if metric == "euclidean":
        return coordinates
    lam, phi = np.radians(coordinates).T
    return EARTH_RADIUS_KM * np.column_stack([np.cos(phi) * np.cos(lam), np.cos(phi) * np.sin(lam), np.sin(phi)])


def _stereographic(points: FloatArray) -> FloatArray:
    """Return points of the unit sphere, shape (n, 3), on the plane that touches it in their middle, shape (n, 2)."""
    middle = points.mean(axis=0)
    # the rows of the last factor are the middle's direction and two directions across it
    along, east, north = (points @ np.linalg.svd(middle[None, :])[2].T).T
    towards = along * np.sign(along.sum())
    return np.asarray(np.column_stack([east, north]) / (1 + towards)[:, None])


def _chord(radius: float, metric: Metric) -> float:
    """Return the straight line through the earth that an arc of length ``radius`` spans."""
    if metric == "euclidean":
        return radius
    return float(2 * EARTH_RADIUS_KM * np.sin(min(radius / (2 * EARTH_RADIUS_KM), np.pi / 2)))


def _without_rounding(distance: FloatArray) -> FloatArray:
    """Return distances to nine significant digits."""
    with np.errstate(divide="ignore"):
        size = np.where(distance > 0, np.floor(np.log10(distance)), 0.0)
    unit = 10.0 ** (size - 8)
    return np.asarray(np.round(distance / unit) * unit)
