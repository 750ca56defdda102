"""The wild restricted efficient bootstrap of instrumental variables, against a plain loop and least squares."""

from __future__ import annotations

import itertools
from typing import Any

import classic as dc
import numpy as np
import pandas as pd
import pytest
import scipy
from linearmodels.iv import IV2SLS, IVLIML

from digicarbon import PanelIV as DefaultIV
from digicarbon.errors import ConfigError, DigicarbonError
from digicarbon.numeric.resampling.draws import Draws
from digicarbon.numeric.resampling.signs import signs_of

UNITS, PERIODS = 14, 6
ZONES = np.array([0, 1, 2, 3, 4, 5, 5, 0, 1, 1, 2, 3, 3, 3])
WILD: dict[str, Any] = {"cov": "cluster", "test": "wild", "draws": 99}
FIELDS: dict[str, Any] = {"y": "y", "x": ("x",), "controls": ("c",), "instruments": ("z", "z2")}


@pytest.fixture(scope="module")
def panel() -> dc.Panel:
    """A few units, some rows missing; x moves with the error."""
    rng = np.random.default_rng(5)
    index = pd.MultiIndex.from_product([[f"u{n:02d}" for n in range(UNITS)], range(2000, 2000 + PERIODS)])
    e, v, c, z, z2 = rng.standard_normal((5, len(index)))
    x = z + 0.5 * z2 + 0.7 * e + v
    frame = pd.DataFrame({"y": 0.3 * x + 0.5 * c + e, "x": x, "c": c, "z": z, "z2": z2, "near": x + 1e-7 * v, "v": v})
    frame[["unit", "year"]] = index.to_frame().to_numpy()
    frame["zone"] = np.repeat([f"zone {place}" for place in ZONES], PERIODS)
    frame["moves"], frame["half"] = frame["year"], frame["unit"] < "u07"
    return dc.Panel.from_frame(frame.drop(index=[3, 17, 40]), unit="unit", time="year", gaps="keep")


COVARIANCES: list[dict[str, Any]] = [
    {"cov": "classic"},
    {"cov": "robust"},
    {"cov": "cluster"},
    {"cov": "cluster", "cluster": "time"},
    {"cov": "cluster", "cluster": "zone"},
]
TWO_WAY: dict[str, Any] = {"cov": "cluster", "cluster": "both"}
DESIGNS: list[dict[str, Any]] = [
    {},
    {"effects": "none"},
    {"x": ("x", "v"), "instruments": ("z", "z2", "near"), "endogenous": ("x", "v")},
    {"x": ("c",), "controls": ("x",), "endogenous": ("x",)},
]


@pytest.mark.parametrize(
    ("design", "cov"),
    # first stages of other designs have no covariance with two-way clusters of so few periods
    [*itertools.product(DESIGNS, COVARIANCES), *itertools.product((DESIGNS[0], DESIGNS[3]), (TWO_WAY,))],
)
def test_many_fits_are_single_fits(panel: dc.Panel, design: dict[str, Any], cov: dict[str, Any]) -> None:
    model = dc.PanelIV(**FIELDS | design | cov)
    columns = model._columns(panel)
    equations = model._equations(columns)
    expected = model.fit(panel).estimates
    for place, name in enumerate((*columns.exogenous, *columns.endogenous)):
        contrast = np.eye(equations.w.shape[1] + equations.x.shape[1])[place]
        y, x = np.column_stack([equations.y, 2 * equations.y]), np.stack([equations.x] * 2, axis=2).transpose(1, 0, 2)
        coef, se = equations.fits(y, x, contrast)
        if name != "const":
            assert (coef[0], se[0]) == pytest.approx(tuple(expected.loc[name, ["coef", "se"]]), rel=1e-8)
        assert (coef[1], se[1]) == pytest.approx((2 * coef[0], 2 * se[0]), rel=1e-8)


