"""The data of a package: sources and their files, variables, weights; copies only of what may be passed on."""

from __future__ import annotations

import csv
import gzip
import hashlib
import os
import re
import zipfile
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from io import BytesIO, StringIO
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.parquet as pq

from digicarbon.config.files import find, headline
from digicarbon.data import note_words
from digicarbon.errors import DataError
from digicarbon.note import Note
from digicarbon.packs.deposit.lock.data import place_of
from digicarbon.packs.deposit.package.answers import Answers
from digicarbon.packs.deposit.package.facts import DataFile, Matrix, Source, Variable
from digicarbon.packs.deposit.package.member import Member, unused
from digicarbon.packs.deposit.package.parts import as_json
from digicarbon.packs.deposit.package.project import DATA, Project
from digicarbon.panel import LOG_PREFIX, PanelDesign, variables_of
from digicarbon.plan.prepare import Preparation, Prepared, Specs
from digicarbon.report import Labels
from digicarbon.secret import mapped
from digicarbon.source import InputFile, Inputs, WatchedInputs
from digicarbon.source.datafolder import PROVENANCE, SUFFIX
from digicarbon.spec import Definition

RECORD = "data.json"
MODULE = "module"
"""Stands for a group where a module of the authors reads files by itself."""
LARGEST_SHEET = 20_000_000
"""Rows of a larger workbook are not counted."""


@dataclass
class _Origin:
    """A source while experiments are read."""

    option: str
    group: str
    kind: str
    simulated: bool
    cite: tuple[str, ...]
    cited_in_part: bool = False
    chosen: str = ""
    rows: int = 0
    units: set[str] = field(default_factory=set)
    most: int = 0
    """Units of the largest matrix of weights, whose names are not recorded."""
    unit: str = ""
    periods: set[str] = field(default_factory=set)
    files: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    experiments: dict[str, None] = field(default_factory=dict)

    @property
    def asked(self) -> list[str]:
        """The files as the answers name them."""
        return [place_of(path) for path in self.files]

    def shared(self, answers: Answers) -> bool | None:
        """Return whether the files may be passed on; None while that is not answered for each of them."""
        return answers.of(self.option).shares(self.asked)


def data_of(project: Project, answers: Answers) -> tuple[list[Source], list[Variable], list[Matrix]]:
    """Return sources, variables and weights of the experiments of a package.

    ``project``: learns where the files of data are put. Raises DataError if the data are no longer those of the runs.
    """
    origins: list[_Origin] = []
    matrices: dict[str, Matrix] = {}
    for one in project.members:
        for entry in one.sweep.data:
            _add(origins, one, "source", entry["options"]["source"], entry)
            for digest, own in entry["weights"].items():
                if own["files"]:
                    _add(origins, one, "weights", own["option"], {**own, "names": entry["names"]})
                choices = own["choices"]
                matrices[digest] = Matrix(
                    own["option"],
                    choices["class"].rpartition(".")[2],
                    digest,
                    own["units"],
                    own["links"],
                    str(choices.get("normalise", "")),
                    tuple(project.place(file["path"]) for file in own["files"]),
                )
    _name(origins, answers)
    refused = _refused(origins, answers)
    names = {path: origin.option for origin in origins if origin.group == "source" for path in origin.files}
    variables = list(_variables(project, names))
    sources = [_source(project, origin, answers, refused, variables) for origin in origins]
    return sources, variables, list(matrices.values())


def refuse_restricted(sources: Iterable[Source], files: Mapping[str, bytes]) -> None:
    """Raise a `DataError` if a file of the package has the bytes of one that may not be passed on."""
    restricted = {file.sha256: file.name for source in sources for file in source.files if not file.shared}
    for name, content in _whole(files) if restricted else ():
        own = hashlib.sha256(content).hexdigest()
        if own in restricted:
            raise DataError(Note("package_restricted", file=name, name=restricted[own]))


