"""Wrong inputs of every kind: each message names the file and the key where the user wrote it, and what to do."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest
from cases import listed

from digicarbon.__main__ import main

CONFIG = "defaults: [config, override executor: sequential, _self_]\n"
HEIR = "defaults: [base, _self_]\n"
OWN = (
    "defaults: [config, override source: table, override measure: none, override outcome: none, "
    "override model: {model}, override weights: {weights}, override executor: sequential, _self_]\n"
    "source: {{path: d.csv, unit: city, time: year}}\nmodel: {{y: co2, x: {x}, controls: []}}\n"
)
DATA = "city,year,co2,gdp,name\n" + "".join(
    f"c{i},{year},{3 * i + year % 7},{i + year % 5 + i * i % 7},n{i}\n" for i in range(6) for year in range(2010, 2014)
)
MODEL = (
    "_target_: digicarbon.model.PanelRegression\ny: ${outcome.term}\nx: ${measure.terms}\n"
    "controls: ${outcome.controls}\neffects: two_way\n"
)
MINE, BASE = "experiments/mine.yaml", "experiments/base.yaml"


def own(x: str = "[gdp]", model: str = "fe", weights: str = "matrix") -> str:
    """An experiment on a table of the user's own."""
    return OWN.format(x=x, model=model, weights=weights)


def sdm(weights: str, fields: str = "") -> str:
    """An experiment with a spatial model."""
    head = f"defaults: [config, override model: sdm, override weights: {weights}, _self_]\n"
    return head + (f"weights: {fields}\n" if fields else "")


def matrix(value: str) -> str:
    """A file of weights among the six units, one of which is ``value``."""
    units = [f"c{i}" for i in range(6)]
    rows = [[value if (i, j) == (0, 1) else str(int(abs(i - j) == 1)) for j in range(6)] for i in range(6)]
    lines = [",".join([unit, *row]) for unit, row in zip(units, rows, strict=True)]
    return "\n".join([",".join(["", *units]), *lines, ""])


