"""Mediation against separate regressions, plain loops, published formulas and statsmodels."""

from __future__ import annotations

import json
from typing import Any

import classic as dc
import numpy as np
import pandas as pd
import pytest
import scipy
from classic import Mediation, PanelRegression
from conftest import REFERENCE

from digicarbon.diagnostic import OmittedVariable
from digicarbon.errors import ConfigError, EstimationError
from digicarbon.model.batch import Estimand, OneByOne
from digicarbon.numeric.linear.absorbed import Groups
from digicarbon.numeric.linear.within import EffectsKind, Rows, absorb
from digicarbon.numeric.resampling.draws import Draws
from digicarbon.numeric.resampling.null_model import linear_null
from digicarbon.numeric.resampling.unit_wild import corrected
from digicarbon.packs.mediation.numeric.paths import Paths, paths, products, sobel
from digicarbon.packs.mediation.numeric.sensitivity import indirect_at, rho_at_zero
from digicarbon.packs.mediation.numeric.wild import confidence, interval, standard_errors
from digicarbon.packs.sensitivity.numeric.omitted import robustness_value
from digicarbon.result import RunEffect
from digicarbon.tracking._results import decode, encode
from digicarbon.tracking._rows import metrics

N, T = 25, 6
ZONES = np.arange(N) ** 2 % 11
FIELDS = {"y": "y", "x": ("x",), "controls": ("c",), "mediators": ("m1", "m2")}


def frame(seed: int = 3) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    x, c, e1, e2, e = rng.standard_normal((5, N * T)) + rng.standard_normal((5, N)).repeat(T, axis=1)
    m1 = 0.5 * x + 0.2 * c + e1
    m2 = -0.6 * x + e2
    y = 0.3 * x + 0.5 * m1 - 0.4 * m2 + 0.1 * c + e
    unit, time = np.repeat(np.arange(N), T), np.tile(np.arange(T), N)
    found = pd.DataFrame({"unit": unit, "time": time, "y": y, "x": x, "c": c, "m1": m1, "m2": m2})
    return found.assign(zone=[f"zone {place}" for place in ZONES[unit]], same=unit)


@pytest.fixture(scope="module")
def panel() -> dc.Panel:
    return dc.Panel.from_frame(frame(), unit="unit", time="time")


def holes() -> dc.Panel:
    return dc.Panel.from_frame(frame().drop(index=[3, 10, 11, 40]), unit="unit", time="time", gaps="keep")


ROWS = Rows(np.repeat(np.arange(N), T), np.tile(np.arange(T), N), N, T)


def fitted(effects: EffectsKind = "two_way") -> Paths:
    values = absorb(frame()[["x", "c", "m1", "m2", "y"]].to_numpy(), ROWS, effects)
    return paths(values[:, :4], values[:, 4], 2, (0,))


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"cov": "classic"},
        {"cov": "robust", "small_sample": "hc3"},
        {"cluster": "time"},
        {"cluster": "both", "small_sample": "sss"},
        {"cluster": "zone"},
        {"effects": "none", "small_sample": "none"},
        {"effects": "unit", "cov": "robust"},
    ],
)
@pytest.mark.parametrize("gaps", [False, True])
def test_each_equation_is_the_regression_fitted_alone(panel: dc.Panel, fields: dict[str, str], gaps: bool) -> None:
    one = holes() if gaps else panel
    model = Mediation(**FIELDS, **fields)
    result = model.fit(one)
    shown = result.tables["equations"]

    def alone(y: str, controls: tuple[str, ...]) -> pd.DataFrame:
        rest = {"effects": "two_way", "cov": "cluster"} | fields
        return PanelRegression(y=y, x=("x",), controls=controls, **rest).fit(one).estimates

    # a difference of covariances is made semidefinite for all equations together
    close = 3e-2 if fields.get("cluster") == "both" else 1e-8
    expected = [alone("y", ("c",)), alone("m1", ("c",)), alone("m2", ("c",)), alone("y", ("m1", "m2", "c"))]
    for place, estimates in enumerate(expected, 1):
        own = shown.loc[str(place)].droplevel("explained")
        pd.testing.assert_frame_equal(own[["coef", "se"]], estimates[["coef", "se"]], check_names=False, rtol=close)
    total = result.effects.loc[("total", "x")]
    np.testing.assert_allclose(
        total[["coef", "se"]].tolist(), expected[0].loc["x", ["coef", "se"]].tolist(), rtol=close
    )
    effects = result.effects["coef"].unstack("term")["x"]
    assert effects["direct"] + effects["indirect"] == pytest.approx(effects["total"], rel=1e-10)
    np.testing.assert_allclose(
        result.estimates.loc[["x[m1]", "x[m2]"], "coef"], result.tables["mediation"]["indirect"], rtol=1e-12
    )


