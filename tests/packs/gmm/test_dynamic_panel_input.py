"""What a dynamic panel refuses, one sentence each, before a fit."""

from __future__ import annotations

from typing import Any

import classic as dc
import numpy as np
import pandas as pd
import pytest

from digicarbon.diagnostic import NoDiagnostic
from digicarbon.errors import ConfigError, DataError, EstimationError
from digicarbon.model import Model
from digicarbon.plan import reach
from digicarbon.spec import build


def frame(n: int = 20, t: int = 7, seed: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    made = pd.DataFrame({"u": np.repeat(range(n), t), "t": np.tile(range(2000, 2000 + t), n)})
    for name in ("y", "x", "z"):
        made[name] = rng.normal(size=n * t)
    made["height"] = np.repeat(rng.normal(size=n), t)
    made["word"] = "text"
    return made


def panel(data: pd.DataFrame | None = None) -> dc.Panel:
    return dc.Panel.from_frame(frame() if data is None else data, unit="u", time="t", gaps="keep")


def model(**fields: Any) -> dc.DynamicPanel:
    return dc.DynamicPanel(**{"y": "y", "x": ("x",), **fields})


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"instrument_lags": (4, 2)}, r"the lag range from 4 to 2 is empty"),
        ({"endogenous": ("x",), "lag_ranges": {"x": (3, 1)}}, r"the lag range of x from 3 to 1 is empty"),
        ({"endogenous": ("xx",)}, r"endogenous names xx, which is not among the regressors\. Did you mean 'x'\?"),
        ({"predetermined": ("y",)}, r"predetermined names the outcome y; its instruments are set by instrument_lags"),
        ({"predetermined": ("x",), "endogenous": ("x",)}, r"x is named more than once among predetermined and endogen"),
        ({"lag_ranges": {"x": (2, 3)}}, r"lag_ranges names x, which is neither predetermined nor endogenous"),
        ({"instruments": ("x",)}, r"instruments names x, which is in the regression already"),
        ({"x": ("L.y",)}, r"L\.y is made of the outcome y; say how many of its lags"),
        ({"x": ("x", "const")}, r"'const' is the constant"),
        ({"convention": "pgmm", "transformation": "orthogonal_deviations"}, r"convention=pgmm knows differences only"),
    ],
)
def test_wrong_fields_are_refused_at_once(fields: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ConfigError, match=sentence):
        model(**fields)


def test_wrong_types_are_named_with_their_key() -> None:
    node = {"_target_": "digicarbon.model.DynamicPanel", "y": "y", "x": ["x"]}
    for wrong, words in (
        ({"steps": 3}, "model.steps must be one of 1, 2"),
        ({"kind": "sytem"}, "model.kind must be one of 'difference', 'system'; got 'sytem'. Did you mean 'system'?"),
        ({"lags": 0}, "model.lags: must be at least 1"),
        ({"instrument_lags": [2]}, "model.instrument_lags"),
        ({"instrument_lags": [-1, 2]}, "model.instrument_lags.0: must be at least 0"),
    ):
        with pytest.raises(ConfigError) as caught:
            build({**node, **wrong}, Model, "model")
        assert words in str(caught.value)


def _short(periods: int) -> pd.DataFrame:
    made = frame()
    return made[made["t"] < 2000 + periods]


def _twin() -> pd.DataFrame:
    made = frame()
    return made.assign(twin=2 * made["x"] - made["z"])


