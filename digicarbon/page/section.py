"""One experiment on a page: everything that the page shows of its sweep, from the records of MLflow."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import PurePosixPath
from typing import Any

from markupsafe import Markup, escape

from digicarbon.config.files import command_line
from digicarbon.disk.cells import plain_table
from digicarbon.errors import DigicarbonError
from digicarbon.note import Note, cut, note_of
from digicarbon.note.ending import own_code
from digicarbon.page import configuration as asked
from digicarbon.page import counts, runs
from digicarbon.page.moves import moves
from digicarbon.page.overview import Overview
from digicarbon.page.words import Words
from digicarbon.recorded import RecordedSweep, moment
from digicarbon.report import DiagnosticTable, Labels, Report, SpecificationCurve, Table
from digicarbon.report.joint import EACH_FILE, Joint, each_of
from digicarbon.report.labels import options_with_other_words
from digicarbon.report.supplement import Supplement
from digicarbon.sweep import tables
from digicarbon.sweep.answer import MANY, answer, of_part
from digicarbon.sweep.effects import Effects
from digicarbon.sweep.provenance import SEEDS
from digicarbon.sweep.tables import absent, finished, stated
from digicarbon.tracking import SERVERS, masked

PICTURES = {".svg": "image/svg+xml", ".png": "image/png"}
KINDS = (*PICTURES, ".pdf")
MOST_PICTURES = 60
"""Further pictures are files beside the page."""
LARGE = 1_500_000
"""If a drawing has more bytes, the page shows its pixel version, if there is one."""
MOST_FAILURES = 200
CURVE_RUNS = 10
"""From so many runs on, a page has their specification curve, for any report."""
MOST_PARTS = 12
"""How many panels and matrices of weights of a source are described."""
MOST_APART = 6
"""How many parts that are shown apart are named."""
OPEN_ROWS, OPEN_COLUMNS = 30, 10
"""A longer or wider diagnostic is folded."""


@dataclass(frozen=True, eq=False)
class Picture:
    """A picture within a page: the name of its file, and itself as a data URI."""

    name: str
    uri: str
    caption: str


@dataclass(frozen=True, eq=False)
class Section:
    """The content of a page for one experiment."""

    name: str
    """The experiment."""
    key: str
    """The name as a part of addresses and of file names."""
    title: str
    simulated: bool
    answer: Sequence[str]
    """Sentences on all runs together."""
    count: Sequence[str]
    """Sentences on how many runs there are."""
    many: bool
    """Whether there are so many effects that the page begins with their curve."""
    warnings: Sequence[str]
    table: Table | None
    table_html: Markup
    refusal: str
    """Why there is no table."""
    complaint: Note | None
    """The error of the report's table or pictures, for the terminal."""
    pictures: Sequence[Picture]
    more_pictures: Sequence[str]
    """Names of further pictures."""
    curve: Markup
    """The tables of the specification curve and of its joint test, if the report does not show them."""
    curve_note: str
    """Why there is no curve, if one was tried."""
    diagnostics: Sequence[tuple[str, Markup, bool]]
    """Heading, table, and whether it is folded."""
    planned: int
    """The number of runs."""
    runs: Markup
    """The table of runs as JSON."""
    failures: Sequence[tuple[str, str]]
    skipped: Sequence[tuple[str, str]]
    """Labels and sentences."""
    more_failures: int
    more_skipped: int
    """How many are not listed."""
    left: Sequence[str]
    choices: Sequence[tuple[str, str]]
    own: Markup
    config: Markup
    """YAML: the experiment's own part, and the whole configuration."""
    data: Sequence[Mapping[str, Any]]
    """Entries of the record of data, as the page shows them."""
    provenance: Sequence[tuple[str, Markup]]
    link_note: str
    files: Mapping[str, bytes]
    """Beside the page, by name."""

    def with_notes(self) -> Section:
        """Return the section with all notes in the files of its table."""
        return self if self.table is None else replace(self, table=self.table.with_notes())


