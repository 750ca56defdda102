"""Turning points of fitted models: against regressions centred elsewhere, and the sentences of what has none."""

from __future__ import annotations

import dataclasses

import classic as dc
import numpy as np
import pandas as pd
import pytest

from digicarbon.diagnostic import TurningPoints
from digicarbon.diagnostic._rows import in_english
from digicarbon.errors import ConfigError, DataError, EstimationError
from digicarbon.result import Constituent, MadeOf, Result, roles_made_of

# two regressions whose regressors span the same space
TOLERANCE = 1e-7
X = "log(emp)"
OTHERS = ("log(pc)", "unemp")


@pytest.fixture(scope="module")
def powers(produc: dc.Panel) -> dc.Panel:
    """Produc with powers of log(emp) and an indicator."""
    made = produc.with_terms([f"{X}^{k}" for k in (2, 3, 4)])
    return made.with_columns({"early": (made.period_codes < 8).astype(float)})


def model(degree: int, **fields: object) -> dc.PanelRegression:
    x = tuple(X if k == 1 else f"{X}^{k}" for k in range(1, degree + 1))
    return dc.PanelRegression(**{"y": "log(gsp)", "x": x, "controls": OTHERS, **fields})


def centred(panel: dc.Panel, at: float, degree: int, **fields: object) -> pd.DataFrame:
    """Estimates with powers of the distance from a place."""
    z = panel.array([X])[:, 0] - at
    names = [f"z{k}" for k in range(1, degree + 1)]
    moved = panel.with_columns({name: z**k for k, name in enumerate(names, start=1)})
    return model(degree, x=tuple(names), **fields).fit(moved).estimates


@pytest.mark.parametrize("fields", [{}, {"cov": "cluster"}, {"cov": "robust", "effects": "unit", "level": 0.9}])
def test_square(powers: dc.Panel, fields: dict[str, object]) -> None:
    result = model(2, **fields).fit(powers)
    found = dc.turning_points(result, powers, X)
    assert list(found.columns) == ["at", "coef", "se", "stat", "p", "low", "high", "note"]
    assert found.index.name == "quantity"
    b = result.estimates["coef"]
    assert found.loc["turning point", "coef"] == pytest.approx(-b[X] / (2 * b[f"{X}^2"]), rel=1e-12)
    values = powers.array([X])[:, 0]
    one_sided = []
    for end, at in (("smallest", values.min()), ("largest", values.max())):
        slope, expected = found.loc[f"slope at the {end} value"], centred(powers, at, 2, **fields).loc["z1"]
        for column in ("coef", "se", "stat", "low", "high"):
            assert slope[column] == pytest.approx(expected[column], rel=TOLERANCE), column
        assert slope["at"] == at
        # one-sided p from the two-sided one of the other regression
        right = (slope["coef"] > 0) == slope["note"].endswith("> 0")
        one_sided.append(expected["p"] / 2 if right else 1 - expected["p"] / 2)
        assert slope["p"] == pytest.approx(one_sided[-1], rel=1e-6)
    assert found.loc["Lind-Mehlum test", "p"] == pytest.approx(max(one_sided), rel=1e-6)
    region = found.loc["turning point, Fieller"]
    if region["note"] == "interval":
        level = float(fields.get("level", 0.95))
        for end in (region["low"], region["high"]):
            assert centred(powers, end, 2, **fields).loc["z1", "p"] == pytest.approx(1 - level, rel=1e-6)
    below, above = found.loc["observations below", "coef"], found.loc["observations above", "coef"]
    assert (below, above) == tuple((s * (values - found.loc["turning point", "coef"]) > 0).sum() for s in (-1, 1))