@pytest.mark.parametrize(
    ("data", "fields", "error", "sentence"),
    [
        (_short(2), {}, EstimationError, r"No unit has the 3 periods in a row that 1 lag of y"),
        (_short(4), {"x": ("L3.x",)}, EstimationError, r"No unit has the 5 periods in a row"),
        (frame().query("t % 3 != 2"), {}, EstimationError, r"No unit has the 3 periods in a row"),
        (frame(), {"x": ("word",)}, DataError, r"Column 'word' holds text where numbers are needed"),
        (frame(), {"x": ("L.word",)}, DataError, r"Column 'word' holds text where numbers are needed"),
        (frame(), {"x": ("xx",)}, DataError, r"no column 'xx'\. Did you mean 'x'\?"),
        (frame(), {"x": ("x", "height")}, EstimationError, r"height does not vary over time within units.*kind=system"),
        (
            frame(),
            {"x": ("x", "height"), "transformation": "orthogonal_deviations"},
            EstimationError,
            r"height does not vary over time within units",
        ),
        (frame().assign(x=1.0), {"kind": "system"}, EstimationError, r"x is collinear with the period dummies"),
        (
            frame().assign(x=1.0),
            {"kind": "system", "effects": "unit"},
            EstimationError,
            r"x is collinear with the const",
        ),
        (frame().assign(y=1.0), {}, EstimationError, r"L\.y does not vary over time within units"),
        (_twin(), {"x": ("x", "z", "twin")}, EstimationError, r"twin is collinear with x, z in the rows that are left"),
        (frame().assign(x=frame()["t"]), {}, EstimationError, r"x is collinear with the period dummies"),
        (frame(), {"instrument_lags": (9, 12)}, EstimationError, r"No row has y at lags 9 to 12"),
        (frame(), {"instrument_lags": (9, None)}, EstimationError, r"No row has y at lags 9 to the last"),
        (
            frame(),
            {"endogenous": ("x",), "lag_ranges": {"x": None}, "instrument_lags": (2, 2), "collapse": True},
            EstimationError,
            r"6 instruments cannot identify 7 parameters",
        ),
        (
            frame(n=4),
            {},
            EstimationError,
            r"4 units with enough periods are too few for robust standard errors .*classic",
        ),
        (
            frame(n=4, t=12),
            {"steps": 2, "cov": "classic"},
            EstimationError,
            r"4 units with enough periods are too few for the weight of two steps clustered by unit",
        ),
        (frame(), {"instruments": ("height",)}, EstimationError, r"instruments: height does not vary over time within"),
        (
            frame().assign(z=0.1),
            {"instruments": ("height", "z"), "kind": "system", "exogenous_equation": "transformed"},
            EstimationError,
            r"instruments: height, z do not vary .* nothing of them is left .*exogenous_equation=both",
        ),
        (frame(n=1), {}, EstimationError, r"5 transformed rows cannot identify 7 parameters"),
        (frame(n=6), {"steps": 2}, EstimationError, r"Two-step GMM cannot estimate 7 parameters from 6 units"),
        (
            frame(),
            {"lags": 2, "instrument_lags": (2, 2), "collapse": True},
            EstimationError,
            r"instruments cannot identify",
        ),
    ],
)
def test_check_finds_it_before_the_fit(data: pd.DataFrame, fields: dict[str, Any], error: Any, sentence: str) -> None:
    given = model(**fields)
    with pytest.raises(error, match=sentence) as checked:
        given.check(panel(data))
    with pytest.raises(error) as fitted:
        given.fit(panel(data))
    assert str(checked.value).count("\n") == 0
    assert str(fitted.value) == str(checked.value)


def test_irrelevant_instruments_are_told_of() -> None:
    """Twice the same instrument is one: two coefficients are not identified by it."""
    data = frame()
    data = data.assign(copy=3 * data["z"], second=frame(seed=1)["x"])
    given = model(
        x=("x", "second"), effects="unit", endogenous=("x", "second"), collapse=True,
        instrument_lags=(2, 2), lag_ranges={"x": None, "second": None}, instruments=("z", "copy"),
    )  # fmt: skip
    for verb in (given.check, given.fit):
        with pytest.raises(EstimationError, match="do not identify all coefficients"):
            verb(panel(data))


