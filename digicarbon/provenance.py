"""Where the numbers of runs come from: the files, bytes and choices behind each panel, as a record for MLflow."""

from __future__ import annotations

import hashlib
import itertools
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from digicarbon import datafolder
from digicarbon.errors import DataError
from digicarbon.panel import Panel
from digicarbon.plan import Run, code_digest
from digicarbon.prepare import KINDS, Specs
from digicarbon.source import InputFile, Inputs
from digicarbon.spec import Spec

RECORD = "data.json"
"""The record's name among the files of a sweep."""
FINGERPRINT = "digicarbon.data_fingerprint"
"""The tag that carries a run's fingerprint."""
CODE = "digicarbon.code"
"""The tag that carries the SHA-256 of the code that computes a run's numbers."""
SEEDS = "digicarbon.seeds"
"""The tag that carries the seeds of a run, by the key that sets them, as JSON."""
GROUPS = ("source", "measure", "outcome", "panel", "sample")
"""The choices that make a panel."""


@dataclass(frozen=True)
class Ledger:
    """What a sweep keeps about its data.

    Attributes
    ----------
    fingerprints : mapping of str to str
        By the label of the run.
    tags : mapping of str to mapping
        By the label of the run: its fingerprint, code and seeds as tags of MLflow; equal ones are one object.
    fingerprint : str
        Of the whole sweep: that of its runs, or a hash of theirs where they differ.
    files : mapping of str to str
        Contents by name: the record `RECORD`, and what measures are made from (``measure/<option>/…``).
    """

    fingerprints: Mapping[str, str]
    tags: Mapping[str, Mapping[str, str]]
    fingerprint: str
    files: Mapping[str, str]


def ledger(runs: Sequence[Run]) -> Ledger:
    """Return the record of the data of a sweep's runs.

    Raises
    ------
    DataError
        If a measure cannot say what it is made from.
    """
    origins = _Origins()
    tags = {run.label: origins.tags(run) for run in runs}
    fingerprints = {label: own[FINGERPRINT] for label, own in tags.items()}
    by_data: dict[str, list[Run]] = {}
    for run in runs:
        by_data.setdefault(fingerprints[run.label], []).append(run)
    kept, folders = _kept_by_measures([own[0] for own in by_data.values()])
    data = [{"fingerprint": key, **_entry(own), "artifacts": folders[own[0].label]} for key, own in by_data.items()]
    record = json.dumps({"version": 1, "data": data}, ensure_ascii=False, indent=1)
    whole = next(iter(by_data)) if len(by_data) == 1 else _hash(sorted(by_data))
    return Ledger(fingerprints, tags, whole, {RECORD: record + "\n", **kept})


def fingerprint(specs: Specs, inputs: Inputs) -> str:
    """Return the SHA-256 of the bytes of all files that were read and of the choices that make the panel.

    It does not depend on where the files are: fields of the source that name places are left out, and so are the names
    of files.

    Parameters
    ----------
    specs : Specs
    inputs : Inputs
        As the source of ``specs`` loaded them.
    """
    files = sorted([file.sha256, *file.series] for file in inputs.files)
    return _hash({"files": files, "choices": {group: _choice(getattr(specs, group)) for group in GROUPS}})


def seeds(specs: Specs) -> dict[str, int]:
    """Return every seed among the fields of a run's specifications, by dotted key, e.g. ``{"source.seed": 1}``."""
    return dict(_seeds("", ((group, getattr(specs, group)) for group in KINDS)))


def _seeds(place: str, fields: Iterable[tuple[str, object]]) -> Iterator[tuple[str, int]]:
    for name, value in fields:
        if name == "seed" and isinstance(value, int):
            yield f"{place}{name}", value
        elif isinstance(value, Spec):
            yield from _seeds(f"{place}{name}.", value)
        elif isinstance(value, Mapping):
            yield from _seeds(f"{place}{name}.", value.items())


