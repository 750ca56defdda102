"""A matched sample: scores of a logistic regression, neighbours of a plain loop, and what cannot be matched."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import classic as dc
import numpy as np
import pytest

from digicarbon import recorded
from digicarbon.__main__ import main
from digicarbon.diagnostic import Balance, Vif
from digicarbon.errors import ConfigError, DigicarbonError
from digicarbon.packs.policies.numeric.matching import by_kernel, nearest, propensity
from digicarbon.panel import PanelDesign
from digicarbon.sample import Matched, Sample
from digicarbon.source import SimulatedPolicy
from digicarbon.spec import build
from digicarbon.tracking import Tracking

COVARIATES = ["income", "industry"]


def panel(always: str = "refuse", **fields: Any) -> dc.Panel:
    inputs = SimulatedPolicy(**{"selection": 1.0, "never": 0.6, "n": 120, **fields}).load()
    policy = {"pilot": {"first": "adopted", "always": always}}
    return PanelDesign(policy=policy).assemble(inputs.frame, inputs.unit_name, inputs.time_name)


def matched(**fields: Any) -> Matched:
    node = {"_target_": "digicarbon.sample.Matched", "policy": "pilot", "covariates": COVARIATES, **fields}
    return build(node, Matched, "sample")


def test_the_score_solves_the_equations_of_the_likelihood() -> None:
    rng = np.random.default_rng(4)
    x = rng.standard_normal((200, 3)) * [1, 10, 0.1] + [0, 5, 2]
    treated = x[:, 0] + rng.logistic(size=200) > 0
    score = propensity(x, treated)
    assert score is not None
    residual = treated - 1 / (1 + np.exp(-score))
    np.testing.assert_allclose(np.column_stack([np.ones(200), x]).T @ residual, 0, atol=1e-6)


@pytest.mark.parametrize("case", ["apart", "constant", "twice"])
def test_there_is_no_score_where_there_is_no_estimate(case: str) -> None:
    x = np.random.default_rng(5).standard_normal((60, 2))
    treated = np.arange(60) % 2 == 0
    if case == "apart":
        treated = x[:, 0] > 0
    elif case == "constant":
        x[:, 1] = 3
    else:
        x[:, 1] = 2 * x[:, 0] + 1
    assert propensity(x, treated) is None


@pytest.mark.parametrize("k", [1, 2])
@pytest.mark.parametrize("replace", [True, False])
def test_neighbours_are_those_of_a_plain_loop(k: int, replace: bool) -> None:
    rng = np.random.default_rng(6)
    score, treated, width = rng.standard_normal(40), rng.random(40) < 0.4, 0.3
    expected: list[tuple[int, int]] = []
    used: set[int] = set()
    own = sorted(np.flatnonzero(treated), key=lambda i: -score[i])
    for i in [i for _ in range(1 if replace else k) for i in own]:
        free = [j for j in np.flatnonzero(~treated) if abs(score[i] - score[j]) <= width and j not in used]
        for j in sorted(free, key=lambda j: abs(score[i] - score[j]))[: k if replace else 1]:
            expected.append((i, j))
            used |= set() if replace else {j}
    assert nearest(score, treated, k, width, replace).tolist() == [list(pair) for pair in sorted(expected)]


def test_matching_balances_what_it_matches_on() -> None:
    one = panel()
    result = matched().matching(one)
    balance = result.balance
    assert balance["difference_before"].abs().max() > 0.3
    assert balance["difference_after"].abs().max() < balance["difference_before"].abs().max()
    kept = matched().apply(one)
    assert kept.units == tuple(np.array(result.units)[result.kept])
    assert len(kept.units) < len(one.units)
    assert kept.balanced


def test_units_without_a_match_are_counted_and_named() -> None:
    one = panel()
    result = matched(caliper=0.002).matching(one)
    lost = [unit for unit, own, kept in zip(result.units, result.treated, result.kept, strict=True) if own and not kept]
    (note,) = [note for note in matched(caliper=0.002).remarks(one) if note.code == "without_match"]
    assert (note["units"], note["every"]) == (len(lost), result.treated.sum())
    assert len(lost) > 6
    assert f"left out: {', '.join(lost[:6])} and {len(lost) - 6} more." in note.text()
    assert "、".join(lost[:6]) in note.text("zh")
    assert matched(caliper=None).remarks(one) == Sample().remarks(one) == ()


def test_the_balance_is_a_diagnostic_of_a_matched_sample_alone() -> None:
    one, sample = panel(), matched(method="kernel")
    diagnostic = Balance().with_balance(lambda: sample.balance(one))
    table = diagnostic.tables(sample.apply(one))["balance"]
    result = sample.matching(one)
    assert list(table.index) == COVARIATES
    expected = result.balance
    np.testing.assert_array_equal(table[list(expected.columns)], expected)
    once = matched(method="kernel", counts="once").matching(one)
    others = ~once.treated & once.kept
    np.testing.assert_allclose(once.balance["others_after"], once.means[others].mean())
    weights = result.weights[others]
    np.testing.assert_allclose(expected["others_after"], weights @ result.means[others].to_numpy() / weights.sum())
    assert abs(once.balance["others_after"] - expected["others_after"]).max() > 0.01
    assert Vif(model=dc.PanelRegression(y="y", x=("pilot",))).with_balance(lambda: None).table_names == ("vif",)
    with pytest.raises(ConfigError, match="only a matched sample has a balance of covariates; choose sample=matched"):
        Balance().with_balance(lambda: Sample().balance(one))


@pytest.mark.long
def test_a_run_shows_its_balance_and_who_has_no_match(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    words = ["run", "policy_did", "source.selection=1", "sample=matched", "sample.policy=pilot", "columns=null"]
    words += ["sample.covariates=[income,industry]", "diagnostic=balance", "report=policy_checks", "report.pictures=[]"]
    assert main([*words, "--notes"]) == 0
    shown = capsys.readouterr().out
    assert "Balance of covariates" in " ".join(shown.split())
    assert "13 of 171 units with Pilot policy have no match and are left out: u031" in " ".join(shown.split())
    assert main([*words, "report.language=zh", "--notes"]) == 0
    shown = capsys.readouterr().out
    assert "无需估计" in shown
    assert "协变量的平衡性" in shown
    assert "171个实施试点政策的个体中有13个没有匹配对象" in shown
    (run,) = recorded.sweep(Tracking(), "policy_did").run_ids.values()
    assert main(["rerun", run]) == 0


def test_means_are_of_the_years_before_anybody_has_the_policy() -> None:
    one = panel()
    early = one.period_codes < 5
    rising = one.with_columns({"z": one.column("income") + np.where(early, 0.0, 100 * one.column("pilot"))})
    first, second = (matched(covariates=[name]).matching(rising) for name in ("income", "z"))
    np.testing.assert_allclose(first.means["income"], second.means["z"])
    np.testing.assert_array_equal(first.pairs, second.pairs)


def test_units_with_the_policy_from_the_beginning_are_no_matches() -> None:
    one = panel("keep", cohorts=(2011,))
    start = np.where(one.unit_codes == 0, 1.0, one.column("pilot"))
    result = matched().matching(one.with_columns({"pilot": start}))
    assert one.units[0] not in result.units


def test_a_caliper_leaves_out_units_without_a_match() -> None:
    one = panel()
    counts = [int(matched(caliper=caliper).matching(one).kept.sum()) for caliper in (0.002, 0.2, None)]
    assert counts == sorted(counts)
    assert counts[0] < counts[2]


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"policy": "plot"}, "sample.policy: there is no policy 'plot'. Did you mean 'pilot'?"),
        ({"policy": "income"}, "sample.policy: 'income' is a share or a plain column"),
        ({"covariates": ["incom"]}, "sample.covariates: The panel has no column 'incom'. Did you mean 'income'?"),
        ({"covariates": ["pilot"]}, "sample.covariates: no propensity score from pilot"),
        ({"first": 2012}, "sample.policy: the sample has no year before 'pilot' begins anywhere"),
        ({"caliper": 1e-15}, "sample.caliper=1e-15: no unit has a match this near"),
        ({"query": "adopted > 0"}, "sample.policy: all units of the sample have 'pilot' at some time"),
        ({"covariates": ["gap"]}, "sample.covariates: gap has no value in any year before the policy for u001"),
        ({"query": "incom > 0"}, "sample.query"),
    ],
)
def test_what_cannot_be_matched_is_a_sentence(fields: dict[str, Any], words: str) -> None:
    one = panel()
    gap = np.where(one.unit_codes == 0, np.nan, one.column("income"))
    with pytest.raises(DigicarbonError) as raised:
        matched(**fields).rows(one.with_columns({"gap": gap}))
    assert words in str(raised.value)
    assert any("\u4e00" <= letter <= "\u9fff" for letter in raised.value.said.text("zh"))


def test_a_matched_sample_in_an_empty_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    words = (
        *("source=simulated_policy", "source.n=120", "source.selection=1", "measure=none", "outcome=none"),
        *("model=twfe", "model.y=y", "model.x=[pilot]", "model.controls=[]", "inference=cluster"),
        *("panel.policy={pilot: adopted}", "+panel.derive.gap=income - industry", "executor=sequential"),
        *("sample=matched", "sample.policy=pilot", "sample.covariates=[income,gap]"),
    )
    assert main(["run", *words, "--notes"]) == 0
    shown = " ".join(capsys.readouterr().out.split())
    assert "for each 1 similar unit that never had it" in shown
    assert "SIMULATED data of 120 units and 15 years" in shown


WORDS = (
    *("source=simulated_policy", "source.n=120", "source.selection=1", "source.never=0.6", "measure=none"),
    *("outcome=none", "model.y=y", "model.controls=[]", "inference=cluster", "panel.policy={pilot: adopted}"),
    *("executor=sequential", "sample=matched", "sample.policy=pilot", "sample.covariates=[income,industry]"),
)


@pytest.mark.parametrize("counts", ["matches", "once"])
def test_units_count_in_the_regression_as_they_are_matches(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], counts: str
) -> None:
    """A unit that is the match of five counts five times, unless each is to count once."""
    monkeypatch.chdir(tmp_path)
    one = panel(n=120, never=0.6)
    sample = matched(counts=counts)
    weights = sample.matching(one).weights
    assert weights.max() >= 3
    taken = "pilot_weight" if counts == "matches" else None
    expected = dc.DiD(y="y", policy="pilot", observation_weights=taken).fit(sample.apply(one))
    assert main(["run", *WORDS, "model=did", f"sample.counts={counts}", "diagnostic=placebo_space", "--notes"]) == 0
    shown = " ".join(capsys.readouterr().out.split())
    (run,) = recorded.sweep(Tracking(), "digicarbon").records
    np.testing.assert_allclose(run.result.coef, expected.coef, rtol=1e-10)
    np.testing.assert_allclose(run.result.covariance, expected.covariance, rtol=1e-10)
    # a diagnostic of the model weighs as the model does
    assert run.result.tables["placebo_space"]["coef"].iloc[0] == pytest.approx(expected.coef[0], rel=1e-10)
    said = "count as much as they are matches" if counts == "matches" else "Each unit counts once in the regression"
    assert said in shown


@pytest.mark.long
def test_a_model_without_weights_of_rows_is_refused_before_the_fit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    cases = {
        ("model=sdm", "model.x=[pilot]", "weights=delaunay"): "SpatialPanel takes no weights of rows",
        ("model=synthetic_did",): "observation_weights is not used by estimator=synthetic_did",
        (
            "model=did",
            "model.observation_weights=size",
            "+panel.derive.size=2 + income**2",
        ): "and by size (model.observation_weights)",
    }
    for model, words in cases.items():
        assert main(["check", *WORDS, *model]) == 2
        shown = " ".join("".join(capsys.readouterr()).split())
        assert words in shown
        assert "sample.counts=once" in shown
        assert main(["check", *WORDS, *model, "sample.counts=once"]) == 0
        capsys.readouterr()
    # without replacement one match counts once anyway
    assert main(["check", *WORDS, "sample.replace=false", "model=synthetic_did"]) == 0


def test_covariates_that_are_less_alike_than_before_are_named() -> None:
    one = panel()
    rng = np.random.default_rng(2)
    noise = rng.standard_normal(len(one.units))
    # one covariate decides, the other is balanced by chance before
    ever = np.array([one.column("pilot")[one.unit_codes == unit].max() for unit in range(len(one.units))])
    noise -= np.where(ever > 0, noise[ever > 0].mean(), noise[ever == 0].mean())
    sample = matched(covariates=["income", "noise"])
    found = one.with_columns({"noise": noise[one.unit_codes]})
    balance = sample.balance(found)
    assert abs(balance.loc["noise", "difference_before"]) < abs(balance.loc["noise", "difference_after"])
    (note,) = [note for note in sample.remarks(found) if note.code == "balance_worse"]
    before, after = balance.loc["noise", ["difference_before", "difference_after"]]
    assert f"noise {before:.2f}, then {after:.2f}" in note.text()
    assert "income" not in note.text()


def test_a_plain_sample_reads_its_query_alone() -> None:
    assert Sample(query="income > 0").variables == ("income",)
    assert matched(query="y > 0").variables == ("y", "income", "industry", "pilot")


@pytest.mark.parametrize("kernel", ["epanechnikov", "gaussian"])
def test_shares_of_a_kernel_are_those_of_a_plain_loop(kernel: str) -> None:
    rng = np.random.default_rng(7)
    score, treated = rng.standard_normal(40), np.arange(40) % 3 == 0
    pairs, shares = by_kernel(score, treated, 0.3, kernel)
    found = {(int(i), int(j)): float(share) for (i, j), share in zip(pairs, shares, strict=True)}
    for i in np.flatnonzero(treated):
        heights = {}
        for j in np.flatnonzero(~treated):
            u = abs(score[i] - score[j]) / 0.3
            height = max(0.0, 1 - u * u) if kernel == "epanechnikov" else np.exp(-u * u / 2)
            if height > 1e-12:
                heights[int(j)] = height
        for j, height in heights.items():
            assert found.pop((int(i), j)) == pytest.approx(height / sum(heights.values()))
    assert not found


def test_weights_of_neighbours_count_their_units() -> None:
    """1 of units with the policy; of another the sum of its shares, so that both groups weigh the same."""
    result = matched(neighbours=2).matching(panel())
    expected = np.where(result.treated & result.kept, 1.0, 0.0)
    for unit in np.unique(result.pairs[:, 0]):
        own = result.pairs[result.pairs[:, 0] == unit, 1]
        expected[own] += 1 / len(own)
    np.testing.assert_allclose(result.weights, expected)
    assert result.weights[~result.treated].sum() == pytest.approx(result.weights[result.treated].sum())
    assert ((result.weights > 0) == result.kept).all()


def test_a_kernel_balances_covariates() -> None:
    result = matched(method="kernel", bandwidth=0.3).matching(panel())
    balance = result.balance
    assert (balance["difference_after"].abs() < 0.25 * balance["difference_before"].abs()).all()
    values, weights = result.means["income"].to_numpy(), result.weights
    others = ~result.treated
    mean = (values[others] * weights[others]).sum() / weights[others].sum()
    assert balance.loc["income", "others_after"] == pytest.approx(mean)


def test_a_model_takes_the_weights_of_a_matched_sample() -> None:
    whole = panel()
    for fields in ({"method": "kernel"}, {"method": "kernel", "kernel": "gaussian"}, {}):
        sample = matched(**fields)
        chosen = sample.apply(whole)
        weights, result = chosen.column("pilot_weight"), sample.matching(whole)
        kept = dict(zip(result.units, result.weights.tolist(), strict=True))
        assert weights.tolist() == [kept[chosen.units[code]] for code in chosen.unit_codes]
        assert (weights > 0).all()
        fields = {"y": "y", "policy": "pilot", "estimator": "callaway_santanna"}
        found = dc.DiD(**fields, observation_weights="pilot_weight").fit(chosen)
        assert found.coef[0] != dc.DiD(**fields).fit(chosen).coef[0]
    with pytest.raises(DigicarbonError, match="have a column of this name"):
        sample.apply(whole.with_columns({"pilot_weight": whole.column("pilot")}))
    with pytest.raises(DigicarbonError, match="larger bandwidth"):
        matched(method="kernel", bandwidth=1e-9).matching(whole)


def test_weights_are_there_in_a_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    words = [
        *("source=simulated_policy", "source.selection=1", "source.n=60", "measure=none", "outcome=none"),
        *("panel.policy={pilot: adopted}", "sample=matched", "sample.policy=pilot", "sample.method=kernel"),
        *("sample.covariates=[income,industry]", "sample.winsorise=[0.05,0.05]", "model=callaway_santanna"),
        *("model.y=y", "model.controls=[]", "model.observation_weights=pilot_weight", "inference=cluster"),
        "executor=sequential",
    ]
    assert main(["run", *words]) == 0
    assert "Epanechnikov" in capsys.readouterr().out
