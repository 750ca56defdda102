"""A package from recorded experiments: its facts, its files and its documents."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import Any

import pandas as pd

from digicarbon import page, recorded
from digicarbon.config.files import command_line
from digicarbon.errors import DataError
from digicarbon.note import Note
from digicarbon.note.brief import NoteLine
from digicarbon.packs.deposit.lock.file import moment
from digicarbon.packs.deposit.lock.state import ARTIFACT, BY_OUTCOME, looks_at
from digicarbon.packs.deposit.package import software
from digicarbon.packs.deposit.package.answers import Answers, answered
from digicarbon.packs.deposit.package.data import RECORD, copies, data_of, of_modules, record, without_values
from digicarbon.packs.deposit.package.facts import Display, Experiment, Facts, Lock, Measured, Program, Seed, Source
from digicarbon.packs.deposit.package.member import Member, portable
from digicarbon.packs.deposit.package.opened import opened_by
from digicarbon.packs.deposit.package.parts import as_json
from digicarbon.packs.deposit.package.project import COMPOSED, EXPERIMENTS, Project
from digicarbon.page.words import Words
from digicarbon.plan.runs import NOTHING
from digicarbon.progress import phase
from digicarbon.recorded.numbers import EXPECTED, NUMBERS, PLAN, cells, cells_of, numbers_of, written
from digicarbon.render import Table
from digicarbon.report.focal import text_of
from digicarbon.spec import Spec, build
from digicarbon.sweep.provenance import SEEDS, SETTINGS, first_named
from digicarbon.tracking import PEAK_MEMORY, fitted_before
from digicarbon.version import __version__

BUILD = "build"
DRIVER = "run_all.py"
ONLINE = ".github/workflows/rerun.yml"
NO_CLASS = ("executor", "tracking", "report")
"""Groups whose classes compute no number of a run."""
SIMULATED = "SIMULATED DATA: drawn by a computer from a model with known coefficients."


@dataclass(frozen=True, eq=False)
class _Shown:
    """What a package has of a member's results; `tables` are the names of the files with its table's cells."""

    experiment: Experiment
    displays: tuple[Display, ...]
    files: Mapping[str, bytes]
    tables: tuple[str, ...]
    numbers: int


def facts(project: Project, answers: Answers, title: str) -> Facts:
    """Return the facts of a package, its files among them.

    ``project``: learns where the files of data are put. ``answers``: of the authors: files of data are copied only
    where they say so. ``title``: of the study. Raises DataError if data are no longer those of the runs.
    """
    members = project.members
    shown: list[_Shown] = []

    with opened_by(project.own, project.stores) as opened:
        # modules are loaded here and not before: they may read files as they are loaded
        for one in members:
            one.refuse_other_code()
        with phase(Note("phase_data")):
            sources, variables, weights = data_of(project, answers)
        with phase(Note("phase_models")):
            for one in members if project.own or project.packs else ():
                one.fit_own()
        with phase(Note("phase_tables"), len(members)) as advance:
            for one in members:
                shown.append(_shown(one, project))
                advance(len(shown))
    withheld = {file.sha256 for source in sources for file in source.files if not file.shared}
    sources += of_modules(project, opened, answers, withheld)
    variables, weights = without_values(sources, variables, weights)
    with phase(Note("phase_software")):
        computer, installs = software.today(project.own.values(), project.packs)
    study = {name: project.moved(text).encode() for name, text in project.texts.items()} | project.own
    # hashes of few values tell these values to who tries
    closed = {name for source in sources for file in source.files if not file.shared for name in source.experiments}
    shown = [_without_lock(part) if part.experiment.name in closed else part for part in shown]
    locks = [(one, *own) for one in members if one.name not in closed and (own := project.lock_of(one)) is not None]
    driver, online = ((Path(__file__).parent / name).read_bytes() for name in (DRIVER, Path(ONLINE).name))
    simulated = any(one.sweep.simulated for one in members)
    plan = {
        "version": __version__,
        "python": computer.python,
        "least_python": computer.least_python,
        "lock": computer.lock_file,
        "wheel": computer.wheel,
        "packs": list(computer.pack_wheels.values()),
        "simulated": SIMULATED if simulated else "",
        "environment": project.environment,
        "experiments": [
            {
                "name": one.name,
                "title": part.experiment.title,
                "folder": one.key,
                "words": list(map(project.moved, one.words)),
                "tables": part.tables,
            }
            for one, part in zip(members, shown, strict=True)
        ],
        "study": sorted(
            [
                *(name for name in study if not name.startswith(f"{COMPOSED}/")),
                *(place for one, place, _ in locks if project.holds(one)),
            ]
        ),
        "data": _wanted(sources, answers),
    }
    files = {
        **study,
        **{place: content for _, place, content in locks},
        **copies(sources, project),
        **{name: content for part in shown for name, content in part.files.items()},
        **installs,
        ".dockerignore": f"{BUILD}\n".encode(),
        DRIVER: driver,
        ONLINE: online,
        PLAN: as_json(plan),
        RECORD: record(project, closed),
    }
    memory = max((int(one.sweep.tags[PEAK_MEMORY]) for one in members if PEAK_MEMORY in one.sweep.tags), default=None)
    sizes = {file.sha256: file.bytes for source in sources for file in source.files}
    return Facts(
        title=title,
        made=datetime.now(UTC).replace(microsecond=0),
        version=__version__,
        simulated=simulated,
        experiments=tuple(part.experiment for part in shown),
        displays=tuple(display for part in shown for display in part.displays),
        sources=tuple(sources),
        variables=tuple(variables),
        weights=tuple(weights),
        seeds=tuple(seed for one in members for seed in _seeds(one, project)),
        software=computer,
        measured=Measured(
            rebuild_seconds=None,
            peak_memory=memory,
            memory_from="none" if memory is None else "runs",
            storage=sum(map(len, files.values())),
            data_storage=sum(sizes.values()),
        ),
        programs=(
            Program(DRIVER, "driver"),
            *(replace(one, headline=project.without_paths(one.headline)) for one in project.programs),
            *(Program(place, "plan", one.name) for one, place, _ in locks),
            Program(computer.wheel, "software"),
            *(Program(place, "pack", of) for of, place in computer.pack_wheels.items()),
            Program(computer.lock_file, "lock"),
            Program(computer.licences, "licences"),
            Program(software.CONTAINER, "container"),
            Program(ONLINE, "workflow"),
        ),
        references=tuple(_references(members)),
        numbers=sum(part.numbers for part in shown),
        files=files,
    )


def with_rebuild(known: Facts, measured: Mapping[str, Any]) -> Facts:
    """Return facts with what a rebuild measured, the content of ``measured.json``."""
    memory = measured.get("peak_memory")
    now = replace(known.measured, rebuild_seconds=measured.get("seconds"))
    return replace(known, measured=now if memory is None else replace(now, peak_memory=memory, memory_from="rebuild"))


def _wanted(sources: Iterable[Source], answers: Answers) -> list[dict[str, Any]]:
    """Return every file of data that a rebuild needs, and how to get what the package does not contain."""
    wanted: dict[str, dict[str, Any]] = {}
    for source in sources:
        own = answers.of(source.option)
        how = " ".join(filter(None, map(answered, (own.access, own.url))))
        for file in source.files:
            known = wanted.setdefault(
                file.place,
                {
                    "name": file.name,
                    "place": file.place,
                    "source": source.option,
                    "sha256": file.sha256,
                    "bytes": file.bytes,
                    "shared": file.shared,
                    "how": how or "README.md says what is known of how to get it.",
                    "experiments": [],
                },
            )
            known["experiments"] = list(dict.fromkeys([*known["experiments"], *source.experiments]))
    return list(wanted.values())


def _shown(one: Member, project: Project) -> _Shown:
    sweep, folder = one.sweep, f"{EXPECTED}/{one.key}"
    report = recorded.report_of(sweep)
    section = page.section(sweep, one.name, report, False, Words(report.language or "en"))
    if section.complaint is not None:
        # a rebuild would end with the same error
        again = command_line("run", one.name)
        raise DataError(Note("package_no_table", experiment=one.name, why=section.complaint, command=again))
    if section.table is not None:
        section = replace(section, table=_moved_table(section.table, project))
    numbers = {project.without_paths(label): own for label, own in numbers_of(sweep).items()}
    shown = cells_of(section.table)
    refusals: dict[Note, None] = {}
    tables = {**page.tables(section, refusals), **shown}
    beside = {
        "/".join(map(portable, name.split("/"))): project.without_paths(content.decode()).encode()
        if name.endswith(".csv")
        else content
        for name, content in section.files.items()
    }
    own = {NUMBERS: written(numbers), **tables, **beside}
    files = {f"{folder}/{name}": content for name, content in own.items()}
    lock = _lock(one, project, f"{folder}/{ARTIFACT}")
    if lock is not None:
        files[lock.file] = project.without_paths(sweep.file(ARTIFACT).decode()).encode()
    command = tuple(project.moved(command_line("run", one.name, one.overrides)).split(" "))

    def display(title: str, kind: str, names: Iterable[str], numbers: str = "") -> Display:
        return Display(title, kind, one.name, command, tuple(f"{folder}/{name}" for name in names), numbers)

    displays = []
    if section.table is not None:
        names = (name for name in tables if name.startswith("table"))
        displays.append(display(section.table.title, "table", names, f"{folder}/{NUMBERS}"))
    pictures: dict[str, list[str]] = {}
    for name in beside:
        if name.startswith("pictures/"):
            pictures.setdefault(name.rpartition(".")[0], []).append(name)
    title, end = project.without_paths(section.title), " (SIMULATED data)" if sweep.simulated else ""
    displays += [
        display(f"{title}: {PurePosixPath(stem).stem.replace('_', ' ')}{end}", "figure", files_of_it)
        for stem, files_of_it in pictures.items()
    ]
    return _Shown(
        _experiment(one, project, section, type(report).__name__, lock, command),
        tuple(displays),
        files,
        tuple(shown),
        sum(map(len, numbers.values())) + sum(len(cells(content)) for content in shown.values()),
    )


def _experiment(
    one: Member, project: Project, section: page.Section, report: str, lock: Lock | None, command: tuple[str, ...]
) -> Experiment:
    sweep = one.sweep
    rows = sweep.rows
    start, end = int(rows["start"].min()), int(rows["end"].max())
    return Experiment(
        name=one.name,
        title=project.without_paths(section.title),
        command=command,
        overrides=tuple(map(project.moved, one.overrides)),
        runs=len(sweep.fitted),
        failed=len(sweep.failures) + len(sweep.roster.failed),
        report=report,
        choices=_choices(one, project),
        start=_when(start),
        end=_when(end),
        seconds=float((rows["end"] - rows["start"]).sum()) / 1000,
        elapsed=_union(rows) / 1000,
        asked=f"{EXPERIMENTS}/{one.name}.yaml",
        composed=f"{COMPOSED}/{one.key}.yaml",
        lock=lock,
        recorded_versions=one.versions,
    )


def _without_lock(part: _Shown) -> _Shown:
    """Return what a package has of a member, without the file and the record of its plan's lock."""
    lock = part.experiment.lock
    if lock is None:
        return part
    files = {name: content for name, content in part.files.items() if name != lock.file}
    known = replace(lock, file="", sealed="", holds=False, withheld=True)
    return replace(part, experiment=replace(part.experiment, lock=known), files=files)