@dataclass
class _Origins:
    """Makes the tags of runs, and keeps what those of the same specifications share: a sweep can have 100,000."""

    _kept: dict[tuple[int, ...], tuple[tuple[object, ...], str]] = field(default_factory=dict)
    _tags: dict[tuple[str, str, str], Mapping[str, str]] = field(default_factory=dict)

    def tags(self, run: Run) -> Mapping[str, str]:
        specs, inputs = run.specs, run.prepared.inputs
        computing = (type(specs.model), type(specs.diagnostic))
        panel = (*(getattr(specs, group) for group in GROUPS), inputs)
        found = (
            self._once(panel, lambda: fingerprint(specs, inputs)),
            self._once(computing, lambda: code_digest(*computing)),
            json.dumps(seeds(specs)),
        )
        return self._tags.setdefault(found, dict(zip((FINGERPRINT, CODE, SEEDS), found, strict=True)))

    def _once(self, parts: tuple[object, ...], make: Callable[[], str]) -> str:
        key = tuple(map(id, parts))
        if key not in self._kept:
            # with the objects themselves: the id of one that is gone can be given to another
            self._kept[key] = (parts, make())
        return self._kept[key][1]


def today(path: str, sha256: str) -> str:
    """Return how a recorded file is now: ``same``, ``changed`` or ``not there``."""
    try:
        return "same" if datafolder.file_hash(Path(path)) == sha256 else "changed"
    except OSError:
        return "not there"


def _choice(spec: Spec) -> dict[str, Any]:
    places = set(getattr(spec, "places", ()))
    return {
        "class": f"{type(spec).__module__}.{type(spec).__qualname__}",
        **spec.model_dump(mode="json", exclude=places),
    }


def _entry(runs: Sequence[Run]) -> dict[str, Any]:
    """Return what is recorded of the runs of one fingerprint."""
    first = runs[0]
    inputs = first.prepared.inputs
    return {
        "source": inputs.source,
        "simulated": inputs.simulated,
        "options": {group: first.options.get(group, "") for group in GROUPS},
        "choices": {
            group: {"class": type(spec).__qualname__, **spec.model_dump(mode="json")}
            for group in GROUPS
            for spec in (getattr(first.specs, group),)
        },
        "files": [_file(file) for file in inputs.files],
        "names": {"unit": inputs.unit_name, "time": inputs.time_name},
        "panels": _panels(run.prepared.panel for run in runs),
    }


def _panels(panels: Iterable[Panel]) -> list[dict[str, Any]]:
    """Return units and periods of all panels, those of other columns alone together."""
    found: dict[str, dict[str, Any]] = {}
    for panel in {panel.digest: panel for panel in panels}.values():
        shape = {
            "rows": len(panel.unit_codes),
            "units": list(map(str, panel.units)),
            "periods": list(map(str, panel.periods)),
        }
        found.setdefault(_hash(shape), {**shape, "digests": []})["digests"].append(panel.digest)
    return list(found.values())


def _file(file: InputFile) -> dict[str, Any]:
    return {"name": file.name, **asdict(file), "imports": _imports(Path(file.path))}


def _imports(path: Path) -> list[dict[str, Any]]:
    """Return the importer's own record of a file of a data folder; a damaged one is no reason to lose the run."""
    if path.suffix != ".parquet":
        return []
    try:
        return [asdict(record) for record in datafolder.provenance(path.parent, path.stem)]
    except DataError as error:
        return [{"kind": "unknown", "notes": [str(error)]}]


def _kept_by_measures(runs: Iterable[Run]) -> tuple[dict[str, str], dict[str, list[str]]]:
    """Return the files of all measures, and their names by the label of the run that they belong to."""
    files: dict[str, str] = {}
    names: dict[str, list[str]] = {}
    places: dict[str, list[str]] = {}
    for run in runs:
        made = run.specs.measure.artifacts(run.prepared.inputs)
        # options that differ in their terms alone are made from the same numbers
        content = _hash(sorted(made.items()))
        if content not in places:
            folder = _unused(f"measure/{run.options.get('measure', 'measure')}", files)
            places[content] = [f"{folder}/{name}" for name in made]
            files |= dict(zip(places[content], made.values(), strict=True))
        names[run.label] = places[content]
    return files, names


def _unused(folder: str, files: Mapping[str, str]) -> str:
    """Return a folder's name, with a number where another measure of the same option has it."""
    taken = {name.rpartition("/")[0] for name in files}
    more = (f"{folder}_{number}" for number in itertools.count(2))
    return next(name for name in itertools.chain([folder], more) if name not in taken)


def _hash(content: object) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True, ensure_ascii=False).encode()).hexdigest()
