"""Where the numbers of runs come from: the files, bytes and choices behind each panel, as a record for MLflow."""

from __future__ import annotations

import hashlib
import itertools
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from digicarbon import datafolder
from digicarbon.errors import DataError
from digicarbon.panel import Panel, variables_of
from digicarbon.plan import Run
from digicarbon.prepare import Prepared, Specs
from digicarbon.source import InputFile, WatchedInputs
from digicarbon.spec import Spec

RECORD = "data.json"
"""The record's name among the files of a sweep."""
VERSION = 2
"""Of the record's layout."""
FINGERPRINT = "digicarbon.data_fingerprint"
"""The tag that carries a run's fingerprint."""
GROUPS = ("source", "measure", "outcome", "panel", "sample")
"""The choices that make a panel."""


@dataclass(frozen=True)
class Ledger:
    """What a sweep keeps about its data.

    Attributes
    ----------
    fingerprints : mapping of str to str
        By the label of the run.
    fingerprint : str
        Of the whole sweep: that of its runs, or a hash of theirs where they differ.
    files : mapping of str to str
        Contents by name: the record `RECORD`, and what measures are made from (``measure/<option>/…``).
    """

    fingerprints: Mapping[str, str]
    fingerprint: str
    files: Mapping[str, str]


def ledger(runs: Sequence[Run]) -> Ledger:
    """Return the record of the data of a sweep's runs.

    Raises
    ------
    DataError
        If a measure cannot say what it is made from.
    """
    watch = Watch()
    used = {run.label: watch.files(run.specs, run.prepared) for run in runs}
    prints = {run.label: _fingerprint(run.specs, run.prepared, used[run.label]) for run in runs}
    alike: dict[str, list[Run]] = {}
    for run in runs:
        key = _hash([_options(run), _choices(run.specs), _hashes(run.prepared.inputs.files)])
        alike.setdefault(key, []).append(run)
    kept, folders = _kept_by_measures([own[0] for own in alike.values()])
    data = [
        {
            **_entry(own),
            "artifacts": folders[own[0].label],
            "runs": {run.label: {"fingerprint": prints[run.label], **_own(run, used[run.label])} for run in own},
        }
        for own in alike.values()
    ]
    record = json.dumps({"version": VERSION, "data": data}, ensure_ascii=False, indent=1)
    several = sorted(set(prints.values()))
    return Ledger(prints, several[0] if len(several) == 1 else _hash(several), {RECORD: record + "\n", **kept})


def fingerprint(specs: Specs, prepared: Prepared) -> str:
    """Return the SHA-256 of all that a run's data are.

    It covers the bytes of the files from which the columns of the run come, the choices of source, measure, outcome,
    panel and sample, the panel itself (units, periods, rows, and names and values of the columns that model and
    diagnostic read), and the weights if they are taken. It does not cover where files are, what they are called, fields
    that decide no number (`Spec.no_numbers`), and files that were read for other columns.

    Parameters
    ----------
    specs : Specs
    prepared : Prepared
        As made from ``specs``.
    """
    return _fingerprint(specs, prepared, Watch().files(specs, prepared))


def today(path: str, sha256: str) -> str:
    """Return how a recorded file is now: ``same``, ``changed`` or ``not there``."""
    try:
        return "same" if datafolder.file_hash(Path(path)) == sha256 else "changed"
    except OSError:
        return "not there"


@dataclass
class Watch:
    """Finds out from which files the columns of runs come; runs of equal measure and outcome are looked at once."""

    _taken: dict[str, frozenset[str]] = field(default_factory=dict)

    def files(self, specs: Specs, prepared: Prepared) -> tuple[InputFile, ...]:
        """Return the files from which something was taken that the run's columns are made of."""
        inputs = prepared.inputs
        if not inputs.files:
            return ()
        names = [*variables_of(specs.terms), *specs.sample.variables]
        used = self._by_formulas(specs, prepared) | set(specs.panel.columns_behind(names, inputs.frame.columns))
        return tuple(file for file in inputs.files if used & set(file.series))

    def _by_formulas(self, specs: Specs, prepared: Prepared) -> frozenset[str]:
        """Return what measure and outcome take of the inputs."""
        key = _hash([id(prepared.inputs), _every_field(specs.measure), _every_field(specs.outcome)])
        if key not in self._taken:
            inputs = WatchedInputs.of(prepared.inputs)
            specs.measure.transformed(inputs)
            specs.outcome.compute(inputs)
            self._taken[key] = frozenset(inputs.taken)
        return self._taken[key]


def _fingerprint(specs: Specs, prepared: Prepared, used: Sequence[InputFile]) -> str:
    choices = {}
    for group in GROUPS:
        spec = getattr(specs, group)
        choices[group] = {name: value for name, value in _every_field(spec).items() if name not in spec.no_numbers}
    weights = None if prepared.weights is None else prepared.weights.digest
    panel = _columns_digest(prepared.panel, specs.terms)
    return _hash({"files": _hashes(used), "choices": choices, "panel": panel, "weights": weights})


def _columns_digest(panel: Panel, terms: Sequence[str]) -> str:
    """Return the SHA-256 of labels and rows, and of names and values of some columns, in whatever order."""
    names = sorted(set(panel.expanded(terms)))
    sha = hashlib.sha256(repr((panel.units, panel.periods, names)).encode())
    for array in (panel.unit_codes, panel.period_codes, panel.array(names)):
        sha.update(np.ascontiguousarray(array).tobytes())
    return sha.hexdigest()


def _hashes(files: Iterable[InputFile]) -> list[str]:
    return sorted(file.sha256 for file in files)


def _every_field(spec: Spec) -> dict[str, Any]:
    return {"class": f"{type(spec).__module__}.{type(spec).__qualname__}", **spec.model_dump(mode="json")}


def _choices(specs: Specs) -> dict[str, dict[str, Any]]:
    return {group: _every_field(getattr(specs, group)) for group in GROUPS}


def _options(run: Run) -> dict[str, str]:
    return {group: run.options.get(group, "") for group in GROUPS}


def _entry(runs: Sequence[Run]) -> dict[str, Any]:
    """Return what is recorded of runs of the same files and choices."""
    first = runs[0]
    inputs = first.prepared.inputs
    return {
        "source": inputs.source,
        "simulated": inputs.simulated,
        "options": _options(first),
        "choices": _choices(first.specs),
        "files": [_file(file) for file in inputs.files],
        "names": {"unit": inputs.unit_name, "time": inputs.time_name},
        "panels": _panels(run.prepared.panel for run in runs),
        "weights": _weights(runs),
    }


def _own(run: Run, used: Sequence[InputFile]) -> dict[str, Any]:
    """Return what is recorded of a run on its own."""
    prepared = run.prepared
    return {
        "panel": prepared.panel.digest,
        "columns": list(run.specs.terms),
        "files": [file.path for file in used],
        "weights": None if prepared.weights is None else prepared.weights.digest,
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


def _weights(runs: Sequence[Run]) -> dict[str, dict[str, Any]]:
    """Return the weights that runs take, by digest."""
    found: dict[str, dict[str, Any]] = {}
    for run in runs:
        spec, weights = run.specs.weights, run.prepared.weights
        if spec is not None and weights is not None and weights.digest not in found:
            found[weights.digest] = {
                "option": run.options.get("weights", ""),
                "choices": _every_field(spec),
                "units": weights.n,
                "links": int(weights.matrix.nnz),
                "files": [asdict(InputFile.of(Path(file))) for file in spec.files],
            }
    return found


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
