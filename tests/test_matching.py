"""A matched sample: scores of a logistic regression, neighbours of a plain loop, and what cannot be matched."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import digicarbon as dc
from digicarbon.__main__ import main
from digicarbon.errors import DigicarbonError
from digicarbon.numeric.matching import nearest, propensity
from digicarbon.panel import PanelDesign
from digicarbon.sample import Matched, Sample
from digicarbon.source import SimulatedPolicy
from digicarbon.spec import build

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
    assert main(["run", *words]) == 0
    shown = " ".join(capsys.readouterr().out.split())
    assert "for each 1 similar unit that never had it" in shown
    assert "SIMULATED data of 120 units and 15 years" in shown


def test_a_plain_sample_reads_its_query_alone() -> None:
    assert Sample(query="income > 0").variables == ("income",)
    assert matched(query="y > 0").variables == ("y", "income", "industry", "pilot")
