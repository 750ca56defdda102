"""An experiment of a package with its recorded sweep; what is not recorded as it stands is refused with a command."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain, count
from typing import Any

import pandas as pd
import yaml

from digicarbon import pack, recorded
from digicarbon.config import yaml_text
from digicarbon.config.compose import Composer, loader, options
from digicarbon.config.files import LABELS, ROOT, UNNAMED, command_line, find
from digicarbon.config.missing import no_experiment
from digicarbon.errors import ConfigError, DataError
from digicarbon.note import Note, note_of
from digicarbon.note.ending import Caught
from digicarbon.packs.deposit import lock
from digicarbon.packs.deposit.lock.file import Lock, path_of, read
from digicarbon.packs.deposit.lock.state import brief
from digicarbon.plan.expand import read_overrides
from digicarbon.plan.prepare import Preparation, fitted
from digicarbon.plan.reach import own_code
from digicarbon.plan.runs import plan
from digicarbon.plan.words import labels
from digicarbon.recorded import RecordedSweep
from digicarbon.recorded.again import Again
from digicarbon.recorded.numbers import compared, of_result
from digicarbon.spec import locate, own_classes
from digicarbon.sweep.provenance import FINGERPRINT, today
from digicarbon.tracking import VERSION, VERSIONS, Tracking

IGNORED = ("report", "executor", "tracking", LABELS, "hydra")
"""Keys of a configuration that change no number."""
LOCAL = ("loky", "sequential", "threading")
"""Options of executors that any computer has."""
FITTING = ("model", "diagnostic", "inference")
"""Groups whose classes take part in a fit."""


@dataclass(frozen=True, eq=False)
class Member:
    """An experiment and its sweep.

    ``section``: the experiment that lists it; empty if it was named itself. ``key``: the name of its folders in the
    package, which every system allows.
    """

    name: str
    section: str
    tracking: Tracking
    sweep: RecordedSweep
    key: str

    @property
    def overrides(self) -> tuple[str, ...]:
        """The words of the command line that the sweep was run with."""
        return self.sweep.overrides

    @cached_property
    def config(self) -> Mapping[str, Any]:
        """The composed configuration as plain values."""
        content: Any = yaml.safe_load(self.sweep.config)
        return dict(content or {})

    @cached_property
    def prints(self) -> Mapping[str, pd.Series]:
        """The first recorded run of each fingerprint of data."""
        rows = self.sweep.rows[self.sweep.rows["status"] == "FINISHED"]
        first = rows.drop_duplicates(f"tags.{FINGERPRINT}")
        return {str(row[f"tags.{FINGERPRINT}"]): row for _, row in first.iterrows()}

    @property
    def versions(self) -> dict[str, str]:
        """The versions of packages at the time of the runs."""
        known = {name: number for text in self.sweep.tagged(VERSIONS) for name, number in json.loads(text).items()}
        return {"digicarbon": ", ".join(self.sweep.tagged(VERSION)), **known}

    @property
    def read(self) -> Iterator[tuple[Mapping[str, Any], Mapping[str, Any]]]:
        """Yield each file that a source or weights have read, with the choices of these."""
        for entry in self.sweep.data:
            yield from ((entry["choices"]["source"], file) for file in entry["files"])
            yield from ((own["choices"], file) for own in entry["weights"].values() for file in own["files"])

    @cached_property
    def composer(self) -> Composer:
        """The experiment with its overrides, as its files are today."""
        return Composer(loader(), self.name, self.overrides)

    @cached_property
    def locked(self) -> Lock | None:
        """The lock of the plan as its file is today; None if there is none."""
        return read(path_of(self.name))

    @cached_property
    def lock_record(self) -> Mapping[str, Any] | None:
        """What the sweep has recorded of the lock of its plan; None if there was none."""
        if lock.ARTIFACT not in self.sweep.files:
            return None
        content: Mapping[str, Any] = json.loads(self.sweep.file(lock.ARTIFACT))
        return content

    def again(self, preparation: Preparation) -> Iterator[tuple[str, Again]]:
        """Yield a run of each fingerprint, as it is prepared today; a `DataError` if its data are others now."""
        for fingerprint, row in self.prints.items():
            with Caught(Note("code_of_run")) as caught:
                run_id = str(row["run_id"])
                again = Again.of(preparation, self.sweep.configs[run_id], run_id, checked=False)
                again.refuse_other_data(row)
            if caught.note is not None:
                raise DataError(Note("package_data", **self._named, run=row["label"], why=caught.note))
            yield fingerprint, again

    def fit_own(self) -> None:
        """Fit the quickest run of each choice of model and diagnostic whose class is no part of digicarbon.

        Raises DataError if it cannot be fitted today, or its numbers are not those that are recorded.
        """
        from threadpoolctl import threadpool_limits

        preparation = Preparation()
        options = {run.hash: run.options for run in self.sweep.roster.runs}
        rows = self.sweep.rows[self.sweep.rows["status"] == "FINISHED"]
        seen = set()
        for key, row in rows.loc[(rows["end"] - rows["start"]).sort_values().index].iterrows():
            own = options.get(str(key), {})
            choice, run_id = (own.get("model"), own.get("diagnostic")), str(row["run_id"])
            config = {} if choice in seen else recorded.plain(self.sweep.configs[run_id], run_id)
            seen.add(choice)
            nodes = [node for group in FITTING for node in _nodes(config.get(group))]
            if not any(own_classes({"": node}) or pack.from_elsewhere(str(node.get("_target_"))) for node in nodes):
                continue
            differ = True
            with Caught(Note("code_of_run")) as caught, threadpool_limits(1):
                again = Again.of(preparation, self.sweep.configs[run_id], run_id)
                _, then = next(iter(self.sweep.results.read([run_id])))
                both = ({"": dict(of_result(one))} for one in (then, fitted(again.specs, again.prepared)))
                differ = not all(one.equal for one in compared(self.name, *both))
            if differ:
                why = caught.note or Note("package_other_numbers")
                raise DataError(Note("package_own", **self._named, run=row["label"], why=why))

    def refuse_other_code(self) -> None:
        """Raise a `DataError` if the study's own code is no longer what made the numbers: the package holds today's."""
        entries = [part for entry in self.sweep.data for part in (entry, *entry["weights"].values())]
        classes = {item["class"]: item for entry in entries for item in entry.get("code", ())}
        for name, item in classes.items():
            try:
                cls: Any = locate(name, item["group"])
            except ConfigError as error:
                why = note_of(error)
                raise DataError(Note("package_code_gone", **self._named, name=name, why=why)) from error
            then, now = item["files"], own_code(cls)
            files = [file for file in {**then, **now} if then.get(file) != now.get(file)]
            if files:
                raise DataError(Note("package_code_changed", **self._named, name=name, files=files))

    def refuse_changes(self) -> None:
        """Raise a `DataError` if the sweep is not whole, or its file or its data have changed since."""
        sweep = self.sweep
        if not sweep.ended or sweep.left:
            raise DataError(
                Note("package_unfinished", **self._named, runs=len(sweep.left), every=len(sweep.roster.runs))
            )
        if not len(sweep.fitted):
            raise DataError(Note("package_no_numbers", **self._named))
        now: Any = yaml.safe_load(yaml_text.dumped(self.composer.requested))
        keys = sorted(key for key in {*now, *self.config} - set(IGNORED) if now.get(key) != self.config.get(key))
        if keys:
            raise DataError(Note("package_file_changed", **self._named, keys=keys))
        if not self._same_lock():
            raise DataError(Note("package_other_lock", **self._named, file=path_of(self.name).name))
        for _, file in self.read:
            state = today(file["path"], file["sha256"])
            if state == "not there":
                raise DataError(Note("package_file_gone", file=file["path"], **self._named))
            if state != "same":
                raise DataError(Note("package_data_file_changed", file=file["path"], **self._named))
        shown = _differing("report", now.get("report"), self.config.get("report"))
        shown += _differing(LABELS, self._labels(now.get(LABELS)), self.config.get(LABELS) or {})
        if shown:
            raise DataError(Note("package_other_report", **self._named, keys=shown))

    def _labels(self, stated: Mapping[str, str] | None) -> Mapping[str, str]:
        """Return the words that the table would have today.

        A sweep records those of data files and options with the experiment's own; a plan, which knows all, is made only
        where these are not the same.
        """
        if dict(stated or {}) == (self.config.get(LABELS) or {}):
            return dict(stated or {})
        plain, axes = read_overrides(self.overrides, loader())
        composer = Composer(loader(), self.name, plain)
        return labels(composer, plan(composer, axes))

    def _same_lock(self) -> bool:
        """Return whether the lock's file is the one that the latest command has recorded."""
        now, then = self.locked, self.lock_record
        if now is None or then is None:
            return now is None and then is None
        versions = [brief(version) for version in now.versions]
        return (then["lock"], then["versions"], then.get("broken", [])) == (now.latest, versions, now.broken)

    @property
    def words(self) -> tuple[str, ...]:
        """The words that fit it in a store of its own: ``digicarbon run`` comes before them."""
        words = [self.name, *self.overrides]
        tracking: Mapping[str, Any] = self.composer.node("tracking")
        usual = Tracking()
        if (tracking.get("uri"), tracking.get("artifacts")) != (usual.uri, usual.artifacts):
            words += [f"tracking.uri={usual.uri}", f"tracking.artifacts={usual.artifacts}"]
        words += ["tracking.experiment=''"] if tracking.get("experiment") else []
        return (*words, *(["executor=loky"] if self.composer.chosen.get("executor") not in LOCAL else []))

    @property
    def _named(self) -> dict[str, str]:
        """The fields of an error: the experiment, and the command that runs it."""
        return {"experiment": self.name, "command": command_line("run", self.name, self.overrides)}