def _whole(files: Mapping[str, bytes]) -> Iterator[tuple[str, bytes]]:
    """Yield files, and those inside of wheels: the code of a pack may have data beside it."""
    for name, content in files.items():
        yield name, content
        if name.endswith(".whl"):
            with zipfile.ZipFile(BytesIO(content)) as archive:
                yield from ((f"{name}/{inner}", archive.read(inner)) for inner in archive.namelist())


def copies(sources: Iterable[Source], project: Project) -> dict[str, bytes]:
    """Return the contents of the files that may be passed on, by their places."""
    wanted = {file.place for source in sources for file in source.files if file.shared}
    contents: dict[str, bytes] = {}
    for path, place in paths(project).items():
        if place in wanted:
            contents[place] = Path(path).read_bytes()
            beside = Path(path).with_name(f"{Path(path).stem}{PROVENANCE}")
            if path.endswith(SUFFIX) and beside.is_file():
                contents[f"{place.removesuffix(SUFFIX)}{PROVENANCE}"] = beside.read_bytes()
    return contents


def paths(project: Project) -> dict[str, str]:
    """Return the place in the package of each file of data, by its path on this computer."""
    read = [file["path"] for one in project.members for _, file in one.read]
    return {path: project.place(path) for path in (*read, *project.opened)}


def record(project: Project, closed: Collection[str]) -> bytes:
    """Return the record of the data of all experiments, with the places in the package instead of paths.

    ``closed``: experiments that read files that are not passed on: of their data, only whole files have hashes.
    """
    places = dict(sorted(paths(project).items(), key=lambda item: -len(item[0])))

    def moved(text: str) -> str:
        if not Path(text).is_absolute():
            return text
        above = any(Path(path).is_relative_to(text) for path in places)
        # the folder of a source, or a file that no run read
        return places.get(text) or (DATA if above else Path(text).name)

    content = {
        one.name: mapped([_without_hashes(entry) if one.name in closed else entry for entry in one.sweep.data], moved)
        for one in project.members
    }
    return as_json({"data": content})


def _without_hashes(entry: Mapping[str, Any]) -> dict[str, Any]:
    """Return an entry without the hashes of its series, panels and matrices: who tries finds few values from one."""
    panels = [{key: value for key, value in panel.items() if key != "digests"} for panel in entry["panels"]]
    runs = [{key: own[key] for key in ("columns", "files", "series")} for own in entry["runs"].values()]
    weights = list(entry["weights"].values())
    return {**entry, "panels": panels, "runs": runs, "series": list(entry["series"]), "weights": weights}


def without_values(
    sources: Iterable[Source], variables: Iterable[Variable], matrices: Iterable[Matrix]
) -> tuple[list[Variable], list[Matrix]]:
    """Return variables without ranges, and matrices without hashes, where files of theirs are not passed on."""
    closed = {one.option for one in sources if not all(file.shared for file in one.files)}
    # what a module reads may be in every column of its experiments
    through = {name for one in sources if one.group == MODULE and one.option in closed for name in one.experiments}
    closed |= {one.option for one in sources if through & {*one.experiments}}
    hidden = {file.place for one in sources for file in one.files if not file.shared}
    return (
        [replace(one, least=None, greatest=None) if one.source in closed else one for one in variables],
        [replace(one, digest="") if hidden & {*one.files} else one for one in matrices],
    )


def _add(origins: list[_Origin], one: Member, group: str, option: str, entry: Mapping[str, Any]) -> None:
    """Add an entry of a record to the data set that has one of its files; without one it is a data set of its own."""
    choices = entry["choices"]["source"] if group == "source" else entry["choices"]
    kind = choices["class"].rpartition(".")[2]
    name = option or kind
    cite, in_part = _cited(choices)
    paths = {file["path"] for file in entry["files"]}
    origin = next(
        (
            known
            for known in origins
            if (known.group, known.chosen) == (group, name)
            and (known.files.keys() & paths or not (known.files or paths))
        ),
        None,
    )
    if origin is None:
        origin = _Origin(name, group, kind, False, cite, in_part, name)
        origins.append(origin)
    origin.simulated |= bool(entry.get("simulated", False))
    origin.experiments[one.name] = None
    origin.files |= {file["path"]: file for file in entry["files"]}
    if group == "weights":
        origin.most, origin.unit = max(origin.most, entry["units"]), entry["names"]["unit"]
    for panel in entry.get("panels", ()):
        origin.rows = max(origin.rows, panel["rows"])
        origin.units |= set(panel["units"])
        origin.periods |= set(panel["periods"])
        origin.unit = entry["names"]["unit"]


