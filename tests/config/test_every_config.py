"""Every option of every group composes, builds, and shows all fields of its class."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from cases import merged
from conftest import REPOSITORY, shipped_composer
from omegaconf import OmegaConf

from digicarbon.config.compose import Composer, missing
from digicarbon.config.files import GROUPS
from digicarbon.executor import Executor
from digicarbon.plan.prepare import KINDS
from digicarbon.report import Report
from digicarbon.spec import build
from digicarbon.tracking import Tracking

EVERY_KIND = {**KINDS, "report": Report, "executor": Executor, "tracking": Tracking}
OPTIONS = sorted(
    path.relative_to(REPOSITORY / "conf").with_suffix("").as_posix()
    for group in GROUPS
    for path in (REPOSITORY / "conf" / group).glob("*.yaml")
)
REQUIRED: dict[str, Any] = {
    "diagnostic.mediators": ["digital_finance"],
    "measure.column": "digeco",
    "measure.indicators": {"digital_finance": "positive", "energy_structure": "negative"},
    "model.instruments": ["L.ln_e"],
    "model.mediators": ["digital_finance"],
    "sample.covariates": ["ln_pgdp"],
    "sample.policy": "pilot",
    "source.folder": "data",
    "source.path": "panel.csv",
    "source.unit": "province",
    "source.time": "year",
    "weights.path": "w.csv",
    "weights.unit": "province",
    "tracking.uri": "http://localhost:5000",
}
OF_PANEL: dict[str, Any] = merged("OF_PANEL")
"""What options refer to that the panel leaves empty."""


@pytest.fixture
def composer() -> Composer:
    return shipped_composer()


def test_every_group_has_a_kind_and_options() -> None:
    assert set(EVERY_KIND) == set(GROUPS)
    assert {option.split("/")[0] for option in OPTIONS} == set(GROUPS)


@pytest.mark.parametrize("option", OPTIONS)
def test_option_composes_and_builds(option: str, composer: Composer) -> None:
    group, name = option.split("/")
    merged = composer.merged({group: name})
    needed = {key: REQUIRED[key] for key in missing(merged)}
    config = composer.config({group: name, **OF_PANEL, **needed})
    assert set(config) == set(GROUPS)
    spec = build(config[group], EVERY_KIND[group], group)
    assert type(spec).__name__ == config[group]["_target_"].rpartition(".")[2]


@pytest.mark.parametrize("option", OPTIONS)
def test_option_shows_every_field_of_its_class(option: str, composer: Composer) -> None:
    group, name = option.split("/")
    path = REPOSITORY / "conf" / f"{option}.yaml"
    shown = OmegaConf.to_container(OmegaConf.load(path), resolve=False)
    assert isinstance(shown, dict)
    merged = composer.merged({group: name})
    needed = {key: REQUIRED[key] for key in missing(merged)}
    spec = build(composer.config({group: name, **OF_PANEL, **needed})[group], EVERY_KIND[group], group)
    assert set(shown) - {"_target_"} == set(type(spec).model_fields)


@pytest.mark.parametrize("path", sorted((REPOSITORY / "conf").glob("**/*.yaml")), ids=lambda path: path.stem)
def test_first_line_says_what_it_is(path: Path) -> None:
    first = path.read_text(encoding="utf-8").splitlines()[0]
    assert first.startswith("# ")
    assert len(first) > 10
    assert "@package" not in first


@pytest.mark.parametrize("path", sorted((REPOSITORY / "experiments").glob("*.yaml")), ids=lambda path: path.stem)
def test_experiment_says_what_it_is(path: Path) -> None:
    assert path.read_text(encoding="utf-8").startswith("# ")