def test_cube(powers: dc.Panel) -> None:
    result = model(3).fit(powers)
    found = dc.turning_points(result, powers, X)
    assert not any("Lind" in name for name in found.index)
    middle = found.loc["inflection point", "coef"]
    expected = centred(powers, middle, 3)
    assert expected.loc["z2", "coef"] == pytest.approx(0, abs=1e-8)
    # se of -b2 / (3 b3) where b2 is zero
    assert found.loc["inflection point", "se"] == pytest.approx(
        expected.loc["z2", "se"] / abs(3 * expected.loc["z3", "coef"]), rel=1e-6
    )
    slope = found.loc["slope at the inflection point"]
    assert (slope["coef"], slope["se"]) == pytest.approx(tuple(expected.loc["z1", ["coef", "se"]]), rel=1e-6)
    b = result.estimates["coef"]
    roots = np.roots([3 * b[f"{X}^3"], 2 * b[f"{X}^2"], b[X]])
    shown = found.loc[[name for name in found.index if "extremum" in name and "observations" not in name]]
    if np.isreal(roots).all():
        assert sorted(roots.real) == pytest.approx(list(shown["coef"]), rel=1e-9)
    else:
        assert shown.empty
        assert found.loc["extrema", "note"].startswith("none")
    counts = found.loc[[name for name in found.index if name.startswith("observations")], "coef"]
    assert counts.sum() == len(powers.unit_codes)


def test_extrema_of_a_cube(powers: dc.Panel) -> None:
    """A cube that surely turns: at a delta end the derivative is that of the curve."""
    rng = np.random.default_rng(1)
    z = powers.array([X])[:, 0] - 7
    y = z**3 - 0.75 * z + 0.05 * rng.standard_normal(len(z))
    panel = powers.with_columns({"y": y})
    found = dc.turning_points(model(3, y="y").fit(panel), panel, X)
    assert list(found.index[:2]) == ["first extremum", "second extremum"]
    assert found.loc[found.index[:2], "coef"].to_list() == pytest.approx([6.5, 7.5], abs=0.01)
    assert found.loc["first extremum", "note"] == "maximum, inside the sample"
    assert found.loc["second extremum", "note"] == "minimum, inside the sample"
    assert found.loc["curve in the sample", "note"] == "up-down-up"
    for name in ("first extremum", "second extremum"):
        row = found.loc[name]
        there = centred(panel, row["coef"], 3, y="y")
        assert there.loc["z1", "coef"] == pytest.approx(0, abs=1e-7)
        assert row["se"] == pytest.approx(there.loc["z1", "se"] / abs(2 * there.loc["z2", "coef"]), rel=1e-6)


def test_outside_of_the_sample_the_test_fails_trivially(powers: dc.Panel) -> None:
    z = powers.array([X])[:, 0]
    noise = np.random.default_rng(2).standard_normal(len(z))
    panel = powers.with_columns({"y": (z - 20) ** 2 + 0.1 * noise})
    found = dc.turning_points(model(2, y="y").fit(panel), panel, X)
    assert found.loc["turning point", "note"] == "minimum, outside the sample"
    test = found.loc["Lind-Mehlum test"]
    assert test["note"].endswith("extremum outside interval, trivial failure to reject")
    assert test["p"] > 0.5
    assert found.loc["curve in the sample", "note"] == "down"


def test_a_region_that_is_no_interval_says_what_it_is(powers: dc.Panel) -> None:
    noise = np.random.default_rng(3).standard_normal(len(powers.unit_codes))
    flat = powers.with_columns({"y": noise})
    row = dc.turning_points(model(2, y="y").fit(flat), flat, X).loc["turning point, Fieller"]
    assert (row["low"], row["high"]) == (-np.inf, np.inf)
    assert row["note"] == "the whole line" or row["note"].startswith("no interval: up to ")


def test_an_error_model_has_a_curve_and_normal_inference(powers: dc.Panel, usaww: dc.Weights) -> None:
    spec = dc.SpatialPanel(y="log(gsp)", x=(X, f"{X}^2"), controls=OTHERS, kind="sem")
    result = spec.fit(powers, usaww)
    found = dc.turning_points(result, powers, X)
    slope = found.loc["slope at the largest value"]
    assert slope["high"] - slope["coef"] == pytest.approx(1.959963984540054 * slope["se"])