def of_modules(project: Project, opened: Mapping[str, str], answers: Answers, refused: Collection[str]) -> list[Source]:
    """Return what the authors' own modules read and no source names, as a data set of each module.

    ``opened`` has the module of each opened file, ``refused`` the SHA-256 of what other sources do not pass on.
    """
    known = {os.path.realpath(path) for path in paths(project)}
    every = {**project.named, **opened}
    project.opened = {path: every[path] for path in sorted(every) if path not in known}
    origins: dict[str, _Origin] = {}
    for path, module in project.opened.items():
        own = origins.setdefault(module, _Origin(module, MODULE, "", False, (), chosen=module))
        own.files[path] = asdict(InputFile.of(Path(path)))
        own.experiments |= dict.fromkeys(project.with_own_classes)
    every_refused = _refused(origins.values(), answers) | {*refused}
    return [_source(project, origin, answers, every_refused, ()) for origin in origins.values()]


def _refused(origins: Iterable[_Origin], answers: Answers) -> set[str]:
    """Return the SHA-256 of the files that the authors do not pass on."""
    kept = (origin for origin in origins if origin.shared(answers) is not True)
    return {file["sha256"] for origin in kept for file in origin.files.values()}


def _cited(choices: Mapping[str, Any]) -> tuple[tuple[str, ...], bool]:
    """Return the citations that a source names, those that digicarbon knows by a code in their words.

    Such a one covers some of the files, so that the authors are asked for the others: the second value.
    """
    known = note_words()
    named = list(map(str, choices.get("cite") or ()))
    words = tuple(str(Note.from_json({"code": text})) if text in known else text for text in named)
    return words, any(text in known for text in named)


def _name(origins: Sequence[_Origin], answers: Answers) -> None:
    """Give data sets names of their own where answers of their option are not about their files.

    Such a name is the option with the first file's. Data sets that answers name keep the name of these.
    """
    taken: set[str] = set()
    for origin in origins:
        files = origin.asked
        known = next(
            (
                name
                for name, own in answers.data.items()
                if name not in taken and _is_of(name, origin) and own.files and files and own.about(files)
            ),
            None,
        )
        others = [one for one in origins if (one.group, one.chosen) == (origin.group, origin.chosen)]
        stem = re.sub(r"\W+", "_", Path(next(iter(origin.files), "")).name.partition(".")[0]).strip("_")
        longer = f"{origin.chosen}_{stem}" if stem else origin.chosen
        if known is not None:
            origin.option = known
        elif len(others) > 1 or not answers.of(origin.chosen).about(files):
            used = taken | {name for name, own in answers.data.items() if not own.about(files)}
            origin.option = unused(longer, used)
        taken.add(origin.option)


def _is_of(name: str, origin: _Origin) -> bool:
    return name == origin.chosen or name.startswith(f"{origin.chosen}_")