def test_missing_values_are_refused_and_gaps_kept() -> None:
    data = frame()
    data.loc[3, "x"] = np.nan
    with pytest.raises(DataError, match="Column 'x' has no finite value for 0 2003"):
        model().check(panel(data))
    full, gap = model().fit(panel()), model().fit(panel(data.dropna()))
    # the row itself and the two whose lag or difference it is
    assert full.statistics["nobs"] - gap.statistics["nobs"] == 3
    assert gap.residuals is None
    deviations = model(transformation="orthogonal_deviations")
    assert deviations.fit(panel()).statistics["nobs"] - deviations.fit(panel(data.dropna())).statistics["nobs"] == 2


def test_few_units_are_told_of() -> None:
    few = panel(frame(n=5))
    found = model().fit(few)
    assert any("5 units for 7 parameters" in note for note in tuple(map(str, found.notes)))
    # five clusters cannot test more than five coefficients together
    assert np.isnan(found.statistics["wald_time"])
    assert not any("for 7 parameters" in note for note in tuple(map(str, model(cov="classic").fit(few).notes)))


def test_a_unit_without_rows_is_told_of() -> None:
    data = frame()
    found = model().fit(panel(data[(data["u"] != 0) | (data["t"] < 2002)]))
    assert found.statistics["n_units"] == 19
    assert "1 unit without enough periods in a row is left out." in tuple(map(str, found.notes))


def test_steps_of_the_data_are_periods_and_words_have_no_order() -> None:
    expected = model().fit(panel())
    decades = frame().assign(t=frame()["t"] * 10)
    months = "Nov 2010", "Dec 2010", "Jan 2011", "Feb 2011", "Mar 2011", "Apr 2011", "May 2011"
    written = frame().assign(t=frame()["t"].map({2000 + i: month for i, month in enumerate(months)}))
    for data in (decades, written):
        np.testing.assert_allclose(model().fit(panel(data)).coef, expected.coef, rtol=1e-12)
    for without in (frame().query("t != 2003"), written.query("t != 'Feb 2011'")):
        assert model().fit(panel(without)).statistics["nobs"] == 40
    words = frame().assign(t=frame()["t"].map({2000 + i: letter for i, letter in enumerate("abcdefg")}))
    with pytest.raises(DataError, match=r"GMM, .*'t' holds 'a', 'b', 'c' and 4 more, which are not understood"):
        model().check(panel(words))


def test_dummies_of_groups_are_terms() -> None:
    data = frame()
    data["group"] = np.where(data["u"] < 8, "a", "b")
    assert model(x=("x", "x:C(group)")).fit(panel(data)).terms == ("L.y", "x", "x:group[b]")


@pytest.mark.long
def test_small_panels_are_fitted_or_refused_in_a_sentence() -> None:
    """Two hundred random panels with gaps: finite numbers, or a sentence that check says, too."""
    rng = np.random.default_rng(0)
    fitted = refused = 0
    while fitted + refused < 200:
        n, t = int(rng.integers(2, 12)), int(rng.integers(3, 9))
        data = frame(n, t, seed=int(rng.integers(1000)))
        data["x"] *= 10.0 ** rng.integers(-4, 6)
        data = data[rng.uniform(size=len(data)) < rng.choice([1, 0.8])]
        given = model(
            x=tuple(rng.choice(["x", "L.x", "x:z"], size=rng.integers(1, 3), replace=False).tolist()),
            lags=int(rng.integers(1, 3)),
            kind=str(rng.choice(["difference", "system"])),
            steps=int(rng.integers(1, 3)),
            effects=str(rng.choice(["unit", "two_way"])),
            collapse=bool(rng.integers(2)),
            cov=str(rng.choice(["robust", "classic"])),
            convention=str(rng.choice(["xtabond2", "pgmm"])),
            instrument_lags=(int(rng.integers(1, 4)), None),
        )
        try:
            given.check(panel(data))
        except EstimationError:
            refused += 1
            continue
        found = given.fit(panel(data))
        assert np.isfinite(found.coef).all()
        assert np.isfinite(found.covariance).all()
        fitted += 1
    assert min(fitted, refused) > 40


