"""Nested weights, and weights from files with the sentences for labels that do not match."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from digicarbon.country import _nowhere
from digicarbon.errors import ConfigError, DataError, WeightsError
from digicarbon.panel import Panel
from digicarbon.source import TableSource
from digicarbon.spec import build
from digicarbon.weights import EdgeWeights, MatrixWeights, NestedWeights, Weights, WeightsSpec

NAMES = [f"unit {place:02d}" for place in range(30)]


def _panel(units: Sequence[object], seed: int = 1, years: Sequence[int] = (2012, 2013, 2014)) -> Panel:
    """A panel of places whose GDP differs by unit and year, its rows shuffled."""
    rng = np.random.default_rng(seed)
    rows = [(unit, year, float(rng.uniform(1e3, 9e4))) for unit in units for year in years]
    frame = pd.DataFrame(rows, columns=["u", "t", "gdp"])
    places = pd.DataFrame(rng.uniform((75, 18), (130, 50), (len(units), 2)), columns=["longitude", "latitude"])
    placed = frame.merge(places.assign(u=list(units)), on="u")
    return Panel.from_frame(placed.sample(frac=1, random_state=seed), "u", "t")


def _named(weights: Weights) -> pd.DataFrame:
    return pd.DataFrame(weights.dense(), index=weights.labels, columns=weights.labels)


# W2


def test_w2_does_not_collapse_to_inverse_distance() -> None:
    panel = _panel(NAMES)
    w2 = NestedWeights().compute(panel).dense()
    equal = panel.with_columns({"gdp": np.ones(len(panel.unit_codes))})
    plain = NestedWeights().compute(equal).dense()
    assert np.abs(w2 - plain).max() > 0.05
    # the neighbour's economy is what remains: w2 / plain, row by row, is proportional to it
    economy = panel.cube(["gdp"])[:, :, 0].mean(axis=0)
    off = ~np.eye(30, dtype=bool)
    ratio = np.divide(w2, plain * economy, out=np.zeros_like(w2), where=off)
    np.testing.assert_allclose(ratio[0, 1:], ratio[0, 1], rtol=1e-12)
    np.testing.assert_allclose(w2.sum(axis=1), 1, rtol=1e-14)


def test_w2_power_window_and_standardisation() -> None:
    panel = _panel(NAMES)
    first = NestedWeights(window=(2012, 2012), normalise="none", power=2.0).compute(panel)
    economy = panel.select(periods=[2012]).array(["gdp"])[:, 0]
    flat = panel.with_columns({"gdp": np.ones(len(panel.unit_codes))})
    inverse = NestedWeights(normalise="none").compute(flat).dense()
    np.testing.assert_allclose(first.dense(), inverse**2 * economy / economy.mean(), rtol=1e-12)
    assert first.constant_row_sum is None


def test_w2_takes_gaps_outside_its_window_only() -> None:
    panel = _panel(NAMES)
    gdp = panel.array(["gdp"])[:, 0].copy()
    gdp[panel.period_codes == 2] = np.nan
    with_gaps = panel.with_columns({"gdp": gdp})
    np.testing.assert_array_equal(
        NestedWeights(window=(2012, 2013)).compute(with_gaps).dense(),
        NestedWeights(window=(2012, 2013)).compute(panel).dense(),
    )
    with pytest.raises(DataError, match="'gdp' has no finite value for unit 00 2014"):
        NestedWeights().compute(with_gaps)


def test_w2_averages_an_unbalanced_panel_over_the_periods_that_there_are() -> None:
    frame = _panel(NAMES).frame().reset_index()
    short = Panel.from_frame(frame[(frame["u"] != "unit 07") | (frame["t"] == 2012)], "u", "t", gaps="keep")
    weights = NestedWeights(normalise="none").compute(short)
    means = short.frame().groupby(level=0).mean()
    expected = NestedWeights(normalise="none", window=(2012, 2012)).compute(
        Panel.from_frame(means.rename_axis("u").reset_index().assign(t=2012), "u", "t")
    )
    np.testing.assert_allclose(weights.dense(), expected.dense(), rtol=1e-13)
    with pytest.raises(WeightsError, match=r"weights\.window: unit 07 has no row in 2013 to 2014"):
        NestedWeights(window=(2013, 2014)).compute(short)


def test_units_of_no_country_that_is_known_need_places(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("digicarbon.weights.base.country", _nowhere)
    bare = Panel.from_frame(pd.DataFrame({"u": ["a", "b"] * 2, "t": [1, 1, 2, 2], "gdp": 1.0}), "u", "t")
    with pytest.raises(WeightsError) as caught:
        NestedWeights().compute(bare)
    assert str(caught.value) == (
        "weights.coordinates=null does not know where the units lie: name a file with their places in "
        "weights.coordinates, give the panel the columns longitude and latitude, or give your own weights in a file, "
        "e.g. weights=neighbours.csv."
    )


def test_w2_needs_a_positive_economy_and_a_window_with_periods() -> None:
    panel = _panel(NAMES)
    with pytest.raises(WeightsError, match=r"weights\.economy: the panel has no column 'gpd'\. Did you mean 'gdp'"):
        NestedWeights(economy="gpd").compute(panel)
    with pytest.raises(WeightsError, match=r"no period lies in 1990 to 2000; the panel covers 2012 to 2014"):
        NestedWeights(window=(1990, 2000)).compute(panel)
    negative = panel.with_columns({"gdp": np.where(panel.unit_codes == 0, -1.0, 1.0)})
    with pytest.raises(WeightsError, match="mean of 'gdp' is not positive for unit 00"):
        NestedWeights().compute(negative)


@pytest.mark.parametrize(("field", "value"), [("window", [2015, 2012]), ("power", 0.0), ("power", -1.0)])
def test_w2_fields_are_checked_when_built(field: str, value: Any) -> None:
    with pytest.raises(ConfigError, match=f"weights.*{field}|{field}.*first"):
        build({"_target_": "digicarbon.weights.NestedWeights", field: value}, WeightsSpec, "weights")


# matrix and edges

UNITS = ["北京", "内蒙古", "Inner Mongolia"]
MATRIX = pd.DataFrame([[0, 1, 3], [1, 0, 0], [2, 2, 0]], index=UNITS, columns=UNITS, dtype=float)


def _write(frame: pd.DataFrame, path: Path, encoding: str = "utf-8", index: bool = True) -> str:
    if path.suffix == ".xlsx":
        frame.to_excel(path, index=index)
    else:
        path.write_bytes(frame.to_csv(index=index).encode(encoding))
    return str(path)


@pytest.mark.parametrize(("name", "encoding"), [("w.csv", "utf-8"), ("w.csv", "gbk"), ("w.xlsx", "")])
def test_a_matrix_file_is_matched_by_label(tmp_path: Path, name: str, encoding: str) -> None:
    shuffled = MATRIX.iloc[[2, 0, 1], [1, 2, 0]].rename(index={"北京": " 北京 "})
    path = _write(shuffled, tmp_path / name, encoding)
    panel = _panel(UNITS)
    weights = MatrixWeights(path=path).compute(panel)
    assert (weights.labels, weights.name) == (panel.units, "w")
    np.testing.assert_array_equal(weights.raw.toarray(), MATRIX.loc[list(panel.units), list(panel.units)])
    np.testing.assert_allclose(weights.row_sums, 1)
    assert MatrixWeights(path=path, normalise="none").compute(panel).dense().sum() == 9


@pytest.mark.parametrize(("name", "encoding"), [("w.csv", "utf-8"), ("w.csv", "gbk"), ("w.xlsx", "")])
def test_an_edge_file_is_matched_by_label(tmp_path: Path, name: str, encoding: str) -> None:
    edges = pd.DataFrame({"起点": ["北京", "北京"], "终点": UNITS[1:], "权重": [2.0, 0.1], "备注": ["甲", "乙"]})
    path = _write(edges, tmp_path / name, encoding, index=False)
    fields = {"path": path, "origin": "起点", "destination": "终点"}
    found = _named(EdgeWeights(**fields, weight="权重", normalise="none").compute(_panel(UNITS)))
    assert found.loc["北京", "内蒙古"] == found.loc["内蒙古", "北京"] == 2.0
    assert found.loc["Inner Mongolia", "北京"] == 0.1
    assert found.to_numpy().sum() == pytest.approx(4.2)
    assert EdgeWeights(**fields, normalise="none").compute(_panel(UNITS)).dense().sum() == 4
    one_way = EdgeWeights(**fields, symmetric=False, islands="keep", normalise="none").compute(_panel(UNITS))
    assert one_way.dense().sum() == 2


@pytest.mark.parametrize("units", [["01", "36", "11"], [1, 36, 11]])
def test_codes_match_those_of_a_table(tmp_path: Path, units: list[object]) -> None:
    frame = pd.DataFrame({"u": units * 2, "t": [1] * 3 + [2] * 3, "x": range(6)})
    source = TableSource(path=_write(frame, tmp_path / "d.csv", index=False), unit="u", time="t")
    panel = Panel.from_frame(source.load().frame, "unit", "time")
    square = pd.DataFrame([[0, 1, 2], [1, 0, 3], [4, 5, 0]], index=units, columns=units)
    for name in ("w.csv", "w.xlsx"):
        weights = MatrixWeights(path=_write(square, tmp_path / name), normalise="none").compute(panel)
        assert _named(weights).loc["11", str(units[0])] == 4
    edges = pd.DataFrame({"unit": units[:2], "neighbour": units[1:]})
    assert EdgeWeights(path=_write(edges, tmp_path / "e.csv", index=False)).compute(panel).raw.nnz == 4


@pytest.mark.parametrize("kind", ["matrix", "edges"])
def test_labels_of_file_and_panel_must_agree(tmp_path: Path, kind: str) -> None:
    if kind == "matrix":
        path = _write(MATRIX, tmp_path / "w.csv")
        refuse, drop = MatrixWeights(path=path), MatrixWeights(path=path, extra="drop")
    else:
        edges = pd.DataFrame([("北京", "内蒙古"), ("内蒙古", "Inner Mongolia")], columns=["unit", "neighbour"])
        path = _write(edges, tmp_path / "w.csv", index=False)
        refuse, drop = EdgeWeights(path=path), EdgeWeights(path=path, extra="drop")
    with pytest.raises(WeightsError, match=r"w\.csv lacks Inner Mongolla.*Did you mean 'Inner Mongolia'\?.*labels are"):
        refuse.compute(_panel(["北京", "内蒙古", "Inner Mongolla"]))
    with pytest.raises(WeightsError, match=r"w\.csv has labels .* not units of the panel: Inner Mongolia.*extra=drop"):
        refuse.compute(_panel(["北京", "内蒙古"]))
    np.testing.assert_array_equal(drop.compute(_panel(["北京", "内蒙古"])).dense(), [[0, 1], [1, 0]])


def test_a_matrix_must_be_square_by_label_and_full_of_numbers(tmp_path: Path) -> None:
    panel = _panel(UNITS)

    def refused(frame: pd.DataFrame, sentence: str) -> None:
        with pytest.raises(WeightsError, match=sentence):
            MatrixWeights(path=_write(frame, tmp_path / "w.csv")).compute(panel)

    refused(
        MATRIX.rename(columns={"内蒙古": "内蒙"}), r"w\.csv has a row but no column for 内蒙古\. Did you mean '内蒙'"
    )
    refused(MATRIX.drop(index="内蒙古"), r"w\.csv has a column but no row for 内蒙古")
    refused(MATRIX.rename(index={"内蒙古": "北京"}), r"more than one row called 北京")
    refused(MATRIX.rename(index={"内蒙古": ""}), r"label of a unit is empty at position 2")
    text = MATRIX.astype(object)
    text.loc["北京", "内蒙古"] = "近"
    refused(text, r"row 北京 and the column 内蒙古 is no number: '近'")
    text.loc["北京", "内蒙古"] = np.nan
    refused(text, r"row 北京 and the column 内蒙古 is empty; write 0")
    text.loc["北京", "内蒙古"] = -2
    refused(text, r"北京 to 内蒙古 \(-2\) is negative")


def test_edges_must_have_their_columns_and_numbers(tmp_path: Path) -> None:
    panel = _panel(["a", "b"])
    frame = pd.DataFrame({"unit": ["a"], "neighbor": ["b"], "w": ["x"]})
    path = _write(frame, tmp_path / "e.csv", index=False)
    with pytest.raises(WeightsError, match=r"weights\.destination: e\.csv has no column 'neighbour'.*'neighbor'"):
        EdgeWeights(path=path).compute(panel)
    with pytest.raises(WeightsError, match=r"weights\.weight: e\.csv has no column 'ww'"):
        EdgeWeights(path=path, destination="neighbor", weight="ww").compute(panel)
    with pytest.raises(WeightsError, match=r"row a to b and the column w is no number: 'x'"):
        EdgeWeights(path=path, destination="neighbor", weight="w").compute(panel)
    with pytest.raises(DataError, match=r"weights\.path: there is no file 'f\.csv'.*Did you mean 'e\.csv'"):
        EdgeWeights(path=str(tmp_path / "f.csv")).compute(panel)


def test_a_unit_in_no_edge_may_be_kept_as_an_island(tmp_path: Path) -> None:
    path = _write(pd.DataFrame({"unit": ["a"], "neighbour": ["b"]}), tmp_path / "e.csv", index=False)
    assert EdgeWeights(path=path, islands="keep").compute(_panel(["a", "b", "c"])).row_sums.tolist() == [1, 1, 0]


def test_a_parquet_matrix_keeps_the_labels_of_its_index(tmp_path: Path) -> None:
    MATRIX.to_parquet(tmp_path / "w.parquet")
    panel = _panel(UNITS)
    weights = MatrixWeights(path=str(tmp_path / "w.parquet")).compute(panel)
    np.testing.assert_array_equal(weights.raw.toarray(), MATRIX.loc[list(panel.units), list(panel.units)])


def test_w2_multiplied_from_the_left_would_be_inverse_distance() -> None:
    panel = _panel(NAMES)
    raw = NestedWeights(normalise="none").compute(panel).dense()
    economy = panel.cube(["gdp"])[:, :, 0].mean(axis=0)
    inverse = raw / economy
    left = economy[:, None] * inverse
    collapsed = left / left.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(collapsed, inverse / inverse.sum(axis=1, keepdims=True), rtol=1e-12)
    assert np.abs(NestedWeights().compute(panel).dense() - collapsed).max() > 0.05


def test_accents_as_marks_of_their_own_are_the_same_units(tmp_path: Path) -> None:
    names = ["Südtirol", "Forlì", "Lazio"]
    apart = [unicodedata.normalize("NFD", name) for name in names]
    assert apart != names
    edges = pd.DataFrame({"unit": apart[:2], "neighbour": apart[1:]})
    found = EdgeWeights(path=_write(edges, tmp_path / "e.csv", index=False)).compute(_panel(names))
    assert found.labels == ("Forlì", "Lazio", "Südtirol")
    matrix = pd.DataFrame(1 - np.eye(3), index=apart, columns=names)
    assert MatrixWeights(path=_write(matrix, tmp_path / "m.csv")).compute(_panel(apart)).raw.nnz == 6


def test_two_columns_of_any_names_are_a_unit_and_its_neighbour(tmp_path: Path) -> None:
    edges = pd.DataFrame({"city": ["b", "c"], "other": ["a", "a"]})
    path = _write(edges, tmp_path / "e.csv", index=False)
    found = _named(EdgeWeights(path=path, symmetric=False, islands="keep", normalise="none").compute(_panel("abc")))
    assert found.loc["b", "a"] == found.loc["c", "a"] == found.to_numpy().sum() / 2 == 1
    # whoever names columns means them, and a third column may be the weight
    with pytest.raises(WeightsError, match=r"no column 'town'.*weights\.origin, weights\.destination"):
        EdgeWeights(path=path, origin="town").compute(_panel("abc"))
    for first, second, origin in (("city", "neighbour", "b"), ("neighbour", "city", "a"), ("other", "unit", "a")):
        half = _write(edges.set_axis([first, second], axis=1), tmp_path / "f.csv", index=False)
        one_way = EdgeWeights(path=half, symmetric=False, islands="keep", normalise="none").compute(_panel("abc"))
        assert _named(one_way).loc[origin].sum() == (1 if origin == "b" else 2)
    three = _write(edges.assign(length=1), tmp_path / "g.csv", index=False)
    with pytest.raises(WeightsError, match=r"no column 'unit'.*weights\.weight\. Columns: city, other, length"):
        EdgeWeights(path=three).compute(_panel("abc"))


def test_a_unit_that_stands_in_no_row_may_be_an_island(tmp_path: Path) -> None:
    path = _write(pd.DataFrame({"unit": ["a"], "neighbour": ["b"]}), tmp_path / "e.csv", index=False)
    with pytest.raises(WeightsError, match=r"lacks Sardegna, .*set islands to .keep. \(\+\+weights\.islands=keep "):
        EdgeWeights(path=path).compute(_panel(["a", "b", "Sardegna"]))
    misspelt = _write(pd.DataFrame({"unit": ["a"], "neighbour": ["Sardgna"]}), tmp_path / "f.csv", index=False)
    with pytest.raises(WeightsError, match=r"Did you mean 'Sardgna'\? Its") as caught:
        EdgeWeights(path=misspelt).compute(_panel(["a", "Sardegna"]))
    assert "islands" not in str(caught.value)


def test_decimal_commas_and_semicolons_are_read_as_such(tmp_path: Path) -> None:
    square = pd.DataFrame([[0, 0.5], [1.25, 0]], index=["a", "Ò"], columns=["a", "Ò"])
    square.to_csv(tmp_path / "m.csv", sep=";", decimal=",", encoding="cp1252")
    found = MatrixWeights(path=str(tmp_path / "m.csv"), normalise="none").compute(_panel(["a", "Ò"]))
    assert _named(found).to_numpy().tolist() == [[0, 0.5], [1.25, 0]]
    edges = pd.DataFrame({"unit": ["a"], "neighbour": ["b"], "w": [0.25]})
    edges.to_csv(tmp_path / "e.csv", sep=";", decimal=",", index=False)
    assert (
        EdgeWeights(path=str(tmp_path / "e.csv"), weight="w", normalise="none").compute(_panel("ab")).raw.sum() == 0.5
    )
