"""The BEA measure from tables and yearbook series to a column per measure."""

from __future__ import annotations

from dataclasses import replace
from io import StringIO
from pathlib import Path

import numpy as np
import pandas as pd
import pymrio
import pytest
from io_2007 import tables_of_2007

from digicarbon.errors import ConfigError, DataError
from digicarbon.measure import BeaMeasure, Measure
from digicarbon.measure.bea import SECTOR1, SECTOR2
from digicarbon.source import InputOutputTable, Inputs
from digicarbon.spec import build

NAMES = ("农业", SECTOR1[0], SECTOR2[-1])


def table(scale: float = 1.0, sectors: tuple[str, ...] = NAMES) -> InputOutputTable:
    flows = np.array([[10.0, 5.0, 0.0], [4.0, 20.0, 3.0], [6.0, 5.0, 7.0]])
    value_added = np.array([80.0, 20.0, 30.0])
    return InputOutputTable(sectors, scale * flows, scale * value_added, scale * np.array([100.0, 50.0, 40.0]))


def inputs(tables: dict[tuple[str, int], InputOutputTable], **series: list[float]) -> Inputs:
    columns = {"secondary_va": [1.0, 2.0, 3.0], "tertiary_va": [1.0, 3.0, 9.0], "gdp": [4.0, 6.0, 12.0]} | series
    # rows deliberately out of order: values are matched by label
    frame = pd.DataFrame({"unit": "A", "time": [2012, 2013, 2015], **columns}).iloc[[2, 0, 1]]
    return Inputs(frame=frame, source="mine", tables=tables)


def test_gap_year_by_hand() -> None:
    found = BeaMeasure().compute(inputs({("A", 2012): table(), ("A", 2015): table(10)})).set_index("time")
    assert list(found.columns) == ["unit", "sector1", "sector2", "ddl", "ide", "e"]
    assert found.loc[2012, "sector1":].tolist() == pytest.approx([20, 30, 8, 50, 58])
    assert found.loc[2015, "sector1":].tolist() == pytest.approx([200, 300, 80, 500, 580])
    # 2013 from 2012: secondary x 2, tertiary x 3, GDP x 1.5
    assert found.loc[2013, "sector1":].tolist() == pytest.approx([40, 90, 12, 130, 142])


def test_rows_keep_the_order_of_the_frame() -> None:
    found = BeaMeasure().compute(inputs({("A", 2012): table()}))
    assert found["time"].tolist() == [2015, 2012, 2013]
    assert found["sector1"].tolist() == pytest.approx([60, 20, 40])


def test_no_series_needed_where_each_year_has_a_table() -> None:
    frame = pd.DataFrame({"unit": ["A"], "time": [2012]})
    found = BeaMeasure().compute(Inputs(frame=frame, source="mine", tables={("A", 2012): table()}))
    assert found["e"].tolist() == pytest.approx([58.0])


def test_missing_driver_in_a_gap_year_stays_missing() -> None:
    found = BeaMeasure().compute(inputs({("A", 2012): table()}, tertiary_va=[1.0, np.nan, 9.0])).set_index("time")
    assert np.isnan(found.loc[2013, "sector2"])
    assert found.loc[2013, "sector1"] == pytest.approx(40)
    assert found.loc[2012, "e"] == pytest.approx(58)


@pytest.mark.parametrize("base", [np.nan, 0.0])
def test_missing_driver_in_the_table_year_is_an_error(base: float) -> None:
    with pytest.raises(DataError, match=r"'tertiary_va' has no positive value for A 2012.*source=mine"):
        BeaMeasure().compute(inputs({("A", 2012): table()}, tertiary_va=[base, 3.0, 9.0]))


def test_table_year_outside_the_frame_is_an_error() -> None:
    with pytest.raises(DataError, match="'secondary_va' has no positive value for A 2007"):
        BeaMeasure().compute(inputs({("A", 2007): table()}))


def test_missing_series_is_an_error_that_says_who_wants_it() -> None:
    lacking = inputs({("A", 2012): table()})
    lacking = replace(lacking, frame=lacking.frame.drop(columns="gdp"))
    with pytest.raises(DataError, match=r"measure=bea .*needs the series gdp, which source=mine does not have"):
        BeaMeasure().compute(lacking)


def test_no_tables_says_what_to_choose_instead() -> None:
    with pytest.raises(DataError, match=r"source=mine does not have.*measure=column measure\.column="):
        BeaMeasure().compute(inputs({}))


