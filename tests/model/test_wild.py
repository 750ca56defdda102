"""p values and intervals by the wild bootstrap, as models and results show them."""

from __future__ import annotations

from typing import Any

import classic as dc
import numpy as np
import pandas as pd
import pytest

from digicarbon import SpatialPanel
from digicarbon.errors import ConfigError, WeightsError
from digicarbon.model._panel_batch import LinearFits
from digicarbon.model._spatial_batch import LagFits
from digicarbon.model.batch import Fitted
from digicarbon.model.cautions import few_units, leverage, unit_effects_left_out
from digicarbon.numeric.linear.linear_batch import Paths
from digicarbon.numeric.linear.within import EffectsKind
from digicarbon.numeric.resampling.signs import signs, signs_of
from digicarbon.numeric.resampling.unit_wild import basis_of, corrected
from digicarbon.numeric.spatial.largest import _Part
from digicarbon.tracking import decode
from digicarbon.tracking._results import encode

UNITS, PERIODS = 14, 5
KINDS = ("slx", "sar", "sem", "sdm", "sdem")


@pytest.fixture(scope="module")
def weights() -> dc.Weights:
    ring = np.roll(np.eye(UNITS), 1, axis=1) + np.roll(np.eye(UNITS), -1, axis=1)
    return dc.Weights.from_matrix(ring / 2, [f"u{unit:02d}" for unit in range(UNITS)])


@pytest.fixture(scope="module")
def panel(weights: dc.Weights) -> dc.Panel:
    rng = np.random.default_rng(5)
    inverse = np.linalg.inv(np.eye(UNITS) - 0.4 * weights.dense())
    x, z, e = (inverse @ rng.normal(size=(UNITS, PERIODS)) for _ in range(3))
    y = 0.3 * x + 0.5 * z + e
    columns = {name: values.ravel() for name, values in (("y", y), ("x", x), ("z", z))}
    index = pd.MultiIndex.from_product([weights.labels, range(2001, 2001 + PERIODS)], names=["unit", "year"])
    return dc.Panel.from_frame(pd.DataFrame(columns, index=index).reset_index(), unit="unit", time="year")


def models(**fields: object) -> list[dc.Model]:
    shared = {"y": "y", "x": ("x",), "controls": ("z",), "cov": "cluster", "draws": 99} | fields
    linear = [
        dc.PanelRegression(**shared),
        dc.PanelRegression(**shared | {"effects": "none"}),
        dc.PanelRegression(**shared | {"effects": "unit", "estimator": "first_difference"}),
        dc.PanelRegression(**shared | {"x": ("x", "x^2")}),
        dc.PanelRegression(**shared | {"x": ("x", "x:z")}),
    ]
    return linear + [dc.SpatialPanel(**shared | {"kind": kind}) for kind in KINDS]


@pytest.mark.parametrize("place", range(10))
def test_errors_stay_and_p_values_and_intervals_are_those_of_the_bootstrap(
    panel: dc.Panel, weights: dc.Weights, place: int
) -> None:
    usual = models()[place].fit(panel, weights)
    wild = models(test="wild")[place].fit(panel, weights)
    for name in ("coef", "se", "stat"):
        np.testing.assert_array_equal(wild.estimates[name], usual.estimates[name])
    focal = [term for term in wild.terms if term in wild.focal]
    others = wild.estimates.drop(index=[*focal, *(term for term in ("W_x",) if term in wild.terms)])
    pd.testing.assert_frame_equal(others, usual.estimates.loc[others.index])
    p = wild.estimates.loc[focal, "p"]
    # one of 100 places in the order of the draws
    np.testing.assert_allclose((p * 100).round(), p * 100, atol=1e-9)
    rows = wild.estimates.loc[focal]
    if len(wild.effects):
        rows = pd.concat([rows, wild.effects.xs("x", level="term")])
        assert wild.effects.xs("z", level="term")["p"].equals(usual.effects.xs("z", level="term")["p"])
    rows = rows[rows["se"] > 0]
    inside = (rows["low"] <= 0) & (rows["high"] >= 0)
    assert (inside == (rows["p"] > 0.05)).all()
    assert ((rows["low"] <= rows["coef"]) & (rows["coef"] <= rows["high"])).all()
    assert wild.has_note("wild_p_space")


