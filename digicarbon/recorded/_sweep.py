"""A whole sweep as recorded in MLflow: all that a report or a page needs, without fitting or reading any data."""

from __future__ import annotations

import json
import re
import shutil
import tempfile
import weakref
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, overload

import pandas as pd

from digicarbon.config.files import GROUPS
from digicarbon.errors import DataError, DigicarbonError, TrackingError
from digicarbon.note import Note, note_of
from digicarbon.note.recorded import read_all
from digicarbon.recorded._report import report_of
from digicarbon.recorded._run import ENDED, data_of, in_order, no_sweep, reading, sweeps_of
from digicarbon.report import Record
from digicarbon.report.claim import Judged, claim_of, judged
from digicarbon.report.joint import FILE as JOINT
from digicarbon.report.joint import Joint, JointRequest, joints_from_json
from digicarbon.report.kinds import Multiverse, multiverse_of
from digicarbon.report.supplement import Supplement, SupplementRequest
from digicarbon.secret import masked
from digicarbon.sweep.provenance import RECORD
from digicarbon.sweep.statement import stating
from digicarbon.sweep.tables import DRAWN
from digicarbon.tracking import (
    EXPERIMENT,
    OVERRIDES,
    ROSTER,
    WHY,
    Planned,
    Roster,
    StoredResults,
    Tracking,
    local_folder,
    store_results,
    sweep_contents,
)

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run as MlflowRun

FINISHED = "FINISHED"
_NEXT = re.compile(r" (?=[+~]*[\w./@]+=)")
"""What is between two words of a command line in a tag."""