def test_the_joint_covariance_is_that_of_stacked_scores_by_unit(panel: dc.Panel) -> None:
    """A plain loop: scores of all equations, summed by unit; the delta method by numerical differences."""
    model = Mediation(**FIELDS, small_sample="none")
    result = model.fit(panel)
    data = absorb(frame()[["x", "c", "m1", "m2", "y"]].to_numpy(), ROWS, "two_way")
    base, mediators, y = data[:, :2], data[:, 2:4], data[:, 4]
    whole = data[:, :4]

    def ols(z: np.ndarray, v: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        coef = np.linalg.solve(z.T @ z, z.T @ v)
        return coef, (np.linalg.inv(z.T @ z) @ z.T).T * (v - z @ coef)[:, None]

    b, psi_b = ols(whole, y)
    a1, psi_1 = ols(base, mediators[:, 0])
    a2, psi_2 = ols(base, mediators[:, 1])
    theta = np.array([b[2], b[3], a1[0], a2[0]])
    psi = np.column_stack([psi_b[:, 2], psi_b[:, 3], psi_1[:, 0], psi_2[:, 0]])
    v = np.zeros((4, 4))
    for unit in range(N):
        s = psi[ROWS.unit_codes == unit].sum(axis=0)
        v += np.outer(s, s)

    def indirect(t: np.ndarray) -> float:
        return float(t[0] * t[2] + t[1] * t[3])

    step = 1e-6
    slope = np.array([(indirect(theta + step * e) - indirect(theta - step * e)) / (2 * step) for e in np.eye(4)])
    row = result.effects.loc[("indirect", "x")]
    assert row["coef"] == pytest.approx(indirect(theta), rel=1e-10)
    assert row["se"] == pytest.approx(float(np.sqrt(slope @ v @ slope)), rel=1e-6)
    names = ["m1", "m2", "m1[x]", "m2[x]"]
    np.testing.assert_allclose(result.vcov.loc[names, names], v, rtol=1e-8)


def test_classic_covariances_of_equations_are_those_of_the_errors() -> None:
    """By simulation of the outcome and mediators given x: covariances of estimates are the mean of estimated ones."""
    rng = np.random.default_rng(0)
    n = 40
    base = np.column_stack([np.ones(n), rng.standard_normal(n)])
    found, covariances = [], []
    for _ in range(2000):
        m = 0.7 * base[:, 1] + rng.standard_normal(n)
        y = 0.5 * m + 0.2 * base[:, 1] + rng.standard_normal(n)
        fit = paths(np.column_stack([base, m]), y, 1, (1,))
        found.append(np.concatenate([fit.outcome, fit.a.ravel(), fit.total]))
        covariances.append(fit.classic(n - 3, n - 2))
    empirical, mean = np.cov(np.array(found).T), np.mean(covariances, axis=0)
    scale = np.sqrt(np.diag(empirical))
    np.testing.assert_allclose(mean / np.outer(scale, scale), empirical / np.outer(scale, scale), atol=0.08)
    np.testing.assert_allclose(mean, mean.T)


def test_textbook_statistics() -> None:
    """Numbers by hand: a = 0.5 (0.1), b = 0.4 (0.2)."""
    z = sobel(np.array([0.5]), np.array([0.4]), np.array([0.1]), np.array([0.2]))
    assert z["sobel"][0] == pytest.approx(0.2 / np.sqrt(0.25 * 0.04 + 0.16 * 0.01))
    assert z["aroian"][0] == pytest.approx(0.2 / np.sqrt(0.25 * 0.04 + 0.16 * 0.01 + 0.0004))
    assert z["goodman"][0] == pytest.approx(0.2 / np.sqrt(0.25 * 0.04 + 0.16 * 0.01 - 0.0004))
    assert np.isnan(sobel(*np.array([[0.0], [0.0], [1.0], [1.0]]))["goodman"][0])


def test_the_effects_are_those_of_statsmodels() -> None:
    """Its simulation on a cross-section: the same points up to its noise, which makes its intervals longer."""
    reference = json.loads((REFERENCE / "mediation_statsmodels.json").read_text(encoding="utf-8"))
    ours = Mediation(y="y", x=("x",), controls=("c",), mediators=("m1",), effects="none", cov="classic")
    effects = ours.fit(dc.Panel.from_frame(frame(), unit="unit", time="time")).effects
    for name in ("direct", "indirect", "total"):
        row, other = effects.loc[(name, "x")], reference[name]
        assert row["coef"] == pytest.approx(other["estimate"], abs=0.15 * row["se"])


def test_sensitivity_to_correlated_errors_by_brute_force() -> None:
    """Errors are drawn with a known correlation: the effect at this correlation is the true one."""
    rng = np.random.default_rng(5)
    n, rho, b = 200_000, 0.4, 0.6
    x = rng.standard_normal(n)
    e2 = rng.standard_normal(n)
    e3 = 1.5 * (rho * e2 + np.sqrt(1 - rho**2) * rng.standard_normal(n))
    m = 0.5 * x + e2
    y = b * m + 0.3 * x + e3
    fit = paths(np.column_stack([np.ones(n), x, m]), y, 1, (1,))
    assert abs(fit.b[0] - b) > 0.3, "the confounder moves the estimate"
    assert indirect_at(fit, np.array([rho]))[0, 0, 0] == pytest.approx(0.5 * b, abs=0.01)
    zero = rho_at_zero(fit)
    assert indirect_at(fit, zero)[0, 0, 0] == pytest.approx(0.0, abs=1e-12)
    assert indirect_at(fit, np.zeros(1))[0, 0, 0] == pytest.approx(float(fit.a[0, 0] * fit.b[0]))


def test_robustness_values_are_those_of_sensemakr() -> None:
    """Darfur, the article's example: t = 4.18 with 783 degrees of freedom gives 13.9 % and 7.6 %."""
    t, critical = np.array([4.18445]), float(scipy.stats.t.ppf(0.975, 782))
    assert robustness_value(t, 783)[0] == pytest.approx(0.13878, abs=2e-4)
    assert robustness_value(t, 783, critical=critical)[0] == pytest.approx(0.07626, abs=2e-4)
    assert robustness_value(np.array([1.0]), 783, critical=critical)[0] == 0.0


@pytest.mark.parametrize(
    "fields",
    [{"cov": "classic"}, {"cov": "cluster"}, {"cov": "cluster", "cluster": "time"}, {"cov": "robust"}],
    ids=str,
)
def test_robustness_values_are_those_of_the_diagnostic(panel: dc.Panel, fields: dict[str, Any]) -> None:
    """For a the regression of the mediator, for b that of the outcome."""
    model = Mediation(**FIELDS, **fields)
    found = model.fit(panel).tables["sensitivity"]
    for mediator in ("m1", "m2"):
        other = next(one for one in ("m1", "m2") if one != mediator)
        first = dc.PanelRegression(y=mediator, x=("x",), controls=("c",), **fields)
        second = dc.PanelRegression(y="y", x=(mediator,), controls=("x", "c", other), **fields)
        for name, equation in (("a", first), ("b", second)):
            row = OmittedVariable(model=equation).tables(panel)["omitted_variable"].iloc[0]
            own = found.loc[("x", mediator)]
            assert own[f"rv_{name}"] == pytest.approx(row["rv"], rel=1e-9)
            # degrees of freedom are those of the largest equation, fewer than of the others
            precision = 1e-3 if name == "a" and fields["cov"] == "robust" else 1e-9
            assert own[f"rv_{name}_level"] == pytest.approx(row["rv_level"], rel=precision, abs=1e-9)


@pytest.mark.parametrize("of", [np.arange(N), ZONES], ids=["units", "zones"])
def test_the_wild_bootstrap_is_a_plain_loop(of: np.ndarray) -> None:
    fit, data = fitted(), frame()
    rng = np.random.default_rng(1)
    signs, others = rng.choice([-1.0, 1.0], (2, 7, of.max() + 1))[..., of]
    clusters = Groups.of([of.repeat(T)])
    drawn = confidence(fit, ROWS, "two_way", Draws(signs), Draws(others), None if of is not ZONES else clusters)
    base = data[["x", "c"]].to_numpy()
    m, y = data[["m1", "m2"]].to_numpy(), data["y"].to_numpy()
    first = [linear_null(column, base, ROWS, "two_way") for column in m.T]
    last = linear_null(y, np.column_stack([base, m]), ROWS, "two_way")
    errors = standard_errors(fit, clusters)
    for d in range(7):
        w, v = signs[d].repeat(T), others[d].repeat(T)
        again = np.column_stack([n.y - n.residuals + w * corrected(n) for n in first])
        outcome = y - last.residuals + (again - m) @ fit.b + v * corrected(last)
        values = absorb(np.column_stack([base, again, outcome]), ROWS, "two_way")
        one = paths(values[:, :4], values[:, 4], 2, (0,))
        own = standard_errors(one, clusters)
        for name, place in (("a", 0), ("b", 1), ("direct", 2)):
            estimate = getattr(fit, name)
            expected = estimate - errors[place] * (getattr(one, name) - estimate) / own[place]
            np.testing.assert_allclose(getattr(drawn, name)[d], expected, rtol=1e-9)
    np.testing.assert_allclose(drawn.via, drawn.a * drawn.b[:, None, :])


def test_p_and_interval_agree() -> None:
    for shift in np.linspace(-3, 3, 61):
        draws = np.random.default_rng(0).standard_normal(199) + shift
        p, low, high = interval(draws, 0.9)
        assert (p <= 0.1 + 1e-12) == (not low <= 0 <= high)
    draws = np.array([np.nan, *np.arange(1.0, 19.0)])
    assert interval(draws, 0.9) == (0.2, -np.inf, np.inf)


def test_wild_results_hold_what_regressions_have(panel: dc.Panel) -> None:
    model = Mediation(**FIELDS, test="wild", draws=199)
    result = model.fit(panel)
    total = PanelRegression(y="y", x=("x",), controls=("c",), cov="cluster", test="wild", draws=199)
    expected = total.fit(panel).estimates.loc["x", ["p", "low", "high"]]
    assert result.effects.loc[("total", "x"), ["p", "low", "high"]].tolist() == expected.tolist()
    row = result.effects.loc[("indirect", "x")]
    assert row["low"] < row["coef"] < row["high"]
    via = result.estimates.loc["x[m1]", ["p", "low", "high"]].tolist()
    assert result.tables["mediation"].loc[("x", "m1"), ["p", "low", "high"]].tolist() == via
    assert result.has_note("mediation_wild")
    assert not result.has_note("mediation_delta")
    assert model.fit(panel).effects.equals(result.effects), "the seed decides"
    assert not Mediation(**FIELDS, test="wild", draws=199, seed=2).fit(panel).effects.equals(result.effects)


def test_a_curve_can_ask_for_each_effect(panel: dc.Panel) -> None:
    result = Mediation(**FIELDS).fit(panel)
    for name in ("direct", "indirect", "total"):
        number = result.effect(RunEffect(name))
        assert number is not None
        assert number[:2] == ("x", result.effects.loc[(name, "x"), "coef"])


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"cov": "classic"},
        {"cov": "robust"},
        {"cov": "robust", "small_sample": "hc3", "effects": "unit"},
        {"cluster": "time", "small_sample": "none"},
        {"cluster": "zone"},
        {"effects": "none", "small_sample": "sss"},
        {"small_sample": "hc3"},
    ],
)
@pytest.mark.parametrize("gaps", [False, True])
def test_many_outcomes_are_fitted_at_once_as_each_alone(panel: dc.Panel, fields: dict[str, str], gaps: bool) -> None:
    one = holes() if gaps else panel
    model = Mediation(**FIELDS | {"x": ("x", "c"), "controls": ()}, **fields)
    estimands = [
        Estimand("indirect", "x"),
        Estimand("indirect", "c"),
        Estimand("coefficient", "x[m2]"),
        Estimand("coefficient", "c[m1]"),
        Estimand("total", "x"),
        Estimand("direct", "x"),
        Estimand.combination({"m1": 1.0, "m2": -1.0}),
    ]
    batch = model.batch(one, None, estimands[0])
    assert batch.key != "one by one"
    basis = one.column("y")[:, None] * np.eye(3)[one.period_codes % 3] + 0.1 * np.arange(3) * one.array(("m2",))
    weights = np.random.default_rng(4).standard_normal((3, 5))
    outcomes = basis @ weights
    alone = OneByOne(model, one, None, estimands[0])
    expected = alone.several(outcomes, estimands)
    formed = batch.several(batch.prepare(outcomes), estimands)
    combined = batch.several(batch.combine(batch.prepare(basis), weights), estimands)
    for own, again, other in zip(formed, combined, expected, strict=True):
        np.testing.assert_allclose(own, other, rtol=1e-9)
        np.testing.assert_allclose(again, other, rtol=1e-9)


