"""Each construction against a hand calculation or libpysal, the text formats, and the sentences for what is wrong."""

from __future__ import annotations

import itertools
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from conftest import REPOSITORY
from scipy import sparse

from digicarbon.config.compose import Composer, loader, missing
from digicarbon.config.describe import find_option
from digicarbon.errors import ConfigError, DataError, WeightsError
from digicarbon.note import note_of
from digicarbon.numeric.spatial import operator, proximity
from digicarbon.numeric.spatial.geography import great_circle_km
from digicarbon.panel import Panel
from digicarbon.plan.prepare import Preparation
from digicarbon.plan.runs import plan
from digicarbon.spec import build
from digicarbon.weights import (
    BlendWeights,
    ContiguityWeights,
    DistanceBandWeights,
    EconomicWeights,
    EdgeWeights,
    ExponentialWeights,
    GalWeights,
    GwtWeights,
    HigherOrderWeights,
    InverseDistanceWeights,
    KNearestWeights,
    MatrixWeights,
    NestedWeights,
    PermutedWeights,
    ProductWeights,
    SpmatWeights,
    Weights,
    WeightsSpec,
)

UNITS = ["a", "b", "c", "d"]
X = np.array([0.0, 1.0, 3.0, 10.0])
"""Places on a line; distances a-b 1, b-c 2, a-c 3, c-d 7, b-d 9, a-d 10."""


def _panel(units: Sequence[object] = UNITS, gdp: Sequence[float] | None = None) -> Panel:
    sizes = list(gdp) if gdp is not None else [float(i + 1) for i in range(len(units))]
    rows = [(unit, year, size * year / 2) for unit, size in zip(units, sizes, strict=True) for year in (1, 3)]
    return Panel.from_frame(pd.DataFrame(rows, columns=["u", "t", "gdp"]).sample(frac=1, random_state=1), "u", "t")


@pytest.fixture
def line(tmp_path: Path) -> dict[str, Any]:
    """Coordinates of the four units on a line, rows in another order and one unit too many."""
    path = tmp_path / "places.csv"
    path.write_text("unit,x,y\nd,10,0\nc,3,0\nz,5,5\na,0,0\nb,1,0\n", encoding="utf-8")
    return {"coordinates": str(path), "longitude": "x", "latitude": "y", "metric": "euclidean"}


def _write(path: Path, text: str) -> str:
    path.write_text(text, encoding="utf-8")
    return str(path)


def _ring(n: int) -> sparse.csr_array:
    return sparse.csr_array(np.roll(np.eye(n), 1, axis=0) + np.roll(np.eye(n), -1, axis=0))


# ---- distances


def test_k_nearest(line: dict[str, Any]) -> None:
    found = KNearestWeights(**line, k=2, normalise="none").compute(_panel())
    np.testing.assert_array_equal(found.dense(), [[0, 1, 1, 0], [1, 0, 1, 0], [1, 1, 0, 0], [0, 1, 1, 0]])
    np.testing.assert_array_equal(KNearestWeights(**line, k=1).compute(_panel()).dense().argmax(axis=1), [1, 0, 1, 2])


def test_weights_are_called_in_each_language_and_by_what_they_are_made_of(line: dict[str, Any]) -> None:
    base = {"_target_": "digicarbon.weights.KNearestWeights", **line, "k": 2}
    nearest = KNearestWeights(**line, k=2).compute(_panel())
    permuted = PermutedWeights(base=base, seed=3).compute(_panel())
    of_a_part = permuted.restrict(("d", "c", "b", "a"))
    assert [found.name for found in (nearest, permuted, of_a_part)] == ["2 nearest", *["2 nearest, permuted (3)"] * 2]
    assert [note_of(found.called).text("zh") for found in (nearest, permuted, of_a_part)] == [
        "2个最近邻",
        *["2个最近邻，随机交换（3）"] * 2,
    ]
    plain = Weights.from_edges([("a", "b")], name="mine")
    assert (plain.called, plain.words) == ("mine", None)


