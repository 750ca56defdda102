"""Placebo laws: what is dealt and what stays, stars counted by a plain loop, what is refused, what tables say."""

from __future__ import annotations

from typing import Any

import classic as dc
import numpy as np
import pandas as pd
import pytest
from lattice import lattice

from digicarbon.diagnostic import PlaceboLaws
from digicarbon.errors import ConfigError, DataError, WeightsError
from digicarbon.model import Model, PanelRegression
from digicarbon.numeric.resampling.arrangements import in_sets
from digicarbon.packs.placebo.diagnostic import placebo_laws
from digicarbon.packs.placebo.numeric.deals import in_patterns
from digicarbon.result import Result

SIDE, PERIODS = 6, 6
W = lattice(SIDE, SIDE)
UNITS = SIDE * SIDE
LINEAR: dict[str, Any] = {"y": "y", "cov": "cluster"}
FEW: dict[str, Any] = {"test": "wild", "draws": 39, "intervals": False}


def panel(seed: int = 1, effect: float = 0.0, gaps: bool = False) -> dc.Panel:
    """Return x and errors that neighbours share, z, and a law that is passed in a corner of the lattice."""
    rng = np.random.default_rng(seed)
    w = W.dense()
    inverse = np.linalg.inv(np.eye(UNITS) - 0.7 * w)
    x, error, z = (inverse @ rng.normal(size=(UNITS, PERIODS)) for _ in range(3))
    law = np.zeros((UNITS, PERIODS))
    corner = [place for place, name in enumerate(W.labels) if max(map(int, name.split("-"))) < 3]
    for unit in corner:
        law[unit, rng.integers(2, PERIODS - 1) :] = 1.0
    frame = pd.DataFrame(
        {
            "unit": np.repeat(W.labels, PERIODS),
            "year": np.tile(np.arange(2000, 2000 + PERIODS), UNITS),
            **{name: values.ravel() for name, values in {"x": x, "z": z, "law": law}.items()},
        }
    )
    frame["y"] = effect * frame["x"] + error.ravel()
    return dc.Panel.from_frame(
        frame[7:] if gaps else frame, unit="unit", time="year", gaps="keep" if gaps else "refuse"
    )


def counted(model: Model, data: dc.Panel, **choices: Any) -> pd.DataFrame:
    """Return the table of placebo laws."""
    return PlaceboLaws(model=model, laws=99, **choices).tables(data, W)["placebo_laws"]


def result_with(model: Model, data: dc.Panel, **choices: Any) -> Result:
    """Return the result of a run."""
    return PlaceboLaws(model=model, laws=99, **choices).added(model.fit(data, W), data, W)


def within(paths: np.ndarray) -> np.ndarray:
    """Return paths less their means by unit and period, of length one."""
    left = paths - paths.mean(axis=0)
    left = left - left.mean(axis=1, keepdims=True)
    return np.asarray(left / np.linalg.norm(left))


@pytest.mark.parametrize("name", ["x", "law"])
def test_stars_are_those_of_a_plain_loop(name: str) -> None:
    """Of an outcome without what x does, by hand; the panel's units are sorted as text, and so are those of W."""
    data = panel(effect=0.5)
    model = dc.PanelRegression(**LINEAR, x=(name,), controls=("z",), **FEW)
    found = counted(model, data).loc[("coefficient", name)]
    links = W.align(data).dense()
    links = (links + links.T) / 2
    cube = {one: data.column(one).reshape(UNITS, PERIODS) for one in ("y", name, "z")}
    slope = model.by_errors.fit(data, W).estimates.loc[name, "coef"]
    rng = np.random.default_rng(1)
    deals = (
        in_sets(cube["law"].any(axis=1), links, 99, rng)
        if name == "law"
        else in_patterns(within(cube["x"]), links, 99, rng)
    )
    p = []
    for deal in deals:
        changed = {"y": cube["y"] - slope * cube[name], name: cube[name][deal]}
        made = data.with_columns({one: np.ascontiguousarray(values.ravel()) for one, values in changed.items()})
        p.append(float(model.fit(made, W).estimates.loc[name, "p"]))
    own = float(model.fit(data, W).estimates.loc[name, "p"])
    assert found["p"] == own
    assert found["stars"] == sum(one <= 0.05 for one in p)
    assert found["as_small"] == (1 + sum(one <= own for one in p)) / 100
    assert found["share"] == found["stars"] / found["laws"] == found["stars"] / 99
    assert (found["connected_sets"] == 1) if name == "law" else np.isnan(found["connected_sets"])
    assert found["low"] < found["share"] < found["high"] or found["stars"] == 0


def test_laws_that_lie_together_have_more_stars_than_scattered_ones() -> None:
    """Errors that neighbours share and a test that does not know of it: only laws like the real one show it."""
    model = dc.PanelRegression(**LINEAR, x=("law",))
    together = [counted(model, panel(seed)).loc[("coefficient", "law"), "share"] for seed in range(4)]
    apart = [counted(model, panel(seed), places="scattered").loc[("coefficient", "law"), "share"] for seed in range(4)]
    assert np.mean(together) > 0.2
    assert np.mean(apart) < 0.12


