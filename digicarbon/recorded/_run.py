"""The record of a run in MLflow, and of the sweep that it belongs to."""

from __future__ import annotations

import json
import logging
import os
import re
import sqlite3
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from digicarbon.config import files
from digicarbon.errors import DataError, TrackingError, first_line
from digicarbon.note import Note, cut, labels_cut, suggestion
from digicarbon.secret import hidden, masked
from digicarbon.sweep.provenance import FINGERPRINT, RECORD, VERSION
from digicarbon.tracking import (
    COMMIT,
    CONFIG,
    CONFIG_FILE,
    EXPERIMENT,
    OPENED,
    OVERRIDES,
    SQLITE,
    Tracking,
    absolute,
    ask_once,
    follow,
    opening,
)

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run

    Chosen = Callable[[MlflowClient, Sequence[Run]], Run]
    """Which of an experiment's sweeps, newest first, is taken."""


MOST = 1000
"""Largest number of runs that are searched if the beginning of an id is not unique."""
SETTINGS = ("executor", "tracking", "report")
"""Groups that no number depends on."""
ENDED = ("FINISHED", "FAILED")
"""Statuses of a sweep whose runs were all tried."""
_DIGITS = re.compile(r"[0-9a-f]{4,40}")
SHORT = 10
"""How many digits of a commit are shown."""
SHOWN = 5
"""How many ambiguous runs are named."""
SHORTEST = 4
"""An id is named by this number of characters at least."""


@dataclass(frozen=True, eq=False, repr=False)
class Recorded:
    """A run as it is recorded.

    ``start``: milliseconds since the epoch. ``parent_id``: its sweep; its own id for a sweep. ``artifacts``: where the
    sweep's files are. ``data``: the entries of the sweep's record of data that the run belongs to (all for a sweep).
    """

    run_id: str
    label: str
    experiment: str
    status: str
    start: int
    tags: Mapping[str, str]
    params: Mapping[str, str]
    metrics: Mapping[str, float]
    parent_id: str
    artifacts: str
    data: Sequence[Mapping[str, Any]]

    def __repr__(self) -> str:
        return f"Run {self.run_id[:10]} of {self.experiment}: {self.label[:200]}, {self.status}"


def find(tracking: Tracking, name: str, experiment: str = "", finished: bool = False) -> Recorded:
    """Return a run by its id, by the unique beginning of its id, or by its label in an experiment's latest sweep.

    ``name``: an id, its beginning (4 characters at least), a label, or the name of an experiment (its latest sweep).
    ``experiment``: where a label is searched; by default the latest sweep of the store. ``finished``: whether the sweep
    of an experiment must have a finished run: the first one in the order of `in_order`, the first of all if none has.
    Where ``tracking.experiment`` names an experiment of MLflow that several experiments share, the sweeps in it are
    distinguished by a tag with their experiment. Raises DataError if there is no such run, or more than one;
    TrackingError if the store cannot be read.
    """
    with reading(tracking) as client:
        run = _run(client, tracking, name, experiment, _with_finished if finished else _newest)
        parent_id = run.data.tags.get("mlflow.parentRunId", run.info.run_id)
        parent = run if parent_id == run.info.run_id else client.get_run(parent_id)
        return Recorded(
            run_id=run.info.run_id,
            label=run.data.tags.get("digicarbon.label", run.info.run_name),
            experiment=client.get_experiment(run.info.experiment_id).name,
            status=run.info.status,
            start=run.info.start_time,
            tags=run.data.tags,
            params=run.data.params,
            metrics=run.data.metrics,
            parent_id=parent_id,
            artifacts=parent.info.artifact_uri,
            data=data_of(client, parent_id, "" if parent is run else run.data.tags.get(FINGERPRINT, "none")),
        )


def located(tracking: Tracking, name: str, experiment: str = "", advice: Sequence[Note] = ()) -> tuple[str, str]:
    """Return the id of a run that is named as for `find`, and that of its sweep.

    An experiment means the sweep that a report takes (`in_order`).

    ``advice``: what else can be named, for the error if nothing has this name. Raises DataError if there is no such
    run, or more than one; TrackingError if the store cannot be read.
    """
    with reading(tracking) as client:
        run = _run(client, tracking, name, experiment, _reported, advice)
        return run.info.run_id, run.data.tags.get("mlflow.parentRunId", run.info.run_id)


