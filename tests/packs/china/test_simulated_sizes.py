"""Provinces stay as they were; cities and counties follow the same process on places of their own."""

from __future__ import annotations

import hashlib
from itertools import combinations
from pathlib import Path
from typing import Any

import classic as dc
import numpy as np
import pandas as pd
import pytest
import yaml
from numpy.typing import NDArray
from scipy.sparse.csgraph import connected_components

from digicarbon.errors import ConfigError
from digicarbon.measure import BeaMeasure
from digicarbon.numeric.spatial.geography import haversine_km
from digicarbon.outcome import Intensity
from digicarbon.packs.china import facts
from digicarbon.panel import PanelDesign
from digicarbon.source import Inputs, SimulatedSource, Source
from digicarbon.spec import build
from digicarbon.weights import DelaunayWeights, NestedWeights

FloatArray = NDArray[np.float64]

CONF = Path(__file__).resolve().parents[3] / "conf" / "source"
CONTROLS = ("ln_pgdp", "ln_population", "ln_built_up_area", "ln_ter_sec", "ln_regulation")
DESIGN = PanelDesign(
    derive={
        "pgdp": "gdp / population",
        "ter_sec": "tertiary_va / secondary_va",
        "regulation": "pollution_investment / industrial_output",
    }
)
# of all numbers to six digits, made before there were sizes; more digits would hang on the BLAS
DIGESTS = {
    "simulated": "ba95a43a8e180ec2",
    "simulated_fe": "9b2b2e973886363d",
    "simulated_moderation": "e11b15081869b52c",
    "simulated_nonlinear": "93245a8a8364d52d",
    "simulated_regions": "cb09a5f1073cbfdc",
    "simulated_w1": "db7229df068f99ef",
    "simulated_w2": "3038fcfd604827b7",
}


def node(option: str, **fields: object) -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((CONF / f"{option}.yaml").read_text(encoding="utf-8"))
    # what follows the measure in a configuration is named here
    followed = {"driver": "sector1"} if "$" in str(loaded["driver"]) else {}
    return loaded | followed | fields


def loaded(option: str, **fields: object) -> Inputs:
    return build(node(option, **fields), Source, "source").load()


@pytest.fixture(scope="module")
def cities() -> Inputs:
    return loaded("simulated_cities")


@pytest.fixture(scope="module")
def counties() -> Inputs:
    return loaded("simulated_counties")


def panel(inputs: Inputs, *terms: str) -> dc.Panel:
    frame = inputs.frame
    for made in (BeaMeasure().compute(inputs), Intensity().compute(inputs)):
        frame = frame.merge(made, on=["unit", "time"])
    return DESIGN.take(DESIGN.assemble(frame, inputs.unit_name, "year"), ("ln_ci", *terms))


def within(x: FloatArray) -> FloatArray:
    return np.asarray(x - x.mean(axis=0) - x.mean(axis=1, keepdims=True) + x.mean())


def digest(inputs: Inputs) -> str:
    columns = inputs.frame.drop(columns=["unit", "gdp_index"])
    sums = [part.sum() for table in inputs.tables.values() for part in (table.flows, table.value_added, table.output)]
    shown = [f"{value:.5e}" for value in [*columns.to_numpy(dtype=float).ravel(), *sums]]
    names = [*columns.columns, *inputs.frame["unit"], *tuple(map(str, inputs.notes))]
    return hashlib.sha256("\n".join([*names, *shown]).encode()).hexdigest()[:16]


@pytest.mark.parametrize("option", DIGESTS)
def test_provinces_are_what_they_were_before_there_were_sizes(option: str) -> None:
    assert digest(loaded(option)) == DIGESTS[option]


