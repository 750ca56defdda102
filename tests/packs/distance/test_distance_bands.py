"""Spillovers by bands of distance: lags by loops, explicit dummies, uniform intervals, and where they vanish."""

from __future__ import annotations

from pathlib import Path

import classic as dc
import numpy as np
import pandas as pd
import pytest
import scipy

from digicarbon.errors import ConfigError, WeightsError
from digicarbon.model.batch import Estimand
from digicarbon.note import Note
from digicarbon.numeric.shape.uniform import joint_critical
from digicarbon.report import DistanceDecayTables
from digicarbon.report.base import Record
from digicarbon.report.labels import Labels
from digicarbon.source import SimulatedDecay
from digicarbon.weights import InverseDistanceWeights, MatrixWeights

CUTOFFS = (400.0, 800.0, 1200.0)
MODEL = {"y": "y", "x": ("x",), "controls": ("c",), "cutoffs": CUTOFFS}


def panel_of(**fields: object) -> dc.Panel:
    frame = SimulatedDecay(**{"n": 30, "periods": 6, "rho": 0.0, "theta": 1.0, **fields}).load().frame
    return dc.Panel.from_frame(frame, unit="unit", time="time")


@pytest.fixture(scope="module")
def panel() -> dc.Panel:
    return panel_of()


def test_estimates_are_least_squares_on_means_of_bands_and_dummies(panel: dc.Panel) -> None:
    result = dc.DistanceBands(**MODEL).fit(panel)
    n, t = panel.shape
    distance = InverseDistanceWeights().places(panel).distances()
    x = panel.column("x").reshape(n, t)
    columns = [panel.column("x")]
    for low, high in zip((0.0, *CUTOFFS), CUTOFFS, strict=False):
        lag = np.zeros((n, t))
        for unit in range(n):
            near = [other for other in range(n) if other != unit and low < distance[unit, other] <= high]
            if near:
                lag[unit] = np.mean([x[other] for other in near], axis=0)
        columns.append(lag.ravel())
    columns.append(panel.column("c"))
    units, times = np.kron(np.eye(n), np.ones((t, 1))), np.kron(np.ones((n, 1)), np.eye(t))[:, 1:]
    design = np.column_stack([*columns, units, times])
    expected = np.linalg.lstsq(design, panel.column("y"), rcond=None)[0][: len(columns)]
    np.testing.assert_allclose(result.coef, expected, rtol=1e-8)
    assert result.terms == ("x", "x[0-400 km]", "x[400-800 km]", "x[800-1200 km]", "c")
    assert result.focal == ("x",)
    table = result.tables["distance_bands"].loc["x"]
    np.testing.assert_allclose(table["coef"], expected[1:4], rtol=1e-8)
    np.testing.assert_allclose(table["neighbours"].iloc[0], ((distance > 0) & (distance <= 400)).sum(axis=1).mean())


def test_the_uniform_critical_value_is_that_of_the_joint_normal_distribution() -> None:
    for r in (-0.6, 0.0, 0.8):
        covariance = np.array([[1.0, r, 0.3], [r, 1.0, 0.0], [0.3, 0.0, 1.0]]) * np.outer([1, 5, 9], [1, 5, 9])
        correlation = np.array([[1.0, r, 0.3], [r, 1.0, 0.0], [0.3, 0.0, 1.0]])
        c = joint_critical(covariance, None, 0.95)
        inside = scipy.stats.multivariate_normal(cov=correlation).cdf([c] * 3, lower_limit=[-c] * 3)
        assert inside == pytest.approx(0.95, abs=0.003)
    one = joint_critical(np.array([[4.0]]), 7, 0.9)
    assert one == pytest.approx(scipy.stats.t(7).ppf(0.95), abs=0.02)
    assert np.isnan(joint_critical(np.zeros((2, 2)), None, 0.95))


@pytest.mark.parametrize("test", ["errors", "wild"])
def test_uniform_intervals_are_wider_and_say_where_the_spillover_vanishes(test: str) -> None:
    panel = panel_of(n=60, periods=10, gamma=3.0)
    model = dc.DistanceBands(**MODEL, test=test, draws=399)
    result = model.fit(panel)
    table = result.tables["distance_bands"].loc["x"]
    half = (table["uniform_high"] - table["uniform_low"]) / 2 / table["se"]
    # a band is nowhere narrower than the interval of each by itself, which the inverted test gives
    alone = np.maximum(table["high"] - table["coef"], table["coef"] - table["low"]) / table["se"]
    assert half[alone < half.min()].std(ddof=0) < 1e-9
    # between the value of one band and Bonferroni's of three
    assert 1.9 < half.iloc[0] < 2.9
    assert table["uniform_low"].iloc[0] > 0
    assert result.statistics["vanishes_x"] == 400.0
    assert result.has_note("bands_vanish")
    assert result.has_note("wild_p_space") == (test == "wild")
    again = model.fit(panel).tables["distance_bands"].loc["x"]
    assert again.equals(table)


