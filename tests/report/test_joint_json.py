"""The joint test's numbers go through JSON unchanged."""

from __future__ import annotations

import json
import re
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from digicarbon.errors import DataError
from digicarbon.report.joint import COLUMNS, STATISTICS, Joint, JointRequest

FOUND = Joint(
    estimand="total",
    draws=199,
    seed=4,
    specifications=3,
    dominant="-",
    statistics=pd.DataFrame(np.arange(15.0).reshape(3, 5) / 7, index=pd.Index(STATISTICS), columns=pd.Index(COLUMNS)),
    null_band=pd.DataFrame(
        {"rank": [1, 2, 3], "low": [-0.3, -0.2, -0.1], "median": [-1 / 3, 0.0, 1 / 3], "high": [0.1, 0.2, 0.3]}
    ),
    notes=("2 runs of 碳 are left out.",),
    each=pd.DataFrame(
        {
            **{"specification": ["FE", "碳, x=[a, b]"], "quantity": ["total", "indirect"], "term": ["数字", "ln_x"]},
            **{"estimate": [0.1, -1 / 3], "z": [np.nan, -2.5]},
            **{"p": [np.nan, 0.005], "step_down": [np.nan, 0.01], "holm": [np.nan, 0.01], "bh": [np.nan, 1 / 7]},
        }
    ),
)


def test_goes_through_json() -> None:
    read = Joint.from_json(FOUND.to_json())
    assert (read.estimand, read.draws, read.seed, read.specifications, read.dominant, tuple(map(str, read.notes))) == (
        "total", 199, 4, 3, "-", ("2 runs of 碳 are left out.",),
    )  # fmt: skip
    pd.testing.assert_frame_equal(read.statistics, FOUND.statistics, check_exact=True)
    pd.testing.assert_frame_equal(read.null_band, FOUND.null_band, check_exact=True)
    pd.testing.assert_frame_equal(read.each, FOUND.each, check_exact=True)
    assert read.method == "wild"


def test_what_an_earlier_version_recorded_is_read() -> None:
    old = {key: value for key, value in json.loads(FOUND.to_json()).items() if key not in ("method", "each")}
    read = Joint.from_json(json.dumps(old))
    assert read.method == "permutation"
    assert read.each.empty
    pd.testing.assert_frame_equal(read.statistics, FOUND.statistics)


def test_p_values_of_an_earlier_version_are_of_the_number_of_the_test() -> None:
    old = json.loads(FOUND.to_json())
    old["each"] = {name: values for name, values in old["each"].items() if name not in ("quantity", "term")}
    read = Joint.from_json(json.dumps(old))
    assert read.each["quantity"].tolist() == ["total", "total"]
    assert read.each["z"].tolist()[1] == -2.5


def test_each_test_has_a_folder_of_its_own() -> None:
    first = JointRequest("direct", None, 99, 1, 0.05)
    others = [
        replace(first, **change)
        for change in (
            {"quantity": "total"}, {"term": "E"}, {"term": "e"}, {"draws": 999}, {"seed": 2}, {"level": 0.1},
            {"method": "permutation"}, {"quantity": "效应"}, {"quantity": "a/b"},
        )
    ]  # fmt: skip
    folders = [one.folder for one in (first, *others)]
    assert len({folder.casefold() for folder in folders}) == len(folders)
    assert all(re.fullmatch(r"joint/[\w.-]+", folder, re.ASCII) for folder in folders)


def test_p_values_without_a_common_curve_go_through_json() -> None:
    apart = replace(FOUND, dominant="", statistics=FOUND.statistics[:0], null_band=FOUND.null_band[:0])
    read = Joint.from_json(apart.to_json())
    assert read.dominant == ""
    assert read.metrics == {}
    assert read.statistics.empty
    assert read.null_band.empty
    pd.testing.assert_frame_equal(read.each, FOUND.each)


def test_metrics_are_the_p_values() -> None:
    assert FOUND.metrics == {
        "joint.median.p": 4 / 7,
        "joint.share_significant.p": 9 / 7,
        "joint.mean_z.p": 14 / 7,
    }


@pytest.mark.parametrize(
    "text", ["", "{}", "[1]", FOUND.to_json().replace('"-"', '"x"'), FOUND.to_json().replace('"wild"', '"x"')]
)
def test_something_else_is_a_sentence(text: str) -> None:
    with pytest.raises(DataError, match="not a joint test"):
        Joint.from_json(text)