def test_an_effect_of_x_is_no_star_of_a_placebo() -> None:
    """The real x is in the outcome as it is, and paths that lie as it does have a part of it."""
    model = dc.PanelRegression(**LINEAR, x=("x",))
    without, as_is = (
        np.mean([counted(model, panel(seed, 3.0), outcome=how).loc[("coefficient", "x"), "share"] for seed in range(3)])
        for how in ("without_x", "as_is")
    )
    none = np.mean([counted(model, panel(seed)).loc[("coefficient", "x"), "share"] for seed in range(3)])
    assert without == pytest.approx(none, abs=0.02)
    assert as_is != without


@pytest.mark.parametrize("kind", ["sar", "sdm", "sem", "sdem", "sac", "slx"])
def test_what_x_does_is_taken_out_through_the_lag_of_y(kind: str) -> None:
    """By a dense inverse and the names of the coefficients."""
    data = panel(effect=1.0)
    model = dc.SpatialPanel(y="y", x=("x",), controls=("z",), kind=kind)
    result = model.fit(data, W)
    left = PlaceboLaws(model=model)._dealt(data, W).without_x(result, "y").column("y")
    coef, w = result.estimates["coef"], W.align(data).dense()
    x = data.column("x").reshape(UNITS, PERIODS)
    does = coef["x"] * x + coef.get("W_x", 0.0) * w @ x
    expected = data.column("y") - np.linalg.solve(np.eye(UNITS) - coef.get("rho", 0.0) * w, does).ravel()
    np.testing.assert_allclose(left, expected, atol=1e-10)


def test_terms_of_x_move_together_and_products_are_made_again() -> None:
    data = panel()
    model = dc.PanelRegression(**LINEAR, x=("x", "x^2", "L.x"), controls=("z", "x:z"))
    dealt = PlaceboLaws(model=model)._dealt(data, W)
    deal = np.random.default_rng(1).permutation(UNITS)
    given = dealt.given(dealt.panel, deal).with_terms(model.terms)
    assert given.shape == (UNITS, PERIODS - 1)
    x = data.column("x").reshape(UNITS, PERIODS)[deal]
    z = data.column("z").reshape(UNITS, PERIODS)[:, 1:]
    expected = {"x": x[:, 1:], "x^2": x[:, 1:] ** 2, "L.x": x[:, :-1], "z": z, "x:z": x[:, 1:] * z}
    for name, values in expected.items():
        np.testing.assert_allclose(given.column(name), values.ravel(), atol=1e-12)


@pytest.mark.long
def test_every_quantity_of_a_spatial_model_is_counted_and_said() -> None:
    model = dc.SpatialPanel(y="y", x=("law",), kind="sdm", cov="cluster", **FEW)
    result = result_with(model, panel())
    table = result.tables["placebo_laws"]
    assert list(table.index) == [(name, "law") for name in ("coefficient", "direct", "indirect", "total")]
    notes = [note for note in result.notes if note.code.startswith("placebo_laws")]
    assert [note.code for note in notes] == ["placebo_laws_sets", "placebo_laws_without_x", *["placebo_laws_stars"] * 4]
    for note, (key, row) in zip(notes[2:], table.iterrows(), strict=True):
        assert dict(note.fields)["stars"] == row["stars"]
        assert f"of {key[1]}" in str(note)
    assert "form 1 connected set of as many units" in str(notes[0])
    assert [note.code for note in result_with(model, panel(), places="scattered", outcome="as_is").notes][-6:-4] == [
        "placebo_laws_scattered",
        "placebo_laws_as_is",
    ]


def test_laws_without_an_estimate_are_said_and_do_not_count(monkeypatch: pytest.MonkeyPatch) -> None:
    """A law whose column is constant in the rows of the model cannot be fitted."""
    model = dc.PanelRegression(**LINEAR, x=("law",))
    data = panel()

    def some(treated: np.ndarray, links: np.ndarray, laws: int, rng: np.random.Generator) -> Any:
        # the first ten laws give all units the path of one that has no law
        for number in range(laws):
            yield np.full(UNITS, np.flatnonzero(~treated)[0]) if number < 10 else rng.permutation(UNITS)

    monkeypatch.setattr(placebo_laws, "in_sets", some)
    result = result_with(model, data)
    assert result.tables["placebo_laws"]["laws"].tolist() == [89]
    assert "10 of the placebo laws have no estimate" in str(result.notes[-1])


def test_the_seed_alone_changes_numbers() -> None:
    model = dc.PanelRegression(**LINEAR, x=("x",))
    first, again, other = (counted(model, panel(), seed=seed) for seed in (1, 1, 2))
    pd.testing.assert_frame_equal(first, again)
    assert not first["as_small"].equals(other["as_small"]) or not first["stars"].equals(other["stars"])