def _source(
    project: Project, origin: _Origin, answers: Answers, refused: set[str], variables: Sequence[Variable]
) -> Source:
    answer = origin.shared(answers)
    state = "nothing" if origin.simulated else {True: "copied", False: "instructions", None: "open"}[answer]
    path = find(f"{origin.group}/{origin.chosen}")
    periods = sorted(origin.periods, key=lambda period: (len(period), period))
    files = tuple(
        DataFile(
            name=Path(file["path"]).name,
            place=project.place(file["path"]),
            sha256=file["sha256"],
            bytes=file["size"],
            rows=_rows(Path(file["path"])),
            variables=tuple(file["series"]),
            shared=state == "copied" and file["sha256"] not in refused,
            imports=tuple(file.get("imports", ())),
            asked=place_of(file["path"]),
        )
        for file in origin.files.values()
    )
    imported = (str(item["citation"]) for file in files for item in file.imports if item.get("citation"))
    return Source(
        option=origin.option,
        group=origin.group,
        kind=origin.kind,
        simulated=origin.simulated,
        title="" if path is None else headline(path),
        cite=tuple(dict.fromkeys([*origin.cite, *imported])),
        rows=origin.rows or None,
        units=len(origin.units) or origin.most,
        unit=origin.unit,
        periods=(periods[0], periods[-1]) if periods else (),
        variables=tuple(dict.fromkeys(one.name for one in variables if one.source == origin.option))
        if origin.group == "source"
        else (),
        files=files,
        shared=state,
        experiments=tuple(origin.experiments),
        chosen=origin.chosen,
        cited_in_part=origin.cited_in_part,
    )


def _rows(path: Path) -> int | None:
    """Return the rows of a table below its head; None for what is no table, or a workbook that is too large."""
    name = path.name.lower()
    with suppress(OSError, ValueError, csv.Error, EOFError):
        if name.endswith(SUFFIX):
            return int(pq.ParquetFile(path).metadata.num_rows)
        if name.endswith((".csv", ".tsv", ".txt", ".csv.gz")):
            content = path.read_bytes()
            text = (gzip.decompress(content) if name.endswith(".gz") else content).decode("latin-1")
            return max(sum(1 for row in csv.reader(StringIO(text, newline="")) if row) - 1, 0)
        if name.endswith((".xlsx", ".xls")) and path.stat().st_size <= LARGEST_SHEET:
            return len(pd.read_excel(path))
        if name.endswith(".dta"):
            return len(pd.read_stata(path, convert_categoricals=False))
    return None


def _variables(project: Project, names: Mapping[str, str]) -> Iterator[Variable]:
    """Yield the variables of all experiments: terms of models, and the series that they are made of."""
    preparation = Preparation()
    known: dict[tuple[str, ...], Variable] = {}
    for one in project.members:
        labels = {language: _labels(one, language) for language in ("en", "zh")}
        options = {run.hash: run.options for run in one.sweep.roster.runs}
        for fingerprint, again in one.again(preparation):
            chosen = options.get(str(one.prints[fingerprint].name), {})
            for variable, about in _of_run(project, again.specs, again.prepared, chosen, names):
                words = {
                    language: word
                    for language, own in labels.items()
                    if (word := own(variable.name)) != variable.name or variable.name in own.extra
                }
                said = {language: " ".join(own.notes(about.words)) for language, own in labels.items()}
                # what two experiments define in two ways are two variables
                key = (variable.source, variable.name, variable.formula, said["en"])
                now = replace(variable, words=words, definition=said, defined_in=about.source)
                known[key] = _joined(known.get(key), now)
    yield from known.values()


def _labels(one: Member, language: Any) -> Labels:
    own = {**dict(one.config.get("labels") or {}), **dict((one.config.get("report") or {}).get("labels") or {})}
    return Labels(language, own)


@dataclass(frozen=True, eq=False)
class _Made:
    """A column that the measure or the outcome of a run makes: its values, its formula or option, its words."""

    values: pd.Series
    how: str
    definition: Definition


def _made(specs: Specs, inputs: Inputs, read: Collection[str], chosen: Mapping[str, str]) -> dict[str, _Made]:
    """Return the columns that measure and outcome make; a column of the data stays as it is."""
    columns: dict[str, _Made] = {}
    for group, table, definitions in (
        ("measure", specs.measure.transformed(inputs), specs.measure.defined()),
        ("outcome", specs.outcome.compute(inputs), specs.outcome.definitions()),
    ):
        for name in map(str, table.columns):
            if name not in read:
                one = definitions.get(name, Definition())
                how = f"{name} = {one.formula}" if one.formula else f"{name}: {group}={chosen.get(group, '')}"
                columns[name] = _Made(table[name], how, one)
    return columns


