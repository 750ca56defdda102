"""Regions of provinces, which are known by the provinces' names."""

from __future__ import annotations

import classic as dc
import numpy as np
import pandas as pd
import pytest

from digicarbon.errors import DataError
from digicarbon.model._groups import groups_of
from digicarbon.packs.china.facts import provinces


def china(column: str) -> pd.DataFrame:
    rng = np.random.default_rng(3)
    data = pd.DataFrame([(unit, year) for unit in provinces()[column] for year in range(5)], columns=["u", "year"])
    return data.assign(x=rng.normal(size=150), y=rng.normal(size=150))


@pytest.mark.parametrize("column", ["province", "name_zh", "adcode"])
def test_regions_of_chinese_provinces_are_known(column: str) -> None:
    whole = dc.Panel.from_frame(china(column), "u", "year")
    groups = groups_of(whole, "region")
    assert groups.labels == ("northeast", "east", "central", "west")
    assert groups.sizes.tolist() == [3, 10, 6, 11]
    result = dc.GroupedRegression(y="y", x=("x",)).fit(whole)
    assert result.focal == ("x[northeast]", "x[east]", "x[central]", "x[west]")
    assert "northeast (3 units), east (10 units), central (6 units), west (11 units)" in " ".join(
        map(str, result.notes)
    )


def test_regions_of_other_units_are_not_known() -> None:
    data = pd.DataFrame([(unit, year) for unit in ("u00", "u01") for year in range(5)], columns=["u", "year"])
    whole = dc.Panel.from_frame(data.assign(x=data["year"] % 3.0, y=data["year"] % 2.0), "u", "year")
    with pytest.raises(DataError, match=r"no column 'region', and u00, .* is no Chinese province.*mapping unit: group"):
        dc.GroupedRegression(y="y", x=("x",), by="region").check(whole)