@pytest.mark.parametrize("kind", KINDS)
def test_a_recorded_result_has_the_same_p_values(panel: dc.Panel, weights: dc.Weights, kind: str) -> None:
    model = dc.SpatialPanel(y="y", x=("x",), controls=("z",), kind=kind, test="wild", draws=49)
    result = model.fit(panel, weights)
    again = decode(encode(result))
    pd.testing.assert_frame_equal(again.estimates, result.estimates)
    pd.testing.assert_frame_equal(again.effects, result.effects)


def test_without_intervals_there_are_none(panel: dc.Panel, weights: dc.Weights) -> None:
    fields = {"y": "y", "x": ("x",), "kind": "sdm", "test": "wild", "draws": 99}
    with_them = dc.SpatialPanel(**fields).fit(panel, weights)
    without = dc.SpatialPanel(**fields, intervals=False).fit(panel, weights)
    pd.testing.assert_series_equal(without.effects["p"], with_them.effects["p"])
    assert without.effects.xs("x", level="term")[["low", "high"]].isna().all(axis=None)
    assert without.has_note("wild_without_intervals")


def test_neither_the_order_of_rows_nor_other_units_change_the_signs_of_a_unit() -> None:
    labels = tuple("abcdefghijklmnop")
    few, more = signs(labels[13::-1], 499, 3), signs(labels, 499, 3)
    np.testing.assert_array_equal(few, more[:, 13::-1])
    assert set(np.unique(few)) == {-1.0, 1.0}
    assert abs(few.mean()) < 0.1
    assert np.abs(np.corrcoef(more.T) - np.eye(16)).max() < 0.2
    assert not np.array_equal(few, signs(labels[13::-1], 499, 4))


def test_few_units_have_one_of_each_pair_of_opposite_signs_but_the_sample_itself() -> None:
    every = [tuple(row) for row in signs(("a", "b", "c"), 99, 1)]
    pairs = {(a, b, c) for a in (-1.0, 1.0) for b in (-1.0, 1.0) for c in (-1.0, 1.0)}
    assert {*every, *(tuple(-sign for sign in row) for row in every)} == pairs - {(1.0, 1.0, 1.0), (-1.0, -1.0, -1.0)}
    assert len(every) == 3


def test_the_opposite_of_the_sample_counts_as_the_sample_does() -> None:
    """Five clusters have 16 pairs of opposite signs: no p is below 1/16, as in boottest, however large the effect."""
    rng = np.random.default_rng(7)
    clusters, periods = np.repeat(list("abcde"), 6), 5
    frame = pd.DataFrame(
        {
            "unit": np.repeat([f"u{place:02}" for place in range(30)], periods),
            "year": np.tile(range(periods), 30),
            "zone": np.repeat(clusters, periods),
            "x": rng.normal(size=30 * periods),
        }
    )
    frame["y"] = 5 * frame["x"] + rng.normal(size=len(frame))
    model = dc.PanelRegression(
        y="y", x=("x",), effects="two_way", cov="cluster", cluster="zone", test="wild", intervals=False
    )
    found = model.fit(dc.Panel.from_frame(frame, "unit", "year"))
    assert found.estimates.loc["x", "p"] == 1 / 16
    assert found.has_note("few_signs")


def test_webb_has_six_points_of_mean_zero_and_variance_one() -> None:
    drawn = signs_of(range(20), 4999, 1, "webb")
    np.testing.assert_allclose(np.unique(drawn**2), [0.5, 1.0, 1.5])
    assert abs(drawn.mean()) < 0.01
    assert abs((drawn**2).mean() - 1) < 0.01


def test_a_panel_with_gaps_has_patterns_and_no_filter(panel: dc.Panel, weights: dc.Weights) -> None:
    rng = np.random.default_rng(1)
    frame = panel.frame().reset_index()
    frame = frame[rng.random(len(frame)) > 0.15]
    unit, time = frame.columns[:2]
    holes = dc.Panel.from_frame(frame, unit=unit, time=time, gaps="keep")
    result = dc.PanelRegression(y="y", x=("x",), controls=("z",), cov="cluster", test="wild").fit(holes, weights)
    assert 0 < result.estimates.loc["x", "p"] <= 1
    note = next(note for note in result.notes if note.code == "wild_p_space")
    assert note["filter"].code == "wild_unfiltered"


