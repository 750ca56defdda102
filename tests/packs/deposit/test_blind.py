"""Power of a plan from exchanged outcomes, against explicit dummies, raw data that are exchanged, and simulation."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml

from digicarbon.__main__ import main
from digicarbon.config.compose import Composer, loader
from digicarbon.errors import ConfigError
from digicarbon.model import PanelRegression
from digicarbon.model.batch import estimate_of
from digicarbon.numeric.resampling.unit_permutation import permutations
from digicarbon.packs.deposit.sweep.blind import blind, power, smallest
from digicarbon.panel import Panel
from digicarbon.plan.runs import Plan, plan
from digicarbon.report.claim import Claim
from digicarbon.report.kinds import multiverse_of, recorded
from digicarbon.result import RunEffect
from digicarbon.sweep.joint import estimand_of
from digicarbon.sweep.provenance import roster

pytestmark = pytest.mark.long

UNITS, YEARS = 30, 8
SPEC: dict[str, Any] = {
    "defaults": [
        "config",
        {"override source": "mine"},
        {"override measure": "none"},
        {"override outcome": "none"},
        {"override weights": "ring"},
        {"override inference": "classic"},
        {"override model": "twfe"},
        "_self_",
    ],
    "model": {"y": "y", "x": ["x"], "controls": ["a"]},
}
FILES = {
    "source/mine": {"_target_": "digicarbon.source.TableSource", "path": "data.csv", "unit": "area", "time": "year"},
    "weights/ring": {"_target_": "digicarbon.weights.EdgeWeights", "path": "w.csv"},
}


def table(units: int = UNITS, years: int = YEARS, seed: int = 1, effect: float = 0.0) -> pd.DataFrame:
    """Return a panel whose outcome has effects of units and periods and independent errors."""
    random = np.random.default_rng(seed)
    x, a = random.normal(size=(2, units, years))
    y = random.normal(size=(units, 1)) + random.normal(size=years) + effect * x + random.normal(size=(units, years))
    rows = [(f"u{unit:03}", year) for unit in range(units) for year in range(2000, 2000 + years)]
    frame = pd.DataFrame(rows, columns=["area", "year"])
    return frame.assign(y=y.ravel(), x=x.ravel(), a=a.ravel())


@pytest.fixture
def study(project: Path) -> Callable[..., Plan]:
    """Writes a study and plans it."""

    def write(frame: pd.DataFrame, **changes: Any) -> Plan:
        for name, node in FILES.items():
            path = project / "conf" / f"{name}.yaml"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(yaml.safe_dump(node), encoding="utf-8")
        names = sorted(frame["area"].unique())
        ring = pd.DataFrame({"unit": names, "neighbour": [*names[1:], names[0]]})
        ring.to_csv(project / "w.csv", index=False)
        frame.to_csv(project / "data.csv", index=False)
        (project / "experiments").mkdir(exist_ok=True)
        (project / "experiments" / "mine.yaml").write_text(yaml.safe_dump({**SPEC, **changes}), encoding="utf-8")
        return plan(Composer(loader(), "mine"))

    return write


def exchanged(frame: pd.DataFrame, permutation: np.ndarray[Any, Any]) -> pd.DataFrame:
    """Return the raw data with each unit's outcome from another unit, by year."""
    names = sorted(frame["area"].unique())
    paths = frame.set_index(["area", "year"])["y"]
    donor = dict(zip(names, (names[place] for place in permutation), strict=True))
    rows = zip(frame["area"], frame["year"], strict=True)
    return frame.assign(y=[paths.get((donor[unit], year), np.nan) for unit, year in rows])


