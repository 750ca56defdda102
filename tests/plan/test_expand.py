"""Large grids: what is excluded and drawn equals a list of every point, without one; labels are unique."""

from __future__ import annotations

import itertools
import random
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from digicarbon.config.compose import Composer, loader
from digicarbon.errors import ConfigError
from digicarbon.plan.choice import Choice, unique_texts
from digicarbon.plan.exclude import Remaining, remaining
from digicarbon.plan.expand import expand, read_overrides

GRID = (
    "columns: {A: {measure: ddl, model.level: 0.9}, B: {measure: ide}}\n"
    "zip: {model: [twfe, sdm, sar], weights: [w1_adjacency, w2_nested, w1_adjacency]}\n"
    "grid: {inference: [classic, robust, cluster], outcome: [intensity, intensity_fuels], "
    "model.controls: [[], '${outcome.controls}', [ln_pgdp]], sample: [full, east]}\n"
)


def composer(body: str) -> Composer:
    Path("experiments").mkdir(exist_ok=True)
    Path("experiments/mine.yaml").write_text(f"defaults: [config, _self_]\n{body}\n", encoding="utf-8")
    return Composer(loader(), "mine")


def chosen(body: str) -> tuple[list[dict[str, Any]], int]:
    choices, excluded, _ = expand(composer(body), [])
    return [choice.values for choice in choices], excluded


@pytest.mark.long
@pytest.mark.parametrize(("axes", "number"), [(2, "10,000,000,000"), (6, "10^30 or more")])
def test_a_grid_that_no_machine_holds_is_refused_before_it_is_listed(folder: Path, axes: int, number: str) -> None:
    grid = "".join(f'  source.a{place}: "range(0,100000)"\n' for place in range(axes))
    body = f"source: {{{', '.join(f'a{place}: 0' for place in range(axes))}}}\ngrid:\n{grid}"
    with pytest.raises(ConfigError, match=re.escape(f"grid: has {number} combinations, and at most 1,000,000")):
        expand(composer(body), [])
    if axes == 2:
        assert len(expand(composer(f"{body}draw: {{n: 3}}"), []).choices) == 3


def test_references_are_said_without_signs(folder: Path) -> None:
    body = "grid: {model.x: [['${measure.terms.0}'], ['L.${measure.terms.0}'], '${measure.terms}']}"
    choices, *_ = expand(composer(body), [])
    assert [choice.label for choice in choices] == ["model.x=[measure]", "model.x=[L.measure]", "model.x=measure.terms"]


def test_a_rule_may_list_options(folder: Path) -> None:
    grid = "grid: {model: [twfe, sdm, sar], inference: [classic, robust, cluster], model.controls: [[], [ln_pgdp]]}\n"
    alone = [f"{{model: {model}, inference: {kind}}}" for model in ("sdm", "sar") for kind in ("robust", "cluster")]
    listed = chosen(f"{grid}exclude: [{{model: [sdm, sar], inference: [robust, cluster]}}, {{model.controls: []}}]")
    assert listed == chosen(f"{grid}exclude: [{', '.join(alone)}, {{model.controls: []}}]")
    assert (len(listed[0]), listed[1]) == (5, 13)


def test_subsets_of_a_list(folder: Path) -> None:
    values, _ = chosen("grid: {outcome.controls: {subsets: [ln_a, ln_b, ln_c], always: [ln_d]}, measure: [ide]}")
    lists = [one["outcome.controls"] for one in values]
    assert lists[:5] == [["ln_d"], ["ln_d", "ln_a"], ["ln_d", "ln_b"], ["ln_d", "ln_c"], ["ln_d", "ln_a", "ln_b"]]
    assert len({tuple(one) for one in lists}) == len(lists) == 8
    assert [one["outcome.controls"] for one in chosen("grid: {outcome: {controls: {subsets: [ln_a]}}}")[0]] == [
        [],
        ["ln_a"],
    ]