def test_cautions_are_facts_of_the_panel(panel: dc.Panel) -> None:
    assert few_units(14, 0.001) == []
    assert [note["units"] for note in few_units(6, 0.03)] == [6]
    assert leverage(panel, ("x",), ("x", "z"), "two_way") == []
    heavy = panel.array(["x"])[:, 0] * np.where(panel.unit_codes == 3, 20.0, 1.0)
    (note,) = leverage(panel.with_columns({"x": heavy}), ("x",), ("x", "z"), "two_way")
    assert note["unit"] == panel.units[3]
    assert note["share"] > 0.8
    assert unit_effects_left_out(panel, "y", ("x", "z"), "two_way") == []
    levels = panel.array(["y"])[:, 0] + 5.0 * panel.unit_codes
    (note,) = unit_effects_left_out(panel.with_columns({"y": levels}), "y", ("x", "z"), "time")
    assert note["p"] < 1e-6


@pytest.mark.parametrize("effects", ["unit", "two_way"])
@pytest.mark.parametrize("times", [1.0, 2.0, 2.5, 3.0, 3.5, 4.0, 20.0])
def test_fits_have_the_cautions_of_a_full_look(
    panel: dc.Panel, weights: dc.Weights, times: float, effects: EffectsKind
) -> None:
    heavy = panel.array(["x"])[:, 0] * np.where(panel.unit_codes == 3, times, 1.0)
    own = panel.with_columns({"x": heavy})
    expected = leverage(own, ("x",), ("x", "z"), effects)
    fields: dict[str, Any] = {"y": "y", "x": ("x",), "controls": ("z",), "effects": effects}
    for result in (dc.PanelRegression(**fields).fit(own), dc.SpatialPanel(**fields, kind="sdm").fit(own, weights)):
        assert [note for note in result.notes if note.code == "unit_leverage"] == expected


@pytest.mark.parametrize("test", ["errors", "wild"])
def test_cautions_do_not_depend_on_the_test(panel: dc.Panel, weights: dc.Weights, test: str) -> None:
    heavy = panel.array(["x"])[:, 0] * np.where(panel.unit_codes == 3, 20.0, 1.0)
    own = panel.with_columns({"x": heavy})
    linear, *_, durbin = (model.fit(own, weights) for model in models(test=test)[::8])
    assert all("unit_leverage" in [note.code for note in result.notes] for result in (linear, durbin))


def test_neighbours_that_last_are_no_unit_effects(weights: dc.Weights) -> None:
    rng = np.random.default_rng(3)
    x = 3 * rng.normal(size=(UNITS, 1)) + rng.normal(size=(UNITS, PERIODS))
    errors = rng.normal(size=(UNITS, PERIODS))
    y = np.linalg.solve(np.eye(UNITS) - 0.6 * weights.dense(), x + 0.8 * weights.dense() @ x + errors)
    index = pd.MultiIndex.from_product([weights.labels, range(PERIODS)], names=["unit", "year"])
    frame = pd.DataFrame({"y": y.ravel(), "x": x.ravel()}, index=index).reset_index()
    own = dc.Panel.from_frame(frame, unit="unit", time="year")
    plain = dc.PanelRegression(y="y", x=("x",), effects="time", cov="cluster").fit(own)
    spatial = dc.SpatialPanel(y="y", x=("x",), kind="sdm", effects="time").fit(own, weights)
    codes = [[note.code for note in result.notes] for result in (plain, spatial)]
    assert ["unit_effects_rejected" in each for each in codes] == [True, False]


@pytest.mark.parametrize("share", [8.0, 40.0])
def test_an_interval_ends_where_the_test_begins_to_reject_even_if_one_unit_decides(
    panel: dc.Panel, share: float
) -> None:
    heavy = panel.array(["x"])[:, 0] * np.where(panel.unit_codes == 3, share, 1.0)
    model = dc.PanelRegression(y="y", x=("x",), controls=("z",), cov="cluster", test="wild", draws=499)
    y = panel.array(["y"])[:, 0]
    row = model.fit(panel.with_columns({"x": heavy})).estimates.loc["x"]
    assert row["high"] - row["low"] > 6 * row["se"]
    for end in (row["low"], row["high"]):
        shifted = panel.with_columns({"x": heavy, "y": y - end * heavy})
        assert model.fit(shifted).estimates.loc["x", "p"] == pytest.approx(0.05, abs=0.005)


