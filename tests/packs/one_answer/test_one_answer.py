"""What a sweep records to make one answer: comparable likelihoods, and fits without each unit."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
import yaml

from digicarbon import recorded
from digicarbon.__main__ import main
from digicarbon.config.compose import Composer, loader
from digicarbon.executor import LocalExecutor
from digicarbon.numeric.averaging import bic
from digicarbon.numeric.latest import Latest
from digicarbon.packs.one_answer.report.evidence import Evidence, EvidenceRequest, Support
from digicarbon.packs.one_answer.sweep.evidence import evidence
from digicarbon.packs.policies.model.did import Estimator
from digicarbon.packs.policies.numeric import synthetic as searches
from digicarbon.packs.which_weights.diagnostic.spatial_choice import SpatialChoice
from digicarbon.panel import Panel
from digicarbon.plan.runs import Run, plan
from digicarbon.result import Result
from digicarbon.sweep import sweep
from digicarbon.tracking import Tracking

HERE = LocalExecutor(backend="sequential")


def fitted(columns: dict[str, dict[str, Any]], *words: str, **further: Any) -> list[tuple[Run, Result]]:
    """Return runs with their results."""
    Path("experiments").mkdir(exist_ok=True)
    content = {"defaults": ["config", {"override inference": "cluster"}, "_self_"], "columns": columns, **further}
    Path("experiments/one.yaml").write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")
    made = plan(Composer(loader(), "one", list(words)), [])
    return [(run, run.specs.model.fit(run.prepared.panel, run.prepared.weights)) for run in made.runs]


def supports(fits: list[tuple[Run, Result]], quantity: str = "direct") -> dict[str, Support]:
    return {one.label: one for one in evidence(fits, EvidenceRequest(quantity, None, False), HERE).each}


CLASSIC = {"inference": "classic"}
DIRECT = {"model.bias_correction": "none", **CLASSIC}


@pytest.fixture(scope="module")
def kinds(tmp_path_factory: pytest.TempPathFactory) -> list[tuple[Run, Result]]:
    """One of each kind of likelihood."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("kinds"))
        return fitted(
            {
                "FE": {"model": "twfe"},
                "FE, few": {"model": "twfe", "outcome.controls": ["ln_pgdp"]},
                "FE, unit": {"model": "twfe", "model.effects": "unit"},
                "random": {"model": "twfe", "model.effects": "random"},
                "SAR, direct": {"model": "sar", **DIRECT},
                "SAR": {"model": "sar", **CLASSIC},
                "SDM": {"model": "sdm", **CLASSIC},
                "SAR, unit": {"model": "sar", "model.effects": "unit", **CLASSIC},
                "differences": {"model": "twfe", "model.effects": "unit", "model.estimator": "first_difference"},
                "fuels": {"model": "twfe", "outcome": "intensity_fuels"},
                "west": {"model": "twfe", "sample": "west"},
                "IV": {"model": "spatial_iv"},
            }
        )


def test_only_likelihoods_of_the_same_values_are_compared(kinds: list[tuple[Run, Result]]) -> None:
    found = supports(kinds)
    groups: dict[str, set[str]] = {}
    for label, one in found.items():
        groups.setdefault(one.likelihood, set()).add(label)
    assert groups.pop("") == {"random", "IV"}
    assert sorted(map(sorted, groups.values())) == [
        ["FE", "FE, few", "FE, unit", "SAR, direct"],
        ["SAR", "SDM"],
        ["SAR, unit"],
        ["differences"],
        ["fuels"],
        ["west"],
    ]
    for label in ("random", "IV"):
        assert found[label].why is not None
    marginal = {label: one.marginal for label, one in found.items()}
    assert len({marginal[label] for label in ("FE", "FE, few", "SAR, direct", "SAR", "SDM")}) == 1
    assert len({marginal[label] for label in ("FE", "FE, unit", "fuels", "west")}) == 4
    assert marginal["FE, unit"] == marginal["SAR, unit"]
    assert marginal["IV"] == marginal["random"] == ""


