"""From an experiment to its runs: axes, precedence, refusals, shared fits and content hashes."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from planning import SHARED, experiment, planned

from digicarbon.config.compose import Composer, loader
from digicarbon.errors import DigicarbonError
from digicarbon.plan.choice import Choice
from digicarbon.plan.exclude import rules_for
from digicarbon.plan.expand import expand, read_overrides
from digicarbon.plan.prepare import Preparation
from digicarbon.plan.runs import Plan, plan
from digicarbon.sweep.provenance import Entries, ledger


def choices(name: str, *overrides: str) -> list[Choice]:
    config_loader = loader()
    plain, axes = read_overrides(overrides, config_loader)
    return expand(Composer(config_loader, name, plain), axes)[0]


def labels(name: str, *overrides: str) -> list[str]:
    return [choice.label for choice in choices(name, *overrides)]


def refusal(name: str, *overrides: str) -> str:
    with pytest.raises(DigicarbonError) as caught:
        planned(name, *overrides)
    text = str(caught.value)
    assert "\n" not in text
    return text


def key(*overrides: str, name: str = "config", preparation: Preparation | None = None) -> str:
    runs = planned(name, *overrides, preparation=preparation).runs
    assert len(runs) == 1
    return runs[0].key


# ---- axes


def test_columns_times_grid_times_zip(folder: Path) -> None:
    name = experiment(
        "columns: {A: {measure: ddl}, B: {measure: ide}}\n"
        "grid: {model.effects: [unit, two_way], inference: [classic, robust]}\n"
        "zip: {model: [twfe, sdm], weights: [w1_adjacency, w2_nested]}\n"
    )
    found = choices(name)
    assert len(found) == 2 * 2 * 2 * 2
    assert len({choice.label for choice in found}) == 16
    pairs = {(choice.values["model"], choice.values["weights"]) for choice in found}
    assert pairs == {("twfe", "w1_adjacency"), ("sdm", "w2_nested")}
    assert found[0].label == "A, model=twfe, weights=w1_adjacency, model.effects=unit, inference=classic"
    assert found[0].values["measure"] == "ddl"


def test_exclude_by_option_by_value_and_by_what_the_sweep_does_not_vary(folder: Path) -> None:
    grid = "grid: {model: [twfe, sdm, sar], inference: [classic, robust]}\n"
    assert len(labels(experiment(grid))) == 6
    assert len(labels(experiment(grid + "exclude: [{model: sdm, inference: robust}]"))) == 5
    assert len(labels(experiment(grid + "exclude: [{model: sdm}, {model: sar}]"))) == 2
    assert len(labels(experiment(grid + "exclude: [{model: sdm, sample: full}]"))) == 4
    assert len(labels(experiment(grid + "exclude: [{model: sdm, sample: east}]"))) == 6
    assert len(labels(experiment(grid + "exclude: [{model.kind: sar}]"))) == 4
    assert len(labels(experiment(grid + "exclude: [{model.kind: sar, inference.cov: classic}]"))) == 5


def test_excluded_are_counted(folder: Path) -> None:
    name = experiment("grid: {inference: [classic, robust]}\nexclude: [{inference: robust}]")
    made = planned(name)
    assert made.excluded == 1
    assert len(made.runs) == 1


def test_nothing_left_is_an_error(folder: Path) -> None:
    name = experiment("grid: {inference: [classic]}\nexclude: [{inference: classic}]")
    assert "experiments/mine.yaml, exclude: nothing is left to run: the rules leave out 1 combination" in refusal(name)


def test_draw_is_seeded_and_keeps_the_order(folder: Path) -> None:
    grid = "grid: {measure: [ddl, ide, bea, sector1], inference: [classic, robust, cluster]}\n"
    every = labels(experiment(grid))
    first = labels(experiment(grid + "draw: {n: 5, seed: 1}"))
    assert len(first) == 5
    assert first == labels(experiment(grid + "draw: {n: 5, seed: 1}"))
    assert first == sorted(first, key=every.index)
    assert first != labels(experiment(grid + "draw: {n: 5, seed: 2}"))
    assert labels(experiment(grid + "draw: {n: 50}")) == every


def test_list_values_are_items(folder: Path) -> None:
    name = experiment("grid: {model.controls: [[], [ln_pgdp], [ln_pgdp, ln_population]]}")
    found = planned(name)
    assert [run.specs.model.controls for run in found.runs] == [(), ("ln_pgdp",), ("ln_pgdp", "ln_population")]
    assert found.runs[2].label == "model.controls=[ln_pgdp,ln_population]"


def test_list_values_are_items_on_the_command_line() -> None:
    for spelling in ("model.controls=[],[ln_pgdp]", "+grid.model.controls=[[],[ln_pgdp]]"):
        assert [run.specs.model.controls for run in planned("config", spelling).runs] == [(), ("ln_pgdp",)]


def test_nested_spelling_in_columns_and_zip(folder: Path) -> None:
    name = experiment("columns: {A: {model: {controls: []}}}\nzip: {model: {effects: [unit, time]}}")
    found = choices(name)
    assert [choice.values for choice in found] == [
        {"model.controls": [], "model.effects": "unit"},
        {"model.controls": [], "model.effects": "time"},
    ]


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("measure: 'ddl,ide'", ["ddl", "ide"]),
        ("measure: 'glob(sector*)'", ["sector1", "sector2"]),
        ("measure: 'choice(ddl,bea)'", ["ddl", "bea"]),
        ("source.seed: 'range(1,4)'", [1, 2, 3]),
        ("measure: ddl", ["ddl"]),
    ],
)
def test_hydra_s_grammar_in_a_grid(folder: Path, text: str, values: list[object]) -> None:
    found = choices(experiment(f"grid: {{{text}}}"))
    assert [next(iter(choice.values.values())) for choice in found] == values


def test_chinese_labels_and_parentheses(folder: Path) -> None:
    name = experiment("columns:\n  数字经济(1): {measure: sector1}\n  SDM (2) [W1], a=b: {measure: ddl}\n  3: {}")
    assert labels(name) == ["数字经济(1)", "SDM (2) [W1], a=b", "3"]


# ---- precedence


def test_body_command_line_columns_grid(folder: Path) -> None:
    name = experiment(
        "model: {effects: unit, level: 0.9}\ncolumns: {A: {model.level: 0.8}}\ngrid: {model.level: [0.7]}"
    )
    run = planned(name, "model.effects=time").runs[0]
    assert run.config["model"]["effects"] == "time"
    assert run.config["model"]["level"] == 0.7


def test_a_column_s_choice_cannot_be_overridden(folder: Path) -> None:
    name = experiment("columns: {SDM(1): {measure: ddl, model.controls: []}}")
    for override in ("measure=ide", "measure=ide,bea", "model.controls=[ln_pgdp]"):
        text = refusal(name, override)
        assert "is set by experiments/mine.yaml, columns.SDM(1)" in text


def test_the_command_line_replaces_the_grid_s_axis(folder: Path) -> None:
    name = experiment("grid: {measure: [ddl, ide], inference: [classic, robust]}")
    assert labels(name, "measure=bea") == ["inference=classic", "inference=robust"]
    assert labels(name, "measure=bea,sector1", "inference=cluster") == ["measure=bea", "measure=sector1"]


def test_a_key_in_grid_and_zip_is_refused(folder: Path) -> None:
    name = experiment("grid: {measure: [ddl]}\nzip: {measure: [ide]}")
    assert "experiments/mine.yaml, grid.measure: the key is also in experiments/mine.yaml, zip" in refusal(name)


# ---- refusals


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("columns: {A: {wieghts: w1_adjacency}}", "columns.A: unknown key 'wieghts'. Did you mean 'weights'?"),
        (
            "columns: {A: {weights: w1_adjacncy}}",
            "columns.A: weights=w1_adjacncy: there is no such option. Did you mean",
        ),
        ("columns: {A: sector1}", "columns.A: a column must be a mapping"),
        ("columns: {A: {model.contrls: []}}", "experiments/mine.yaml, columns.A: model.contrls is not a field"),
        ("grid: {model.contrls: [[]]}", "experiments/mine.yaml, grid.model.contrls: model.contrls is not a field"),
        (
            "model: {contrls: []}",
            "experiments/mine.yaml: model.contrls is not a field of PanelRegression. Did you mean",
        ),
        ("grid: {measure: [ddl, idee]}", "grid.measure: measure=idee: there is no such option. Did you mean 'ide'?"),
        ("grid: {measure: []}", "grid.measure: must be a list with at least one item"),
        ("grid: {outcome.controls: {subsets: ln_pgdp}}", "grid.outcome.controls: takes subsets, a list, and always"),
        ("grid: {outcome.controls: {subsets: [a], allways: [b]}}", "grid.outcome.controls: takes subsets, a list"),
        ("grid: {outcome.controls: {subsets: []}}", "grid.outcome.controls.subsets: takes 1 to 16 items; got 0"),
        ("grid: {outcome.controls: {subsets: [a, b], always: [a]}}", "grid.outcome.controls: a is repeated"),
        ("grid: {measure: 'zz*('}", "grid.measure: 'measure=zz*(' cannot be read"),
        ("grid: {measure: 'glob(zz*)'}", "grid.measure: measure=glob(zz*): no option matches"),
        ("grid: {model.x: 'glob(*)'}", "glob(…) chooses among the options of a group"),
        ("grid: {measure: [[ddl]]}", "measure chooses an option by name; got ['ddl']"),
        ("grid: {executor: [loky, threading]}", "executor is one for the whole sweep"),
        ("zip: {measure: [ddl, ide], model: [twfe]}", "must have equal lengths; measure has 2, model has 1"),
        ("zip: {measure: ddl}", "zip.measure: must be a list"),
        ("exclude: [{modle: sdm}]", "exclude: unknown key 'modle'. Did you mean 'model'?"),
        ("exclude: [{model: [twfe, sdn]}]", "exclude: model=sdn: there is no such option. Did you mean 'sdm'?"),
        ("exclude: [{model: []}]", "exclude: model chooses an option by name; got []"),
        ("exclude: [{model: sdn}]", "exclude: model=sdn: there is no such option. Did you mean 'sdm'?"),
        ("exclude: [sdm]", "exclude: must be a list of mappings"),
        ("draw: {n: 0}", "draw: takes n and seed"),
        ("draw: {n: many}", "draw: takes n and seed"),
        ("draw: {m: 3, n: 3}", "draw: takes n and seed"),
    ],
)
def test_a_wrong_sweep_is_a_sentence_with_its_place(folder: Path, body: str, said: str) -> None:
    text = refusal(experiment(body))
    assert said in text
    assert "experiments/mine.yaml" in text


def test_a_named_pair_that_cannot_run_names_the_run(folder: Path) -> None:
    name = experiment("grid: {model: [twfe, sdm], sample: [full, northeast]}")
    assert refusal(name, "inference=classic").startswith("model=sdm, sample=northeast: ")


def test_required_field_of_a_named_option() -> None:
    text = refusal("config", "model=sdm", "weights=w1_adjacency,matrix")
    assert text.startswith("weights=matrix: command line: weights.path is required by weights=matrix")


def test_columns_may_give_what_the_body_lacks(folder: Path) -> None:
    name = experiment("columns: {A: {measure.terms: [ln_e]}}\n")
    path = Path("conf/measure/open.yaml")
    path.parent.mkdir(parents=True)
    path.write_text("# open\n_target_: digicarbon.measure.NoMeasure\nterms: ???\n", encoding="utf-8")
    assert "measure.terms is required by measure=open" in refusal("config", "measure=open")
    assert "e" in refusal(name, "measure=open")


STUDY = {
    "conf/source/own.yaml": "_target_: digicarbon.source.TableSource\npath: panel.csv\nunit: unit\ntime: year\n",
    "conf/outcome/own.yaml": "_target_: digicarbon.outcome.NoOutcome\nname: ''\nterm: out\ncontrols: [ln_out]\n",
    "conf/measure/own.yaml": "_target_: digicarbon.measure.ColumnMeasure\ncolumn: de\nname: de\nterms: [de]\n",
    "conf/weights/own.yaml": "_target_: digicarbon.weights.EdgeWeights\npath: e.csv\norigin: a\ndestination: b\n"
    "symmetric: true\n",
    "experiments/mine.yaml": "defaults: [config, override source: own, override outcome: own, override measure: own, "
    "override weights: own, _self_]\ncolumns:\n  FE: {model: fe}\n  SDM: {model: sdm}\n",
    "e.csv": "a,b\na,b\nb,c\nc,d\nd,e\ne,f\n",
}


@pytest.mark.parametrize(
    ("file", "old", "new", "said"),
    [
        ("source", "panel.csv", "panl.csv", "FE: conf/source/own.yaml: source.path: there is no file 'panl.csv'"),
        ("source", "unit: unit", "unit: uni", "FE: conf/source/own.yaml: source.unit: panel.csv has no column 'uni'"),
        ("source", "path", "columns: {x: y}\npath", "FE: conf/source/own.yaml: source.columns.x: panel.csv has no"),
        ("weights", "b\n", "z\n", "SDM: conf/weights/own.yaml: weights.destination: e.csv has no column 'z'"),
        (
            "weights",
            "true",
            "maybe",
            "FE: conf/weights/own.yaml: weights.symmetric: must be true or false; got 'maybe'.",
        ),
        (
            "weights",
            "Weights\n",
            "Weight\n",
            "FE: conf/weights/own.yaml: weights._target_: 'digicarbon.w",
        ),
        ("outcome", "term: out", "term: oot", "FE: conf/outcome/own.yaml: outcome.term: panel.csv: The term 'oot' is"),
        ("outcome", "ln_out", "ln_oot", "FE: conf/outcome/own.yaml: outcome.controls: panel.csv: The term 'oot' is"),
        ("outcome", "ln_out", "de", "FE: conf/outcome/own.yaml: outcome.controls names de, as model.x does; leave one"),
        ("outcome", "ln_out", "z, z", "FE: conf/outcome/own.yaml: outcome.controls names z more than once"),
        ("measure", "[de]", "[]", "FE: conf/measure/own.yaml: measure.terms is missing or empty; write at least one"),
        ("measure", "[de]", "[ln_d]", "FE: conf/measure/own.yaml: measure.terms: panel.csv: The term 'd' is neither"),
        ("measure", "column: de", "column: d", "FE: conf/measure/own.yaml: measure.column=d needs the series d"),
    ],
)
def test_a_mistake_is_told_with_the_file_and_the_key_where_it_stands(
    folder: Path, file: str, old: str, new: str, said: str
) -> None:
    table()
    changed = f"conf/{file}/own.yaml"
    for path, text in {**STUDY, changed: STUDY[changed].replace(old, new)}.items():
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        Path(path).write_text(text, encoding="utf-8")
    text = refusal("mine")
    assert text.startswith(said)
    # to leave combinations out would hide the mistake
    assert "exclude" not in text


def test_a_definition_that_cannot_be_made_is_told_with_its_file(folder: Path) -> None:
    table()
    said = refusal("config", *TABLE[:-2], "+panel.derive={s: de / OUT}", "model.controls=[s]")
    assert said.startswith("command line: panel.derive.s = de / OUT: panel.csv: The term 'OUT' is neither a column")
    said = refusal("config", *TABLE[:-2], "panel.first=2020")
    assert said.startswith("command line: panel.first=2020: panel.csv: no row lies there; the data span 2001 to 2004.")


def test_a_file_of_weights_that_does_not_fit_is_to_be_corrected(folder: Path) -> None:
    table()
    Path("e.csv").write_text("a,b\na,b\nb,c\nc,d\nd,e\ne,f\nf,g\n", encoding="utf-8")
    edges = ("weights.path=e.csv", "weights.origin=a", "weights.destination=b", "model.controls=[]", "model=twfe,sdm")
    said = refusal("config", *TABLE[:-2], "weights=edges", *edges)
    assert said.startswith(
        "model=twfe: command line: weights.path: e.csv has labels that are not units of the panel: g."
    )
    assert "exclude" not in said


def test_a_combination_that_cannot_be_is_left_out_by_name(folder: Path) -> None:
    name = experiment("grid: {model: [fe, between], inference: [classic, driscoll_kraay]}")
    said = refusal(name)
    assert "conf/inference/driscoll_kraay.yaml: inference.cov=driscoll_kraay does not exist for means" in said
    assert said.endswith("exclude: [{model: between, inference: driscoll_kraay}]")


# ---- glob


def test_glob_skips_what_needs_a_file_and_lists_it() -> None:
    made = planned("config", "model=sdm", "weights=glob(*)")
    assert {"w1_adjacency", "w2_nested", "k_nearest", "blend"} <= {run.choice.values["weights"] for run in made.runs}
    assert {label for label, reason in made.skipped if "is required by" in str(reason)} == {
        f"weights={option}" for option in ("edges", "file", "gal", "gwt", "matrix", "queen", "rook", "spmat")
    }


def test_glob_skips_what_the_data_cannot_bear() -> None:
    made = planned("config", "model=sdm", "sample=glob(*)", "model.effects=two_way")
    assert "northeast" in [label.removeprefix("sample=") for label, _ in made.skipped]
    assert "full" in [run.choice.values["sample"] for run in made.runs]


def test_glob_does_not_forgive_an_unknown_option() -> None:
    assert "model=sdmm: there is no such option" in refusal("config", "model=sdm,sdmm", "weights=glob(*)")


def test_a_model_without_weights_is_fitted_once() -> None:
    made = planned("config", "model=twfe,sdm", "weights=glob([edges,matrix,w1_adjacency,w2_nested])")
    assert [run.label for run in made.runs] == [
        "model=twfe",
        "model=sdm, weights=w1_adjacency",
        "model=sdm, weights=w2_nested",
    ]
    assert made.same == {
        "model=twfe": [f"model=twfe, weights={option}" for option in ("matrix", "w1_adjacency", "w2_nested")]
    }
    assert made.runs[0].prepared.weights is None


# ---- content hash


@pytest.mark.parametrize("words", [("weights=distance_band", "weights.power=-1"), ("weights=k_nearest", "weights.k=0")])
def test_wrong_weights_are_refused_where_no_model_reads_them(words: tuple[str, ...]) -> None:
    assert refusal("config", "model=twfe", *words) == refusal("config", "model=sdm", *words)
    # a file that nobody needs may be missing
    made = planned("config", "model=twfe", "weights=matrix", "inference=cluster")
    assert made.runs[0].specs.weights is None


def test_weights_are_recorded_where_the_wild_bootstrap_filters_by_them(folder: Path) -> None:
    for words, recorded in (
        (("inference=wild",), "w1_adjacency"),
        (("inference=cluster",), None),
    ):
        made = planned("config", "model=twfe", *words)
        assert [one.get("filter_weights") for one in recorded_params(made)] == [recorded]
        assert not any("weights" in one for one in recorded_params(made))
        # no name or choice of a model that does not take them
        assert made.runs[0].has("weights") == "none"


def test_weights_of_a_command_are_used_or_refused(folder: Path) -> None:
    assert "weights.path" in refusal("config", "model=twfe", "inference=wild", "weights=matrix")
    assert "there is no file 'gone.csv'" in refusal("config", "model=twfe", "weights=matrix", "weights.path=gone.csv")


@pytest.mark.long
def test_hash_is_that_of_the_fit_not_of_the_way_to_it(folder: Path) -> None:
    direct = key("model=twfe", "measure=ddl")
    name = experiment("columns: {Any label (1): {measure: ddl, model: twfe}}\ntitle: a title")
    assert key(name=name) == direct
    assert key("model=fe", "model.effects=two_way", "measure=ddl") == direct
    assert key("measure=bea", "model.x=[ln_ddl]") == direct
    assert key("measure=ddl", "executor=threading", "tracking.experiment=other", "report.decimals=2") == direct
    fit = ("measure=ddl", "inference=cluster")
    assert key(*fit, "weights=w2_nested") == key(*fit)
    # p values of the wild bootstrap rest on the weights
    assert key("measure=ddl", "weights=w2_nested") != direct


def test_hash_changes_with_whatever_changes_the_numbers() -> None:
    base = key("model=sdm")
    others = {
        key("model=sdm", override)
        for override in (
            "model.level=0.9",
            "model.effects=time",
            "model.controls=[]",
            "measure=ddl",
            "weights=w2_nested",
            "source.seed=2",
            "panel.first=2013",
            "sample=east",
            "diagnostic=spatial_tests",
        )
    }
    assert len(others) == 9
    assert base not in others


def table(value: float = 2.0) -> None:
    rows = [(u, t, 1.0 + (3 * i + 5 * j * j) % 7, 1.0 + (i * i + j) % 5) for i, u in enumerate("abcdef") for j, t in
            enumerate((2001, 2002, 2003, 2004))]  # fmt: skip
    frame = pd.DataFrame(rows, columns=["unit", "year", "out", "de"])
    frame.loc[3, "de"] = value
    frame.to_csv("panel.csv", index=False)
    ring = np.roll(np.eye(6), 1, axis=1) + np.roll(np.eye(6), -1, axis=1)
    ring[0, 2] = ring[2, 0] = value
    pd.DataFrame(ring, index=list("abcdef"), columns=list("abcdef")).to_csv("w.csv")


TABLE = (
    "source=table", "source.path=panel.csv", "source.unit=unit", "source.time=year", "measure=none", "outcome=none",
    "model.y=out", "model.x=[de]", "weights=matrix", "weights.path=w.csv",
)  # fmt: skip


@pytest.mark.long
def test_hash_changes_with_a_value_and_with_the_weights(folder: Path) -> None:
    table(2.0)
    fits = {
        "twfe": ("model=twfe", "inference=cluster"), "wild": ("model=twfe", "inference=wild"), "sar": ("model=sar",),
    }  # fmt: skip
    keys = {name: key(*TABLE, *fit, preparation=Preparation()) for name, fit in fits.items()}
    assert key(*TABLE, *fits["sar"], preparation=Preparation()) == keys["sar"]
    pd.read_csv("w.csv", index_col=0).replace(2.0, 3.0).to_csv("w.csv")
    assert key(*TABLE, *fits["twfe"], preparation=Preparation()) == keys["twfe"]
    assert key(*TABLE, *fits["sar"], preparation=Preparation()) != keys["sar"]
    assert key(*TABLE, *fits["wild"], preparation=Preparation()) != keys["wild"]
    table(3.0)
    assert key(*TABLE, *fits["twfe"], preparation=Preparation()) != keys["twfe"]


MINE = """
from digicarbon.model import PanelRegression