@pytest.mark.parametrize("kind", ["sdm", "sar", "slx", "sdem", "sac"])
def test_a_spatial_lag_is_refused(powers: dc.Panel, usaww: dc.Weights, kind: str) -> None:
    spec = dc.SpatialPanel(y="log(gsp)", x=(X, f"{X}^2"), controls=OTHERS, kind=kind)
    with pytest.raises(ConfigError, match=r"spatial lag .* works through others"):
        dc.turning_points(spec.fit(powers, usaww), powers, X)
    with pytest.raises(ConfigError, match=r"spatial lag .* works through others"):
        TurningPoints(model=spec).check(powers, usaww)


def test_terms_that_have_no_curve_are_sentences(powers: dc.Panel) -> None:
    straight = model(1).fit(powers)
    with pytest.raises(ConfigError, match=r"'log\(em\)' is not a variable of the model\. Did you mean 'log\(emp\)'\?"):
        dc.turning_points(straight, powers, "log(em)")
    with pytest.raises(ConfigError, match=r"straight line; add log\(emp\)\^2"):
        dc.turning_points(straight, powers, X)
    square = model(2).fit(powers)
    with pytest.raises(ConfigError, match=r"name the variable itself, 'log\(emp\)'"):
        dc.turning_points(square, powers, f"{X}^2")
    gap = model(1, x=(X, f"{X}^3")).fit(powers)
    with pytest.raises(ConfigError, match=r"log\(emp\)\^3 is in the model without log\(emp\)\^2, .*model\.x"):
        dc.turning_points(gap, powers, X)
    alone = model(1, x=(f"{X}^2",)).fit(powers)
    with pytest.raises(ConfigError, match=r"\^2 is in the model without log\(emp\), which forces"):
        dc.turning_points(alone, powers, X)
    fourth = model(4).fit(powers)
    with pytest.raises(ConfigError, match=r"up to log\(emp\)\^4; turning points are for squares and cubes"):
        dc.turning_points(fourth, powers, X)
    joined = powers.with_terms([f"{X}:early"])
    with pytest.raises(ConfigError, match=r"is also in log\(emp\):early, the product with early, so that its curve"):
        dc.turning_points(model(2, x=(X, f"{X}^2", f"{X}:early")).fit(joined), joined, X)


def test_another_panel_is_refused_but_rows_without_a_lag_are_known(powers: dc.Panel) -> None:
    result = model(2).fit(powers)
    with pytest.raises(DataError, match="rests on 816 observations but this panel has 768"):
        dc.turning_points(result, powers.select(periods=powers.periods[1:]), X)
    with pytest.raises(DataError, match="no column 'log"):
        dc.turning_points(result, dc.Panel.from_frame(powers.frame()[["unemp"]], "state", "year"), X)
    lagged = powers.with_terms(["L.unemp", "log(gsp)", X, f"{X}^2"])
    spec = model(2, controls=("L.unemp",))
    assert len(lagged.unit_codes) == 768
    pd.testing.assert_frame_equal(
        dc.turning_points(spec.fit(lagged), powers, X), dc.turning_points(spec.fit(lagged), lagged, X)
    )


def test_means_and_differences_are_read_over_the_range_of_the_panel(powers: dc.Panel) -> None:
    for estimator in ("between", "first_difference", "lsdv"):
        result = model(2, estimator=estimator, effects="unit").fit(powers)
        found = dc.turning_points(result, powers, X)
        assert found.loc["slope at the largest value", "at"] == powers.array([X]).max()


def result_of(b: list[float], covariance: np.ndarray) -> dc.Result:
    return dc.Result(
        kind="pooled", y="log(gsp)", terms=(X, f"{X}^2", f"{X}^3")[: len(b)], coef=np.array(b), covariance=covariance
    )


