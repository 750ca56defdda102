"""Units of a file of weights that the data spell in another way are matched; where two could be meant, refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import digicarbon as dc
from digicarbon.errors import WeightsError
from digicarbon.note import Note
from digicarbon.weights import AnyFileWeights
from digicarbon.weights.spelling import as_spelt, form

OFFICIAL = {
    "北京市": "北京",
    "内蒙古自治区": "内蒙古",
    "广西壮族自治区": "广西",
    "新疆维吾尔自治区": "新疆",
    "西藏自治区": "西藏",
    "宁夏回族自治区": "宁夏",
    "河北省": "河北",
    "阿里地区": "阿里",
    "锡林郭勒盟": "锡林郭勒",
    "延边朝鲜族自治州": "延边",
    "恩施土家族苗族自治州": "恩施",
    "海西蒙古族藏族自治州": "海西",
    "凉山州": "凉山",
    "杭州市": "杭州",
    "苏州": "苏州",
    "香港特别行政区": "香港",
}

SPELLINGS = [("北京市", "上海市", "内蒙古自治区", "广西壮族自治区"), ("北京市", "上海·市", "内蒙古自治区", "广西")]


def panel(units: list[str]) -> dc.Panel:
    frame = pd.DataFrame({"unit": np.repeat(units, 3), "year": [1, 2, 3] * len(units)})
    return dc.Panel.from_frame(frame.assign(y=np.arange(len(frame), dtype=float)), "unit", "year")


@pytest.mark.parametrize(("label", "short"), OFFICIAL.items())
def test_official_names_of_regions_have_the_form_of_short_ones(label: str, short: str) -> None:
    assert form(label) == form(short) == short


@pytest.mark.parametrize("label", ["Sao Paulo", "são paulo", "SÃO-PAULO", "Ｓão Paulo ", "Sa\u0303o  Paulo"])
def test_case_blanks_accents_and_width_do_not_count(label: str) -> None:
    assert as_spelt([label], ["São Paulo"], "w.csv")[0] == {label: "São Paulo"}


def test_labels_of_the_panel_stay_and_nothing_is_said() -> None:
    assert as_spelt(["a", "A", "b"], ["a", "b"], "w.csv") == ({"a": "a", "A": "A", "b": "b"}, ())
    assert as_spelt(["a", "z"], ["a", "b"], "w.csv") == ({"a": "a", "z": "z"}, ())


@pytest.mark.parametrize(
    ("labels", "units"), [(["吉林省", "吉林市"], ["吉林"]), (["Sao-Paulo"], ["São Paulo", "SAO PAULO"])]
)
def test_two_that_may_be_meant_are_refused(labels: list[str], units: list[str]) -> None:
    with pytest.raises(WeightsError, match=r"w\.csv: .* may mean .*; write the labels as the data do"):
        as_spelt(labels, units, "w.csv")


@pytest.mark.parametrize("kind", ["pairs", "square", "gal", "places"])
@pytest.mark.parametrize("spelling", SPELLINGS)
def test_weights_of_any_kind_are_those_of_the_data_s_own_spelling(
    tmp_path: Path, kind: str, spelling: tuple[str, ...]
) -> None:
    data = panel(["北京", "上海", "内蒙古", "广西"])
    own = _written(tmp_path / "own", kind, ("北京", "上海", "内蒙古", "广西"))
    other = _written(tmp_path / "other", kind, spelling)
    expected = AnyFileWeights(path=str(own), k=2 if kind == "places" else None).compute(data)
    found = AnyFileWeights(path=str(other), k=2 if kind == "places" else None).compute(data)
    assert found.labels == expected.labels
    assert np.array_equal(found.dense(), expected.dense())
    (note,) = [one for one in found.notes if one.code == "weights_names_matched"]
    assert note.text("en").startswith(
        f"{len(set(spelling) - set(data.units))} units of {other.name} were matched by name: "
    )
    assert not [one for one in expected.notes if one.code == "weights_names_matched"]


def _written(folder: Path, kind: str, names: tuple[str, ...]) -> Path:
    folder.mkdir()
    path = folder / ("w.gal" if kind == "gal" else "w.csv")
    a, b, c, d = names
    if kind == "pairs":
        text = f"a,b\n{a},{b}\n{b},{c}\n{c},{d}\n"
    elif kind == "square":
        text = f",{a},{b},{c},{d}\n{a},0,1,0,2\n{b},1,0,1,0\n{c},0,1,0,1\n{d},1,0,1,0\n"
    elif kind == "gal":
        text = f"4\n{a} 1\n{b}\n{b} 1\n{a}\n{c} 1\n{d}\n{d} 1\n{c}\n"
    else:
        text = f"unit,longitude,latitude\n{a},116,40\n{b},121,31\n{c},111,41\n{d},108,23\n"
    path.write_text(text, encoding="utf-8")
    return path


def test_what_is_matched_is_said_in_both_languages() -> None:
    _, (note,) = as_spelt(["北京市"], ["北京"], "w.csv")
    assert isinstance(note, Note)
    assert note.text("zh") == "w.csv中有1个地区按名称匹配：北京市 → 北京。"