def test_numbers_equal_least_squares_with_explicit_dummies(study: Callable[..., Plan]) -> None:
    frame = table()
    found = blind(study(frame).runs, RunEffect(), draws=60, seed=5)
    dummies = pd.get_dummies(frame[["area", "year"]].astype(str), drop_first=True, dtype=float).to_numpy()
    design = np.column_stack([frame["x"], frame["a"], np.ones(len(frame)), dummies])
    inverse = np.linalg.inv(design.T @ design)
    numbers = []
    for permutation in permutations(UNITS, 60, 5):
        y = exchanged(frame, permutation)["y"].to_numpy()
        beta = inverse @ design.T @ y
        residual = y - design @ beta
        variance = residual @ residual / (len(y) - design.shape[1])
        numbers.append((beta[0], np.sqrt(variance * inverse[0, 0])))
    estimates, errors = np.array(numbers).T
    (row,) = found.table.to_dict("records")
    assert row["off"] == pytest.approx(abs(estimates.mean()) / estimates.std(ddof=1), rel=1e-8)
    assert row["sd"] == pytest.approx(estimates.std(ddof=1), rel=1e-8)
    assert row["se"] == pytest.approx(np.median(errors), rel=1e-8)
    assert row["smallest"] == pytest.approx((1.959963985 + 0.841621234) * row["sd"], rel=1e-8)
    assert found.single == 0


@pytest.mark.parametrize(
    ("name", "changes", "gaps"),
    [
        ("sar", {"model": {"y": "y", "x": ["x"], "controls": ["a"]}}, 0),
        ("sdm", {"model": {"y": "y", "x": ["x"], "controls": ["a"]}}, 0),
        ("twfe", {"model": {"y": "y", "x": ["x"], "controls": ["a", "L.y"]}}, 0),
        ("twfe", {"model": {"y": "D.y", "x": ["x"], "controls": ["a"]}}, 0),
        ("dynamic_sar", {"model": {"y": "y", "x": ["x"], "controls": ["a"]}}, 0),
        ("twfe", {"model": {"y": "y", "x": ["L.x"], "controls": ["a"]}, "panel": {"gaps": "keep"}}, 7),
    ],
)
def test_numbers_equal_fits_to_raw_data_that_are_exchanged(
    study: Callable[..., Plan], name: str, changes: dict[str, Any], gaps: int
) -> None:
    """Spatial lags and the past of the outcome follow the exchange, with and without batches."""
    frame = table(effect=0.5)
    if gaps:
        # some units lack the first year: they are exchanged among themselves only
        frame = frame[~((frame["year"] == 2000) & (frame["area"] < f"u{gaps:03}"))]
    defaults = [*SPEC["defaults"][:-2], {"override model": name}, "_self_"]
    draws = 20
    first = study(frame, defaults=defaults, **changes)
    found = blind(first.runs, RunEffect(), draws=draws, seed=3)
    whole = permutations(UNITS, draws, 3)
    if gaps:
        from digicarbon.numeric.resampling.unit_permutation import within_classes

        whole = within_classes(whole, np.arange(UNITS), (np.arange(UNITS) < gaps).astype(np.int64))
    estimates = []
    files = [f"exchange{draw}.csv" for draw in range(draws)]
    for file, permutation in zip(files, whole, strict=True):
        exchanged(frame, permutation).to_csv(file, index=False)
    for run in study(frame, defaults=defaults, grid={"source.path": files}, **changes).runs:
        result = run.specs.model.fit(run.prepared.panel, run.prepared.weights)
        estimand, _ = estimand_of(run, result, "total", None)
        assert estimand is not None
        numbers = estimate_of(result, estimand)
        assert numbers is not None
        estimates.append(numbers)
    (row,) = found.table.to_dict("records")
    assert row["sd"] == pytest.approx(np.std([one[0] for one in estimates], ddof=1), rel=1e-5)
    assert row["se"] == pytest.approx(np.median([one[1] for one in estimates]), rel=2e-3)