def _differing(key: str, one: Any, other: Any) -> list[str]:
    """Return the keys of two nodes that differ: those of fields where both have fields."""
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        fields = {**one, **other}
        return [name for item in fields for name in _differing(f"{key}.{item}", one.get(item), other.get(item))]
    return [] if one == other else [key]


def _nodes(node: Any) -> Iterator[Mapping[str, Any]]:
    """Yield a node of a configuration and those inside it."""
    if isinstance(node, Mapping):
        yield node
        for inner in node.values():
            yield from _nodes(inner)


def members(names: Sequence[str], store: Sequence[str]) -> list[Member]:
    """Return the recorded sweeps of experiments, those of an experiment that lists others in their place.

    ``store``: overrides of ``tracking``. Raises ConfigError if there is no such experiment, or one is named twice;
    DataError if one is not recorded as it stands; the message has the command that records it.
    """
    seen: dict[str, str] = {}
    result: list[Member] = []
    lacking: list[Note] = []
    for name in names:
        if name in (ROOT, UNNAMED) or find(name) is None:
            raise no_experiment(name, list(options(loader(), "")))
        for own, tracking in recorded.members(name, store):
            if own in seen:
                raise ConfigError(Note("package_twice", experiment=own, first=seen[own], second=name))
            seen[own] = name
            try:
                key = unused(portable(own.replace("/", "_")), [member.key for member in result])
                one = Member(own, "" if own == name else name, tracking, recorded.sweep(tracking, own), key)
                one.refuse_changes()
            except DataError as error:
                lacking.append(note_of(error))
            else:
                result.append(one)
    if len(lacking) == 1:
        raise DataError(lacking[0])
    if lacking:
        raise DataError(Note("lines", lines=[Note("package_lacking", wrong=len(lacking), every=len(seen)), *lacking]))
    return result


def unused(name: str, taken: Iterable[str], end: str = "") -> str:
    """Return a name with its end, and a number between them if another has it: some systems ignore upper case."""
    lower = {other.lower() for other in taken}
    more = (f"{name}_{number}{end}" for number in count(2))
    return next(one for one in chain([f"{name}{end}"], more) if one.lower() not in lower)


_FORBIDDEN = re.compile(r'[<>:"|?*\\/\x00-\x1f]')
_RESERVED = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)


def portable(name: str) -> str:
    """Return the name of a file or a folder that Windows allows, too."""
    name = _FORBIDDEN.sub("_", name).rstrip(". ") or "_"
    return f"_{name}" if _RESERVED.fullmatch(name) else name