@pytest.mark.long
@pytest.mark.parametrize(("size", "count", "word"), [("cities", 285, "City 001"), ("counties", 2800, "County 0001")])
def test_units_lie_in_their_provinces(size: str, count: int, word: str, request: pytest.FixtureRequest) -> None:
    inputs: Inputs = request.getfixturevalue(size)
    places = inputs.frame.drop_duplicates("unit")
    assert len(places) == count
    assert len(inputs.frame) == 6 * count
    assert places["unit"].iloc[0] == word
    # the panel sorts labels
    assert places["unit"].is_monotonic_increasing
    assert inputs.unit_name == {"cities": "city", "counties": "county"}[size]
    known = facts.provinces().set_index("province")
    assert set(places["province"]) == set(known.index)
    assert places["region"].tolist() == known.loc[places["province"], "region"].tolist()
    per_province = places["province"].value_counts()
    assert per_province.max() - per_province.min() <= 1
    # the capital of its own province is the nearest one, and the first unit of a province lies in it
    here, there = places[["longitude", "latitude"]].to_numpy().T, known[["longitude", "latitude"]].to_numpy().T
    distance = haversine_km(here[0][:, None], here[1][:, None], there[0], there[1])
    assert known.index[distance.argmin(axis=1)].tolist() == places["province"].tolist()
    first = ~places["province"].duplicated().to_numpy()
    assert distance[first].min(axis=1).max() < 1e-3
    assert distance.min(axis=1).max() < 301


def test_where_units_lie_does_not_hang_on_the_seed(cities: Inputs) -> None:
    facts = ["unit", "time", "province", "region", "longitude", "latitude"]
    other = loaded("simulated_cities", seed=9)
    pd.testing.assert_frame_equal(cities.frame[facts], other.frame[facts])
    assert not np.isclose(cities.frame["gdp"], other.frame["gdp"]).any()


@pytest.mark.long
def test_a_city_is_small_and_china_is_as_large(cities: Inputs, counties: Inputs) -> None:
    provinces = loaded("simulated")
    whole = provinces.frame.groupby("time")[["gdp", "population", "co2_sectoral"]].sum()
    for part in (cities, counties):
        ratio = part.frame.groupby("time")[["gdp", "population", "co2_sectoral"]].sum() / whole
        assert ((ratio > 0.5) & (ratio < 2)).all(axis=None)


def test_tables_of_five_sectors_balance_and_measure(counties: Inputs) -> None:
    frame = counties.frame.set_index(["unit", "time"])
    assert len(counties.tables) == 3 * 2800
    sectors = next(iter(counties.tables.values())).sectors
    digital = facts.sectors().dropna(subset="digital")["sector"].tolist()
    assert len(sectors) == 5
    assert set(digital) < set(sectors)
    flows = np.stack([table.flows for table in counties.tables.values()])
    va = np.stack([table.value_added for table in counties.tables.values()])
    output = np.stack([table.output for table in counties.tables.values()])
    np.testing.assert_allclose(flows.sum(axis=1) + va, output, rtol=1e-12)
    np.testing.assert_allclose(va.sum(axis=1), 1e4 * frame.loc[list(counties.tables), "gdp"], rtol=1e-12)
    # coarse tables have as much digitalization as those of 42 sectors
    share = [made["ddl"].sum() / made["e"].sum() for made in map(BeaMeasure().compute, (counties, loaded("simulated")))]
    assert share[0] == pytest.approx(share[1], abs=0.1)


@pytest.mark.parametrize("neighbours", ["delaunay", "w2_nested"])
@pytest.mark.parametrize("size", ["provinces", "cities"])
def test_ordinary_weights_are_the_true_ones(size: str, neighbours: str) -> None:
    # without errors, S ln CI minus the regressors leaves nothing but unit and year effects
    spec = SimulatedSource(size=size, neighbours=neighbours, sigma=0.0, rho=0.6)
    found = panel(spec.load(), "ln_e", *CONTROLS)
    weights = (DelaunayWeights() if neighbours == "delaunay" else NestedWeights()).compute(found)
    columns = {name: found.column(name).reshape(-1, 6) for name in ("ln_ci", "ln_e", *CONTROLS)}
    w, m, y = weights.matrix, columns["ln_e"], columns["ln_ci"]
    left = y - spec.rho * (w @ y) - spec.beta * m - spec.theta * (w @ m)
    for coefficient, name in zip(spec.gamma, CONTROLS, strict=True):
        left = left - coefficient * columns[name]
    np.testing.assert_allclose(within(left), 0, atol=1e-12)