def _wrong(**fields: Any) -> list[str]:
    return [
        note
        for note in tuple(map(str, model(**fields).fit(panel()).notes))
        if note.startswith("Not valid by construction")
    ]


def test_lags_that_are_not_valid_by_construction_are_told_of() -> None:
    """e_t-1 is in the differenced error: lag 1 of y holds it, lag 0 of a predetermined and lag 1 of an endogenous x."""
    (own,) = _wrong(instrument_lags=(1, 3))
    assert "y is the outcome, so that lag 1 of y in the transformed equation is correlated" in own
    assert own.endswith("begin model.instrument_lags at 2.")
    (levels,) = _wrong(instrument_lags=(1, 3), kind="system")
    assert "and the difference of y of the same period in the equation in levels are correlated" in levels
    (peers,) = _wrong(instrument_lags=(1, 3), kind="system", convention="pgmm")
    assert "in levels" not in peers
    (before,) = _wrong(predetermined=("x",), predetermined_lags=(0, 2), kind="system")
    assert "x is predetermined, so that lag 0 of x in the transformed equation is correlated" in before
    assert before.endswith("begin model.predetermined_lags at 1.")
    (now,) = _wrong(endogenous=("x",), lag_ranges={"x": (1, 2)})
    assert now.endswith("begin model.lag_ranges at 2.")
    assert _wrong() == _wrong(kind="system", predetermined=("x",)) == _wrong(endogenous=("x",)) == []
    assert _wrong(endogenous=("x",), lag_ranges={"x": None}) == []


def test_tests_of_serial_correlation_that_do_not_exist_are_told_of() -> None:
    found = model().fit(panel(frame(t=4)))
    assert np.isnan(found.statistics["ar2"])
    assert "AR(2) cannot be computed: no unit has differenced residuals 2 periods apart; it needs more periods." in (
        tuple(map(str, found.notes))
    )
    assert not any(note.startswith("AR(") for note in tuple(map(str, model().fit(panel(frame(t=5))).notes)))


def test_few_units_have_classic_standard_errors() -> None:
    found = model(cov="classic", effects="unit").fit(panel(frame(n=4)))
    assert np.isfinite(found.estimates["se"]).all()
    assert any(note.startswith("4 units: estimates by the method of moments") for note in tuple(map(str, found.notes)))


def test_an_instrument_of_levels_stays_in_system_gmm() -> None:
    """What does not vary over time instruments the equation in levels."""
    given = model(kind="system", instruments=("height",))
    assert (
        given.fit(panel()).statistics["n_instruments"]
        == model(kind="system").fit(panel()).statistics["n_instruments"] + 1
    )


def test_there_is_no_wild_bootstrap_and_a_note_says_so(produc: dc.Panel) -> None:
    fields: dict[str, Any] = {"y": "log(gsp)", "x": ("log(pcap)",), "collapse": True}
    usual = dc.DynamicPanel(**fields, test="errors")
    with pytest.raises(ConfigError, match="difference does not have test=wild; it offers errors"):
        dc.DynamicPanel(**fields, test="wild").fit(produc)
    # what nobody asks for has a note
    default = build({"_target_": "digicarbon.model.DynamicPanel", **fields, "test": "wild"}, Model, "model")
    usual, wild = (one.fit(produc) for one in (usual, default))
    assert wild.has_note("gmm_without_wild")
    assert not usual.has_note("gmm_without_wild")
    assert wild.estimates.equals(usual.estimates)


def test_a_hash_of_the_code_covers_the_kernel() -> None:
    reached = {name for name, _ in reach._reached((dc.DynamicPanel, NoDiagnostic))}
    assert {
        f"digicarbon.packs.gmm.{name}" for name in ("model.dynamic_panel", "numeric.estimator", "numeric.instruments")
    } <= reached
    left = ("digicarbon.numeric.accounts", "digicarbon.model.panel_iv", "digicarbon.model.panel_regression")
    assert not [name for name in reached if name.startswith((*left, "digicarbon.panel", "digicarbon.report"))]