def at_commit(tracking: Tracking, experiment: str, commit: str, name: str, advice: Sequence[Note] = ()) -> str:
    """Return the id of an experiment's latest sweep that has runs of a Git commit, the first of them in `in_order`.

    ``commit``: its beginning, 4 digits at least. ``name``: what the user calls it. ``advice``: as for `located`. Raises
    DataError if there is none; TrackingError if the store cannot be read.
    """
    with reading(tracking) as client:
        # the newest sweep, or an error that names what is there
        newest = _run(client, tracking, experiment, "", _newest, advice)
        ids = [newest.info.experiment_id]
        if newest.data.tags.get("digicarbon.kind") != "sweep":
            raise DataError(Note("recorded_no_sweep_yet"))
        sweeps = [one for one in sweeps_of(client, ids) if one.data.tags.get(EXPERIMENT, experiment) == experiment]
        known: dict[str, None] = {}
        for sweep in in_order(sweeps):
            inside = f"tags.`mlflow.parentRunId` = '{sweep.info.run_id}'"
            if _DIGITS.fullmatch(commit):
                at = client.search_runs(ids, f"{inside} AND tags.`{COMMIT}` LIKE '{commit}%'", max_results=1)
                if at:
                    return str(sweep.info.run_id)
            runs = client.search_runs(ids, inside, max_results=1)
            known |= {run.data.tags[COMMIT][:SHORT]: None for run in runs if COMMIT in run.data.tags}
        there = Note("recorded_at_commits", commits=cut(known, SHOWN)) if known else Note("recorded_at_no_commit")
        raise DataError(Note("recorded_not_at_commit", experiment=experiment, commit=name, there=there))


def file_of(tracking: Tracking, run_id: str, name: str) -> str:
    """Return the text of a file of a run; a `TrackingError` if there is none, or the store cannot be read."""
    with reading(tracking) as client, tempfile.TemporaryDirectory() as folder:
        return Path(client.download_artifacts(run_id, name, folder)).read_text(encoding="utf-8")


def config_of(tracking: Tracking, recorded: Recorded) -> str:
    """Return the composed configuration of a run as YAML.

    Raises TrackingError if it is neither among the run's tags nor among its files, or the store cannot be read.
    """
    return recorded.tags.get(CONFIG) or file_of(tracking, recorded.run_id, CONFIG_FILE)


def plain(config: str, run_id: str) -> dict[str, Any]:
    """Return a composed configuration that is kept with a run as plain values, its interpolations resolved.

    ``config``: YAML. Raises DataError if it is no mapping, or names a variable that the environment lacks.
    """
    from omegaconf import DictConfig, OmegaConf
    from omegaconf.errors import OmegaConfBaseException

    node = OmegaConf.create(config)
    if not isinstance(node, DictConfig):
        raise DataError(Note("recorded_config_damaged", run=run_id, tag=CONFIG))
    plain: Any = OmegaConf.to_container(node, resolve=False)
    result = {str(group): content for group, content in plain.items()}
    # environment variables are recorded as interpolations; those of the store are not needed
    for group in result.keys() - set(SETTINGS):
        try:
            content = node[group]
            result[group] = OmegaConf.to_container(content, resolve=True) if OmegaConf.is_config(content) else content
        except OmegaConfBaseException as error:
            note = Note("recorded_config_unread", run=run_id, field=error.full_key, reason=first_line(error))
            raise DataError(note) from error
    return result


def moment(milliseconds: float) -> str:
    """Return a recorded time, since 1970, in words: ``2026-11-28 09:30 UTC``."""
    return datetime.fromtimestamp(milliseconds / 1000, UTC).strftime("%Y-%m-%d %H:%M UTC")