def plain(panel: dc.Panel, value: float, of: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Coefficients and t of x, and Anderson and Rubin's statistics, of draws under a value, by a loop with dummies.

    ``of``: each unit's cluster.
    """
    y, x, c, z, z2 = (panel.column(name) for name in ("y", "x", "c", "z", "z2"))
    units, periods = panel.unit_codes, panel.period_codes
    dummies = np.column_stack([np.eye(UNITS)[units], np.eye(PERIODS)[periods][:, 1:]])

    def within(columns: np.ndarray) -> np.ndarray:
        return np.asarray(columns - dummies @ np.linalg.pinv(dummies) @ columns)

    y, x, w, instruments = within(y), within(x), within(c)[:, None], within(np.column_stack([z, z2, c]))

    def safe(rest: np.ndarray, regressors: np.ndarray) -> np.ndarray:
        out, inverse = np.empty_like(rest), np.linalg.inv(regressors.T @ regressors)
        present = np.bincount(periods)
        for unit in range(UNITS):
            own = units == unit
            hat = regressors[own] @ inverse @ regressors[own].T + np.diag(1 / present[periods[own]])
            values, vectors = np.linalg.eigh(np.eye(own.sum()) - hat)
            out[own] = vectors @ np.diag(values**-0.5) @ vectors.T @ rest[own]
        return out

    def clustered(columns: np.ndarray, rest: np.ndarray) -> np.ndarray:
        scores = columns * rest[:, None]
        sums = np.stack([scores[of[units] == one].sum(axis=0) for one in np.unique(of)])
        inverse = np.linalg.inv(columns.T @ columns)
        return np.asarray(inverse @ sums.T @ sums @ inverse)

    target = y - value * x
    gamma = np.linalg.pinv(w) @ target
    first = target - w @ gamma
    beta = np.linalg.pinv(np.column_stack([instruments, first])) @ x
    explained = instruments @ beta[:-1]
    one, two = safe(first, w), safe(x - explained, instruments)
    coefs, ts, rubins = [], [], []
    for sign in signs_of(of.tolist(), WILD["draws"], 1):
        new_x = within(explained + two * sign[units])
        new_y = within(value * new_x + w @ gamma + one * sign[units])
        regressors = np.column_stack([w[:, 0], new_x])
        projected = instruments @ np.linalg.pinv(instruments) @ regressors
        b = np.linalg.pinv(projected) @ new_y
        coefs.append(b[1])
        ts.append((b[1] - value) / np.sqrt(clustered(projected, new_y - regressors @ b)[1, 1]))
        outcome = within(one * sign[units])
        r = np.linalg.pinv(instruments) @ outcome
        variance = clustered(instruments, outcome - instruments @ r)[:2, :2]
        rubins.append(r[:2] @ np.linalg.solve(variance, r[:2]))
    return np.array(coefs), np.array(ts), np.array(rubins)


@pytest.mark.parametrize("value", [0.0, 0.4])
@pytest.mark.parametrize("cluster", ["unit", "zone"])
def test_draws_are_those_of_a_plain_loop(panel: dc.Panel, value: float, cluster: str) -> None:
    """Of six clusters these are all pairs of opposite vectors of signs but that of the sample."""
    model = dc.PanelIV(**FIELDS, **WILD, small_sample="none", cluster=cluster)
    result = model.fit(panel)
    restrictions = model.restrictions(panel, None, result)[0]
    of = np.array(panel.units if cluster == "unit" else [f"zone {place}" for place in ZONES])
    signs = signs_of(of.tolist(), WILD["draws"], 1)
    coef, se = restrictions.fits(0, value, Draws(signs))
    coefs, ts, rubins = plain(panel, value, of)
    np.testing.assert_allclose(coef, coefs, rtol=1e-7, atol=1e-10)
    np.testing.assert_allclose((coef - value) / se, ts, rtol=1e-6, atol=1e-9)
    if value == 0:
        row = result.estimates.loc["x"]
        assert row["p"] == (1 + (np.abs(ts) >= abs(row["stat"])).sum()) / (1 + len(signs))
        observed = result.statistics["anderson_rubin"] * 2
        assert result.statistics["anderson_rubin_wild_p"] == (1 + (rubins >= observed).sum()) / (1 + len(signs))


@pytest.mark.parametrize("effects", ["two_way", "unit"])
def test_an_instrument_that_is_the_regressor_is_least_squares(panel: dc.Panel, effects: str) -> None:
    """Two-stage least squares with x as its own instrument is least squares, and so are its draws."""
    fields = FIELDS | {"instruments": ("near",), "effects": effects} | WILD
    found = dc.PanelIV(**fields).fit(panel).estimates.loc["x"]
    del fields["instruments"]
    expected = dc.PanelRegression(**fields).fit(panel).estimates.loc["x"]
    assert found[["coef", "se", "p"]].to_list() == pytest.approx(expected[["coef", "se", "p"]].to_list(), rel=1e-4)
    assert found[["low", "high"]].to_list() == pytest.approx(expected[["low", "high"]].to_list(), rel=0.02)


def test_the_set_ends_where_the_test_begins_to_reject(panel: dc.Panel) -> None:
    model = dc.PanelIV(**FIELDS, **WILD | {"draws": 399})
    result = model.fit(panel)
    table = result.tables["anderson_rubin_wild"]
    assert result.tables["tests"].loc["Anderson-Rubin, wild", "p"] == result.statistics["anderson_rubin_wild_p"]
    drawn, of_set = (str(note) for note in result.notes if note.code.startswith("wild_anderson_rubin"))
    assert f"p = {result.statistics['anderson_rubin_wild_p']:.4f}" in drawn
    assert "standard errors" in drawn
    # draws are of units, clusters or patterns, which the note on p values says
    assert of_set.startswith("By the wild bootstrap: Anderson-Rubin 95% set of x")
    [(low, high)] = table[["low", "high"]].to_numpy()
    assert (low, high) == pytest.approx(tuple(result.tables["anderson_rubin"].loc[:, ["low", "high"]].iloc[0]), abs=0.2)
    for end, away in ((low, -1), (high, 1)):
        p = {}
        for side, step in (("in", -0.03), ("out", 0.03)):
            value = end + away * step
            moved = panel.with_columns({"y": panel.column("y") - value * panel.column("x")})
            p[side] = model.fit(moved).statistics["anderson_rubin_wild_p"]
        assert p["in"] > 0.05 >= p["out"] or abs(p["in"] - 0.05) < 0.01


def test_weak_instruments_leave_the_set_open(panel: dc.Panel) -> None:
    weak = panel.with_columns({"z": np.random.default_rng(8).standard_normal(len(panel.unit_codes))})
    result = dc.PanelIV(**FIELDS | {"instruments": ("z",)}, **WILD).fit(weak)
    ends = result.tables["anderson_rubin_wild"][["low", "high"]].to_numpy()
    assert np.isinf(ends).any()


def test_liml_says_that_it_has_none(panel: dc.Panel) -> None:
    with pytest.raises(ConfigError, match="PanelIV does not have test=wild; it offers errors"):
        dc.PanelIV(**FIELDS, **WILD, method="liml").fit(panel)
    assert dc.PanelIV(**FIELDS, method="liml").fit(panel).resampled is None


@pytest.mark.parametrize("method", ["2sls", "liml"])
def test_clusters_of_a_column_are_those_of_linearmodels(panel: dc.Panel, method: str) -> None:
    """With all dummies; units lie in zones, so that the factor counts periods alone beside the two regressors."""
    found = DefaultIV(**FIELDS, method=method, cluster="zone", test="errors").fit(panel)
    periods = np.eye(PERIODS)[panel.period_codes][:, 1:]
    exogenous = np.column_stack([panel.column("c"), np.eye(UNITS)[panel.unit_codes], periods])
    y, x, z = (panel.array(names) for names in (("y",), ("x",), ("z", "z2")))
    kind = {"2sls": IV2SLS, "liml": IVLIML}[method](y, exogenous, x, z)
    fitted = kind.fit(cov_type="clustered", clusters=ZONES[panel.unit_codes], debiased=False)
    rows = len(y)
    factor = 6 / 5 * (rows - 1) / (rows - 2 - (UNITS + PERIODS - 1) + (UNITS - 1))
    row = found.estimates.loc["x"]
    expected = fitted.params.iloc[-1], fitted.std_errors.iloc[-1] * np.sqrt(factor)
    assert (row["coef"], row["se"]) == pytest.approx(expected, rel=1e-8)
    assert row["p"] == pytest.approx(2 * scipy.stats.t.sf(abs(row["stat"]), 5))
    assert found.has_note("errors_are")


def test_units_that_are_their_own_clusters_are_the_default(panel: dc.Panel) -> None:
    own = panel.with_columns({"same": panel.unit_codes.astype(float)})
    one, other = (dc.PanelIV(**FIELDS, cov="cluster", cluster=cluster).fit(own) for cluster in ("unit", "same"))
    np.testing.assert_allclose(other.covariance, one.covariance, rtol=1e-12)
    assert other.statistics == pytest.approx(one.statistics, rel=1e-12, nan_ok=True)


def test_signs_are_those_of_the_clusters_of_a_column(panel: dc.Panel) -> None:
    found = DefaultIV(**FIELDS, cluster="zone").fit(panel)
    note = next(note for note in found.notes if note.code == "wild_p_by")
    assert note["by"] == "zone"
    assert str(note["draws"]) == "all 32 pairs of opposite vectors of signs"
    for p in (found.estimates.loc["x", "p"], found.statistics["anderson_rubin_wild_p"]):
        assert p * 32 == pytest.approx(round(p * 32))


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"cluster": "half"}, "2 clusters by half are too few"),
        ({"cluster": "moves"}, "cluster=moves: a unit lies in several clusters"),
        ({"cluster": "absent"}, "absent"),
    ],
)
def test_clusters_that_cannot_be_are_refused_before_the_fit(panel: dc.Panel, fields: Any, words: str) -> None:
    with pytest.raises(DigicarbonError, match=words):
        DefaultIV(**FIELDS, **fields).check(panel)
    if fields["cluster"] == "moves":
        DefaultIV(**FIELDS, **fields, test="errors").check(panel)
        DefaultIV(**FIELDS, **fields, method="liml").check(panel)
    with pytest.raises(ConfigError, match=r"cluster=\[zone, year\]; it offers unit, time, both, a column"):
        DefaultIV(**FIELDS, cluster=("zone", "year"))
