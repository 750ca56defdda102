"""Titles of quantile regressions."""

from __future__ import annotations

from pathlib import Path

from digicarbon.config.compose import Composer, loader
from digicarbon.plan.expand import read_overrides
from digicarbon.plan.prepare import Preparation
from digicarbon.plan.runs import Plan, plan

SHOP = Preparation()


def planned(name: str, *overrides: str, preparation: Preparation | None = None) -> Plan:
    config_loader = loader()
    plain, axes = read_overrides(overrides, config_loader)
    return plan(Composer(config_loader, name, plain), axes, preparation or SHOP)


def test_a_title_names_no_bootstrap_that_a_model_does_not_have(folder: Path) -> None:
    assert planned("quantile_effects", "inference=wild").title == "Effects at quantiles"
    changed = planned("quantile_effects", "inference=wild", "model.quantiles=[0.5]").title
    assert changed == "Effects at quantiles (model.quantiles=[0.5])"
    assert (
        planned("quantile_effects", "inference=cluster_time").title == "Effects at quantiles (inference=cluster_time)"
    )