class Mine(PanelRegression):
    extra: int = {default}

    def fit(self, panel, weights=None):
        _ = "{text}"
        return super().fit(panel, weights)
"""


def write_mine(default: int, text: str) -> None:
    sys.modules.pop("mine", None)
    file = Path("mine.py")
    file.write_text(MINE.format(default=default, text=text), encoding="utf-8")
    os.utime(file, ns=(default * 10**9, len(text) * 10**9))


def test_hash_changes_with_a_default_and_with_the_code_of_a_user_s_class(folder: Path) -> None:
    path = Path("conf/model/mine.yaml")
    path.parent.mkdir(parents=True)
    path.write_text(
        "# mine\n_target_: mine.Mine\ny: ${outcome.term}\nx: ${measure.terms}\ncontrols: []\n", encoding="utf-8"
    )
    sys.dont_write_bytecode, before = True, sys.dont_write_bytecode
    try:
        keys = []
        for default, text in ((1, "a"), (2, "a"), (1, "other code"), (1, "a")):
            write_mine(default, text)
            keys.append(key("model=mine"))
    finally:
        sys.dont_write_bytecode = before
    assert keys[0] == keys[3]
    assert len(set(keys)) == 3


def test_a_misspelled_key_of_an_exclusion_is_refused(folder: Path) -> None:
    said = refusal(experiment("grid: {model.effects: [none, unit]}\nexclude: [{model.effect: unit}]"))
    assert "experiments/mine.yaml" in said
    assert "no run has a key 'model.effect'. Did you mean 'model.effects'?" in said


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        ("{model.effects: units}", "model.effects: 'units' is no value of experiments/mine.yaml, grid.model.effects"),
        ("{model.effects: units}", "Did you mean 'unit'? Values: none, unit."),
        ("{measure: bea, model: pooled}", "model: 'pooled' is no value of"),
        ("{sample.first: '2013'}", "sample.first: '2013' is no value of"),
    ],
)
def test_a_value_that_no_axis_has_is_refused_in_an_exclusion(folder: Path, rule: str, said: str) -> None:
    grid = "grid: {model.effects: [none, unit], measure: [bea, ddl], model: [twfe]}\nzip: {sample.first: [2012, 2013]}"
    assert said in refusal(experiment(f"{grid}\nexclude: [{rule}]"))


def test_an_exclusion_may_name_what_the_command_line_leaves_out(folder: Path) -> None:
    name = experiment("grid: {measure: [bea, ddl, ide]}\nexclude: [{measure: ide}]")
    assert labels(name, "measure=bea,ddl") == ["measure=bea", "measure=ddl"]


def test_how_many_combinations_cannot_run_and_what_leaves_them_out(folder: Path) -> None:
    grid = "grid: {sample: [full, northeast], model: [twfe, sdm], measure: [bea, ddl, ide]}"
    said = refusal(experiment(grid), "inference=classic")
    assert said.startswith("sample=northeast, model=sdm, measure=bea: ")
    assert "3 of 12 choices have this problem." in said
    rule = said.partition("To leave them out: ")[2]
    assert rule == "exclude: [{sample: northeast, model: sdm}]"
    assert len(labels(experiment(f"{grid}\n{rule}"))) == 9


def test_combinations_that_cannot_run_are_not_looked_for_without_end(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("digicarbon.plan.exclude.MOST", 3)
    said = refusal(
        experiment(
            "grid: {measure: [bea, nothing.x], model: [twfe]}".replace("nothing.x", "ddl") + "\nmodel: {x: [zz]}"
        )
    )
    assert "2 of 2 choices have this problem." in said
    assert "exclude" not in said
    many = refusal(experiment("grid: {measure: [bea, ddl, ide], model.x: [[zz], [yy], [xx]]}"))
    assert "2 of the first 4 of 9 choices have this problem, and 2 another one." in many


@pytest.mark.parametrize(
    ("failed", "passed", "found"),
    [
        ([{"a": 1, "b": 1}], [{"a": 2, "b": 1}], [{"a": 1}]),
        ([{"a": 1, "b": 1}, {"a": 2, "b": 1}], [{"a": 1, "b": 2}], [{"b": 1}]),
        ([{"a": 1, "b": 1}], [{"a": 1, "b": 2}, {"a": 2, "b": 1}], [{"a": 1, "b": 1}]),
        ([{"a": 1, "b": 1}], [], []),
        ([{"a": n, "b": n} for n in range(9)], [{"a": 10, "b": 1}, {"a": 1, "b": 10}], []),
        ([{"a": "1"}], [{"a": 1}], [{"a": "1"}]),
        ([{"a": 1, "b": 1}], [{"b": 2}], [{"b": 1}]),
    ],
)
def test_the_shortest_exclusion(
    failed: list[dict[str, object]], passed: list[dict[str, object]], found: list[dict[str, object]]
) -> None:
    assert rules_for(failed, passed) == found


def test_what_may_not_be_meant_is_said(folder: Path) -> None:
    body = (
        "columns: {a: {measure: bea, model.effects: unit}, b: {measure: ddl, model.effects: time}, c: {measure: ide}}"
    )
    made = planned(experiment(f"{body}\ngrid:\n  model.effects: [none, two_way]\ndraw: {{n: 7}}"))
    assert list(map(str, made.remarks)) == [
        "experiments/mine.yaml, grid.model.effects takes the place of what the columns a, b choose for model.effects.",
        "draw.n is 7, and there are 6 choices: all are taken.",
    ]
    assert planned(experiment("grid: {measure: [bea, ddl]}\ndraw: {n: 2}")).remarks == []


def test_a_misspelled_required_key_is_named_before_what_is_missing(folder: Path) -> None:
    text = "defaults: [config, override source: table, _self_]\nsource: {pth: a.csv, unit: u, time: t}\n"
    Path("experiments").mkdir()
    Path("experiments/mine.yaml").write_text(text, encoding="utf-8")
    assert "experiments/mine.yaml: source.pth is not a field of TableSource. Did you mean 'path'?" in refusal("mine")


def test_a_wrong_durbin_and_no_workers_are_one_sentence(folder: Path) -> None:
    assert "model.durbin names some, which is neither in x" in refusal("config", "model=sdm", "model.durbin=some")
    assert "e.g. [ln_e]; got 'null'" in refusal("config", "model=sdm", "model.durbin=null")


def recorded_params(made: Plan) -> list[dict[str, str]]:
    """What each run of a plan has as params in MLflow."""
    entries = Entries(ledger(made.runs))
    return [entries.params(run) for run in made.runs]


def test_a_run_has_what_its_files_say_where_others_choose(folder: Path) -> None:
    body = "columns: {none: {model.controls: []}, one: {model.controls: [ln_population], model: pooled}, full: {}}"
    made = planned(
        experiment(f"model: {{controls: [ln_population, ln_pgdp]}}\n{body}\ngrid: {{weights: [w1_adjacency]}}")
    )
    assert [made.chosen(run) for run in made.runs] == [
        {"model.controls": [], "weights": "none", "model": "twfe"},
        {"model.controls": ["ln_population"], "model": "pooled", "weights": "none"},
        {"model.controls": ("ln_population", "ln_pgdp"), "weights": "none", "model": "twfe"},
    ]
    params = recorded_params(made)
    assert [one["model.controls"] for one in params] == ["", "ln_population", "ln_population, ln_pgdp"]
    swept = planned("config", "model.controls=[ln_population],[ln_population,ln_pgdp]")
    params = recorded_params(swept)
    assert [one["model.controls"] for one in params] == ["ln_population", "ln_population, ln_pgdp"]


def test_a_run_without_an_experiment_is_called_by_its_model() -> None:
    made = plan(Composer(loader(), "config", ["model=pooled"]), [], SHARED)
    assert [run.label for run in made.runs] == ["pooled"]


def test_what_a_model_ignores_is_none_and_makes_no_run(folder: Path) -> None:
    made = planned(experiment("grid: {model: [sar, sdm], model.durbin: [all, x]}"))
    assert [(run.label, made.chosen(run)["model.durbin"]) for run in made.runs] == [
        ("model=sar", "none"),
        ("model=sdm, model.durbin=all", "all"),
        ("model=sdm, model.durbin=x", "x"),
    ]
    params = recorded_params(made)
    assert [one.get("model.durbin") for one in params] == [None, "all", "x"]
    # standard errors of one kind take no notice of what another kind reads
    assert not {"model.effects_draws", "model.error_structure"} & set(params[0])
    wild = {"model.seed", "model.draws", "model.weights", "model.intervals"}
    assert wild <= set(params[0])
    (classic,) = recorded_params(planned("config", "model=sar", "inference=classic"))
    assert not wild & set(classic)
    columns = "columns: {fe: {model: twfe}, sar: {model: sar}, x: {model: sdm, model.durbin: x}}"
    made = planned(experiment(columns))
    assert [made.chosen(run)["model.durbin"] for run in made.runs] == ["none", "none", "x"]
    made = planned("config", "model=twfe", "inference=classic,driscoll_kraay", "inference.bandwidth=1,2")
    assert [(run.label, made.chosen(run)["inference.bandwidth"]) for run in made.runs] == [
        ("inference=classic", "none"),
        ("inference=driscoll_kraay, inference.bandwidth=1", 1),
        ("inference=driscoll_kraay, inference.bandwidth=2", 2),
    ]
    assert [one.get("inference.bandwidth") for one in recorded_params(made)] == [None, "1", "2"]


def test_a_diagnostic_may_read_what_the_model_ignores(folder: Path) -> None:
    made = planned("config", "model=sar", "model.durbin=all,x", "diagnostic=spatial_tests")
    assert [made.chosen(run)["model.durbin"] for run in made.runs] == ["all", "x"]


def test_a_model_without_weights_is_under_none_of_them(folder: Path) -> None:
    made = planned(experiment("grid: {model: [twfe, sdm], weights: [w1_adjacency, w2_nested]}"))
    assert [made.chosen(run)["weights"] for run in made.runs] == ["none", "w1_adjacency", "w2_nested"]


def test_a_title_says_what_was_chosen_and_not_what_was_left_out(folder: Path) -> None:
    name = experiment("title: Mine\ngrid: {model: [twfe, fe]}")
    made = planned(name, "grid=null", "columns=null", "model=twfe", "measure=ddl")
    assert made.title == "Mine (model=twfe, measure=ddl)"
    # it stays another sweep than that of the whole experiment
    assert made.overrides == ("grid=null", "columns=null", "model=twfe", "measure=ddl")


def test_runs_of_equal_data_share_the_notes_on_them(folder: Path) -> None:
    name = experiment("grid: {inference.level: [0.9, 0.95], outcome.controls: [[], [ln_pgdp]]}")
    runs = planned(name, "model=twfe", "inference=cluster", preparation=Preparation()).runs
    notes = [run.prepared.notes for run in runs]
    assert len(runs) == 4
    assert notes[0]
    assert all(own is notes[0] for own in notes)
