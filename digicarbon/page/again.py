"""How a run of a page is run again: its choices as words of a command line and as a column of an experiment."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from typing import Any

import yaml

from digicarbon.config.files import GROUPS, ROOT, UNNAMED, command_line, override
from digicarbon.plan.runs import NO_NUMBERS, NOTHING
from digicarbon.recorded import RecordedSweep
from digicarbon.secret import masked
from digicarbon.tracking import EXPERIMENT, Planned, Tracking

REPLACED = ("columns", "grid", "zip", "exclude", "draw")
"""Keys of an experiment that choose runs."""
STATED = ("kinds", "claim")
"""Further keys that say something of many runs."""
ALONE: Mapping[str, Any] = {"facet": None, "by": [], "draws": 0}
"""Fields of reports that need several runs, and their values for one."""


def commands(sweep: RecordedSweep) -> dict[str, Any]:
    """Return the beginnings of a run's commands, and of the file that runs it.

    ``rerun``: to be followed by the run's id; ``store``: what follows the id; ``run``: to be followed by the run's
    words, empty for a sweep without an experiment; ``yaml``: lines before the run's choices; ``fixed``: choices of the
    whole sweep.
    """
    name = sweep.tags.get(EXPERIMENT, sweep.experiment)
    usual = sweep.uri == masked(Tracking().uri)
    store = [] if usual else [override("tracking.uri", sweep.uri)]
    own = {"rerun": command_line("rerun"), "store": " ".join(shlex.quote(word) for word in store)}
    if name in (ROOT, UNNAMED):
        return {**own, "run": "", "yaml": "", "fixed": []}
    # what is said of many runs
    replaced = [*REPLACED, *(key for key in STATED if getattr(sweep.roster, key))]
    varied = {key for run in sweep.roster.runs for key in run.values}
    left = (*varied, *replaced, "replace")
    given = [word for word in sweep.overrides if word.lstrip("+~").partition("=")[0] not in left]
    keys = ",".join(replaced)
    report = _alone(sweep)
    given += [f"report.{key}={json.dumps(value)}" for key, value in report.items()]
    return {
        **own,
        "run": command_line("run", name, [f"replace=[{keys}]", *given, *store]),
        "yaml": f"defaults: [{name}, _self_]\nreplace: [{', '.join(replaced)}]\n"
        + (f"report: {json.dumps(report)}\n" if report else ""),
        "fixed": [word.lstrip("+").replace("=", ": ", 1) for word in given if not word.startswith(("~", "report."))],
    }


def _alone(sweep: RecordedSweep) -> dict[str, Any]:
    """Return the fields of a report that compare runs, and what they are for a single one."""
    content: Any = yaml.safe_load(sweep.config) or {}
    report = content.get("report") or {}
    return {key: value for key, value in ALONE.items() if report.get(key)}


def chosen(run: Planned, params: Mapping[str, Any]) -> dict[str, Any]:
    """Return the choices of a run that select it, without those that its recorded fields say it ignores."""
    values = {}
    for key, value in run.values.items():
        if key.partition(".")[0] in NO_NUMBERS:
            continue
        # such a field says that the model ignores it, or is an option of this name
        known = run.options.get(key) == NOTHING if key in GROUPS else isinstance(params.get(key), str)
        if value != NOTHING or known:
            values[key] = value
    return values


def word(key: str, value: Any) -> str:
    """Return a choice as a word of the command line, quoted for a shell."""
    if isinstance(value, str):
        return shlex.quote(override(key, value))
    return shlex.quote(f"{key}={json.dumps(value, ensure_ascii=False, default=str)}")


def line(key: str, value: Any) -> str:
    """Return a choice as a line of YAML."""
    return f"{key}: {json.dumps(value, ensure_ascii=False, default=str)}"
