"""What residuals have left: size and power on small worlds, formulas, and what the notes say."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
import scipy
from lattice import lattice

import digicarbon as dc
from digicarbon import pack
from digicarbon.__main__ import main
from digicarbon.diagnostic import LeftDependence
from digicarbon.errors import ConfigError, WeightsError
from digicarbon.model._panel_restrictions import joint_null
from digicarbon.numeric.linear.within import Rows, absorb
from digicarbon.packs.left_dependence.numeric.dependence import Pairs, count, dependence_left
from digicarbon.packs.left_dependence.report.below import LeftBelow, LeftRequest, left_below

W = lattice(6, 5)
PERIODS = 8
REGION = np.repeat(np.arange(5), 6)


def world(seed: int, shocks: float = 0.0, rho: float = 0.0, unequal: bool = False) -> dc.Panel:
    """A panel of 30 units in five regions; errors with shocks of regions, spatial dependence, unequal variances."""
    rng = np.random.default_rng(seed)
    error = rng.normal(size=(PERIODS, W.n)) * (np.exp(rng.normal(size=W.n)) if unequal else 1.0)
    error += shocks * rng.normal(size=(PERIODS, 5))[:, REGION]
    error = np.linalg.solve(np.eye(W.n) - rho * W.dense(), error.T).T
    index = pd.MultiIndex.from_product([range(2001, 2001 + PERIODS), W.labels], names=["year", "unit"])
    frame = pd.DataFrame({"x": rng.normal(size=error.size)}, index=index)
    frame["y"] = 0.5 * frame["x"] + (error + rng.normal(size=W.n) + rng.normal(size=(PERIODS, 1))).ravel()
    frame["region"] = np.tile(np.array(list("abcde"))[REGION], PERIODS)
    return dc.Panel.from_frame(frame.reset_index(), unit="unit", time="year", gaps="keep")


MODEL = dc.PanelRegression(y="y", x=("x",))


def pairs_of(panel: dc.Panel, weights: dc.Weights | None = W, model: dc.Model = MODEL, **fields: Any) -> pd.DataFrame:
    return LeftDependence(model=model, **{"by": "region", "draws": 199, **fields}).tables(panel, weights)[
        "left_dependence"
    ]


@pytest.mark.long
@pytest.mark.parametrize("unequal", [False, True])
def test_independent_units_are_rarely_rejected(unequal: bool) -> None:
    p = np.array([pairs_of(world(seed, unequal=unequal))["p"] for seed in range(80)])
    # 80 samples: more than ten rejections have a probability of .003 where the level is .05
    assert ((p <= 0.05).sum(axis=0) <= 10).all()
    assert ((p <= 0.5).mean(axis=0) > 0.3).all()


def test_shocks_of_regions_are_found_and_spatial_errors_are_filtered() -> None:
    shocks = pairs_of(world(1, shocks=1.0, rho=0.4))
    assert shocks.loc["within regions", "p_holm"] <= 0.02
    assert list(shocks.index) == ["within regions", "second neighbours"]
    spatial = pairs_of(world(3, rho=0.7), weights=None)
    assert list(spatial.index) == ["within regions"]
    # units of a region lie side by side
    assert spatial.loc["within regions", "z"] > pairs_of(world(3, rho=0.7)).loc["within regions", "z"] + 1


def test_without_a_filter_neighbours_are_tested() -> None:
    panel = world(4, rho=0.7)
    gaps = panel.rows(np.arange(len(panel.unit_codes)) != 11)
    table = pairs_of(gaps)
    assert list(table.index) == ["within regions", "neighbours by W", "second neighbours"]
    assert table.loc["neighbours by W", "p_holm"] <= 0.05


def test_the_statistic_is_morans_i_of_the_residuals() -> None:
    rng = np.random.default_rng(2)
    rows = Rows(np.repeat(np.arange(W.n), 4), np.tile(np.arange(4), W.n), W.n, 4)
    e = absorb(rng.normal(size=(W.n * 4, 1)), rows, "two_way")[:, 0]
    a = scipy.sparse.csr_array(((W.dense() + W.dense().T) > 0).astype(float))
    signs = rng.choice([-1.0, 1.0], size=(19, W.n))
    [found] = dependence_left(e, rows, lambda columns: absorb(columns, rows, "two_way"), [a], signs)
    cube = e.reshape(W.n, 4)
    expected = W.n / a.sum() * np.vdot(cube, a @ cube) / (cube**2).sum()
    assert found.statistic == pytest.approx(expected)
    drawn = [absorb((e * sign[rows.unit_codes])[:, None], rows, "two_way").reshape(W.n, 4) for sign in signs]
    values = np.array([W.n / a.sum() * np.vdot(one, a @ one) / (one**2).sum() for one in drawn])
    assert found.expected == pytest.approx(values.mean())
    assert found.p == (1 + (np.abs(values - values.mean()) >= abs(expected - values.mean())).sum()) / 20


def test_pairs_between_regions_are_tested_without_period_effects() -> None:
    unit = MODEL.model_copy(update={"effects": "unit"})
    table = pairs_of(world(5), weights=None, model=unit)
    assert list(table.index) == ["within regions", "between regions"]
    # periods are shocks to all pairs
    assert table.loc["between regions", "p_holm"] <= 0.02


@pytest.mark.parametrize("kind", ["sar", "sem", "sdm", "slx"])
def test_spatial_models_have_their_own_residuals(kind: str) -> None:
    model = dc.SpatialPanel(y="y", x=("x",), kind=kind)
    found = pairs_of(world(6, shocks=1.0), model=model)
    assert found.loc["within regions", "p_holm"] <= 0.02
    assert pairs_of(world(8), model=model)["p_holm"].min() > 0.02


def test_notes_say_what_was_found_and_what_may_mend_it() -> None:
    one = LeftDependence(model=MODEL, by="region", draws=199)
    quiet, loud = world(8), world(1, shocks=1.0)
    assert "not found to move together at 0.05" in str(one.remarks(one.tables(quiet, W))[0])
    [note] = one.remarks(one.tables(loud, W))
    assert note.code == "left_something"
    assert "clusters of the column region where it has at least 5" in str(note)
    assert "effects of each region in each period" in str(note)
    assert one.statistics(one.tables(loud, W))["dependence_left"] <= 0.05
    home = LeftDependence(model=dc.SpatialPanel(y="y", x=("x",), kind="sdm"))
    # the known country has four regions: too few for clusters
    assert [note.code for note in home.mends(["within regions"])] == ["mend_effects_of_regression"]
    assert [note.code for note in home.mends(["second neighbours"])] == ["mend_reach"]
    assert [note.code for note in one.mends(["between regions"])] == ["mend_periods", "mend_errors"]


@pytest.mark.parametrize(
    "has",
    [
        {"cov": "driscoll_kraay"},
        {"cov": "driscoll_kraay", "test": "errors"},
        {"test": "randomisation"},
        {"cluster": "region"},
        {"small_sample": "cr2"},
    ],
)
def test_no_note_advises_what_the_column_has_or_cannot_have(has: dict[str, str]) -> None:
    made = {"cov": "cluster", "test": "wild", **has}
    diagnostic = LeftDependence(model=dc.PanelRegression(y="y", x=("x",), effects="unit", **made), by="region")
    codes = [note.code for note in diagnostic.mends(["within regions", "between regions"])]
    clusters = [] if "cluster" in has else ["mend_clusters"]
    assert codes == [*clusters, "mend_effects", "mend_periods"]


def test_what_it_is_not_for_is_refused() -> None:
    with pytest.raises(ConfigError, match="and spatial models with fixed effects or none, and PanelIV"):
        pairs_of(world(1), model=dc.PanelIV(y="y", x=("x",), instruments=("z",)))
    with pytest.raises(ConfigError, match="fixed effects or none"):
        pairs_of(world(1), model=MODEL.model_copy(update={"effects": "random"}))
    with pytest.raises(WeightsError, match="neither regions nor weights"):
        LeftDependence(model=MODEL).check(world(1))


def run_of(label: str, panel: dc.Panel, model: dc.Model = MODEL, weights: dc.Weights | None = W) -> Any:
    """A run as far as a note below a table reads it."""
    prepared = SimpleNamespace(panel=panel, weights=weights)
    return SimpleNamespace(label=label, specs=SimpleNamespace(model=model), prepared=prepared)


def lagged(seed: int) -> dc.Panel:
    """A panel whose errors depend on neighbours, which nothing filters: it has a gap."""
    panel = world(seed, rho=0.7)
    return panel.rows(np.arange(len(panel.unit_codes)) != 11)


def test_pairs_are_added_up_as_loops_add_them_up() -> None:
    rng = np.random.default_rng(3)
    rows = Rows(np.repeat(np.arange(9), 4), np.tile(np.arange(4), 9), 9, 4)
    e, signs = rng.normal(size=36), rng.choice([-1.0, 1.0], size=(5, 9))
    regions, clusters = np.repeat([0, 1, 2], 3), np.array([0, 0, 1, 2, 3, 3, 4, 5, 5])
    every = np.zeros(9, dtype=np.int64)
    within: Pairs = ((1, regions), (-1, clusters))
    between: Pairs = ((1, every), (-1, regions))
    found = dependence_left(e, rows, lambda columns: columns, [within, between], signs)
    wanted = (
        [(i, j) for i in range(9) for j in range(9) if regions[i] == regions[j] and clusters[i] != clusters[j]],
        [(i, j) for i in range(9) for j in range(9) if regions[i] != regions[j]],
    )
    cube = e.reshape(9, 4)
    for one, name, pairs in zip(found, (within, between), wanted, strict=True):
        assert count(name) == len(pairs)
        drawn = [sum(s[i] * s[j] * (cube[i] @ cube[j]) for i, j in pairs) for s in [np.ones(9), *signs]]
        values = np.array(drawn) * 9 / len(pairs) / (cube**2).sum()
        assert one.statistic == pytest.approx(values[0])
        assert one.expected == pytest.approx(values[1:].mean())
        assert one.z == pytest.approx((values[0] - values[1:].mean()) / values[1:].std(ddof=1))


def test_what_effects_fix_is_no_finding() -> None:
    rows = Rows(np.repeat(np.arange(8), 4), np.tile(np.arange(4), 8), 8, 4)
    e = absorb(np.random.default_rng(1).normal(size=(32, 1)), rows, "two_way")[:, 0]
    signs = np.random.default_rng(2).choice([-1.0, 1.0], size=(19, 8))
    whole: Pairs = ((1, np.zeros(8, dtype=np.int64)), (-1, np.arange(8)))
    [found] = dependence_left(e, rows, lambda columns: absorb(columns, rows, "two_way"), [whole], signs)
    assert (found.z, found.p) == (0.0, 1.0)
    apart = dc.Weights.from_matrix(pd.DataFrame(1.0 - np.eye(W.n), W.labels, W.labels))
    with pytest.raises(WeightsError, match="neither regions nor weights"):
        pairs_of(lagged(1), apart, by=None)
    unit = MODEL.model_copy(update={"effects": "unit"})
    assert list(pairs_of(lagged(1), apart, unit, by=None).index) == ["neighbours by W"]


def test_pairs_of_one_cluster_of_the_errors_are_allowed_for() -> None:
    clustered = MODEL.model_copy(update={"cov": "cluster", "cluster": "region"})
    loud = world(1, shocks=1.0)
    table = pairs_of(loud, model=clustered)
    # no pair of a region is left within it, and neighbours of neighbours are those of other regions
    assert list(table.index) == ["second neighbours"]
    made = LeftDependence(model=clustered, by="region", draws=99).tests(loud, W)["second neighbours"]
    links = W.dense() > 0
    beyond = (links.astype(int) @ links > 0) & ~links & (REGION[:, None] != REGION[None, :])
    null = joint_null(MODEL, loud.with_terms(MODEL.terms), np.empty((0, 0)), (), W)
    cube = absorb(null.residuals[:, None], null.rows, "two_way")[:, 0]
    left = cube - null.basis @ (null.basis.T @ cube)
    path = left.reshape(W.n, PERIODS) if (null.rows.unit_codes[:2] == 0).all() else left.reshape(PERIODS, W.n).T
    statistic = W.n / beyond.sum() * np.vdot(path, beyond @ path) / (path**2).sum()
    assert made.statistic == pytest.approx(statistic)


def test_a_sentence_names_the_columns_that_fail_and_what_may_mend_it() -> None:
    quiet, loud = (world(seed) for seed in (8, 9)), [lagged(4), lagged(5)]
    sdm = dc.SpatialPanel(y="y", x=("x",), kind="sdm")
    runs = [
        *(run_of(f"q{n}", one) for n, one in enumerate(quiet)),
        *(run_of(f"l{n}", one) for n, one in enumerate(loud)),
    ]
    notes = left_below([*runs, run_of("iv", loud[0], dc.PanelIV(y="y", x=("x",), instruments=("z",)))]).notes
    assert set(notes) == {"l0", "l1"}
    # both fail alike, and have one sentence
    assert notes["l0"] == notes["l1"]
    text = str(notes["l0"][0])
    assert "move together after the model and its filter: neighbours, neighbours of neighbours (p 0.0" in text
    assert "What may mend it: weights that reach further; Driscoll and Kraay's standard errors" in text
    assert LeftBelow(notes).to_json() == LeftRequest(60).read(LeftBelow(notes).to_json()).to_json()
    assert left_below([run_of("sdm", loud[0], sdm), run_of("alone", loud[0], weights=None)]).notes == {}


def test_p_is_that_of_all_tests_of_the_table() -> None:
    panels = [lagged(4), *(lagged(seed) for seed in range(20, 26))]
    tests = [one for panel in panels for one in LeftDependence(model=MODEL).tests(panel, W).values()]
    size, drawn = np.abs([one.z for one in tests]), np.abs(np.array([one.drawn for one in tests]))
    # the largest z of all, against the largest of each draw
    first = (1 + (drawn.max(axis=0) >= size.max() * (1 - 1e-6)).sum()) / (1 + drawn.shape[1])
    notes = left_below([run_of(str(n), panel) for n, panel in enumerate(panels)]).notes
    texts = [str(note["p"]) for own in notes.values() for note in own]
    assert f"{first:.3f}" in " ".join(texts)


def test_errors_that_allow_for_dependence_have_no_sentence() -> None:
    loud = lagged(4)
    by_errors = {"test": "errors"}
    assert left_below([run_of("one", loud, MODEL.model_copy(update=by_errors))]).notes
    for cov, cluster in (("driscoll_kraay", "unit"), ("conley", "unit"), ("cluster", "time"), ("cluster", "both")):
        model = MODEL.model_copy(update={**by_errors, "cov": cov, "cluster": cluster})
        assert left_below([run_of("one", loud, model)]).notes == {}
    # signs of units suppose independence, whatever the errors are
    assert left_below([run_of("one", loud, MODEL.model_copy(update={"cov": "cluster", "cluster": "time"}))]).notes


COMMAND = ("run", "table3_baseline", "model.effects=unit", "source=simulated_w1", "inference.test=errors")


def printed(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    assert main([*COMMAND, "executor=sequential", *words]) == 0
    return capsys.readouterr().out


@pytest.mark.long
def test_the_sentence_stands_under_every_printed_table(
    project: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    sentence = "Residuals of different units still move together after the model and its filter: pairs within regions"
    assert sentence in printed(capsys)
    # again, from the store: nothing is tested
    monkeypatch.setattr(LeftDependence, "tests", None)
    assert sentence in printed(capsys)
    assert sentence in printed(capsys, "report=regression", "report.decimals=2")
    assert "共同变动" in printed(capsys, "report.language=zh")
    assert main(["report", "table3_baseline", "--out", "page"]) == 0
    assert sentence in Path("page/index.html").read_text("utf-8")
    [file] = Path().rglob("left_dependence/left_dependence.json")
    assert "left_below" in file.read_text("utf-8")


@pytest.mark.long
def test_tables_of_many_runs_and_those_without_the_pack_have_none(
    project: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "still move together" not in printed(capsys, "report.most_runs=3")
    assert not list(Path().rglob("left_dependence.json"))
    monkeypatch.setattr(pack, "offered", lambda request: [])
    assert "still move together" not in printed(capsys)
