"""Composition: the user's files first, assembled configurations equal composed ones, errors are sentences."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hydra.types import RunMode
from omegaconf import OmegaConf

import digicarbon
from digicarbon.config.compose import Composer, loader, missing
from digicarbon.config.files import GROUPS, folders, lineage
from digicarbon.errors import ConfigError
from digicarbon.note.about import key_of
from digicarbon.plan.runs import plan
from digicarbon.sweep.sweep import settings


def write(path: str, text: str) -> None:
    file = Path(path)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")


def refusal(name: str, *overrides: str) -> str:
    with pytest.raises(ConfigError) as caught:
        Composer(loader(), name, overrides).sweep_keys()
    text = str(caught.value)
    assert "\n" not in text
    return text


def composed_by_hydra(name: str, overrides: list[str]) -> dict[str, Any]:
    config = loader().load_configuration(name, overrides, run_mode=RunMode.RUN)
    OmegaConf.set_struct(config, False)
    for key in [key for key in config if key not in GROUPS]:
        del config[key]
    return dict(OmegaConf.to_container(config, resolve=True))


def test_user_folders_come_first(folder: Path) -> None:
    write("conf/weights/mine.yaml", "# mine")
    write("experiments/mine.yaml", "# mine")
    package = Path(digicarbon.__file__).parent
    base = package if (package / "conf").is_dir() else package.parent
    shipped = [base / "experiments", base / "conf"]
    assert folders() == [folder / "experiments", folder / "conf", *shipped]


def test_user_option_is_found_and_shadows_the_shipped_one(folder: Path) -> None:
    write("conf/sample/full.yaml", "# mine\n_target_: digicarbon.sample.Sample\nfirst: 2013\n")
    write("conf/weights/mine.yaml", "# mine\n_target_: digicarbon.weights.AdjacencyWeights\n")
    composer = Composer(loader(), "table7_spatial_w1")
    assert composer.base.sample.first == 2013
    assert "mine" in composer.options("weights")
    assert composer.merged({"weights": "mine"})["weights"] == {"_target_": "digicarbon.weights.AdjacencyWeights"}


@pytest.mark.parametrize("name", ["my study", "碳强度", "50%20"])
def test_a_folder_may_be_called_as_its_user_likes(folder: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    (folder / name).mkdir()
    monkeypatch.chdir(folder / name)
    write("experiments/mine.yaml", "defaults: [config, override sample: mine, _self_]\n")
    write("conf/sample/mine.yaml", "_target_: digicarbon.sample.Sample\nfirst: 2013\n")
    assert Composer(loader(), "mine").base.sample.first == 2013


def test_a_file_that_was_changed_is_read_anew(folder: Path) -> None:
    write("conf/sample/mine.yaml", "_target_: digicarbon.sample.Sample\nfirst: 2013\n")
    composer = Composer(loader(), "config", ["sample=mine", "sample.first=2014"])
    assert composer.base.sample.first == 2014
    assert Composer(composer.loader, "config", ["sample=mine"]).base.sample.first == 2013
    write("conf/sample/mine.yaml", "_target_: digicarbon.sample.Sample\nfirst: 2015\nlast: 2017\n")
    assert Composer(composer.loader, "config", ["sample=mine"]).base.sample == {
        "_target_": "digicarbon.sample.Sample", "first": 2015, "last": 2017
    }  # fmt: skip


def test_user_experiment_shadows_and_inherits(folder: Path) -> None:
    write("experiments/table2_descriptive.yaml", "defaults: [table3_baseline, _self_]\ntitle: mine\n")
    composer = Composer(loader(), "table2_descriptive", ["model.effects=unit"])
    assert composer.base.title == "mine"
    assert composer.base.model.effects == "unit"
    assert composer.chosen["source"] == "simulated_fe"
    assert list(composer.sweep_keys()["columns"]) == [f"FE({k})" for k in range(1, 8)]
    assert [file.name for file in lineage("table2_descriptive")] == ["table2_descriptive", "table3_baseline", "config"]


@pytest.mark.parametrize(
    ("name", "overrides", "choices"),
    [
        ("config", [], {}),
        ("config", ["model.effects=time"], {"model": "sdm", "weights": "w2_nested"}),
        ("config", ["outcome.controls=[ln_pgdp]"], {"outcome": "intensity_fuels", "model": "sar"}),
        ("table3_baseline", [], {"measure": "ddl", "sample": "east", "inference": "classic"}),
        ("table7_spatial_w1", ["inference.level=0.9"], {"weights": "w2_nested", "measure": "ide"}),
        ("table7_spatial_w1", ["weights=w2_nested"], {"model": "sdem", "source": "simulated"}),
        ("table2_descriptive", [], {"weights": "w2_nested", "diagnostic": "none", "model": "fe_time"}),
    ],
)
def test_assembled_equals_composed(name: str, overrides: list[str], choices: dict[str, str]) -> None:
    composer = Composer(loader(), name, overrides)
    taken = [override for override in overrides if override.split("=")[0] not in choices]
    full = composed_by_hydra(name, [*taken, *(f"{group}={option}" for group, option in choices.items())])
    assert composer.config(choices) == full


def test_values_come_after_groups() -> None:
    composer = Composer(loader(), "config")
    config = composer.config({"model.controls": [], "model": "sdm", "measure": "ddl"})
    assert config["model"]["controls"] == []
    assert config["model"]["x"] == ["ln_ddl"]
    assert composer.base.model.controls != []


def test_option_that_writes_outside_its_group_is_composed_in_full(folder: Path) -> None:
    write(
        "conf/sample/late.yaml",
        "# @package _global_\nsample:\n  _target_: digicarbon.sample.Sample\npanel:\n  first: 2014\n",
    )
    composer = Composer(loader(), "config")
    choices = {"sample": "late", "weights": "w2_nested"}
    config = composer.config(choices)
    assert config["panel"]["first"] == 2014
    assert config == composed_by_hydra("config", ["sample=late", "weights=w2_nested"])
    assert composer.config({"weights": "w2_nested"})["panel"]["first"] is None


def test_missing_lists_required_keys_even_behind_interpolations() -> None:
    composer = Composer(loader(), "config")
    assert missing(composer.merged({"measure": "column", "source": "table"})) == [
        "source.path",
        "measure.column",
    ]


def test_where_names_the_file_or_the_command_line(folder: Path) -> None:
    write("experiments/mine.yaml", "defaults: [table7_spatial_w1, _self_]\nmodel: {level: 0.9}\n")
    composer = Composer(loader(), "mine", ["inference.level=0.99", "model=sar"])
    assert composer.where("inference.level") == "command line"
    assert composer.where("model") == "command line"
    assert composer.where("model.level") == "experiments/mine.yaml"
    assert composer.where("model.durbin") == "experiments/table7_spatial_w1.yaml"
    assert composer.where("model.demeaning") == "conf/model/sar.yaml"
    assert composer.where("model.demeaning", {"model": "sdm"}) == "conf/model/sdm.yaml"
    assert composer.where("columns.SDM(1)") == "experiments/table7_spatial_w1.yaml"


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("defaults: [bad, _self_]", "inherits itself (bad > bad)"),
        (
            "defaults: [table3_baseline, _self_]\ngird: {}",
            "experiments/bad.yaml: unknown key 'gird'. Did you mean 'grid'?",
        ),
        ("defaults: [config, _self_]\nweights: w2_nested", "override weights: w2_nested"),
        (
            "defaults: [config, _self_]\nweights: null",
            "experiments/bad.yaml: weights is the name of one option, or of a file, or a mapping of fields",
        ),
        ("defaults: [config, _self_]\ncolumns: [a, b]", "experiments/bad.yaml: columns must be a mapping"),
        ("defaults: [config, _self_]\ngrid: [a]", "experiments/bad.yaml: grid must be a mapping"),
        ("defaults: [config, _self_]\nexclude: {model: sdm}", "experiments/bad.yaml: exclude must be a list"),
        ("defaults: [config, _self_]\ncolumns: {A: [", "experiments/bad.yaml is not valid YAML"),
        ("- a\n- b\n", "experiments/bad.yaml must hold keys and values"),
        ("defaults: [_self_]\ntitle: x", "an experiment inherits `config`"),
        (
            "data: simulated\ny: ln_ci\ncontrls: [ln_pgdp]",
            "experiments/bad.yaml: unknown key 'contrls'. Did you mean 'controls'?",
        ),
        ("", "The file is empty. Write e.g. {data: panel.csv"),
        ("y: ln_ci\nx: ln_e", "There are no data: `y` names a column, and no file is given"),
        ("columns: {A: {}}\nextend: columns", "this file starts from none"),
        ("from: table3_baseline\nextend: column", "'extend' names column; it takes columns, grid, zip"),
        ("defaults: [confg, _self_]", "it starts from 'confg' and there is no such experiment. Did you mean 'config'?"),
        (
            "defaults: [config, override model: sdn, _self_]",
            "experiments/bad.yaml: model=sdn: there is no such option.",
        ),
        ("defaults: [config, override modle: sdm, _self_]", "experiments/bad.yaml: there is no key 'modle'."),
        ("defaults: [config, model: sdm, _self_]", "override model: sdm"),
        (
            "defaults: [table3_baseline, table2_descriptive, _self_]",
            "experiments/bad.yaml: inherits `config` more than once",
        ),
    ],
)
def test_a_wrong_file_is_a_sentence(folder: Path, body: str, said: str) -> None:
    write("experiments/bad.yaml", body)
    assert said in refusal("bad")


@pytest.mark.parametrize(
    ("listed", "own", "said"),
    [
        ("[_self_, config]", "sample: {first: 2014}\ntitle: x", "config overwrites sample.first, title of this file"),
        ("[_self_, config, override model: sdm]", "model: {level: 0.9}", "config overwrites model.level"),
    ],
)
def test_a_file_must_come_behind_what_it_inherits(folder: Path, listed: str, own: str, said: str) -> None:
    write("experiments/bad.yaml", f"defaults: {listed}\n{own}\n")
    assert f"experiments/bad.yaml, defaults: put `_self_` last, or {said}" in refusal("bad")


def test_an_option_must_come_behind_what_it_inherits(folder: Path) -> None:
    write("conf/sample/mine.yaml", "defaults: [_self_, east]\nfirst: 2014\n")
    said = "conf/sample/mine.yaml, defaults: put `_self_` last, or east overwrites first of this file"
    assert said in refusal("config", "sample=mine")


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(
    "listed", ["[config]", "[config, override model: sdm]", "[config, _self_, override model: sdm]"]
)
def test_a_file_comes_last_unless_it_says_otherwise(folder: Path, listed: str) -> None:
    write("experiments/mine.yaml", f"defaults: {listed}\nsample: {{first: 2014}}\ntitle: x\n")
    base = Composer(loader(), "mine").base
    assert (base.sample.first, base.title) == (2014, "x")


def test_an_option_s_syntax_is_told_with_its_file(folder: Path) -> None:
    write("conf/sample/mine.yaml", "_target_: digicarbon.sample.Sample\n\tfirst: 2014\n")
    said = refusal("config", "sample=mine")
    assert said.startswith("conf/sample/mine.yaml is not valid YAML in line 2: there is a tab")


def test_two_experiments_that_inherit_each_other(folder: Path) -> None:
    write("experiments/a.yaml", "defaults: [b, _self_]")
    write("experiments/b.yaml", "defaults: [a, _self_]")
    assert "(a > b > a)" in refusal("a")


def test_text_that_is_not_utf8_is_a_sentence(folder: Path) -> None:
    write("experiments/bad.yaml", "")
    Path("experiments/bad.yaml").write_bytes("title: 碳强度".encode("gb18030"))
    assert "experiments/bad.yaml is not valid YAML" in refusal("bad")


def test_sub_folder(folder: Path) -> None:
    write("experiments/mine/a.yaml", "# @package _global_\n# a\ndefaults: [b, _self_]\n")
    write("experiments/mine/b.yaml", "# @package _global_\ndefaults: [/config, _self_]\ntitle: b\n")
    composer = Composer(loader(), "mine/a")
    assert composer.base.title == "mine/a: a"
    assert Composer(loader(), "mine/b").base.title == "b"
    assert [file.name for file in composer.files] == ["mine/a", "mine/b", "config"]


@pytest.mark.parametrize("head", ["", "# a comment before it\n# @package _global_\n"])
def test_sub_folder_without_package(folder: Path, head: str) -> None:
    write("experiments/mine/a.yaml", f"{head}defaults: [/config, _self_]\n")
    with pytest.raises(ConfigError, match=r"experiments/mine/a\.yaml: .*needs the line `# @package _global_`"):
        Composer(loader(), "mine/a")


@pytest.mark.parametrize(
    ("override", "said"),
    [
        ("wieghts=w1_adjacency", "there is no key 'wieghts'. Did you mean 'weights'?"),
        (
            "weights=w1_adjacncy",
            "command line: weights=w1_adjacncy: there is no such option. Did you mean 'w1_adjacency'?",
        ),
        ("model.contrls=[]", "command line: there is no key 'model.contrls'. Did you mean 'model.controls'?"),
        ("+foo=1", "command line: unknown key 'foo'."),
        ("grid.model=[sdm]", "'+grid.model=…'"),
        ("columns=[a]", "Error merging override columns=[a]"),
        ("model=a(b", "in quotes"),
        ("model.x=[ln_e,ln_e^2]", "^ has no meaning there. On the command line a power is written with two stars"),
        ("model.absorb=[region^year]", "two stars, and so are combined effects: 'model.absorb=[region**year]'"),
        (
            "model.controls=[log(gdp)]",
            "'model.controls=[log(gdp)]' cannot be read. Terms are columns, ln_x (for log(x)),",
        ),
        (
            "model.controls=[c.a#c.b]",
            "a:b, center(x) and C(x) (for i.x). On the command line x^2 is written x**2, and C(x) is put",
        ),
        ("outcome.controls=[C(region)]", "C(x) is put into quotes: 'outcome.controls=[\"C(x)\"]'."),
        ("sample.query=log(e)>2", "Put the value in quotes: 'sample.query=\"log(e)>2\"'."),
        ("+weights=w1_adjacency", "weights"),
    ],
)
def test_a_wrong_override_is_a_sentence(override: str, said: str) -> None:
    assert said in refusal("config", override)


def test_keys_are_those_of_the_option_on_the_command_line() -> None:
    assert "Did you mean 'model.durbin'?" in refusal("config", "model=sdm", "model.durbn=x")


@pytest.mark.parametrize(
    ("message", "key"),
    [
        ("source.unit: a.csv has no column 'b'", "source.unit"),
        ("measure.column=e needs the series e", "measure.column"),
        ("model.controls.0: must be", "model.controls.0"),
        ("sample.query names e, which", "sample.query"),
        ("model: fields are at odds", "model"),
        ("panel.csv: the term 'e' is", ""),
        ("weights.2012.xlsx has labels", ""),
        ("weights=w1_adjacency knows", ""),
        ("sample sizes differ", ""),
        ("modelling: no", ""),
    ],
)
def test_the_key_that_a_message_begins_with(message: str, key: str) -> None:
    assert key_of(ConfigError(message)) == key


def test_where_a_value_comes_from_through_interpolations(folder: Path) -> None:
    write("experiments/mine.yaml", "defaults: [config, _self_]\nmodel: {controls: ['${measure.terms.0}', ln_pgdp]}\n")
    composer = Composer(loader(), "mine")
    origins = {key: composer.origin(key) for key in ("model.y", "model.x.0", "model.controls", "model.controls.0")}
    assert origins == {
        "model.y": "outcome.term",
        "model.x.0": "measure.terms.0",
        "model.controls": "model.controls",
        "model.controls.0": "measure.terms.0",
    }
    assert Composer(loader(), "config").origin("model.controls") == "source.controls"
    assert Composer(loader(), "config", ["source=table"]).origin("model.cov") == "inference.cov"
    assert composer.origin("model.y", {"model.y": "ln_ci"}) == "model.y"
    assert composer.origin("model.nothing") == "model.nothing"


def test_unknown_experiment() -> None:
    assert "There is no experiment 'table3_basline'. Did you mean 'table3_baseline'?" in refusal("table3_basline")


def test_unknown_interpolation_names_the_key(folder: Path) -> None:
    write("experiments/mine.yaml", 'defaults: [config, _self_]\nmodel: {x: "${measure.trms}"}\n')
    composer = Composer(loader(), "mine")
    with pytest.raises(ConfigError, match=r"experiments/mine\.yaml: model\.x: .*measure\.trms"):
        composer.config()


FILE = "defaults: [config, override report: curve, _self_]\nreport: {quantity: direct, draws: 19, facet: inference}\n"


def looking(*words: str) -> Composer:
    Path("experiments").mkdir(exist_ok=True)
    Path("experiments/mine.yaml").write_text(FILE, encoding="utf-8")
    return Composer(loader(), "mine", words)


def test_a_look_with_another_report_takes_the_fields_that_it_has_and_names_the_others(folder: Path) -> None:
    composer = looking("report=signs")
    assert composer.unshown == ("draws", "facet")
    assert composer.node("report")["quantity"] == "direct"
    assert not {"draws", "facet"} & set(composer.requested["report"])
    assert settings(composer).report.run_effect.quantity == "direct"
    (said,) = [str(note) for note in plan(composer).remarks if note.code == "fields_of_own_report"]
    assert said == (
        "report=signs has no report.draws and report.facet: what experiments/mine.yaml sets there is left out."
    )


@pytest.mark.parametrize("words", [[], ["report=curve"], ["report.level=0.1"], ["report=curve", "report.draws=9"]])
def test_the_own_report_keeps_its_fields(folder: Path, words: list[str]) -> None:
    composer = looking(*words)
    assert composer.unshown == ()
    assert composer.node("report")["facet"] == "inference"


def test_what_the_command_line_asks_of_another_report_is_refused_as_ever(folder: Path) -> None:
    with pytest.raises(ConfigError, match="draws"):
        settings(looking("report=signs", "report.draws=9"))
    looking()
    assert "report=sings" in refusal("mine", "report=sings")