def section(sweep: RecordedSweep, name: str, report: Report, changed: bool, words: Words) -> Section:
    """Return the content of a page for a recorded sweep of an experiment.

    A report that differs from the one of the sweep is ``changed``: its pictures are drawn again. They also are if a
    later command has drawn those of another report.
    """
    key = "".join(letter if letter.isalnum() or letter in "-_" else "_" for letter in name)
    # a store of this machine has no address that somebody else could open: its runs are shown within the page
    server = (
        f"{sweep.uri.rstrip('/')}/#/experiments/{sweep.experiment_id}/runs/" if sweep.uri.startswith(SERVERS) else ""
    )
    listed = counts.listed(sweep)
    addresses = {
        run.label: f"{server}{sweep.run_ids[run.label]}" if server else f"#{key}-run-{place}"
        for place, run in enumerate(listed, 1)
        if run.label in sweep.run_ids
    }
    title = sweep.title or name
    stored = _stored_pictures(sweep, report, changed)
    overview = Overview.of(sweep.records, report.run_effect)
    effects = overview.effects
    report = report.with_other_words(options_with_other_words([(run.options, run.values) for run in sweep.roster.runs]))
    report = report.with_failed(len(sweep.failures) + sweep.lacking).with_multiverse(sweep.multiverse, sweep.judged)
    joints = _joints(sweep, report)
    if isinstance(report, SpecificationCurve) and joints:
        report = report.with_joints(joints)
    supplement = None if report.supplement_request is None else sweep.supplement(report.supplement_request)
    report = report.with_supplement(supplement)
    in_words = report.words.title(title, simulated=False)
    table, refusal = _table(sweep, report, title)
    new_pictures, complaint = _new_pictures(sweep, report, in_words) if stored is None else ({}, None)
    curve, tables, why_no_curve = _curve(sweep, report, joints, overview, in_words)
    new_pictures = {**new_pictures, **curve}
    pictures, further_pictures, picture_files = _pictures(
        {**{name: sweep.file(name) for name in stored or ()}, **new_pictures},
        f"{in_words} (SIMULATED)" if sweep.simulated else in_words,
    )
    return Section(
        name=name,
        key=key,
        title=in_words,
        simulated=sweep.simulated,
        answer=_answer(sweep, joints, effects, report, words),
        count=list(_count(sweep, listed, effects, words)),
        many=len(effects) >= MANY,
        warnings=[*_warnings(sweep, words), *([_said(complaint, words)] if complaint else [])],
        table=table,
        table_html=Markup("") if table is None else Markup(table.with_notes().to_html_piece(addresses)),
        complaint=refusal or complaint,
        refusal=_said(refusal, words) or ("" if table is not None else words("none_fitted")),
        pictures=pictures,
        more_pictures=further_pictures,
        curve=tables if isinstance(report, SpecificationCurve) else tables + _joint(joints, words),
        curve_note=_said(why_no_curve, words),
        diagnostics=list(_diagnostics(sweep, report, overview, addresses)),
        planned=len(listed),
        runs=runs.payload(sweep, listed, overview, server, key, words, report.words),
        failures=_reasons(sweep.failures, words),
        skipped=_reasons([*sweep.roster.failed, *sweep.roster.skipped], words),
        more_failures=max(len(sweep.failures) - MOST_FAILURES, 0),
        more_skipped=max(len(sweep.roster.failed) + len(sweep.roster.skipped) - MOST_FAILURES, 0),
        left=sweep.left[:MOST_FAILURES],
        choices=asked.choices(sweep),
        own=asked.coloured(asked.own_part(sweep.config)),
        config=asked.coloured(sweep.config),
        data=_data(sweep.data),
        provenance=[*_sweep(sweep, server, words), *((name, escape(text)) for name, text in _origins(sweep, words))],
        link_note=words("links_server", address=sweep.uri.rstrip("/"))
        if server
        else words("links_local", command=command_line("ui", sweep.experiment)),
        files={**picture_files, **_beside(joints, supplement, report), "runs.csv": runs.table(sweep)},
    )


def _said(note: Note | None, words: Words) -> str:
    """Return an error in the reader's language; empty if there is none. Variables keep their names in files."""
    return "" if note is None else note.text(words.language)


