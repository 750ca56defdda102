"""The kind of a file of weights is seen: the weights are those of the option for that kind."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from digicarbon.errors import WeightsError
from digicarbon.panel import Panel
from digicarbon.weights import AnyFileWeights, EdgeWeights, KNearestWeights, MatrixWeights, SpmatWeights, WeightsSpec

UNITS = ["a", "b", "c", "d"]
PANEL = Panel.from_frame(
    pd.DataFrame({"u": np.repeat(UNITS, 2), "t": np.tile([2012, 2013], 4), "y": np.arange(8.0)}), unit="u", time="t"
)
SQUARE = pd.DataFrame(
    [[0, 1, 0, 2], [1, 0, 3, 0], [0, 3, 0, 1], [2, 0, 1, 0]], index=pd.Index(UNITS, name=""), columns=UNITS
)
PAIRS = pd.DataFrame({"from": ["a", "b", "c", "d"], "to": ["b", "c", "d", "a"], "km": [1.0, 3.0, 1.0, 2.0]})
PLACES = pd.DataFrame({"city": UNITS, "lon": [100.0, 101.0, 105.0, 106.0], "lat": [30.0, 31.0, 30.0, 33.0]})


def _same(path: Path, spec: WeightsSpec, **fields: int) -> None:
    np.testing.assert_array_equal(
        AnyFileWeights(path=str(path), **fields).compute(PANEL).dense(), spec.compute(PANEL).dense()
    )


def test_each_kind_is_seen(tmp_path: Path) -> None:
    square, pairs, places = tmp_path / "square.csv", tmp_path / "pairs.csv", tmp_path / "places.csv"
    SQUARE.to_csv(square)
    _same(square, MatrixWeights(path=str(square)))
    PAIRS.to_csv(pairs, index=False)
    _same(pairs, EdgeWeights(path=str(pairs), origin="from", destination="to", weight="km"))
    PLACES.to_csv(places, index=False)
    nearest = {"coordinates": str(places), "unit": "city", "longitude": "lon", "latitude": "lat"}
    _same(places, KNearestWeights(k=2, **nearest), k=2)
    two = tmp_path / "two.csv"
    PAIRS[["from", "to"]].to_csv(two, index=False)
    _same(two, EdgeWeights(path=str(two)))


def test_a_pair_in_both_directions_has_two_weights(tmp_path: Path) -> None:
    path = tmp_path / "pairs.csv"
    back = PAIRS.rename(columns={"from": "to", "to": "from"}).assign(km=5.0)[["from", "to", "km"]]
    pd.concat([PAIRS, back]).to_csv(path, index=False)
    _same(path, EdgeWeights(path=str(path), origin="from", destination="to", weight="km", symmetric=False))


def test_a_matrix_of_stata_is_seen(tmp_path: Path) -> None:
    path = tmp_path / "w.txt"
    rows = [f"{unit} {' '.join(map(str, SQUARE.loc[unit]))}" for unit in UNITS]
    path.write_text("\n".join(["4", *rows]), encoding="utf-8")
    _same(path, SpmatWeights(path=str(path)))


def test_what_is_none_of_these_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "odd.csv"
    PAIRS.assign(more="x").to_csv(path, index=False)
    with pytest.raises(WeightsError, match=r"odd\.csv.*square table.*pairs.*places"):
        AnyFileWeights(path=str(path)).compute(PANEL)
    PAIRS.to_csv(path, index=False)
    with pytest.raises(WeightsError, match=r"weights\.k=3: odd\.csv has no places"):
        AnyFileWeights(path=str(path), k=3).compute(PANEL)
