"""Maps of clusters: colours are the clusters of the table."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from map_of_squares import COUNTIES, areas, squares
from matplotlib.colors import to_hex

from digicarbon.errors import ConfigError
from digicarbon.report.picture import clusters_of, plot_lisa


def test_clusters_are_those_of_the_table(tmp_path: Path) -> None:
    index = pd.MultiIndex.from_product([[2012, 2017], COUNTIES])
    draw = np.random.default_rng(2)
    words = np.array(["high-high", "low-low", "low-high", "high-low"])
    table = pd.DataFrame({"quadrant": draw.choice(words, 60), "p": draw.uniform(0, 0.1, 60)}, index=index)
    figure = plot_lisa(table, shapes=str(squares(tmp_path, COUNTIES)), simulated=True)
    fills = {to_hex(areas(axes)[unit].get_facecolor()) for axes in figure.axes for unit in COUNTIES}
    assert len(fills) == 5
    clusters = clusters_of(table, 0.05)
    for axes, period in zip(figure.axes, (2012, 2017), strict=True):
        for unit in COUNTIES:
            weak = table.loc[(period, unit), "p"] >= 0.05
            assert clusters[(period, unit)] == (
                "insignificant" if weak else table.loc[(period, unit), "quadrant"].replace("-", " ")
            )
            assert (to_hex(areas(axes)[unit].get_facecolor()) == "#f2f2f2") == weak
    said = [text.get_text() for text in figure.legends[0].get_texts()]
    assert said[:5] == [
        "high, neighbours high",
        "high, neighbours low",
        "low, neighbours high",
        "low, neighbours low",
        "p > 0.05",
    ]
    assert figure.get_suptitle() == "SIMULATED data"


def test_what_cannot_be_drawn_is_a_sentence() -> None:
    index = pd.MultiIndex.from_product([[2012], ["a", "b"]])
    with pytest.raises(ConfigError, match="A map of these units needs their polygons"):
        plot_lisa(pd.DataFrame({"quadrant": "low-low", "p": 0.1}, index=index))
    with pytest.raises(ConfigError, match="The table has no column quadrant; give one of local Moran's I"):
        plot_lisa(pd.DataFrame({"p": [0.1, 0.1]}, index=index))
