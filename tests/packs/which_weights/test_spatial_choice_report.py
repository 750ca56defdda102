"""The table of models and weights: groups, probabilities, Vuong against the best, pictures."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from digicarbon.errors import ConfigError
from digicarbon.note import Note
from digicarbon.packs.which_weights.numeric.rivals import vuong
from digicarbon.render import Table
from digicarbon.report import Labels, Record, SpatialChoiceTable
from digicarbon.report.pictured import chance
from digicarbon.result import Effects, Inference, Result, Role

WORD = Labels().word
UNITS = [f"u{place}" for place in range(12)]
RNG = np.random.default_rng(5)
PARTS = {name: RNG.normal(-1, 0.2, 12) for name in ("sar w1", "sem w1", "sar w2", "sem w2", "sdm w1")}


def record(kind: str, weights: str, log_marginal: float, data: float = 1.0, **facts: float) -> Record:
    """A run with what the report reads."""
    own = {"log_marginal": log_marginal, "loglik": -12.0, "aic": 30.0, "bic": 33.0, "parameters": 4.0}
    own |= {"observations": 48.0, "data": data, "flat": 0.0} | facts
    names = pd.MultiIndex.from_tuples([(kind.upper(), "own"), ("SLX", "own"), ("SDEM", "own")])
    rows = {"gain_p": [np.nan, 0.2, 0.04], "j_p": [np.nan, 0.6, np.nan]}
    result = Result(
        kind=kind,
        y="y",
        focal=("x",),
        terms=("x", "sigma2"),
        coef=np.ones(2),
        covariance=np.eye(2),
        inference=Inference(None, 0.95),
        statistics={},
        roles=(Role(), Role("variance")),
        absorbed=("unit",),
        tables={
            "spatial_choice": pd.DataFrame(rows, names),
            "spatial_choice_run": pd.DataFrame([own], pd.Index([kind.upper()])),
            "spatial_choice_units": pd.DataFrame({"loglik": PARTS.get(f"{kind} {weights}", PARTS["sar w1"])}, UNITS),
        },
    )
    varied = {"model.kind": kind, "weights": weights}
    label = f"model.kind={kind}, weights={weights}"
    return Record(label, {"model": "sar", "weights": weights}, varied, result)


def four() -> list[Record]:
    return [
        record("sar", "w1", -100.0),
        record("sem", "w1", -100.0 + np.log(6)),
        record("sar", "w2", -100.0 + np.log(2)),
        record("sem", "w2", -100.0),
    ]


def report(**fields: Any) -> SpatialChoiceTable:
    return SpatialChoiceTable(**{"language": None, "pictures": ("png",)} | fields)


def below(table: Table) -> list[Table]:
    return [table, *([] if table.below is None else below(table.below))]


def test_most_probable_first() -> None:
    """Probabilities, Vuong's z against the best, and the smallest p times the number of rivals."""
    table = report().table("", four())
    cells = table.cells
    assert cells[WORD("probability")].tolist() == ["0.600", "0.200", "0.100", "0.100"]
    assert cells.index[0] == "model.kind=sem, weights=w1"
    z, p = vuong(PARTS["sar w2"], PARTS["sem w1"])
    assert cells[WORD("vuong")].tolist()[:2] == ["", f"{z:.3f}"]
    assert cells[WORD("vuong_p")].iloc[1] == f"{p:.3f}"
    assert set(cells[WORD("gain_p")]) == {"0.080"}
    assert set(cells[WORD("j_p")]) == {"0.600"}


def test_given_one_choice() -> None:
    """Probabilities of pairs with sums, of models given W, of W given the model."""
    _, pairs, kinds, weights = below(report().table("", four()))
    assert pairs.cells.loc["SAR"].tolist() == ["0.100", "0.200", "0.300"]
    assert pairs.cells.loc["all"].tolist() == ["0.700", "0.300", "1.000"]
    assert kinds.cells.loc["SEM"].tolist() == ["0.857", "0.333"]
    assert weights.cells.loc["SEM"].tolist() == ["0.857", "0.143"]


