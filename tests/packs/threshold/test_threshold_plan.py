"""What a plan says of the time of searched draws."""

from __future__ import annotations

from pathlib import Path

import pytest

from digicarbon.cli.outlook import outlook
from digicarbon.config.compose import Composer, loader
from digicarbon.plan.expand import read_overrides
from digicarbon.plan.runs import Plan, plan
from digicarbon.sweep import sweep


def planned(*overrides: str) -> tuple[Composer, Plan]:
    config_loader = loader()
    plain, axes = read_overrides(("executor=sequential", "model=threshold", *overrides), config_loader)
    composer = Composer(config_loader, "config", plain)
    return composer, plan(composer, axes)


def said(*overrides: str) -> str:
    composer, made = planned(*overrides)
    return str(outlook(made, sweep.settings(composer)).said)


@pytest.mark.parametrize(
    ("fields", "ms"),
    [
        (("model.grid=30",), 150),
        (("model.space=sdm", "model.grid=30"), 627),
        (("model.space=sdm",), 3122),
        (("model.grid=30", "model.thresholds=2"), 1050),
        (("inference=cluster",), 30),
    ],
)
def test_the_guess_counts_searches(project: Path, fields: tuple[str, ...], ms: int) -> None:
    assert f"a guess of {ms} ms each" in said(*fields)


def test_durations_of_other_searches_say_nothing(project: Path) -> None:
    composer, made = planned("model.grid=20", "inference.draws=19")
    sweep.run(composer, made)
    assert "by the recorded durations of 1 run of" in said("model.grid=20", "measure=ddl")
    for other in (("model.space=sdm", "model.grid=20"), ("model.grid=21",), ("model.grid=20", "model.thresholds=2")):
        assert "as no run of these models" in said(*other)
