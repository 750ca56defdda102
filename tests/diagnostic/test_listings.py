"""Tables of a diagnostic that are for reading alone give no metrics of the run."""

from collections.abc import Mapping
from typing import ClassVar

import classic as dc
import numpy as np
import pandas as pd
import pytest

from digicarbon.diagnostic import Diagnostic
from digicarbon.errors import ConfigError
from digicarbon.tracking._rows import metrics
from digicarbon.weights import Weights


class Residuals(Diagnostic):
    """A number, and a table with a row for each observation."""

    table_names: ClassVar[tuple[str, ...]] = ("spread", "spread_rows")
    listings: ClassVar[tuple[str, ...]] = ("spread_rows",)

    def tables(self, panel: dc.Panel, weights: Weights | None = None) -> Mapping[str, pd.DataFrame]:
        rows = panel.frame()[["y"]].rename(index=str, level=0)
        return {"spread": pd.DataFrame({"sd": [rows["y"].std()]}, index=["all"]), "spread_rows": rows}


class Misspelt(Residuals):
    """Names a table that is not there."""

    listings: ClassVar[tuple[str, ...]] = ("spread_row",)


@pytest.fixture
def panel() -> dc.Panel:
    draw = np.random.default_rng(2)
    rows = pd.DataFrame({"unit": np.repeat(list("abcdef"), 4), "time": np.tile(range(4), 6), "x": draw.normal(size=24)})
    return dc.Panel.from_frame(rows.assign(y=rows["x"] + draw.normal(size=24)), unit="unit", time="time")


def test_numbers_of_a_listing_are_in_the_result_and_no_metrics(panel: dc.Panel) -> None:
    fitted = dc.PanelRegression(y="y", x=("x",)).fit(panel)
    result = Residuals().added(fitted, panel, None)
    assert {"spread", "spread_rows"} <= set(result.tables)
    assert result.listings == ("spread_rows",)
    assert set(metrics(result)) - set(metrics(fitted)) == {"spread.all.sd"}


def test_a_listing_that_is_no_table_is_refused(panel: dc.Panel) -> None:
    fitted = dc.PanelRegression(y="y", x=("x",)).fit(panel)
    sentence = "`listings` of the class Misspelt names spread_row, but the diagnostic makes spread, spread_rows"
    with pytest.raises(ConfigError, match=sentence):
        Misspelt().added(fitted, panel, None)