def test_what_no_batch_has_is_fitted_one_by_one(panel: dc.Panel) -> None:
    both = Mediation(**FIELDS, cluster="both").batch(panel, None, Estimand("indirect", "x"))
    first = Mediation(**FIELDS).batch(panel, None, Estimand("coefficient", "m1[x]"))
    mixed = Mediation(**FIELDS).batch(panel, None, Estimand.combination({"m1": 1.0, "x[m1]": 1.0}))
    assert both.key == first.key == mixed.key == "one by one"
    fit = first.fit(first.prepare(panel.array(("y",))))
    assert fit[0][0] == pytest.approx(Mediation(**FIELDS).fit(panel).estimates.loc["m1[x]", "coef"])


def test_first_steps_are_called_what_they_are(panel: dc.Panel) -> None:
    result = Mediation(**FIELDS, equations="first_step").fit(panel)
    full = Mediation(**FIELDS).fit(panel)
    assert result.kind == "mechanism_regression"
    assert result.terms == ("m1[x]", "m2[x]") == result.focal
    assert result.spatial_effects is None
    assert result.has_note("mediation_first_step")
    assert not result.has_note("mediation_assumes")
    names = list(result.terms)
    pd.testing.assert_frame_equal(result.estimates, full.estimates.loc[names], check_names=False)
    pd.testing.assert_frame_equal(result.vcov, full.vcov.loc[names, names], check_names=False)
    wild = Mediation(**FIELDS, equations="first_step", test="wild", draws=99).fit(panel)
    assert (wild.estimates["p"] >= 0.01).all()