def dummies(run: Run) -> tuple[np.ndarray, np.ndarray]:
    """The outcome and all columns of a regression with two-way effects."""
    model = run.specs.model
    panel = run.prepared.panel.with_terms(model.terms)
    effects = [] if "effects=unit" in run.label else [pd.get_dummies(panel.period_codes, drop_first=True)]
    columns = [pd.get_dummies(panel.unit_codes), *effects]
    return panel.column(model.y), np.column_stack([panel.array(model.regressors), *columns]).astype(float)


def test_criteria_of_regressions_are_those_of_statsmodels_with_dummies(kinds: list[tuple[Run, Result]]) -> None:
    found = supports(kinds)
    for run, _ in kinds:
        if run.label in ("FE", "FE, few"):
            one = found[run.label]
            ours = bic(*(np.array(value) for value in (one.loglik, one.parameters, one.observations)))
            assert float(ours) == pytest.approx(sm.OLS(*dummies(run)).fit().bic, rel=1e-10)


def test_beside_spatial_models_a_regression_has_the_likelihood_of_the_rows_that_a_transformation_leaves(
    kinds: list[tuple[Run, Result]],
) -> None:
    """Lee and Yu's transformation: orthonormal combinations of units and of periods that add up to zero."""
    found = supports(kinds)
    run = next(run for run, _ in kinds if run.label == "FE")
    model, panel = run.specs.model, run.prepared.panel
    made = panel.with_terms(model.terms)
    n, t = panel.shape
    of_units, of_periods = (np.linalg.qr(np.eye(size) - 1 / size)[0][:, :-1] for size in (n, t))
    both = np.kron(of_units, of_periods).T
    other = sm.OLS(both @ made.column(model.y), both @ made.array(model.regressors)).fit()
    one = found["FE"]
    assert one.within_loglik == pytest.approx(other.llf, rel=1e-10)
    assert (one.within_observations, one.within_parameters) == (other.nobs, len(other.params))


def test_the_criterion_of_a_spatial_lag_counts_the_effects_as_a_regression_does(
    kinds: list[tuple[Run, Result]],
) -> None:
    run, result = next((run, result) for run, result in kinds if run.label == "SAR, direct")
    y, x = dummies(run)
    n, t = run.prepared.panel.shape
    assert run.prepared.weights is not None
    w = run.prepared.weights.dense()
    rho = result.coef[result.terms.index("rho")]
    left = y - rho * (w @ y.reshape(n, t)).ravel()
    errors = left - x @ np.linalg.lstsq(x, left, rcond=None)[0]
    size = n * t
    loglik = t * np.linalg.slogdet(np.eye(n) - rho * w)[1] - size / 2 * (np.log(2 * np.pi * errors @ errors / size) + 1)
    one = supports(kinds)["SAR, direct"]
    assert one.loglik == pytest.approx(loglik, rel=1e-9)
    assert one.parameters == np.linalg.matrix_rank(x) + 1


def test_marginal_likelihoods_are_those_of_the_choice_of_spatial_models(kinds: list[tuple[Run, Result]]) -> None:
    found = supports(kinds)
    runs = {run.label: run for run, _ in kinds}
    of = runs["SDM"]
    table = (
        SpatialChoice(model=of.specs.model, kinds=("ols", "sar", "sdm"), draws=0)
        .tables(of.prepared.panel, of.prepared.weights)["spatial_choice"]["log_marginal"]
        .droplevel(1)
    )
    for label, kind in (("FE", "OLS"), ("SAR", "SAR"), ("SAR, direct", "SAR"), ("SDM", "SDM")):
        assert found[label].log_marginal == pytest.approx(table[kind], rel=1e-10)
    assert found["FE"].marginal_loglik == pytest.approx(found["FE"].within_loglik, rel=1e-10)
    for label in ("SAR", "SDM"):
        assert found[label].marginal_loglik == pytest.approx(found[label].loglik, rel=1e-8)


