"""Total CO2 and CO2 per head, factor sets and missing fuels."""

from __future__ import annotations

from pathlib import Path

import classic as dc
import numpy as np
import pandas as pd
import pytest
import yaml

from digicarbon import data
from digicarbon.errors import ConfigError, DataError
from digicarbon.measure import BeaMeasure
from digicarbon.outcome import Fuel, Intensity, Outcome, PerCapita, Total
from digicarbon.source import Inputs, SimulatedSource
from digicarbon.spec import build

CONF = Path(__file__).resolve().parents[2] / "conf" / "outcome"
FACTS = data.fuels().set_index("fuel").to_dict("index")
FUELS = list(FACTS)
# kg CO2 per kg by IPCC 2006, vol. 2: table 1.2 times the effective factors of table 1.4, which have three digits
EFFECTIVE = {
    "coal": 25.8 * 0.0946,
    "coke": 28.2 * 0.107,
    "gasoline": 44.3 * 0.0693,
    "kerosene": 43.8 * 0.0719,
    "diesel": 43.0 * 0.0741,
    "fuel_oil": 40.4 * 0.0774,
    "natural_gas": 38.931 * 0.0561,
}


def option(name: str, **fields: object) -> Outcome:
    node = yaml.safe_load((CONF / f"{name}.yaml").read_text(encoding="utf-8"))
    # controls follow the source in a configuration
    return build(node | {"controls": []} | fields, Outcome, "outcome")


def inputs(**changes: list[float]) -> Inputs:
    columns: dict[str, object] = {"unit": ["A", "A", "B"], "time": [2012, 2013, 2012]}
    columns |= {"population": [1000.0, 2000.0, 500.0], "gdp": [100.0, 100.0, 100.0]}
    columns |= {"co2_sectoral": [100.0, 200.0, 300.0], "co2_apparent": [50.0, 100.0, 150.0]}
    columns |= {fuel: [1.0, 2.0, 3.0] for fuel in FUELS}
    return Inputs(frame=pd.DataFrame(columns | changes), source="mine")


def test_total_is_the_account() -> None:
    found = Total().compute(inputs())
    assert list(found.columns) == ["unit", "time", "co2"]
    assert found["co2"].tolist() == [100.0, 200.0, 300.0]
    assert Total(account="apparent").compute(inputs())["co2"].tolist() == [50.0, 100.0, 150.0]


def test_tonnes_per_head() -> None:
    # 100 Mt over 10 million people: 1e8 t over 1e7
    assert PerCapita().compute(inputs())["co2_per_capita"].tolist() == pytest.approx([10.0, 10.0, 60.0])
    with pytest.raises(
        DataError, match=r"Column 'population' \(population\) in source=mine is zero or negative for A 2"
    ):
        PerCapita().compute(inputs(population=[1.0, -1.0, 1.0]))


@pytest.mark.parametrize("account", ["sectoral", "apparent", "fuels"])
def test_outcomes_of_an_account_are_one_co2(account: str) -> None:
    suffix = "" if account == "sectoral" else f"_{account}"
    total = option(f"total{suffix}").compute(inputs())["co2"]
    head = option(f"per_capita{suffix}").compute(inputs())["co2_per_capita"]
    intensity = option(f"intensity{suffix}").compute(inputs())["ci"]
    np.testing.assert_allclose(head * inputs().frame["population"] / 100, total, rtol=1e-14)
    np.testing.assert_allclose(intensity * inputs().frame["gdp"] / 100, total, rtol=1e-14)


@pytest.mark.parametrize("fuel", FUELS)
def test_ipcc_factors_agree_with_the_printed_effective_ones(fuel: str) -> None:
    only = {name: [1.0 * (name == fuel)] * 3 for name in FUELS}
    found = option("intensity_fuels_ipcc").compute(inputs(**only))["ci"].iloc[0]
    per_unit = 0.1 if fuel == "natural_gas" else 0.01
    # one unit of fuel over 100 x 100m CNY; table 1.4 has three digits
    assert found == pytest.approx(EFFECTIVE[fuel] * per_unit, rel=1e-3)