def refused(error: type[Exception], words: str, model: Model, data: dc.Panel, weights: dc.Weights | None = W) -> None:
    """Assert that a diagnostic is refused before anything is fitted, and when it is asked for its tables."""
    diagnostic = PlaceboLaws(model=model)
    for ask in (diagnostic.check, diagnostic.tables):
        with pytest.raises(error, match=words):
            ask(data, weights)


def test_what_cannot_be_dealt_is_refused_in_a_sentence() -> None:
    regression = dc.PanelRegression(**LINEAR, x=("x",))
    refused(ConfigError, "is made of the outcome y", dc.PanelRegression(**LINEAR, x=("L.y",)), panel())
    refused(WeightsError, "weights", regression, panel(), None)
    refused(DataError, "not balanced", regression, panel(gaps=True))


def test_where_effects_go_on_in_time_the_outcome_is_taken_as_it_is() -> None:
    model = dc.PanelRegression(**LINEAR, x=("x",), controls=("L.y",))
    with pytest.raises(ConfigError, match=r"cannot be taken out of y .*use diagnostic\.outcome=as_is"):
        PlaceboLaws(model=model, laws=99).tables(panel(), W)
    assert counted(model, panel(), outcome="as_is")["laws"].tolist() == [99]


@pytest.mark.parametrize(
    "model",
    [
        dc.PanelIV(**LINEAR, x=("x",), instruments=("z",)),
        dc.SpatialIV(y="y", x=("x",), controls=("z",)),
        dc.DiD(y="y", policy="law"),
        dc.DynamicSpatialPanel(y="y", x=("x",)),
        dc.Mediation(y="y", x=("x",), mediators=("z",)),
        dc.PanelRegression(**LINEAR, x=("x:z",)),
    ],
    ids=lambda model: type(model).__name__,
)
def test_models_whose_x_is_more_than_a_column_are_refused(model: Model) -> None:
    refused(ConfigError, "takes panel regressions and static spatial panels.*not this", model, panel())


@pytest.mark.parametrize("errors", [{"cluster": "zone"}, {"cov": "robust", "test": "errors"}])
def test_laws_have_the_errors_and_the_test_of_the_run(errors: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    data = panel().with_columns({"zone": np.repeat(np.arange(UNITS) % 6, PERIODS).astype(float)})
    model = dc.PanelRegression(**LINEAR | FEW | {"x": ("x",)} | errors)
    fitted: list[Any] = []
    own = PanelRegression.fit

    def fit(self: PanelRegression, *given: Any) -> Result:
        fitted.append(self)
        return own(self, *given)

    monkeypatch.setattr(PanelRegression, "fit", fit)
    counted(model, data, outcome="as_is")
    assert len(fitted) >= 100
    assert {(one.cov, one.cluster, one.test, one.draws) for one in fitted if one.test == model.test} == {
        (model.cov, model.cluster, model.test, model.draws)
    }


@pytest.mark.parametrize(("whole", "clusters"), [(True, 9.0), (False, np.nan)])
def test_clusters_of_the_declared_level_change_paths_whole(
    whole: bool, clusters: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    base = panel()
    places = [tuple(map(int, name.split("-"))) for name in base.units]
    block = np.repeat([f"b{row // 2}{column // 2}" for row, column in places], PERIODS)
    year = np.tile(np.arange(2000, 2000 + PERIODS), UNITS)
    frame = pd.DataFrame({"unit": np.repeat(base.units, PERIODS), "year": year, "block": block, "y": base.column("y")})
    frame["x"] = base.column("x")
    if whole:
        frame["x"] = frame.groupby(["block", "year"])["x"].transform("first")
    data = dc.Panel.from_frame(frame, unit="unit", time="year")
    model = dc.PanelRegression(y="y", x=("x",), cov="cluster", cluster="block", **FEW)
    dealt: list[dc.Panel] = []
    fit = dc.PanelRegression.fit

    def kept(self: dc.PanelRegression, one: dc.Panel, weights: Any = None) -> Result:
        dealt.append(one)
        return fit(self, one, weights)

    monkeypatch.setattr(dc.PanelRegression, "fit", kept)
    diagnostic = PlaceboLaws(model=model, laws=99)
    table = diagnostic.tables(data, W)
    np.testing.assert_equal(float(table["placebo_laws"]["clusters"].iloc[0]), clusters)
    own = data.column("x").reshape(UNITS, PERIODS)
    for one in dealt[1:]:
        paths = one.column("x").reshape(UNITS, PERIODS)
        same = pd.Series(list(map(bytes, paths))).groupby(block[::PERIODS]).nunique().eq(1).all()
        assert same == whole
        assert {*map(bytes, paths)} <= {*map(bytes, own)}
    said = next(str(note) for note in diagnostic.remarks(table) if "cluster of" in str(note))
    assert ("whole clusters" in said) == whole