def _reasons(items: Sequence[tuple[str, Note]], words: Words) -> list[tuple[str, str]]:
    """Return the first labels of a list, with reasons in the reader's language."""
    return [(label, _said(why, words)) for label, why in items[:MOST_FAILURES]]


def _table(sweep: RecordedSweep, report: Report, title: str) -> tuple[Table | None, Note | None]:
    """Return the report's table, or why there is none."""
    if not len(sweep.records):
        return None, None
    try:
        with own_code(type(report)):
            table = report.table(title, sweep.records)
        return finished(
            table,
            report.words,
            sweep.notes,
            sweep.simulated,
            sweep.lacking,
            (
                *stated(sweep.multiverse, sweep.judged),
                *absent(sweep.failures, sweep.roster.failed),
                *sweep.statements.values(),
            ),
        ), None
    except DigicarbonError as error:
        return None, note_of(error)


def _new_pictures(sweep: RecordedSweep, report: Report, title: str) -> tuple[Mapping[str, bytes], Note | None]:
    """Return the pictures of a report, or the reason why there are none."""
    try:
        with own_code(type(report)):
            return (report.files(title, sweep.records) if len(sweep.records) else {}), None
    except DigicarbonError as error:
        return {}, note_of(error)


def _stored_pictures(sweep: RecordedSweep, report: Report, changed: bool) -> Sequence[str] | None:
    """Return the names of the recorded pictures of a report; None if they have to be drawn again."""
    if changed:
        return None
    if sweep.drawn is None:
        return [name for name in sweep.files if PurePosixPath(name).suffix in KINDS and not name.startswith("measure/")]
    drawer, names = sweep.drawn
    return names if drawer == tables.drawer(report) else None


def _pictures(files: Mapping[str, bytes], title: str) -> tuple[list[Picture], list[str], dict[str, bytes]]:
    """Return the pictures within the page, the names of further ones, and all of them as files."""
    others = {name: content for name, content in files.items() if PurePosixPath(name).suffix not in KINDS}
    files = {name: content for name, content in files.items() if name not in others}
    stems: dict[str, list[str]] = {}
    for name in files:
        if PurePosixPath(name).suffix in PICTURES:
            stems.setdefault(name.rpartition(".")[0], []).append(name)
    # vectors before pixels, unless they are very large
    best = [min(names, key=lambda name: (len(files[name]) > LARGE, name.endswith(".png"))) for names in stems.values()]
    pictures = [
        Picture(name, _uri(name, files[name]), f"{title}: {_in_words(name)}" if len(best) > 1 else title)
        for name in best[:MOST_PICTURES]
    ]
    return pictures, best[MOST_PICTURES:], {f"pictures/{name}": content for name, content in files.items()} | others


def _uri(name: str, content: bytes) -> str:
    return f"data:{PICTURES[PurePosixPath(name).suffix]};base64,{base64.b64encode(content).decode()}"


def _in_words(name: str) -> str:
    return PurePosixPath(name).stem.replace("_", " ")


def _joints(sweep: RecordedSweep, report: Report) -> Mapping[str, Joint]:
    """Return the joint test of each main part that belongs to a report.

    It is the one that the report asks for. A report that asks for none has that of the experiment's own report, if it
    is a test of the same number.
    """
    if report.joint_request is not None:
        return sweep.joints_of(report.joint_request)
    own, asked = sweep.joint_request, report.run_effect
    same = own is not None and (own.quantity, own.term) == (asked.quantity, asked.term)
    return sweep.joints if same and own is not None and asked.level in (None, own.level) else {}


def _curve(
    sweep: RecordedSweep, report: Report, joints: Mapping[str, Joint], overview: Overview, title: str
) -> tuple[Mapping[str, bytes], Markup, Note | None]:
    """Return the specification curve of many runs: its picture, its tables, and why there is none."""
    if isinstance(report, SpecificationCurve) or len(overview.focal) < CURVE_RUNS:
        return {}, Markup(""), None
    quantity, term = report.run_effect.quantity, report.run_effect.term
    spec = SpecificationCurve(
        quantity=quantity, term=term, pictures=("svg",), labels=report.labels, language=report.language
    )
    spec = spec.with_other_words(report.words.beside).with_multiverse(sweep.multiverse, sweep.judged)
    spec = spec.with_joints(joints).with_failed(len(sweep.failures) + sweep.lacking)
    try:
        table = spec.table(title, sweep.records)
        files = spec.files(title, sweep.records)
    except DigicarbonError as error:
        return {}, Markup(""), note_of(error)
    whole = replace(table.with_notes(), title=report.words.title(table.title, sweep.simulated))
    return files, Markup(whole.to_html_piece()), None