# what is written, by file; the words behind `digicarbon check`; what the message has to say
EXPERIMENT: list[tuple[Mapping[str, str], str, list[str]]] = [
    ({MINE: "defaults: config\n"}, "mine", [f"{MINE}, defaults: must be a list"]),
    ({MINE: "defaults: {config: null}\n"}, "mine", [f"{MINE}, defaults: must be a list"]),
    ({MINE: "defaults: [config, 3, _self_]\n"}, "mine", [f"{MINE}, defaults: each item is a name", "got 3"]),
    (
        {MINE: "defaults: [config, {override model: fe, override report: maps}, _self_]\n"},
        "mine",
        [f"{MINE}, defaults: each item is a name or one choice"],
    ),
    (
        {MINE: "defaults: [config, override model: 3, _self_]\n"},
        "mine",
        [f"{MINE}, defaults, model: an option is chosen by its name", "got 3"],
    ),
    (
        {MINE: "defaults: [config, override model: null, _self_]\n"},
        "mine",
        [f"{MINE}, defaults, model: an option is chosen by its name", "got nothing"],
    ),
    (
        {MINE: "defaults: [config, override model: [sdm, fe], _self_]\n"},
        "mine",
        [f"{MINE}, defaults, model: one option", "`grid: {model: [sdm, fe]}`"],
    ),
    (
        {MINE: "defaults: [config, model: sdm, _self_]\n"},
        "mine",
        [f"{MINE}, defaults: `model: sdm` chooses a second option", "`override model: sdm`"],
    ),
    (
        {MINE: "defaults: [config, override model: sdmm, _self_]\n"},
        "mine",
        [f"{MINE}: model=sdmm", "Did you mean 'sdm'?", "Options: between"],
    ),
    ({MINE: "defaults: [configg, _self_]\n"}, "mine", [f"{MINE}: it starts from 'configg'", "Did you mean 'config'?"]),
    ({MINE: ""}, "mine", [f"{MINE}: The file is empty."]),
    ({MINE: f"{CONFIG}model: sdm\n"}, "mine", [f"{MINE}: 'model: sdm' does not choose", "override model: sdm"]),
    (
        {MINE: f"{CONFIG}model: null\n"},
        "mine",
        [f"{MINE}: model is the name of one option, or of a file", "got nothing"],
    ),
    (
        {MINE: f"{CONFIG}model: [sdm]\n"},
        "mine",
        [f"{MINE}: model is the name of one option, or of a file", "got ['sdm']"],
    ),
    ({MINE: f"{CONFIG}modell: {{x: [e]}}\n"}, "mine", [f"{MINE}: unknown key 'modell'", "Did you mean 'model'?"]),
    ({MINE: f"{CONFIG}title: [a]\n"}, "mine", [f"{MINE}: title must be a text", "got ['a']"]),
    ({MINE: f"{CONFIG}experiments: [table3]\n"}, "mine", [f"{MINE}, experiments: There is no experiment 'table3'"]),
    (
        {MINE: f"{CONFIG}instead: {{table: nosuch}}\n"},
        "mine source=table",
        [f"{MINE}, instead.table: There is no experiment 'nosuch'"],
    ),
]
FIELDS: list[tuple[Mapping[str, str], str, list[str]]] = [
    ({MINE: f"{CONFIG}source: {{seed: one}}\n"}, "mine", [f"{MINE}: source.seed: must be a whole number; got 'one'"]),
    ({MINE: f"{CONFIG}measure: {{nosuch: 1}}\n"}, "mine", [f"{MINE}: measure.nosuch is not a field", "Fields: terms"]),
    ({MINE: f"{CONFIG}outcome: {{term: nosuch}}\n"}, "mine", [f"{MINE}: outcome.term: The term 'nosuch'", "Columns:"]),
    ({MINE: f"{CONFIG}panel: {{derive: [a]}}\n"}, "mine", [f"{MINE}: panel.derive must be a mapping", "got ['a']"]),
    ({MINE: f"{CONFIG}panel: {{gaps: ignore}}\n"}, "mine", [f"{MINE}: panel.gaps must be one of 'refuse'"]),
    ({MINE: f"{CONFIG}sample: {{periods: 2012}}\n"}, "mine", [f"{MINE}: sample.periods must be a list, e.g. [2012]"]),
    (
        {MINE: f"{CONFIG}sample: {{first: 2050}}\n"},
        "mine",
        [f"{MINE}: sample.first=2050: the panel's periods lie in 2012 to 2017", "or null for no bound"],
    ),
    ({MINE: f"{CONFIG}inference: {{cov: clusterr}}\n"}, "mine", [f"{MINE}: inference.cov", "Did you mean 'cluster'?"]),
    ({MINE: f"{CONFIG}model: {{x: [3]}}\n"}, "mine", [f"{MINE}: model.x.0: must be a text; got 3"]),
    (
        {MINE: f"{CONFIG}model: {{level: 95}}\n"},
        "mine",
        [f"{MINE}: model.level is the coverage of intervals, from 0.5 to below 1; got 95. Write 0.95"],
    ),
    (
        {MINE: f"{CONFIG}model: {{_target_: digicarbon.model.Nope}}\n"},
        "mine",
        [f"{MINE}: model._target_: 'digicarbon.model' has no class 'Nope'", "Classes:", "SpatialPanel"],
    ),
    ({MINE: f"{CONFIG}model: {{_target_: 3}}\n"}, "mine", [f"{MINE}: model._target_ must be a text; got 3"]),
    (
        {MINE: f"{CONFIG}model: {{y: '${{outcome.trem}}'}}\n"},
        "mine",
        [f"{MINE}: model.y: ${{outcome.trem}} names nothing", "Did you mean 'term'?", "Keys of outcome:"],
    ),
    (
        {MINE: f"{CONFIG}model: {{y: '${{outcom.term}}'}}\n"},
        "mine",
        [f"{MINE}: model.y: ${{outcom.term}} names nothing", "Did you mean 'outcome'?", "groups:"],
    ),
    ({MINE: f"{CONFIG}model: {{y: '${{outcome'}}\n"}, "mine", [f"{MINE}: model.y: cannot be read", "both braces"]),
    ({MINE: f"{CONFIG}report: {{decimals: many}}\n"}, "mine", [f"{MINE}: report.decimals: must be a whole number"]),
    (
        {MINE: f"{CONFIG}report: {{stars: [0.05]}}\n"},
        "mine",
        [f"{MINE}: report.stars has too few items: it needs 3; got [0.05].\n"],
    ),
    *listed("WRONG_FIELDS"),
    (
        {MINE: "defaults: [config, override report: regions, _self_]\nreport: {first: {decimals: many}}\n"},
        "mine",
        [f"{MINE}: report.first.decimals: must be a whole number; got 'many'"],
    ),
    ({MINE: f"{CONFIG}executor: {{workers: 0}}\n"}, "mine", [f"{MINE}: executor.workers is not a field", "n_jobs"]),
    ({MINE: f"{CONFIG}tracking: {{uri: 3}}\n"}, "mine", [f"{MINE}: tracking.uri: must be a text; got 3"]),
    (
        {MINE: "defaults: [config, override diagnostic: wild_bootstrap, _self_]\ndiagnostic: {draws: 0}\n"},
        "mine",
        [f"{MINE}: diagnostic.draws: must be at least 99"],
    ),
]
REQUIRED: list[tuple[Mapping[str, str], str, list[str]]] = [
    (
        {MINE: sdm("matrix")},
        "mine",
        [f"{MINE}: weights.path is required by weights=matrix", "`weights: {path: …}`", "weights.path=…"],
    ),
    (
        {MINE: sdm("queen")},
        "mine",
        [f"{MINE}: weights.path is required by weights=queen, and so is weights.unit", "`weights: {path: …, unit: …}`"],
    ),
    (
        {BASE: sdm("gal"), MINE: HEIR},
        "mine",
        [f"{BASE}: weights.path is required by weights=gal"],
    ),
    (
        {MINE: f"{CONFIG}columns: {{A: {{model: sdm, weights: matrix}}}}\n"},
        "mine",
        [f"A: {MINE}, columns.A: weights.path is required"],
    ),
    (
        {MINE: f"{CONFIG}grid: {{model: [sdm], weights: [matrix]}}\n"},
        "mine",
        [f"{MINE}, grid.weights: weights.path is required"],
    ),
    ({}, "model=sdm weights=matrix", ["command line: weights.path is required by weights=matrix"]),
    ({}, "tracking=server", ["command line: tracking.uri is required by tracking=server", "tracking.uri=…"]),
    ({}, "measure=column", ["command line: measure.column is required by measure=column"]),
]
DATA_FILES: list[tuple[Mapping[str, str], str, list[str]]] = [
    ({MINE: own(), "d.csv": ""}, "mine", [f"{MINE}: source.path: d.csv is empty"]),
    ({MINE: own(), "d.csv": "city,year,co2,gdp\n"}, "mine", [f"{MINE}: source.path: d.csv has no rows"]),
    ({MINE: own(), "e.csv": DATA}, "mine", [f"{MINE}: source.path: there is no file 'd.csv'", "'e.csv'?"]),
    (
        {MINE: own("[gpd]"), "d.csv": DATA},
        "mine",
        [f"{MINE}: model.x: d.csv: The term 'gpd'", "Did you mean 'gdp'?", "Columns: co2, gdp"],
    ),
    ({MINE: own("[name]"), "d.csv": DATA}, "mine", [f"{MINE}: model.x: d.csv: Column 'name' holds text", "C(name)"]),
    (
        {MINE: own().replace("x: [gdp], controls: []", "formula: co2 ~ nosuch"), "d.csv": DATA},
        "mine",
        [f"{MINE}: model.formula: d.csv: The term 'nosuch'"],
    ),
    *listed("WRONG_UNITS"),
    ({MINE: sdm("gal", "{path: w.gal}"), "w.gal": ""}, "mine", [f"{MINE}: weights.path: w.gal is empty"]),
    ({MINE: sdm("gal", "{path: w.gal}"), "w.gal": "a b\n"}, "mine", [f"{MINE}: weights.path: w.gal, line 1: 'a b'"]),
    (
        {MINE: own(model="sdm") + "weights: {path: w.csv}\n", "d.csv": DATA, "w.csv": matrix("-1")},
        "mine",
        [f"{MINE}: weights.path: w.csv: the weight c0 to c1 (-1) is negative"],
    ),
    (
        {
            MINE: own(model="sdm", weights="k_nearest")
            + "weights: {coordinates: w.csv, unit: city, longitude: x, latitude: y}\n",
            "d.csv": DATA,
            "w.csv": "city,x,y\nc0,1,2\n",
        },
        "mine",
        [f"{MINE}: weights.coordinates: w.csv lacks c1"],
    ),
    (
        {MINE: sdm("blend", "{first: {_target_: digicarbon.weights.MatrixWeights, path: no.csv}}")},
        "mine",
        [f"{MINE}: weights.first.path: there is no file 'no.csv'"],
    ),
    (
        {
            MINE: sdm("k_nearest").replace("sdm", "sac")
            + "model: {error_weights: {_target_: digicarbon.weights.MatrixWeights, path: no.csv}}\n"
        },
        "mine",
        [f"{MINE}: model.error_weights.path: there is no file 'no.csv'"],
    ),
    (
        {
            MINE: sdm("k_nearest").replace("sdm", "sac")
            + "model: {error_weights: {_target_: digicarbon.weights.KNearestWeights, k: x}}\n"
        },
        "mine",
        [f"{MINE}: model.error_weights.k: must be a whole number; got 'x'"],
    ),
    ({}, "source=folder source.folder=nowhere", ["command line: source.folder: there is no folder", "nowhere"]),
]
SWEEPS: list[tuple[Mapping[str, str], str, list[str]]] = [
    ({MINE: f"{CONFIG}columns: {{A: fe}}\n"}, "mine", [f"{MINE}, columns.A: a column must be a mapping"]),
    ({MINE: f"{CONFIG}columns: {{A: {{model: fee}}}}\n"}, "mine", [f"{MINE}, columns.A: model=fee", "Options:"]),
    (
        {MINE: f"{CONFIG}columns: {{A: {{model.effects: both}}}}\n"},
        "mine",
        [f"{MINE}, columns.A: model.effects must be one of 'none'"],
    ),
    ({MINE: f"{CONFIG}grid: {{model: [fe, fee]}}\n"}, "mine", [f"{MINE}, grid.model: model=fee", "mean 'fe'?"]),
    (
        {MINE: f"{CONFIG}grid: {{model.controls: {{subset: [ln_pgdp]}}}}\n"},
        "mine",
        [f"{MINE}, grid.model.controls: must be a list", "{subsets: […]}"],
    ),
    (
        {MINE: f"{CONFIG}grid: {{model.level: 'range(a,b)'}}\n"},
        "mine",
        [f"{MINE}, grid.model.level: 'model.level=range(a,b)' cannot be read", "A sweep is a list", "range(1,4)"],
    ),
    (
        {MINE: f"{CONFIG}zip: {{model: [fe], inference: [classic, cluster]}}\n"},
        "mine",
        [f"{MINE}, zip: the lists must have equal lengths", "inference has 2"],
    ),
    (
        {MINE: f"{CONFIG}exclude: [{{model.effect: unit}}]\n"},
        "mine",
        [f"{MINE}, exclude: no run has a key 'model.effect'", "Did you mean 'model.effects'?", "Keys: model."],
    ),
    (
        {MINE: f"{CONFIG}grid: {{model: [fe, twfe]}}\nexclude: [{{model: [fe, twfe]}}]\n"},
        "mine",
        [f"{MINE}, exclude: nothing is left to run: the rules leave out 2 combinations", "take a rule out"],
    ),
    (
        {MINE: f"{CONFIG}grid: {{model: 'glob(sd*)', weights: [matrix]}}\n"},
        "mine",
        [f"{MINE}: nothing is left to run: none of the options that a glob", f"{MINE}, grid.weights: weights.path"],
    ),
    ({MINE: f"{CONFIG}draw: {{n: five}}\n"}, "mine", [f"{MINE}, draw: takes n and seed", "'five'"]),
]
INHERITED: list[tuple[Mapping[str, str], str, list[str]]] = [
    ({BASE: "", MINE: HEIR}, "mine", [f"{BASE}: The file is empty."]),
    ({BASE: f"{CONFIG}model: {{x: [3]}}\n", MINE: HEIR}, "mine", [f"{BASE}: model.x.0: must be a text"]),
    ({BASE: f"{CONFIG}title: [a]\n", MINE: HEIR}, "mine", [f"{BASE}: title must be a text"]),
    (
        {BASE: "defaults: [config, override model: sdmm, _self_]\n", MINE: HEIR},
        "mine",
        [f"{BASE}: model=sdmm: there is no such option. Did you mean 'sdm'?"],
    ),
    (
        {BASE: f"{CONFIG}columns: {{A: {{model.effects: both}}}}\n", MINE: HEIR},
        "mine",
        [f"{BASE}, columns.A: model.effects must be one of"],
    ),
    ({BASE: f"{CONFIG}panel: {{derive: [a]}}\n", MINE: HEIR}, "mine", [f"{BASE}: panel.derive must be a mapping"]),
]
CONF: list[tuple[Mapping[str, str], str, list[str]]] = [
    (
        {"conf/model/mine.yaml": ""},
        "model=mine",
        ["conf/model/mine.yaml: model._target_ is missing", "'digicarbon.model.…'"],
    ),
    (
        {"conf/sample/mine.yaml": "# x\n"},
        "sample=mine",
        ["conf/sample/mine.yaml: sample._target_", "digicarbon.sample."],
    ),
    ({"conf/report/mine.yaml": ""}, "report=mine", ["conf/report/mine.yaml: report._target_ is missing"]),
    ({"conf/model/mine.yaml": "- a\n"}, "model=mine", ["conf/model/mine.yaml must hold keys and values"]),
    ({"conf/model/mine.yaml": f"{MODEL}nosuch: 3\n"}, "model=mine", ["conf/model/mine.yaml: model.nosuch is not a"]),
    (
        {"conf/model/mine.yaml": MODEL.replace("outcome.controls", "outcome.contrls")},
        "model=mine",
        ["conf/model/mine.yaml: model.controls: ${outcome.contrls} names nothing. Did you mean 'controls'?"],
    ),
    (
        {"conf/model/mine.yaml": f"defaults: [nosuch, _self_]\n{MODEL}"},
        "model=mine",
        ["conf/model/mine.yaml, defaults: model=nosuch: there is no such option", "Options:"],
    ),
    (
        {"conf/model/mine.yaml": f"defaults: [fe, 3, _self_]\n{MODEL}"},
        "model=mine",
        ["conf/model/mine.yaml, defaults: each item is a name", "got 3"],
    ),
    (
        {"conf/measure/mine.yaml": "_target_: digicarbon.measure.ColumnMeasure\ncolumn: e\n"},
        "measure=mine",
        ["conf/measure/mine.yaml: measure.terms is missing, and model.x (conf/model/twfe.yaml) takes it"],
    ),
    (
        {
            "conf/measure/mine.yaml": "_target_: digicarbon.measure.ColumnMeasure\ncolumn: e\n",
            MINE: f"{CONFIG}columns: {{A: {{measure: mine}}}}\n",
        },
        "mine",
        ["conf/measure/mine.yaml: measure.terms is missing"],
    ),
    (
        {"conf/inference/mine.yaml": "_target_: digicarbon.inference.Inference\ncov: robust\n"},
        "inference=mine",
        ["conf/inference/mine.yaml: inference.cluster is missing", "write `cluster: …` there"],
    ),
    (
        {"conf/tracking/mine.yaml": "_target_: digicarbon.tracking.Tracking\nurl: x\n"},
        "tracking=mine",
        ["conf/tracking/mine.yaml: tracking.url is not a field", "Did you mean 'uri'?"],
    ),
]
COMMAND_LINE: list[tuple[Mapping[str, str], str, list[str]]] = [
    ({}, "model=[fe]", ["command line: model chooses an option by its name", "got [fe]", "digicarbon list model"]),
    ({}, "model=3", ["command line: model chooses an option by its name", "got 3"]),
    ({}, "model=null", ["command line: model chooses an option by its name", "got null"]),
    ({}, "model={a:b}", ["command line: model chooses an option by its name", "got {a:b}"]),
    ({}, "model=nosuch", ["command line: model=nosuch: there is no such option", "Options:"]),
    ({}, "model.effects=both", ["command line: model.effects must be one of"]),
    (
        {},
        "model.formula=a~b",
        ["command line: 'model.formula=a~b' cannot be read", "'model.formula=\"a~b\"'"],
    ),
    ({}, "columns={A:{model:fee}}", ["command line, columns.A: model=fee: there is no such option"]),
    ({}, "+columns.A.model=fee", ["command line, columns.A: model=fee: there is no such option"]),
    ({}, "grid={model:[fee]}", ["command line, grid.model: model=fee"]),
    ({}, "+draw.n=0", ["command line, draw: takes n and seed"]),
    ({}, "experiments=[nosuch]", ["command line, experiments: There is no experiment 'nosuch'"]),
    ({}, "experiments=nosuch", ["command line: experiments must be a list", "got 'nosuch'"]),
    ({}, "title=[a]", ["command line: title must be a text"]),
    ({}, "-m model=fe,fee", ["command line: model=fee: there is no such option. Did you mean 'fe'?"]),
    ({}, "-m executor=loky,threading", ["command line: executor is one for the whole sweep"]),
    ({}, "~weights", ["command line, ~weights: every run has an option of weights", "digicarbon list weights"]),
    ({}, "~diagnostic=none", ["command line, ~diagnostic=none: every run", "Choose diagnostic=none for a run without"]),
    ({}, "~nothing", ["command line: there is no key 'nothing'", "Keys:"]),
    ({}, "~model.effects=one", ["command line: ~model.effects: its value is two_way"]),
    ({}, "~columns.FE(1)", ["command line: there is no key 'columns.FE(1)'"]),
    ({}, "table3_baseline ~columns.FE(0)", ["there is no key 'columns.FE(0)'. Did you mean 'columns.FE("]),
    ({}, "table3_baseline ~columns.FE", ["there is no key 'columns.FE'", "Keys: columns.FE(1), "]),
    ({}, "~panel.FE(1)", ["command line: '~panel.FE(1)' cannot be read", "`columns: {FE(1): null}`"]),
    ({}, "~columns.FE(1)=a", ["command line: '~columns.FE(1)=a' cannot be read", "`columns: {FE(1): null}`"]),
]
ALL = [*EXPERIMENT, *FIELDS, *REQUIRED, *DATA_FILES, *SWEEPS, *INHERITED, *CONF, *COMMAND_LINE]


@pytest.mark.long
@pytest.mark.parametrize(("files", "words", "parts"), ALL, ids=[str(number) for number in range(len(ALL))])
def test_a_wrong_input_is_told_with_its_file_and_key(
    folder: Path, capsys: pytest.CaptureFixture[str], files: Mapping[str, str], words: str, parts: list[str]
) -> None:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    assert main(["check", *words.split(" ")]) == 2
    said = capsys.readouterr().err
    for part in parts:
        assert part in said
    # a sentence of ours, not of Hydra, OmegaConf or pydantic
    for foreign in ("full_key", "object_type", "DictConfig", "Search path", "Traceback", "unexpected error", "Input "):
        assert foreign not in said


def test_the_place_of_a_store_that_cannot_be_opened(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "experiments").mkdir()
    (folder / MINE).write_text(f"{CONFIG}tracking: {{uri: 'ftp://x'}}\n", encoding="utf-8")
    assert main(["run", "mine"]) == 2
    assert f"{MINE}: tracking.uri: the store ftp://x cannot be opened" in capsys.readouterr().err