@dataclass(frozen=True, eq=False, repr=False)
class RecordedSweep:
    """A sweep and its runs, as they are recorded."""

    uri: str
    """The store's address, without a password."""
    experiment: str
    experiment_id: str
    """MLflow's."""
    parent_id: str
    """The sweep's run."""
    title: str
    config: str
    """The requested experiment as YAML."""
    status: str
    """``FINISHED``; ``FAILED`` if runs failed; ``RUNNING`` or ``KILLED`` if the sweep has not ended."""
    start: int
    """Milliseconds since the epoch."""
    tags: Mapping[str, str]
    data: Sequence[Mapping[str, Any]]
    """The record of data (`digicarbon.sweep.provenance`); empty where an earlier version made none."""
    roster: Roster
    """The runs as they were planned, in the order of the experiment."""
    rows: pd.DataFrame
    """A row per recorded run: index hash; columns run_id, label, status, error, start, end (milliseconds) and
    ``params.*``, ``tags.*``, ``metrics.*``."""
    results: StoredResults
    """By run id; decoded when they are asked for."""
    newer: str = ""
    """Id of a later sweep of the experiment that has not ended; empty if there is none."""
    others: Mapping[str, str] = field(default_factory=dict)
    """Further sweeps of the experiment, the newest for each set of overrides on the command line: ids by overrides."""
    _files: _Files = field(kw_only=True)

    def __repr__(self) -> str:
        what = f"Sweep {self.parent_id[:10]} of {self.experiment}"
        return f"{what}: {len(self.rows)} runs, {self.status}. {self.title[:200]}"

    @property
    def ended(self) -> bool:
        """Whether all runs were tried and the sweep was closed."""
        return self.status in ENDED

    @property
    def simulated(self) -> bool:
        """Whether any run's data are simulated."""
        return any(run.simulated for run in self.roster.runs)

    @cached_property
    def fitted(self) -> list[tuple[Planned, str]]:
        """The runs whose results can be read, with their ids, in the order of the experiment."""
        ids = self.rows["run_id"].to_dict()
        pairs = ((run, ids.get(run.hash, "")) for run in self.roster.runs)
        return [(run, run_id) for run, run_id in pairs if run_id in self.results]

    @cached_property
    def records(self) -> RecordedRecords:
        """The fitted runs as a report sees them; none is kept in memory."""
        every = [(run, run_id, label) for run, run_id in self.fitted for label in (run.label, *run.twins)]
        return RecordedRecords(every, self.results)

    @cached_property
    def run_ids(self) -> Mapping[str, str]:
        """Ids of runs by label, labels of twins among them."""
        ids = self.rows["run_id"].to_dict()
        return {
            label: ids[run.hash] for run in self.roster.runs if run.hash in ids for label in (run.label, *run.twins)
        }

    @cached_property
    def failures(self) -> list[tuple[str, Note]]:
        """Labels of runs that failed, and why, in the order of the experiment."""
        failed = self.rows[self.rows["status"] != FINISHED]
        # an earlier version kept the sentence only
        notes = failed.get(f"tags.{WHY}", pd.Series(index=failed.index, dtype=object))
        errors = {key: _why(note, error) for key, note, error in zip(failed.index, notes, failed["error"], strict=True)}
        return [(run.label, errors[run.hash]) for run in self.roster.runs if run.hash in errors]

    @cached_property
    def left(self) -> list[str]:
        """Labels of runs that were planned and are not recorded."""
        hashes = set(self.rows.index)
        return [run.label for run in self.roster.runs if run.hash not in hashes]

    @cached_property
    def lacking(self) -> int:
        """How many finished runs have a result that cannot be read back."""
        return int((self.rows["status"] == FINISHED).sum()) - len(self.fitted)

    @cached_property
    def statements(self) -> Mapping[str, Note]:
        """What packs say of the plan, e.g. of its lock, by the key of a head."""
        last = int(self.rows["end"].max()) if len(self.rows) else None
        each = {one.head: one.recorded(self.files, self.file, self.experiment, last) for one in stating()}
        return {head: note for head, note in each.items() if note is not None}

    @property
    def overrides(self) -> tuple[str, ...]:
        """The words of the command line that the sweep was run with."""
        return tuple(filter(None, _NEXT.split(self.tags.get(OVERRIDES, ""))))

    @cached_property
    def configs(self) -> Mapping[str, str]:
        """The composed configuration of each run as YAML, by the run's id; read when it is asked for."""
        table = store_results(self._files.tracking, self.parent_id, ["run_id", "config"])
        return dict(zip(table["run_id"], table["config"], strict=True))

    def tagged(self, tag: str) -> list[str]:
        """Return the different values that the runs have of a tag."""
        column = f"tags.{tag}"
        return list(map(str, self.rows[column].dropna().unique())) if column in self.rows else []

    @property
    def notes(self) -> list[tuple[str, Sequence[Note]]]:
        """Notes on the preparation of each run, by label."""
        return [(run.label, run.notes) for run in self.roster.runs]

    @cached_property
    def files(self) -> Sequence[str]:
        """Names of the files of the sweep."""
        return self._files.names()

    def file(self, name: str) -> bytes:
        """Return a file of the sweep; a `TrackingError` if there is none of this name, or the store cannot be read."""
        return self._files.read(name)

    @cached_property
    def drawn(self) -> tuple[str, Sequence[str]] | None:
        """The report that drew the latest pictures, and their names; None where an earlier version did not record it.

        Pictures of earlier commands stay among the files.
        """
        if DRAWN not in self.files:
            return None
        content = json.loads(self.file(DRAWN))
        return str(content["report"]), [name for name in content["pictures"] if name in self.files]

    @cached_property
    def joint_request(self) -> JointRequest | None:
        """The joint test of the experiment's own report; None where it makes none, or is not known."""
        try:
            return report_of(self).joint_request
        except DigicarbonError:
            return None

    @cached_property
    def joints(self) -> Mapping[str, Joint]:
        """The joint test of each main part of the multiverse by its name; empty if the own report makes none."""
        return {} if self.joint_request is None else self.joints_of(self.joint_request)

    def joints_of(self, request: JointRequest) -> Mapping[str, Joint]:
        """Return a joint test of each main part of the multiverse by its name; empty if no command made it."""
        name = f"{request.folder}/{JOINT}"
        if name in self.files:
            return joints_from_json(self.file(name).decode())
        # an earlier version kept one test, whatever it was
        before = joints_from_json(self.file(JOINT).decode()) if JOINT in self.files else {}
        return before if all(map(request.fits, before.values())) else {}

    @property
    def joint(self) -> Joint | None:
        """The same of the whole curve; None if the own report makes none, or if there are several parts."""
        return next(iter(self.joints.values())) if len(self.joints) == 1 else None

    @cached_property
    def multiverse(self) -> Multiverse | None:
        """The parts that are counted apart; None where the experiment names no kinds and makes no claim."""
        return multiverse_of(self.roster)

    @cached_property
    def judged(self) -> Judged | None:
        """Whether the experiment's claim holds; None where it makes none."""
        claim = claim_of(self.roster.claim)
        if claim is None or self.multiverse is None:
            return None
        return judged(claim, self.multiverse, self.records, self.joints, self.roster.lost)

    def supplement(self, request: SupplementRequest) -> Supplement | None:
        """Return what a report requests of all runs; None if no command requested it."""
        there = (place for place in request.places if place in self.files)
        kept = (request.read(self.file(place).decode()) for place in there)
        return next((supplement for supplement in kept if request.fits(supplement)), None)


