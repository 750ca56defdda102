"""Hydra's own `instantiate` makes of every option what a run makes of it."""

from __future__ import annotations

from typing import Any

import classic as dc
import pytest
from hydra.utils import instantiate
from omegaconf import OmegaConf
from test_assemble import by_hydra

from digicarbon.config.compose import Composer, loader
from digicarbon.config.files import GROUPS
from digicarbon.executor import Executor
from digicarbon.importer import Importer
from digicarbon.plan.prepare import KINDS
from digicarbon.report import Report
from digicarbon.spec import Spec, SpecError, build
from digicarbon.tracking import Tracking
from digicarbon.weights import BlendWeights, KNearestWeights

ALL: dict[str, type[Spec]] = {
    **KINDS,
    "report": Report,
    "executor": Executor,
    "tracking": Tracking,
    "importer": Importer,
}
GIVEN: dict[str, Any] = {
    "source.folder": "here",
    "source.path": "here.csv",
    "source.unit": "city",
    "source.time": "year",
    "measure.column": "e",
    "measure.indicators": {"e": "positive", "ddl": "negative"},
    "weights.path": "here.csv",
    "weights.unit": "city",
    "model.instruments": ["L.ln_e"],
    "diagnostic.mediators": ["digital_finance"],
    "model.mediators": ["digital_finance"],
    "sample.covariates": ["ln_pgdp"],
    "sample.policy": "pilot",
    "tracking.uri": "http://localhost:5000",
}
"""Values for what options leave to the user."""
OPTIONS = [(group, option) for group in ALL for option in Composer(loader(), "config").options(group)]


# of each group the first one at once
@pytest.mark.parametrize(
    ("group", "option"),
    [
        pytest.param(*both, marks=[] if both[0] not in {group for group, _ in OPTIONS[:place]} else [pytest.mark.long])
        for place, both in enumerate(OPTIONS)
    ],
)
def test_every_option(group: str, option: str) -> None:
    chosen = f"{group}={option}" if group in GROUPS else f"+{group}={option}"
    config = by_hydra("config", [chosen])
    if group == "model":
        OmegaConf.update(config, "panel.policy", {"pilot": "adopted"})
    for key in [key for key in GIVEN if key.startswith(f"{group}.")]:
        if OmegaConf.is_missing(config[group], key.partition(".")[2]):
            OmegaConf.update(config, key, GIVEN[key])
    plain: Any = OmegaConf.to_container(config[group], resolve=True)
    expected = build(plain, ALL[group], group)
    for style in ("none", "partial", "all"):
        made = instantiate(config[group], _convert_=style)
        assert type(made) is type(expected)
        assert made == expected
        assert made.model_dump_json() == expected.model_dump_json()


def test_there_are_options_of_every_group() -> None:
    assert {group for group, _ in OPTIONS} == set(ALL)
    assert len(OPTIONS) > 100


def test_weights_of_the_error_are_a_node_or_what_it_names() -> None:
    node = {"_target_": "digicarbon.weights.KNearestWeights", "k": 3}
    fields = {"_target_": "digicarbon.SpatialPanel", "kind": "sac", "y": "y", "x": ["a"], "error_weights": node}
    assert instantiate(OmegaConf.create(fields)) == build(fields, dc.Model, "model")


def test_containers_of_omegaconf_are_taken_as_they_are() -> None:
    config = OmegaConf.create({"x": ["a", "${word}"], "word": "b"})
    assert dc.PanelRegression(y="y", x=config.x, controls=["c"]).x == ("a", "b")


def test_one_text_is_a_list_of_one_name() -> None:
    for fields in (
        {"x": "ln_x", "controls": "L.z"},
        {"x": "ln_x", "absorb": "region", "controls": []},
        {"x": ["ln_x"], "controls": "z^2"},
    ):
        model = {"_target_": "digicarbon.PanelRegression", "y": "y", **fields}
        lists = {name: [value] if isinstance(value, str) else value for name, value in fields.items()}
        assert build(model, dc.Model, "model") == build(model | lists, dc.Model, "model")
    assert dc.SpatialPanel(y="y", x="a", controls="b", kind="sdm", durbin="a").durbin == ("a",)


@pytest.mark.parametrize("text", ["a, b", "a b", "a,b", "a;b", "a\nb", "a，b"])
def test_a_text_that_may_be_several_names_is_refused(text: str) -> None:
    with pytest.raises(SpecError, match=r"PanelRegression\.x: .* may be one name or several; write the list, \[a, b\]"):
        dc.PanelRegression(y="y", x=text)
    assert dc.PanelRegression(y="y", x=[text]).x == (text,)


def test_a_node_within_a_node_is_named_by_its_key() -> None:
    with pytest.raises(SpecError, match=r"BlendWeights\.second\.k: must be"):
        BlendWeights(first=KNearestWeights(), second={"_target_": "digicarbon.weights.KNearestWeights", "k": "four"})
