"""What a store knows of runs that are yet to be fitted; reading creates and changes nothing."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from digicarbon.errors import TrackingError
from digicarbon.inference import LEAST
from digicarbon.tracking import _failures
from digicarbon.tracking._client import every, public
from digicarbon.tracking._code import VERSIONS, provenance
from digicarbon.tracking._connection import laid_out, tables
from digicarbon.tracking._places import SERVERS, SQLITE, Tracking, for_reading, refuse_folder
from digicarbon.tracking._rows import EXPERIMENT, HASH, PARENT, SWEEP_KEY

REUSED = "digicarbon.reused_from"
SIMULATED = "digicarbon.data"
Y = "model.y"
KIND = ("source", "model", "diagnostic")
"""Parameters that runs of about the same duration have in common."""
TEST, DRAWS, DRAWS_BEFORE = "model.test", "model.draws", "model.replications"
"""Parameters that say how many draws of the wild bootstrap a run took; in earlier versions the last one did."""
NEW = "new"
FAILED = "failed before"
OTHER_VERSIONS = "done under other versions"
ELSEWHERE = "done in another sweep"
DONE = "done"
RANK = (NEW, FAILED, OTHER_VERSIONS, ELSEWHERE, DONE)
"""If several states apply to a run, the last one of these is shown."""
TAGS = (HASH, PARENT, SWEEP_KEY, VERSIONS, REUSED, EXPERIMENT, SIMULATED)


@dataclass(frozen=True)
class History:
    """The states and durations of earlier runs.

    ``states``: by content hash: ``done``, ``failed before``, ``done in another sweep`` or ``done under other versions``
    (of packages); a run that is not among them is new. ``durations``: by source, model, diagnostic and the values of
    fields that decide as much, joined by ``/``, then by the draws of the wild bootstrap, 0 without one: the number of
    runs that were fitted, and their mean duration in seconds.
    """

    states: Mapping[str, str] = field(default_factory=dict)
    durations: Mapping[str, Mapping[int, tuple[int, float]]] = field(default_factory=dict)


@dataclass
class StoredRun:
    """A run of a store: status, duration in seconds, start in milliseconds, and the requested tags and parameters."""

    status: str
    seconds: float
    start: int
    texts: dict[str, str] = field(default_factory=dict)


def history(
    tracking: Tracking, sweep_key: str, keys: Iterable[str], deciding: Mapping[str, Sequence[str]] | None = None
) -> History:
    """Return what a store knows of runs, by their content hashes; the key is of the sweep that would be continued.

    ``deciding``: fields that decide how long a run takes, by the option of its model, as `Model.decides_time`. Raises
    TrackingError if the store cannot be read.
    """
    with _failures.refused(tracking.uri, _failures.READ, advises=True):
        names = {option: [f"model.{name}" for name in fields] for option, fields in (deciding or {}).items()}
        some = tuple(dict.fromkeys(name for own in names.values() for name in own))
        return _summed(_every(tracking.uri, some), sweep_key, set(keys), names)


def fitted_before(
    tracking: Tracking,
    experiment: str,
    keys: Iterable[str],
    looks: Callable[[str], bool] = lambda y: False,
    simulated: bool = False,
    until: str = "",
) -> tuple[int, str]:
    """Return how many runs of an experiment, or of its outcome, are finished in a store, and when the first began.

    ``keys``: content hashes of runs that count, too. ``looks``: whether a run with this dependent variable is a look at
    the outcome. ``simulated``: whether looks at simulated data count: those of an experiment whose own data are not
    simulated do not. ``until``: only runs that began before this moment, ISO 8601 in UTC; by default all. Raises
    TrackingError if the store cannot be read.
    """
    with _failures.refused(tracking.uri, _failures.READ, advises=True):
        runs, wanted = _every(tracking.uri), set(keys)
    sweeps = {run_id for run_id, run in runs.items() if run.texts.get(EXPERIMENT) == experiment}
    last = datetime.fromisoformat(until).timestamp() * 1000 if until else math.inf
    own = [
        run
        for run in runs.values()
        if run.status == "FINISHED" and HASH in run.texts and run.start < last
        if run.texts.get(PARENT) in sweeps
        or run.texts[HASH] in wanted
        or ((simulated or SIMULATED not in run.texts) and Y in run.texts and looks(run.texts[Y]))
    ]
    if not own:
        return 0, ""
    first = min(run.start for run in own) / 1000
    return len({run.texts[HASH] for run in own}), datetime.fromtimestamp(first, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _every(uri: str, params: tuple[str, ...] = ()) -> Mapping[str, StoredRun]:
    """Return all runs of a store; none of one that is not there yet. ``params``: further ones that are read."""
    refuse_folder(uri)
    if uri.startswith(SQLITE) and not Path(uri.removeprefix(SQLITE)).is_file():
        return {}
    runs = _by_tables(uri, params)
    if runs is None and not uri.startswith(SERVERS) and not laid_out(uri):
        return {}
    return _by_client(uri) if runs is None else runs


def finished(tracking: Tracking) -> frozenset[str]:
    """Return the content hashes of the finished runs of a database file; none of other stores, or of a missing file.

    Errors are left to callers who need the store.
    """
    uri = tracking.uri
    if not uri.startswith(SQLITE) or not Path(uri.removeprefix(SQLITE)).is_file():
        return frozenset()
    with suppress(TrackingError), _failures.refused(uri, _failures.READ, advises=True):
        database = tables(uri)
        if database is not None:
            with closing(database):
                return database.finished()
    return frozenset()


def _by_tables(uri: str, params: tuple[str, ...]) -> dict[str, StoredRun] | None:
    """Return all runs from the tables of a database that is known here, else None."""
    database = tables(uri)
    if database is None:
        return None
    with closing(database):
        runs, values = database.runs(TAGS, (*KIND, Y, TEST, DRAWS, DRAWS_BEFORE, *params))
    result = {run_id: StoredRun(status, ((end or start) - start) / 1000, start) for run_id, status, start, end in runs}
    for run_id, key, value in values:
        if run_id in result:
            result[run_id].texts[key] = value
    return result


def _by_client(uri: str) -> dict[str, StoredRun]:
    """Return all runs by MLflow's public client."""
    client = public(for_reading(uri))
    ids = [experiment.experiment_id for experiment in client.search_experiments()]
    result: dict[str, StoredRun] = {}
    for run in every(client, ids):
        info, texts = run.info, {**run.data.tags, **run.data.params}
        seconds = ((info.end_time or info.start_time) - info.start_time) / 1000
        result[info.run_id] = StoredRun(info.status, seconds, info.start_time, texts)
    return result