class RecordedRecords(Sequence[Record]):
    """The fitted runs of a recorded sweep, with their ids and labels, read on each pass."""

    def __init__(self, labels: Sequence[tuple[Planned, str, str]], results: StoredResults) -> None:
        self._labels, self._results = labels, results

    def chosen(self, positions: Iterable[int]) -> RecordedRecords:
        """Return some of the records; they too are read on each pass."""
        return RecordedRecords([self._labels[position] for position in positions], self._results)

    def labelled(self, labels: Collection[str]) -> RecordedRecords:
        """Return the records of the runs with some labels."""
        return RecordedRecords([one for one in self._labels if one[0].label in labels], self._results)

    def __len__(self) -> int:
        return len(self._labels)

    def __iter__(self) -> Iterator[Record]:
        return self._read(self._labels)

    @overload
    def __getitem__(self, position: int) -> Record: ...
    @overload
    def __getitem__(self, position: slice) -> list[Record]: ...
    def __getitem__(self, position: int | slice) -> Record | list[Record]:
        if isinstance(position, slice):
            return list(self._read(self._labels[position]))
        return next(self._read([self._labels[position]]))

    def _read(self, chosen: Sequence[tuple[Planned, str, str]]) -> Iterator[Record]:
        results = self._results.read(run_id for _, run_id, _ in chosen)
        for (run, _, label), (_, result) in zip(chosen, results, strict=True):
            again = label != run.label
            shared = (run.options, run.values, result, None, run.simulated, run.column)
            yield Record(label, *shared, again, run.lacking)


def sweep(tracking: Tracking, name: str) -> RecordedSweep:
    """Return the sweep of an experiment that ended last (the newest if none has ended), or a sweep by its id.

    A sweep with overrides on the command line is returned only if the experiment has none without them.

    ``name``: an experiment, or a sweep's run id. Raises DataError if there is no such sweep; TrackingError if the store
    cannot be read, or the sweep has no results.
    """
    with reading(tracking) as client:
        parent, newer, others = _parent(client, tracking, name)
        experiment = client.get_experiment(parent.info.experiment_id)
        files = _Files(client, tracking, parent)
        names = files.names()
        contents = sweep_contents(tracking.uri, parent.info.experiment_id, parent.info.run_id, files.folder)
        rows = contents.rows.drop_duplicates("hash", keep="last").set_index("hash")
        return RecordedSweep(
            uri=masked(tracking.uri),
            experiment=experiment.name,
            experiment_id=parent.info.experiment_id,
            parent_id=parent.info.run_id,
            title=parent.data.tags.get("digicarbon.title", ""),
            config=files.read("experiment.yaml").decode() if "experiment.yaml" in names else "",
            status=parent.info.status,
            start=parent.info.start_time,
            tags=parent.data.tags,
            data=_data(client, parent.info.run_id, names),
            roster=_roster(files, names, rows),
            rows=rows,
            results=contents.results,
            newer=newer,
            others=others,
            _files=files,
        )


class _Files:
    """The files of a sweep, fetched when they are needed."""

    def __init__(self, client: MlflowClient, tracking: Tracking, parent: MlflowRun) -> None:
        self._client, self.tracking, self._parent = client, tracking, parent
        self._local = local_folder(parent.info.artifact_uri)
        self.folder = Path(tempfile.mkdtemp(prefix="digicarbon_results-"))
        weakref.finalize(self, shutil.rmtree, self.folder, ignore_errors=True)

    def names(self) -> Sequence[str]:
        return sorted(self._below(""))

    def read(self, name: str) -> bytes:
        return self.path(name).read_bytes()

    def path(self, name: str) -> Path:
        if self._local is not None and (self._local / name).is_file():
            return self._local / name
        with reading(self.tracking):
            return Path(self._client.download_artifacts(self._parent.info.run_id, name, str(self.folder)))

    def _below(self, folder: str) -> Iterator[str]:
        for item in self._client.list_artifacts(self._parent.info.run_id, folder or None):
            if item.is_dir:
                yield from self._below(item.path)
            else:
                yield item.path