def test_an_effect_of_the_smallest_size_is_found_in_80_of_100_outcomes(study: Callable[..., Plan]) -> None:
    """The outcome that a plan of 30 units promises to be enough is tried, with draws that the plan did not see."""
    frame = table(seed=7)
    found = blind(study(frame).runs, RunEffect(), draws=1000, seed=2)
    (row,) = found.table.to_dict("records")
    cube = {name: frame[name].to_numpy().reshape(UNITS, YEARS) for name in ("y", "x", "a")}

    def within(value: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        rows = value.mean(axis=1, keepdims=True)
        return (value - rows - value.mean(axis=0, keepdims=True) + value.mean()).ravel()

    design = np.column_stack([within(cube["x"]), within(cube["a"])])
    inverse = np.linalg.inv(design.T @ design)
    random, rejected = np.random.default_rng(99), []
    for _ in range(2000):
        y = within(cube["y"][random.permutation(UNITS)] + row["smallest"] * cube["x"])
        beta = inverse @ design.T @ y
        residual = y - design @ beta
        df = UNITS * YEARS - UNITS - YEARS + 1 - 2
        rejected.append(abs(beta[0]) > 1.96 * np.sqrt(residual @ residual / df * inverse[0, 0]))
    # 2,000 draws: standard error 0.009
    assert np.mean(rejected) == pytest.approx(0.8, abs=0.05)
    assert row["size"] == pytest.approx(0.05, abs=0.03)


def test_power_is_80_percent_at_the_smallest_effect_and_5_percent_at_none() -> None:
    assert power(smallest(0.3), 0.3) == pytest.approx(0.8, abs=1e-4)
    assert power(1e-9, 0.3) == pytest.approx(0.05, abs=1e-6)
    assert power(-0.5, 0.3) == power(0.5, 0.3)


def test_nothing_is_fitted_to_the_real_outcome(study: Callable[..., Plan], monkeypatch: pytest.MonkeyPatch) -> None:
    frame = table()
    runs = study(frame, columns={"A": {"model": "twfe"}, "B": {"model": "fe", "model.controls": ["L.y"]}}).runs
    real = frame.set_index(["area", "year"])["y"].to_dict()
    seen = 0

    def check(panel: Panel) -> None:
        nonlocal seen
        seen += 1
        rows = [
            real[panel.units[u], panel.periods[t]] for u, t in zip(panel.unit_codes, panel.period_codes, strict=True)
        ]
        assert np.isclose(panel.column("y"), rows).mean() < 0.5

    fit, batch = PanelRegression.fit, PanelRegression.batch

    def checked_fit(self: PanelRegression, panel: Panel, *others: Any) -> Any:
        check(panel)
        return fit(self, panel, *others)

    def checked_batch(self: PanelRegression, panel: Panel, *others: Any) -> Any:
        check(panel)
        return batch(self, panel, *others)

    monkeypatch.setattr(PanelRegression, "fit", checked_fit)
    monkeypatch.setattr(PanelRegression, "batch", checked_batch)
    found = blind(runs, RunEffect(), draws=20)
    assert found.single == 1
    assert seen > 20


def test_the_real_outcome_and_its_relation_to_x_do_not_matter_but_its_spread_does(study: Callable[..., Plan]) -> None:
    frame = table()
    once = blind(study(frame).runs, RunEffect(), draws=40).table
    twice = blind(study(frame.assign(y=2 * frame["y"])).runs, RunEffect(), draws=40).table
    np.testing.assert_allclose(twice["sd"], 2 * once["sd"], rtol=1e-9)
    np.testing.assert_allclose(twice["size"], once["size"])


def test_models_that_keep_a_common_course_have_no_power_and_are_named(study: Callable[..., Plan]) -> None:
    frame = table()
    trend = frame["year"] - 2000
    frame = frame.assign(y=frame["y"] + trend, x=frame["x"] + trend)
    found = blind(study(frame, columns={"FE": {"model": "fe"}, "both": {"model": "twfe"}}).runs, RunEffect(), draws=40)
    assert np.isnan(found.table.loc["FE", "smallest"])
    assert found.table.loc["FE", "size"] > 0.9
    assert found.table.loc["both", "smallest"] > 0
    assert found.parts[0].joint == {}


def test_the_power_of_the_whole_curve_grows_with_the_effect(study: Callable[..., Plan]) -> None:
    grid = {"model.controls": [[], ["a"]], "model": ["twfe", "sdm"]}
    runs = study(table(), grid=grid).runs
    powers = [blind(runs, RunEffect("direct"), draws=100, effect=effect).parts[0].joint for effect in (1e-6, 0.15, 3.0)]
    for name in ("median", "share_significant", "mean_z"):
        none, some, large = (one[name] for one in powers)
        assert none < 0.1
        assert none <= some <= large
        assert large == 1.0


def test_units_of_other_periods_keep_their_outcome_and_are_counted(study: Callable[..., Plan]) -> None:
    frame = table()
    frame = frame[~((frame["area"] == "u003") & (frame["year"] < 2003))]
    found = blind(study(frame, panel={"gaps": "keep"}).runs, RunEffect(), draws=20)
    assert found.unmoved == 1


def test_units_that_cannot_be_exchanged_tell_nothing_of_the_real_outcome(study: Callable[..., Plan]) -> None:
    frame = table(effect=5.0)
    # each unit has periods of its own
    first = frame["area"].str[1:].astype(int) % YEARS
    last = YEARS - frame["area"].str[1:].astype(int) // YEARS
    own = frame[(frame["year"] - 2000 != first) & (frame["year"] - 2000 < last)]
    runs = study(own, panel={"gaps": "keep"}).runs
    with pytest.raises(ConfigError, match="would keep their own outcome on average"):
        blind(runs, RunEffect(), draws=20)


def test_a_derived_regressor_that_is_made_of_the_outcome_is_left_out(study: Callable[..., Plan]) -> None:
    derive = {"derive": {"mix": "y * x", "square": "y * y", "rate": "y / a", "share": "x / a"}}
    columns = {
        "plain": {"model.x": ["x"]},
        "mix": {"model.x": ["mix"]},
        "square": {"model.x": ["L.square"]},
        "rate": {"model.y": "rate", "model.x": ["mix"], "model.controls": []},
        "share": {"model.y": "rate", "model.x": ["share"], "model.controls": []},
    }
    found = blind(study(table(), panel=derive, columns=columns).runs, RunEffect("coefficient"), draws=20)
    assert [label for label, _ in found.absent] == ["mix", "square"]
    # what shares a series with the outcome, but not all of its series, stays
    assert list(found.table.index) == ["plain", "rate", "share"]


def test_a_draw_that_leaves_all_units_in_place_is_not_fitted(
    study: Callable[..., Plan], monkeypatch: pytest.MonkeyPatch
) -> None:
    runs = study(table()).runs

    def with_identity(units: int, draws: int, seed: int) -> np.ndarray[Any, Any]:
        out = permutations(units, draws, seed)
        out[0] = np.arange(units)
        return out

    monkeypatch.setattr("digicarbon.packs.deposit.sweep.blind.permutations", with_identity)
    first = blind(runs, RunEffect(), draws=21).table
    monkeypatch.setattr("digicarbon.packs.deposit.sweep.blind.permutations", lambda *given: with_identity(*given)[1:])
    np.testing.assert_allclose(first, blind(runs, RunEffect(), draws=21).table)


def test_the_power_of_a_claim_is_counted_by_parts(study: Callable[..., Plan]) -> None:
    """With one specification a claim on significance has the power of a one-sided test."""
    grid = {"model": ["twfe", "sar"], "model.controls": [[], ["a"]]}
    planned = study(table(), grid=grid, kinds={"model": "uncertain", "model.controls": "equivalent"})
    claim = Claim("coefficient", "negative", 1.0, significant=0.05)
    kinds = recorded(planned.kinds, planned)
    parts = multiverse_of(roster(planned, kinds, claim))
    assert parts is not None
    found = blind(planned.runs, RunEffect("coefficient"), draws=300, effect=0.2, multiverse=parts, claim=claim)
    assert [part.name for part in found.parts] == ["model=twfe", "model=sar"]
    for part in found.parts:
        own = [run for run in planned.runs if part.name in run.label]
        alone = blind(own, RunEffect("coefficient"), draws=300, effect=0.2, claim=claim)
        assert alone.parts[0].claim == part.claim
        assert alone.parts[0].joint == part.joint
        assert len(part.table) == part.judged == 2
        assert part.claim is not None
        without, with_effect = part.claim
        # two specifications that hardly differ: chance is one-sided, 2.5 %, and power that of one of them
        assert without < 0.06
        assert with_effect == pytest.approx(float(part.table["power"].mean()), abs=0.08)


def test_a_claim_on_another_number_and_a_joint_test(study: Callable[..., Plan]) -> None:
    planned = study(table(), grid={"model": ["twfe", "sar"], "model.controls": [[], ["a"]]})
    sign = Claim("coefficient", "positive", 0.5)
    without, large = blind(planned.runs, RunEffect("total"), draws=200, effect=-3.0, claim=sign).parts[0].claim or (
        0,
        0,
    )
    # the sign of an estimate without an effect is a coin
    assert without == pytest.approx(0.5, abs=0.12)
    assert large == 1.0
    joint = Claim("total", "positive", 0.5, joint=0.05)
    without, large = blind(planned.runs, RunEffect("total"), draws=200, effect=3.0, claim=joint).parts[0].claim or (
        1,
        0,
    )
    assert without < 0.06
    assert large == 1.0


def test_the_outcome_itself_counts_among_the_draws_of_a_joint_test(study: Callable[..., Plan]) -> None:
    """Two of 24 draws of an estimate are beyond their 95th percentile, so that p is 3/25 (Phipson and Smyth 2010)."""
    planned = study(table(), grid={"inference": ["classic", "robust"]})

    def power_of(joint: float) -> float:
        claim = Claim("coefficient", "positive", 0.5, joint=joint)
        found = blind(planned.runs, RunEffect("coefficient"), draws=24, effect=9.0, claim=claim).parts[0].claim
        assert found is not None
        return found[1]

    assert power_of(0.12) == 1.0
    assert power_of(0.119) == 0.0


def test_what_cannot_be_done_is_said(study: Callable[..., Plan]) -> None:
    runs = study(table(), model={"y": "y", "x": ["x"], "controls": ["L.y:x"]}).runs
    with pytest.raises(ConfigError, match="made of the outcome and of something else"):
        blind(runs, RunEffect(), draws=20)
    with pytest.raises(ConfigError, match="too few"):
        blind(runs, RunEffect(), draws=3)


def test_the_command_prints_power_and_no_estimate_and_writes_nothing(
    study: Callable[..., Plan], project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    study(table(effect=5.0), grid={"model": ["twfe", "sar"]})
    before = (project / "mlruns" / "mlflow.db").read_bytes()
    assert main(["plan", "mine", "--blind", "--draws", "20", "--effect=0.25"]) == 0
    out = capsys.readouterr().out
    assert "The plan is not locked; `digicarbon lock mine` locks it." in out
    assert "power for 0.25" in out
    assert "2 specifications, outcome exchanged between units 20 times" in out
    assert (project / "mlruns" / "mlflow.db").read_bytes() == before
    assert main(["lock", "mine"]) == 0
    assert main(["plan", "mine", "--blind", "--draws", "20", "--seed", "4"]) == 0
    out = capsys.readouterr().out
    assert "is unchanged" in out
    assert "(seed 4)" in out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--draws", "20"), "--draws belongs to --blind"),
        (("--blind", "--draws", "many"), "takes a whole number"),
        (("--blind", "--effect", "large"), "takes a number"),
        (("--blind", "--effect", "0"), "is no effect"),
        (("--blind", "--effect", "nan"), "is no effect"),
        (("--blind", "--draws", "2"), "too few"),
        (("--blind", "--draws"), "needs a value"),
    ],
)
def test_wrong_flags_are_refused(
    study: Callable[..., Plan], capsys: pytest.CaptureFixture[str], words: tuple[str, ...], said: str
) -> None:
    study(table())
    assert main(["plan", "mine", *words]) == 2
    assert said in capsys.readouterr().err


def test_a_plan_without_an_experiment_cannot_be_locked_and_is_told_so(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its outcome and regressors come from rooms of their own, and share no column of the data that is known."""
    assert main(["plan", "--blind", "--draws", "20"]) == 0
    printed = capsys.readouterr().out
    assert "This plan has no file: only an experiment can be locked." in printed
    assert "digicarbon lock" not in printed
    assert main(["plan", "--blind", "--draws", "20", "++panel.derive.mix=ci * e", "model.x=[ln_mix]"]) == 2
    assert "a regressor is made of the outcome and of something else (ln_mix)" in capsys.readouterr().err


def test_a_blind_plan_has_no_document(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["plan", "table3_baseline", "--blind", "--json"]) == 2
    assert json.loads(capsys.readouterr().out)["errors"][0]["code"] == "json_alone"