def _summed(
    runs: Mapping[str, StoredRun], sweep_key: str, keys: set[str], deciding: Mapping[str, Sequence[str]]
) -> History:
    sweeps = [run_id for run_id, run in runs.items() if run.texts.get(SWEEP_KEY) == sweep_key]
    installed = provenance().get(VERSIONS, "")
    states: dict[str, str] = {}
    sums: dict[str, dict[int, tuple[int, float]]] = {}
    for run in runs.values():
        key = run.texts.get(HASH)
        if key is None:
            continue
        if run.status == "FINISHED" and REUSED not in run.texts:
            texts = run.texts
            names = (*KIND, *deciding.get(texts.get("model", ""), ()))
            kind = "/".join(texts.get(name, "") for name in names)
            number = texts.get(DRAWS_BEFORE, texts.get(DRAWS, "0")) if texts.get(TEST) == "wild" else "0"
            draws = LEAST if number == "auto" else int(number)
            own = sums.setdefault(kind, {})
            count, total = own.get(draws, (0, 0.0))
            own[draws] = (count + 1, total + run.seconds)
        if key in keys:
            state = _state(run, run.texts.get(PARENT) in sweeps, installed)
            states[key] = max(state, states.get(key, NEW), key=RANK.index)
    return History(
        {key: state for key, state in states.items() if state != NEW},
        {kind: {draws: (count, total / count) for draws, (count, total) in own.items()} for kind, own in sums.items()},
    )


def _state(run: StoredRun, inside: bool, installed: str) -> str:
    if run.status != "FINISHED":
        return FAILED if inside else NEW
    if run.texts.get(VERSIONS, installed) != installed:
        return OTHER_VERSIONS
    return DONE if inside else ELSEWHERE