def test_unit_without_table() -> None:
    with pytest.raises(DataError, match="source=mine has no input-output table for A;"):
        BeaMeasure().compute(inputs({("B", 2012): table()}))


def test_sector_is_matched_by_name_not_number() -> None:
    order = [2, 0, 1]
    whole = table()
    moved = InputOutputTable(
        tuple(NAMES[i].upper() for i in order),
        whole.flows[order][:, order],
        whole.value_added[order],
        whole.output[order],
    )
    left = BeaMeasure().compute(inputs({("A", 2012): moved}))
    pd.testing.assert_frame_equal(left, BeaMeasure().compute(inputs({("A", 2012): whole})))


def test_table_without_digital_sector() -> None:
    other = table(sectors=("farming", "Communication equipment and computers", NAMES[2]))
    with pytest.raises(
        DataError, match=r"table of A 2012 has no sector named.*Add the table's spelling to measure.sec"
    ):
        BeaMeasure().compute(inputs({("A", 2012): other}))


def test_table_with_two_accepted_sectors() -> None:
    with pytest.raises(DataError, match=r"A 2012 has 2 sectors that measure.sector1 accepts"):
        BeaMeasure().compute(inputs({("A", 2012): table(sectors=(SECTOR1[1], SECTOR1[0], SECTOR2[0]))}))


def test_digital_inputs_without_output_name_the_sector() -> None:
    broken = replace(table(), output=np.array([0.0, 50.0, 40.0]))
    with pytest.raises(DataError, match="A 2012 has digital inputs but no finite, non-zero output in 农业"):
        BeaMeasure().compute(inputs({("A", 2012): broken}))


def test_unknown_term_offers_the_nearest() -> None:
    with pytest.raises(ConfigError, match=r"no measure ln_sector3\. Did you mean 'ln_sector[12]'"):
        BeaMeasure(terms=("ln_sector3",))
    with pytest.raises(ConfigError, match=r"measure\.terms: there is no measure ln_dd\. Did you mean 'ln_ddl'\?"):
        build({"_target_": "digicarbon.measure.BeaMeasure", "terms": ["ln_dd"]}, Measure, "measure")
    with pytest.raises(ConfigError, match="at least one of"):
        BeaMeasure(terms=())


def test_other_coefficients_by_hand() -> None:
    one = inputs({("A", 2012): table()})
    # farming buys 10 of 20 inputs from the digital sectors, and half of its value added counts
    found = BeaMeasure(coefficient="intermediate_input").compute(one).set_index("time")
    assert found.loc[2012, "ddl"] == pytest.approx(80 * 10 / 20)
    # v_D (I - A)^-1 by Cramer's rule: A's columns are flows over output
    left = np.eye(3) - table().flows / table().output
    content = 0.0
    for place, rate in ((1, 20 / 50), (2, 30 / 40)):
        # l_{place,0} is the cofactor of row 0 and column place, over the determinant
        minor = np.delete(np.delete(left, 0, axis=0), place, axis=1)
        content += rate * (-1) ** place * np.linalg.det(minor) / np.linalg.det(left)
    found = BeaMeasure(coefficient="leontief").compute(one).set_index("time")
    assert found.loc[2012, "ddl"] == pytest.approx(80 * content, rel=1e-12)
    assert found.loc[2012, "ide"] == 50


def test_narrow_scope_is_the_digital_sectors() -> None:
    found = BeaMeasure(scope="narrow").compute(inputs({("A", 2012): table()})).set_index("time")
    assert list(found.columns) == ["unit", "sector1", "sector2", "ide", "e"]
    assert found["e"].tolist() == found["ide"].tolist() == pytest.approx([3 * 20 + 9 * 30, 50, 2 * 20 + 3 * 30])
    with pytest.raises(ConfigError, match="scope=narrow leaves DDL out, so that there is no term ln_ddl"):
        BeaMeasure(scope="narrow", terms=("ln_ddl",))


def test_interpolation_by_hand() -> None:
    tables = {("A", 2012): table(), ("A", 2015): table(10)}
    found = BeaMeasure(gap_years="interpolation").compute(inputs(tables)).set_index("time")
    # the table years are what the tables say
    assert found.loc[2012, "sector1":].tolist() == pytest.approx([20, 30, 8, 50, 58], rel=1e-15)
    assert found.loc[2015, "sector1":].tolist() == pytest.approx([200, 300, 80, 500, 580], rel=1e-15)
    # a third of the way; secondary 1, 2, 3: shares 20/1 and 200/3; tertiary 1, 3, 9: 30/1 and 300/9; GDP 4, 6, 12
    sector1 = (2 / 3 * 20 / 1 + 1 / 3 * 200 / 3) * 2
    sector2 = (2 / 3 * 30 / 1 + 1 / 3 * 300 / 9) * 3
    ddl = (2 / 3 * 8 / 4 + 1 / 3 * 80 / 12) * 6
    assert found.loc[2013, ["sector1", "sector2", "ddl"]].tolist() == pytest.approx([sector1, sector2, ddl], rel=1e-14)
    assert found.loc[2013, "e"] == pytest.approx(sector1 + sector2 + ddl, rel=1e-14)