def _joint(joints: Mapping[str, Joint], words: Words) -> Markup:
    labels = Labels(words.language)
    pieces = []
    for name, joint in joints.items():
        if joint.statistics.empty:
            continue
        cells = joint.statistics.map(lambda value: f"{value:.4f}").rename(index=labels.word, columns=labels.word)
        title = f"{words('curve_joint')} ({labels.word(joint.estimand)}, {joint.specifications:,} × {joint.draws:,})"
        title = f"{title}{labels.colon}{labels.head(name)}" if name else title
        whole = Table(title, cells, notes=labels.notes(joint.notes), language=labels.spoken, every_note=True)
        pieces.append(whole.to_html_piece())
    return Markup("".join(pieces))


def _beside(joints: Mapping[str, Joint], supplement: Supplement | None, report: Report) -> dict[str, bytes]:
    """Return the files of each specification's p values and of the estimates without each unit, as the page has them.

    A sweep may have several of each, of other numbers.
    """
    tables = {EACH_FILE: each_of(joints)} if joints else {}
    if supplement is not None and report.supplement_request is not None:
        tables |= report.supplement_request.tables(supplement)
    return {name: plain_table(table).to_csv(index=False).encode() for name, table in tables.items()}


def _diagnostics(
    sweep: RecordedSweep, report: Report, overview: Overview, addresses: Mapping[str, str]
) -> Iterator[tuple[str, Markup, bool]]:
    """Yield a table of each diagnostic that the report does not show."""
    for name, places in overview.diagnostics.items():
        if getattr(report, "name", "") == name:
            continue
        spec = DiagnosticTable(name=name, labels=report.labels, language=report.language)
        table = spec.table(_heading(name, report.words), sweep.records.chosen(places))
        table = replace(table.with_notes(), title=report.words.title(table.title, sweep.simulated))
        folded = len(table.cells) > OPEN_ROWS or len(table.cells.columns) > OPEN_COLUMNS
        yield _heading(name, report.words), Markup(table.to_html_piece(addresses)), folded


def _heading(name: str, labels: Labels) -> str:
    """Return the words of a diagnostic's table, which reports have under one of these keys, or its name."""
    keys = (f"{kind} {name}" for kind in ("check", "table", "mediation"))
    return next((said for key in keys if (said := labels.word(key)) != key), name.replace("_", " "))


def _answer(
    sweep: RecordedSweep, joints: Mapping[str, Joint], effects: Effects, report: Report, words: Words
) -> list[str]:
    """Return what became of the claim, and the answer of each part that is counted by itself."""
    values = {run.label: run.values for run in sweep.roster.runs}

    def said(own: Effects, part: str) -> list[Note]:
        return [answer(own, joints.get(part), report.words), *moves(own, values, report.words)]

    notes = [] if sweep.judged is None else list(sweep.judged.notes)
    if sweep.multiverse is None or sweep.multiverse.whole:
        notes += said(effects, "")
    else:
        for part in sweep.multiverse.main:
            own = Overview.of(sweep.records.labelled(part.labels), report.run_effect)
            notes += of_part(part.name, said(own.effects, part.name))
        if apart := sweep.multiverse.apart:
            runs = len(frozenset[str]().union(*(part.labels for part in apart)))
            names = dict.fromkeys(part.name.removeprefix(part.beside).removeprefix(", ") for part in apart)
            notes.append(Note("answer_apart", runs=runs, parts=cut(names, MOST_APART)))
    return [note.text(words.language, report.words) for note in notes]


