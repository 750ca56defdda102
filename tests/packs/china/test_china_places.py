"""Where provinces lie, without a file of places."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from digicarbon.errors import WeightsError
from digicarbon.numeric.spatial.geography import great_circle_km
from digicarbon.packs.china import facts
from digicarbon.packs.china.facts import provinces
from digicarbon.panel import Panel
from digicarbon.weights import (
    AdjacencyWeights,
    ContiguityWeights,
    InverseDistanceWeights,
    KNearestWeights,
    PermutedWeights,
)

UNITS = ["a", "b", "c", "d"]


def _panel(units: Sequence[object] = UNITS, gdp: Sequence[float] | None = None) -> Panel:
    sizes = list(gdp) if gdp is not None else [float(i + 1) for i in range(len(units))]
    rows = [(unit, year, size * year / 2) for unit, size in zip(units, sizes, strict=True) for year in (1, 3)]
    return Panel.from_frame(pd.DataFrame(rows, columns=["u", "t", "gdp"]).sample(frac=1, random_state=1), "u", "t")


def test_capitals_of_provinces_are_the_places_by_default() -> None:
    panel = _panel(["Jilin", "北京", "Hainan"])
    weights = InverseDistanceWeights(normalise="none").compute(panel)
    table = provinces().set_index("province").loc[["Hainan", "Jilin", "Beijing"]]
    distance = great_circle_km(table["longitude"], table["latitude"])
    assert weights.labels == ("Hainan", "Jilin", "北京")
    np.testing.assert_allclose(weights.dense()[0, 1:], 1 / distance[0, 1:], rtol=1e-14)
    with pytest.raises(
        WeightsError, match=r"weights\.coordinates=null knows the 31 provinces.*in weights\.coordinates"
    ):
        KNearestWeights().compute(_panel(["Texas", "Beijing"]))
    joined = AdjacencyWeights(islands="nearest", normalise="none").compute(panel).dense()
    np.testing.assert_array_equal(joined, [[0, 0, 1], [0, 0, 1], [1, 1, 0]])


def test_simplified_provinces_are_w1(data_folder: Path) -> None:
    path = data_folder / "china" / "geo" / "china_provinces_31_simplified_2km.geojson"
    panel = _panel(provinces()["province"].tolist())
    spec = ContiguityWeights(path=str(path), unit="province", islands="nearest", extra="drop")
    found = spec.compute(panel)
    # contiguity is not promised by simplified outlines, these happen to keep it; Hainan's nearest outline is Guangdong
    assert found.summary().links == 130
    assert found.labels[found.dense()[found.labels.index("Hainan")].argmax()] == "Guangdong"
    every = _panel(provinces(tibet=True)["province"].tolist())
    np.testing.assert_array_equal(spec.compute(every).dense(), AdjacencyWeights().compute(every).dense())


def test_permuted_keeps_the_spectrum_of_w1() -> None:
    panel = _panel(list(provinces()["province"]))
    plain = AdjacencyWeights().compute(panel)
    found = PermutedWeights(base=AdjacencyWeights(), seed=1).compute(panel)
    assert not np.array_equal(plain.dense(), found.dense())
    np.testing.assert_allclose(
        np.sort(np.linalg.eigvals(found.dense()).real), np.sort(np.linalg.eigvals(plain.dense()).real), atol=1e-9
    )
    assert "permuted" in found.name


def test_provinces_lie_at_their_capitals_whatever_the_panel_says() -> None:
    names = facts.provinces()["province"][:5].tolist()
    frame = pd.DataFrame({"unit": np.repeat(names, 2), "time": [1, 2] * 5, "longitude": 0.0, "latitude": 0.0})
    assert KNearestWeights(k=1).compute(Panel.from_frame(frame, "unit", "time")).labels == tuple(sorted(names))


def test_capitals_agree_with_the_published_table(data_folder: Path) -> None:
    places = facts.provinces()
    table = pd.read_csv(data_folder / "china/weights/capital_great_circle_km.csv", index_col=0, encoding="utf-8")
    wanted = table.loc[places["province"], places["province"]].to_numpy()
    # the file has two decimals
    np.testing.assert_allclose(great_circle_km(places["longitude"], places["latitude"]), wanted, rtol=0, atol=0.005)