@contextmanager
def reading(tracking: Tracking) -> Iterator[MlflowClient]:
    """Give a client of an existing store; reading never creates one."""
    from mlflow import MlflowClient
    from mlflow.exceptions import MlflowException
    from sqlalchemy.exc import SQLAlchemyError

    if tracking.uri.startswith(SQLITE) and not Path(tracking.uri.removeprefix(SQLITE)).is_file():
        raise DataError(Note("recorded_no_store", store=masked(tracking.uri), folder=Path.cwd()))
    # reading shows no progress bars
    os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
    # MLflow also logs its errors, with tracebacks; our message replaces them
    for noisy in ("mlflow", "alembic"):
        logging.getLogger(noisy).setLevel(logging.CRITICAL)
    try:
        ask_once(tracking.uri)
        follow(tracking.uri)
        yield MlflowClient(tracking_uri=opening(tracking.uri))
    except (MlflowException, SQLAlchemyError, OSError, ImportError, UnicodeDecodeError, sqlite3.Error) as error:
        raise TrackingError(
            Note(
                "store_refuses",
                key="tracking.uri",
                store=masked(tracking.uri),
                what=Note("store_not_read"),
                why=hidden(first_line(error)),
            )
        ) from error


def _run(
    client: MlflowClient,
    tracking: Tracking,
    name: str,
    experiment: str,
    chosen: Chosen,
    advice: Sequence[Note] = (Note("recorded_name_another"),),
) -> Run:
    shared = tracking.experiment
    experiments = {item.name: item.experiment_id for item in client.search_experiments()}
    sweeps: Sequence[Run] = ()
    if shared in experiments:
        owner = experiment or name
        sweeps = [run for run in sweeps_of(client, [experiments[shared]]) if run.data.tags.get(EXPERIMENT) == owner]
    if experiment and not sweeps and experiment not in experiments:
        hint = suggestion(experiment, experiments)
        raise DataError(
            Note("recorded_no_experiment", experiment=experiment, hint=hint, experiments=cut(experiments, 20))
        )
    where = shared if sweeps else experiment
    ids = [experiments[where]] if where else list(experiments.values())
    if not experiment and sweeps:
        return chosen(client, sweeps)
    if not experiment and name in experiments:
        return chosen(client, _sweeps(client, [experiments[name]]))
    if len(name) >= SHORTEST and _is_id(name):
        matches = client.search_runs(ids, f"attributes.run_id LIKE '{name}%'", max_results=MOST)
        if len(matches) > 1:
            raise DataError(_ambiguous(name, matches))
        if matches:
            return matches[0]
    latest = (sweeps or _sweeps(client, ids))[0]
    run, labels = _labelled(client, name, latest)
    if run is not None:
        return run
    if len(name) < SHORTEST and _is_id(name):
        raise DataError(Note("recorded_short_id", id=name, letters=SHORTEST))
    shown = experiment or latest.data.tags.get(EXPERIMENT) or client.get_experiment(latest.info.experiment_id).name
    if experiment:
        hint = suggestion(name, labels)
        note = Note(
            "recorded_no_label", label=name, experiment=shown, runs=len(labels), hint=hint, labels=labels_cut(labels)
        )
        raise DataError(note)
    # a label may be longer than a file name can be
    with suppress(OSError):
        if files.find(name) is not None and files.is_experiment(name):
            raise DataError(no_sweep(tracking, name, experiments))
    others = [one for one in experiments if one != "Default"]
    raise DataError(
        Note(
            "recorded_nothing_called",
            name=name,
            store=masked(absolute(tracking.uri)),
            latest=shown,
            hint=suggestion(name, [*others, *labels, *filter(files.is_experiment, files.names())]),
            there=Note("recorded_are", experiments=cut(others, 10)) if others else "",
            advice=advice,
        )
    )


def _is_id(name: str) -> bool:
    return all(letter in "0123456789abcdef" for letter in name)


def _ambiguous(name: str, runs: Sequence[Run]) -> Note:
    ids = [run.info.run_id for run in runs]
    letters = next(length for length in range(len(name), 33) if len({one[:length] for one in ids}) == len(ids))
    many = Note("recorded_runs" if len(ids) < MOST else "recorded_runs_at_least", runs=len(ids))
    names = [
        Note(
            "recorded_run_called",
            run=run.info.run_id[:letters],
            label=run.data.tags.get("digicarbon.label", run.info.run_name),
        )
        for run in runs
    ]
    return Note("recorded_ambiguous", many=many, name=name, letters=letters, runs=cut(names, SHOWN))


def sweeps_of(client: MlflowClient, experiment_ids: Sequence[str]) -> list[Run]:
    """Return the sweeps of some experiments; the one that a command last began, continued or ended comes first."""
    sweeps = client.search_runs(
        experiment_ids, "tags.`digicarbon.kind` = 'sweep'", order_by=["attributes.start_time DESC"], max_results=MOST
    )
    return sorted(sweeps, key=_last_use, reverse=True)


