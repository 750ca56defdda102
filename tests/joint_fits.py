"""Runs of an experiment with their results, for joint tests."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from digicarbon.config.compose import Composer, loader
from digicarbon.plan.runs import Run, plan
from digicarbon.result import Result


def fitted(name: str, spec: dict[str, Any]) -> list[tuple[Run, Result]]:
    """Return the runs of an experiment of the project with their results."""
    Path("experiments").mkdir(exist_ok=True)
    Path(f"experiments/{name}.yaml").write_text(yaml.safe_dump(spec), encoding="utf-8")
    made = plan(Composer(loader(), name, []), [])
    return [(run, run.specs.model.fit(run.prepared.panel, run.prepared.weights)) for run in made.runs]


def experiment(grid: dict[str, Sequence[Any]], **further: Any) -> dict[str, Any]:
    return {"defaults": ["config", {"override inference": "classic"}, "_self_"], "grid": grid, **further}