def test_a_mediator_of_zeros_and_ones_has_a_note() -> None:
    binary = frame().assign(m1=lambda one: (one["m1"] > 0) * 1.0)
    one = dc.Panel.from_frame(binary, unit="unit", time="time")
    (note,) = (note for note in Mediation(**FIELDS).fit(one).notes if note.code == "mediation_binary")
    assert note.text("en").startswith("m1 is 0 or 1")
    assert Mediation(**FIELDS, equations="first_step").fit(one).has_note("mediation_binary")


def test_correlations_have_no_minus_zero(panel: dc.Panel) -> None:
    index = Mediation(**FIELDS).fit(panel).tables["rho"].index
    assert "0.0" in [str(float(value)) for value in index]
    assert not np.signbit(index[index == 0]).any()


def test_what_cannot_be_fitted_is_said(panel: dc.Panel) -> None:
    with pytest.raises(ConfigError, match="mediators"):
        Mediation(**FIELDS | {"mediators": ()})
    with pytest.raises(ConfigError, match="names c"):
        Mediation(**FIELDS | {"mediators": ("c",)})
    with pytest.raises(ConfigError, match="m1"):
        Mediation(**FIELDS | {"mediators": ("m1", "m1")})
    copied = panel.with_columns({"copy": panel.column("x") * 2})
    with pytest.raises(EstimationError, match="copy"):
        Mediation(**FIELDS | {"mediators": ("copy",)}).check(copied)


