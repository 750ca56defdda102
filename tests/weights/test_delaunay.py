"""The Delaunay triangulation against its definition, and weights from places that the panel itself holds."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.spatial import Voronoi

from digicarbon.errors import WeightsError
from digicarbon.numeric.spatial.proximity import triangulated
from digicarbon.panel import Panel
from digicarbon.weights import DelaunayWeights, InverseDistanceWeights, KNearestWeights, NestedWeights

FloatArray = NDArray[np.float64]
Edges = set[tuple[int, int]]


def edges(coordinates: FloatArray, metric: str) -> Edges:
    pairs = triangulated(coordinates, metric)
    found = set(zip(pairs.origin.tolist(), pairs.destination.tolist(), strict=True))
    assert len(found) == len(pairs.origin)
    assert {(j, i) for i, j in found} == found
    return {(i, j) for i, j in found if i < j}


def by_definition(coordinates: FloatArray) -> Edges:
    """Sides of the spherical triangles in whose circle neither another place nor the antipode of all places lies."""
    lam, phi = np.radians(coordinates).T
    points = np.column_stack([np.cos(phi) * np.cos(lam), np.cos(phi) * np.sin(lam), np.sin(phi)])
    middle = points.mean(axis=0) / np.linalg.norm(points.mean(axis=0))
    found: Edges = set()
    for corners in combinations(range(len(points)), 3):
        a, b, c = points[list(corners)]
        outside = np.vstack([np.delete(points, corners, axis=0), -middle])
        for pole in (np.cross(b - a, c - a), np.cross(c - a, b - a)):
            if (outside @ pole < a @ pole).all():
                found |= set(combinations(corners, 2))
    return found


@settings(max_examples=25, deadline=None)
@given(
    st.integers(0, 10_000), st.integers(4, 14), st.sampled_from([0.0, 100.0, 179.0]), st.sampled_from([0.0, 35.0, 75.0])
)
def test_no_place_lies_in_a_triangles_circle(seed: int, n: int, east: float, north: float) -> None:
    rng = np.random.default_rng(seed)
    places = np.column_stack([east + rng.uniform(-12, 12, n), north + rng.uniform(-8, 8, n)])
    assert edges(places, "great_circle") == by_definition(places)


def test_neighbours_in_the_plane_share_a_side_of_their_thiessen_polygons() -> None:
    places = np.random.default_rng(2).uniform(size=(60, 2))
    assert edges(places, "euclidean") == {(min(i, j), max(i, j)) for i, j in Voronoi(places).ridge_points.tolist()}


def test_a_square_with_a_middle_by_hand() -> None:
    places = np.array([[0.0, 0.0], [2.0, 0.0], [0.0, 2.0], [2.0, 2.1], [0.9, 1.0]])
    assert edges(places, "euclidean") == {(0, 1), (0, 2), (1, 3), (2, 3), (0, 4), (1, 4), (2, 4), (3, 4)}


@pytest.mark.parametrize("places", [np.zeros((0, 2)), np.eye(2), np.arange(10.0).reshape(5, 2)])
def test_a_line_has_no_triangles(places: FloatArray) -> None:
    with pytest.raises(WeightsError, match="needs at least three places that do not all lie on one line"):
        triangulated(places, "euclidean")


def panel(longitude: list[float], latitude: list[float], units: str = "abcde") -> Panel:
    table = pd.DataFrame({"longitude": longitude, "latitude": latitude}, index=list(units))
    frame = pd.concat([table.assign(year=year, gdp=[1.0, 2.0, 3.0, 4.0, 5.0]) for year in (2012, 2013)])
    shuffled = frame.rename_axis("place").reset_index().sample(frac=1, random_state=4)
    return Panel.from_frame(shuffled, "place", "year")


EAST, NORTH = [100.0, 102.0, 100.0, 102.0, 100.9], [30.0, 30.0, 32.0, 32.1, 31.0]


def test_the_panels_own_places(tmp_path: Path) -> None:
    own = panel(EAST, NORTH)
    file = tmp_path / "places.csv"
    pd.DataFrame({"unit": list("edcba"), "longitude": EAST[::-1], "latitude": NORTH[::-1]}).to_csv(file, index=False)
    for kind in (DelaunayWeights, InverseDistanceWeights, NestedWeights):
        found, expected = (kind(coordinates=where).compute(own) for where in (None, str(file)))
        assert found.labels == tuple("abcde")
        np.testing.assert_array_equal(found.dense(), expected.dense())
    matrix = DelaunayWeights(normalise="none").compute(own).dense()
    assert matrix.sum(axis=1).tolist() == [3, 3, 3, 3, 4]


def test_wrong_places_of_the_panel_are_named() -> None:
    moving = pd.DataFrame(
        {"unit": list("aabb"), "time": [1, 2, 1, 2], "longitude": [1.0, 1.0, 2.0, 3.0], "latitude": 5.0}
    )
    with pytest.raises(WeightsError, match="The panel's column 'longitude' changes within b; a unit lies at one place"):
        KNearestWeights(k=1).compute(Panel.from_frame(moving, "unit", "time"))
    with pytest.raises(WeightsError, match="The panel: the latitude of b is missing"):
        DelaunayWeights().compute(panel(EAST, [30.0, float("nan"), 32.0, 32.1, 31.0]))
    with pytest.raises(WeightsError, match="a and c lie at the same place: no triangle tells them apart"):
        DelaunayWeights().compute(panel([100.0, 102.0, 100.0, 102.0, 100.9], [30.0, 30.0, 30.0, 32.1, 31.0]))
    bare = pd.DataFrame({"unit": list("aabb"), "time": [1, 2, 1, 2], "gdp": 1.0})
    with pytest.raises(WeightsError, match=r"give the panel the columns longitude and latitude"):
        DelaunayWeights().compute(Panel.from_frame(bare, "unit", "time"))
