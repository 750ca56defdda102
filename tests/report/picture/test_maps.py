"""Maps: colours are the classes of the values, no label lies on another, and what is missing is named."""

from __future__ import annotations

import sys
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from map_of_squares import COUNTIES, areas, squares
from matplotlib.colors import to_hex

import digicarbon as dc
from digicarbon.errors import ConfigError, DataError
from digicarbon.report.picture import class_bounds, plot_map, rendered


def values(
    units: list[str], variables: tuple[str, ...] = ("ci",), periods: tuple[int, ...] = (2012, 2017)
) -> pd.DataFrame:
    index = pd.MultiIndex.from_product([variables, periods, units], names=["variable", "period", "unit"])
    drawn = np.random.default_rng(5).lognormal(size=len(index))
    return pd.DataFrame({"value": drawn}, index=index)


def test_colours_are_the_classes_of_the_values_with_one_scale_for_all_periods(tmp_path: Path) -> None:
    table = values(COUNTIES, ("ci", "e"))
    figure = plot_map(table, shapes=str(squares(tmp_path, COUNTIES)), units={"ci": "t per 10k CNY"})
    maps = figure.axes[:4]
    assert [axes.get_title(loc="left") for axes in maps] == ["ci, 2012", "ci, 2017", "e, 2012", "e, 2017"]
    for variable, pair, bar in zip(("ci", "e"), (maps[:2], maps[2:]), figure.axes[4:], strict=True):
        every = table.loc[variable, "value"]
        bounds = class_bounds(every.to_numpy(), 5, "quantiles")
        quantiles = np.quantile(every, np.linspace(0, 1, 6))
        # limits in few digits, close to the quantiles; the ends hold all values
        np.testing.assert_allclose(bounds, np.round(bounds, 2))
        assert (np.abs(bounds - quantiles)[1:-1] < np.diff(quantiles).min() / 4).all()
        assert bounds[0] <= every.min()
        assert bounds[-1] >= every.max()
        np.testing.assert_allclose(bar.get_yticks(), bounds)
        seen: dict[int, set[str]] = {}
        for axes, period in zip(pair, (2012, 2017), strict=True):
            for unit in COUNTIES:
                place = min(int(np.searchsorted(bounds, every[(period, unit)], side="right")) - 1, 4)
                seen.setdefault(place, set()).add(to_hex(areas(axes)[unit].get_facecolor()))
        # a class has one colour, over both periods, and no two classes the same
        assert sorted(seen) == [0, 1, 2, 3, 4]
        assert all(len(found) == 1 for found in seen.values())
        shades = [next(iter(seen[place])) for place in range(5)]
        assert len(set(shades)) == 5
        # darker is more: readable in grey
        grey = [0.299 * int(c[1:3], 16) + 0.587 * int(c[3:5], 16) + 0.114 * int(c[5:7], 16) for c in shades]
        assert all(a - b > 20 for a, b in pairwise(grey))
    assert figure.axes[4].get_ylabel() == "ci (t per 10k CNY)\nquantile classes, rounded limits"
    assert figure.axes[5].get_ylabel() == "e\nquantile classes, rounded limits"
    texts = [text.get_text() for text in figure.axes[4].get_yticklabels()]
    assert all(len(text.partition(".")[2]) == 2 for text in texts)
    equal = (
        plot_map(table, ["e"], shapes=str(tmp_path / "regions.geojson"), scheme="equal", language="zh")
        .axes[-1]
        .get_ylabel()
    )
    assert equal in ("e\n等宽分级（界限取整）", "e\nclasses of equal width, rounded limits")


@pytest.mark.parametrize("scheme", ["quantiles", "equal"])
@pytest.mark.parametrize("scale", [1e-7, 1.0, 3e8])
@pytest.mark.parametrize(
    "values", [[0.0, 1.0], [-2.5, -2.4999, 7.0, 7.1, 7.3], [1.0], list(range(50)), [5.0, 5.0, 9.0]]
)
def test_rounded_limits_hold_all_values_in_order(values: list[float], scale: float, scheme: Any) -> None:
    numbers = np.array(values) * scale
    bounds = class_bounds(numbers, 5, scheme)
    assert (np.diff(bounds) > 0).all()
    assert bounds[0] <= numbers.min()
    assert bounds[-1] >= numbers.max()


@pytest.mark.parametrize("scheme", ["quantiles", "equal"])
@pytest.mark.parametrize(("distinct", "classes"), [(1, 1), (3, 3), (8, 5)])
def test_values_that_differ_by_rounding_have_one_colour(
    tmp_path: Path, distinct: int, classes: int, scheme: Any
) -> None:
    table = values(COUNTIES, periods=(2012,))
    truth = np.arange(len(table)) % distinct
    table["value"] = -0.1 * (1.0 + truth**2) * (1.0 + 1e-16 * np.random.default_rng(3).integers(0, 9, len(table)))
    figure = plot_map(table, shapes=str(squares(tmp_path, COUNTIES)), scheme=scheme, classes=5)
    colours: dict[float, set[Any]] = {}
    for place, value in zip(table.index.get_level_values("unit"), table["value"], strict=True):
        colours.setdefault(round(value, 9), set()).add(areas(figure.axes[0])[place].get_facecolor())
    assert all(len(own) == 1 for own in colours.values())
    assert len(set.union(*colours.values())) <= classes
    if distinct <= 5:
        assert len(set.union(*colours.values())) == distinct
        shown = [text.get_text() for text in figure.axes[-1].get_yticklabels()]
        assert shown == [f"\N{MINUS SIGN}{0.1 * (1 + k * k):.1f}" for k in reversed(range(distinct))]


