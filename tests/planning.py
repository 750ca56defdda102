"""Plans of experiments in the working folder."""

from __future__ import annotations

from pathlib import Path

from digicarbon.config.compose import Composer, loader
from digicarbon.plan.expand import read_overrides
from digicarbon.plan.prepare import Preparation
from digicarbon.plan.runs import Plan, plan

SHARED = Preparation()
"""Shared: the same simulated study is drawn once for all tests of a process."""


def experiment(body: str, name: str = "mine") -> str:
    file = Path(f"experiments/{name}.yaml")
    file.parent.mkdir(exist_ok=True)
    file.write_text(f"defaults: [config, _self_]\n{body}\n", encoding="utf-8")
    return name


def planned(name: str, *overrides: str, preparation: Preparation | None = None) -> Plan:
    config_loader = loader()
    plain, axes = read_overrides(overrides, config_loader)
    return plan(Composer(config_loader, name, plain), axes, preparation or SHARED)