def test_design_effects_are_those_of_the_same_fit_with_other_errors(kinds: list[tuple[Run, Result]]) -> None:
    found = supports(kinds)
    for run, _ in kinds:
        if run.label in ("FE", "SAR, direct", "SDM", "fuels"):
            model = run.specs.model.model_copy(update={"test": "errors"})
            by = [
                model.model_copy(update={"cov": cov}).fit(run.prepared.panel, run.prepared.weights)
                for cov in ("cluster", "classic")
            ]
            slopes = [place for place, term in enumerate(by[0].terms) if term in by[0].terms_of("regressor", "lag_x")]
            clustered, classic = (one.covariance[np.ix_(slopes, slopes)] for one in by)
            expected = np.trace(clustered @ np.linalg.inv(classic)) / len(slopes)
            assert found[run.label].design_effect == pytest.approx(max(1, expected), rel=1e-8)
    assert found["FE"].design_effect > 1
    # two-way effects of 30 units and 6 periods count, and the SDM has more slopes than the regression
    assert found["FE"].size == found["FE"].parameters
    assert found["SDM"].size > found["SAR"].size > found["FE, few"].size
    assert np.isnan(found["IV"].design_effect)


def test_clusters_are_those_that_the_run_declares(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    levels = {"units": {"model": "twfe"}, "time": {"model": "twfe", "inference.cluster": "time"}}
    hac = {"HC": {"model": "twfe", "inference": "robust"}}
    found = supports(fitted(levels | hac))
    assert found["units"].design_effect == found["HC"].design_effect != found["time"].design_effect


def test_correlations_are_those_of_regressors_without_effects(kinds: list[tuple[Run, Result]]) -> None:
    run = next(run for run, _ in kinds if run.label == "FE")
    _, x = dummies(run)
    k = len(run.specs.model.regressors)
    effects = x[:, k:]
    within = x[:, :k] - effects @ np.linalg.lstsq(effects, x[:, :k], rcond=None)[0]
    expected = np.linalg.slogdet(np.corrcoef(within.T))[1]
    assert supports(kinds)["FE"].correlation == pytest.approx(expected, rel=1e-8)


WITHOUT = {
    "FE": {"model": "twfe"},
    "SAR": {"model": "sar", **CLASSIC},
    "SDM, inverse": {"model": "sdm", "weights": "k_nearest", **CLASSIC},
    "winsorised": {"model": "twfe", "sample": "winsorised", "inference": "robust"},
    "Conley": {"model": "twfe", "inference": "conley", "weights": "economic", "outcome.controls": []},
    "east": {"model": "twfe", "sample": "east"},
    "GMM": {"model": "gmm_difference", "inference": "robust"},
    "IV": {"model": "spatial_iv", **CLASSIC},
}
LEFT = ("Beijing", "Sichuan")


@pytest.fixture(scope="module")
def without(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[tuple[Run, Result]]]:
    """The runs of the whole sample, under an empty name, and those of samples that lack a unit."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("without"))
        # Sichuan is not in the east
        others = {name: columns for name, columns in WITHOUT.items() if name != "east"}
        return {
            "": fitted(WITHOUT),
            **{unit: fitted(others if unit == "Sichuan" else WITHOUT, f"sample.without=[{unit}]") for unit in LEFT},
        }


@pytest.mark.long
@pytest.mark.parametrize("executor", [HERE, LocalExecutor(backend="threading", n_jobs=2)])
def test_fits_without_a_unit_are_those_of_a_sample_that_lacks_it(
    executor: LocalExecutor, without: dict[str, list[tuple[Run, Result]]]
) -> None:
    left = evidence(without[""], EvidenceRequest("direct", None, True), executor).left_out
    assert left is not None
    assert left.labels == tuple(WITHOUT)
    assert len(left.units) == 30
    for unit in LEFT:
        at = 1 + left.units.index(unit)
        for run, result in without[unit]:
            row = left.labels.index(run.label)
            [(_, numbers)] = list(result.focal_numbers("direct"))
            assert left.estimates[row, at] == pytest.approx(numbers[0], rel=1e-9)
            assert left.p[row, at] == pytest.approx(numbers[2], rel=1e-6)
        # the regression of the east stays what it was
        assert (left.estimates[5, at] == left.estimates[5, 0]) == (unit == "Sichuan")


POLICY = {
    "defaults": [
        "config",
        {"override source": "simulated_policy"},
        *({f"override {group}": "none"} for group in ("measure", "outcome")),
        {"override model": "did"},
        {"override inference": "cluster"},
        "_self_",
    ],
    "source": {"world": "heterogeneous", "n": 24, "periods": 10, "cohorts": [2011, 2013]},
    "panel": {"policy": {"pilot": "adopted"}},
    "model": {"y": "y", "controls": []},
}
ESTIMATORS = [*(name for name in get_args(Estimator) if name != "synthetic_did"), "synthetic_did"]


@pytest.mark.long
def test_effects_of_a_policy_without_a_unit_are_those_of_plain_fits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What fits share changes none of their numbers: a plain fit knows no earlier search for weights."""
    monkeypatch.chdir(tmp_path)
    fits = fitted({}, **POLICY, grid={"model.estimator": ESTIMATORS, "model.anticipation": [0, 1]})
    left = evidence(fits, EvidenceRequest("coefficient", None, True), HERE).left_out
    assert left is not None
    assert len({label.split(",")[0] for label in left.labels}) == len(ESTIMATORS)
    runs = {run.label: run for run, _ in fits}
    for unit in left.units[::5]:
        for row, label in enumerate(left.labels):
            monkeypatch.setattr(searches, "_SEARCHES", Latest())
            prepared = runs[label].prepared
            panel = prepared.panel
            rows = panel.unit_codes != panel.units.index(unit)
            frame = pd.DataFrame({name: panel.column(name) for name in ("y", "pilot")})
            frame = frame.assign(unit=np.array(panel.units)[panel.unit_codes], time=panel.period_codes)[rows]
            alone = runs[label].specs.model.fit(Panel.from_frame(frame, "unit", "time"))
            [(_, (estimate, _, p, *_))] = list(alone.focal_numbers("coefficient"))[:1]
            assert left.estimates[row, 1 + left.units.index(unit)] == pytest.approx(estimate, rel=1e-10), label
            assert left.p[row, 1 + left.units.index(unit)] == pytest.approx(p, rel=1e-10), label


def test_standard_errors_alone_make_no_further_specification_and_wild_p_are_not_drawn_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    fits = fitted({}, grid={"inference": ["wild", "cluster"], "outcome.controls": [[], ["ln_pgdp"]]})
    left = evidence(fits, EvidenceRequest("coefficient", None, True), HERE).left_out
    assert left is not None
    assert [label.partition(",")[0] for label in left.labels] == ["inference=wild"] * 2
    clustered = {run.label: result for run, result in fits if "cluster" in run.label}
    for row, result in enumerate(clustered.values()):
        [(_, (_, _, p, *_))] = list(result.focal_numbers("coefficient"))
        assert left.p[row, 0] == pytest.approx(p, rel=1e-9)


def test_a_unit_that_leaves_another_one_without_neighbour_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    found = evidence(fitted({"SAR": {"model": "sar", **CLASSIC}}), EvidenceRequest("direct", None, True), HERE)
    left = found.left_out
    assert left is not None
    [(label, unit, why)] = left.reasons
    assert (label, unit) == ("SAR", "Guangdong")
    assert "Hainan" in str(why)
    assert np.isnan(left.estimates[0]).sum() == 1
    # what is recorded is what is read
    again = Evidence.from_json(found.to_json())
    assert again.to_json() == found.to_json()
    assert again.left_out is not None
    np.testing.assert_array_equal(again.left_out.estimates, left.estimates)


@pytest.mark.long
def test_a_sweep_records_what_its_page_reads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    fitted({}, grid={"model": ["twfe"], "outcome.controls": [[], ["ln_pgdp"]]})
    composer = Composer(loader(), "one", ["report=one_answer", "report.leave_out=true", "report.pictures=[png]"])
    done = sweep.run(composer, plan(composer))
    assert done.table is not None
    kept = recorded.sweep(Tracking(), "one").supplement(EvidenceRequest("coefficient", None, leave_out=True))
    assert kept is not None
    assert kept.left_out is not None
    assert [one.label for one in kept.each] == list(kept.left_out.labels)
    assert [Path(place).name for place in done.pictures] == ["one_answer.png", "search.png", "without_units.png"]
    units = Path(done.place).parent / "one_answer/coefficient_without_units/without_units.csv"
    rows = pd.read_csv(units, keep_default_na=False)
    assert len(rows) == 2 * 31
    # the page has every table of the report, and the numbers that its notes name
    assert main(["report", "one", "--out", "out"]) == 0
    titles = [grid.title for grid in done.table.grids]
    files = ["table.csv", "table_below.csv", *(f"table_below_{place}.csv" for place in range(2, len(titles)))]
    folder = Path("out/one") if Path("out/one").is_dir() else Path("out")
    for name, grid in zip(files, done.table.grids, strict=True):
        cells = pd.read_csv(folder / name, index_col=0, keep_default_na=False, dtype=str)
        assert len(cells) == len(grid.rows), name
        assert (Path(done.place).parent / name).is_file()
    assert (folder / "without_units.csv").read_bytes() == units.read_bytes()
    # a later command that asks for another number leaves these alone
    other = Composer(loader(), "one", ["report=one_answer", "report.quantity=direct"])
    assert sweep.run(other, plan(other)).parent_id == done.parent_id
    stored = recorded.sweep(Tracking(), "one")
    assert stored.supplement(EvidenceRequest("direct", None, leave_out=False)) is not None
    again = stored.supplement(EvidenceRequest("coefficient", None, leave_out=True))
    assert again is not None
    assert again.to_json() == kept.to_json()
    assert stored.supplement(EvidenceRequest("coefficient", "x", leave_out=True)) is None
    # neither does a look without the fits, which has them where another command recorded them
    whole, without = (EvidenceRequest("coefficient", None, leave_out=leave_out) for leave_out in (True, False))
    look = Composer(loader(), "one", ["report=one_answer", "report.leave_out=false", "report.pictures=[]"])
    assert sweep.run(look, plan(look)).parent_id == done.parent_id
    stored = recorded.sweep(Tracking(), "one")
    again = stored.supplement(whole)
    assert again is not None
    assert again.to_json() == kept.to_json()
    assert rows["quantity"].unique().tolist() == ["coefficient"]
    assert rows["term"].unique().tolist() == ["ln_e"]
    # the file is beside a page of its own number alone
    assert main(["report", "one", "--out", "total", "report.quantity=direct", "report.leave_out=true"]) == 0
    assert not Path("total/without_units.csv").exists()
    said = Path("total/index.html").read_text(encoding="utf-8")
    assert "report=one_answer report.quantity=direct report.leave_out=true" in said
    # what an earlier version recorded in one place is read for its number
    old = units.parents[2]
    (units.parent / "one_answer.json").rename(old / "one_answer.json")
    shutil.rmtree(old / "one_answer")
    stored = recorded.sweep(Tracking(), "one")
    for request in (whole, without):
        again = stored.supplement(request)
        assert again is not None
        assert again.to_json() == kept.to_json()
    assert stored.supplement(EvidenceRequest("direct", None, leave_out=True)) is None
    # the joint test under the averages is the one of a curve
    curve = Composer(loader(), "one", ["report=curve", "report.draws=999", "report.pictures=[]"])
    tested = sweep.run(curve, plan(curve)).table
    assert tested is not None
    median, share, mean = (
        tested.cells.loc[f"joint test: {name}, p"].item() for name in ("median estimate", "share significant", "mean z")
    )
    sentence = (
        f"Joint test, 999 draws of no effect: p = {median} (median), {share} (share significant), {mean} (mean z)."
    )
    assert sentence in done.table.notes
