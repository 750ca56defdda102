"""`digicarbon rerun`: a recorded run fitted again, on today's data and code, and compared number by number."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pandas as pd

from digicarbon.cli.command import say, show, terminal
from digicarbon.cli.stored import stored
from digicarbon.config.files import command_line
from digicarbon.errors import DataError, EstimationError
from digicarbon.note import Note, cut
from digicarbon.note.ending import Caught
from digicarbon.note.language import said
from digicarbon.packs.compare.comparison import EFFECT
from digicarbon.packs.compare.origins import commit_of, versions
from digicarbon.plan.prepare import Preparation, fitted
from digicarbon.plan.reach import code_digest
from digicarbon.plan.runs import content_hash
from digicarbon.recorded import Recorded, config_of, moment, plain
from digicarbon.recorded.again import Again
from digicarbon.recorded.differences import REPEATED, TOLERANCE, differences
from digicarbon.report import Table
from digicarbon.result import Result, RunEffect
from digicarbon.spec import own_classes
from digicarbon.sweep.provenance import CODE, FINGERPRINT, WEIGHTS_DIGEST, fingerprint, today
from digicarbon.tracking import QUANTITY, TERM, metrics, provenance

SHOWN = 10
"""How many differences are shown, the largest first."""


def rerun(run: str, experiment: str, overrides: Sequence[str]) -> int:
    """Fit a recorded run again and print how its numbers differ; return 0 if they are equal, 1 if not.

    ``run``: its id, the beginning of its id, or its label. ``experiment``: experiment in which it is searched; may be
    empty. ``overrides``: e.g. ``tracking=server``. Raises DigicarbonError if there is no such run, or it cannot be
    fitted today, e.g. since its data are gone.
    """
    tracking, recorded = stored(run, experiment, overrides)
    _refuse(recorded)
    again, result = fitted_again(recorded, config_of(tracking, recorded))
    quantity = recorded.tags.get(QUANTITY)
    run_effect = None if quantity is None else RunEffect(quantity, recorded.tags.get(TERM))
    then, now = recorded.metrics, metrics(result, run_effect)
    if quantity is None:
        # earlier versions do not record which number is the effect
        then, now = ({k: v for k, v in one.items() if not k.startswith(EFFECT)} for one in (then, now))
    comparison = differences(then, now)
    sys.stdout.writelines(f"{said(line)}\n" for line in (_heading(recorded), *_changes(recorded, again)))
    return _print_verdict(comparison)


def fitted_again(recorded: Recorded, config: str) -> tuple[Again, Result]:
    """Fit a recorded run from its composed configuration, as the worker of a sweep does.

    Raises EstimationError if its data are gone, or it cannot be fitted with its configuration and today's data and
    code.
    """
    from threadpoolctl import threadpool_limits

    missing = [file["path"] for entry in recorded.data for file in entry["files"] if _today(file) == "not there"]
    missing_note = Note("rerun_data_gone", files=cut(missing)) if missing else ""
    if missing and own_classes(plain(config, recorded.run_id)):
        # code named by the record is not run if there is nothing to fit
        raise EstimationError(Note("rerun_not_today", run=recorded.run_id, more=missing_note))
    with Caught(Note("code_of_run")) as caught, threadpool_limits(1):
        again = Again.of(Preparation(), config, recorded.run_id)
        return again, fitted(again.specs, again.prepared)
    why = Note("rerun_because", gone=missing_note, reason=caught.note)
    raise EstimationError(Note("rerun_not_today", run=recorded.run_id, more=why))


def _refuse(recorded: Recorded) -> None:
    if recorded.run_id == recorded.parent_id:
        name = recorded.experiment
        commands = {
            "rerun": command_line("rerun", words=["LABEL", name]),
            "plan": command_line("plan", name),
            "command": command_line("run", name, ["--force"]),
        }
        raise DataError(Note("rerun_of_sweep", run=recorded.run_id, label=recorded.label, **commands))
    if recorded.status != "FINISHED":
        reason = recorded.tags.get("digicarbon.error", "")
        more = Note("rerun_said", reason=reason) if reason else ""
        raise DataError(Note("rerun_no_numbers", run=recorded.run_id, status=recorded.status, more=more))


_HEADS = {"stored": Note("head_stored"), "today": Note("head_today"), "difference": Note("head_difference")}


def _heading(recorded: Recorded) -> Note:
    what = {"run": recorded.run_id, "label": recorded.label, "experiment": recorded.experiment}
    return Note("rerun_of", **what, time=moment(recorded.start))


def _changes(recorded: Recorded, again: Again) -> Iterator[Note]:
    """Yield a line on each origin of the numbers: data, weights, code, packages."""
    tags, specs, prepared = recorded.tags, again.specs, again.prepared
    same_panel, same_weights = again.same_data(tags)
    files = [file["path"] for entry in recorded.data for file in entry["files"] if _today(file) != "same"]
    changed = Note("rerun_files_changed", files=cut(files)) if files else ""
    # the fingerprint also covers weights, which have their own line
    same_data = fingerprint(specs, prepared) == tags.get(FINGERPRINT) or not (files or same_weights)
    if same_data and same_panel:
        yield Note("rerun_data_same")
    elif same_panel:
        yield Note("rerun_panel_same", changed=changed)
    elif files:
        yield Note("rerun_files_differ", changed=changed)
    else:
        yield Note("rerun_maker_differs")
    # a run that uses no weights has recorded none
    if prepared.weights is not None and WEIGHTS_DIGEST in tags:
        yield Note("rerun_weights_same") if same_weights else Note("rerun_weights_differ")
    code = tags.get(CODE, "")
    same = code == code_digest(type(specs.model), type(specs.diagnostic))
    yield _commits(tags, same) if code else Note("rerun_code_unknown")
    yield _packages(tags)
    same_hash = content_hash(specs, prepared) == tags.get("digicarbon.hash")
    yield Note("rerun_hash_same") if same_hash else Note("rerun_hash_differs")


def _commits(tags: Mapping[str, str], same: bool) -> Note:
    then, now = commit_of(tags), commit_of(provenance())
    where = Note("rerun_commit", commit=then) if then == now else Note("rerun_commits", then=then, now=now)
    return Note("rerun_code_same", where=where) if same else Note("rerun_code_differs", where=where)


def _packages(tags: Mapping[str, str]) -> Note:
    none = Note("rerun_none")
    differ = [
        Note("rerun_version", name=name, then=then or none, now=now or none)
        for name, then, now in versions(tags, provenance())
    ]
    return Note("rerun_packages_differ", versions=differ) if differ else Note("rerun_packages_same")


def _today(file: Mapping[str, Any]) -> str:
    return today(file["path"], file["sha256"])


def _print_verdict(comparison: pd.DataFrame) -> int:
    """Print the largest differences and the verdict; return the exit status."""
    console = terminal()
    repetition = comparison.index.astype(str).str.startswith(REPEATED)
    differing = comparison[(comparison["difference"] > 0) & ~repetition].head(SHOWN)
    if len(differing):
        none = said(Note("rerun_none"))
        cells = differing.map(lambda value: none if pd.isna(value) else f"{value:.12g}")
        cells["difference"] = [f"{value:.1e}" for value in differing["difference"]]
        cells = cells.rename(columns={name: said(head) for name, head in _HEADS.items()})
        show(Table(said(Note("rerun_largest")), cells), console)
    unequal = int((comparison["difference"] > TOLERANCE).sum())
    numbers = len(comparison)
    if unequal:
        say(Note("rerun_differ", unequal=unequal, numbers=numbers, tolerance=TOLERANCE))
        return 1
    say(Note("rerun_equal", numbers=numbers, tolerance=TOLERANCE))
    return 0