def test_few_units_have_an_interval_up_to_the_last_value_that_is_not_rejected(panel: dc.Panel) -> None:
    small = panel.select(units=panel.units[:6])
    model = dc.PanelRegression(y="y", x=("x",), cov="cluster", test="wild")
    row = model.fit(small).estimates.loc["x"]
    columns = small.array(["y", "x"])

    def p(tau: float) -> float:
        return float(model.fit(small.with_columns({"y": columns[:, 0] - tau * columns[:, 1]})).estimates.loc["x", "p"])

    for end, side in ((row["low"], -1), (row["high"], 1)):
        if np.isfinite(end):
            assert p(end - 0.1 * side * row["se"]) > 0.05
            assert all(p(end + distance * side * row["se"]) <= 0.05 for distance in (0.1, 8, 16, 32))


@pytest.mark.parametrize("kind", ["sar", "sem", "sdm", "sdem", "slx"])
@pytest.mark.parametrize("effects", ["two_way", "unit", "time", "none"])
def test_errors_clustered_by_unit_are_those_of_own_scores_and_of_pairs_of_units(
    panel: dc.Panel, weights: dc.Weights, kind: str, effects: str
) -> None:
    """The reference forms G itself, and the score of each unit and pair in a loop."""
    fields = {"y": "y", "x": ("x",), "controls": ("z",), "kind": kind, "effects": effects}
    result, classic = (dc.SpatialPanel(**fields, cov=cov).fit(panel, weights) for cov in ("cluster", "classic"))
    w, n, t = weights.align(panel).dense(), UNITS, PERIODS
    within = {"two_way": (1, 1), "unit": (1, 0), "time": (0, 1), "none": (0, 0)}[effects]
    time, unit = (np.eye(size) - on / size for size, on in zip((t, n), within, strict=True))

    def free(values: np.ndarray) -> np.ndarray:
        return unit @ values @ time

    raw = {name: panel.array([name])[:, 0].reshape(n, t) for name in ("x", "z", "y")} | {"const": np.ones((n, t))}
    columns = [raw[term.removeprefix("W_")] for term in result.terms if term.removeprefix("W_") in raw]
    lags = [term.startswith("W_") for term in result.terms[: len(columns)]]
    columns = [w @ column if lag else column for column, lag in zip(columns, lags, strict=True)]
    parameter = {"sar": "rho", "sdm": "rho", "sem": "lambda", "sdem": "lambda"}.get(kind)
    value = result.estimates.loc[parameter, "coef"] if parameter else 0.0
    sigma2, beta = result.estimates.loc["sigma2", "coef"], result.coef[: len(columns)]
    fit = sum(b * column for b, column in zip(beta, columns, strict=True))
    if parameter == "lambda":
        u = raw["y"] - fit
        e, pull = free(u - value * w @ u), free(w @ u)
        columns = [column - value * w @ column for column in columns]
    else:
        e, pull = free(raw["y"] - value * w @ raw["y"] - fit), free(w @ raw["y"])
    g = unit @ w @ np.linalg.inv(np.eye(n) - value * w) @ unit
    # without the errors' own lag, which the products of pairs have
    pull = pull - g @ e
    scores = []
    for i in range(n):
        row = [e[i] @ free(column)[i] / sigma2 for column in columns]
        if parameter:
            row.append((e[i] @ pull[i] + g[i, i] * e[i] @ e[i]) / sigma2 - (t - within[0]) * g[i, i])
        scores.append([*row, e[i] @ e[i] / (2 * sigma2**2)])
    scores = np.array(scores) - np.mean(scores, axis=0)
    meat = scores.T @ scores
    if parameter:
        for i in range(n):
            for j in range(i):
                meat[-2, -2] += ((g[i, j] + g[j, i]) * (e[i] @ e[j]) / sigma2) ** 2
    expected = classic.covariance @ meat @ classic.covariance * n / (n - 1)
    np.testing.assert_allclose(result.covariance, expected, rtol=1e-7, atol=1e-12)