def test_own_factors_by_hand() -> None:
    wood: dict[str, object] = {"calorific_value_kj": 15000.0, "carbon_content_t_per_tj": 30.0, "oxidation": 0.9}
    wood["unit"] = "10kt"
    gas = {"calorific_value_kj": 36000.0, "carbon_content_t_per_tj": 15.0, "unit": "100m_m3"}
    mine = build(
        {"_target_": "digicarbon.outcome.Total", "account": "fuels", "factors": {"wood": wood, "gas": gas}},
        Outcome,
        "outcome",
    )
    found = mine.compute(inputs(wood=[100.0, 0.0, 50.0], gas=[0.0, 10.0, 0.0]))["co2"]
    # 15 MJ/kg x 30 g C/MJ x 0.9 x 44/12 = 1.485 kg CO2 per kg; 36 x 15 x 44/12 = 1.98 kg per m3
    assert found.tolist() == pytest.approx([1.485, 1.98, 0.7425], rel=1e-14)
    with pytest.raises(DataError, match=r"outcome\.account=fuels needs the series wood, gas"):
        mine.compute(inputs())


def test_wrong_factors_are_sentences() -> None:
    good = {"calorific_value_kj": 20908.0, "carbon_content_t_per_tj": 26.37}
    for factors, words in (
        (
            {"coal": good | {"oxidation": 94.0}},
            r"outcome\.factors\.coal.*oxidation: must be at most 1; got 94",
        ),
        ({"coal": good | {"unit": "tonnes"}}, r"unit must be one of '10kt', '100m_m3'; got 'tonnes'"),
        ({"coal": {"calorific_value_kj": 20908.0}}, r"carbon_content_t_per_tj is required"),
        (
            {"coal": good | {"calorific_value_kj": 20.908}},
            r"factors\.coal.*calorific_value_kj is 20\.908, and fuels have 1,000 to 100,000 kJ per kg",
        ),
        ({"coal": good | {"carbon_content_t_per_tj": 26370.0}}, r"carbon_content_t_per_tj is 26370, and fuels have 5"),
        ({}, r"factors is empty"),
    ):
        with pytest.raises(ConfigError, match=words):
            option("intensity_fuels", factors=factors)
    with pytest.raises(ConfigError, match=r"factors belong to account=fuels; account=sectoral takes CO2"):
        option("total", factors={"coal": good})


def test_missing_fuels_are_missing_or_unused() -> None:
    gaps = inputs(coke=[0.1, np.nan, np.nan], kerosene=[1.0, 2.0, np.nan])
    for fuel in FUELS:
        gaps.frame.loc[2, fuel] = np.nan
    refused = Total(account="fuels")
    assert refused.compute(gaps)["co2"].isna().tolist() == [False, True, True]
    assert tuple(map(str, refused.notes(gaps))) == ("CO2: 7 fuels (factors of the study), Mt.",)
    unused = Total(account="fuels", missing_fuels="zero")
    found = unused.compute(gaps)["co2"]
    # nothing at all is known of B 2012
    assert found.isna().tolist() == [False, False, True]
    assert found[1] == pytest.approx(refused.compute(inputs(coke=[1.0, 0.0, 1.0]))["co2"][1], rel=1e-14)
    assert tuple(map(str, unused.notes(gaps)))[1:] == ("Fuels without a value are taken as unused: coke A 2013.",)
    assert len(tuple(map(str, unused.notes(inputs())))) == 1


def test_a_fuel_that_matters_is_not_taken_as_unused() -> None:
    coal = [90.0, np.nan, np.nan, 80.0]
    frame = pd.DataFrame({"unit": ["A", "A", "B", "A"], "time": [2012, 2013, 2012, 2014], "coal": coal})
    mine = Inputs(frame=frame.assign(**{fuel: 1.0 for fuel in FUELS if fuel != "coal"}), source="mine")
    outcome = Total(account="fuels", missing_fuels="zero")
    # B never has coal, which is most of CO2 elsewhere
    assert outcome.compute(mine)["co2"].isna().tolist() == [False, True, True, False]
    facts = data.fuels().set_index("fuel")
    factor = facts["calorific_value_kj"] * facts["carbon_content_t_per_tj"] * facts["oxidation"]
    weight = factor.where(facts["unit"] == "10kt", 10 * factor)
    share = np.median([weight["coal"] * x / (weight.sum() + weight["coal"] * (x - 1)) for x in (90.0, 80.0)])
    (_, note) = tuple(map(str, outcome.notes(mine)))
    assert note == (
        "CO2 is missing where a fuel without a value usually makes over 5% of it: "
        f"coal A 2013 ({share:.0%}), coal B 2012 ({share:.0%})."
    )
    # a fuel that no unit has ever had is unused
    mine.frame["coal"] = np.nan
    assert outcome.compute(mine)["co2"].notna().all()