def _lock(one: Member, project: Project, file: str) -> Lock | None:
    """Return what is known of the lock of an experiment's plan; None if it was not locked."""
    if one.locked is None or one.lock_record is None:
        return None
    latest = one.locked.latest
    data = latest["content"]["data"].values()
    kinds = ("outcome_and_others", *BY_OUTCOME)
    sealed = project.lock_of(one)

    def moved(node: Mapping[str, Any]) -> Note:
        return Note.from_json(node["note"]).with_texts(project.without_paths)

    outcomes = tuple(map(str, latest["content"]["estimand"]["y"]))
    runs, first = fitted_before(
        one.tracking, "", (), looks_at(outcomes), one.sweep.simulated, until=str(latest["time"])
    )
    earlier = Note("package_recorded_before", runs=runs, outcomes=outcomes, date=moment(first)) if runs else None
    return Lock(
        when=str(latest["time"]),
        said=moved(one.lock_record),
        changes=tuple(map(moved, one.lock_record["changes"])),
        file=file,
        broken=tuple(one.locked.broken),
        fitted_before=int(latest["fitted_before"]["runs"]),
        recorded_before=earlier,
        outcomes=outcomes,
        outcome_read=tuple(sorted({str(name) for own in data for kind in kinds for name in own.get(kind, ())})),
        sealed="" if sealed is None else sealed[0],
        holds=project.holds(one),
    )


