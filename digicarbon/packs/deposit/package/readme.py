"""The README of a package: every heading of the Social Science Data Editors' template, filled with facts or asked."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template

from digicarbon.note import Language
from digicarbon.packs.deposit.package.answers import Answers, Question, answered
from digicarbon.packs.deposit.package.bibliography import Bibliography, listed
from digicarbon.packs.deposit.package.facts import (
    DataFile,
    Display,
    Experiment,
    Facts,
    Lock,
    Package,
    Program,
    Seed,
    Source,
)
from digicarbon.packs.deposit.package.parts import Words, box, plain

TIMES = ((10, "<10 minutes"), (60, "10-60 minutes"), (120, "1-2 hours"), (480, "2-8 hours"), (1440, "8-24 hours"),
         (4320, "1-3 days"), (20160, "3-14 days"), (float("inf"), "> 14 days"))  # fmt: skip
"""Ends of the template's classes of time in minutes."""
STORAGES = ((25, "< 25 MBytes"), (250, "25 MB - 250 MB"), (2e3, "250 MB - 2 GB"), (25e3, "2 GB - 25 GB"),
            (250e3, "25 GB - 250 GB"), (float("inf"), "> 250 GB"))  # fmt: skip
"""Ends of the template's classes of storage in megabytes."""
ENVIRONMENT = 1_210_000_000
"""Bytes of the environment that ``run_all.py`` makes, as measured under Linux."""


def readme(
    facts: Facts, answers: Answers, still_open: Sequence[Question], cited: Bibliography, language: Language
) -> str:
    """Return the README in Markdown."""
    text = _template(language).render(**_values(facts, answers, still_open, cited, Words(language)))
    return re.sub(r"\n{3,}", "\n\n", text).strip() + "\n"