def test_signs_are_those_of_the_clusters_of_a_column(panel: dc.Panel) -> None:
    result = Mediation(**FIELDS, cluster="zone", test="wild", draws=199).fit(panel)
    assert {note["by"] for note in result.notes if note.code in ("wild_p_by", "mediation_wild_by")} == {"zone"}
    total = PanelRegression(y="y", x=("x",), controls=("c",), cov="cluster", cluster="zone", test="wild", draws=199)
    assert result.effects.loc[("total", "x"), "p"] == total.fit(panel).estimates.loc["x", "p"]
    by_unit = Mediation(**FIELDS, test="wild", draws=199).fit(panel)
    assert result.effects.loc[("indirect", "x"), "high"] != by_unit.effects.loc[("indirect", "x"), "high"]
    one, other = (Mediation(**FIELDS, cluster=cluster).fit(panel) for cluster in ("unit", "same"))
    np.testing.assert_allclose(one.covariance, other.covariance, rtol=1e-9, atol=1e-15)


def test_clusters_of_two_columns_are_refused() -> None:
    with pytest.raises(ConfigError, match="it offers unit, time, both, a column"):
        Mediation(**FIELDS, cov="cluster", cluster=("zone", "same"))


def test_shares_have_their_delta_errors() -> None:
    fit = fitted()
    influence = fit.influence()
    sums = ROWS.sums(influence, "unit")
    found = products(fit, sums.T @ sums)
    # by the influence of units on the ratio
    p = len(fit.outcome)
    via = fit.a * influence[:, fit.k : p] + fit.b * influence[:, p : p + 2]
    psi = via.sum(axis=1) / fit.total[0] - found.share[0] / fit.total[0] * influence[:, p + 2]
    by_unit = np.bincount(ROWS.unit_codes, psi)
    assert np.sqrt(found.covariance[-1, -1]) == pytest.approx(np.sqrt(by_unit @ by_unit))


