"""Parts of a multiverse: each is what an experiment with these values alone would be; and what a claim is judged by."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from digicarbon.errors import ConfigError
from digicarbon.report import Record, SignTable, SpecificationCurve
from digicarbon.report.claim import Claim, claim_of, judged, percent
from digicarbon.report.kinds import KINDS, Kind, Multiverse, Part, multiverse_of
from digicarbon.result import Result
from digicarbon.tracking import Planned, Roster

VALUES = {"a": ("a1", "a2", "a3"), "b": ("b1", "b2"), "c": ("c1", "c2")}


def roster(runs: Sequence[Planned], kinds: Mapping[str, str], claim: Mapping[str, Any] | None = None) -> Roster:
    named = {key: {"kind": kind, "values": list(VALUES[key])} for key, kind in kinds.items()}
    return Roster(runs, kinds={"named": named, "unnamed": []} if named else {}, claim=claim or {})


@st.composite
def rosters(draw: st.DrawFn) -> Roster:
    """Runs of a full grid, some left out, with choices that have no effect on some."""
    kinds = {key: draw(st.sampled_from(KINDS)) for key in VALUES}
    runs: dict[str, Planned] = {}
    for values in itertools.product(*VALUES.values()):
        if draw(st.integers(0, 5)) == 0:
            continue
        chosen = dict(zip(VALUES, values, strict=True))
        # c has no effect on runs with b1, as weights have none on a model without W
        lacking = ("c",) if chosen["b"] == "b1" else ()
        label = ", ".join(f"{key}={value}" for key, value in chosen.items() if key not in lacking)
        shown = {key: "none" if key in lacking else value for key, value in chosen.items()}
        runs.setdefault(label, Planned(label, label, {}, shown, lacking=lacking))
    return roster(list(runs.values()), kinds)


@settings(max_examples=120, deadline=None)
@given(rosters())
def test_a_part_has_the_runs_of_an_experiment_with_its_values_alone(content: Roster) -> None:
    multiverse = multiverse_of(content)
    assert multiverse is not None
    dividing = {key for key in VALUES if multiverse.kind(key) != "equivalent"}
    every: set[str] = set()
    for part in multiverse.parts:
        assert set(part.choices) == dividing or not content.runs
        own = {
            run.label
            for run in content.runs
            if all(key in run.lacking or run.values[key] == value for key, value in part.choices.items())
        }
        assert part.labels == own
        every |= own
        main = all(
            value == VALUES[key][0] for key, value in part.choices.items() if multiverse.kind(key) == "nonequivalent"
        )
        assert part.main == main
        labels = [run.label for run in content.runs]
        assert [label for label, there in zip(labels, part.of(labels), strict=True) if there] == [
            label for label in labels if label in own
        ]
    assert every == {run.label for run in content.runs}
    assert len({part.name for part in multiverse.parts}) == len(multiverse.parts)


def test_a_fit_of_several_values_is_in_the_part_of_each() -> None:
    runs = [Planned("x", "x", {}, {"a": "a1"}, also=({"a": "a2"},)), Planned("y", "y", {}, {"a": "a3"})]
    found = multiverse_of(roster(runs, {"a": "uncertain"}))
    assert found is not None
    assert {part.name: set(part.labels) for part in found.parts} == {"a=a1": {"x"}, "a=a2": {"x"}, "a=a3": {"y"}}


def test_without_kinds_and_claim_there_are_no_parts(tmp_path: Any) -> None:
    runs = [Planned("x", "x", {}, {"a": "a1"})]
    assert multiverse_of(roster(runs, {})) is None
    alone = multiverse_of(roster(runs, {}, {"quantity": "direct"}))
    assert alone is not None
    assert alone.whole
    path = tmp_path / "runs.parquet"
    content = roster(runs, {"a": "uncertain"}, {"quantity": "direct", "sign": "negative", "share": 0.5})
    path.write_bytes(content.to_bytes())
    again = Roster.read(path)
    assert (again.kinds, again.claim, again.lost) == (content.kinds, content.claim, 0)


# ---- reports


def record(label: str, coef: float, p: float = 0.01, **varied: Any) -> Record:
    from scipy.stats import norm

    se = abs(coef) / norm.isf(p / 2)
    result = Result(
        "ols", "ln_y", focal=("ln_x",), terms=("ln_x",), coef=np.array([coef]), covariance=np.array([[se**2]])
    )
    return Record(label, {}, varied, result)


def sweep_of(kinds: Mapping[str, str], seed: int = 1) -> tuple[list[Record], Multiverse]:
    rng = np.random.default_rng(seed)
    records = []
    for values in itertools.product(*VALUES.values()):
        chosen = dict(zip(VALUES, values, strict=True))
        label = ", ".join(f"{key}={value}" for key, value in chosen.items())
        records.append(record(label, float(rng.normal(-0.3)), float(rng.uniform(0.001, 0.2)), **chosen))
    planned = [Planned(one.label, one.label, {}, one.varied) for one in records]
    multiverse = multiverse_of(roster(planned, kinds))
    assert multiverse is not None
    return records, multiverse


def test_each_column_of_a_curve_is_the_table_of_its_part_alone() -> None:
    kinds = {"a": "uncertain", "b": "nonequivalent"}
    records, multiverse = sweep_of(kinds)
    spec = SpecificationCurve(language=None)
    table = spec.with_multiverse(multiverse).table("t", records)
    assert list(table.cells.columns) == ["a=a1", "a=a2", "a=a3"]
    moves = {}
    below = table.below
    assert below is not None
    apart = below
    while below.below is not None:
        below = below.below
        moves[below.title] = below
    for value in VALUES["a"]:
        own = [one for one in records if one.varied["a"] == value and one.varied["b"] == "b1"]
        alone = spec.table("t", own)
        assert table.cells[f"a={value}"].tolist() == alone.cells["all"].tolist()
        assert alone.below is not None
        assert moves[f"What moves the result: a={value}"].cells.equals(alone.below.cells)
        # runs with another value of b, each combination by itself
        others = [one for one in records if one.varied["a"] == value and one.varied["b"] == "b2"]
        coef = np.array([one.result.coef[0] for one in others])
        line = apart.cells.loc[f"a={value}, b=b2"]
        assert line["specifications"] == str(len(others))
        assert float(line["median"]) == pytest.approx(np.median(coef), abs=5e-5)


@pytest.mark.long
def test_more_parts_than_fit_have_a_picture_each(monkeypatch: pytest.MonkeyPatch) -> None:
    records, multiverse = sweep_of({"b": "uncertain", "c": "nonequivalent"})
    spec = SpecificationCurve(pictures=("svg",)).with_multiverse(multiverse)
    (picture,) = spec.files("t", records).values()
    # two panels, and the count below the picture
    assert picture.decode().count("shown apart") == 3
    monkeypatch.setattr("digicarbon.report.specification_curve.MOST_PANELS", 3)
    assert list(spec.files("t", records)) == ["curve_1.svg", "curve_2.svg"]


def test_kinds_that_are_all_equivalent_change_no_number() -> None:
    records, multiverse = sweep_of(dict.fromkeys(VALUES, "equivalent"))
    for spec in (SpecificationCurve(facet="c"), SignTable()):
        plain, kinds = spec.table("t", records), spec.with_multiverse(multiverse).table("t", records)
        assert plain.cells.equals(kinds.cells)
        assert plain.rules == kinds.rules
        assert plain.below is not None
        assert kinds.below is not None
        assert plain.below.cells.equals(kinds.below.cells)
        assert plain.notes == kinds.notes


def test_signs_are_counted_within_a_part() -> None:
    records, multiverse = sweep_of({"a": "uncertain", "b": "nonequivalent"})
    table = SignTable(language=None).with_multiverse(multiverse).table("t", records)
    for value in VALUES["a"]:
        own = [one for one in records if one.varied["a"] == value and one.varied["b"] == "b1"]
        alone = SignTable(language=None).table("t", own)
        assert table.cells.loc[f"a={value}"].tolist() == alone.cells.loc["all"].tolist()
        assert table.cells.loc[f"a={value}, c=c1"].tolist() == alone.cells.loc["c=c1"].tolist()
        assert table.cells.loc[f"shown apart: a={value}, b=b2", "runs"] == "2"
    assert "all" not in table.cells.index


# ---- claims


def claim(share: float, **more: Any) -> Claim:
    found = claim_of({"quantity": "coefficient", "sign": "negative", "share": share, **more})
    assert found is not None
    return found


def outcome(share: float, negative: int, positive: int, failed: int = 0, **more: Any) -> str:
    """What becomes of a claim about so many runs; those that failed have no record."""
    records = [record(f"n{place}", -1.0 - place) for place in range(negative)]
    records += [record(f"p{place}", 1.0 + place) for place in range(positive)]
    labels = [*(one.label for one in records), *(f"f{place}" for place in range(failed))]
    multiverse = multiverse_of(roster([Planned(label, label, {}, {}) for label in labels], {}, {"share": share}))
    assert multiverse is not None
    return judged(claim(share, **more), multiverse, records, {}).outcome


@settings(max_examples=200, deadline=None)
@given(st.integers(1, 12), st.data())
def test_exactly_the_share_is_enough_and_one_run_less_is_not(runs: int, data: st.DataObject) -> None:
    tenths = data.draw(st.integers(1, 99))
    share = float(f"0.{tenths:02d}")
    negative = data.draw(st.integers(0, runs))
    expected = "holds" if 100 * negative >= tenths * runs else "fails"
    assert outcome(share, negative, runs - negative) == expected


def test_failed_runs_count_against_a_claim_and_leave_it_open_where_they_could_decide() -> None:
    assert outcome(0.8, negative=8, positive=2) == "holds"
    # 8 of 11; with the failed one 9 of 11
    assert outcome(0.8, negative=8, positive=2, failed=1) == "open"
    # even with it 8 of 11
    assert outcome(0.8, negative=7, positive=3, failed=1) == "fails"
    assert outcome(0.8, negative=9, positive=0, failed=1) == "holds"
    assert outcome(0.8, negative=0, positive=0, failed=3) == "open"


def test_a_claim_of_significance_counts_small_p_values_alone() -> None:
    records = [record("s", -1.0, 0.01), record("t", -1.0, 0.2)]
    multiverse = multiverse_of(roster([Planned(one.label, one.label, {}, {}) for one in records], {}, {"share": 1}))
    assert multiverse is not None
    found = {level: judged(claim(0.6, significant=level), multiverse, records, {}) for level in (0.05, 0.3)}
    assert [one.outcome for one in found.values()] == ["fails", "holds"]
    assert found[0.05].verdicts[0].count == "1 of 2"
    assert found[0.05].tags == {"digicarbon.claim": "does not hold", "digicarbon.claim_count": "1 of 2"}


def test_a_claim_must_hold_in_each_part_and_not_where_runs_are_shown_apart() -> None:
    records, multiverse = sweep_of({"a": "uncertain", "b": "nonequivalent"})
    changed = [
        record(one.label, 1.0 if one.varied["a"] == "a2" or one.varied["b"] == "b2" else -1.0, **one.varied)
        for one in records
    ]
    found = judged(claim(1.0), multiverse, changed, {})
    assert {verdict.part.name: verdict.outcome for verdict in found.verdicts} == {
        "a=a1": "holds",
        "a=a2": "fails",
        "a=a3": "holds",
    }
    assert found.outcome == "fails"
    table = SpecificationCurve().with_multiverse(multiverse, found).table("t", changed)
    assert table.cells.loc["claim"].tolist() == ["holds", "does not hold", "holds"]
    chinese = SpecificationCurve(language="zh").with_multiverse(multiverse, found).table("t", changed)
    assert chinese.cells.loc["主张"].tolist() == ["成立", "不成立", "成立"]
    assert chinese.cells.loc["主张：相符的设定"].tolist() == [
        "2个中的2个 (100%)",
        "2个中的0个 (0%)",
        "2个中的2个 (100%)",
    ]


@pytest.mark.parametrize(("quantity", "sign"), [("coefficient", "positive"), ("indirect", "negative")])
def test_the_sign_of_what_is_shown_apart_is_that_of_a_claim_about_the_same_number(quantity: str, sign: str) -> None:
    records, multiverse = sweep_of({"b": "nonequivalent"})
    changed = [record(one.label, -1.0 - place, **one.varied) for place, one in enumerate(records)]
    found = judged(claim(1.0, quantity=quantity, sign="positive"), multiverse, changed, {})
    apart = SpecificationCurve(language=None).with_multiverse(multiverse, found).table("t", changed).below
    assert apart is not None
    assert set(apart.cells["Sign"]) == {sign}


def test_a_run_without_the_number_is_not_counted() -> None:
    runs = [Planned(label, label, {}, {}) for label in ("x", "y")]
    multiverse = multiverse_of(roster(runs, {}, {"share": 1}))
    assert multiverse is not None
    other = Result(
        "ols", "ln_y", focal=("ln_x",), terms=("ln_x",), coef=np.array([-1.0]), covariance=np.array([[0.01]])
    )
    records = [Record(label, {}, {}, other) for label in ("x", "y")]
    (verdict,) = judged(claim(1.0, quantity="indirect"), multiverse, records, {}).verdicts
    assert (verdict.without, verdict.unknown, verdict.outcome) == (2, 0, "open")


@pytest.mark.parametrize(
    ("node", "sentence"),
    [
        ({"sign": "negative", "share": 0.8}, "claim.quantity is missing"),
        ({"quantity": "direct", "sign": "negativ", "share": 0.8}, "Did you mean 'negative'?"),
        ({"quantity": "direct", "sign": "-", "share": 0.8}, "Did you mean 'negative'?"),
        ({"quantity": "direct", "sign": "negative", "share": 80}, "For 80 % write 0.8"),
        ({"quantity": "direct", "sign": "negative", "share": 0}, "above 0 and up to 1; got 0"),
        ({"quantity": "direct", "sign": "negative", "share": True}, "got True"),
        ({"quantity": "direct", "sign": "negative", "share": 0.8, "significant": 5}, "For 5 % write 0.05"),
        ({"quantity": "direct", "sign": "negative", "share": 0.8, "level": 0.05}, "claim.level: a claim has no such"),
        ({"quantity": ["direct"], "sign": "negative", "share": 0.8}, "claim.quantity is a name"),
    ],
)
def test_mistakes_in_a_claim_are_sentences(node: Mapping[str, Any], sentence: str) -> None:
    with pytest.raises(ConfigError) as error:
        claim_of(node)
    assert sentence in str(error.value)


def test_a_percentage_is_100_or_0_only_if_it_is_exact() -> None:
    assert [percent(share) for share in (1.0, 0.99999, 0.875, 0.8, 0.00001, 0.0)] == [
        *("100%", "99.999%", "87.5%", "80%", "0.001%", "0%"),
    ]


def test_an_option_without_words_stands_alone_beside_one_that_has_words() -> None:
    def heads(*weights: str, **labels: str) -> list[str]:
        parts = tuple(Part(f"weights={one}", {"weights": one}, True, frozenset({one})) for one in weights)
        multiverse = Multiverse({"weights": Kind("uncertain", weights)}, parts)
        report = SpecificationCurve(labels=labels).with_multiverse(multiverse)
        return [report.words.head(part.name) for part in parts]

    assert heads("borders", "k_nearest") == ["borders", "nearest neighbours"]
    assert heads("borders", "k_nearest", **{"weights=borders": "Common border"}) == [
        *("Common border", "nearest neighbours"),
    ]
    # what has no words at all needs the choice
    assert heads("borders", "rivers") == ["Spatial weights: borders", "Spatial weights: rivers"]
