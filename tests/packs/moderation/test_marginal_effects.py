"""Effects along a moderator: statsmodels, a loop of fits, and what is refused."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import classic as dc
import numpy as np
import pandas as pd
import pytest
import statsmodels.formula.api as smf
from mlflow import MlflowClient

from digicarbon.__main__ import main
from digicarbon.diagnostic import MarginalEffects
from digicarbon.diagnostic._wild_effect import wild_effect
from digicarbon.errors import ConfigError, DataError, EstimationError, WeightsError
from digicarbon.note import Note
from digicarbon.numeric.resampling.signs import signs_of
from digicarbon.numeric.spatial.effects import multipliers
from digicarbon.packs.moderation.diagnostic.marginal_effects import moderation_of

CLUSTER: dict[str, Any] = {"cov": "cluster"}


def made(units: int = 20, periods: int = 6, seed: int = 4) -> dc.Panel:
    rng = np.random.default_rng(seed)
    index = pd.MultiIndex.from_product([[f"u{i:02}" for i in range(units)], range(2000, 2000 + periods)])
    frame = pd.DataFrame({name: rng.normal(1, 1, len(index)) for name in ("x", "z", "w")}, index=index)
    frame["few"] = rng.integers(0, 3, len(index)).astype(float)
    frame["y"] = 0.2 * frame["x"] + 0.4 * frame["x"] * frame["z"] + rng.normal(size=len(index))
    return dc.Panel.from_frame(frame.rename_axis(["unit", "year"]).reset_index(), unit="unit", time="year")


def ring(panel: dc.Panel) -> dc.Weights:
    """Return weights of neighbours on a ring, unequal, rows summing to one."""
    n = len(panel.units)
    matrix = np.zeros((n, n))
    for i in range(n):
        matrix[i, (i + 1) % n], matrix[i, (i - 1) % n], matrix[i, (i + 5) % n] = 1.0, 2.0, 0.5
    return dc.Weights.from_matrix(matrix / matrix.sum(axis=1, keepdims=True), panel.units)


@pytest.fixture(scope="module")
def panel() -> dc.Panel:
    return made()


def regression(*terms: str, **fields: Any) -> dc.PanelRegression:
    return dc.PanelRegression(**{"y": "y", "x": terms, **CLUSTER, **fields})


def test_effects_are_those_of_statsmodels(panel: dc.Panel) -> None:
    frame = panel.frame().reset_index()
    frame.columns = ["unit", "year", *frame.columns[2:]]
    fit = smf.ols("y ~ x + z + w + x:z + x:w + x:z:w + C(unit) + C(year)", frame).fit()
    terms = ("x", "z", "w", "x:z", "x:w", "x:z:w")
    result = regression(*terms, cov="classic").fit(panel)
    z, w = [-1.0, 0.5, 3.0], 0.7
    found = dc.marginal_effects(result, panel, "x", "z", at=z, given={"w": w})
    for place, row in zip(z, found.to_dict("records"), strict=True):
        test = fit.t_test(f"x + {place}*x:z + {w}*x:w + {place * w}*x:z:w = 0")
        low, high = test.conf_int()[0]
        expected = [test.effect.item(), test.sd.item(), test.tvalue.item(), test.pvalue.item(), low, high]
        np.testing.assert_allclose([row[k] for k in ("coef", "se", "stat", "p", "low", "high")], expected, rtol=1e-7)
    below = dc.johnson_neyman(result, panel, "x", "z", given={"w": w}).loc["no product matters"]
    wald = fit.wald_test("x:z = 0, x:w = 0, x:z:w = 0", use_f=True, scalar=True)
    assert [below["stat"], below["p"]] == pytest.approx([wald.statistic, wald.pvalue], rel=1e-6)


def test_centring_changes_coefficients_but_no_effect(panel: dc.Panel) -> None:
    plain = regression("x", "z", "x:z").fit(panel)
    centred = regression("center(x)", "center(z)", "center(x):center(z)").fit(panel)
    for found in (dc.marginal_effects, dc.johnson_neyman):
        one, two = found(plain, panel, "x", "z"), found(centred, panel, "center(x)", "center(z)")
        numbers = [name for name in one.columns if name not in ("note", "inside", "significant")]
        np.testing.assert_allclose(one[numbers].astype(float), two[numbers].astype(float), rtol=1e-6, atol=1e-9)
    own = centred.estimates.loc["center(x)"]
    at_mean = dc.johnson_neyman(plain, panel, "x", "z").loc["effect at the mean"]
    assert own[["coef", "se", "p"]].to_list() == pytest.approx(at_mean[["coef", "se", "p"]].to_list(), rel=1e-6)
    mixed = regression("x", "z", "w", "x:center(z)", "x:z:w").fit(panel)
    value = {"w": 0.3}
    b = dict(zip(mixed.terms, mixed.coef, strict=True))
    mean = panel.frame()["z"].mean()
    effect = dc.marginal_effects(mixed, panel, "x", "z", at=[2.0], given=value)["coef"].iloc[0]
    assert effect == pytest.approx(b["x"] + b["x:center(z)"] * (2 - mean) + b["x:z:w"] * 2 * 0.3)


def test_powers_of_a_moderator_and_of_the_variable(panel: dc.Panel) -> None:
    result = regression("x", "x^2", "z", "x:z^2", "center(x)^2:z").fit(panel)
    b = dict(zip(result.terms, result.coef, strict=True))
    mean = panel.frame()["x"].mean()
    expected = b["x"] + 2 * b["x^2"] * mean + b["x:z^2"] * 0.5**2
    assert dc.marginal_effects(result, panel, "x", "z", at=[0.5])["coef"].iloc[0] == pytest.approx(expected)
    own = dc.marginal_effects(result, panel, "x", at=[2.0], given={"z": 0.5})["coef"].iloc[0]
    slope = b["x"] + 4 * b["x^2"] + b["x:z^2"] * 0.25 + 2 * (2 - mean) * b["center(x)^2:z"] * 0.5
    assert own == pytest.approx(slope)


def test_regions_are_where_bands_leave_out_zero(panel: dc.Panel) -> None:
    model = regression("x", "z", "x:z", test="wild", draws=199, intervals=False)
    result = model.by_errors.fit(panel)
    for wild in (None, model):
        band = dc.marginal_effects(result, panel, "x", "z", model=wild)
        rows = dc.johnson_neyman(result, panel, "x", "z", model=wild)
        for name, ends in (("pointwise", ("low", "high")), ("uniform", ("low_uniform", "high_uniform"))):
            where = rows.loc[f"significant, {name}"]
            if where["significant"] in ("inside", "outside"):
                within = (band.index >= where["low"]) & (band.index <= where["high"])
                significant = (band[ends[0]] > 0) | (band[ends[1]] < 0)
                np.testing.assert_array_equal(significant, within == (where["significant"] == "inside"))
            else:
                assert where["significant"] in ("everywhere", "nowhere", "in parts")
                assert wild is not None
            assert str(where["significant"]).split()[0] in repr(rows)
            signs = (band[ends[0]] > 0).astype(int) - (band[ends[1]] < 0)
            shares = 0.0
            for sign, word in ((1, "positive"), (-1, "negative"), (0, "not significant")):
                parts = rows[rows.index == f"{word} in the sample, {name}"]
                inside = np.logical_or.reduce(
                    [(band.index >= part["low"]) & (band.index <= part["high"]) for _, part in parts.iterrows()]
                    or [np.zeros(len(band), dtype=bool)]
                )
                np.testing.assert_array_equal(inside, signs == sign)
                shares += parts["share"].sum()
            assert shares == pytest.approx(1.0)
        assert (band["high_uniform"] > band["high"]).all()
        assert ("wild" in rows.loc["effect at the mean", "note"]) is (wild is not None)


def test_ends_outside_of_the_sample_and_places_outside_are_told(panel: dc.Panel) -> None:
    result = regression("x", "z", "x:z").fit(panel)
    z = panel.frame()["z"]
    rows = dc.johnson_neyman(result, panel, "x", "z")
    notes = rows.loc[["significant, pointwise", "significant, uniform"]]
    for _, row in notes.iterrows():
        beyond = [end for end in (row["low"], row["high"]) if not z.min() <= end <= z.max()]
        assert ("an end is beyond the sample" in row["note"]) is (len(beyond) == 1)
    assert list(dc.marginal_effects(result, panel, "x", "z", at=[0.0, 99.0])["inside"]) == [True, False]


@pytest.mark.parametrize(
    "fields", [{}, {"cov": "classic"}, {"cov": "robust"}, {"cluster": "both"}, {"effects": "none"}]
)
def test_draws_are_those_of_a_loop_of_fits(panel: dc.Panel, fields: dict[str, Any]) -> None:
    """Draws by hand: fitted values and residuals of units, corrected for leverage, times their signs."""
    model = regression("x", "z", "x:z", test="wild", draws=29, **fields)
    found, rows = moderation_of(model.by_errors.fit(panel), panel, "x", "z", {}, model)
    places = np.array([-1.0, 0.5, 2.5])
    drawn = wild_effect(model, rows, None, found.names, found.effect, places)
    assert drawn is not None
    frame = panel.frame()
    unit, time = panel.unit_codes, np.unique(frame.index.get_level_values(1), return_inverse=True)[1]
    x = np.column_stack([frame["x"], frame["z"], frame["x"] * frame["z"]])
    both = fields.get("effects") != "none"
    dummies = [np.eye(unit.max() + 1)[unit], np.eye(time.max() + 1)[time][:, 1:]] if both else [np.ones((len(x), 1))]
    whole = np.column_stack([x, *dummies])
    y = frame["y"].to_numpy()
    hat = whole @ np.linalg.pinv(whole)
    # what the unit's own mean takes is not leverage: its path stays in the space without means
    own = np.eye(len(y))
    for code in range(unit.max() + 1):
        at = np.flatnonzero(unit == code)
        block = np.eye(len(at)) - hat[np.ix_(at, at)]
        if both:
            block += 1 / len(at) - 1 / (len(at) * (unit.max() + 1))
        values, vectors = np.linalg.eigh(block)
        own[np.ix_(at, at)] = (vectors * np.where(values > 1e-8, values, np.inf) ** -0.5) @ vectors.T
    residuals = y - hat @ y
    signs = signs_of(panel.units, 29, model.seed, "rademacher")
    expected = []
    for sign in signs:
        outcome = hat @ y + sign[unit] * (own @ residuals)
        draw = model.by_errors.fit(panel.with_columns({"y": outcome}))
        effect = dc.marginal_effects(draw, panel, "x", "z", at=places)
        expected.append(np.abs(effect["coef"] - found.effect.at(places)[0]) / effect["se"])
    np.testing.assert_allclose(drawn.sizes, np.array(expected).T, rtol=1e-6)


def test_a_product_of_three_has_a_line_for_each_value(panel: dc.Panel) -> None:
    model = regression("x", "z", "w", "x:z", "x:w", "z:w", "x:z:w")
    tables = MarginalEffects(model=model, along="z").tables(panel)
    w = panel.frame()["w"]
    given = list(dict.fromkeys(tables["johnson_neyman"]["given"]))
    values = [note["said"][0]["value"] for note in given]
    assert values == pytest.approx([w.mean() - w.std(), w.mean(), w.mean() + w.std()])
    alone = dc.johnson_neyman(model.fit(panel), panel, "x", "z", given={"w": values[2]})
    rows = tables["johnson_neyman"][[note == given[2] for note in tables["johnson_neyman"]["given"]]]
    np.testing.assert_allclose(rows["low"].astype(float), alone["low"].astype(float))
    chosen = MarginalEffects(model=model, along="z", given={"w": (0.0,)}).tables(panel)["marginal_effects"]
    assert set(chosen["given"]) == {Note("given_values", said=(Note("given_value", name="w", value=0.0),))}
    assert chosen.index.name == "z"


@pytest.mark.parametrize(("slope", "inside"), [(0.05, "at all values of the sample"), (-9.0, "an end is beyond")])
def test_a_sample_between_the_ends_is_said_so(slope: float, inside: str) -> None:
    """Estimates are set by hand: ends on both sides of the sample, or one of them in it."""
    own = made()
    result = regression("x", "z", "x:z").fit(own)
    place = [result.terms.index("x"), result.terms.index("x:z")]
    coef, covariance = result.coef.copy(), np.eye(len(result.coef))
    coef[place] = 30.0, slope
    result = replace(result, coef=coef, covariance=covariance)
    row = dc.johnson_neyman(result, own, "x", "z").loc["significant, pointwise"]
    z = own.frame()["z"]
    beyond = [not z.min() <= end <= z.max() for end in (row["low"], row["high"])]
    assert inside in row["note"]
    assert all(beyond) is (inside == "at all values of the sample")
    assert row["significant"] == ("inside" if all(beyond) else "outside")
    if all(beyond):
        assert row["note"].startswith(f"from {row['low']:.4g} to {row['high']:.4g}; at all values of the sample, which")


def test_a_value_outside_of_the_data_is_said_so(panel: dc.Panel) -> None:
    model = regression("x", "z", "w", "x:z", "x:w", "z:w", "x:z:w")
    given = MarginalEffects(model=model, along="z", given={"w": (0.0, 99.0)}).tables(panel)["marginal_effects"]["given"]
    labels = [str(label) for label in dict.fromkeys(given)]
    assert labels == ["with w set to 0", "with w set to 99, outside of the values observed"]


def test_a_moderator_of_few_values_has_a_place_for_each(panel: dc.Panel) -> None:
    result = regression("x", "few", "x:few").fit(panel)
    found = dc.marginal_effects(result, panel, "x", "few")
    assert list(found.index) == [0.0, 1.0, 2.0]
    assert (found["low_uniform"] < found["low"]).all()


@pytest.mark.parametrize(("values", "places"), [(12, 12), (13, 101)])
def test_more_values_than_twelve_are_a_line(panel: dc.Panel, values: int, places: int) -> None:
    steps = np.random.default_rng(0).permutation(len(panel.unit_codes)) % values
    some = panel.with_columns({"step": steps * 1.0})
    result = regression("x", "step", "x:step").fit(some)
    found = dc.marginal_effects(result, some, "x", "step")
    assert len(found) == places
    assert (found.index[0], found.index[-1]) == (0.0, values - 1.0)


def test_ends_move_with_the_moderator(panel: dc.Panel) -> None:
    far = panel.with_columns({"z": panel.column("z") + 1e5})
    ends = []
    for one in (panel, far):
        rows = dc.johnson_neyman(regression("x", "z", "x:z").fit(one), one, "x", "z")
        ends.append(rows.loc[["significant, pointwise", "significant, uniform"], ["low", "high"]].to_numpy(dtype=float))
    np.testing.assert_allclose(ends[1] - 1e5, ends[0], atol=1e-6)


def test_what_has_no_such_effect_is_a_sentence(panel: dc.Panel, produc: dc.Panel, usaww: dc.Weights) -> None:
    product = regression("x", "z", "x:z")
    cases: list[tuple[dc.Model, dict[str, Any], str]] = [
        (regression("x", "z"), {}, "The effect of x is its coefficient everywhere"),
        (product, {"along": "w"}, "does not depend on 'w'"),
        (product, {"term": "w"}, "'w' is not a variable of the model"),
        (
            regression("x:z"),
            {},
            r"'x:z' is a product or power: set diagnostic\.term to one of its variables \(x, z\)",
        ),
        (regression("x", "C(few):x"), {}, "x has a coefficient for each value of a category"),
    ]
    for model, fields, sentence in cases:
        with pytest.raises(ConfigError, match=sentence):
            MarginalEffects(model=model, **fields).check(panel)
    both = regression("x", "z", "w", "x:z", "x:w", "x:few")
    with pytest.raises(ConfigError, match="w, few have several values"):
        MarginalEffects(model=both, along="z", given={"w": (1, 2), "few": (0, 1)}).check(panel)
    for name in ("v", "z"):
        with pytest.raises(ConfigError, match=f"given: the effect of x does not depend on '{name}'"):
            MarginalEffects(model=product, given={name: (1.0,)}).check(panel)
    with pytest.raises(ConfigError, match="given: the effect of x does not depend on 'v'"):
        dc.marginal_effects(product.fit(panel), panel, "x", given={"v": 1.0})
    spatial = dc.SpatialPanel(kind="sar", y="unemp", x=("log(emp)", "log(emp):log(pc)"))
    with pytest.raises(WeightsError, match="A sar model needs spatial weights"):
        dc.marginal_effects(spatial.fit(produc, usaww), produc, "log(emp)")
    other: Any = "spillover"
    for of in (dc.marginal_effects, dc.johnson_neyman):
        with pytest.raises(ConfigError, match="effect must be one of direct, indirect, total; got 'spillover'"):
            of(spatial.fit(produc, usaww), produc, "log(emp)", weights=usaww, effect=other)
    dynamic = dc.DynamicPanel(y="y", x=("center(L.x)", "z"))
    with pytest.raises(DataError, match="no center"):
        dynamic.fit(panel)


def test_rows_without_weight_are_in_no_share(panel: dc.Panel) -> None:
    weigh = np.where(np.arange(len(panel.unit_codes)) % 7 == 3, 0.0, 1.0)
    some = panel.with_columns({"n": weigh})
    model = regression("x", "z", "x:z", observation_weights="n")
    rows = dc.johnson_neyman(model.fit(some), some, "x", "z", model=model)
    assert rows.loc["effect at the mean", "at"] == pytest.approx(panel.frame()["z"][weigh > 0].mean())


SPATIAL: dict[str, dict[str, Any]] = {
    "sdm": {"kind": "sdm"},
    "focal lags": {"kind": "sdm", "durbin": ("x", "x:z")},
    "product alone": {"kind": "sdm", "durbin": ("x:z",), "effects": "unit"},
    "sar": {"kind": "sar", "effects": "none"},
    "slx": {"kind": "slx", "cov": "cluster"},
    "sdem": {"kind": "sdem"},
}
KINDS = ("direct", "indirect", "total")


def moved(panel: dc.Panel, by: float) -> dc.Panel:
    """Return the panel with a moderator whose zero is at a value of it."""
    frame = panel.frame().reset_index()
    frame.columns = pd.Index(["unit", "year", *frame.columns[2:]])
    return dc.Panel.from_frame(frame.assign(z=frame["z"] - by), unit="unit", time="year")


# a shifted product's lag has the lag of x in it, which must be in the model
@pytest.mark.parametrize("name", [name for name in SPATIAL if name != "product alone"])
def test_effects_in_space_are_those_of_a_model_centred_there(panel: dc.Panel, name: str) -> None:
    weights = ring(panel)
    model = dc.SpatialPanel(**{"y": "y", "x": ("x", "z", "x:z"), **SPATIAL[name]})
    result = model.fit(panel, weights)
    for place in (-0.5, 1.2):
        refit = model.fit(moved(panel, place), weights).effects.xs("x", level="term")
        for kind in KINDS:
            found = dc.marginal_effects(result, panel, "x", "z", at=[place], weights=weights, effect=kind).iloc[0]
            expected = refit.loc[kind, ["coef", "se"]].to_list()
            assert found[["coef", "se"]].to_list() == pytest.approx(expected, rel=1e-5, abs=1e-9)


@pytest.mark.parametrize("fields", SPATIAL.values(), ids=SPATIAL)
def test_effects_in_space_are_means_over_an_inverse(panel: dc.Panel, fields: dict[str, Any]) -> None:
    weights = ring(panel)
    result = dc.SpatialPanel(**{"y": "y", "x": ("x", "z", "x:z"), **fields}).fit(panel, weights)
    names = [name for name in ("x", "x:z", "W_x", "W_x:z", "rho") if name in result.terms]
    place = [result.terms.index(name) for name in names]
    w, n, z = weights.align(panel).dense(), panel.shape[0], 0.7

    def by_hand(values: np.ndarray) -> np.ndarray:
        b = dict(zip(names, values, strict=True))
        z_of = np.diag(np.full(n, z))
        own = b["x"] * np.eye(n) + b["x:z"] * z_of
        lags = b.get("W_x", 0.0) * w + b.get("W_x:z", 0.0) * w @ z_of
        change = np.linalg.inv(np.eye(n) - b.get("rho", 0.0) * w) @ (own + lags)
        direct, total = np.trace(change) / n, change.sum() / n
        return np.array([direct, total - direct, total])

    point, step = result.coef[place], 1e-6
    slopes = [(by_hand(point + step * e) - by_hand(point - step * e)) / (2 * step) for e in np.eye(len(place))]
    variance = np.array(slopes).T @ result.covariance[np.ix_(place, place)] @ np.array(slopes)
    for kind, value, squared in zip(KINDS, by_hand(point), np.diag(variance), strict=True):
        found = dc.marginal_effects(result, panel, "x", "z", at=[z], weights=weights, effect=kind).iloc[0]
        assert found["coef"] == pytest.approx(value, rel=1e-9, abs=1e-12)
        assert found["se"] == pytest.approx(np.sqrt(squared), rel=1e-6, abs=1e-9)


def test_the_band_in_space_holds_the_whole_line_in_draws_of_the_parameters(panel: dc.Panel) -> None:
    weights = ring(panel)
    result = dc.SpatialPanel(y="y", x=("x", "z", "x:z"), kind="sdm", durbin=("x", "x:z")).fit(panel, weights)
    names = ["x", "x:z", "W_x", "W_x:z", "rho"]
    place = [result.terms.index(name) for name in names]
    # small errors: the delta method is exact in the limit
    covariance = result.covariance[np.ix_(place, place)] * 1e-6
    draws = np.random.default_rng(0).multivariate_normal(result.coef[place], covariance, 4000)
    band = dc.marginal_effects(result, panel, "x", "z", weights=weights, effect="indirect")
    operator, z = weights.align(panel).operator, band.index.to_numpy(dtype=float)
    lines = []
    for b, bz, t, tz, rho in draws:
        weight = multipliers(float(rho), operator)[1, 0]
        lines.append(weight[0] * (b + bz * z) + weight[1] * (t + tz * z))
    sizes = np.abs((np.array(lines) - band["coef"].to_numpy()) / (1e-3 * band["se"].to_numpy())).max(axis=1)
    critical = ((band["high_uniform"] - band["coef"]) / band["se"]).iloc[0]
    assert np.mean(sizes <= critical) == pytest.approx(0.95, abs=0.012)


def test_tables_in_space_have_three_effects(panel: dc.Panel) -> None:
    weights = ring(panel)
    model = dc.SpatialPanel(y="y", x=("x", "z", "x:z"), kind="sdm", durbin="x", test="wild", draws=99)
    diagnostic = MarginalEffects(model=model)
    diagnostic.check(panel, weights)
    tables = diagnostic.tables(panel, weights)
    labels = [str(label) for label in dict.fromkeys(tables["marginal_effects"]["given"])]
    assert labels == ["direct effect", "indirect effect", "total effect"]
    below = tables["johnson_neyman"].loc["effect at the mean"]
    assert below["coef"].iloc[0] + below["coef"].iloc[1] == pytest.approx(below["coef"].iloc[2])
    assert [str(note) for note in below["note"]] == ["standard errors, not the wild bootstrap"] * 3
    own = dc.johnson_neyman(model.fit(panel, weights), panel, "x", "z", model=model, weights=weights)
    assert own.loc["effect at the mean", "note"] == "standard errors, not the wild bootstrap"
    said = [str(note) for note in diagnostic.remarks(tables)]
    assert "along z, with x:z." in said[0]
    assert "where all places have the same z" in said[1]
    assert "no wild bootstrap in this model" in said[2]
    by_errors = MarginalEffects(model=model.by_errors)
    assert len(by_errors.remarks(by_errors.tables(panel, weights))) == 2
    triple = model.model_copy(update={"x": ("x", "z", "w", "x:z", "x:w", "z:w", "x:z:w")})
    given = MarginalEffects(model=triple, term="x", along="z", given={"w": (0, 1)}).tables(panel, weights)
    labels = [str(label) for label in dict.fromkeys(given["johnson_neyman"]["given"])]
    assert labels[:2] == ["direct effect, with w set to 0", "direct effect, with w set to 1"]
    assert len(labels) == 6


def test_rho_at_the_end_of_its_range_has_no_effects(panel: dc.Panel) -> None:
    weights = ring(panel)
    result = dc.SpatialPanel(y="y", x=("x", "z", "x:z"), kind="sar").fit(panel, weights)
    with pytest.raises(EstimationError, match="no finite estimate and variance"):
        dc.marginal_effects(replace(result, beyond=("rho",)), panel, "x", "z", weights=weights)


@pytest.mark.long
def test_a_curve_and_its_joint_test_have_the_effect_at_the_mean(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    columns = {z: f'{{model.x: ["center(ln_e)", "center(ln_e):center({z})"]}}' for z in ("ln_pgdp", "ln_ter_sec")}
    words = ["source=simulated_moderation", "measure=bea", "model=twfe", "report=curve", "report.draws=19"]
    words += ["replace=columns", f"columns={{{', '.join(f'{z}: {own}' for z, own in columns.items())}}}"]
    words += ["report.term='center(ln_e)'", "report.pictures=[]", "executor=sequential"]
    assert main(["run", "table3_baseline", *words]) == 0
    said = capsys.readouterr().out
    assert "joint test: median estimate, p" in said
    client = MlflowClient(tracking_uri=f"sqlite:///{Path('mlruns/mlflow.db').resolve().as_posix()}")
    runs = client.search_runs([client.get_experiment_by_name("table3_baseline").experiment_id])
    effects = [run.data.metrics for run in runs if "focal.effect" in run.data.metrics]
    assert len(effects) == 2
    for metrics in effects:
        # which is the effect at the mean of the moderator, see above
        assert metrics["focal.effect"] == metrics["coef.center_ln_e_"]


def test_names_of_rows_are_printed_in_whole_words(panel: dc.Panel) -> None:
    lines = str(dc.johnson_neyman(regression("x", "z", "x:z").fit(panel), panel, "x", "z")).splitlines()
    assert any(line.startswith(" effect at quantile 25%") for line in lines)
    assert any(line.startswith(" not significant in the") for line in lines)
    assert len(lines) < 25


@pytest.mark.parametrize("test", ["errors", "wild"])
def test_a_product_without_main_effect_is_named_and_changes_sign(test: str) -> None:
    panel = made()
    model = regression("z", "x:z", test=test, draws=99, intervals=False)
    result = model.by_errors.fit(panel)
    below = dc.johnson_neyman(result, panel, "x", "z", model=model)
    z = panel.column("z")
    for band in ("pointwise", "uniform"):
        negative, positive = (below.loc[f"{sign} in the sample, {band}"] for sign in ("negative", "positive"))
        assert negative["share"] == pytest.approx((z < 0).mean(), abs=0.02)
        assert positive["share"] == pytest.approx((z > 0).mean(), abs=0.02)
        assert negative["low"] == z.min()
        assert positive["high"] == z.max()
        assert abs(negative["high"]) < 1e-9
        assert (
            below.loc[f"significant, {band}", "note"] == "negative below 0, positive above, zero there by construction"
        )
    assert below.loc["main effects missing", "note"].startswith("The model has x:z without x, whose coefficients")


def test_a_place_without_effect_has_no_p(panel: dc.Panel) -> None:
    """With a moderator that is 0 or 1, the product alone says nothing of the rows at 0."""
    binary = panel.with_columns({"up": (panel.column("z") > 1).astype(float)})
    for test in ("errors", "wild"):
        model = regression("up", "x:up", test=test, draws=99, intervals=False)
        result = model.by_errors.fit(binary)
        effects = dc.marginal_effects(result, binary, "x", "up", model=model)
        assert effects.loc[0.0, ["coef", "se", "low_uniform", "high_uniform"]].tolist() == [0.0, 0.0, 0.0, 0.0]
        assert np.isnan(effects.loc[0.0, "p"])
        assert 0 < effects.loc[1.0, "p"] < 0.05
        below = dc.johnson_neyman(result, binary, "x", "up", model=model)
        shares = (
            below.loc["positive in the sample, uniform", "share"],
            below.loc["not significant in the sample, uniform", "share"],
        )
        assert shares == pytest.approx((binary.column("up").mean(), 1 - binary.column("up").mean()))


def test_main_effects_that_are_there_or_absorbed_are_not_missing(panel: dc.Panel) -> None:
    fixed = panel.with_columns(
        {"f": np.arange(20.0)[panel.unit_codes], "year_only": np.arange(6.0)[panel.period_codes] ** 2}
    )
    whole = (("x", "z", "x:z"), ("center(x)", "z", "x:center(z)"), ("x", "x:f"), ("x", "x:year_only"))
    for terms in whole:
        along = terms[-1].split(":")[1]
        result = regression(*terms).fit(fixed)
        assert "main effects missing" not in dc.johnson_neyman(result, fixed, "x", along).index
    lacking = {("x", "x:z"): "z", ("x", "z", "w", "x:z:w"): "x:z, x:w, z:w", ("x", "x:f"): "f"}
    for terms, names in lacking.items():
        result = regression(*terms, effects="none" if "x:f" in terms else "two_way").fit(fixed)
        along = terms[-1].split(":")[1]
        note = dc.johnson_neyman(result, fixed, "x", along).loc["main effects missing", "note"]
        assert f"without {names}, whose" in note
