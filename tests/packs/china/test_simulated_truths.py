"""Curved and regional truths of the simulated study: their equations, and that they are found again."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

import classic as dc
import numpy as np
import pandas as pd
import pytest
import yaml
from measured import bea
from numpy.typing import NDArray

from digicarbon.errors import ConfigError
from digicarbon.numeric.shape.turning_points import Curve, quadratic
from digicarbon.outcome import Intensity
from digicarbon.packs.china import facts
from digicarbon.panel import PanelDesign
from digicarbon.source import SimulatedSource, Source
from digicarbon.spec import build

pytestmark = pytest.mark.long

FloatArray = NDArray[np.float64]

CONF = Path(__file__).resolve().parents[3] / "conf" / "source"
SEEDS = range(1, 201)
CONTROLS = ("ln_pgdp", "ln_population", "ln_built_up_area", "ln_ter_sec", "ln_regulation")
DESIGN = PanelDesign(
    derive={
        "pgdp": "gdp / population",
        "ter_sec": "tertiary_va / secondary_va",
        "regulation": "pollution_investment / industrial_output",
    }
)
# numbers of a seed as they were before curves and regions came; BLAS may round differently elsewhere
SAME = 1e-10
PINNED = {
    "simulated": (488.07392130522487, 240.56629651317982, 160.99579799796462, 1463762.151250837, 446.6547495055007),
    "simulated_fe": (397.9309304105513, 215.62969334009898, 202.0466212418531, 1419161.7795085846, 440.22911907684323),
    "simulated_w1": (401.37797190389966, 221.82778787769539, 206.0161327826736, 1409362.2653022504, 367.3160348709723),
    "simulated_w2": (381.3270535888948, 216.14962005851638, 206.96813043974316, 1406985.7676627492, 350.7971964977184),
}


@cache
def node(option: str) -> Mapping[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((CONF / f"{option}.yaml").read_text(encoding="utf-8"))
    return MappingProxyType(loaded)


def source(option: str, driver: str, **fields: object) -> SimulatedSource:
    built = build({**node(option)} | {"driver": driver} | fields, Source, "source")
    assert isinstance(built, SimulatedSource)
    return built


@cache
def frame(option: str, driver: str, seed: int) -> pd.DataFrame:
    return made(source(option, driver, seed=seed))


def made(spec: SimulatedSource) -> pd.DataFrame:
    inputs = spec.load()
    found = inputs.frame
    for further in (bea(inputs), Intensity().compute(inputs)):
        found = found.merge(further, on=["unit", "time"])
    region = facts.provinces().set_index("province")["region"]
    return found.assign(region=found["unit"].map(region))


def panel(table: pd.DataFrame, terms: tuple[str, ...]) -> dc.Panel:
    return DESIGN.take(DESIGN.assemble(table, "province", "year"), ("ln_ci", *terms, *CONTROLS))


def within(x: object) -> FloatArray:
    a = np.asarray(x, dtype=float).reshape(30, -1)
    return a - a.mean(axis=0) - a.mean(axis=1, keepdims=True) + a.mean()


@pytest.mark.parametrize("option", PINNED)
def test_a_seed_gives_the_numbers_that_it_gave_before(option: str) -> None:
    found = build({**node(option)}, Source, "source").load().frame
    first, second, third = found.loc[[0, 97, 179], "co2_sectoral"]
    numbers = (first, second, third, found["coal"].sum(), found["co2_apparent"].iloc[5])
    assert numbers == pytest.approx(PINNED[option], rel=SAME)
    assert found["gdp"].sum() == pytest.approx(2555299.340587542, rel=SAME)


@pytest.mark.parametrize("driver", ["sector1", "ddl"])
def test_without_errors_the_outcome_is_the_planted_curve(driver: str) -> None:
    spec = source("simulated_nonlinear", driver, sigma=0.0)
    table = made(spec)
    m = np.log(table[driver])
    left = np.log(table["ci"]) - sum(b * m**k for k, b in enumerate(spec.curves[driver], start=1))
    controls = panel(table, ()).array(CONTROLS) @ np.array(spec.gamma)
    # the panel sorts provinces by name
    order = DESIGN.assemble(table, "province", "year")
    by_name = table.assign(left=left).sort_values(["unit", "time"])["left"].to_numpy()
    assert list(order.units) == sorted(table["unit"].unique())
    np.testing.assert_allclose(within(by_name - controls), 0, atol=1e-11)


def test_without_errors_each_region_has_its_planted_slope() -> None:
    spec = source("simulated_regions", "sector1", sigma=0.0)
    found = dc.PanelRegression(
        y="ln_ci", x=tuple(f"ln_sector1:region[{r}]" for r in spec.regions["sector1"]), controls=CONTROLS
    ).fit(panel(made(spec), ("ln_sector1:C(region)",)))
    for region, slope in spec.regions["sector1"].items():
        assert found.estimates.loc[f"ln_sector1:region[{region}]", "coef"] == pytest.approx(slope, abs=1e-10)


def test_levels_of_regions_do_not_drift_with_their_slopes() -> None:
    for driver in ("sector1", "e"):
        intensity = np.log(frame("simulated_regions", driver, 1)["ci"])
        assert intensity.mean() == pytest.approx(np.log(1.6), abs=1e-12)
        assert intensity.std() < 1.0


@pytest.mark.parametrize("driver", ["sector1", "sector2", "ddl", "ide", "e"])
def test_planted_turning_points_lie_where_the_study_has_them(driver: str) -> None:
    b = source("simulated_nonlinear", driver).curves[driver]
    turns = np.sort(np.roots([k * b[k - 1] for k in range(len(b), 0, -1)]))
    assert len(turns) == len(b) - 1
    for seed in range(1, 51):
        m = np.log(frame("simulated_nonlinear", driver, seed)[driver])
        if driver == "sector2":
            # the study has it outside of the sample: services only lower the intensity
            assert turns[-1] < m.min()
        else:
            assert m.min() < turns[0] <= turns[-1] < m.max()


def test_the_driver_follows_the_term_of_a_measure() -> None:
    assert source("simulated_nonlinear", "ln_ddl") == source("simulated_nonlinear", "ddl")
    (note,) = tuple(map(str, source("simulated_nonlinear", "ln_ddl").load().notes))
    assert "driver ln ddl, true coefficients 54.636 for power 1, -3.624 for power 2, 0.08 for power 3" in note
    (note,) = tuple(map(str, source("simulated_regions", "sector1").load().notes))
    assert "true beta 0.15 (northeast), 0.1 (east), -0.2 (central), -0.15 (west)" in note
    # a driver without an entry has the straight line
    (note,) = tuple(map(str, source("simulated_nonlinear", "e", curves={"ddl": [1.0]}).load().notes))
    assert "true beta = -0.12" in note


def test_wrong_truths_are_sentences() -> None:
    with pytest.raises(ConfigError, match=r"source\.driver must be one of 'e', 'ide'.*got 'digeco'"):
        source("simulated_nonlinear", "ln_digeco")
    with pytest.raises(ConfigError, match=r"source\.regions: e has a slope for nord, which is no region"):
        source("simulated_regions", "e", regions={"e": {"nord": 0.1}})
    with pytest.raises(ConfigError, match=r"source\.regions: e has no slope for central, northeast, west"):
        source("simulated_regions", "e", regions={"e": {"east": 0.1}})
    with pytest.raises(ConfigError, match="e is in both curves and regions"):
        source("simulated_regions", "e", curves={"e": [1.0, -0.1]})
    with pytest.raises(ConfigError, match=r"source\.curves\.e"):
        source("simulated_nonlinear", "e", curves={"e": [1.0, 2.0, 3.0, 4.0]})
    with pytest.raises(ConfigError, match=r"source\.curves\.gdp"):
        source("simulated_nonlinear", "e", curves={"gdp": [1.0]})


def recovered(
    option: str, driver: str, terms: tuple[str, ...], names: tuple[str, ...], truth: FloatArray
) -> FloatArray:
    """Per seed and coefficient, shape (seeds, k, 3): error, whether the classic and the clustered interval hold."""
    rows = []
    for seed in SEEDS:
        sample = panel(frame(option, driver, seed), terms)
        classic, cluster = (
            dc.PanelRegression(y="ln_ci", x=names, controls=CONTROLS, cov=cov).fit(sample).estimates.loc[list(names)]
            for cov in ("classic", "cluster")
        )
        held = [((e["low"] <= truth) & (truth <= e["high"])).to_numpy() for e in (classic, cluster)]
        rows.append(np.column_stack([classic["coef"].to_numpy() - truth, *held]))
    return np.array(rows)


def assert_recovered(found: FloatArray, clustered: float) -> None:
    """Bias within four simulation errors; classic coverage about 0.95, clustered coverage not below what is known."""
    error = found[..., 0]
    simulation_error = error.std(axis=0, ddof=1) / np.sqrt(len(error))
    assert (np.abs(error.mean(axis=0)) < 4 * simulation_error).all()
    classic, cluster = found[..., 1].mean(axis=0), found[..., 2].mean(axis=0)
    # 200 draws: 0.95 less or more three simulation errors of 0.0155
    assert ((classic >= 0.90) & (classic <= 0.995)).all(), classic
    assert ((cluster >= clustered) & (cluster <= 0.995)).all(), cluster


@pytest.mark.parametrize(("driver", "clustered"), [("sector1", 0.83), ("ddl", 0.80)])
def test_columns_of_table_5_recover_their_curvature(driver: str, clustered: float) -> None:
    truth = np.array(source("simulated_nonlinear", driver).curves[driver])
    names = tuple(f"ln_{driver}" if k == 1 else f"ln_{driver}^{k}" for k in range(1, len(truth) + 1))
    assert_recovered(recovered("simulated_nonlinear", driver, names, names, truth), clustered)


def test_cubes_of_logarithms_keep_nine_digits() -> None:
    """Uncentred cubes near 15 are nearly collinear; slopes and their errors are those of a centred regression."""
    names = ("ln_ddl", "ln_ddl^2", "ln_ddl^3")
    sample = panel(frame("simulated_nonlinear", "ddl", 1), names)
    x = sample.array(names[:1])[:, 0]
    result = dc.PanelRegression(y="ln_ci", x=names, controls=CONTROLS).fit(sample)
    curve = Curve(result.coef[:3], result.covariance[:3, :3])
    for at in (x.min(), 15.0, x.max()):
        moved = sample.with_columns({f"z{k}": (x - at) ** k for k in (1, 2, 3)})
        centred = dc.PanelRegression(y="ln_ci", x=("z1", "z2", "z3"), controls=CONTROLS).fit(moved).estimates
        assert curve.derivative(float(at)) == pytest.approx(tuple(centred.loc["z1", ["coef", "se"]]), rel=1e-9)


def test_turning_points_are_covered_and_the_shape_is_found() -> None:
    held, found_shape = [], []
    names = ("ln_sector1", "ln_sector1^2")
    for seed in SEEDS:
        sample = panel(frame("simulated_nonlinear", "sector1", seed), names)
        result = dc.PanelRegression(y="ln_ci", x=names, controls=CONTROLS).fit(sample)
        curve = Curve(result.coef[:2], result.covariance[:2, :2], result.inference.df)
        found = quadratic(curve, sample.array(names[:1])[:, 0])
        held.append((found.turning.low <= 14.5 <= found.turning.high, found.fieller.low <= 14.5 <= found.fieller.high))
        found_shape.append(found.p <= 0.05 and found.turning.maximum)
    delta, fieller = np.mean(held, axis=0)
    assert 0.89 <= delta <= 0.99
    assert 0.89 <= fieller <= 0.99
    assert np.mean(found_shape) > 0.9


def test_regions_recover_their_slopes() -> None:
    driver = "sector1"
    slopes = source("simulated_regions", driver).regions[driver]
    names = tuple(f"ln_{driver}:region[{region}]" for region in slopes)
    found = recovered("simulated_regions", driver, (f"ln_{driver}:C(region)",), names, np.array(list(slopes.values())))
    # three provinces of the northeast make three clusters among thirty
    assert_recovered(found, 0.78)