def test_what_cannot_be_told_from_rounding_is_refused(powers: dc.Panel) -> None:
    for tiny in (0.0, 1e-14):
        with pytest.raises(EstimationError, match=r"coefficient of log\(emp\)\^2 is zero to rounding"):
            dc.turning_points(result_of([0.1, tiny], 0.01 * np.eye(2)), powers, X)
    with pytest.raises(EstimationError, match=r"coefficient of log\(emp\)\^3 is zero to rounding"):
        dc.turning_points(result_of([0.1, 0.1, 0.0], 0.01 * np.eye(3)), powers, X)
    with pytest.raises(EstimationError, match="drowns in rounding"):
        dc.turning_points(result_of([0.1, 0.1], np.zeros((2, 2))), powers, X)
    with pytest.raises(EstimationError, match="no finite estimate"):
        dc.turning_points(result_of([0.1, 0.1], np.full((2, 2), np.nan)), powers, X)


def test_the_specification_finds_the_variable_and_refuses_before_fitting(powers: dc.Panel) -> None:
    spec = TurningPoints(model=model(2))
    assert spec.terms == model(2).terms
    spec.check(powers)
    expected = dc.turning_points(model(2).fit(powers), powers, X)
    pd.testing.assert_frame_equal(in_english(spec.tables(powers)["turning_points"]), expected)
    with pytest.raises(
        ConfigError, match=r"diagnostic\.term \(term\) is needed: the model has no variable with a power"
    ):
        TurningPoints(model=model(1)).check(powers)
    both = powers.with_terms(["unemp^2"])
    two = model(2, controls=("unemp", "unemp^2"))
    with pytest.raises(ConfigError, match=r"the model has log\(emp\), unemp with a power"):
        TurningPoints(model=two).check(both)
    assert TurningPoints(model=two, term="unemp").tables(both)["turning_points"].loc["turning point", "se"] > 0
    with pytest.raises(ConfigError, match=r"is in the model without log\(emp\), "):
        TurningPoints(model=model(1, x=(f"{X}^2",))).check(powers)


def test_variables_with_few_values_are_named(powers: dc.Panel) -> None:
    for values, sentence in (
        (np.ones(816), "log.emp. is constant in this panel"),
        (
            (powers.period_codes % 2).astype(float),
            r"only 2 distinct values in this panel; log\(emp\)\^2 needs at least 3",
        ),
    ):
        coarse = powers.with_columns({X: values, f"{X}^2": values**2})
        with pytest.raises(DataError, match=sentence):
            TurningPoints(model=model(2)).check(coarse)
    three = (powers.period_codes % 3).astype(float)
    coarse = powers.with_columns({X: three, f"{X}^2": three**2, f"{X}^3": three**3})
    with pytest.raises(DataError, match=r"only 3 distinct values in this panel; log\(emp\)\^3 needs at least 4"):
        TurningPoints(model=model(3)).check(coarse)


def test_powers_that_are_collinear_are_named(powers: dc.Panel) -> None:
    # within each unit one of two values: the square is a line there
    rng = np.random.default_rng(4)
    twice = np.where(rng.random(816) < 0.5, 1.0, 2.0)
    twice[powers.unit_codes == 0] = 3.0
    panel = powers.with_columns({X: twice, f"{X}^2": twice**2})
    with pytest.raises(EstimationError, match=r"log\(emp\)\^2 is collinear with log\(emp\)"):
        TurningPoints(model=model(2)).check(panel)


def test_without_a_term_it_is_the_one_with_powers(powers: dc.Panel) -> None:
    result = model(2).fit(powers)
    pd.testing.assert_frame_equal(dc.turning_points(result, powers), dc.turning_points(result, powers, X))
    figure = dc.plot_curve(result, powers)
    assert figure.axes[1].get_xlabel() == X
    straight = model(1).fit(powers)
    for verb in (dc.turning_points, dc.plot_curve):
        with pytest.raises(ConfigError, match=r"diagnostic\.term \(term\) is needed: the model has no variable with a"):
            verb(straight, powers)
        for wrong in (3, ["a"], "", b"x"):
            with pytest.raises(ConfigError, match="term must be the name of a variable"):
                verb(result, powers, wrong)


