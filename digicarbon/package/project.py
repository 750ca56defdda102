"""The files of a study that a package needs: its experiments, options and modules, and where its data are put."""

from __future__ import annotations

import ast
import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from digicarbon.config import files as configs
from digicarbon.config.files import GROUPS, ROOT, find, headline, lineage
from digicarbon.package.facts import Program
from digicarbon.package.member import Member, portable, unused
from digicarbon.package.opened import named_in
from digicarbon.secret import masked
from digicarbon.tracking import SQLITE

EXPERIMENTS, COMPOSED, CONF, DATA = "experiments", "experiments/composed", "conf", "data"
_OURS = ("expected", "software", "build", EXPERIMENTS, CONF)
"""Folders of a package, in which no data of the study are put."""
_VARIABLE = re.compile(r"\$\{oc\.env:(\w+)(?:,([^}]*))?\}")
_TARGET = re.compile(r"^\s*['\"]?_target_['\"]?\s*:\s*['\"]?([\w.]+)", re.MULTILINE)


@dataclass
class Project:
    """The files of a study, and the places of its data in the package.

    Attributes
    ----------
    members : sequence of Member
    texts : dict of str to str
        Contents of experiments and options by their names in the package.
    programs : list of Program
    environment : dict of str to str
        Variables that the experiments read, with the folder or file of the package that they name.
    written : dict of str to str
        Texts of experiments that name data outside the study's folder, with what stands in their place.
    own : dict of str to bytes
        The study's own Python files that its configurations name, and those that these import.
    named : dict of str to str
        Files that these name, each with the name of the module.
    opened : dict of str to str
        Files that these name or read and no source names, each with the name of the module.
    """

    members: Sequence[Member]
    texts: dict[str, str] = field(default_factory=dict)
    programs: list[Program] = field(default_factory=list)
    environment: dict[str, str] = field(default_factory=dict)
    written: dict[str, str] = field(default_factory=dict)
    own: dict[str, bytes] = field(default_factory=dict)
    named: dict[str, str] = field(default_factory=dict)
    opened: dict[str, str] = field(default_factory=dict)
    _shipped: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        for one in self.members:
            for file in lineage(one.name):
                if file.name != ROOT or _is_own(file.path):
                    kind = "experiment" if file.name != ROOT else "option"
                    self._take(file.path, file.name if file.name != ROOT else "config", kind, one.name)
            name = f"{COMPOSED}/{one.key}.yaml"
            self.texts[name] = masked(one.sweep.config)
            self.programs.append(Program(name, "composed", one.name, one.sweep.title))
        for section in dict.fromkeys(one.section for one in self.members if one.section):
            path = find(section)
            if path is not None:
                self._take(path, section, "experiment", section)
            # the plan that was locked before the outcome was seen
            lock = Path.cwd() / EXPERIMENTS / f"{one.name}.lock.json"
            if lock.is_file():
                place = f"{EXPERIMENTS}/{lock.name}"
                self.texts[place] = lock.read_text(encoding="utf-8")
                self.programs.append(Program(place, "plan", one.name, ""))
        self._take_options()
        self._take_modules()

    def _take(self, path: Path, name: str, kind: str, of: str) -> None:
        folder = CONF if kind == "option" else EXPERIMENTS
        place = f"{folder}/{name}.yaml"
        if place not in self.texts:
            self.texts[place] = masked(path.read_text(encoding="utf-8-sig"))
            self.programs.append(Program(place, kind, of, headline(path)))

    def _take_options(self) -> None:
        """Take the study's own options that the experiments choose or name, and those that these name."""
        chosen = {
            f"{group}/{option}"
            for one in self.members
            for run in one.sweep.roster.runs
            for group, option in run.options.items()
        }
        self._shipped = [
            path.read_text(encoding="utf-8")
            for name in sorted(chosen)
            if (path := find(name)) is not None and not _is_own(path)
        ]
        own = {
            f"{group}/{path.relative_to(folder / group).with_suffix('').as_posix()}": path
            for folder in configs.folders()
            for group in GROUPS
            for path in sorted((folder / group).rglob("*.yaml"))
            if _is_own(path)
        }
        pending = list(self.texts.values())
        while pending:
            text = pending.pop()
            words = set(re.findall(r"[^\s,\[\]{}:'\"=]+", text))
            for name, path in own.items():
                group, _, option = name.partition("/")
                place = f"{CONF}/{name}.yaml"
                if place not in self.texts and (name in chosen or option in words or "glob(" in text):
                    self._take(path, name, "option", group)
                    pending.append(self.texts[place])

    @property
    def with_own_classes(self) -> list[str]:
        """The experiments that name a class of the study's own."""
        texts = {one.name: self.texts[f"{COMPOSED}/{one.key}.yaml"] for one in self.members}
        return [name for name, text in texts.items() if not all(map(_is_shipped, _TARGET.findall(text)))]

    @property
    def stores(self) -> list[str]:
        """Files and folders of this computer that hold results."""
        known = [one.tracking for one in self.members]
        return [place for one in known for place in (one.artifacts, one.uri.removeprefix(SQLITE))]

    def _take_modules(self) -> None:
        here = Path.cwd()
        pending = [name for text in self.texts.values() for name in _TARGET.findall(text)]
        while pending:
            dotted = pending.pop()
            for path in () if _is_shipped(dotted) else _module_files(here, dotted):
                name = path.relative_to(here).as_posix()
                if name in self.own:
                    continue
                self.own[name] = path.read_bytes()
                tree = ast.parse(self.own[name])
                self.programs.append(Program(name, "module", "", (ast.get_docstring(tree) or "").partition("\n")[0]))
                pending += _imports(tree, path.relative_to(here).parent.parts)
                for file in named_in(tree, path.parent):
                    if Path(file).relative_to(here.resolve()).as_posix() not in self.texts:
                        self.named.setdefault(file, name)

    def place(self, file: str, named: Iterable[str]) -> str:
        """Return where a file of data is in the package.

        Parameters
        ----------
        file : str
            Its path on this computer.
        named : iterable of str
            The texts of the configuration that may name it or a folder above it.
        """
        path = Path(file).resolve()
        for name, value in self._variables():
            base = Path(value).resolve()
            if value and path.is_relative_to(base) and base != Path(base.anchor):
                others = [other for other in self.environment if other != name]
                folder = DATA if name not in self.environment and not others else f"{DATA}/{name.lower()}"
                folder = self.environment.setdefault(name, folder)
                return _below(folder, path.relative_to(base))
        here = Path.cwd().resolve()
        if path.is_relative_to(here):
            inside = path.relative_to(here)
            if inside.parts[0] not in _OURS and all(portable(part) == part for part in inside.parts):
                return inside.as_posix()
        for text in sorted(filter(None, named), key=len, reverse=True):
            base = (here / text).resolve()
            if path.is_relative_to(base):
                place = self.written.setdefault(text, _free(base.name, self.written.values()))
                return _below(place, path.relative_to(base))
        return f"{DATA}/{portable(path.name)}"

    def written_texts(self) -> dict[str, bytes]:
        """Return experiments and options with the places of data in the package."""
        contents = {}
        for name, text in self.texts.items():
            for before, after in sorted(self.written.items(), key=lambda item: -len(item[0])):
                text = text.replace(before, after)
            contents[name] = text.encode()
        return contents

    def without_paths(self, content: bytes) -> bytes:
        """Return a text without folders of this computer: data have their places in the package."""
        text = content.decode()
        for name, folder in self.environment.items():
            text = _replaced(text, os.environ.get(name, ""), folder)
        here = str(Path.cwd())
        for written, place in self.written.items():
            text = _replaced(text, str((Path(here) / written).resolve()), place)
        return _replaced(text, f"{here}{os.sep}", "").encode()

    def words(self, one: Member) -> list[str]:
        """Return the words of the command that fits an experiment in the package."""
        words = list(one.words)
        for before, after in self.written.items():
            words = [word.replace(before, after) for word in words]
        return words

    def _variables(self) -> Iterator[tuple[str, str]]:
        """Yield each variable of the environment that the configurations read, with its value."""
        known: dict[str, str] = {}
        for text in (*self.texts.values(), *self._shipped):
            for name, otherwise in _VARIABLE.findall(text):
                known.setdefault(name, os.environ.get(name, otherwise))
        yield from known.items()


