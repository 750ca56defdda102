"""`digicarbon report`: a page of recorded sweeps, from MLflow alone."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import HydraException
from omegaconf import OmegaConf

from digicarbon import page, recorded
from digicarbon.cli.arguments import name_of
from digicarbon.config.compose import Composer, loader
from digicarbon.config.files import ROOT, UNNAMED, command_line
from digicarbon.disk import folder as whole
from digicarbon.errors import COMMAND_LINE, ConfigError
from digicarbon.note import Note, cut
from digicarbon.note.language import said
from digicarbon.page.words import Words
from digicarbon.progress import phase
from digicarbon.recorded import RecordedSweep
from digicarbon.report import Report
from digicarbon.spec import build

OUT = "out"
"""Default folder of pages; each experiment has a subfolder."""
PAGES = (".html", ".htm")
"""Endings of a page that is a single file."""
MOST_OTHERS = 5
"""Largest number of other sweeps of an experiment that are named."""


def report(name: str, out: str | None, one_file: bool, notes: bool, overrides: Sequence[str]) -> int:
    """Write a page of an experiment's newest sweep, or of each experiment that it lists; return the exit status.

    ``name``: an experiment or a sweep's run id; empty for runs without an experiment. ``out``: the folder of the
    page; a name that ends in ``.html`` is a single file. ``one_file``: whether the page is a single file with all
    others within. ``notes``: whether tables in files have all notes, as the page has. ``overrides``: of ``report``
    and ``tracking``. Returns 1 if the report of a sweep refuses its runs, although the page shows them; else 0.
    Raises ConfigError if the command line is wrong, asks for a report that fits none of the sweeps, or the folder
    holds other files; nothing is written then; DataError if nothing is recorded of the experiment; TrackingError if
    the store cannot be read.
    """
    chosen, store = ([word for word in overrides if _group(word) == group] for group in ("report", "tracking"))
    if others := [word for word in overrides if word not in (*chosen, *store)]:
        command = command_line("run", name or ROOT, others)
        raise ConfigError(Note("page_line_refused", word=others[0], command=command))
    experiment = name_of(name) or ROOT
    sweeps = [(name, recorded.sweep(tracking, name)) for name, tracking in recorded.members(experiment, store)]
    reports = [_report(one, chosen) for _, one in sweeps]
    words = Words(next((spec.language for spec in reports if spec.language), "en"))
    sections: list[page.Section] = []
    with phase(Note("phase_sections"), len(sweeps)) as advance:
        for (own, one), spec in zip(sweeps, reports, strict=True):
            experiment_name = own if own != one.parent_id else one.experiment
            content = page.section(one, experiment_name, spec, bool(chosen), words)
            sections.append(content.with_notes() if notes else content)
            advance(len(sections))
    complaints = [_of(one.complaint, one, sections) for one in sections if one.complaint is not None]
    if chosen and len(complaints) == len(sections):
        every = list(dict.fromkeys(complaints))
        raise ConfigError(Note("page_report_misfit", words=" ".join(chosen), refused=every))
    target, single = _target(out, UNNAMED if experiment == ROOT else experiment, one_file)
    with phase(Note("phase_files")):
        files, lacking = page.files(_title(experiment, sections), sections, words, whole=single)
        if single:
            page.write_one(target, files[page.PAGE])
        else:
            whole.write(target, files)
    further = [note for _, one in sweeps for note in _others(one)]
    sys.stderr.write("".join(f"{said(note)}\n" for note in [*lacking, *complaints, *further]))
    if single:
        megabytes = len(files[page.PAGE]) / 1e6
        made = Note("page_in_one_file", file=target, what=_what(sections), megabytes=megabytes)
    else:
        made = Note("page_with_files", file=target / page.PAGE, what=_what(sections), files=len(files) - 1)
    sys.stdout.write(f"{said(made)}\n")
    return 1 if complaints else 0


def _target(out: str | None, experiment: str, one_file: bool) -> tuple[Path, bool]:
    """Return the folder or the file of a page, and whether it is a single file."""
    if out is not None and out.lower().endswith(PAGES):
        return Path(out), True
    # a run id names a page as well as an experiment does
    return (Path(out or OUT) / f"{experiment}.html", True) if one_file else (Path(out or f"{OUT}/{experiment}"), False)


def _others(one: RecordedSweep) -> Iterator[Note]:
    """Yield a note on the experiment's sweeps with other overrides and the commands that show them."""
    if not one.others:
        return
    others = [
        Note("other_sweep", choices=choices or Note("as_it_stands"), run=run_id)
        for choices, run_id in reversed(list(one.others.items()))
    ]
    title, sweeps = one.title or one.experiment, cut(others, MOST_OTHERS)
    yield Note("other_sweep_recorded" if len(others) == 1 else "other_sweeps_recorded", title=title, sweeps=sweeps)


def _group(override: str) -> str:
    return override.partition("=")[0].split(".")[0]


def _report(one: RecordedSweep, overrides: Sequence[str]) -> Report:
    """Return the report that a sweep was run with, changed by the overrides of the command line."""
    fields: dict[str, Any] = {}
    option = ""
    for override in overrides:
        key, value = _read(override)
        if key == "report":
            option = str(value)
        else:
            fields[key.removeprefix("report.")] = value
    if option:
        composer = Composer(loader(), ROOT)
        composer.require_option("report", option, COMMAND_LINE)
        node: Mapping[str, Any] = Composer(loader(), ROOT, [f"report={option}"]).node("report")
    else:
        node = recorded.recorded_report(one)
    content = OmegaConf.create(dict(node))
    for key, value in fields.items():
        OmegaConf.update(content, key, value)
    plain: Any = OmegaConf.to_container(content)
    return build(plain, Report, "report").with_labels(recorded.recorded_labels(one))


def _read(override: str) -> tuple[str, Any]:
    try:
        parsed = OverridesParser.create().parse_override(override)
    except HydraException as error:
        raise ConfigError(Note("page_line_unread", word=override)) from error
    if parsed.is_sweep_override() or parsed.is_delete() or parsed.is_add() or parsed.is_force_add():
        raise ConfigError(Note("page_one_report", word=override))
    return parsed.key_or_group, parsed.value()


def _of(complaint: Note, one: page.Section, sections: Sequence[page.Section]) -> Note:
    return complaint if len(sections) == 1 else Note("of_label", label=one.name, said=complaint)


def _title(name: str, sections: Sequence[page.Section]) -> str:
    if len(sections) == 1:
        return sections[0].title
    return str(Composer(loader(), name).sweep_keys()["title"] or name)


def _what(sections: Sequence[page.Section]) -> Note:
    runs = sum(one.planned for one in sections)
    if len(sections) == 1:
        return Note("of_n_runs", runs=runs)
    return Note("of_parts", experiments=len(sections), runs=runs)