def test_outside_of_the_tables_interpolation_holds_the_structure() -> None:
    one_table = inputs({("A", 2012): table()})
    left = BeaMeasure(gap_years="interpolation").compute(one_table)
    pd.testing.assert_frame_equal(left, BeaMeasure().compute(one_table))


def test_interpolation_needs_drivers_in_both_table_years() -> None:
    tables = {("A", 2012): table(), ("A", 2015): table(10)}
    with pytest.raises(DataError, match="'gdp' has no positive value for A 2015"):
        BeaMeasure(gap_years="interpolation").compute(inputs(tables, gdp=[4.0, 6.0, np.nan]))


def test_table_without_total_requirements() -> None:
    # farming sells all of its output to itself
    closed = replace(table(), flows=table().flows * [[0], [0], [0]] + np.diag([100.0, 0, 0]))
    with pytest.raises(
        DataError, match="table of A 2012 has no total requirements: its matrix I - A cannot be inverted"
    ):
        BeaMeasure(coefficient="leontief").compute(inputs({("A", 2012): closed}))
    BeaMeasure().compute(inputs({("A", 2012): closed}))


def test_inputs_without_output_under_leontief_name_the_sector() -> None:
    broken = replace(table(), output=np.array([0.0, 50.0, 40.0]))
    with pytest.raises(DataError, match="A 2012 has inputs but no finite, non-zero output in 农业"):
        BeaMeasure(coefficient="leontief").compute(inputs({("A", 2012): broken}))
    # the narrow scope does not look at other sectors
    BeaMeasure(scope="narrow").compute(inputs({("A", 2012): broken}))


def test_notes_say_what_differs_from_the_study() -> None:
    one = inputs({})
    assert tuple(map(str, BeaMeasure().notes(one))) == ()
    assert "Leontief" in str(BeaMeasure(coefficient="leontief").notes(one)[0])
    assert "narrow" in str(BeaMeasure(scope="narrow").notes(one)[0])
    assert "interpolated linearly" in str(BeaMeasure(gap_years="interpolation").notes(one)[0])


@pytest.mark.parametrize("coefficient", ["total_input", "intermediate_input", "leontief"])
def test_artifact_holds_every_sector_and_adds_up(coefficient: str) -> None:
    measure = BeaMeasure(coefficient=coefficient)
    one = inputs({("A", 2012): table(), ("A", 2015): table(10)})
    assert set(measure.artifacts(one)) == {"sectors.csv"}
    sectors = pd.read_csv(StringIO(measure.artifacts(one)["sectors.csv"]), keep_default_na=False)
    assert len(sectors) == 6
    assert sectors["digital"].tolist() == ["", "sector1", "sector2"] * 2
    total = sectors.groupby("table_year")["digital_value_added"].sum()
    found = measure.compute(one).set_index("time")["e"]
    assert total.to_dict() == pytest.approx(found[[2012, 2015]].to_dict(), rel=1e-14)


@pytest.fixture(scope="module")
def tables_2007(data_folder: Path) -> dict[tuple[str, int], InputOutputTable]:
    return tables_of_2007(data_folder)


def test_real_tables_of_2007(tables_2007: dict[tuple[str, int], InputOutputTable]) -> None:
    assert len(tables_2007) == 30
    assert all(table.flows.shape == (42, 42) for table in tables_2007.values())
    assert sum(int((table.output == 0).sum()) for table in tables_2007.values()) == 17
    frame = pd.DataFrame({"unit": [unit for unit, _ in tables_2007], "time": 2007})
    found = BeaMeasure().compute(Inputs(frame=frame, source="tables", tables=tables_2007)).set_index("unit")
    assert np.isfinite(found["e"]).all()
    # negative value added (Gansu, Xinjiang) and idle sectors are kept, as a plain loop over sectors keeps them
    assert {unit for (unit, _), table in tables_2007.items() if (table.value_added < 0).any()} == {"Gansu", "Xinjiang"}
    for (unit, _), table in tables_2007.items():
        assert found.loc[unit, "sector1"] == table.value_added[18]
        assert found.loc[unit, "sector2"] == table.value_added[28]
        ddl = sum(
            (table.flows[18, j] + table.flows[28, j]) / table.output[j] * table.value_added[j]
            for j in range(42)
            if j not in (18, 28) and table.output[j] != 0
        )
        assert found.loc[unit, "ddl"] == pytest.approx(ddl, rel=1e-12)
    assert found.loc["Qinghai", "sector1"] == 0
    assert (found.drop(index="Qinghai")["sector1"] > 0).all()
    total = sum(table.value_added.sum() for table in tables_2007.values())
    # 6.7 % of the provinces' value added, pinned as a guard against silent changes of the data or the method
    assert found["e"].sum() / total == pytest.approx(0.0674087, rel=1e-5)