def _free(name: str, taken: Iterable[str]) -> str:
    place = PurePosixPath(DATA, portable(name))
    return unused(str(place.with_suffix("")), taken, place.suffix)


def _is_own(path: Path) -> bool:
    """Return whether a file of configuration is the study's own, and no file of the package."""
    return not path.resolve().is_relative_to(configs.folders()[-1].parent.resolve())


def _is_shipped(dotted: str) -> bool:
    return dotted.partition(".")[0] == "digicarbon"


def _replaced(text: str, path: str, place: str) -> str:
    return text.replace(path, place) if len(path) > 1 else text


def _below(folder: str, rest: Path) -> str:
    return "/".join([folder, *(portable(part) for part in rest.parts)])


def _module_files(here: Path, dotted: str) -> Iterator[Path]:
    """Yield the file in the working directory of the longest part of a dotted name, and those of its packages."""
    parts = dotted.split(".")
    for length in range(1, len(parts) + 1):
        base = here.joinpath(*parts[:length])
        yield from (path for path in (base.with_suffix(".py"), base / "__init__.py") if path.is_file())


def _imports(tree: ast.Module, package: Sequence[str]) -> list[str]:
    names: list[str] = []
    for node in ast.walk(tree):
        match node:
            case ast.Import(names=aliases):
                names += [alias.name for alias in aliases]
            case ast.ImportFrom(module=module, level=level, names=aliases):
                base = [*package[: len(package) - level + 1]] if level else []
                base += module.split(".") if module else []
                names += [".".join([*base, alias.name]) for alias in aliases]
    return names


def texts_of(fields: Mapping[str, object]) -> list[str]:
    """Return all texts of the fields of a configuration, those of inner mappings among them."""
    texts: list[str] = []
    for value in fields.values():
        if isinstance(value, str):
            texts.append(value)
        elif isinstance(value, Mapping):
            texts += texts_of(value)
    return texts