def _moved_table(table: Table, project: Project) -> Table:
    """Return a table without folders of this computer."""

    def change(text: Any) -> Any:
        return project.without_paths(text) if isinstance(text, str) else text

    return replace(
        table,
        title=change(table.title),
        cells=table.cells.map(change).rename(index=change, columns=change),
        notes=tuple(note.changed(change) if isinstance(note, NoteLine) else change(note) for note in table.notes),
        names=tuple(map(change, table.names)),
        below=None if table.below is None else _moved_table(table.below, project),
    )


def _when(milliseconds: int) -> datetime:
    return datetime.fromtimestamp(milliseconds / 1000, UTC)


def _union(rows: pd.DataFrame) -> float:
    """Return the milliseconds in which at least one run was being fitted: a sweep may be continued on another day."""
    total, reached = 0.0, 0.0
    for start, end in sorted(zip(rows["start"].astype(float), rows["end"].astype(float), strict=True)):
        total += max(0.0, end - max(start, reached))
        reached = max(reached, end)
    return total


def _seeds(one: Member, project: Project) -> list[Seed]:
    """Return the seeds of an experiment's runs by the keys that set them: models take some from another key."""
    composer = one.composer
    column = f"tags.{SEEDS}"
    seeds = one.sweep.rows[column].to_dict() if column in one.sweep.rows else {}
    found: dict[tuple[str, int], Seed] = {}
    for run in one.sweep.roster.runs:
        text = seeds.get(run.hash)
        chosen = {name: value for name, value in run.values.items() if value != NOTHING}
        for key, value in json.loads(text).items() if isinstance(text, str) else ():
            origin = composer.origin(key, chosen)
            option = run.options.get(origin.partition(".")[0], "")
            if (origin, value) not in found:
                found[origin, value] = Seed(origin, value, one.name, *project.set_at(one, origin, value, option))
    return list(found.values())


