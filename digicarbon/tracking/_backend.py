"""What both ways to a store share: its experiments and sweeps, and what their pages say."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

NOTE = """\
Each sweep is a run; its specifications are the runs below it. To see them side by side, write into the search field

- all specifications: `tags."digicarbon.kind" = 'specification'`
- the effect is significant: `metrics."focal.effect.p" <= 0.05`
- positive, or positive and significant: `tags."digicarbon.sign" LIKE '+%'`, `tags."digicarbon.sign" = '+*'`
- of one quantity only: `tags."digicarbon.quantity" = 'direct'`
- no effect because of rho, of lambda, of either: `tags."digicarbon.boundary" LIKE '%rho%'`, `… '%lambda%'`, `… '%'`
- one sweep: `tags."mlflow.parentRunId" = '<id of the sweep>'`

**What changes the sign?** Group by the tag `digicarbon.sign`, or choose runs, press Compare and draw parallel
coordinates of what was varied against `focal.effect`. Both are of one number, which the tags `digicarbon.quantity` and
`digicarbon.term` name: `report.quantity` of a curve or a sign table, else the total effect. Runs with rho or
lambda at an end of its range, or beyond the range of W, have the tag `digicarbon.boundary` and no effect.
The sweep's own run has the table, the pictures, `estimates.csv` and `data.json`.
"""
"""The text of an experiment's page: how to search its runs."""
EXPERIMENT_TAGS: Mapping[str, str] = {"mlflow.experimentKind": "custom_model_development", "mlflow.note.content": NOTE}
"""Without the kind, MLflow opens an experiment on its pages for language models."""


@dataclass(frozen=True)
class Experiment:
    """An MLflow experiment, and the address of its artifacts."""

    experiment_id: str
    location: str


@dataclass(frozen=True)
class Parent:
    """The run of a sweep, and the address of its artifacts."""

    run_id: str
    artifacts: str