def test_units_of_factors_are_those_of_the_series() -> None:
    facts = {"calorific_value_kj": 38931.0, "carbon_content_t_per_tj": 15.3}

    def co2(stated: str, **fuel: object) -> float:
        units = {"gas": stated} if stated else {}
        source = Inputs(inputs(gas=[10.0, 10.0, 10.0]).frame, source="mine", units=units)
        return float(Total(account="fuels", factors={"gas": Fuel(**facts, **fuel)}).compute(source)["co2"][0])

    # 1e9 m3 at 38931e-6 x 15.3 x 44/12 kg each
    per_m3 = 38931e-6 * 15.3 * 44 / 12
    for stated in ("100m m3", "亿立方米", ""):
        assert co2(stated, unit="100m_m3") == pytest.approx(per_m3, rel=1e-12)
    assert co2("100m m3") == pytest.approx(per_m3, rel=1e-12)
    assert co2("10k t") == co2("万吨") == co2("10k t", unit="10kt") == pytest.approx(per_m3 / 10, rel=1e-12)
    with pytest.raises(DataError, match=r"factors\.gas: the series 'gas' of source=mine is in 100m m3, .* for 10kt"):
        co2("100m m3", unit="10kt")
    with pytest.raises(DataError, match=r"is in 万立方米, and its factor is for 10kt or 100m_m3"):
        co2("万立方米")
    with pytest.raises(DataError, match=r"source=mine does not say in what unit the series 'gas' is; write unit: 10kt"):
        co2("")


def test_the_simulated_source_says_the_units_of_its_fuels() -> None:
    source = SimulatedSource().load()
    without = {
        name: {k: v for k, v in Fuel(**fact).model_dump().items() if k != "unit"} for name, fact in FACTS.items()
    }
    found = Total(account="fuels", factors={name: Fuel(**fact) for name, fact in without.items()}).compute(source)
    pd.testing.assert_frame_equal(found, Total(account="fuels").compute(source))


@pytest.mark.parametrize(
    ("outcome", "words"),
    [
        (Total(), "CO2: sectoral account, Mt."),
        (PerCapita(account="apparent"), "CO2: apparent account per head, t."),
        (Intensity(), "CO2: sectoral account over GDP, t per 10k CNY."),
        (option("intensity_fuels_ipcc"), "CO2: 7 fuels (own factors, kg per kg or m3: coal 2.44, coke 3.02, "),
    ],
)
def test_a_note_says_which_co2_it_is(outcome: Outcome, words: str) -> None:
    assert words in str(outcome.notes(inputs())[0])


def test_a_divisor_that_is_held_constant_does_not_matter() -> None:
    source = SimulatedSource(process="fe").load()
    frame = source.frame.assign(pgdp=source.frame["gdp"] / source.frame["population"])
    for made in (BeaMeasure(), Total(), PerCapita(), Intensity()):
        frame = frame.merge(made.compute(source), on=["unit", "time"])
    logs = np.log(frame[["co2", "co2_per_capita", "ci", "e", "pgdp", "population"]]).assign(
        unit=frame["unit"], time=frame["time"]
    )
    panel = dc.Panel.from_frame(logs, unit="unit", time="time")
    total, head, intensity = (
        dc.PanelRegression(y=y, x=("e",), controls=("pgdp", "population")).fit(panel).estimates["coef"].to_numpy()
        for y in ("co2", "co2_per_capita", "ci")
    )
    np.testing.assert_allclose(total - head, [0, 0, 1], atol=1e-10)
    np.testing.assert_allclose(total - intensity, [0, 1, 1], atol=1e-10)
