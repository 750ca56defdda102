"""Short experiment files mean what the long ones mean, and short words the same everywhere."""

from __future__ import annotations

from pathlib import Path

import pytest

import digicarbon
from digicarbon.config import flat
from digicarbon.config.compose import Composer, loader
from digicarbon.config.files import GROUPS
from digicarbon.config.written import as_written
from digicarbon.errors import ConfigError
from digicarbon.model.base import Model
from digicarbon.plan.expand import expand
from digicarbon.plan.runs import plan

EXAMPLE = Path(__file__).parents[2] / "docs/example"
LONG = """\
defaults: [config, override source: table, override measure: none, override outcome: none, override model: sdm,
           override weights: file, _self_]
source: {path: panel.csv, unit: city, time: year}
weights: {path: neighbours.csv}
model: {y: ln_ci, x: [ln_digital], controls: [ln_pgdp, urban]}
inference: {test: errors}
columns:
  (1): {model.controls: []}
  (2): {model.durbin: x, inference.cluster: time}
  (3): {model: fe}
"""
SHORT = """\
data: panel.csv
y: ln_ci
x: [ln_digital]
controls: [ln_pgdp, urban]
model: sdm
weights: neighbours.csv
test: errors
columns:
  (1): {controls: []}
  (2): {durbin: x, cluster: time}
  (3): {model: fe}
"""


@pytest.fixture
def study(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "experiments").mkdir()
    for path in EXAMPLE.glob("*.csv"):
        (tmp_path / path.name).write_bytes(path.read_bytes())
    return tmp_path


def _write(name: str, text: str) -> Composer:
    Path(f"experiments/{name}.yaml").write_text(text, encoding="utf-8")
    return Composer(loader(), name)


def _labels(composer: Composer) -> list[str | None]:
    return [choice.column for choice in expand(composer, []).choices]


def test_a_short_file_has_the_runs_of_a_long_one(study: Path) -> None:
    short, long = (plan(_write(name, text)) for name, text in (("short", SHORT), ("long", LONG)))
    assert [run.key for run in short.runs] == [run.key for run in long.runs]
    assert [run.label for run in short.runs] == [run.label for run in long.runs]


def test_a_file_that_starts_from_another_one_replaces_its_columns(study: Path) -> None:
    _write("mine", SHORT)
    assert _labels(_write("other", "from: mine\nmodel: twfe\n")) == ["(1)", "(2)", "(3)"]
    assert _labels(_write("other", "from: mine\ncolumns: {A: {model: twfe}}\n")) == ["A"]
    added = _write("other", "from: mine\nextend: columns\ncolumns: {A: {model: twfe}}\n")
    assert _labels(added) == ["(1)", "(2)", "(3)", "A"]
    swept = _write("other", "from: mine\ngrid: {model: [sar, sdm], controls: subsets}\n")
    lists = [choice.values["model.controls"] for choice in expand(swept, []).choices]
    assert lists == 2 * [[], ["ln_pgdp"], ["urban"], ["ln_pgdp", "urban"]]


def test_fields_of_a_file_of_data_stand_beside_its_name(study: Path) -> None:
    node = _write("mine", "data: {path: panel.csv, unit: city}\nweights: {path: neighbours.csv, normalise: none}\n")
    assert node.chosen["source"] == "panel.csv"
    assert node.node("source")["unit"] == "city"
    assert node.node("weights")["normalise"] == "none"
    assert (node.chosen["measure"], node.chosen["outcome"]) == ("none", "none")


def test_words_of_the_command_line_are_the_same() -> None:
    assert flat.overrides(["controls=[urban]", "cluster=time", "model=sdm"]) == [
        "model.controls=[urban]",
        "inference.cluster=time",
        "model=sdm",
    ]
    assert flat.overrides(["data=a b.csv"]) == ['source="a b.csv"', "measure=none", "outcome=none"]
    assert flat.overrides(["data=a.csv", "measure=pca"]) == ["source=a.csv", "outcome=none", "measure=pca"]
    assert flat.override("policy={pilot: first_year}") == ("panel.policy={pilot: first_year}",)
    for word in ("--cfg=job", "modle=sdm", "hydra.verbose=true", "columns={}"):
        assert flat.override(word) == (word,)


def test_lists_of_subsets_need_a_list(study: Path) -> None:
    with pytest.raises(ConfigError, match=r"'subsets' takes all subsets of the list .* model\.controls"):
        expand(_write("mine", "data: panel.csv\ny: ln_ci\ngrid: {controls: subsets}\n"), [])


@pytest.mark.parametrize(
    ("choices", "place"),
    [
        ("grid: {controls: subsets}", "grid.controls"),
        ("grid: {model.controls: 3}", "grid.model.controls"),
        ("grid: {cluster: {subsets: 4}}", "grid.cluster"),
        ("zip: {controls: 3}", "zip.controls"),
    ],
)
def test_an_error_of_a_grid_names_the_key_as_the_file_has_it(study: Path, choices: str, place: str) -> None:
    with pytest.raises(ConfigError) as caught:
        expand(_write("mine", f"data: panel.csv\ny: ln_ci\n{choices}\n"), [])
    assert str(as_written(caught.value)).startswith(f"experiments/mine.yaml, {place}: ")


def test_each_field_of_a_model_is_a_short_word_or_one_of_another_group() -> None:
    classes = [getattr(digicarbon.model, name) for name in dir(digicarbon.model)]
    models = [one for one in classes if isinstance(one, type) and issubclass(one, Model) and one is not Model]
    fields = {name for one in models for name in one.model_fields}
    assert fields - {*GROUPS, *flat.of_models(), *flat.WORDS} == set()
    assert not {*flat.WORDS, flat.DATA, flat.FROM, flat.EXTEND} & {*GROUPS, *flat.SWEEP_KEYS}
