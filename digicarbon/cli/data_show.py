"""`digicarbon data show`: the files and choices behind a run's panel."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from digicarbon.cli.stored import stored
from digicarbon.config.compose import Composer, loader
from digicarbon.config.files import ROOT
from digicarbon.errors import DigicarbonError, counted, listing
from digicarbon.plan.prepare import KINDS
from digicarbon.recorded import Recorded
from digicarbon.spec import build
from digicarbon.sweep.provenance import FINGERPRINT, GROUPS, today
from digicarbon.tracking import place

_ALWAYS = ("seed", "path", "folder", "years", "units", "vintage", "energy", "io")
"""Fields of a source that are shown even if they equal those of the option."""


def show(run: str, experiment: str, overrides: Sequence[str]) -> int:
    """Print where a run's numbers come from; return 1 if a file has changed since, else 0.

    Parameters
    ----------
    run : str
        A run, or an experiment.
    experiment : str
        Experiment in which a run is searched; may be empty.
    overrides : sequence of str
        E.g. ``tracking=server``.

    Raises
    ------
    DataError
        If there is no such run, or nothing is recorded of its data.
    TrackingError
        If the store cannot be read.
    """
    _, run_record = stored(run, experiment, overrides)
    sys.stdout.write("\n".join(_lines(run_record)) + "\n")
    return int(any(today(file["path"], file["sha256"]) != "same" for file in _shown_files(run_record)))


def _shown_files(run: Recorded) -> Iterator[Mapping[str, Any]]:
    """Yield the files that a run's columns and weights come from; all for a sweep."""
    for entry in run.data:
        own = entry["runs"].get(run.tags.get(FINGERPRINT, ""), {})
        paths = own.get("files", [file["path"] for file in entry["files"]])
        yield from (file for file in entry["files"] if file["path"] in paths)
        for digest, weights in entry["weights"].items():
            if not own or digest == own["weights"]:
                yield from weights["files"]


def _lines(run: Recorded) -> Iterator[str]:
    what = "Sweep" if run.run_id == run.parent_id else "Run"
    when = datetime.fromtimestamp(run.start / 1000, UTC).strftime("%Y-%m-%d %H:%M UTC")
    yield f"{what} {run.run_id}: {run.label}"
    yield f"  experiment {run.experiment}, {run.status}, {when}"
    yield f"  data fingerprint {run.tags.get(FINGERPRINT, 'none')}"
    for entry in run.data:
        yield ""
        if len(run.data) > 1:
            yield f"Data {listing((key[:12] for key in entry['runs']), 4)}"
        own = entry["runs"].get(run.tags.get(FINGERPRINT, ""), {})
        yield from _panels(entry, own)
        yield from _files(entry, own)
        yield from _weights(entry, own)
        yield "Choices (fields that differ from their option's file as it is today, and those that decide which data)"
        yield from (_choice(group, entry["choices"][group], entry["options"].get(group, "")) for group in GROUPS)
        for name in entry["artifacts"]:
            yield f"  kept beside the results: {place(run.artifacts, name)}"


def _panels(entry: Mapping[str, Any], run: Mapping[str, Any]) -> Iterator[str]:
    """Yield the panel of a run, or all panels of a sweep."""
    own = [panel for panel in entry["panels"] if run.get("panel") in panel["digests"]]
    for panel in own or entry["panels"]:
        units, periods = panel["units"], panel["periods"]
        balanced = "" if panel["rows"] == len(units) * len(periods) else " (unbalanced)"
        unit, time = entry["names"]["unit"], entry["names"]["time"]
        several = counted(len(units), unit, "" if unit[-1:] != "y" else f"{unit[:-1]}ies")
        yield f"Panel: {several} x {counted(len(periods), time)}, {counted(panel['rows'], 'row')}{balanced}"
        yield f"  {time}: {listing(periods, 40)}"
        yield f"  {unit}: {listing(units, 40)}"
    if run:
        yield f"  columns: {listing(run['columns'], 40) or 'none'}"


def _files(entry: Mapping[str, Any], run: Mapping[str, Any]) -> Iterator[str]:
    """Yield all files that were read; for a run, only the files of its columns with all details."""
    if not entry["files"]:
        yield f"Files: none; {'the numbers are drawn (SIMULATED)' if entry['simulated'] else 'nothing was read'}"
    paths = run.get("files", [file["path"] for file in entry["files"]])
    for file in entry["files"]:
        if file["path"] not in paths:
            continue
        yield f"File {file['path']}: {_today(file)}"
        yield f"  sha256 {file['sha256']}, {file['size']} bytes"
        if file["series"]:
            yield f"  taken from it: {listing(file['series'], 12)}"
        for record in file["imports"]:
            raw = listing((item["name"] for item in record.get("files", ())), 6)
            source = f" from {raw}" if raw else ""
            yield f"  imported {record.get('imported', '')} by {record['kind']}{source}"
            yield from (f"    {item['name']} sha256 {item['sha256']}" for item in record.get("files", ()))
            yield from (f"    cite: {text}" for text in [record.get("citation", "")] if text)
    others = [file["name"] for file in entry["files"] if file["path"] not in paths]
    if others:
        yield f"  also read, for other columns: {listing(others, 20)}"


def _weights(entry: Mapping[str, Any], run: Mapping[str, Any]) -> Iterator[str]:
    """Yield the weights of a run, or all weights of a sweep."""
    for digest, weights in entry["weights"].items():
        if run and digest != run["weights"]:
            continue
        yield f"Weights: {counted(weights['units'], 'unit')}, {counted(weights['links'], 'link')}, digest {digest}"
        for file in weights["files"]:
            yield f"  File {file['path']}: {_today(file)}"
            yield f"    sha256 {file['sha256']}, {file['size']} bytes"
        yield _choice("weights", weights["choices"], weights["option"])


def _today(file: Mapping[str, Any]) -> str:
    state = today(file["path"], file["sha256"])
    words = {"same": "the same today", "changed": "CHANGED since the run", "not there": "no longer there"}
    return words[state]


def _choice(group: str, fields: Mapping[str, Any], option: str) -> str:
    usual = _as_shipped(group, option, fields)
    own, other = _flat(fields), _flat(usual)
    parts = [
        f"{key}={_bracketed(value)}"
        for key, value in own.items()
        if key != "class" and (key in _ALWAYS or key not in other or other[key] != value)
    ]
    parts += [f"without {key}" for key in other if key not in own]
    return f"  {group}={option or fields['class']}: {', '.join(parts) or 'as the option is'}"


def _as_shipped(group: str, option: str, fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of an option by its present file; open ones as recorded; empty if the option is unknown."""
    if not option:
        return {}
    try:
        composer = Composer(loader(), ROOT, [f"{group}={option}"])
        node = dict(composer.merged()[group])
        node |= {key: fields[key] for key, value in node.items() if value == "???" and key in fields}
        spec = build(composer.resolve(node), KINDS[group], group)
    except DigicarbonError:
        return {}
    return {name: value for name, value in spec.model_dump(mode="json").items() if name not in spec.left_to_models}


def _flat(fields: Mapping[str, Any], before: str = "") -> dict[str, Any]:
    """Return nested fields by dotted names."""
    result: dict[str, Any] = {}
    for key, value in fields.items():
        if isinstance(value, Mapping) and value:
            result |= _flat(value, f"{before}{key}.")
        else:
            result[f"{before}{key}"] = value
    return result


def _bracketed(value: object) -> str:
    return f"[{', '.join(map(str, value))}]" if isinstance(value, list) else str(value)
