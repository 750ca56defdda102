"""What Python shows of public objects: a few lines, however large they are."""

from __future__ import annotations

from pathlib import Path

import classic as dc
import numpy as np
import pandas as pd

from digicarbon import recorded
from digicarbon.__main__ import main
from digicarbon.config.compose import Composer, loader
from digicarbon.diagnostic._rows import Findings
from digicarbon.plan.runs import plan
from digicarbon.tracking import Tracking

UNITS, PERIODS, TERMS = 12, 9, 25


def panel() -> dc.Panel:
    rng = np.random.default_rng(1)
    names = ["y", *(f"a_regressor_with_a_long_name_{k}" for k in range(TERMS))]
    values = rng.normal(size=(UNITS * PERIODS, len(names)))
    index = {"unit": np.repeat([f"u{k}" for k in range(UNITS)], PERIODS), "year": np.tile(range(PERIODS), UNITS)}
    return dc.Panel.from_frame(pd.DataFrame({**index, **dict(zip(names, values.T, strict=True))}), "unit", "year")


def weights() -> dc.Weights:
    ring = np.roll(np.eye(UNITS), 1, axis=1)
    return dc.Weights.from_matrix(ring + ring.T, [f"u{k}" for k in range(UNITS)])


def model() -> dc.PanelRegression:
    names = [f"a_regressor_with_a_long_name_{k}" for k in range(TERMS)]
    return dc.PanelRegression(y="y", x=names[:1], controls=names[1:])


def small() -> dc.SpatialPanel:
    return dc.SpatialPanel(y="y", x=["a_regressor_with_a_long_name_0"], kind="sdm")


def objects() -> dict[str, object]:
    data, w = panel(), weights()
    fitted, spatial = model().fit(data), small().fit(data, w)
    planned = plan(Composer(loader(), "table3_baseline"))
    assert main(["run", "table3_baseline"]) == 0
    sweep = recorded.sweep(Tracking(), "table3_baseline")
    run = recorded.find(Tracking(), "FE(1)", "table3_baseline")
    return {
        "panel": data,
        "weights": w,
        "model": model(),
        "spatial model": small(),
        "result": fitted,
        "spatial result": spatial,
        "table": dc.table([fitted, spatial]),
        "plan": planned,
        "sweep": sweep,
        "recorded run": run,
    }


def test_each_is_short(project: Path) -> None:
    for name, shown in {name: repr(made) for name, made in objects().items()}.items():
        assert 0 < len(shown) < 1000, name
        assert "array(" not in shown, name
        assert "DataFrame" not in shown, name


def test_a_result_shows_its_first_terms() -> None:
    shown = repr(small().fit(panel(), weights()))
    assert shown.startswith("sdm of y: 108 observations")
    assert "rho" in shown
    assert shown.endswith("and effects")
    assert repr(model().fit(panel())).endswith("and 15 further terms")


def test_a_specification_shows_what_is_not_a_default() -> None:
    usual = {"cov": "cluster", "test": "wild"}
    assert repr(dc.PanelRegression(y="y", x=["x"], **usual)) == "PanelRegression(y='y', x=('x',))"
    assert repr(dc.SpatialPanel(y="y", x=["x"], kind="sar", **usual)) == "SpatialPanel(y='y', x=('x',), kind='sar')"


def test_a_small_table_is_shown_and_a_large_one_named() -> None:
    small_table = dc.Table("A title", pd.DataFrame({"a": ["1"]}, index=["row"]))
    assert repr(small_table) == str(small_table)
    large = dc.Table("A title", pd.DataFrame({"a": ["1"] * 500}, index=[f"row {k}" for k in range(500)]))
    assert repr(large) == "Table 'A title' of 500 rows and 1 columns; print() shows it"


def test_a_column_of_p_values_has_decimals_though_all_are_zero() -> None:
    shown = repr(Findings(pd.DataFrame({"stat": [75.5, 80.25], "p": [0.0, 0.0]}, index=["a", "b"])))
    assert shown.count("<0.0001") == 2


def test_tests_are_shown_in_eighty_columns() -> None:
    found = dc.diagnose(small(), panel(), weights(), draws=0)
    lines = repr(found).splitlines()
    assert max(map(len, lines)) <= 80
    assert lines[-1] == "Sentences are in null."
    assert "nan" not in repr(found).lower()
    assert str(found) == repr(found)
    assert type(found[found["p"] < 0.05]) is pd.DataFrame
    assert "There is no spatial" in found._repr_html_()
