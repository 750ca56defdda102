"""The record of a run: its choices as parameters, its provenance as tags, its result."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from functools import partial
from typing import Any

from pydantic import BaseModel

from digicarbon.note import Note
from digicarbon.panel import Panel
from digicarbon.plan.once import Once
from digicarbon.plan.runs import Plan, Run
from digicarbon.result import Asked, Result
from digicarbon.secret import hidden, masked
from digicarbon.spec import Spec
from digicarbon.sweep.engine import Fitted
from digicarbon.sweep.provenance import Ledger
from digicarbon.tracking import Entry, Planned, Roster

SETTINGS = ("executor", "tracking", "report")
"""Groups that change no number of a run."""
SPARING = ("source", "panel", "sample")
"""Groups whose fields are params where they are not at their defaults."""
ROOMS = (*SPARING, "weights")
"""Groups besides the model whose fields are params."""


def roster(planned: Plan) -> Roster:
    """Return what reports need to know of all runs before any is fitted, so that a page needs MLflow alone."""
    runs = [
        Planned(
            run.key,
            run.label,
            run.options,
            planned.chosen(run),
            tuple(planned.twins(run)),
            run.prepared.simulated,
            run.prepared.notes,
            run.choice.column,
        )
        for run in planned.runs
    ]
    return Roster(runs, planned.skipped, planned.excluded, list(planned.failed.items()))


def simulated_tag(runs: Sequence[Run]) -> dict[str, str]:
    """Return the tag for simulated data; empty if no data are."""
    return {"digicarbon.data": "SIMULATED"} if any(run.prepared.simulated for run in runs) else {}


class Entries:
    """Creates the entries of a sweep's runs for the store.

    Parameters
    ----------
    record : Ledger
        Of the sweep's data.
    asked : Asked
        Which number of a run is its effect; by default the total effect.
    """

    def __init__(self, record: Ledger, asked: Asked | None = None) -> None:
        self._record = record
        self._asked = asked or Asked()
        self._once = Once()

    def fitted(self, run: Run, fitted: Fitted) -> Entry:
        """Return the entry of a run that was fitted."""
        return self._entry(run, fitted.result, fitted.start, fitted.end, why=fitted.why, error=fitted.error)

    def copied(self, run: Run, result: Result, run_id: str) -> Entry:
        """Return the entry of a run whose result another sweep has under ``run_id``."""
        now = time.time_ns() // 1_000_000
        return self._entry(run, result, now, now, reused_from=run_id)

    def _entry(
        self,
        run: Run,
        result: Result | None,
        start: int,
        end: int,
        *,
        why: Note | None = None,
        error: str = "",
        reused_from: str = "",
    ) -> Entry:
        prepared = run.prepared
        panel = prepared.panel
        tags = {
            "digicarbon.hash": run.key,
            "digicarbon.label": run.label,
            "digicarbon.data_digest": panel.digest,
            **self._record.tags[run.label],
            **({} if prepared.weights is None else {"digicarbon.weights_digest": prepared.weights.digest}),
            **simulated_tag([run]),
        }
        if prepared.notes:
            tags["mlflow.note.content"] = "\n\n".join(map(str, prepared.notes))
        return Entry(
            label=run.label,
            params=self.params(run),
            tags=tags,
            config=run.recorded,
            result=result,
            error=hidden(error),
            start=start,
            end=end,
            data_name=run.options.get("source", "data"),
            data_digest=panel.digest[:36],
            data_profile=_profile(panel),
            reused_from=reused_from,
            asked=self._asked,
            # of other software's text only the first line is shown
            why=why and why.with_texts(lambda text: hidden(text).partition("\n")[0]),
        )

    def params(self, run: Run) -> dict[str, str]:
        """Return the option of each group, every varied value, and the fields that matter.

        Fields of source, panel and sample at their defaults are left out, and so are fields that are not set or that
        the model ignores: in MLflow's comparisons they would be empty columns. The composed configuration has all.

        A choice is spelled as in the specification, whether it comes from a column, a grid or the model's own file.
        """
        specs = run.specs
        used = {key: option for key, option in run.options.items() if key not in SETTINGS}
        if specs.weights is None:
            used.pop("weights", None)
        varied = {
            key: _param(value) for key, value in run.choice.values.items() if key not in used and not specs.lacks(key)
        }
        column = {"column": run.choice.column} if run.choice.column else {}
        result = {**varied, **column, **used}
        ignored = specs.ignored
        own = ((key, value) for key, value in specs.model if value is not None and key not in ignored)
        result |= {f"model.{key}": _param(value) for key, value in own}
        for room in ROOMS:
            spec = getattr(specs, room)
            if spec is not None:
                result |= self._once(room, (spec,), partial(_choices, room, spec))
        return result


def _choices(room: str, spec: Spec) -> dict[str, str]:
    fields = type(spec).model_fields
    return {
        f"{room}.{key}": _param(value)
        for key, value in spec
        if key in fields
        and value is not None
        and not isinstance(value, dict | BaseModel)
        and not (room in SPARING and value == fields[key].get_default())
    }


def _profile(panel: Panel) -> str:
    """Return what MLflow's page of a data set shows of a panel, as JSON."""
    rows, columns = len(panel.unit_codes), list(panel.names)
    # the page reads the first two by these names
    profile: dict[str, Any] = {"num_rows": rows, "num_elements": rows * len(columns)}
    profile |= {"units": len(panel.units), "periods": len(panel.periods), "columns": columns}
    return json.dumps(profile, ensure_ascii=False)


def _param(value: Any) -> str:
    if isinstance(value, BaseModel):
        return masked(str(value.model_dump()))
    return masked(", ".join(map(str, value)) if isinstance(value, tuple | list) else str(value))
