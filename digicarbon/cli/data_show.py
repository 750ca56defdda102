"""`digicarbon data show`: the files and choices behind a run's panel."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from digicarbon.cli.stored import stored
from digicarbon.config.assemble import dotted
from digicarbon.config.compose import Composer, loader
from digicarbon.config.files import ROOT
from digicarbon.errors import DigicarbonError
from digicarbon.note import Note, cut
from digicarbon.note.language import said
from digicarbon.plan.prepare import KINDS
from digicarbon.recorded import Recorded, moment
from digicarbon.spec import build
from digicarbon.sweep.provenance import FINGERPRINT, GROUPS, today
from digicarbon.tracking import place

_ALWAYS = ("seed", "path", "folder", "years", "units", "vintage", "energy", "io")
"""Fields of a source that are shown even if they equal those of the option."""


def show(run: str, experiment: str, overrides: Sequence[str]) -> int:
    """Print where a run's numbers come from; return 1 if a file has changed since, else 0.

    ``run``: a run, or an experiment. ``experiment``: experiment in which a run is searched; may be empty.
    ``overrides``: e.g. ``tracking=server``. Raises DataError if there is no such run, or nothing is recorded of its
    data; TrackingError if the store cannot be read.
    """
    _, run_record = stored(run, experiment, overrides)
    sys.stdout.writelines(f"{said(line)}\n" for line in _lines(run_record))
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


def _lines(run: Recorded) -> Iterator[Note | str]:
    what = Note("a_sweep") if run.run_id == run.parent_id else Note("a_run")
    yield Note("show_run", what=what, run=run.run_id, label=run.label)
    yield Note("show_experiment", experiment=run.experiment, status=run.status, time=moment(run.start))
    yield Note("show_fingerprint", fingerprint=run.tags.get(FINGERPRINT, Note("show_none")))
    for entry in run.data:
        yield ""
        if len(run.data) > 1:
            yield Note("show_data", fingerprints=cut([key[:12] for key in entry["runs"]], 4))
        own = entry["runs"].get(run.tags.get(FINGERPRINT, ""), {})
        yield from _panels(entry, own)
        yield from _files(entry, own)
        yield from _weights(entry, own)
        yield Note("show_choices")
        yield from (_choice(group, entry["choices"][group], entry["options"].get(group, "")) for group in GROUPS)
        for name in entry["artifacts"]:
            yield Note("show_kept", file=place(run.artifacts, name))


def _panels(entry: Mapping[str, Any], run: Mapping[str, Any]) -> Iterator[Note]:
    """Yield the panel of a run, or all panels of a sweep."""
    own = [panel for panel in entry["panels"] if run.get("panel") in panel["digests"]]
    for panel in own or entry["panels"]:
        units, periods = panel["units"], panel["periods"]
        balanced = "" if panel["rows"] == len(units) * len(periods) else Note("show_unbalanced")
        unit, time = entry["names"]["unit"], entry["names"]["time"]
        yield Note(
            "show_panel",
            units=_several(len(units), unit),
            periods=Note("counted_values", number=len(periods), noun=time),
            rows=panel["rows"],
            balanced=balanced,
        )
        yield Note("show_names", what=time, names=cut(periods, 40))
        yield Note("show_names", what=unit, names=cut(units, 40))
    if run:
        yield Note("show_columns", names=cut(run["columns"], 40) or Note("show_none"))


def _several(number: int, noun: str) -> Note:
    if noun.endswith("y") and number != 1:
        return Note("counted_values_ies", number=number, stem=noun[:-1])
    return Note("counted_values", number=number, noun=noun)


def _files(entry: Mapping[str, Any], run: Mapping[str, Any]) -> Iterator[Note | str]:
    """Yield all files that were read; for a run, only the files of its columns with all details."""
    if not entry["files"]:
        yield Note("show_drawn") if entry["simulated"] else Note("show_nothing_read")
    paths = run.get("files", [file["path"] for file in entry["files"]])
    for file in entry["files"]:
        if file["path"] not in paths:
            continue
        yield Note("show_file", indent="", file=file["path"], state=_today(file))
        yield Note("show_bytes", indent="  ", sha256=file["sha256"], size=file["size"])
        if file["series"]:
            yield Note("show_series", names=cut(file["series"], 12))
        for record in file["imports"]:
            raw = [item["name"] for item in record.get("files", ())]
            source = Note("show_import_from", names=cut(raw, 6)) if raw else ""
            yield Note("show_import", time=record.get("imported", ""), kind=record["kind"], source=source)
            yield from (f"    {item['name']} sha256 {item['sha256']}" for item in record.get("files", ()))
            yield from (Note("show_cite", text=text) for text in [record.get("citation", "")] if text)
    others = [file["name"] for file in entry["files"] if file["path"] not in paths]
    if others:
        yield Note("show_others", names=cut(others, 20))


def _weights(entry: Mapping[str, Any], run: Mapping[str, Any]) -> Iterator[Note]:
    """Yield the weights of a run, or all weights of a sweep."""
    for digest, weights in entry["weights"].items():
        if run and digest != run["weights"]:
            continue
        yield Note("show_weights", units=weights["units"], links=weights["links"], digest=digest)
        for file in weights["files"]:
            yield Note("show_file", indent="  ", file=file["path"], state=_today(file))
            yield Note("show_bytes", indent="    ", sha256=file["sha256"], size=file["size"])
        yield _choice("weights", weights["choices"], weights["option"])


def _today(file: Mapping[str, Any]) -> Note:
    words = {"same": Note("file_same"), "changed": Note("file_changed"), "not there": Note("file_gone")}
    return words[today(file["path"], file["sha256"])]


def _choice(group: str, fields: Mapping[str, Any], option: str) -> Note:
    usual = _as_shipped(group, option, fields)
    own, other = dict(dotted(fields)), dict(dotted(usual))
    parts: list[Note | str] = [
        f"{key}={_bracketed(value)}"
        for key, value in own.items()
        if key != "class" and (key in _ALWAYS or key not in other or other[key] != value)
    ]
    parts += [Note("show_without", key=key) for key in other if key not in own]
    fields_shown = parts or Note("as_the_option")
    return Note("show_choice", group=group, option=option or fields["class"], fields=fields_shown)


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


def _bracketed(value: object) -> str:
    return f"[{', '.join(map(str, value))}]" if isinstance(value, list) else str(value)