@cache
def _template(language: Language) -> Template:
    loader = FileSystemLoader(Path(__file__).parent)
    # Markdown, whose texts are those of the authors
    environment = Environment(loader=loader, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    return environment.get_template(f"readme.{language}.md.j2")


def _values(
    facts: Facts, answers: Answers, still_open: Sequence[Question], cited: Bibliography, words: Words
) -> dict[str, Any]:
    language = words.language
    asked = {question.key: question.words[language] for question in still_open}

    def mark(key: str) -> str:
        return words("question", words=asked[key], key=key) if key in asked else ""

    def said(value: object, key: str, known: str = "") -> str:
        if isinstance(value, str) and value.strip():
            return answered(value) or words("none")
        return f"{known}{mark(key)}".strip() or words("none")

    outside = [source for source in facts.sources if not source.simulated]
    seconds = facts.measured.rebuild_seconds or sum(one.elapsed for one in facts.experiments)
    bytes_needed = facts.measured.storage + facts.measured.data_storage + ENVIRONMENT
    return {
        "f": facts,
        "a": answers,
        "title": words("title", title=plain(answered(answers.title) or facts.title)),
        "all_simulated": facts.simulated and not outside,
        "questions": len(still_open),
        "authors": _authors(answers) or mark("authors").strip(),
        "say": lambda key: said(getattr(answers, key), key),
        "say_of": lambda source, key, known="": said(
            getattr(answers.of(source.option), key), f"data.{source.option}.{key}", known
        ),
        "mark": mark,
        "plain": plain,
        "in_paper": "".join(mark(key) for key in asked if key.startswith("in_paper")),
        "box": box,
        "count": lambda many, noun: words.count(len(many), noun),
        "count_of": words.count,
        "runs": sum(experiment.runs for experiment in facts.experiments),
        "tables": [one for one in facts.displays if one.kind == "table"],
        "figures": [one for one in facts.displays if one.kind == "figure"],
        "python": ".".join(facts.software.python.split(".")[:2]),
        "expected": words(
            "expect_rebuilt" if facts.measured.rebuild_seconds else "expect_recorded",
            duration=_duration(seconds, words),
        ),
        "availability": _availability(outside),
        "name_of": lambda source: answered(answers.of(source.option).title) or source.title or source.option,
        "extent": lambda source: _extent(source, words),
        "datasets": words.table("data", _datasets(facts, words)),
        "weights": words.table(
            "weights",
            (
                (f"`{one.option}`", one.kind, one.units, one.links, one.normalised, _names(one.files), one.digest[:16])
                for one in facts.weights
            ),
        ),
        "packages": words.table(
            "packages", ((one.name, one.version, one.licence, one.summary) for one in _used(facts))
        ),
        "other_packages": [one for one in facts.software.packages if one not in _used(facts)],
        "other_versions": _other_versions(facts, words),
        "seeds": words.table(
            "seeds", ((f"`{one.key}`", one.value, one.experiment, *_set_at(one, words)) for one in facts.seeds)
        ),
        "seed_command": _seed_command(facts),
        "times": _classes(TIMES, seconds / 60),
        "storages": _classes(STORAGES, bytes_needed / 1e6),
        "machine": _machine(facts, words),
        "timing": words(
            "rebuilt" if facts.measured.rebuild_seconds else "recorded", duration=_duration(seconds, words)
        ),
        "memory": _memory(facts, words),
        "size": _size,
        "environment": _size(ENVIRONMENT),
        "runtimes": words.table(
            "times", ((one.name, f"{one.elapsed:,.1f}", f"{one.seconds:,.1f}") for one in facts.experiments)
        ),
        "programs": words.table(
            "programs",
            (
                (f"`{one.file}`", words.own.get(f"program_{one.kind}", one.kind), _what(one, words))
                for one in facts.programs
            ),
        ),
        "modules": [f"`{one.file}`" for one in facts.programs if one.kind == "module"],
        "own_licence": facts.software.packages[0].licence or "BSD-3-Clause",
        "withheld": [f"`{file.place}`" for source in outside for file in source.files if not file.shared],
        "lock": lambda lock: _lock(lock, words),
        "displays": words.table("displays", (_display(one, facts, answers) for one in facts.displays)),
        "methods": listed(cited.methods),
        "software": listed(cited.software),
        "data_references": listed(cited.data),
        "further": listed(cited.further),
        "unknown": [f"`{key}`" for key in cited.unknown],
    }


def _lock(lock: Lock, words: Words) -> str:
    """Return what holds of the lock of a plan, and where its file is."""
    said = lock.said.text(words.language)
    if lock.withheld:
        said += words("lock_withheld")
    elif not lock.sealed:
        said += words("lock_left_out")
    elif not lock.holds:
        said += words("lock_not_repeated", file=lock.sealed)
    return said


def _authors(answers: Answers) -> str:
    lines = []
    for author in answers.authors:
        about = [
            author.affiliation or "",
            f"https://orcid.org/{author.orcid}" if author.orcid else "",
            author.email or "",
        ]
        shown = ", ".join(filter(None, about))
        lines.append(f"{author.name} ({shown})" if shown else author.name)
    return "; ".join(lines)


def _availability(outside: Sequence[Source]) -> str:
    """Return ``all``, ``some`` or ``none``, or ``open`` where the authors have not decided."""
    if any(source.shared == "open" for source in outside):
        return "open"
    withheld = [source for source in outside if source.shared == "instructions"]
    if not withheld:
        return "all"
    return "none" if len(withheld) == len(outside) else "some"


def _extent(source: Source, words: Words) -> str:
    parts = [words("units", units=words.count(source.units, "unit"), unit=source.unit)]
    if source.periods:
        parts.append("–".join(dict.fromkeys(source.periods)))
    if source.rows is not None:
        parts.append(words.count(source.rows, "row"))
    return words.own["comma"].join(parts)


def _datasets(facts: Facts, words: Words) -> Iterator[tuple[object, ...]]:
    for source in facts.sources:
        if source.simulated:
            variables = ", ".join(source.variables)
            yield words("drawn"), source.option, words("simulated"), words("not_needed"), "", variables
        for file in source.files:
            notes = _about(file, words)
            provided = words("yes") if file.shared else words("no")
            yield f"`{file.place}`", source.option, notes, provided, f"`{file.sha256}`", ", ".join(file.variables)


def _about(file: DataFile, words: Words) -> str:
    parts = [_size(file.bytes)]
    if file.rows is not None:
        parts.append(words.count(file.rows, "row"))
    for one in file.imports:
        raw = ", ".join(str(name.get("name", "")) for name in one.get("files", ()))
        parts.append(words("imported", kind=one.get("kind", ""), raw=raw, when=str(one.get("imported", ""))[:10]))
    return words.own["comma"].join(parts)


def _used(facts: Facts) -> list[Package]:
    """Return digicarbon, the packages that it requires itself, and those whose versions the runs recorded."""
    recorded = {name for one in facts.experiments for name in one.recorded_versions}
    return [one for one in facts.software.packages if one.direct or one.name.lower() in recorded]


def _other_versions(facts: Facts, words: Words) -> str:
    today = {one.name: one.version for one in facts.software.packages}
    rows = [
        (experiment.name, name, version, today[name])
        for experiment in facts.experiments
        for name, version in experiment.recorded_versions.items()
        if today.get(name, version) != version
    ]
    return words.table("versions", rows) if rows else ""


def _seed_command(facts: Facts) -> str:
    """Return a command that changes the first seed; empty where there is none."""
    for seed in facts.seeds:
        one = next(one for one in facts.experiments if one.name == seed.experiment)
        kept = [word for word in one.command if not word.startswith(f"{seed.key}=")]
        return " ".join([*kept, f"{seed.key}={seed.value + 1}"])
    return ""


def _set_at(seed: Seed, words: Words) -> tuple[str, int | str]:
    """Return the file and the line that set a seed, or else what sets it."""
    if seed.line:
        return f"`{seed.place}`", seed.line
    return (words("seed_of_option", option=seed.place) if seed.place else words("seed_in_command")), ""


def _classes(classes: Sequence[tuple[float, str]], value: float) -> list[tuple[str, bool]]:
    first = next(index for index, (end, _) in enumerate(classes) if value < end)
    return [(words, index == first) for index, (_, words) in enumerate(classes)]


def _duration(seconds: float, words: Words) -> str:
    if seconds < 90:
        return words("seconds", number=max(1, round(seconds)))
    return (
        words("minutes", number=round(seconds / 60))
        if seconds < 5400
        else words("hours", number=round(seconds / 3600, 1))
    )


def _size(number: int) -> str:
    for unit, size in (("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if number >= size:
            return f"{number / size:.1f} {unit}"
    return f"{number} B"


def _machine(facts: Facts, words: Words) -> str:
    own = facts.software
    memory = "" if own.memory is None else words("of_memory", size=_size(own.memory))
    return words("machine", cpu=own.cpu or own.system, cores=own.cores, system=own.system, memory=memory)


def _memory(facts: Facts, words: Words) -> str:
    if facts.measured.peak_memory is None:
        return words("memory_not_measured")
    key = "memory_measured" if facts.measured.memory_from == "rebuild" else "memory_of_runs"
    return words(key, size=_size(facts.measured.peak_memory))


def _what(program: Program, words: Words) -> str:
    said = words.own.get(f"about_{program.kind}") or program.headline
    return " — ".join(filter(None, (said, program.of if program.of not in program.file else "")))


def _display(one: Display, facts: Facts, answers: Answers) -> tuple[object, ...]:
    experiment = next(item for item in facts.experiments if item.name == one.experiment)
    place = answers.in_paper.get(one.experiment, "")
    name = " — ".join(filter(None, (answered(place), plain(one.title))))
    program = f"`{experiment.asked}`"
    return name, one.experiment, f"`{' '.join(one.command)}`", program, made_at(facts, experiment), _names(one.files)


def made_at(facts: Facts, experiment: Experiment) -> int | str:
    """Return the line of an experiment's file that chooses its report, or else that of its title, or the first one."""
    lines = facts.files.get(experiment.asked, b"").decode("utf-8", errors="replace").splitlines()
    for pattern in (r"\s*- (?:override )?/?report(?:@\S+)?\s*:", r"report\s*:", r"title\s*:"):
        for number, line in enumerate(lines, start=1):
            if re.match(pattern, line):
                return number
    return 1 if lines else ""


def _names(files: Sequence[str]) -> str:
    return ", ".join(f"`{file}`" for file in files)