def test_a_model_is_never_certain() -> None:
    assert [chance(value, 3) for value in (1.0, 0.99951, 0.9994, 0.0006, 1e-9, 0.0)] == [
        *("> 0.999", "> 0.999", "0.999", "0.001", "< 0.001", "< 0.001")
    ]
    cells = report().table("", [record("sdm", "w1", -50.0), *four()]).cells[WORD("probability")].tolist()
    assert cells == ["> 0.999", *["< 0.001"] * 4]


def test_shares_of_a_single_candidate_are_empty() -> None:
    """W2 has one model, so that it has no probability given W2; its part of all pairs stays."""
    _, pairs, kinds, weights = below(report().table("", four()[:3]))
    assert pairs.cells.loc["SAR"].tolist() == ["0.111", "0.222", "0.333"]
    assert kinds.cells.T.iloc[1].tolist() == ["", ""]
    assert weights.cells.loc["SEM"].tolist() == ["", ""]
    assert weights.cells.loc["SAR"].tolist() == ["0.333", "0.667"]


def test_likelihoods_have_the_power_of_the_largest_model() -> None:
    """k is that of the run with most slopes; the milder prior has a column of its own."""
    log, highest = np.array([-100.0, -98.0, -97.0]), np.array([-90.0, -86.0, -84.0])
    facts = [{"design_effect": 9.0, "slopes": 2.0}, {"design_effect": 3.0, "slopes": 4.0}]
    facts.append({"design_effect": 2.0, "slopes": 4.0})
    runs = [
        record(kind, "w1", own, loglik=top, log_marginal_mild=own + 1.0 * place, **more)
        for place, (kind, own, top, more) in enumerate(zip(("sar", "sem", "sdm"), log, highest, facts, strict=True))
    ]
    table = report(language="en").table("", runs)
    for name, height in (("probability", log), ("probability_mild", log + np.arange(3))):
        weight = np.exp(height - 2 / 3 * highest)
        shares = {kind: share for kind, share in zip(("SAR", "SEM", "SDM"), weight / weight.sum(), strict=True)}
        cells = table.cells[Labels(language="en").word(name)]
        assert sorted(cells) == sorted(f"{share:.3f}" for share in shares.values())
    assert Note("spatial_choice_k", k=("3.00",)).text() in table.notes
    assert Note("spatial_choice_no_k").text() in report(language="en").table("", four()).notes


def test_effects_are_averaged() -> None:
    """Mean and sd of the mixture by plain sums, over the runs that have the effect."""
    effects = [(0.4, 0.1), (0.7, 0.2), (0.1, 0.3)]
    runs = [
        replace(
            one,
            result=replace(
                one.result,
                spatial_effects=Effects(("x",), *(np.full((3, 1), value) for value in pair)),
            ),
        )
        for one, pair in zip(four(), effects, strict=False)
    ]
    _, averaged, *_ = below(report(language="en").table("", [*runs, four()[3]]))
    weights = [1 / 9, 6 / 9, 2 / 9]
    mean = sum(w * b for w, (b, _) in zip(weights, effects, strict=True))
    sd = sum(w * (s**2 + (b - mean) ** 2) for w, (b, s) in zip(weights, effects, strict=True)) ** 0.5
    assert averaged.cells.to_numpy().tolist() == [[f"{mean:.3f}", f"{sd:.3f}"]] * 3
    assert Note("spatial_choice_effects_lack", runs=3, every=4).text() in averaged.notes


def test_a_model_within_another_has_no_vuong() -> None:
    """SAR and SDM of one W are nested, those of two W are not."""
    table = report().table("", [record("sdm", "w1", -90.0), record("sar", "w1", -95.0), record("sar", "w2", -96.0)])
    assert [cell != "" for cell in table.cells[WORD("vuong")]] == [False, False, True]


def test_groups_are_not_compared() -> None:
    """Other data, another prior and other effects make a group of their own; a run alone has no probability."""
    alone = record("sar", "w1", -50.0, data=2.0)
    flat = record("sar", "w1", -70.0, flat=1.0)
    time = four()[0]
    time = replace(time, result=replace(time.result, absorbed=("time",)))
    table = report().table("", [*four(), alone, flat, time])
    assert table.cells[WORD("spatial_choice group")].tolist() == ["1", "1", "1", "1", "2", "3", "4"]
    assert table.cells[WORD("probability")].tolist()[4:] == [""] * 3
    alone_note = Note("spatial_choice_alone").text()
    assert alone_note in report(language="en").table("", [*four(), alone]).notes
    assert alone_note not in report(language="en").table("", four()).notes
    assert table.rules == (4, 5, 6)
    assert any("4" in note for note in table.notes)


