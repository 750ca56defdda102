"""Titles of quantile regressions."""

from __future__ import annotations

from pathlib import Path

import pytest

from digicarbon.config.compose import Composer, loader
from digicarbon.errors import ConfigError
from digicarbon.plan.expand import read_overrides
from digicarbon.plan.prepare import Preparation
from digicarbon.plan.runs import Plan, plan

SHOP = Preparation()


def planned(name: str, *overrides: str, preparation: Preparation | None = None) -> Plan:
    config_loader = loader()
    plain, axes = read_overrides(overrides, config_loader)
    return plan(Composer(config_loader, name, plain), axes, preparation or SHOP)


def test_a_bootstrap_that_a_model_does_not_have_is_refused(folder: Path) -> None:
    with pytest.raises(ConfigError, match=r"model=quantile does not have inference\.test=wild; it offers errors"):
        planned("quantile_effects", "inference=wild")
    assert (
        planned("quantile_effects", "inference=cluster_time").title == "Effects at quantiles (inference=cluster_time)"
    )
