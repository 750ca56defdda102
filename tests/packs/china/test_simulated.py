"""The simulated study: its identities, its determinism, and that its truth can be found again."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from measured import bea
from numpy.typing import NDArray

from digicarbon.errors import ConfigError
from digicarbon.measure import BeaMeasure
from digicarbon.numeric.accounts.bea import MEASURES
from digicarbon.outcome import Intensity
from digicarbon.packs.china import facts
from digicarbon.source import Inputs, SimulatedSource

FloatArray = NDArray[np.float64]

COLUMNS = [
    *("unit", "time", "gdp", "secondary_va", "tertiary_va", "population", "urban_population", "built_up_area"),
    *("pollution_investment", "industrial_output", "coal", "coke", "gasoline", "kerosene", "diesel", "fuel_oil"),
    *("natural_gas", "co2_sectoral", "co2_apparent", "gdp_index"),
]
SEEDS = 200


@pytest.fixture(scope="module")
def inputs() -> Inputs:
    return SimulatedSource().load()


def within(x: object) -> FloatArray:
    """Remove province and year means of a balanced column ordered by province, then year; shape (30, T)."""
    a = np.asarray(x, dtype=float).reshape(30, -1)
    return a - a.mean(axis=0) - a.mean(axis=1, keepdims=True) + a.mean()


def log_controls(frame: pd.DataFrame) -> list[FloatArray]:
    ratios = (
        frame["gdp"] / frame["population"],
        frame["population"],
        frame["built_up_area"],
        frame["tertiary_va"] / frame["secondary_va"],
        frame["pollution_investment"] / frame["industrial_output"],
    )
    return [np.log(ratio.to_numpy()) for ratio in ratios]


def test_shape_of_the_study(inputs: Inputs) -> None:
    frame = inputs.frame
    assert list(frame.columns) == COLUMNS
    assert len(frame) == 180
    assert set(frame["unit"]) == set(facts.provinces()["province"])
    assert sorted(frame["time"].unique()) == [2012, 2013, 2014, 2015, 2016, 2017]
    assert not frame.duplicated(["unit", "time"]).any()
    assert (frame.drop(columns=["unit", "time"]) > 0).all(axis=None)
    assert inputs.simulated
    assert (inputs.source, inputs.unit_name, inputs.time_name) == ("simulated", "province", "year")
    assert set(inputs.tables) == {(unit, year) for unit in frame["unit"] for year in (2012, 2015, 2017)}


def test_note_says_simulated_and_states_the_truth() -> None:
    (note,) = tuple(map(str, SimulatedSource(seed=7, process="sdm", neighbours="w2_nested").load().notes))
    assert note.startswith("SIMULATED")
    for part in ("sdm", "ln e,", "beta = -0.12", "theta = 0.05", "rho = 0.4", "w2_nested", "sigma = 0.05", "seed 7"):
        assert part in note
    (note,) = tuple(map(str, SimulatedSource(process="fe", driver="ddl").load().notes))
    assert "ln ddl" in note
    assert "rho" not in note


def test_tables_balance(inputs: Inputs) -> None:
    frame = inputs.frame.set_index(["unit", "time"])
    industry = facts.sectors()["industry"].to_numpy()
    for (unit, year), table in inputs.tables.items():
        assert table.sectors == tuple(facts.sectors()["sector"])
        np.testing.assert_allclose(table.flows.sum(axis=0) + table.value_added, table.output, rtol=1e-12)
        assert (table.flows > 0).all()
        assert (table.value_added > 0).all()
        row = frame.loc[(unit, year)]
        # 100m CNY are 1e4 times 10k CNY
        assert table.value_added.sum() == pytest.approx(1e4 * row["gdp"], rel=1e-12)
        for name in ("secondary", "tertiary"):
            part = table.value_added[industry == name].sum()
            assert part == pytest.approx(1e4 * row[f"{name}_va"], rel=1e-12)


def test_measures_are_positive_and_vary_within() -> None:
    for seed in range(1, 21):
        inputs = SimulatedSource(seed=seed).load()
        found = BeaMeasure().compute(inputs)
        assert (found[list(MEASURES)] > 0).all(axis=None)
        assert within(np.log(found["e"])).std() > 0.10
        tabled = found["time"].isin([2012, 2015, 2017])
        assert within(np.log(found.loc[tabled, "e"])).std() > 0.10


def test_magnitudes_are_those_of_provinces(inputs: Inputs) -> None:
    frame = inputs.frame
    assert frame["gdp"].between(1_000, 150_000).all()
    assert frame["population"].between(300, 15_000).all()
    assert (frame["urban_population"] < frame["population"]).all()
    growth = frame.groupby("time")["gdp"].sum().pct_change().dropna()
    assert growth.between(0.03, 0.13).all()
    intensity = Intensity().compute(inputs)["ci"]
    assert np.log(intensity).mean() == pytest.approx(np.log(1.6), abs=1e-12)
    assert intensity.between(0.1, 15).all()


def test_accounts_agree_as_far_as_they_should() -> None:
    found = []
    for seed in range(20):
        inputs = SimulatedSource(seed=seed).load()
        total = {
            a: within(np.log(Intensity(account=a).compute(inputs)["ci"])) for a in ("sectoral", "apparent", "fuels")
        }
        found.append([np.corrcoef(total["sectoral"].ravel(), total[a].ravel())[0, 1] for a in ("apparent", "fuels")])
    apparent, fuels = np.mean(found, axis=0)
    assert 0.6 < apparent < 0.9
    assert 0.8 < fuels < 0.95


def test_same_seed_same_numbers() -> None:
    first, second, other = (SimulatedSource(seed=seed).load() for seed in (3, 3, 4))
    pd.testing.assert_frame_equal(first.frame, second.frame, check_exact=True)
    for key, table in first.tables.items():
        np.testing.assert_array_equal(table.flows, second.tables[key].flows)
    assert not np.isclose(first.frame["gdp"], other.frame["gdp"]).any()


def test_a_seed_has_one_yearbook_under_each_process() -> None:
    base = SimulatedSource(process="sdm").load().frame
    other = SimulatedSource(process="fe", driver="sector1", neighbours="w2_nested", beta=0.3).load().frame
    pd.testing.assert_frame_equal(base[COLUMNS[:10]], other[COLUMNS[:10]], check_exact=True)
    assert not np.isclose(base["co2_sectoral"], other["co2_sectoral"]).all()


def test_other_years() -> None:
    inputs = SimulatedSource(first_year=2010, last_year=2016).load()
    assert sorted(inputs.frame["time"].unique()) == list(range(2010, 2017))
    assert {year for _, year in inputs.tables} == {2012, 2015}
    assert (BeaMeasure().compute(inputs)[list(MEASURES)] > 0).all(axis=None)
    with pytest.raises(ConfigError, match="must span at least one of the years"):
        SimulatedSource(first_year=2013, last_year=2014)


def adjacency() -> FloatArray:
    units = list(facts.provinces()["province"])
    w = np.zeros((30, 30))
    for a, b in facts.adjacency().itertuples(index=False):
        w[units.index(a), units.index(b)] = w[units.index(b), units.index(a)] = 1
    return w / w.sum(axis=1, keepdims=True)


def nested_weights(frame: pd.DataFrame) -> FloatArray:
    places = facts.provinces()
    gdp = frame.groupby("unit")["gdp"].mean()
    w = np.zeros((30, 30))
    for i, a in places.iterrows():
        for j, b in places.iterrows():
            if i != j:
                lon, lat = np.radians(a["longitude"] - b["longitude"]), np.radians([a["latitude"], b["latitude"]])
                cosine = np.sin(lat).prod() + np.cos(lat).prod() * np.cos(lon)
                w[i, j] = gdp[b["province"]] / np.arccos(cosine)
    return w / w.sum(axis=1, keepdims=True)


@pytest.mark.parametrize("neighbours", ["w1_adjacency", "w2_nested"])
def test_sdm_equation_holds_on_measured_regressors(neighbours: str) -> None:
    # without errors, S ln CI minus the regressors leaves nothing but province and year effects
    spec = SimulatedSource(neighbours=neighbours, sigma=0.0, driver="ide", rho=-0.3)
    inputs = spec.load()
    w = adjacency() if neighbours == "w1_adjacency" else nested_weights(inputs.frame)
    m = np.log(BeaMeasure().compute(inputs)["ide"].to_numpy()).reshape(30, 6)
    y = np.log(Intensity().compute(inputs)["ci"].to_numpy()).reshape(30, 6)
    left = y - spec.rho * w @ y - spec.beta * m - spec.theta * w @ m
    for coefficient, control in zip(spec.gamma, log_controls(inputs.frame), strict=True):
        left = left - coefficient * control.reshape(30, 6)
    np.testing.assert_allclose(within(left), 0, atol=1e-12)


def test_without_unit_effects_only_the_years_differ() -> None:
    for unit_effects, spread in ((False, 0.0), (True, 0.3)):
        spec = SimulatedSource(process="fe", sigma=0.0, unit_effects=unit_effects)
        inputs = spec.load()
        left = np.log(Intensity().compute(inputs)["ci"].to_numpy())
        left = left - spec.beta * np.log(BeaMeasure().compute(inputs)["e"].to_numpy())
        for coefficient, control in zip(spec.gamma, log_controls(inputs.frame), strict=True):
            left = left - coefficient * control
        between = left.reshape(30, 6).mean(axis=1).std()
        assert between == pytest.approx(spread, abs=1e-12 if spread == 0 else 0.2)


@pytest.mark.long
@pytest.mark.parametrize("driver", ["e", "sector1"])
def test_two_way_fixed_effects_find_the_truth(driver: str) -> None:
    truth = np.array([-0.12, -0.3, 0.2, 0.1, -0.15, -0.03])
    t_975 = 1.9775  # Student's t with 180 - 30 - 5 - 6 = 139 degrees of freedom
    estimates, covered = np.empty((SEEDS, 6)), np.empty((SEEDS, 6))
    for seed in range(SEEDS):
        inputs = SimulatedSource(seed=seed, process="fe", driver=driver).load()
        columns = [np.log(bea(inputs)[driver].to_numpy()), *log_controls(inputs.frame)]
        x = np.column_stack([within(column).ravel() for column in columns])
        y = within(np.log(Intensity().compute(inputs)["ci"])).ravel()
        inverse = np.linalg.inv(x.T @ x)
        estimates[seed] = inverse @ x.T @ y
        s2 = ((y - x @ estimates[seed]) ** 2).sum() / 139
        covered[seed] = np.abs(estimates[seed] - truth) <= t_975 * np.sqrt(s2 * np.diag(inverse))
    bias = estimates.mean(axis=0) - truth
    standard_error = estimates.std(axis=0, ddof=1) / np.sqrt(SEEDS)
    assert (np.abs(bias) < 3 * standard_error).all(), (bias, standard_error)
    assert ((covered.mean(axis=0) >= 0.90) & (covered.mean(axis=0) <= 0.99)).all(), covered.mean(axis=0)
    # precise enough to be a test bed: the effect is several standard errors away from zero
    assert estimates[:, 0].std() < 0.05


def test_without_unit_effects_the_effect_is_biased() -> None:
    found = []
    for seed in range(40):
        inputs = SimulatedSource(seed=seed, process="fe").load()
        columns = [np.log(bea(inputs)["e"].to_numpy()), *log_controls(inputs.frame)]
        x = np.column_stack([np.ones(180), *columns])
        y = np.log(Intensity().compute(inputs)["ci"].to_numpy())
        found.append(np.linalg.lstsq(x, y, rcond=None)[0][1])
    # three standard errors of the mean over seeds
    assert np.mean(found) < -0.12 - 3 * np.std(found) / np.sqrt(len(found))