def test_rows_are_limited() -> None:
    """Of more runs the most probable ones are shown, with their probabilities among all."""
    table = report(most_runs=2).table("", four())
    assert table.cells[WORD("probability")].tolist() == ["0.600", "0.200"]
    assert any("2 of 4" in note for note in report(most_runs=2, language="en").table("", four()).notes)


def test_a_fit_of_two_columns_counts_once() -> None:
    """A column that repeats a fit is no further model."""
    records = four()
    table = report().table("", [*records, replace(records[1], again=True)])
    assert table.cells[WORD("probability")].tolist() == ["0.600", "0.200", "0.100", "0.100"]


def test_probabilities_beforehand() -> None:
    """Posterior odds are those of the likelihoods times those beforehand, which have a column."""
    cells = report(prior_models={"sar": 3, "sem": 1}, prior_weights={"w1": 1, "w2": 2}).table("", four()).cells
    # likelihoods 1, 6, 2, 1 times 3, 1, 6, 2
    assert cells[WORD("probability")].tolist() == ["0.522", "0.261", "0.130", "0.087"]
    assert cells[WORD("prior_probability")].tolist() == ["0.500", "0.083", "0.250", "0.167"]
    equal = report().table("", four())
    assert WORD("prior_probability") not in equal.cells
    same = report(prior_models={"sar": 0.5, "sem": 0.5}).table("", four()).cells
    assert same[WORD("probability")].tolist() == equal.cells[WORD("probability")].tolist()
    assert set(same[WORD("prior_probability")]) == {"0.250"}
    for fields, missing in (({"prior_models": {"sar": 1}}, "sem"), ({"prior_weights": {"w2": 1}}, "w1")):
        with pytest.raises(ConfigError, match=f"no probability of {missing}"):
            report(**fields).table("", four())
    with pytest.raises(ConfigError):
        report(prior_models={"sar": 0, "sem": 1})


def test_notes_explain_what_is_there() -> None:
    """Empty p values have a reason; without tests nothing is said of them."""
    tested = [
        replace(one, result=replace(one.result, notes=(Note("spatial_choice_tests", draws=99),))) for one in four()
    ]
    smallest, start = Note("spatial_choice_smallest").text(), "No p of J ("
    assert smallest in report(language="en").table("", tested).notes
    assert not [note for note in report(language="en").table("", tested).notes if note.startswith(start)]
    first = tested[0].result.tables
    without = {**first, "spatial_choice": first["spatial_choice"].assign(j_p=np.nan)}
    empty = [replace(tested[0], result=replace(tested[0].result, tables=without)), *tested[1:]]
    shown = report(language="en").table("", empty)
    lacking = [label for label, p in shown.cells[WORD("j_p")].items() if not p]
    assert 0 < len(lacking) < len(shown.cells)
    own = [note for note in shown.notes if note.startswith(start)]
    assert [note.split("):")[0] for note in own] == [start + ", ".join(map(str, lacking))]
    plain = report(language="en").table("", four()).notes
    assert smallest not in plain
    assert not [note for note in plain if note.startswith(start)]


def test_picture() -> None:
    """One file in each format; none where nothing is compared."""
    assert list(report(pictures=("png", "svg")).files("", four())) == ["spatial_choice.png", "spatial_choice.svg"]
    assert report().files("", four()[:1]) == {}
    assert report(pictures=()).files("", four()) == {}
    many = [record("sar", f"w{place}", -100.0 - place) for place in range(12)]
    assert report().files("", many)["spatial_choice.png"][:4] == b"\x89PNG"


def test_without_the_diagnostic() -> None:
    """A sentence says which diagnostic to add."""
    plain = four()[0]
    with pytest.raises(ConfigError, match="add diagnostic=spatial_choice"):
        report().table("", [replace(plain, result=replace(plain.result, tables={}))])