def _count(sweep: RecordedSweep, listed: Sequence[counts.Listed], effects: Effects, words: Words) -> Iterator[str]:
    """Yield how many runs were planned, what became of them, and how many have no effect, by the reason."""
    yield counts.sentence(listed, words)
    if len(effects) and effects.lacking:
        reasons = [
            words("reason", n=f"{many:,}", reason=note.text(words.language)) for note, many in effects.lacking.items()
        ]
        between = ", " if words.language == "en" else "，"
        many = sum(effects.lacking.values())
        yield words("without_estimate", n=f"{many:,}", estimates=f"{len(effects):,}", why=between.join(reasons))
    if sweep.roster.drawn_from:
        yield words("drawn_from", n=f"{sweep.roster.drawn_from:,}")
    if sweep.roster.excluded:
        yield words("excluded", n=f"{sweep.roster.excluded:,}")


def _sweep(sweep: RecordedSweep, server: str, words: Words) -> Iterator[tuple[str, Markup]]:
    link = Markup('<a href="{}">{}</a>').format(server + sweep.parent_id, sweep.parent_id)
    yield words("experiment"), escape(sweep.experiment)
    yield words("sweep"), link if server else Markup("<code>{}</code>").format(sweep.parent_id)
    yield words("store"), escape(masked(sweep.uri))


def _warnings(sweep: RecordedSweep, words: Words) -> Iterator[str]:
    if not sweep.ended:
        yield words("unfinished", status=sweep.status)
    if sweep.newer:
        yield words("newer", id=sweep.newer[:12])


def _data(entries: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return the record of data without paths of the machine; entries of one source and the same files are combined."""
    entries_by_content: dict[str, dict[str, Any]] = {}
    for entry in entries:
        content = {
            "source": entry["source"],
            "simulated": entry["simulated"],
            "names": entry["names"],
            "files": [_file(file) for file in entry["files"]],
        }
        parts: dict[str, Any] = {"options": {}, "panels": [], "weights": [], "fingerprints": []}
        own = entries_by_content.setdefault(json.dumps(content), {**content, **parts})
        for group, option in entry["options"].items():
            own["options"].setdefault(group, {})[option] = None
        weights = [
            {"digest": digest, **{key: one[key] for key in ("option", "units", "links")}}
            for digest, one in entry["weights"].items()
        ]
        panels = [{key: panel[key] for key in ("rows", "units", "periods")} for panel in entry["panels"]]
        for name, parts_of in (("panels", panels), ("weights", weights), ("fingerprints", entry["runs"])):
            own[name] += [part for part in parts_of if part not in own[name]]
    return list(entries_by_content.values())


def _file(file: Mapping[str, Any]) -> dict[str, Any]:
    keys = ("kind", "imported", "citation")
    imports = [{key: item[key] for key in keys if item.get(key)} for item in file["imports"]]
    return {**{key: file[key] for key in ("name", "sha256", "size", "series")}, "imports": imports}


def _origins(sweep: RecordedSweep, words: Words) -> Iterator[tuple[str, str]]:
    rows = sweep.rows
    for tag, name in (("digicarbon.host", "host"), ("digicarbon.code", "code")):
        if values := sweep.tagged(tag):
            yield words(name), ", ".join(values)
    if values := sweep.tagged("mlflow.source.git.commit"):
        dirty = f" ({words('dirty')})" if "True" in sweep.tagged("digicarbon.git_dirty") else ""
        yield words("commit"), ", ".join(values) + dirty
    versions = [f"digicarbon {version}" for version in sweep.tagged("digicarbon.version")]
    for text in sweep.tagged("digicarbon.packages"):
        versions += [f"{name} {version}" for name, version in json.loads(text).items()]
    if versions:
        yield words("packages"), ", ".join(dict.fromkeys(versions))
    seeds = [f"{key} = {seed}" for text in sweep.tagged(SEEDS) for key, seed in json.loads(text).items()]
    if seeds:
        yield words("seeds"), ", ".join(dict.fromkeys(seeds))
    for head, note in sweep.statements.items():
        yield words(head), note.text(words.language)
    if len(rows):
        yield words("date"), f"{moment(rows['start'].min())} – {moment(rows['end'].max())}"