def _choices(one: Member, project: Project) -> dict[str, tuple[str, ...]]:
    """Return the values of each key that varies between the runs, the options of groups among them."""
    values: dict[str, dict[str, None]] = {}
    for run in one.sweep.roster.runs:
        own = {**run.options, **run.values, **({} if run.column is None else {"column": run.column})}
        for key, value in own.items():
            if key not in SETTINGS and value != NOTHING and key not in run.lacking:
                values.setdefault(key, {})[project.without_paths("null" if value is None else text_of(value))] = None
    return {key: tuple(first_named([*each])) for key, each in values.items() if len(each) > 1 or key == "column"}


def _references(members: Sequence[Member]) -> list[str]:
    """Return the keys of the literature that the classes name that computed numbers."""
    keys: set[str] = set()
    for one in members:
        keys |= set(recorded.report_of(one.sweep).with_multiverse(one.sweep.multiverse).cited)
        taken: dict[tuple[str, str], str] = {}
        ids = one.sweep.rows["run_id"].to_dict()
        for run in one.sweep.roster.runs:
            for group, option in run.options.items():
                if group not in NO_CLASS:
                    taken.setdefault((group, option), ids[run.hash])
        for (group, _), run_id in taken.items():
            node = recorded.plain(one.sweep.configs[run_id], run_id).get(group, {})
            if isinstance(node, Mapping) and "_target_" in node:
                keys |= set(build(node, Spec, group).cited)
    return sorted(keys)