def test_the_true_weights_are_one_map(cities: Inputs) -> None:
    weights = DelaunayWeights(normalise="none").compute(panel(cities, "ln_e"))
    matrix = weights.matrix
    assert connected_components(matrix)[0] == 1
    assert (matrix != matrix.T).nnz == 0
    # Euler: a triangulation of n points has at most 3n - 6 edges
    assert 5 < matrix.nnz / 285 <= 6 - 12 / 285


def test_region_slopes_and_regional_samples_know_the_region_of_a_city() -> None:
    slopes = {"northeast": 0.15, "east": -0.1, "central": -0.2, "west": -0.15}
    inputs = SimulatedSource(size="cities", process="fe", sigma=0.0, regions={"e": slopes}).load()
    names = tuple(f"ln_e:region[{region}]" for region in slopes)
    sample = panel(inputs, "ln_e:C(region)", *CONTROLS)
    found = dc.PanelRegression(y="ln_ci", x=names, controls=CONTROLS).fit(sample).estimates
    assert found.loc[list(names), "coef"].tolist() == pytest.approx(list(slopes.values()), abs=1e-9)


def test_wrong_sizes_are_sentences() -> None:
    with pytest.raises(ConfigError, match=r"source\.size must be one of 'provinces', 'cities', 'counties'; got 'city'"):
        loaded("simulated", size="city")
    with pytest.raises(
        ConfigError, match=r"w1_adjacency are the borders of provinces; size=cities takes delaunay or w2"
    ):
        loaded("simulated", size="cities")
    # without spillovers there is no W in the truth
    assert len(loaded("simulated_fe", size="cities").frame) == 6 * 285


def test_note_names_the_size(cities: Inputs) -> None:
    (note,) = tuple(map(str, cities.notes))
    assert note.startswith("SIMULATED data of 285 cities: process sdm")
    assert "W = delaunay" in note


def test_volume_index_deflates_gdp() -> None:
    inputs = loaded("simulated")
    frame = inputs.frame.assign(nominal=100 * (1 + inputs.frame.groupby("unit")["gdp"].pct_change()))
    prices = (frame["nominal"] / frame["gdp_index"]).dropna()
    assert np.log(prices).mean() == pytest.approx(0.02, abs=0.01)
    assert np.log(prices).std() < 0.04
    assert frame["gdp_index"].between(85, 130).all()
    real = Intensity(base_year=2012).compute(inputs)["real_gdp"].to_numpy().reshape(30, 6)
    nominal = frame["gdp"].to_numpy().reshape(30, 6)
    np.testing.assert_array_equal(real[:, 0], nominal[:, 0])
    assert np.log(nominal[:, 5] / real[:, 5]).mean() == pytest.approx(0.10, abs=0.05)


def test_index_of_one_year() -> None:
    assert loaded("simulated", first_year=2015, last_year=2015).frame["gdp_index"].between(85, 130).all()


def test_a_product_of_three_has_the_slope_that_was_asked_for() -> None:
    inputs = SimulatedSource(process="fe", sigma=0.0, moderation=0.15, triple=0.5).load()
    pairs = [
        ":".join(f"center({name})" for name in pair) for pair in combinations(("ln_e", "ln_pgdp", "ln_ter_sec"), 2)
    ]
    three = "center(ln_e):center(ln_pgdp):center(ln_ter_sec)"
    terms = ("center(ln_e)", *pairs, three)
    model = dc.PanelRegression(y="ln_ci", x=terms, controls=CONTROLS)
    coef = model.fit(panel(inputs, "ln_e", *CONTROLS)).estimates["coef"]
    true = {"center(ln_e)": -0.12, "center(ln_e):center(ln_pgdp)": 0.15, three: 0.5}
    for term, value in true.items():
        assert coef[term] == pytest.approx(value, abs=1e-8)
    assert "by 0.5 more for each unit of this" in " ".join(map(str, inputs.notes))
