"""A yearbook has 31 provinces: the one that most studies leave out has a region and neighbours all the same."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

import digicarbon as dc
from digicarbon.__main__ import main
from digicarbon.country import country
from digicarbon.errors import DigicarbonError
from digicarbon.packs.china.weights import AdjacencyWeights
from digicarbon.sweep.front import fit
from digicarbon.weights import KNearestWeights
from digicarbon.weights.nearby import nearby

NAMES = [*country().units["name_zh"], "西藏自治区"]
FRAME = pd.DataFrame(
    [
        (name, year, 1 + (place * 7 + year * 5) % 11, 1 + (place * 3 + year * 2) % 7)
        for place, name in enumerate(NAMES)
        for year in range(2012, 2018)
    ],
    columns=["省份", "年份", "碳强度", "数字"],
)


def test_regions_of_a_panel_with_tibet(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    FRAME.to_csv("panel.csv", index=False)
    words = ["fit", "panel.csv", "ln_碳强度 ~ ln_数字 | 省份 + 年份", "inference=classic"]
    counts = {}
    for region in ("east", "west", "central", "northeast"):
        assert main([*words, f"sample={region}"]) == 0, capsys.readouterr().err
        line = next(line for line in capsys.readouterr().out.splitlines() if "Units" in line)
        counts[region] = int(line.split("│")[2])
    assert counts == {"east": 10, "west": 12, "central": 6, "northeast": 3}
    assert sum(counts.values()) == len(NAMES)


def test_neighbours_of_a_panel_with_tibet() -> None:
    panel = dc.Panel.from_frame(FRAME, "省份", "年份")
    borders, nearest = AdjacencyWeights().compute(panel), KNearestWeights().compute(panel)
    assert nearest.labels == borders.labels == panel.units
    links = borders.dense()[borders.labels.index("西藏自治区")].nonzero()[0]
    assert {borders.labels[i] for i in links} == {"新疆维吾尔自治区", "青海省", "四川省", "云南省"}
    assert nearby(panel).labels == panel.units


def test_a_unit_of_no_region_is_refused_still() -> None:
    frame = FRAME.replace("西藏自治区", "香港")
    with pytest.raises(DigicarbonError, match=r"sample\.regions.*香港"):
        fit(frame, "ln_碳强度 ~ ln_数字 | 省份 + 年份", sample="east")