def test_the_share_of_each_mediator_has_its_delta_interval(panel: dc.Panel) -> None:
    result = Mediation(**FIELDS, small_sample="none").fit(panel)
    fit = fitted()
    influence, p = fit.influence(), len(fit.outcome)
    half = scipy.stats.t.ppf(0.975, N - 1)
    for j, mediator in enumerate(FIELDS["mediators"]):
        share = fit.a[0, j] * fit.b[j] / fit.total[0]
        via = fit.a[0, j] * influence[:, fit.k + j] + fit.b[j] * influence[:, p + j]
        by_unit = np.bincount(ROWS.unit_codes, (via - share * influence[:, p + 2]) / fit.total[0])
        se = np.sqrt(by_unit @ by_unit)
        row = result.tables["mediation"].loc[("x", mediator), ["share_mediated", "share_low", "share_high"]]
        np.testing.assert_allclose(row.tolist(), [share, share - half * se, share + half * se], rtol=1e-9)
    wild = Mediation(**FIELDS, test="wild", draws=199).fit(panel)
    row = wild.tables["mediation"].loc[("x", "m1")]
    assert row["share_low"] < row["share_mediated"] < row["share_high"]


def test_listings_are_in_the_file_of_results_and_no_metrics(panel: dc.Panel) -> None:
    result = Mediation(y="y", x=("x",), mediators=("m1", "m2")).fit(panel)
    again = decode(encode(result))
    assert again.listings == result.listings == ("mediation", "equations", "fits", "rho")
    for name, table in result.tables.items():
        pd.testing.assert_frame_equal(again.tables[name], table)
    numbers = metrics(result)
    assert numbers == metrics(again)
    tables = {key.partition(".")[0] for key in numbers} & set(result.tables)
    assert tables == {"sensitivity"}
    assert numbers["sensitivity.x.m1.rho_zero"] == result.tables["sensitivity"].loc[("x", "m1"), "rho_zero"]


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        (
            {"mediators": ("m1", "m1^2")},
            r"mediators names m1\^2: a mediator must be a variable, not a power",
        ),
        ({"mediators": ("x:m1",)}, "mediators names x:m1: a mediator must be a variable"),
        ({"mediators": ("x:z",)}, "mediators names x:z: a mediator must be a variable"),
        ({"mediators": ("m1:C(g)",)}, r"mediators names m1:C\(g\): a mediator must be a variable"),
        ({"mediators": ("ln_x",)}, "mediators names ln_x, which is made of the same variable as x"),
        ({"mediators": ("L.x",)}, r"mediators names L\.x, which is made of the same variable as x"),
        ({"mediators": ("center(x)",)}, r"mediators names center\(x\), which is made of the same variable as x"),
        ({"mediators": ("m1", "ln_m1")}, "mediators names ln_m1, which is made of the same variable as m1"),
        ({"mediators": ("m1", "D.m1")}, r"mediators names D\.m1, which is made of the same variable as m1"),
        ({"mediators": ("D.m1", "L.m1")}, r"mediators names L\.m1, which is made of the same variable as D\.m1"),
        ({"mediators": ("F.y",)}, r"mediators names F\.y, which is made of the outcome y of the same or a later"),
        ({"mediators": ("m1", "D.y")}, r"mediators names D\.y, which is made of the outcome y"),
        ({"mediators": ("ln_y",)}, "mediators names ln_y, which is made of the outcome y"),
        ({"y": "D.y", "mediators": ("L.y",)}, r"mediators names L\.y, which is made of the outcome D\.y"),
        ({"mediators": ("m1",), "controls": ("x:m1",)}, "mediators names m1, and the model has x:m1"),
        ({"mediators": ("m1",), "x": ("x", "x:m1")}, "mediators names m1, and the model has x:m1"),
        ({"mediators": ("m1",), "controls": ("m1^2",)}, r"mediators names m1, and the model has m1\^2"),
        ({"mediators": ("m1", "m1")}, "mediators names m1 more than once"),
        ({"mediators": ("c",)}, r"mediators names c, as model\.controls does"),
        ({"mediators": ()}, "mediators is empty"),
    ],
)
@pytest.mark.parametrize("equations", ["full", "first_step"])
def test_a_mediator_is_a_variable(fields: dict[str, Any], sentence: str, equations: str) -> None:
    with pytest.raises(ConfigError, match=sentence):
        Mediation(**{**FIELDS, **fields}, equations=equations)