def test_notes_say_where_nothing_or_everything_spills_over() -> None:
    nothing = dc.DistanceBands(**MODEL).fit(panel_of(theta=0.0, seed=2))
    assert nothing.has_note("bands_nowhere")
    assert nothing.statistics["vanishes_x"] == 0.0
    everything = dc.DistanceBands(**MODEL | {"cutoffs": (400.0,)}).fit(panel_of(n=60, periods=10))
    assert everything.has_note("bands_reach_on")
    assert "vanishes_x" not in everything.statistics


@pytest.mark.long
def test_coverage_of_all_bands_at_once() -> None:
    covers = []
    for seed in range(1, 61):
        panel = panel_of(seed=seed, theta=0.0, n=25, periods=5)
        table = dc.DistanceBands(**MODEL, cov="classic").fit(panel).tables["distance_bands"]
        covers.append(((table["uniform_low"] <= 0) & (table["uniform_high"] >= 0)).all())
    # a share of 0.95 of 60 is below 0.85 with a probability of 0.002
    assert np.mean(covers) > 0.85


def test_what_cannot_be_estimated_is_refused(panel: dc.Panel) -> None:
    with pytest.raises(ConfigError, match="must increase"):
        dc.DistanceBands(**MODEL | {"cutoffs": (400.0, 300.0)})
    with pytest.raises(WeightsError, match="no two units are between 0 and 1"):
        dc.DistanceBands(**MODEL | {"cutoffs": (1.0, 400.0)}).check(panel)


def test_report_has_both_tables_and_pictures(panel: dc.Panel) -> None:
    bands = dc.DistanceBands(**MODEL).fit(panel)
    decay = dc.DecayPanel(y="y", x=("x",), controls=("c",), kind="slx", durbin="x").fit(panel)
    records = [Record("bands", {}, {}, bands), Record("decay", {}, {}, decay)]
    report = DistanceDecayTables(language="en", pictures=("svg",))
    table = report.table("t", records)
    assert list(table.cells.index) == ["x, 0-400 km", "x, 400-800 km", "x, 800-1200 km"]
    assert table.below is not None
    below = table.below.cells
    low, high = decay.statistics["gamma_low"], decay.statistics["gamma_high"]
    assert list(below.columns) == ["decay"]
    place = list(below.index).index("γ")
    assert below.iloc[place, 0].startswith(f"{decay.statistics['gamma']:.3f}")
    # below the standard error, which has no label
    assert list(below.index[place + 1 : place + 3]) == ["", "95% interval of γ, likelihood ratio"]
    assert below.iloc[place + 2, 0] == f"[{low:.4g}, {high:.4g}]"
    # what follows a new row is where it was
    assert {below.index[row] for row in table.below.blocks} == {"Direct effect", "Indirect effect", "Total effect"}
    assert sorted(report.files("t", records)) == ["decay.svg", "distance_bands.svg"]
    with pytest.raises(ConfigError, match="model=distance_bands"):
        report.table("t", [Record("none", {}, {}, dc.Result(kind="none", y=""))])


def test_wild_intervals_agree_and_null_models_do_not_have_the_lag_that_they_leave_out() -> None:
    panel = panel_of(n=60, periods=10, theta=0.5, rho=0.4)
    weights = InverseDistanceWeights().compute(panel)
    model = dc.DistanceBands(**MODEL | {"cutoffs": (300.0, 600.0, 900.0, 1200.0)}, test="wild", draws=399)
    result = model.fit(panel, weights)
    rows = result.tables["distance_bands"]
    assert (rows["uniform_low"] <= rows["low"]).all()
    assert (rows["uniform_high"] >= rows["high"]).all()
    # a spillover six standard errors from zero, whose spatial lag is in the sweep's W, too
    near = rows.iloc[0]
    assert near["coef"] / near["se"] > 5
    assert near["p"] < 0.05


def test_effects_are_what_a_change_of_x_does_to_the_unit_and_to_all_others(panel: dc.Panel) -> None:
    model = dc.DistanceBands(**{**MODEL, "cutoffs": (150.0, 400.0)}, test="wild", draws=99)
    result = model.fit(panel)
    distance = InverseDistanceWeights().places(panel).distances()
    change = np.eye(panel.shape[0]) * result.coef[0]
    for (low, high), lag in zip(model.bands, model.lags, strict=True):
        inside = ((distance > low) & (distance <= high)).astype(float)
        change += inside / np.maximum(inside.sum(axis=1, keepdims=True), 1) * result.estimates.loc[lag, "coef"]
    assert (distance < 150).sum(axis=1).min() == 1, "a unit has no other one in the first band"
    effects = result.effects["coef"].droplevel("term")
    expected = {"direct": np.diag(change).mean(), "total": change.sum(axis=1).mean()}
    assert effects["direct"] == pytest.approx(expected["direct"], rel=1e-12)
    assert effects["total"] == pytest.approx(expected["total"], rel=1e-12)
    assert effects["indirect"] == pytest.approx(expected["total"] - expected["direct"], rel=1e-12)
    columns = ["se", "p", "low", "high"]
    np.testing.assert_array_equal(result.effects.loc[("direct", "x"), columns], result.estimates.loc["x", columns])
    # a joint test's fits are of the same number
    batch = model.batch(panel, None, Estimand("total", "x"))
    coef, se = batch.fit(batch.prepare(panel.column("y")[:, None]))
    np.testing.assert_allclose([coef[0], se[0]], result.effects.loc[("total", "x"), ["coef", "se"]].tolist(), rtol=1e-9)


