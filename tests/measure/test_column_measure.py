"""A ready-made column as the measure."""

from __future__ import annotations

import pandas as pd
import pytest

from digicarbon.errors import ConfigError, DataError
from digicarbon.measure import ColumnMeasure, Measure
from digicarbon.source import Inputs
from digicarbon.spec import build

INPUTS = Inputs(frame=pd.DataFrame({"unit": ["A", "B"], "time": 2012, "digeco": [0.1, 0.2], "gdp": 1.0}), source="mine")


def test_column_as_it_is() -> None:
    found = ColumnMeasure(column="digeco", terms=("ln_digeco",)).compute(INPUTS)
    pd.testing.assert_frame_equal(found, INPUTS.frame[["unit", "time", "digeco"]])


def test_column_is_required() -> None:
    with pytest.raises(ConfigError, match=r"measure\.column is required"):
        build({"_target_": "digicarbon.measure.ColumnMeasure"}, Measure, "measure")


def test_unknown_column() -> None:
    with pytest.raises(DataError, match=r"measure\.column=digec needs the series digec.*Did you mean 'digeco'"):
        ColumnMeasure(column="digec", terms=()).compute(INPUTS)
