"""A small sweep, and counts of what is made of its runs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from digicarbon.config.compose import Composer, loader
from digicarbon.plan.expand import read_overrides
from digicarbon.plan.runs import plan
from digicarbon.sweep import sweep
from digicarbon.sweep.sweep import Finished

EXPERIMENT: dict[str, Any] = {
    "defaults": ["config", {"override model": "sdm"}, {"override report": "curve"}, "_self_"],
    "grid": {"measure": ["sector1", "sector2"], "weights": ["w1_adjacency", "k_nearest"]},
    "model": {"effects": "two_way"},
    "inference": {"draws": 19, "intervals": False},
    "report": {"draws": 19, "pictures": ["svg"]},
    "executor": {"_target_": "digicarbon.executor.Sequential"},
}


def write(**changes: Any) -> None:
    content = {**EXPERIMENT, **changes}
    content.pop("executor")
    Path("experiments").mkdir(exist_ok=True)
    Path("experiments/small.yaml").write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")


def run(*words: str) -> Finished:
    config_loader = loader()
    plain, axes = read_overrides(["executor=sequential", *words], config_loader)
    composer = Composer(config_loader, "small", plain)
    return sweep.run(composer, plan(composer, axes))


def counted(monkeypatch: pytest.MonkeyPatch, count: Counter[str], where: Any, name: str, what: str) -> None:
    make: Callable[..., Any] = getattr(where, name)

    def counting(*args: Any, **more: Any) -> Any:
        count[what] += 1
        return make(*args, **more)

    monkeypatch.setattr(where, name, counting)


def artifact(finished: Finished, name: str) -> Path:
    return Path("mlruns/artifacts/small", finished.parent_id, "artifacts", name)
