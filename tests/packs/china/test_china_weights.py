"""W1, and W2 of provinces: neighbours, capitals, and the names that are known."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from digicarbon.errors import WeightsError
from digicarbon.packs.china.facts import adjacency, provinces
from digicarbon.panel import Panel
from digicarbon.weights import AdjacencyWeights, EdgeWeights, MatrixWeights, NestedWeights, Weights, WeightsSpec

PROVINCES = provinces()
NAMES = PROVINCES["province"].tolist()


def _panel(units: Sequence[object], seed: int = 1, years: Sequence[int] = (2012, 2013, 2014)) -> Panel:
    """A panel whose GDP differs by unit and year, its rows shuffled."""
    rng = np.random.default_rng(seed)
    rows = [(unit, year, float(rng.uniform(1e3, 9e4))) for unit in units for year in years]
    frame = pd.DataFrame(rows, columns=["u", "t", "gdp"])
    return Panel.from_frame(frame.sample(frac=1, random_state=seed), "u", "t")


def _named(weights: Weights) -> pd.DataFrame:
    return pd.DataFrame(weights.dense(), index=weights.labels, columns=weights.labels)


def test_w1_is_the_65_edges() -> None:
    weights = AdjacencyWeights(normalise="none").compute(_panel(NAMES))
    found = _named(weights)
    pairs = {frozenset(pair) for pair in adjacency().itertuples(index=False)}
    assert len(pairs) == 65
    assert found.to_numpy().sum() == 130
    assert all(found.loc[a, b] == found.loc[b, a] == 1 for a, b in map(tuple, pairs))
    assert found.loc["Hainan", "Guangdong"] == 1
    assert weights.name == "W1"


def test_w1_equals_the_matrix_of_the_data_folder(data_folder: Path) -> None:
    path = data_folder / "china" / "weights" / "W1_adjacency_30_hainan_guangdong.csv"
    panel = _panel(NAMES)
    expected = pd.read_csv(path, index_col=0).loc[list(panel.units), list(panel.units)]
    np.testing.assert_array_equal(AdjacencyWeights(normalise="none").compute(panel).dense(), expected)
    from_file = MatrixWeights(path=str(path)).compute(panel)
    np.testing.assert_array_equal(from_file.dense(), AdjacencyWeights().compute(panel).dense())
    edges = EdgeWeights(
        path=str(path.with_name("W1_edges_65.csv")), origin="province_i", destination="province_j"
    ).compute(panel)
    np.testing.assert_array_equal(edges.dense(), from_file.dense())


@pytest.mark.parametrize("column", ["adcode", "name_zh", "short_zh"])
@pytest.mark.parametrize("spec", [AdjacencyWeights(), NestedWeights()])
def test_provinces_may_be_named_in_chinese_or_by_code(column: str, spec: WeightsSpec) -> None:
    english = dict(zip(map(str, PROVINCES[column]), NAMES, strict=True))
    panel = _panel(PROVINCES[column].tolist())
    weights = spec.compute(panel)
    assert weights.labels == panel.units
    # seeds are per position, so that both panels hold the same GDP for the same province
    expected = _named(spec.compute(_panel(NAMES)))
    order = [english[unit] for unit in panel.units]
    np.testing.assert_allclose(weights.dense(), expected.loc[order, order], rtol=1e-13)


def test_w1_of_some_provinces_is_standardised_among_them() -> None:
    found = _named(AdjacencyWeights().compute(_panel(["Jilin", "Heilongjiang", "Liaoning"])))
    assert found.loc["Jilin"].tolist() == [0.5, 0.0, 0.5]
    assert found.loc["Heilongjiang", "Jilin"] == 1


def test_w1_island_is_refused_or_kept() -> None:
    panel = _panel(["Hainan", "Beijing", "Tianjin"])
    with pytest.raises(WeightsError, match=r"W1: no neighbour for Hainan"):
        AdjacencyWeights().compute(panel)
    assert _named(AdjacencyWeights(islands="keep").compute(panel)).loc["Hainan"].sum() == 0


@pytest.mark.parametrize("spec", [AdjacencyWeights(), NestedWeights()])
def test_a_unit_that_is_no_province_is_refused(spec: WeightsSpec) -> None:
    with pytest.raises(
        WeightsError, match=r"31 provinces.*Bejing, Texas.*Did you mean 'Beijing'.*e\.g\. weights=neighbours"
    ):
        spec.compute(_panel(["Bejing", "Texas", "Tianjin"]))
    with pytest.raises(WeightsError, match="Beijing, 北京 are all Beijing"):
        spec.compute(_panel(["Beijing", "北京", "Tianjin"]))


def test_w2_equals_the_distance_file_within_its_precision(data_folder: Path) -> None:
    file = pd.read_csv(data_folder / "china" / "weights" / "capital_great_circle_km.csv", index_col=0)
    panel = _panel(NAMES)
    distance = file.loc[list(panel.units), list(panel.units)].to_numpy()
    economy = panel.cube(["gdp"])[:, :, 0].mean(axis=0)
    with np.errstate(divide="ignore"):
        raw = np.where(distance > 0, 1 / distance, 0) * economy / economy.mean()
    weights = NestedWeights().compute(panel)
    # distances are rounded to 10 m, and the shortest is 110 km; the file's earth is a sphere of 6,371 km
    np.testing.assert_allclose(weights.raw.toarray(), raw, rtol=1e-4)
    np.testing.assert_allclose(weights.dense(), raw / raw.sum(axis=1, keepdims=True), rtol=1e-4)
    assert weights.name == "W2"