@pytest.fixture(scope="module")
def grid(tmp_path_factory: pytest.TempPathFactory) -> tuple[Composer, list[Choice]]:
    """A sweep with columns, zipped lists and a grid, without exclusions."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("grid"))
        known = composer(GRID)
        choices, excluded, _ = expand(known, [])
        assert excluded == 0
        return known, choices


def by_hand(values: Mapping[str, Any], rule: Mapping[str, Any], known: Composer) -> bool:
    """Whether a rule matches a run, by the run's whole configuration."""
    config: Any = known.config(values)
    options = known.options_of(values)

    def at(key: str) -> Any:
        if key in options:
            return options[key]
        group, field = key.split(".")
        return config[group].get(field)

    return all(at(key) == value for key, value in rule.items())


@pytest.mark.parametrize(
    "rules",
    [
        [{"model": "sdm"}],
        [{"model": "sdm", "inference": "robust"}, {"sample": "east", "measure": "ide"}],
        [{"model.kind": "sar"}],
        [{"model.cov": "robust", "model": "twfe"}],
        [{"model.level": 0.9}],
        [{"model.y": "ln_ci", "outcome": "intensity_fuels"}],
        [{"model.controls": []}, {"outcome.term": "ln_ci", "inference.cov": "cluster"}],
        [{"weights": "w1_adjacency"}, {"source": "simulated", "sample": "full"}],
        [{"source": "simulated_fe"}],
    ],
)
def test_exclusions_are_those_of_each_run_s_configuration(
    grid: tuple[Composer, list[Choice]], rules: list[dict[str, Any]]
) -> None:
    known, every = grid
    wanted = [choice.digits for choice in every if not any(by_hand(choice.values, rule, known) for rule in rules)]
    blocks = list(dict.fromkeys(choice.block for choice in every))
    sizes = tuple(digit + 1 for digit in every[-1].digits)
    left = remaining(blocks, sizes, rules, known)
    assert list(left) == wanted
    assert left.dropped_count == len(every) - len(wanted)


def test_an_option_that_writes_elsewhere_decides_an_exclusion(folder: Path) -> None:
    Path("conf/sample").mkdir(parents=True)
    Path("conf/sample/late.yaml").write_text(
        "# @package _global_\nsample:\n  _target_: digicarbon.sample.Sample\npanel:\n  first: 2014\n", encoding="utf-8"
    )
    grid = "grid: {sample: [full, late, east], inference: [classic, robust]}\n"
    kept, excluded = chosen(f"{grid}exclude: [{{panel.first: 2014, inference: robust}}]")
    assert excluded == 1
    assert {"sample": "late", "inference": "robust"} not in kept


@pytest.mark.parametrize("n", [1, 7, 20, 100])
def test_a_draw_is_one_from_the_list_of_what_is_left(folder: Path, n: int) -> None:
    body = "grid: {inference: [classic, robust], model.effects: [unit, time], source.seed: 'range(1,51)'}\n"
    body += "exclude: [{inference: robust, model.effects: time}, {source.seed: 7}]\n"
    every, excluded = chosen(body)
    assert len(every) == 49 * 3 == 200 - excluded
    wanted = [every[index] for index in sorted(random.Random(5).sample(range(len(every)), n))]
    assert chosen(f"{body}draw: {{n: {n}, seed: 5}}")[0] == wanted


def test_a_draw_from_a_grid_that_no_memory_holds(folder: Path) -> None:
    axes = ", ".join(f"source.shock{k}: 'range(20)'" for k in range(12))
    body = f"grid: {{model.effects: [unit, time], inference: [classic, robust], {axes}}}\n"
    body += "exclude: [{model.effects: time, inference: robust}]\n"
    drawn, excluded = chosen(f"{body}draw: {{n: 200, seed: 1}}")
    assert excluded == 20**12
    assert len(drawn) == len({str(values) for values in drawn}) == 200
    pairs = {(values["model.effects"], values["inference"]) for values in drawn}
    assert pairs == {("unit", "classic"), ("unit", "robust"), ("time", "classic")}
    assert {values["source.shock11"] for values in drawn} == set(range(20))