@pytest.fixture(params=[0, proximity.FEW], ids=["by a tree", "of all pairs"])
def search(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both ways to find the nearest places."""
    monkeypatch.setattr(proximity, "FEW", request.param)


@pytest.mark.usefixtures("search")
def test_k_nearest_equals_libpysal() -> None:
    from libpysal.graph import Graph

    points = np.random.default_rng(3).random((40, 2))
    expected = Graph.build_knn(points, k=4).sparse.toarray()
    found = proximity.nearest_pairs(points, "euclidean", 4).matrix(1.0)
    np.testing.assert_array_equal(found.toarray(), expected)


@pytest.mark.usefixtures("search")
def test_a_tie_goes_to_the_first_unit_whatever_rounding_says() -> None:
    corners = np.array([[0.1, 0.1], [0.4, 0.1], [0.1, 0.4], [0.4, 0.4], [0.25, 0.25]]) + 0.7
    found = proximity.nearest_pairs(corners, "euclidean", 2)
    assert found.destination[found.origin == 4].tolist() == [0, 1]


def test_k_must_leave_units(line: dict[str, Any]) -> None:
    with pytest.raises(WeightsError, match=r"weights\.k: .* 4 neighbours among 4 units; choose at most 3"):
        KNearestWeights(**line, k=4).compute(_panel())


@pytest.mark.usefixtures("search")
def test_great_circle_neighbours_are_those_of_the_distance_matrix() -> None:
    somewhere = np.random.default_rng(5).uniform((75.0, 18.0), (130.0, 50.0), (30, 2))
    # the date line and the poles, where degrees mislead
    places = np.vstack([somewhere, [[179.9, 10.0], [-179.9, 10.0], [0.0, 89.9], [180.0, 89.9]]])
    distance = great_circle_km(places[:, 0], places[:, 1])
    np.fill_diagonal(distance, np.inf)
    nearest = proximity.nearest_pairs(places, "great_circle", 5)
    expected = np.argsort(distance, axis=1, kind="stable")[:, :5]
    assert [set(row) for row in nearest.destination.reshape(-1, 5)] == [set(row) for row in expected]
    for radius in (50.0, 900.0, 25000.0):
        within = proximity.pairs_within(places, "great_circle", radius)
        np.testing.assert_array_equal(within.matrix(1.0).toarray(), distance <= radius)
    np.testing.assert_array_equal(distance[within.origin, within.destination], within.distance)


def test_distance_band(line: dict[str, Any]) -> None:
    found = DistanceBandWeights(**line, threshold=7.0, normalise="none").compute(_panel())
    np.testing.assert_array_equal(found.dense(), [[0, 1, 1, 0], [1, 0, 1, 0], [1, 1, 0, 1], [0, 0, 1, 0]])
    smallest = DistanceBandWeights(**line, normalise="none").compute(_panel())
    np.testing.assert_array_equal(smallest.dense(), found.dense())
    inverse = DistanceBandWeights(**line, threshold=2.0, weight="inverse", power=2.0, normalise="none", islands="keep")
    np.testing.assert_allclose(
        inverse.compute(_panel()).dense(), [[0, 1, 0, 0], [1, 0, 0.25, 0], [0, 0.25, 0, 0], [0, 0, 0, 0]]
    )


@pytest.mark.parametrize(
    ("kind", "fields", "weight"),
    [
        (DistanceBandWeights, {"threshold": 2.0}, 1.0),
        (DistanceBandWeights, {"threshold": 2.0, "weight": "inverse"}, 1 / 7),
        (InverseDistanceWeights, {"cutoff": 2.0, "power": 2.0}, 1 / 49),
        (ExponentialWeights, {"cutoff": 2.0, "alpha": 0.5}, np.exp(-3.5)),
    ],
)
def test_an_island_is_refused_kept_or_joined_to_the_nearest(
    line: dict[str, Any], kind: Any, fields: dict[str, Any], weight: float
) -> None:
    panel = _panel()
    with pytest.raises(WeightsError, match="no neighbour for d"):
        kind(**line, **fields).compute(panel)
    kept = kind(**line, **fields, islands="keep", normalise="none").compute(panel)
    assert kept.row_sums[3] == 0
    joined = kind(**line, **fields, islands="nearest", normalise="none").compute(panel)
    expected = kept.dense()
    expected[2, 3] = expected[3, 2] = weight
    np.testing.assert_allclose(joined.dense(), expected, rtol=1e-14)


def test_two_islands_that_are_nearest_to_each_other_are_joined_once(line: dict[str, Any]) -> None:
    found = DistanceBandWeights(**line, threshold=0.5, islands="nearest", normalise="none").compute(_panel())
    np.testing.assert_array_equal(found.dense(), [[0, 1, 0, 0], [1, 0, 1, 0], [0, 1, 0, 1], [0, 0, 1, 0]])


def test_inverse_distance_and_exponential_decay(line: dict[str, Any]) -> None:
    distance = np.abs(np.subtract.outer(X, X))
    off = ~np.eye(4, dtype=bool)
    expected = np.zeros((4, 4))
    expected[off] = distance[off] ** -1.5
    inverse = InverseDistanceWeights(**line, power=1.5, normalise="none").compute(_panel())
    np.testing.assert_allclose(inverse.dense(), expected, rtol=1e-14)
    expected[off] = np.exp(-0.3 * distance[off])
    decay = ExponentialWeights(**line, alpha=0.3).compute(_panel())
    np.testing.assert_allclose(decay.dense(), expected / expected.sum(axis=1, keepdims=True), rtol=1e-14)
    cut = ExponentialWeights(**line, alpha=0.3, cutoff=7.0, normalise="none").compute(_panel())
    np.testing.assert_allclose(cut.dense(), np.where(distance <= 7, expected, 0), rtol=1e-14)


@pytest.mark.parametrize(
    ("text", "fields", "sentence"),
    [
        ("unit,x,y\na,0,0\nb,1,0\nc,0,0\nd,9,9\n", {}, "a and c lie at the same place: their distance is 0"),
        ("unit,x,y\na,0,0\nb,1,0\ncc,3,0\nd,9,9\n", {}, r"p\.csv lacks c, which the panel has"),
        ("unit,x,y\na,0,0\nb,1,\nc,3,0\nd,9,9\n", {}, r"p\.csv: the y of b is missing"),
        ("unit,x,y\na,0,0\nb,1,?\nc,3,0\nd,9,9\n", {}, r"p\.csv: the y of b is no number: '\?'"),
        ("unit,x,y\na,0,0\nb,1,0\nc,3,0\nd,9,9\nb,2,0\n", {}, r"p\.csv has more than one row called b"),
        ("unit,x,Y\na,0,0\n", {}, r"weights\.latitude: p\.csv has no column 'y'"),
        (
            "unit,x,y\na,0,0\nb,1,116\nc,3,0\nd,9,9\n",
            {"metric": "great_circle"},
            "the y of b is 116, which is no degree",
        ),
    ],
)
def test_wrong_places_are_named(tmp_path: Path, text: str, fields: dict[str, Any], sentence: str) -> None:
    path = _write(tmp_path / "p.csv", text)
    places = {"coordinates": path, "longitude": "x", "latitude": "y", "metric": "euclidean", **fields}
    with pytest.raises(WeightsError, match=sentence):
        InverseDistanceWeights(**places).compute(_panel())


def test_a_missing_file_of_places_is_named_by_its_key(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"weights\.coordinates: there is no file 'q\.csv'"):
        KNearestWeights(coordinates=str(tmp_path / "q.csv")).compute(_panel())


def test_units_at_one_place_may_be_neighbours_by_rank(tmp_path: Path) -> None:
    path = _write(tmp_path / "p.csv", "unit,longitude,latitude\na,5,5\nb,5,5\nc,6,5\n")
    found = KNearestWeights(coordinates=path, k=1).compute(_panel(["a", "b", "c"]))
    np.testing.assert_array_equal(found.dense(), [[0, 1, 0], [1, 0, 0], [1, 0, 0]])


# ---- economies


def test_economic_distance_and_its_product_with_distance(line: dict[str, Any]) -> None:
    sizes = np.array([5.0, 1.0, 2.0, 4.0])
    panel = _panel(gdp=sizes)
    gap = np.abs(np.subtract.outer(sizes, sizes))
    distance = np.abs(np.subtract.outer(X, X))
    with np.errstate(divide="ignore"):
        expected = np.where(gap > 0, 1 / gap, 0)
        product = np.where(gap > 0, 1 / gap / distance**2, 0)
    np.testing.assert_allclose(EconomicWeights(normalise="none").compute(panel).dense(), expected, rtol=1e-14)
    found = ProductWeights(**line, power=2.0, normalise="none").compute(panel)
    np.testing.assert_allclose(found.dense(), product, rtol=1e-14)
    # the first period holds half of each mean
    window = EconomicWeights(window=(1, 2), normalise="none").compute(panel)
    np.testing.assert_allclose(window.dense(), 2 * expected, rtol=1e-14)
    names = {1: "Q4 2010", 3: "Q1 2011"}
    frame = panel.frame().reset_index()
    quarters = Panel.from_frame(frame.replace({panel.time_name: names}), panel.unit_name, panel.time_name)
    year = EconomicWeights(window=(2010, 2010), normalise="none").compute(quarters)
    np.testing.assert_array_equal(year.dense(), window.dense())
    nested = NestedWeights(**line, normalise="none").compute(panel)
    with np.errstate(divide="ignore"):
        inverse = np.where(distance > 0, 1 / distance, 0)
    np.testing.assert_allclose(nested.dense(), inverse * sizes / sizes.mean(), rtol=1e-14)


@pytest.mark.parametrize("kind", [EconomicWeights, ProductWeights])
def test_equal_means_name_both_units(kind: Any, line: dict[str, Any]) -> None:
    with pytest.raises(WeightsError, match=r"a and c have the same mean of 'gdp' \(2\)"):
        kind(**(line if kind is ProductWeights else {})).compute(_panel(gdp=[2.0, 1.0, 2.0, 3.0]))


# ---- made from other weights

RING = pd.DataFrame({"unit": list("abcdef"), "neighbour": list("bcdefa")})


@pytest.fixture
def ring(tmp_path: Path) -> dict[str, Any]:
    RING.to_csv(tmp_path / "ring.csv", index=False)
    return {"_target_": "digicarbon.weights.EdgeWeights", "path": str(tmp_path / "ring.csv"), "normalise": "none"}


def test_higher_orders_of_a_ring(ring: dict[str, Any]) -> None:
    panel = _panel(list("abcdef"))
    second = HigherOrderWeights(base=ring, normalise="none").compute(panel).dense()
    np.testing.assert_array_equal(second[0], [0, 0, 1, 0, 1, 0])
    third = HigherOrderWeights(base=ring, order=3, normalise="none").compute(panel).dense()
    np.testing.assert_array_equal(third[0], [0, 0, 0, 1, 0, 0])
    both = HigherOrderWeights(base=ring, lower=True).compute(panel)
    np.testing.assert_allclose(both.dense()[0], [0, 0.25, 0.25, 0, 0.25, 0.25])
    with pytest.raises(WeightsError, match="no two units are 4 steps apart in ring"):
        HigherOrderWeights(base=ring, order=4).compute(panel)


@pytest.mark.parametrize("lower", [False, True])
@pytest.mark.parametrize("order", [2, 3])
def test_higher_orders_equal_libpysal(order: int, lower: bool) -> None:
    from libpysal.graph import Graph

    points = np.random.default_rng(5).random((30, 2))
    band = proximity.pairs_within(points, "euclidean", 0.25).matrix(1.0)
    expected = Graph.from_sparse(sparse.coo_array(band)).higher_order(order, lower_order=lower)
    np.testing.assert_array_equal(proximity.higher_order(band, order, lower).toarray(), expected.sparse.toarray())


def test_a_blend_adds_matrices_of_one_normalisation(ring: dict[str, Any]) -> None:
    panel = _panel(list("abcdef"))
    economic = EconomicWeights().compute(panel).dense()
    node = {"_target_": "digicarbon.weights.EconomicWeights", "normalise": "none"}
    blend = BlendWeights(first=ring, second=node, share=0.3).compute(panel)
    expected = 0.3 * _ring(6).toarray() / 2 + 0.7 * economic
    np.testing.assert_allclose(blend.dense(), expected, rtol=1e-14)
    plain = BlendWeights(first=ring, second=node, share=0.3, normalise="none").compute(panel)
    raw = EconomicWeights(normalise="none").compute(panel).dense()
    np.testing.assert_allclose(plain.dense(), 0.3 * _ring(6).toarray() + 0.7 * raw, rtol=1e-14)
    one = BlendWeights(first=ring, second=node, share=1.0).compute(panel)
    np.testing.assert_array_equal(one.dense(), _ring(6).toarray() / 2)


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"share": 1.5}, r"weights\.share.* at most 1; got 1\.5"),
        ({"share": -0.1}, r"weights\.share.* at least 0; got -0\.1"),
        ({"first": "w1_adjacency"}, r"weights\.first.*must be a node with a `_target_`"),
        ({"first": {"_target_": "digicarbon.weights.KNearestWeights", "kk": 2}}, r"weights\.first.*kk is not a field"),
        ({"first": {"_target_": "digicarbon.source.TableSource"}}, r"is not a digicarbon WeightsSpec"),
        ({"islands": "nearest"}, r"weights\.islands.*nearest needs to know where units lie"),
    ],
)
def test_a_blend_is_checked_when_built(fields: dict[str, Any], sentence: str) -> None:
    w1 = {"_target_": "digicarbon.weights.KNearestWeights"}
    node = {"_target_": "digicarbon.weights.BlendWeights", "first": w1, "second": w1, **fields}
    with pytest.raises(ConfigError, match=sentence):
        build(node, WeightsSpec, "weights")


def test_blends_of_different_classes_are_told_apart() -> None:
    # the key under which a sweep keeps weights: fields alone would confuse classes that share them
    first, second = (
        BlendWeights(first=KNearestWeights(), second=side) for side in (ExponentialWeights(), InverseDistanceWeights())
    )
    assert first.model_dump_json() != second.model_dump_json()
    assert '"_target_":"digicarbon.weights.distance.ExponentialWeights"' in first.model_dump_json()
    assert BlendWeights(**first.model_dump()) == first


# ---- polygons


def _lattice(path: Path, names: Sequence[str], driver: str = "GeoJSON", lonely: bool = False) -> str:
    """Write a 3 by 3 lattice of unit squares named row by row, and one square far to the east of the fifth."""
    import geopandas
    from shapely import box

    squares = [box(i % 3, i // 3, i % 3 + 1, i // 3 + 1) for i in range(9)]
    if lonely:
        squares.append(box(5, 1.2, 6, 1.4))
    frame = geopandas.GeoDataFrame({"name": list(names)}, geometry=squares, crs="EPSG:3857")
    frame.sample(frac=1, random_state=2).to_file(path, driver=driver)
    return str(path)


NINE = list("abcdefghi")


@pytest.mark.parametrize(
    ("file", "driver"), [("w.geojson", "GeoJSON"), ("w.shp", "ESRI Shapefile"), ("w.gpkg", "GPKG")]
)
def test_queen_and_rook_on_a_lattice(tmp_path: Path, file: str, driver: str) -> None:
    path = _lattice(tmp_path / file, NINE, driver)
    row, column = np.divmod(np.arange(9), 3)
    across, down = np.abs(np.subtract.outer(column, column)), np.abs(np.subtract.outer(row, row))
    panel = _panel(NINE)
    rook = ContiguityWeights(path=path, unit="name", rule="rook", normalise="none").compute(panel)
    np.testing.assert_array_equal(rook.dense(), across + down == 1)
    queen = ContiguityWeights(path=path, unit="name", normalise="none").compute(panel)
    np.testing.assert_array_equal(queen.dense(), np.maximum(across, down) == 1)
    assert (queen.name, rook.name) == ("queen", "rook")


def test_a_lonely_polygon_is_joined_to_the_nearest_outline(tmp_path: Path) -> None:
    path = _lattice(tmp_path / "w.geojson", [*NINE, "j"], lonely=True)
    panel = _panel([*NINE, "j"])
    fields = {"path": path, "unit": "name", "normalise": "none"}
    with pytest.raises(WeightsError, match="no neighbour for j"):
        ContiguityWeights(**fields).compute(panel)
    joined = ContiguityWeights(**fields, islands="nearest").compute(panel).dense()
    assert joined[9].nonzero()[0].tolist() == joined[:, 9].nonzero()[0].tolist() == [5]
    wide = ContiguityWeights(**fields, tolerance=2.1).compute(panel).dense()
    assert wide[9].nonzero()[0].tolist() == [2, 5, 8]
    touching = ContiguityWeights(**fields, tolerance=0.0, islands="keep").compute(panel).dense()
    queen = ContiguityWeights(**fields, islands="keep").compute(panel).dense()
    np.testing.assert_array_equal(touching, queen)


def test_wrong_polygons_are_named(tmp_path: Path) -> None:
    path = _lattice(tmp_path / "w.geojson", NINE)
    with pytest.raises(WeightsError, match=r"weights\.unit: w\.geojson has no column 'nam'\. Did you mean 'name'"):
        ContiguityWeights(path=path, unit="nam").compute(_panel(NINE))
    with pytest.raises(WeightsError, match=r"w\.geojson lacks z"):
        ContiguityWeights(path=path, unit="name").compute(_panel(["z", "a"]))
    with pytest.raises(WeightsError, match=r"not units of the panel: c, d, e.*extra=drop"):
        ContiguityWeights(path=path, unit="name").compute(_panel(["a", "b"]))
    assert ContiguityWeights(path=path, unit="name", extra="drop").compute(_panel(["a", "b"])).matrix.nnz == 2
    twice = _lattice(tmp_path / "t.geojson", [*NINE[:-1], "a"])
    with pytest.raises(WeightsError, match=r"t\.geojson has more than one polygon called a"):
        ContiguityWeights(path=twice, unit="name", extra="drop").compute(_panel(["a", "b"]))
    point = {"type": "Feature", "properties": {"name": "a"}, "geometry": {"type": "Point", "coordinates": [1, 2]}}
    points = _write(tmp_path / "p.geojson", json.dumps({"type": "FeatureCollection", "features": [point]}))
    with pytest.raises(WeightsError, match=r"p\.geojson: a has no polygon \(but Point\)"):
        ContiguityWeights(path=points, unit="name").compute(_panel(["a"]))
    with pytest.raises(DataError, match=r"q\.geojson cannot be read as a file of polygons"):
        ContiguityWeights(path=_write(tmp_path / "q.geojson", "no json"), unit="name").compute(_panel(["a"]))
    with pytest.raises(DataError, match=r"weights\.path: there is no file 'x\.geojson'.*Did you mean"):
        ContiguityWeights(path=str(tmp_path / "x.geojson"), unit="name").compute(_panel(["a"]))
    with pytest.raises(ConfigError, match="tolerance joins polygons that are near"):
        build(
            {"_target_": "digicarbon.weights.ContiguityWeights", "path": path, "unit": "name", "rule": "rook",
             "tolerance": 1.0}, WeightsSpec, "weights",
        )  # fmt: skip


# ---- text formats

GAL = "0 4 shape id\na 1\nb\nb 2\na c\nc 1\nb\nd 0\n\n"
CHAIN = np.array([[0, 1, 0, 0], [1, 0, 1, 0], [0, 1, 0, 0], [0, 0, 0, 0]], dtype=float)


@pytest.mark.parametrize("text", [GAL, GAL.removesuffix("\n"), GAL.replace("0 4 shape id", "4"), "\ufeff" + GAL])
def test_gal(tmp_path: Path, text: str) -> None:
    path = _write(tmp_path / "w.gal", text)
    found = GalWeights(path=path, islands="keep", normalise="none").compute(_panel())
    np.testing.assert_array_equal(found.dense(), CHAIN)
    with pytest.raises(WeightsError, match="w: no neighbour for d"):
        GalWeights(path=path).compute(_panel())


def test_gal_and_gwt_of_libpysal_come_back(tmp_path: Path) -> None:
    from libpysal.graph import Graph

    names = ["Inner Mongolia", "北京", "c_d", "7"]
    weight = np.where(np.eye(4) == 1, 0, np.arange(16).reshape(4, 4) / 7)
    graph = Graph.from_sparse(sparse.coo_array(weight), ids=names)
    graph.to_gwt(tmp_path / "w.gwt")
    text = (tmp_path / "w.gwt").read_text(encoding="utf-8")
    assert "Inner_Mongolia" in text
    panel = _panel(names)
    order = [names.index(unit) for unit in panel.units]
    expected = graph.sparse.toarray()[np.ix_(order, order)]
    found = GwtWeights(path=str(tmp_path / "w.gwt"), normalise="none").compute(panel)
    np.testing.assert_allclose(found.dense(), expected, atol=1e-7)
    binary = GwtWeights(path=str(tmp_path / "w.gwt"), values="binary", normalise="none").compute(panel)
    np.testing.assert_array_equal(binary.dense(), expected > 0)
    codes = Graph.from_sparse(sparse.coo_array(CHAIN), ids=[11, 2, 31, 4])
    codes.to_gal(tmp_path / "w.gal")
    units = _panel([11, 2, 31, 4])
    order = [[11, 2, 31, 4].index(int(unit)) for unit in units.units]
    gal = GalWeights(path=str(tmp_path / "w.gal"), normalise="none", islands="keep").compute(units)
    np.testing.assert_array_equal(gal.dense(), codes.sparse.toarray()[np.ix_(order, order)])


def test_distances_of_geoda_are_inverted(tmp_path: Path) -> None:
    path = _write(tmp_path / "w.gwt", "0 3 shape id\na b 2\nb a 2\nb c 4\nc b 4\n")
    found = GwtWeights(path=path, values="distance", normalise="none").compute(_panel(["a", "b", "c"]))
    np.testing.assert_array_equal(found.dense(), [[0, 0.5, 0], [0.5, 0, 0.25], [0, 0.25, 0]])


SPMAT = "3\n20 0 .25 1.5e-1\n3 .5 0 0\n101 0 1 0\n"


def test_spmat(tmp_path: Path) -> None:
    found = SpmatWeights(path=_write(tmp_path / "w.txt", SPMAT), normalise="none").compute(_panel([3, 20, 101]))
    assert found.labels == ("3", "20", "101")
    np.testing.assert_array_equal(found.dense(), [[0, 0.5, 0], [0.25, 0, 0.15], [1, 0, 0]])
    listed = SpmatWeights(path=_write(tmp_path / "n.txt", "3\n20 3 101\n3 20\n101\n"), layout="neighbours",
                          islands="keep", normalise="none").compute(_panel([3, 20, 101]))  # fmt: skip
    np.testing.assert_array_equal(listed.dense(), [[0, 1, 0], [1, 0, 1], [0, 0, 0]])


@pytest.mark.parametrize(
    ("kind", "text", "sentence"),
    [
        (GalWeights, "x\n", "line 1: 'x' must be the number of units"),
        (GalWeights, "2\na 1\nb\n", "line 1: 2 units are announced, but 1 follow; the file may be cut off"),
        (GalWeights, "2\na 2\nb\nb 1\na\n", "line 3: a is listed with 2 neighbours, but 1 follow"),
        (GalWeights, "2\na 1\nb\nb 1\n", "line 4: b is listed with 1 neighbours, but 0 follow"),
        (GalWeights, "2\na b 1\nb\n", "line 2: 'a b 1' must be a label without blanks"),
        (GalWeights, "2\na 1\nb\na 1\nb\n", "line 4: a is repeated"),
        (GalWeights, "2\na 1\nc\nb 1\na\n", "line 3: the neighbour c has no line of its own"),
        (GwtWeights, "0 2 s i\na b\n", r"line 2: a unit, its neighbour and a number are needed; got \['a', 'b'\]"),
        (GwtWeights, "0 2 s i\na b 1\nb a one\n", "line 3: the weight is no number: 'one'"),
        (GwtWeights, "0 1 s i\na b 1\n", "line 1: 1 units are announced, but the lines below name 2"),
        (SpmatWeights, "2 0 1\na 0 1\nb 1 0\n", "line 1: '2 0 1' must be the number of units alone; a banded matrix"),
        (SpmatWeights, "2\n0 1\n1 0\n", "line 2: an identifier and 2 weights are needed, 3 words; got 2"),
        (SpmatWeights, "2\na 0 1\n\nb . 0\n", r"line 4: the weight is no number: '\.'"),
        (SpmatWeights, "2\na 0 1\na 1 0\n", "line 3: a is repeated"),
        (SpmatWeights, "3\na 0 1 1\nb 1 0 1\n", "line 1: 3 units are announced, but 2 follow"),
        (SpmatWeights, "2\na 0 -1\nb 1 0\n", r"a to b \(-1\) is negative"),
        (SpmatWeights, "2\na 0 1\nc 1 0\n", r"w\.txt lacks b, which the panel has"),
        (GalWeights, "3\na 1\nb\nb 1\na\nc 1\na\n", r"w\.txt has labels that are not units of the panel: c"),
    ],
)
def test_wrong_lines_are_named(tmp_path: Path, kind: Any, text: str, sentence: str) -> None:
    with pytest.raises(WeightsError, match=sentence) as caught:
        kind(path=_write(tmp_path / "w.txt", text)).compute(_panel(["a", "b"]))
    assert str(caught.value).startswith("w")


def test_text_files_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=r"w\.gwt, line 2: the distance a to b is 0"):
        GwtWeights(path=_write(tmp_path / "w.gwt", "0 2 s i\na b 0\nb a 0\n"), values="distance").compute(_panel())
    with pytest.raises(DataError, match=r"weights\.path: there is no file 'v\.gwt'.*Did you mean 'w\.gwt'"):
        GwtWeights(path=str(tmp_path / "v.gwt")).compute(_panel())
    with pytest.raises(DataError, match=r"e\.gal is empty"):
        GalWeights(path=_write(tmp_path / "e.gal", " \n")).compute(_panel())
    (tmp_path / "g.gal").write_bytes("2\n北京 1\n天津\n天津 1\n北京\n".encode("gb18030"))
    gbk = GalWeights(path=str(tmp_path / "g.gal"))
    assert gbk.compute(_panel(["北京", "天津"])).matrix.nnz == 2
    with pytest.raises(DataError, match=r"g\.gal is not text in utf-8\. Set weights\.encoding"):
        GalWeights(path=str(tmp_path / "g.gal"), encoding="utf-8").compute(_panel(["北京", "天津"]))
    with pytest.raises(DataError, match=r"weights\.encoding: 'utf9' is not a known encoding"):
        GalWeights(path=str(tmp_path / "g.gal"), encoding="utf9").compute(_panel(["北京", "天津"]))


# ---- normalisation, islands, summary

RAW = np.array([[0.0, 1.0, 3.0], [1.0, 0.0, 0.0], [2.0, 2.0, 0.0]])


def test_normalisations() -> None:
    made = {how: Weights.from_matrix(RAW, list("abc"), normalise=how) for how in ("row", "spectral", "minmax", "none")}
    np.testing.assert_allclose(made["row"].row_sums, 1)
    assert np.abs(np.linalg.eigvals(made["spectral"].dense())).max() == pytest.approx(1.0, rel=1e-14)
    # row sums 4, 1, 4; column sums 3, 3, 3
    np.testing.assert_array_equal(made["minmax"].dense(), RAW / 3)
    np.testing.assert_array_equal(made["none"].dense(), RAW)
    for how, weights in made.items():
        assert weights.normalisation == how
        np.testing.assert_array_equal(weights.raw.toarray(), RAW)
    assert made["row"].digest == Weights.from_matrix(RAW, list("abc")).digest
    assert "spectral-normalised" in repr(made["spectral"])


@pytest.mark.parametrize("how", ["row", "spectral", "minmax", "none"])
def test_a_part_is_normalised_anew(how: Any) -> None:
    part = Weights.from_matrix(RAW, list("abc"), normalise=how).restrict(["c", "a"])
    whole = Weights.from_matrix([[0, 2], [3, 0]], ["c", "a"], normalise=how)
    np.testing.assert_array_equal(part.dense(), whole.dense())
    assert part.normalisation == how


@pytest.mark.parametrize("n", [8, 600])
@pytest.mark.parametrize("directed", [False, True])
def test_spectral_radius_of_small_and_large_matrices(n: int, directed: bool) -> None:
    rng = np.random.default_rng(n)
    raw = _ring(n) if not directed else sparse.csr_array(_ring(n) * rng.uniform(0.5, 1.5, n))
    expected = np.abs(np.linalg.eigvals(raw.toarray())).max()
    assert operator.spectral_radius(raw) == pytest.approx(expected, rel=1e-10)
    assert directed or expected == pytest.approx(2.0)


def test_a_matrix_without_return_has_no_spectral_form() -> None:
    with pytest.raises(WeightsError, match="W: no path leads from a unit back to itself"):
        Weights.from_edges([("a", "b"), ("b", "c")], symmetric=False, islands="keep", normalise="spectral")


def test_choices_of_the_python_surface_are_checked() -> None:
    wrong: Any = "rows"
    nowhere: Any = "nearest"
    with pytest.raises(WeightsError, match=r"normalise must be one of 'row', .*; got 'rows'"):
        Weights.from_matrix(RAW, list("abc"), normalise=wrong)
    with pytest.raises(WeightsError, match=r"islands must be one of 'refuse', 'keep'; got 'nearest'"):
        Weights.from_edges([("a", "b")], islands=nowhere)


@pytest.mark.parametrize("kind", [EdgeWeights, MatrixWeights, GalWeights, GwtWeights, SpmatWeights])
def test_files_without_places_refuse_to_join_islands(kind: Any) -> None:
    node = {"_target_": f"digicarbon.weights.{kind.__name__}", "path": "w", "islands": "nearest"}
    with pytest.raises(ConfigError, match=r"weights\.islands: nearest needs to know where units lie"):
        build(node, WeightsSpec, "weights")


def test_summary() -> None:
    found = Weights.from_edges([("a", "b"), ("b", "c"), ("d", "e")], labels=list("abcdef"), islands="keep").summary()
    assert (found.n, found.links, found.density) == (6, 6, pytest.approx(0.2))
    assert (found.neighbours_min, found.neighbours_mean, found.neighbours_max) == (0, 1.0, 2)
    assert (found.islands, found.components, found.symmetric) == (("f",), 3, True)
    assert (found.normalisation, found.rho_low, found.rho_high) == ("row", pytest.approx(-1), pytest.approx(1))
    plain = Weights.from_matrix(_ring(6), range(6), normalise="none").summary()
    assert (plain.rho_low, plain.rho_high) == (pytest.approx(-0.5), pytest.approx(0.5))
    one_way = Weights.from_edges([("a", "b")], symmetric=False, islands="keep").summary()
    assert (one_way.symmetric, one_way.rho_low, one_way.rho_high) == (False, -np.inf, np.inf)
    assert one_way.components == 1


# ---- shipped options

SHIPPED = sorted(path.stem for path in (REPOSITORY / "conf" / "weights").glob("*.yaml"))


@pytest.fixture(scope="module")
def composer() -> Composer:
    return Composer(loader(), "config")


def _needs_file(option: str, composer: Composer) -> bool:
    return bool([key for key in missing(composer.merged({"weights": option})) if key.startswith("weights.")])


def _reads_file(option: str) -> bool:
    """Return whether the class of an option declares a file to read that must be named."""
    cls = find_option("weights", option).spec
    return any(cls.model_fields[name].is_required() for name in cls.reads)


def test_shipped_options_that_need_no_file(composer: Composer) -> None:
    without_file = {option for option in SHIPPED if not _reads_file(option)}
    assert without_file
    assert {option for option in SHIPPED if not _needs_file(option, composer)} == without_file


SHOP = Preparation()


@pytest.mark.long
@pytest.mark.parametrize("option", SHIPPED)
def test_shipped_option_enters_a_two_way_sdm(option: str, composer: Composer) -> None:
    chosen = Composer(composer.loader, "config", ["model=sdm", "model.effects=two_way", f"weights={option}"])
    if _needs_file(option, composer):
        with pytest.raises(ConfigError, match=rf"weights\.path is required by weights={option}"):
            plan(chosen, preparation=SHOP)
        return
    if option == "none":
        with pytest.raises(ConfigError, match=r"model=sdm needs spatial weights; choose weights=… other than none"):
            plan(chosen, preparation=SHOP)
        return
    varies = find_option("weights", option).spec.varies
    if varies:
        # one W for all periods does not hold them; a model by period does
        with pytest.raises(WeightsError, match="differ between periods"):
            plan(chosen, preparation=SHOP)
        words = ["model=unbalanced_spatial", "model.kind=sdm", "model.effects=two_way", "model.test=errors"]
        chosen = Composer(composer.loader, "config", [*words, f"weights={option}"])
    run = plan(chosen, preparation=SHOP).runs[0]
    made = run.prepared.weights
    assert made is not None
    parts = getattr(made, "parts", (made,))
    assert hasattr(made, "parts") == varies
    assert [part.constant_row_sum for part in parts] == pytest.approx([1.0] * len(parts))
    result = run.specs.model.fit(run.prepared.panel, run.prepared.weights)
    # a parameter at its boundary has no standard error, and a note that says so
    boundary = any("rho lies at the boundary" in note for note in tuple(map(str, result.notes)))
    assert np.isfinite(result.estimates["se"].drop("rho") if boundary else result.estimates["se"]).all()


# ---- permutations


def test_permuted(line: dict[str, Any]) -> None:
    base = InverseDistanceWeights(**line)
    plain = base.compute(_panel())
    found = PermutedWeights(base=base, seed=2).compute(_panel())
    orders = [list(order) for order in itertools.permutations(range(4))]
    fits = [order for order in orders if np.array_equal(plain.dense()[order][:, order], found.dense())]
    assert len(fits) == 1
    assert fits[0] != [0, 1, 2, 3]
    assert found.labels == plain.labels
    assert found.normalisation == "row"
    assert PermutedWeights(base=base, seed=2).compute(_panel()).digest == found.digest
    assert len({PermutedWeights(base=base, seed=seed).compute(_panel()).digest for seed in range(40)}) > 10


def test_a_permuted_matrix_says_so_wherever_it_goes(line: dict[str, Any]) -> None:
    panel, base = _panel(), InverseDistanceWeights(**line)
    name = base.compute(panel).name
    node = PermutedWeights(base=base, seed=7)
    said = (f"PLACEBO: the units of {name} exchange their neighbours at random (seed 7).",)
    assert tuple(map(str, base.compute(panel).notes)) == ()
    assert (
        tuple(map(str, node.compute(panel).notes))
        == tuple(map(str, node.compute(panel).restrict(panel.units[:3]).notes))
        == said
    )
    for made in (
        BlendWeights(first=base, second=node),
        BlendWeights(first=base, second=node, normalise="none"),
        HigherOrderWeights(base=KNearestWeights(**line, k=1), islands="keep", lower=True),
        HigherOrderWeights(base=PermutedWeights(base=KNearestWeights(**line, k=1), seed=7), islands="keep", lower=True),
    ):
        placebo = [note.startswith("PLACEBO: the units of ") for note in tuple(map(str, made.compute(panel).notes))]
        assert placebo == ([True] if "Permuted" in repr(made) else [])
    twice = tuple(map(str, PermutedWeights(base=node, seed=1).compute(panel).notes))
    assert twice == (*said, f"PLACEBO: the units of {name}, permuted (7) exchange their neighbours at random (seed 1).")


def test_permuted_islands(tmp_path: Path) -> None:
    base = EdgeWeights(path=_write(tmp_path / "e.csv", "unit,neighbour\na,b\nb,c\n"), islands="keep")
    with pytest.raises(WeightsError, match="no neighbour for"):
        PermutedWeights(base=base).compute(_panel())
    assert (PermutedWeights(base=base, islands="keep").compute(_panel()).row_sums == 0).sum() == 1