def _last_use(sweep: Run) -> int:
    # a command that continues an older sweep does not change its start
    return max(int(sweep.info.start_time), int(sweep.info.end_time or 0), int(sweep.data.tags.get(OPENED, 0)))


def in_order(sweeps: Sequence[Run]) -> list[Run]:
    """Return sweeps of an experiment, newest first, in the order in which a report takes them.

    Those that have ended come before those that have not, and of these the ones without overrides come first.
    """
    ended = [run for run in sweeps if run.info.status in ENDED and "runs.done" in run.data.metrics]
    unchanged = [run for run in ended if OVERRIDES not in run.data.tags]
    return list({run.info.run_id: run for run in (*unchanged, *ended, *sweeps)}.values())


def _newest(client: MlflowClient, sweeps: Sequence[Run]) -> Run:
    return sweeps[0]


def _reported(client: MlflowClient, sweeps: Sequence[Run]) -> Run:
    return in_order(sweeps)[0]


def _with_finished(client: MlflowClient, sweeps: Sequence[Run]) -> Run:
    ordered = in_order(sweeps)
    return next((sweep for sweep in ordered if _has_finished(client, sweep)), ordered[0])


def _has_finished(client: MlflowClient, sweep: Run) -> bool:
    inside = f"tags.`mlflow.parentRunId` = '{sweep.info.run_id}' AND attributes.status = 'FINISHED'"
    return bool(client.search_runs([sweep.info.experiment_id], inside, max_results=1))


def _sweeps(client: MlflowClient, experiment_ids: Sequence[str]) -> list[Run]:
    sweeps = sweeps_of(client, experiment_ids)
    if not sweeps:
        raise DataError(Note("recorded_no_sweep_yet"))
    return sweeps


def _labelled(client: MlflowClient, label: str, sweep: Run) -> tuple[Run | None, list[str]]:
    """Return the run of a label in a sweep; if there is none, the labels that there are."""
    inside = f"tags.`mlflow.parentRunId` = '{sweep.info.run_id}'"
    ids = [sweep.info.experiment_id]
    # a filter of MLflow cannot hold both kinds of quotation marks: such a label is searched among all labels
    mark = "'" if '"' in label else '"'
    condition = "" if mark in label else f" AND tags.`digicarbon.label` = {mark}{label}{mark}"
    for run in client.search_runs(ids, f"{inside}{condition}", max_results=50_000):
        if run.data.tags.get("digicarbon.label") == label:
            return run, []
    return None, [run.data.tags.get("digicarbon.label", "") for run in client.search_runs(ids, inside)]


def no_sweep(tracking: Tracking, name: str, known: Iterable[str]) -> Note:
    """Return the note that no sweep of an experiment is recorded, with the command that makes one."""
    others = [other for other in known if other != "Default"]
    first: Note | str = ""
    if name == files.UNNAMED or files.find(name) is not None:
        usual = tracking.uri == Tracking().uri
        words = () if usual else [files.override("tracking.uri", masked(tracking.uri))]
        first = Note("recorded_run_first", command=files.command_line("run", name, words))
    return Note(
        "recorded_no_sweep_of",
        name=name,
        store=masked(absolute(tracking.uri)),
        first=first,
        hint=suggestion(name, others),
        there=Note("recorded_are", experiments=cut(others, 10)) if others else "",
    )


def data_of(client: MlflowClient, parent_id: str, fingerprint: str) -> list[Mapping[str, Any]]:
    """Return the entries of a fingerprint, or all where it is empty."""
    lacking = Note("recorded_no_data", sweep=parent_id, file=RECORD)
    if not any(file.path == RECORD for file in client.list_artifacts(parent_id)):
        raise DataError(lacking)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(client.download_artifacts(parent_id, RECORD, folder))
        try:
            record = json.loads(path.read_text(encoding="utf-8"))
            version, entries = record["version"], record["data"]
        except (ValueError, KeyError, TypeError) as error:
            raise DataError(Note("recorded_data_damaged", file=RECORD, sweep=parent_id)) from error
    if version != VERSION:
        raise DataError(lacking)
    return [entry for entry in entries if not fingerprint or fingerprint in entry["runs"]]