def test_limits_are_whole_where_values_are() -> None:
    np.testing.assert_array_equal(class_bounds(np.array([0.3, 98.7]), 5, "equal"), [0, 20, 40, 60, 80, 100])


def test_another_countrys_polygons(tmp_path: Path) -> None:
    names = ["Aosta", "Piemonte", "Lombardia", "Veneto"]
    path = squares(tmp_path, names)
    figure = plot_map(values(["Aosta", "Veneto", "Atlantis", "Lombardia"]), shapes=str(path))
    found = areas(figure.axes[0])
    assert sorted(found) == sorted(names)
    assert [name for name in names if found[name].get_hatch()] == ["Piemonte"]
    assert [text.get_text() for text in figure.legends[0].get_texts()] == [
        "no data: Piemonte",
        "not on the map: Atlantis",
    ]
    # equal-area: squares of one degree at one latitude are equally large
    sizes = [found[name].get_path().get_extents().width for name in names]
    np.testing.assert_allclose(sizes, sizes[0], rtol=0.02)
    metres = squares(tmp_path, names, scale=1e5)
    box = areas(plot_map(values(names), shapes=str(metres)).axes[0])["Veneto"].get_path().get_extents()
    assert (box.x0, box.x1, box.y0, box.y1) == (1.3e6, 1.4e6, 4.5e6, 4.6e6)


def test_regions_without_polygons_get_a_point_each() -> None:
    units = [f"region {number}" for number in range(12)]
    table = values(units)
    axes = plot_map(table, units={"ci": "t"}).axes[0]
    order = [text.get_text() for text in axes.get_yticklabels()]
    last = table.loc[("ci", 2017), "value"]
    assert order == list(last.sort_values().index)
    for line, period in zip(axes.lines, (2012, 2017), strict=True):
        np.testing.assert_allclose(line.get_xdata(), table.loc[("ci", period), "value"].loc[order])
    assert axes.get_xlabel() == "ci (t)"
    many = plot_map(values([f"county {number}" for number in range(300)])).axes[0]
    assert many.get_ylabel() == "regions, by rank"
    assert len(many.lines[0].get_xdata()) == 300


def test_a_panel_is_drawn_as_it_is(produc: dc.Panel) -> None:
    figure = plot_map(produc, ["unemp"], periods=[1970])
    assert len(figure.axes[0].lines[0].get_xdata()) == 48


def test_the_same_input_gives_the_same_bytes(tmp_path: Path) -> None:
    path = str(squares(tmp_path, ["a", "b"]))
    for shapes, units in ((path, ["a", "b"]), (None, ["a", "b"])):
        once, again = (plot_map(values(units), shapes=shapes, simulated=True) for _ in range(2))
        rendered(again, "png")
        assert rendered(once, "svg") == rendered(once, "svg") == rendered(again, "svg")


def test_what_cannot_be_drawn_is_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, produc: dc.Panel) -> None:
    path = squares(tmp_path, ["a", "b"])
    file, nowhere = str(path), str(tmp_path / "nowhere.geojson")
    cases: list[tuple[type[Exception], str, Any]] = [
        (DataError, "report.shapes: there is no file .*nowhere.geojson", {"shapes": nowhere}),
        (
            ConfigError,
            "report.key: regions.geojson has no column 'nam'. Did you mean 'name'?",
            {"shapes": str(path), "key": "nam"},
        ),
        (DataError, "regions.geojson: no column has any of the units, e.g. a, b", {"shapes": file, "key": "id"}),
        (ConfigError, "periods: there are no values in 1999; there are in 2012, 2017", {"periods": [1999]}),
        (ConfigError, "There are no values of e; there are those of ci", {"variables": ["e"]}),
        (ConfigError, "a map has 2 to 9 classes", {"classes": 12}),
    ]
    for kind, sentence, fields in cases:
        with pytest.raises(kind, match=sentence):
            plot_map(values(["a", "b"]), **fields)
    (tmp_path / "broken.geojson").write_text("{", encoding="utf-8")
    with pytest.raises(DataError, match=r"broken\.geojson cannot be read as a file of polygons"):
        plot_map(values(["a", "b"]), shapes=str(tmp_path / "broken.geojson"))
    with pytest.raises(DataError, match="A map needs at least one value"):
        plot_map(values(["a", "b"]) * np.nan, shapes=file)
    with pytest.raises(ConfigError, match="plot_map: name at least one variable; the panel has "):
        plot_map(produc)
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(ConfigError, match="A picture needs matplotlib; install it: pip install matplotlib"):
        plot_map(values(["a", "b"]), shapes=file)
