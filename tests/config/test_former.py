"""Names of earlier versions are read: in files, commands, Python and records."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from planning import experiment, planned

import digicarbon as dc
from digicarbon import pack
from digicarbon.__main__ import main
from digicarbon.config.files import folders
from digicarbon.config.former import composed, renamed
from digicarbon.errors import ConfigError
from digicarbon.inference import Inference
from digicarbon.plan.runs import Plan

TERMS: dict[str, Any] = {"y": "y", "x": ("x",)}
BODIES = (
    "inference: {test: wild, DRAWS: 99}\ngrid: {model: [twfe, sar]}",
    "inference: {test: wild}\ngrid: {inference.DRAWS: [99, 199]}",
    "columns: {A: {model: twfe, inference.DRAWS: 99}, B: {model: twfe, inference: {DRAWS: 199}}}",
    "columns: {A: {model: fe}}\nmodel: {DRAWS: 39}",
    "grid: {model: [twfe, sar], inference.DRAWS: [99, 199]}\nexclude: [{model: sar, inference.DRAWS: 99}]",
)


def keys(made: Plan) -> list[tuple[str, str]]:
    return [(run.label, run.key) for run in made.runs]


def codes(made: Plan) -> list[str]:
    return [note.code for note in made.remarks]


@pytest.mark.parametrize("body", BODIES)
def test_an_experiment_with_the_former_name_has_the_runs_of_one_with_the_new_name(folder: Path, body: str) -> None:
    now = planned(experiment(body.replace("DRAWS", "draws")))
    former = planned(experiment(body.replace("DRAWS", "replications"), "former"))
    assert keys(former) == keys(now)
    (note,) = [note for note in former.remarks if note.code == "former_name"]
    assert str(note) == "experiments/former.yaml: replications is called draws now and was read as that."
    assert "former_name" not in codes(now)


def test_options_of_ones_own_with_former_names_are_read(folder: Path) -> None:
    shipped = folders()[-1]
    for group, option, pairs in (
        ("inference", "wild", [("draws: auto", "replications: 99")]),
        (
            "model",
            "sdm",
            [("draws: ${inference.draws}", "replications: ${inference.replications}"), ("effects_draws", "draws")],
        ),
    ):
        text = (shipped / group / f"{option}.yaml").read_text(encoding="utf-8")
        for now, before in pairs:
            text = text.replace(now, before)
        assert "replications" in text
        Path(f"conf/{group}").mkdir(parents=True)
        Path(f"conf/{group}/mine.yaml").write_text(text, encoding="utf-8")
    (run,) = planned("config", "model=mine", "inference=mine").runs
    assert isinstance(run.specs.model, dc.SpatialPanel)
    assert (run.specs.model.draws, run.specs.model.effects_draws, run.specs.inference.draws) == (99, 1000, 99)
    (again,) = planned("config", "model=mine", "inference=mine", "inference.replications=49").runs
    assert again.specs.model == run.specs.model.model_copy(update={"draws": 49})


def test_a_command_with_the_former_name_runs_and_says_so(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["plan", "inference.replications=99"]) == 0
    shown = capsys.readouterr()
    assert "inference.replications is called inference.draws now and was read as that." in shown.err
    assert keys(planned("config", "inference.replications=99,199")) == keys(planned("config", "inference.draws=99,199"))


def test_draws_of_another_thing_are_named(folder: Path) -> None:
    (note,) = [note for note in planned("config", "model=sdm", "model.draws=99").remarks if "former" in note.code]
    assert str(note) == (
        "model.draws is the number of draws of the wild bootstrap. What SpatialPanel called so in earlier versions is "
        "model.effects_draws."
    )
    for words in (["model=twfe", "model.draws=99"], ["model=sdm", "inference.draws=99"]):
        assert not [code for code in codes(planned("config", *words)) if code.startswith("former")]


FORMER: list[tuple[str, dict[str, Any], str]] = [
    ("SpatialPanel", {"kind": "sdm"}, "effects_draws"),
    ("PanelQuantile", {}, "bootstrap_draws"),
    ("PanelThreshold", {"threshold": "q"}, "threshold_draws"),
]


@pytest.mark.parametrize(
    ("model", "fields", "name"),
    [case for case in FORMER if case[0] in [*pack.names("digicarbon.model"), "SpatialPanel"]],
)
def test_python_reads_former_names(model: str, fields: dict[str, Any], name: str) -> None:
    cls, fields = getattr(dc, model), TERMS | fields
    assert cls(**fields, replications=99) == cls(**fields, draws=99)
    assert cls(**fields, replications=99, draws=400) == cls(**fields, **{"draws": 99, name: 400})


def test_two_names_of_one_field_are_refused() -> None:
    assert dc.PanelRegression(**TERMS, replications=99) == dc.PanelRegression(**TERMS, draws=99)
    assert Inference(replications=99) == Inference(draws=99)
    with pytest.raises(ConfigError, match="replications is not a field"):
        dc.PanelRegression(**TERMS, replications=99, draws=199)
    both = {"inference": {"replications": 99, "draws": 199}}
    assert renamed(both) == both


def test_a_record_is_read_with_the_names_of_today() -> None:
    before = {
        "model": {"_target_": "digicarbon.model.SpatialPanel", "y": "y", "draws": 1000, "replications": 99},
        "inference": {"_target_": "digicarbon.inference.Inference", "replications": 99},
        "report": {"draws": 199},
    }
    now = {
        "model": {"_target_": "digicarbon.model.SpatialPanel", "y": "y", "effects_draws": 1000, "draws": 99},
        "inference": {"_target_": "digicarbon.inference.Inference", "draws": 99},
        "report": {"draws": 199},
    }
    text = yaml.safe_dump(before, sort_keys=False)
    assert yaml.safe_load(composed(text)) == now
    assert composed(yaml.safe_dump(now)) == yaml.safe_dump(now)
    own = text.replace("digicarbon.model.SpatialPanel", "mine.Model")
    assert yaml.safe_load(composed(own))["model"] == before["model"] | {"_target_": "mine.Model"}


def test_a_plan_that_was_locked_with_former_names_is_the_plan_of_today() -> None:
    content = {"plan": {"grid": {"inference.draws": [99]}}, "values": {"model.draws": ["${inference.draws}"]}}
    before = {
        "plan": {"grid": {"inference.replications": [99]}},
        "values": {"model.replications": ["${inference.replications}"]},
    }
    assert renamed(before) == content
