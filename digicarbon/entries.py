"""What is recorded of a run: its choices as parameters, its provenance as tags, its result."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from typing import Any

from pydantic import BaseModel

from digicarbon.engine import Fitted
from digicarbon.plan import Plan, Run
from digicarbon.provenance import Ledger
from digicarbon.result import Result
from digicarbon.spec import Spec
from digicarbon.tracking import Entry, Planned, Roster

SETTINGS = ("executor", "tracking", "report")
"""Groups that change no number of a run."""
SPARING = ("source", "panel", "sample")
"""Groups whose fields are params where they are not at their defaults."""


def entry(run: Run, fitted: Fitted, kept: Ledger) -> Entry:
    """Return what is written of a run that was fitted."""
    return _entry(run, kept, fitted.result, fitted.error, fitted.start, fitted.end)


def copy(run: Run, result: Result, kept: Ledger, run_id: str) -> Entry:
    """Return what is written of a run whose result another sweep has, under ``run_id``."""
    now = time.time_ns() // 1_000_000
    return _entry(run, kept, result, "", now, now, run_id)


def roster(planned: Plan) -> Roster:
    """Return what reports need to know of all runs before any is fitted, so that a page can be made of MLflow alone."""
    runs = [
        Planned(
            run.key,
            run.label,
            run.options,
            planned.chosen(run),
            tuple(planned.twins(run)),
            run.prepared.simulated,
            run.prepared.notes,
        )
        for run in planned.runs
    ]
    return Roster(runs, planned.skipped, planned.excluded)


def simulated_tag(runs: Sequence[Run]) -> dict[str, str]:
    """Return the tag that tells of made-up data, or nothing."""
    return {"digicarbon.data": "SIMULATED"} if any(run.prepared.simulated for run in runs) else {}


def _entry(
    run: Run, kept: Ledger, result: Result | None, error: str, start: int, end: int, reused_from: str = ""
) -> Entry:
    prepared = run.prepared
    panel = prepared.panel
    tags = {
        "digicarbon.hash": run.key,
        "digicarbon.label": run.label,
        "digicarbon.data_digest": panel.digest,
        **kept.tags[run.label],
        **({} if prepared.weights is None else {"digicarbon.weights_digest": prepared.weights.digest}),
        **simulated_tag([run]),
    }
    if prepared.notes:
        tags["mlflow.note.content"] = "\n\n".join(prepared.notes)
    rows, columns = len(panel.unit_codes), list(panel.names)
    # the first two under the names that MLflow's page of a data set reads
    profile: dict[str, Any] = {"num_rows": rows, "num_elements": rows * len(columns)}
    profile |= {"units": len(panel.units), "periods": len(panel.periods), "columns": columns}
    return Entry(
        label=run.label,
        params=_params(run),
        tags=tags,
        config=run.config,
        result=result,
        error=error,
        start=start,
        end=end,
        data_name=run.options.get("source", "data"),
        data_digest=panel.digest[:36],
        data_profile=json.dumps(profile, ensure_ascii=False),
        reused_from=reused_from,
    )


def _params(run: Run) -> dict[str, str]:
    """Return the option of each group, every varied value, and the fields that say something.

    Those of source, panel and sample that are at their defaults are left out, and those that are not set: in MLflow's
    comparisons they are columns of nothing. The composed configuration has all.

    A choice is spelled as the specification has it, whether a column, a grid or the model's own file makes it.
    """
    specs = run.specs
    used = {key: option for key, option in run.options.items() if key not in SETTINGS}
    if specs.weights is None:
        used.pop("weights", None)
    rooms: dict[str, Spec] = {"source": specs.source, "panel": specs.panel, "sample": specs.sample}
    if specs.weights is not None:
        rooms["weights"] = specs.weights
    choices = {
        f"{room}.{key}": _plain(value)
        for room, spec in rooms.items()
        for key, value in spec
        if key in type(spec).model_fields
        and value is not None
        and not isinstance(value, dict | BaseModel)
        and not (room in SPARING and value == type(spec).model_fields[key].get_default())
    }
    varied = {
        key: _plain(value)
        for key, value in run.choice.values.items()
        if key not in used and (specs.weights is not None or key.split(".")[0] != "weights")
    }
    fields = {f"model.{key}": _plain(value) for key, value in specs.model if value is not None}
    column = {"column": run.choice.column} if run.choice.column else {}
    return {**varied, **column, **used, **fields, **choices}


def _plain(value: Any) -> str:
    if isinstance(value, BaseModel):
        return str(value.model_dump())
    return ", ".join(map(str, value)) if isinstance(value, tuple | list) else str(value)