@pytest.mark.long
def test_wild_p_of_the_total_effect_keeps_its_size() -> None:
    p = [
        dc.DistanceBands(**MODEL, test="wild", draws=99, intervals=False)
        .fit(panel_of(n=20, periods=5, theta=0.0, beta=0.0, seed=seed))
        .effects.loc[("total", "x"), "p"]
        for seed in range(100)
    ]
    assert 0.005 <= np.mean(np.array(p) <= 0.05) <= 0.12


@pytest.mark.usefixtures("chinese_font")
def test_distances_of_a_matrix_have_no_unit_and_pairs_of_zero_are_counted(panel: dc.Panel, tmp_path: Path) -> None:
    apart = InverseDistanceWeights().places(panel).distances() / 100
    apart[0, 1] = apart[1, 0] = 0.0
    file = tmp_path / "hours.csv"
    pd.DataFrame(apart, index=list(panel.units), columns=list(panel.units)).to_csv(file)
    own = MatrixWeights(path=str(file), normalise="none")
    bands = dc.DistanceBands(**MODEL | {"cutoffs": (4.0, 8.0, 12.0)}, distances=own).fit(panel)
    assert bands.terms[1:4] == ("x[0-4]", "x[4-8]", "x[8-12]")
    table = bands.tables["distance_bands"]
    assert list(table["distance_unit"].unique()) == [""]
    pairs = len(panel.units) * (len(panel.units) - 1) // 2
    decay = dc.DecayPanel(y="y", x=("x",), controls=("c",), kind="slx", durbin="x", distances=own).fit(panel)
    for result in (bands, decay):
        assert Note("distances_of_zero", pairs=1, every=pairs) in result.notes
    for language, unit in (("en", "km"), ("zh", "公里")):
        said = " ".join(note.text(language) for note in bands.notes)
        assert unit not in said
        figure = dc.plot_distance_bands(bands.tables, language=language)
        assert unit not in figure.axes[-1].get_xlabel()
        known = dc.DistanceBands(**MODEL).fit(panel)
        assert unit in dc.plot_distance_bands(known.tables, language=language).axes[-1].get_xlabel()
    assert Labels("zh")("x[0-400 km]", "") == "x: 0-400公里"


def test_units_at_one_place_are_in_the_first_band(panel: dc.Panel, tmp_path: Path) -> None:
    places = InverseDistanceWeights().places(panel)
    frame = pd.DataFrame(places.coordinates, columns=["longitude", "latitude"]).assign(unit=list(panel.units))
    frame.loc[1, ["longitude", "latitude"]] = frame.loc[0, ["longitude", "latitude"]].to_numpy()
    file = tmp_path / "places.csv"
    frame.to_csv(file, index=False)
    own = InverseDistanceWeights(coordinates=str(file))
    model = dc.DistanceBands(**MODEL, distances=own)
    distance = own.places(panel).distances()
    assert distance[0, 1] == 0
    inside = ((distance <= 400) & ~np.eye(len(distance), dtype=bool)).astype(float)
    mean = inside @ panel.cube(("x",))[..., 0].T / np.maximum(inside.sum(axis=1), 1)[:, None]
    np.testing.assert_allclose(model.with_lags(panel).column("x[0-400 km]"), mean.ravel())
    assert model.fit(panel).tables["distance_bands"]["neighbours"].iloc[0] == pytest.approx(inside.sum(axis=1).mean())
    with pytest.raises(WeightsError, match=r"model\.distances: .* same place"):
        dc.DecayPanel(y="y", x=("x",), kind="slx", distances=own).check(panel)


def test_clusters_of_a_column_have_the_signs_of_draws(panel: dc.Panel) -> None:
    made = panel.with_text({"zone": np.array([f"z{unit % 8}" for unit in panel.unit_codes])})
    model = dc.DistanceBands(**MODEL, cov="cluster", cluster="zone", test="wild", draws=99, intervals=False)
    result = model.fit(made)
    assert next(note for note in result.notes if note.code == "wild_p_by")["by"] == "zone"
    # all vectors of eight signs
    assert (round(result.estimates.loc["x", "p"] * 256, 9) % 2) == 0