def _of_run(
    project: Project, specs: Specs, prepared: Prepared, chosen: Mapping[str, str], names: Mapping[str, str]
) -> Iterator[tuple[Variable, Definition]]:
    """Yield the variables of a run: those of its model, those that a class makes, and those that are read."""
    panel, inputs = prepared.panel, prepared.inputs
    read = inputs.frame.columns
    option = chosen.get("source") or type(specs.source).__name__
    source = next((names[file.path] for file in inputs.files if file.path in names), option)
    files = {name: file.path for file in inputs.files for name in file.series}
    renamed = getattr(specs.source, "columns", {})
    heads = {name: str(head) for name, head in renamed.items()} if isinstance(renamed, Mapping) else {}
    watched = WatchedInputs.of(inputs)
    made = _made(specs, watched, read, chosen)

    def variable(name: str, values: Any, role: str, formula: str, unit: str, over: str) -> Variable:
        place = project.place(files[name]) if name in files and not formula else ""
        head = "" if formula else heads.get(name, "")
        numbers = pd.to_numeric(pd.Series(values), errors="coerce").to_numpy(dtype=float)
        missing = int(pd.isna(pd.Series(values)).sum())
        finite = numbers[np.isfinite(numbers)]
        low, high = (float(finite.min()), float(finite.max())) if len(finite) else (None, None)
        return Variable(name, {}, unit, source, role, formula, place, low, high, len(numbers), missing, head, over)

    outcome = getattr(specs.model, "y", "")
    for term in specs.terms:
        role = "outcome" if term == outcome else "regressor" if term in specs.model.terms else "other"
        about = made[term].definition if term in made else Definition()
        unit = inputs.units.get(term, about.unit)
        for name in (one for one in panel.expanded((term,)) if one in panel.columns):
            yield variable(name, panel.column(name), role, _formula(term, specs, made, read), unit, "models"), about
    for name, one in made.items():
        if name not in specs.terms:
            yield variable(name, one.values, "other", one.how, one.definition.unit, "data"), one.definition
    needed = [*variables_of(specs.terms), *specs.model.optional_terms, *specs.sample.variables]
    # a set has another order in each process
    behind = [*specs.panel.columns_behind(needed, read), *sorted(watched.taken)]
    for name in dict.fromkeys(behind):
        if name in read and name not in specs.terms and name not in ("unit", "time"):
            yield variable(name, inputs.frame[name], "other", "", inputs.units.get(name, ""), "data"), Definition()


def _formula(term: str, specs: Specs, made: Mapping[str, _Made], read: Collection[str]) -> str:
    """Return how a term is made of series, in the words of the configuration; empty for a column that is read."""
    parts = variables_of((term,))
    texts = [text for part in parts if (text := _how(part, specs.panel, made, read))]
    plain = parts == (term,)
    return "; ".join(dict.fromkeys([*([] if plain else [term]), *texts]))


def _how(name: str, panel: PanelDesign, made: Mapping[str, _Made], read: Collection[str]) -> str:
    if name in read:
        # a column of the data stays as it is, whatever a definition says
        return ""
    if name in panel.derive:
        return f"{name} = {panel.derive[name]}"
    if name in made:
        return made[name].how
    if name.startswith(LOG_PREFIX):
        inner = _how(name.removeprefix(LOG_PREFIX), panel, made, read)
        return f"{name} = log({name.removeprefix(LOG_PREFIX)})" + (f", {inner}" if inner else "")
    return ""


def _joined(before: Variable | None, now: Variable) -> Variable:
    """Return a variable over the rows of several panels."""
    if before is None:
        return now
    least = [value for value in (before.least, now.least) if value is not None]
    greatest = [value for value in (before.greatest, now.greatest) if value is not None]
    larger = max(before, now, key=lambda one: one.rows)
    role = next(role for role in ("outcome", "regressor", "other") if role in (before.role, now.role))
    return replace(larger, role=role, least=min(least, default=None), greatest=max(greatest, default=None))