def test_lags_and_logarithms_of_variables_are_mediators() -> None:
    assert Mediation(**{**FIELDS, "mediators": ("m1", "L.m1", "ln_m2", "C(g)")}).mediators[1] == "L.m1"


def test_effects_beside_a_product_say_where_they_are(panel: dc.Panel) -> None:
    """With x:c in the model the path of x is that at c = 0, which is the one of a model with c moved there."""
    model = Mediation(**{**FIELDS, "x": ("x", "x:c")})
    result = model.fit(panel)
    (note,) = [note for note in result.notes if note.code == "mediation_at_zero"]
    assert str(note) == "Effects of x are those where c is 0, since the model has x:c."
    moved = panel.with_columns({"c": panel.column("c") - 2.0})
    there = model.fit(moved).estimates.loc["x[m1]", "coef"]
    own = result.estimates["coef"]
    assert there == pytest.approx(own["x[m1]"] + 2.0 * own["x:c[m1]"], rel=1e-9)
    square = Mediation(**{**FIELDS, "x": ("x", "x^2"), "controls": ()}).fit(panel)
    assert "Effects of x are those where x is 0, since the model has x^2." in map(str, square.notes)
    plain = Mediation(**FIELDS).fit(panel)
    assert not {"mediation_at_zero", "mediation_product_alone"} & {note.code for note in plain.notes}


def test_a_product_without_its_variable_says_what_its_effects_are(panel: dc.Panel) -> None:
    result = Mediation(**{**FIELDS, "x": ("x:c",), "controls": ("c",)}).fit(panel)
    sentence = (
        "Effects of x:c are those of the product or power itself: the model has no term of x alone, whose effect is "
        "taken as 0."
    )
    assert sentence in map(str, result.notes)
    named = panel.with_columns({"product": panel.column("x") * panel.column("c")})
    own = Mediation(**{**FIELDS, "x": ("product",), "controls": ("c",)}).fit(named)
    assert result.effects is not None
    assert own.effects is not None
    np.testing.assert_allclose(result.effects["coef"], own.effects["coef"], rtol=1e-9)


def test_an_outcome_of_earlier_periods_among_mediators_has_a_note(panel: dc.Panel) -> None:
    result = Mediation(**{**FIELDS, "mediators": ("m1", "L.y")}).fit(panel)
    (note,) = [note for note in result.notes if note.code == "mediators_of_lagged_y"]
    assert str(note).startswith("L.y is the outcome of earlier periods: x of a later period cannot have moved it")