@pytest.fixture(scope="module")
def raw_2007(data_folder: Path) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Flows and sectors as the files have them, a row per cell."""
    folder = data_folder / "china/io2007"
    flows = pd.read_csv(folder / "io2007_province_intermediate_42x42.csv.gz")
    return flows, pd.read_csv(folder / "io2007_province_value_added_output_42s.csv.gz")


@pytest.mark.parametrize(("coefficient", "whole"), [("total_input", "total_input"), ("intermediate_input", None)])
def test_real_shares_against_sums_of_the_files_rows(
    tables_2007: dict[tuple[str, int], InputOutputTable],
    raw_2007: tuple[pd.DataFrame, pd.DataFrame],
    coefficient: str,
    whole: str | None,
) -> None:
    flows, totals = raw_2007
    bought = flows[flows["from_sector"].isin([19, 29])].groupby(["province", "to_sector"])["flow_10k_cny"].sum()
    wide = totals.set_index(["province", "sector"])
    # intermediate input is summed from the cells, not read from the totals
    under = wide[whole] if whole else flows.groupby(["province", "to_sector"])["flow_10k_cny"].sum()
    digital = bought.rename_axis(["province", "sector"]) / under.rename_axis(["province", "sector"])
    digital = digital * wide["value_added"]
    ddl = digital.drop(index=[19, 29], level="sector").groupby("province").sum()
    frame = pd.DataFrame({"unit": [unit for unit, _ in tables_2007], "time": 2007})
    found = BeaMeasure(coefficient=coefficient).compute(Inputs(frame=frame, source="tables", tables=tables_2007))
    assert len(found) == 30
    assert found.set_index("unit")["ddl"].to_dict() == pytest.approx(ddl.to_dict(), rel=1e-9)


def test_real_total_requirements_against_pymrio(
    tables_2007: dict[tuple[str, int], InputOutputTable], raw_2007: tuple[pd.DataFrame, pd.DataFrame]
) -> None:
    flows, totals = raw_2007
    frame = pd.DataFrame({"unit": [unit for unit, _ in tables_2007], "time": 2007})
    measure = BeaMeasure(coefficient="leontief")
    found = measure.compute(Inputs(frame=frame, source="tables", tables=tables_2007)).set_index("unit")
    for unit, cells in flows.groupby("province"):
        own = totals[totals["province"] == unit].set_index("sector")
        z = cells.pivot(index="from_sector", columns="to_sector", values="flow_10k_cny")
        z = z.reindex(index=own.index, columns=own.index).fillna(0.0)
        multipliers = pymrio.calc_L(pymrio.calc_A(z, own["total_input"]))
        rate = (own["value_added"] / own["total_input"]).fillna(0.0)
        content = rate[[19, 29]] @ multipliers.loc[[19, 29]]
        ddl = (content * own["value_added"]).drop(index=[19, 29]).sum()
        assert found.loc[unit, "ddl"] == pytest.approx(ddl, rel=1e-12)


def test_real_coefficients_differ_as_the_documentation_says(
    tables_2007: dict[tuple[str, int], InputOutputTable],
) -> None:
    frame = pd.DataFrame({"unit": [unit for unit, _ in tables_2007], "time": 2007})
    one = Inputs(frame=frame, source="tables", tables=tables_2007)
    total = sum(table.value_added.sum() for table in tables_2007.values())
    shares = {
        name: BeaMeasure(coefficient=name).compute(one)["e"].sum() / total
        for name in ("total_input", "intermediate_input", "leontief")
    }
    narrow = BeaMeasure(scope="narrow").compute(one)["e"].sum() / total
    assert [narrow, *shares.values()] == pytest.approx([0.0526261, 0.0674087, 0.0845224, 0.0694319], rel=1e-6)