def test_what_has_no_wild_test_says_so(panel: dc.Panel, weights: dc.Weights) -> None:
    fields, asked = {"y": "y", "x": ("x",)}, {"test": "wild"}
    for note, more in (
        ("wild_not_of_random", {"effects": "random", "cov": "classic"}),
        ("wild_not_of_simulation", {"effects_se": "simulation"}),
    ):
        # nobody asked for the default
        result = SpatialPanel(**fields, kind="sar", **more).fit(panel, weights)
        assert result.has_note(note)
        assert result.resampled is None
        with pytest.raises(ConfigError, match="it offers errors"):
            dc.SpatialPanel(**fields, kind="sar", **more, **asked).fit(panel, weights)
    fields |= asked
    with pytest.raises(WeightsError, match="error_weights"):
        dc.SpatialPanel(**fields, kind="sem").fit(panel, weights, weights)


def test_the_seed_and_the_number_of_draws_decide_the_p_value(panel: dc.Panel, weights: dc.Weights) -> None:
    def p(**more: object) -> float:
        model = dc.SpatialPanel(y="y", x=("x",), controls=("z",), kind="sar", test="wild", intervals=False, **more)
        return float(model.fit(panel, weights).effects.loc[("total", "x"), "p"])

    assert p(draws=199) == p(draws=199)
    assert len({p(draws=199, seed=seed) for seed in range(1, 6)}) > 1
    assert 0 < p(draws=199, weights="webb") < 1


def test_a_null_model_has_the_value_at_the_estimate_of_rho(panel: dc.Panel, weights: dc.Weights) -> None:
    model = dc.SpatialPanel(y="y", x=("x",), controls=("z",), kind="sdm", cov="cluster", test="wild")
    result = model.by_errors.fit(panel, weights)
    rho = result.coef[result.terms.index("rho")]
    (n, t), w = panel.shape, weights.dense()
    x, z = (panel.column(name).reshape(n, t) for name in ("x", "z"))
    columns = np.stack([x, w @ x, z, w @ z], axis=2)
    inverse = np.linalg.inv(np.eye(n) - rho * w)
    by = {
        "coefficient": [1, 0],
        "direct": [np.trace(inverse) / n, np.trace(inverse @ w) / n],
        "total": [inverse.sum() / n, (inverse @ w).sum() / n],
    }
    by["indirect"] = np.subtract(by["total"], by["direct"])
    [of_term] = model.restrictions(panel, weights, result)
    for place, estimand in enumerate(of_term.estimands):
        for value in (-0.4, 0.7):
            null = of_term.null_at(place, value)
            assert null.filters[0][1] == rho
            # what the null model expects, without its spatial lag
            kept = (null.y - null.unfiltered(null.residuals[:, None])[:, 0]).reshape(n, t)
            both = np.concatenate([columns, (kept - rho * w @ kept)[..., None]], axis=2)
            both -= both.mean(axis=0) + both.mean(axis=1, keepdims=True) - both.mean(axis=(0, 1))
            flat = both.reshape(n * t, -1)
            b, rest, *_ = np.linalg.lstsq(flat[:, :-1], flat[:, -1], rcond=None)
            assert rest[0] < 1e-12
            g = [0, 1] if estimand.term == "W_x" else by[estimand.quantity]
            assert b[:2] @ g == pytest.approx(value, abs=1e-8)