@pytest.mark.parametrize("sizes", [(3,), (1, 1), (2, 3, 4), (4, 1, 3, 2)])
def test_lattice_by_number_equals_lattice_in_order(sizes: tuple[int, ...]) -> None:
    rng = random.Random(1)
    for count in range(len(sizes) + 1):
        for positions in itertools.combinations(range(len(sizes)), count):
            points = list(itertools.product(*(range(sizes[position]) for position in positions)))
            dropped = set(rng.sample(points, len(points) // 2))
            left = Remaining(sizes, positions, dropped)
            wanted = [
                point
                for point in itertools.product(*map(range, sizes))
                if tuple(point[position] for position in positions) not in dropped
            ]
            assert list(left) == wanted
            assert [left.point(index) for index in range(left.count)] == wanted
            assert left.count + left.dropped_count == len(list(itertools.product(*map(range, sizes))))
            with pytest.raises((IndexError, ZeroDivisionError)):
                left.point(left.count)


def test_labels_are_unique_and_as_written(folder: Path) -> None:
    assert unique_texts([[], ["a", "b"], "x", 1]) == (("[]", "[a,b]", "x", "1"),)
    assert unique_texts([1, "1", 1, True, "True"]) == (("1", "'1'", "1 (2)", "True", "'True'"),)
    assert unique_texts(["a", "a", "a"], [1, 2, 1]) == (("a", "a", "a (2)"), ("1", "2", "1"))
    assert unique_texts() == ()
    choices, *_ = expand(composer("grid: {measure: [ddl, ddl], model.level: [0.9, '0.9']}"), [])
    assert len({choice.label for choice in choices}) == 4
    assert choices[3].label == "measure=ddl (2), model.level='0.9'"


def test_a_choice_is_its_positions(grid: tuple[Composer, list[Choice]]) -> None:
    _, choices = grid
    assert len(choices) == 2 * 3 * 3 * 2 * 3 * 2
    last = choices[-1]
    assert (last.block.column, last.digits) == ("B", (1, 2, 2, 1, 2, 1))
    assert last.varied == {
        "model": "sar",
        "weights": "w1_adjacency",
        "inference": "cluster",
        "outcome": "intensity_fuels",
        "model.controls": ["ln_pgdp"],
        "sample": "east",
    }
    assert last.values == {"measure": "ide", **last.varied}
    assert last.label_without(lambda key: key.split(".")[0] == "model") == (
        "B, weights=w1_adjacency, inference=cluster, outcome=intensity_fuels, sample=east"
    )
    assert not hasattr(Choice(last.block, last.digits), "__dict__")


def test_a_range_is_numbers() -> None:
    _, axes = read_overrides(["source.seed=range(1,100001)", "model.level=range(0.5,0.9,0.2)"], loader())
    assert axes[0].values == tuple(range(1, 100001))
    assert axes[1].values == pytest.approx((0.5, 0.7))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("range(1,100000000000)", "has 99,999,999,999 values, and at most 1,000,000 can be taken"),
        ("range(0,1,0.0000000001)", "has 10,000,000,000 values"),
        ("range(-5,-1e30,-1)", "has 10^30 or more values"),
        ("shuffle(range(1,100000000000))", "has 99,999,999,999 values"),
        ("range(0,inf)", "has endlessly many values"),
        ("range(1,9,0)", "is 0, so that it has no end"),
    ],
)
@pytest.mark.parametrize("where", ["grid", "command line"])
def test_a_range_that_no_memory_holds_is_refused_before_it_is_made(
    folder: Path, monkeypatch: pytest.MonkeyPatch, text: str, said: str, where: str
) -> None:
    def never(*_: Any) -> Any:
        raise AssertionError("values were made")

    monkeypatch.setattr("digicarbon.plan.expand.Override.sweep_iterator", never)
    made = composer(f"grid: {{source.seed: '{text}'}}") if where == "grid" else None
    with pytest.raises(ConfigError) as caught:
        read_overrides([f"source.seed={text}"], loader()) if made is None else expand(made, [])
    assert said in str(caught.value)
    assert ("grid.source.seed" if where == "grid" else "command line") in str(caught.value)