@pytest.mark.parametrize("interact", ["focal", "all"])
def test_curves_of_groups_are_not_available(powers: dc.Panel, interact: str) -> None:
    halves = {unit: "first" if k < 24 else "second" for k, unit in enumerate(powers.units)}
    spec = dc.GroupedRegression(y="log(gsp)", x=(X, f"{X}^2"), controls=OTHERS, by=halves, interact=interact)
    result = spec.fit(powers)
    match = r"Each group has a coefficient of .*log\(emp\)\^2 of its own.*not available.*sample for each group"
    for term in (X, None):
        for verb in (dc.turning_points, dc.plot_curve):
            with pytest.raises(ConfigError, match=match):
                verb(result, powers, term)
        with pytest.raises(ConfigError, match=match):
            TurningPoints(model=spec, term=term).check(powers)


def test_products_and_groups_are_told_apart(powers: dc.Panel) -> None:
    made = powers.with_terms([f"{X}:unemp"])
    joined = model(2, x=(X, f"{X}^2", f"{X}:unemp"))
    match = (
        r"is also in log\(emp\):unemp, the product with unemp, so that its curve is another one at each value of unemp"
    )
    for check in (
        lambda: dc.turning_points(joined.fit(made), made, X),
        lambda: TurningPoints(model=joined).check(made),
    ):
        with pytest.raises(ConfigError, match=match):
            check()
    labels = np.where(made.unit_codes < 24, "a", "b")
    texts = made.with_text({"zone": labels})
    dummies = model(2, x=(X, f"{X}^2", f"{X}:C(zone)"))
    for check in (
        lambda: dc.turning_points(dummies.fit(texts), texts, X),
        lambda: TurningPoints(model=dummies).check(texts),
    ):
        with pytest.raises(ConfigError, match=r"so that each group has a curve of its own; fit the groups apart"):
            check()


NOISE = np.random.default_rng(5).standard_normal(816)


def test_a_control_that_is_called_like_a_power_is_none(powers: dc.Panel) -> None:
    """The data have a column of this name that holds something else."""
    for name in ("unemp^2", "log(emp)^3", "unemp_squared", "unemp:log(pc)", "unemp[2]"):
        panel = powers.with_columns({name: NOISE})
        spec = model(2, controls=(*OTHERS, name))
        result = spec.fit(panel)
        assert result.role(name).made_of == (Constituent(name),)
        found = in_english(TurningPoints(model=spec).tables(panel)["turning_points"])
        TurningPoints(model=spec).check(panel)
        assert list(found.index[:2]) == ["turning point", "turning point, Fieller"], name
        pd.testing.assert_frame_equal(found, dc.turning_points(result, panel, X))
    straight = powers.with_columns({f"{X}^2": NOISE})
    for verb in (dc.turning_points, dc.plot_curve):
        with pytest.raises(ConfigError, match="the model has no variable with a power"):
            verb(model(2).fit(straight), straight)


class Renamed(dc.PanelRegression):
    """A model whose terms have names of its own: ``bend`` is the square."""

    def made_of(self, panel: dc.Panel) -> dict[str, MadeOf]:
        others = {term: (Constituent(term),) for term in self.regressors}
        return others | {"slope": (Constituent(X),), "bend": (Constituent(X, power=2),)}

    def fit(self, panel: dc.Panel, weights: dc.Weights | None = None) -> Result:
        """Fit the model."""
        result = super().fit(panel, weights)
        return dataclasses.replace(result, roles=roles_made_of(result.terms, result.roles, self.made_of(panel)))


def test_powers_have_any_name(powers: dc.Panel) -> None:
    panel = powers.with_columns({"slope": powers.column(X), "bend": powers.column(f"{X}^2")})
    expected = dc.turning_points(model(2).fit(powers), powers, X)
    spec = Renamed(y="log(gsp)", x=("slope", "bend"), controls=OTHERS, cov="classic", test="errors")
    TurningPoints(model=spec).check(panel)
    found = in_english(TurningPoints(model=spec).tables(panel)["turning_points"])
    pd.testing.assert_frame_equal(found, expected)
    for term in (None, "slope", X):
        pd.testing.assert_frame_equal(dc.turning_points(spec.fit(panel), panel, term), expected)
    with pytest.raises(ConfigError, match="name the variable itself, 'slope'"):
        dc.turning_points(spec.fit(panel), panel, "bend")