@pytest.mark.long
@pytest.mark.parametrize("seed", range(12))
def test_ends_are_those_of_a_search_over_all_draws(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Draws that cannot reach the critical value have no clustered errors: whatever the specification."""
    rng = np.random.default_rng(seed)
    n, t, kind = int(rng.integers(12, 34)), int(rng.integers(3, 9)), ("sar", "sdm")[seed % 2]
    names = ["y", "x", "z"][: int(rng.integers(2, 4))]
    frame = pd.DataFrame(rng.standard_t(4, size=(n * t, len(names))), columns=names)
    frame["unit"], frame["year"] = np.repeat(np.arange(n), t), np.tile(np.arange(t), n)
    # scales of units differ, so that clustered errors are far from others
    frame["y"] += 0.3 * frame["x"]
    frame["y"] *= np.repeat(np.exp(rng.normal(size=n)), t)
    links = rng.uniform(size=(n, n)) < 4 / n
    links = np.triu(links, 1) | np.eye(n, k=1, dtype=bool)
    weights = dc.Weights.from_matrix((links | links.T).astype(float), list(range(n)))
    effects = ("two_way", "unit", "time")[seed % 3]
    model = dc.SpatialPanel(
        y="y",
        x=("x",),
        controls=tuple(names[2:]),
        kind=kind,
        effects=effects,
        cov="cluster",
        test="wild",
        draws=199,
    )
    panel = dc.Panel.from_frame(frame, unit="unit", time="year")
    found = model.fit(panel, weights).resampled
    monkeypatch.setattr(LagFits, "largest", Fitted.largest)
    every = model.fit(panel, weights).resampled
    assert found is not None
    assert every is not None
    np.testing.assert_allclose(found.estimates, every.estimates, rtol=1e-6, atol=1e-9)
    np.testing.assert_allclose(found.effects, every.effects, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("effects", ["unit", "time", "two_way"])
@pytest.mark.parametrize("filtered", [False, True])
def test_paths_of_units_are_the_draws_of_a_null_model(
    panel: dc.Panel, weights: dc.Weights, effects: EffectsKind, filtered: bool
) -> None:
    model = dc.PanelRegression(y="y", x=("x",), controls=("z",), effects=effects, cov="cluster")
    (one,) = model.restrictions(panel, weights if filtered else None, model.fit(panel))
    assert isinstance(one.batch, LinearFits)
    for value in (0.0, 0.7):
        null = one.null_at(0, value)
        assert bool(null.filters) is filtered
        paths, formed = one.batch.basis(null, corrected(null)), one.batch.prepare(basis_of(null))
        assert isinstance(paths.made, Paths)
        np.testing.assert_allclose(paths.formed, formed.formed, atol=1e-12)


@pytest.mark.parametrize(
    "sizes",
    [
        {"model.wild.MOST_BASIS": 0},
        {"model.wild.TOGETHER": 0},
        {"numeric.spatial.batch.ALL_PAIRS": 10, "numeric.spatial.largest.ALL_PAIRS": 10},
    ],
)
def test_ends_are_those_of_all_draws_whatever_is_formed(
    sizes: dict[str, int], panel: dc.Panel, weights: dc.Weights, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Draws that are columns themselves, null models one by one, and many units, whose G is not formed."""
    fields = {"y": "y", "x": ("x",), "controls": ("z",), "cov": "cluster", "test": "wild", "draws": 199}
    usual, bounded = dc.SpatialPanel(kind="sdm", **fields).fit(panel, weights).resampled, []
    for name, size in sizes.items():
        monkeypatch.setattr(f"digicarbon.{name}", size)
    bound = _Part.bound
    monkeypatch.setattr(_Part, "bound", lambda part, *given: (bound(part, *given), bounded.append(part.left.sum())))
    found = dc.SpatialPanel(kind="sdm", **fields).fit(panel, weights).resampled
    assert min(bounded) < 150
    monkeypatch.setattr(LagFits, "largest", Fitted.largest)
    every = dc.SpatialPanel(kind="sdm", **fields).fit(panel, weights).resampled
    for one in ("estimates", "effects"):
        np.testing.assert_allclose(getattr(found, one), getattr(every, one), rtol=1e-6, atol=1e-9)
        if "numeric.spatial.batch.ALL_PAIRS" not in sizes:
            np.testing.assert_allclose(getattr(found, one), getattr(usual, one), rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("test", ["wild", "randomisation"])
def test_weights_that_lack_units_of_the_panel_are_refused_where_they_would_only_serve_the_test(
    panel: dc.Panel, weights: dc.Weights, test: str
) -> None:
    some = weights.restrict(weights.labels[:-1], "keep")
    model = dc.PanelRegression(y="y", x=("x",), test=test, draws=19)
    with pytest.raises(WeightsError, match=rf"has no row for {weights.labels[-1]}\."):
        model.fit(panel, some)
    with pytest.raises(WeightsError, match=rf"has no row for {weights.labels[-1]}\."):
        model.fit(panel, weights=some)
    model.model_copy(update={"test": "errors"}).fit(panel, some)
