"""JSON Schema of options and experiments: what ships is valid, and what is misspelt is not."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from conftest import REPOSITORY
from jsonschema import Draft7Validator, ValidationError

from digicarbon.__main__ import main
from digicarbon.cli.schema import schemas
from digicarbon.config.files import GROUPS, read
from digicarbon.note import Note

ALL = (*GROUPS, "importer")
OPTIONS = sorted(path for group in ALL for path in (REPOSITORY / "conf" / group).glob("*.yaml"))
EXPERIMENTS = [*sorted((REPOSITORY / "experiments").glob("*.yaml")), REPOSITORY / "conf" / "config.yaml"]


@pytest.fixture(scope="module")
def made() -> dict[str, Draft7Validator]:
    faults: list[Note] = []
    found = schemas(faults.append)
    assert faults == []
    for content in found.values():
        Draft7Validator.check_schema(content)
    return {name: Draft7Validator(content) for name, content in found.items()}


def content(path: Path) -> Any:
    """A file as an editor sees it, where all keys are texts."""
    return json.loads(json.dumps(read(path)))


def faults(validator: Draft7Validator, value: Any) -> list[str]:
    """All messages, also those of the alternatives that a value does not fit."""
    return [text for error in validator.iter_errors(value) for text in messages(error)]


def messages(error: ValidationError) -> list[str]:
    return [f"{error.json_path}: {error.message}", *(text for part in error.context or () for text in messages(part))]


@pytest.mark.long
@pytest.mark.parametrize("path", OPTIONS, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_option_is_valid_and_a_misspelt_field_is_not(path: Path, made: dict[str, Draft7Validator]) -> None:
    validator = made[path.parent.name]
    node = content(path)
    assert faults(validator, node) == []
    for name in set(node) - {"_target_"}:
        wrong = {(f"{key}x" if key == name else key): value for key, value in node.items()}
        assert any(f"'{name}x' was unexpected" in fault for fault in faults(validator, wrong))


@pytest.mark.parametrize(
    "path",
    [pytest.param(path, marks=[pytest.mark.long] if place % 10 else []) for place, path in enumerate(EXPERIMENTS)],
    ids=lambda path: path.stem,
)
def test_experiment_is_valid_and_a_misspelt_key_is_not(path: Path, made: dict[str, Draft7Validator]) -> None:
    node = content(path)
    assert faults(made["experiment"], node) == []
    for name in node:
        wrong = {(f"{key}x" if key == name else key): value for key, value in node.items()}
        # without `defaults` the file is a short one, which may have dotted keys, too
        assert any(
            f"'{name}x'" in fault and any(map(fault.__contains__, SAID)) for fault in faults(made["experiment"], wrong)
        )


SAID = ("unexpected", "match any")
START = {"defaults": ["config", "_self_"]}
WRONG = [
    ({"defaults": [{"override model": "sdm"}, "_self_"]}, "$.defaults: "),
    ({"defaults": ["_self_", "config"]}, "$.defaults[0]"),
    ({"model": {"_target_": "digicarbon.model.SpatialPanl"}}, "$.model['_target_']"),
    ({"title": 3}, "$.title"),
    ({"replace": "column"}, "$.replace: 'column' is not one of"),
    ({"replace": ["title"]}, "$.replace[0]: 'title' is not one of"),
    ({"model": {"contrls": ["x"]}}, "'contrls' was unexpected"),
    ({"defaults": ["config", {"override model": "smd"}]}, "$.defaults[1]"),
    ({"defaults": ["config", {"override model": "fe"}], "model": {"durbin": "all"}}, "'durbin' was unexpected"),
    ({"columns": {"A": {"measur": "bea"}}}, "'measur' does not match any"),
    ({"columns": {"A": {"model": "smd"}}}, "$.columns.A.model"),
    ({"columns": {"A": {"model.level": 2}}}, "$.columns.A['model.level']"),
    ({"grid": {"inference": []}}, "$.grid.inference"),
    ({"exclude": [{"model": []}]}, "$.exclude[0].model"),
    ({"grid": {"outcome.controls": {"subset": ["ln_pgdp"]}}}, "outcome.controls"),
    ({"grid": {"model.effects": ["two_ways"]}}, "$.grid['model.effects']"),
    ({"grid": {"executor": ["loky"]}}, "'executor' does not match any"),
    ({"zip": {"model": "sdm"}}, "$.zip.model"),
    ({"exclude": [{"modl": "sdm"}]}, "'modl' does not match any"),
    ({"draw": {"n": 5, "sed": 1}}, "'sed' was unexpected"),
    ({"experiments": ["table3_basline"]}, "$.experiments[0]"),
]


@pytest.mark.parametrize(("node", "said"), WRONG, ids=lambda value: str(value) if isinstance(value, str) else "")
def test_a_mistake_in_an_experiment_is_found(node: Any, said: str, made: dict[str, Draft7Validator]) -> None:
    assert any(said in fault for fault in faults(made["experiment"], {**START, **node}))


SHORT = {
    "data": "panel.csv",
    "y": "ln_ci",
    "x": "ln_digital",
    "controls": ["ln_pgdp", "urban"],
    "model": "twfe",
    "weights": "neighbours.csv",
    "cluster": "time",
    "columns": {"(1)": {"controls": []}, "(2)": {}, "(3)": {"model": "sdm", "weights": "other.xlsx", "durbin": "x"}},
    "grid": {"model": ["sar", "sdm"], "controls": "subsets"},
    "report": "curve",
    "report.quantity": "total",
}
WRONG_SHORT = [
    ({"contrls": ["urban"]}, "'contrls' does not match any"),
    ({"model": "smd"}, "$.model"),
    ({"data": "panel.pdf"}, "$.data"),
    ({"data": {"path": "panel.csv", "unt": "city"}}, "'unt' was unexpected"),
    ({"columns": {"A": {"durbn": "x"}}}, "'durbn' does not match any"),
    ({"from": "nobody"}, "$.from"),
    ({"from": "table3_baseline", "extend": "column"}, "$.extend"),
    ({"level": 5}, "$.level"),
]


def test_a_short_file_is_valid(made: dict[str, Draft7Validator]) -> None:
    assert faults(made["experiment"], SHORT) == []
    other = {"from": "table3_baseline", "extend": "columns", "data": {"path": "a.csv", "unit": "city"}, "level": 0.9}
    assert faults(made["experiment"], {**other, "source.time": "year"}) == []


@pytest.mark.parametrize(("node", "said"), WRONG_SHORT, ids=lambda value: str(value) if isinstance(value, str) else "")
def test_a_mistake_in_a_short_file_is_found(node: Any, said: str, made: dict[str, Draft7Validator]) -> None:
    assert any(said in fault for fault in faults(made["experiment"], {**SHORT, **node}))


RIGHT = [
    {"defaults": ["table3_baseline", {"override model": "sdm"}, "_self_"], "model": {"durbin": ["ln_e"]}},
    {"columns": {"A": None, "B": {}, "C": {"model.controls": [], "measure": "sector1", "panel.derive.x": "a / b"}}},
    {"exclude": [{"model": ["sdm", "sar"], "inference": "robust"}]},
    {"grid": {"outcome.controls": {"subsets": ["ln_pgdp"], "always": ["ln_ter_sec"]}}},
    {"grid": {"weights": "glob(*)", "model.level": [0.9, "${inference.level}"], "source": {"seed": "range(1,9)"}}},
    {
        "zip": {"sample.first": [2012, None], "weights.k": [4, 5]},
        "draw": {"n": 5, "seed": 1},
        "exclude": [{"model": "sdm"}],
    },
    {"experiments": ["table3_baseline"], "title": ""},
    {"defaults": ["table3_baseline"]},
    {"replace": "columns"},
    {"replace": ["columns", "grid"]},
    {"defaults": ["/config", "_self_", {"override model": "sdm"}], "model": {"_target_": "mine.MyModel"}},
]


@pytest.mark.parametrize("node", RIGHT, ids=range(len(RIGHT)))
def test_what_an_experiment_may_say_is_valid(node: Any, made: dict[str, Draft7Validator]) -> None:
    assert faults(made["experiment"], {**START, **node}) == []


def test_what_check_refuses_in_an_option_is_found(made: dict[str, Draft7Validator]) -> None:
    fields = {"path": "a.csv", "origin": "a", "destination": "b"}
    assert any("'_target_' is a required property" in fault for fault in faults(made["weights"], fields))
    misspelt = {"_target_": "digicarbon.weights.EdgeWeight", **fields}
    assert any("$['_target_']" in fault for fault in faults(made["weights"], misspelt))
    assert faults(made["weights"], {**misspelt, "_target_": "digicarbon.weights.EdgeWeights"}) == []
    assert faults(made["weights"], {**misspelt, "_target_": "digicarbon.weights.files.EdgeWeights"}) == []
    empty = {"_target_": "digicarbon.measure.ColumnMeasure", "column": "a", "name": "a", "terms": []}
    assert any("$.terms: [] " in fault for fault in faults(made["measure"], empty))
    assert faults(made["measure"], {**empty, "terms": ["a"]}) == []
    assert faults(made["measure"], {"_target_": "digicarbon.measure.NoMeasure", "terms": []}) == []
    assert any("$.defaults[0]" in fault for fault in faults(made["sample"], {"defaults": ["_self_", "east"]}))
    assert faults(made["sample"], {"defaults": ["east", "_self_"], "first": 2014}) == []


def test_options_have_types_limits_enums_defaults_and_descriptions(made: dict[str, Draft7Validator]) -> None:
    fields = made["weights"].schema["definitions"]["digicarbon.weights.distance.DistanceBandWeights"]["properties"]
    assert fields["metric"]["anyOf"][0] == {"enum": ["great_circle", "euclidean"], "type": "string"}
    assert (fields["metric"]["default"], fields["power"]["anyOf"][0]["exclusiveMinimum"]) == ("great_circle", 0)
    assert fields["metric"]["description"].startswith("Kilometres on a sphere of 6,371 km")
    node = {"_target_": "digicarbon.weights.DistanceBandWeights", "metric": "great_circles"}
    assert any("$.metric" in fault for fault in faults(made["weights"], node))
    assert faults(made["weights"], {**node, "metric": "${weights.other}"}) == []
    bare = {"_target_": "digicarbon.weights.MatrixWeights"}
    assert any("'path' is a required" in fault for fault in faults(made["weights"], bare))
    assert faults(made["weights"], {"defaults": ["k_nearest", "_self_"], "k": 3}) == []
    assert faults(made["weights"], {"_target_": "mine.MyWeights", "whatever": 1}) == []


def test_a_nested_specification_is_checked_by_its_own_class(made: dict[str, Draft7Validator]) -> None:
    node: dict[str, Any] = {
        "_target_": "digicarbon.weights.HigherOrderWeights",
        "base": {"_target_": "digicarbon.weights.KNearestWeights"},
    }
    assert faults(made["weights"], node) == []
    node["base"]["kk"] = 3
    assert faults(made["weights"], node) != []


def test_the_user_s_own_options_and_classes_are_in_it(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "conf" / "sample").mkdir(parents=True)
    (folder / "mine_sample.py").write_text(
        "from digicarbon.sample import Sample\n\nclass Coast(Sample):\n    depth: int = 3\n", encoding="utf-8"
    )
    (folder / "conf" / "sample" / "coast.yaml").write_text("# coast\n_target_: mine_sample.Coast\n", encoding="utf-8")
    (folder / "conf" / "sample" / "odd.yaml").write_text("_target_: nowhere.Sample\n", encoding="utf-8")
    (folder / "conf" / "sample" / "broken.yaml").write_text("_target_: [1\n", encoding="utf-8")
    assert main(["schema", "--to=s"]) == 0
    told = capsys.readouterr().err
    assert "left out: sample=odd: conf/sample/odd.yaml._target_: the module 'nowhere'" in told
    assert "left out: sample=broken: conf/sample/broken.yaml is not valid YAML in line 1" in told
    validator = Draft7Validator(json.loads((folder / "s" / "sample.json").read_text(encoding="utf-8")))
    assert faults(validator, {"_target_": "mine_sample.Coast", "depth": 4}) == []
    assert faults(validator, {"_target_": "mine_sample.Coast", "deep": 4}) != []


@pytest.mark.parametrize("words", [["--to"], ["--to="], ["x"]])
def test_a_wrong_command_is_a_sentence(words: list[str], folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["schema", *words]) == 2
    assert "digicarbon schema [--to FOLDER]" in capsys.readouterr().err
    assert list(folder.iterdir()) == []


def test_a_folder_that_is_a_file_is_a_sentence(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "taken").write_text("", encoding="utf-8")
    assert main(["schema", "--to", "taken"]) == 2
    assert "The folder taken cannot be written" in capsys.readouterr().err
