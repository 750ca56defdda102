"""From raw series to terms: arithmetic and nothing else, logarithms, span and gaps."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from digicarbon.errors import ConfigError, DataError
from digicarbon.panel import Panel, PanelDesign
from digicarbon.spec import build

FRAME = pd.DataFrame(
    {
        "unit": ["a", "a", "a", "b", "b", "b"],
        "time": [2012, 2013, 2014] * 2,
        "gdp": [2.0, 4.0, 8.0, 1.0, 3.0, 5.0],
        "population": [1.0, 2.0, 4.0, 2.0, 2.0, 2.0],
        "region": list("eeewww"),
    }
)
# a first, then b, each by year
GDP, POPULATION = FRAME["gdp"].to_numpy(), FRAME["population"].to_numpy()


def _design(**fields: Any) -> PanelDesign:
    return build({"_target_": "digicarbon.panel.PanelDesign", **fields}, PanelDesign, "panel")


def _taken(design: PanelDesign, *terms: str, **columns: Any) -> Panel:
    return design.take(design.assemble(FRAME.assign(**columns), "province", "year"), terms)


def _column(panel: Panel, name: str) -> list[float]:
    return panel.array([name])[:, 0].tolist()


def test_keys_are_called_what_the_user_calls_them() -> None:
    panel = _design().assemble(FRAME.sample(frac=1, random_state=3), "province", "year")
    assert (panel.unit_name, panel.time_name) == ("province", "year")
    assert panel.names == ("gdp", "population")
    assert _column(panel, "gdp") == GDP.tolist()
    with pytest.raises(DataError, match="The column gdp is the name of a unit or a period and of a series"):
        _design().assemble(FRAME, "gdp", "year")


# terms


def test_a_term_with_ln_is_a_logarithm_unless_such_a_column_exists() -> None:
    np.testing.assert_array_equal(_taken(_design(), "ln_gdp").array(["ln_gdp"])[:, 0], np.log(GDP))
    given_column = _taken(_design(), "ln_gdp", ln_gdp=np.arange(6.0))
    assert _column(given_column, "ln_gdp") == [0, 1, 2, 3, 4, 5]
    twice = _taken(_design(), "ln_ln_gdp", gdp=GDP + 1)
    np.testing.assert_array_equal(twice.array(["ln_ln_gdp"])[:, 0], np.log(np.log(GDP + 1)))


def test_an_unknown_term_shows_the_nearest() -> None:
    with pytest.raises(
        DataError, match=r"'gpd' is neither a column .*panel\.policy\. Did you mean 'gdp'\? Columns: gdp"
    ):
        _taken(_design(), "gpd")
    with pytest.raises(DataError, match=r"'pgdpp' is neither .* Did you mean 'pgdp'"):
        _taken(_design(derive={"pgdp": "gdp / population"}), "ln_pgdpp")
    with pytest.raises(DataError, match=r"Did you mean 'region'\? Columns: .*, region \(text\)\."):
        _taken(_design(), "Region")
    with pytest.raises(DataError, match="'region' holds text"):
        _taken(_design(), "ln_region")
    with pytest.raises(DataError, match="'region' holds text"):
        _taken(_design(), "region")


# derive


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("gdp / population", GDP / POPULATION),
        (" (gdp - population) * 2 ", (GDP - POPULATION) * 2),
        ("gdp ** 2 / -population + 1e4", GDP**2 / -POPULATION + 1e4),
        ("-gdp ** 2", -(GDP**2)),
        ("2 ** 3 ** 2 + 0 * gdp", np.full(6, 512.0)),
        ("+7", np.full(6, 7.0)),
        ("ln_gdp - ln_population", np.log(GDP) - np.log(POPULATION)),
    ],
)
def test_derived_columns_are_arithmetic(expression: str, value: Any) -> None:
    panel = _taken(_design(derive={"new": expression}), "new")
    np.testing.assert_array_equal(panel.array(["new"])[:, 0], value)


@given(
    a=st.floats(-1e6, 1e6), b=st.floats(0.1, 1e6), operator=st.sampled_from(["+", "-", "*", "/"]), swap=st.booleans()
)
def test_arithmetic_is_that_of_python(a: float, b: float, operator: str, swap: bool) -> None:
    expression = f"{a!r} {operator} (gdp + {b!r})" if swap else f"gdp + {a!r} {operator} {b!r}"
    panel = _taken(_design(derive={"new": expression}), "new")
    assert _column(panel, "new") == [eval(expression, {"gdp": value}) for value in GDP.tolist()]


def test_definitions_may_use_one_another_in_any_order() -> None:
    design = _design(
        derive={"square": "ln_pgdp ** 2", "pgdp": "gdp / people", "people": "population * 10", "unused": "nothing / 0"}
    )
    panel = _taken(design, "square", "ln_pgdp")
    expected = np.log(GDP / (POPULATION * 10))
    np.testing.assert_array_equal(panel.array(["ln_pgdp", "square"]), np.column_stack([expected, expected**2]))
    assert "unused" not in panel.names


def test_chinese_columns_may_be_named() -> None:
    panel = _taken(_design(derive={"人均": "产值 / population"}), "ln_人均", 产值=GDP)
    np.testing.assert_array_equal(panel.array(["ln_人均"])[:, 0], np.log(GDP / POPULATION))


def test_a_column_of_the_data_goes_before_a_definition() -> None:
    panel = _taken(_design(derive={"gdp": "population * 2"}), "gdp")
    assert _column(panel, "gdp") == GDP.tolist()


@pytest.mark.parametrize(
    "expression",
    [
        "__import__('os')",
        "a.b",
        "gdp.real",
        "gdp[0]",
        "'text' * 2",
        "gdp if gdp else 1",
        "gdp > 1",
        "gdp and population",
        "[gdp]",
        "lambda: 1",
        "(x := 1)",
        "f'{gdp}'",
        "True",
        "None",
        "2j * gdp",
        "gdp % 2",
        "gdp // 2",
        "~gdp",
        "@gdp",
        "产值(亿元) / population",
        f"gdp * {10**400}",
        "gdp * 1e999",
        "",
        "   ",
        "gdp /",
        "gdp population",
        "gdp = 1",
        "import os",
        "gdp\x00",
        "(" * 500 + "gdp" + ")" * 500,
    ],
)
def test_anything_but_arithmetic_is_refused_when_built(expression: str) -> None:
    with pytest.raises(ConfigError, match=r"panel\.derive\.new: .* e\.g\. gdp / population\."):
        _design(derive={"new": expression})


@pytest.mark.parametrize(
    ("derive", "circle"),
    [
        ({"a": "a + 1"}, "a needs a"),
        ({"gdp": "gdp * 10"}, "gdp needs gdp"),
        ({"a": "ln_a"}, "a needs a"),
        ({"a": "ln_ln_a"}, "a needs a"),
        ({"a": "b / 2", "b": "a * 2"}, "needs"),
        ({"a": "gdp + ln_b", "b": "c", "c": "a - 1", "d": "a"}, "needs"),
        ({"ln_a": "b", "b": "ln_a"}, "needs"),
    ],
)
def test_a_definition_by_itself_is_refused_when_built(derive: dict[str, str], circle: str) -> None:
    with pytest.raises(ConfigError, match=rf"is defined by itself \(.*{circle}.*\); give the new column a name"):
        _design(derive=derive)


def test_a_long_circle_is_shown_in_the_order_of_its_definitions() -> None:
    with pytest.raises(ConfigError) as caught:
        _design(derive={"a": "b", "b": "c", "c": "a"})
    assert any(f"({circle})" in str(caught.value) for circle in _turns("a", "b", "c"))


def _turns(*names: str) -> list[str]:
    return [" needs ".join([*names[k:], *names[:k], names[k]]) for k in range(len(names))]


def test_a_definition_needs_columns_of_numbers() -> None:
    with pytest.raises(DataError, match=r"panel\.derive\.new = gdp / peple: The term 'peple' is neither"):
        _taken(_design(derive={"new": "gdp / peple"}), "new")
    with pytest.raises(DataError, match=r"panel\.derive\.new = gdp \* region: Column 'region' holds text"):
        _taken(_design(derive={"new": "gdp * region"}), "new")
    with pytest.raises(DataError, match=r"panel\.derive\.b = a: panel\.derive\.a = q: The term 'q'"):
        _taken(_design(derive={"a": "q", "b": "a"}), "b")


def test_a_division_by_zero_is_a_missing_value() -> None:
    design = {"derive": {"new": "gdp / population"}}
    zero = [1.0, 2, 4, 0, 2, 2]
    with pytest.raises(DataError, match="'new' has no finite value for b 2012"):
        _taken(_design(**design), "new", population=zero)
    assert _taken(_design(**design, gaps="drop_units"), "new", population=zero).units == ("a",)


# logarithms

ZERO = [2.0, 0, 8, 1, 5, -0.5]


def test_the_strict_logarithm_names_the_cells() -> None:
    with pytest.raises(
        DataError, match=r"ln_gdp does not exist .*\(a 2013: 0, b 2014: -0\.5\).*panel\.log=drop .*panel\.log=log1p"
    ):
        _taken(_design(), "ln_gdp", gdp=ZERO)
    assert _column(_taken(_design(), "gdp", gdp=ZERO), "gdp") == ZERO


def test_log1p_is_taken_of_every_value() -> None:
    panel = _taken(_design(log="log1p"), "ln_gdp", gdp=ZERO)
    np.testing.assert_array_equal(panel.array(["ln_gdp"])[:, 0], np.log1p(ZERO))
    with pytest.raises(DataError, match=r"ln\(1 \+ gdp\) does not exist .*\(b 2014: -1\)"):
        _taken(_design(log="log1p"), "ln_gdp", gdp=[*ZERO[:5], -1.0])


def test_drop_leaves_the_observations_out() -> None:
    panel = _taken(_design(log="drop"), "ln_population", "ln_gdp", gdp=ZERO)
    assert not panel.balanced
    np.testing.assert_array_equal(panel.array(["ln_gdp"])[:, 0], np.log([2, 8, 1, 5]))
    assert _taken(_design(log="drop"), "ln_gdp").balanced
    whole_units = _taken(_design(log="drop", gaps="drop_units"), "ln_gdp", gdp=[*ZERO[:5], 3])
    assert (whole_units.units, whole_units.balanced) == (("b",), True)
    with pytest.raises(DataError, match="No rows are left"):
        _taken(_design(log="drop"), "ln_gdp", gdp=[0.0] * 6)


@pytest.mark.parametrize("log", ["strict", "log1p", "drop"])
def test_a_missing_value_is_a_gap_and_no_logarithm_of_zero(log: str) -> None:
    missing = [2.0, np.nan, 8, 1, 3, 5]
    with pytest.raises(DataError, match="'ln_gdp' has no finite value for a 2013"):
        _taken(_design(log=log), "ln_gdp", gdp=missing)
    assert _taken(_design(log=log, gaps="drop_units"), "ln_gdp", gdp=missing).units == ("b",)
    assert len(_taken(_design(log=log, gaps="keep"), "ln_gdp", gdp=missing).unit_codes) == 5


# span and gaps


@pytest.mark.parametrize(
    ("first", "last", "periods"),
    [(None, None, (2012, 2013, 2014)), (2013, None, (2013, 2014)), (None, 2012, (2012,)), (2013, 2013, (2013,))],
)
@pytest.mark.parametrize("kind", [int, float, str])
def test_the_span_is_cut(first: int | None, last: int | None, periods: tuple[int, ...], kind: type) -> None:
    panel = _design(first=first, last=last).assemble(FRAME.assign(time=FRAME["time"].map(kind)), "u", "t")
    assert panel.periods == periods


def test_a_span_without_rows_shows_the_data() -> None:
    with pytest.raises(DataError, match=r"^panel\.first=2020: no row lies there; the data span 2012 to 2014\."):
        _design(first=2020).assemble(FRAME, "u", "t")
    with pytest.raises(DataError, match=r"^panel\.first=2001, panel\.last=2004: no row lies there; the data span"):
        _design(first=2001, last=2004).assemble(FRAME, "u", "t")
    quarters = FRAME.assign(time=["2012Q1", "2012Q2", "2012Q3"] * 2)
    with pytest.raises(DataError, match=r"the data span 2012Q1 to 2012Q3\. Give whole numbers"):
        _design(first=2013).assemble(quarters, "u", "t")


@pytest.mark.parametrize(
    "times", [["Q4 2012", "Q1 2013", "Q1 2014"], list(pd.to_datetime(["2012-10-01", "2013-01-01", "2014-01-01"]))]
)
def test_the_span_is_one_of_years_where_periods_are_quarters_or_dates(times: list[object]) -> None:
    frame = FRAME.assign(time=times * 2)
    assert len(_design(first=2013).assemble(frame, "u", "t").periods) == 2
    assert len(_design(last=2012).assemble(frame, "u", "t").periods) == 1
    assert _design(first=2013, last=2013).assemble(frame, "u", "t").positions.tolist() == [0]


def test_a_span_of_labels_without_years_is_refused() -> None:
    with pytest.raises(DataError, match=r"panel\.first and panel\.last need periods whose years.*'wave 1', 'wave 2'"):
        _design(first=2012).assemble(FRAME.assign(time=["wave 1", "wave 2", "wave 3"] * 2), "u", "t")


def test_an_empty_period_is_reported_also_with_a_span() -> None:
    frame = FRAME.assign(time=[2012, np.nan, 2014, 2012, 2013, 2014])
    with pytest.raises(DataError, match="'u' or 't' is empty in data row 2"):
        _design(first=2012).assemble(frame, "u", "t")


def test_gaps_outside_the_span_do_not_matter() -> None:
    short = FRAME.drop(index=0)
    with pytest.raises(DataError, match="The panel has gaps: a 2012 has no row"):
        _design().assemble(short, "u", "t")
    assert _design(first=2013).assemble(short, "u", "t").shape == (2, 2)
    assert _design(gaps="drop_units").assemble(short, "u", "t").units == ("b",)
    assert not _design(gaps="keep").assemble(short, "u", "t").balanced


def test_wrong_fields_are_refused_when_built() -> None:
    with pytest.raises(ConfigError, match=r"panel\.log must be one of 'strict', 'log1p', 'drop'"):
        _design(log="ln")
    with pytest.raises(ConfigError, match=r"panel\.first: must be a integer|panel\.first: must be an? "):
        _design(first="2012")
    with pytest.raises(ConfigError, match=r"panel\.derive\.x"):
        _design(derive={"x": 5})
