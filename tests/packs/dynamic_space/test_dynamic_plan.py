"""Plans of dynamic spatial panels."""

from __future__ import annotations

from pathlib import Path

from digicarbon.config.compose import Composer, loader
from digicarbon.plan.expand import read_overrides
from digicarbon.plan.prepare import Preparation
from digicarbon.plan.runs import Plan, plan

SHOP = Preparation()


def experiment(body: str, name: str = "mine") -> str:
    file = Path(f"experiments/{name}.yaml")
    file.parent.mkdir(exist_ok=True)
    file.write_text(f"defaults: [config, _self_]\n{body}\n", encoding="utf-8")
    return name


def planned(name: str, *overrides: str, preparation: Preparation | None = None) -> Plan:
    config_loader = loader()
    plain, axes = read_overrides(overrides, config_loader)
    return plan(Composer(config_loader, name, plain), axes, preparation or SHOP)


def test_errors_that_a_model_does_not_have_are_said_and_not_in_the_title(folder: Path) -> None:
    name = experiment("title: T\ngrid: {model: [dynamic_sdm, sdm]}")
    sentence = "model=dynamic_sdm does not read inference.cov=cluster: its standard errors are model.cov=classic."
    both = planned(name, "inference=cluster")
    assert (list(map(str, both.remarks)), both.title) == ([sentence], "T (inference=cluster)")
    alone = planned(name, "inference=cluster", "grid.model=[dynamic_sdm]")
    assert (list(map(str, alone.remarks)), alone.title) == ([sentence], "T (grid.model=[dynamic_sdm])")
    # the bootstrap is in it
    assert planned(name, "inference=wild", "grid.model=[dynamic_sdm]").title.startswith("T (inference=wild")
    assert planned(name).remarks == []
