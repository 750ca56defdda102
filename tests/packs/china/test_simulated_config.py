"""The shipped options of this study build, and state the defaults of their classes."""

from __future__ import annotations

from pathlib import Path
from typing import TypeVar

import pytest
import yaml
from omegaconf import OmegaConf

from digicarbon.config.compose import Composer, loader
from digicarbon.measure import BeaMeasure, Measure
from digicarbon.outcome import Intensity, Outcome
from digicarbon.source import SimulatedSource, Source
from digicarbon.spec import Spec, build

S = TypeVar("S", bound=Spec)
CONF = Path(__file__).resolve().parents[3] / "conf"


def option(group: str, name: str, kind: type[S]) -> S:
    return build(yaml.safe_load((CONF / group / f"{name}.yaml").read_text(encoding="utf-8")), kind, group)


def test_simulated_states_the_defaults() -> None:
    found = option("source", "simulated", Source)
    # the study's controls belong to the option; the class has none of its own
    assert found == SimulatedSource(controls=found.controls)
    assert len(found.controls) == 5


@pytest.mark.parametrize(
    ("name", "term"),
    [("bea", "ln_e"), ("sector1", "ln_sector1"), ("sector2", "ln_sector2"), ("ddl", "ln_ddl"), ("ide", "ln_ide")],
)
def test_measures_differ_in_terms_only(name: str, term: str) -> None:
    assert option("measure", name, Measure) == BeaMeasure(terms=(term,))


@pytest.mark.parametrize(
    ("name", "account"), [("intensity", "sectoral"), ("intensity_apparent", "apparent"), ("intensity_fuels", "fuels")]
)
def test_outcomes_differ_in_account_only(name: str, account: str) -> None:
    node = yaml.safe_load((CONF / "outcome" / f"{name}.yaml").read_text(encoding="utf-8"))
    assert build({**node, "controls": []}, Outcome, "outcome") == Intensity(account=account)


def test_outcomes_hold_constant_what_the_source_has(folder: Path) -> None:
    (folder / "conf" / "source").mkdir(parents=True)
    (folder / "conf" / "source" / "mine.yaml").write_text("# mine\n_target_: mine.Mine\n", encoding="utf-8")
    composer = Composer(loader(), "config")

    def controls(source: str) -> list[str]:
        found: list[str] = composer.config({"source": source})["model"]["controls"]
        return found

    assert controls("simulated") == ["ln_pgdp", "ln_population", "ln_built_up_area", "ln_ter_sec", "ln_regulation"]
    assert controls("china") == ["ln_pgdp", "ln_population", "ln_urbanization", "ln_ter_sec"]
    assert controls("mine") == []


@pytest.mark.parametrize(("group", "kind"), [("measure", Measure), ("outcome", Outcome)])
def test_none_options(group: str, kind: type[Spec]) -> None:
    assert type(option(group, "none", kind)).__name__ == f"No{kind.__name__}"


def test_curves_of_omegaconf_are_taken_as_they_are() -> None:
    config = OmegaConf.create({"curves": {"e": [1.0, -0.5]}})
    assert SimulatedSource(curves=config.curves).curves == {"e": (1.0, -0.5)}
