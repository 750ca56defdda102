"""Commands on data of provinces."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import digicarbon
from digicarbon.__main__ import main

Capture = pytest.CaptureFixture[str]


def test_a_new_key_of_a_mapping_is_added_with_a_plus_sign(folder: Path, capsys: Capture) -> None:
    for override in ("+source.curves.e=[1.0]", "+source.curves={e: [1.0]}"):
        assert main(["check", override]) == 0
        assert "1 run is ready." in capsys.readouterr().out


def test_the_municipalities_are_left_out_of_data_with_chinese_names(folder: Path, capsys: Capture) -> None:
    provinces = ["北京市", "天津", "上海市", "重庆", "河北省", "山西", "内蒙古自治区", "辽宁", "吉林省", "黑龙江省"]
    frame = pd.DataFrame([(unit, year) for unit in provinces for year in range(2010, 2016)], columns=["省份", "年份"])
    rng = np.random.default_rng(1)
    frame["y"], frame["x"] = rng.normal(size=(2, len(frame)))
    frame.to_csv(folder / "mine.csv", index=False)
    words = ["source=table", "source.path=mine.csv", 'source.unit="省份"', 'source.time="年份"', "measure=none"]
    words += ["outcome=none", "model=twfe", "model.y=y", "model.x=[x]", "model.controls=[]", "executor=sequential"]
    assert main(["run", *words, "sample=without_municipalities"]) == 0
    shown = capsys.readouterr().out
    assert re.findall(r"│ (?:Units|Observations) +│ +(\d+) │", shown) == ["36", "6"]
    assert "Units left out: Beijing, Tianjin, Shanghai, Chongqing." in shown
    left = frame[~frame["省份"].isin(provinces[:4])].rename(columns={"省份": "u", "年份": "t"})
    alone = digicarbon.PanelRegression(y="y", x=("x",)).fit(digicarbon.Panel.from_frame(left, "u", "t"))
    assert f"{alone.coef[0]:.4f}" in shown