def _parent(client: MlflowClient, tracking: Tracking, name: str) -> tuple[MlflowRun, str, Mapping[str, str]]:
    """Return a sweep's run, the id of a newer one that has not ended, and ids of those with other overrides.

    A sweep without overrides comes before sweeps with them.
    """
    known = {item.name: item.experiment_id for item in client.search_experiments()}
    shared = tracking.experiment in known
    if name not in known and len(name) == 32 and all(letter in "0123456789abcdef" for letter in name):
        return _by_id(client, list(known.values()), name), "", {}
    if not shared and name not in known:
        raise DataError(no_sweep(tracking, name, known))
    ids = [known[tracking.experiment if shared else name]]
    sweeps = sweeps_of(client, ids)
    # an earlier version did not record the experiment of a sweep
    own = [run for run in sweeps if run.data.tags.get(EXPERIMENT, name) == name]
    if not own:
        raise DataError(no_sweep(tracking, name, known))
    chosen = in_order(own)[0]
    overrides = chosen.data.tags.get(OVERRIDES, "")
    later = next((run for run in own if run.data.tags.get(OVERRIDES, "") == overrides), chosen)
    others = {run.data.tags.get(OVERRIDES, ""): str(run.info.run_id) for run in reversed(own)}
    others.pop(overrides, None)
    return chosen, "" if later is chosen else str(later.info.run_id), others


def _by_id(client: MlflowClient, experiments: Sequence[str], name: str) -> MlflowRun:
    runs = client.search_runs(experiments, f"attributes.run_id = '{name}'", max_results=1)
    if not runs:
        raise DataError(Note("recorded_no_run", run=name))
    if runs[0].data.tags.get("digicarbon.kind") != "sweep":
        parent = runs[0].data.tags.get("mlflow.parentRunId", "")
        more = Note("recorded_belongs_to", sweep=parent) if parent else ""
        raise DataError(Note("recorded_not_a_sweep", run=name, more=more))
    return runs[0]


def _data(client: MlflowClient, parent_id: str, names: Sequence[str]) -> Sequence[Mapping[str, Any]]:
    if RECORD not in names:
        return []
    try:
        return data_of(client, parent_id, "")
    except DataError:
        return []


def _roster(files: _Files, names: Sequence[str], rows: pd.DataFrame) -> Roster:
    if ROSTER not in names:
        return _guessed(rows)
    try:
        return Roster.read(files.path(ROSTER))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise TrackingError(Note("recorded_roster_damaged", file=ROSTER, reason=error)) from error


def _why(note: object, error: object) -> Note:
    """Return why a run failed: the note of a tag, or the sentence that was recorded without one."""
    if isinstance(note, str):
        with suppress(ValueError, LookupError, TypeError):
            return Note.from_json(json.loads(note))
    return note_of(str(error).partition("\n")[0])


def _guessed(rows: pd.DataFrame) -> Roster:
    """Return the roster of a sweep of an earlier version, from its runs in the order of their recording."""
    params = rows[[name for name in rows.columns if name.startswith("params.")]]
    params = params.rename(columns=lambda name: name.removeprefix("params."))
    varied = [name for name in params.columns if params[name].nunique(dropna=False) > 1 and name != "column"]
    simulated = rows.get("tags.digicarbon.data", pd.Series(index=rows.index, dtype=object))
    notes = rows.get("tags.mlflow.note.content", pd.Series(index=rows.index, dtype=object))
    runs = []
    for row, (key, chosen) in enumerate(zip(rows.index, params.to_dict("records"), strict=True)):
        texts = {name: value for name, value in chosen.items() if isinstance(value, str)}
        content = notes.iloc[row]
        runs.append(
            Planned(
                key,
                rows["label"].iloc[row],
                {name: value for name, value in texts.items() if name in GROUPS},
                {name: texts[name] for name in varied if name in texts},
                simulated=simulated.iloc[row] == "SIMULATED",
                notes=read_all(content.split("\n\n")) if isinstance(content, str) and content else (),
                column=texts.get("column"),
            )
        )
    return Roster(runs)
