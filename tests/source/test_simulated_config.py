"""The shipped options of this study build, and state the defaults of their classes."""

from __future__ import annotations

from pathlib import Path
from typing import TypeVar

import pytest
import yaml

from digicarbon.measure import BeaMeasure, Measure
from digicarbon.outcome import Intensity, Outcome
from digicarbon.source import SimulatedSource, Source
from digicarbon.spec import Spec, build

S = TypeVar("S", bound=Spec)
CONF = Path(__file__).resolve().parents[2] / "conf"


def option(group: str, name: str, kind: type[S]) -> S:
    return build(yaml.safe_load((CONF / group / f"{name}.yaml").read_text(encoding="utf-8")), kind, group)


def test_simulated_states_the_defaults() -> None:
    assert option("source", "simulated", Source) == SimulatedSource()


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
    found = option("outcome", name, Outcome)
    # the study's controls belong to the option; the class has none of its own
    assert found == Intensity(account=account, controls=found.controls)
    assert len(found.controls) == 5
    assert set(node) - {"_target_"} == set(Intensity.model_fields)


@pytest.mark.parametrize(("group", "kind"), [("measure", Measure), ("outcome", Outcome)])
def test_none_options(group: str, kind: type[Spec]) -> None:
    assert type(option(group, "none", kind)).__name__ == f"No{kind.__name__}"
