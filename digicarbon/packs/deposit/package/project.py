"""The files of a study that a package needs: its experiments, options and modules, and where its data are put."""

from __future__ import annotations

import ast
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path, PurePosixPath
from typing import Any

import yaml

from digicarbon import pack
from digicarbon.config import files as configs
from digicarbon.config.files import GROUPS, ROOT, find, headline, lineage
from digicarbon.errors import DataError
from digicarbon.note import Note
from digicarbon.packs.deposit.lock.data import place_of
from digicarbon.packs.deposit.lock.file import END
from digicarbon.packs.deposit.package.facts import Program
from digicarbon.packs.deposit.package.member import IGNORED, Member, portable, unused
from digicarbon.packs.deposit.package.opened import named_in
from digicarbon.secret import masked
from digicarbon.source.datafolder import file_hash
from digicarbon.tracking import SQLITE

EXPERIMENTS, COMPOSED, CONF, DATA = "experiments", "experiments/composed", "conf", "data"
_OURS = ("expected", "software", "build", EXPERIMENTS, CONF)
"""Folders of a package, in which no data of the study are put."""
MOST_LETTERS = 1000
"""A longer value is no path."""
_VARIABLE = re.compile(r"\$\{oc\.env:(\w+)(?:,([^}]*))?\}")
_TARGET = re.compile(r"^\s*['\"]?_target_['\"]?\s*:\s*['\"]?([\w.]+)", re.MULTILINE)


@dataclass
class Project:
    """The files of a study, and the places of its data in the package."""

    members: Sequence[Member]
    texts: dict[str, str] = field(default_factory=dict)
    """Contents of experiments and options by their names in the package."""
    programs: list[Program] = field(default_factory=list)
    environment: dict[str, str] = field(default_factory=dict)
    """Variables that the experiments read, with the folder or file of the package that they name."""
    written: dict[str, str] = field(default_factory=dict)
    """Texts of experiments that name data outside the study's folder, with what stands in their place."""
    own: dict[str, bytes] = field(default_factory=dict)
    """The study's own Python files that its configurations name, and those that these import."""
    named: dict[str, str] = field(default_factory=dict)
    """Files that these name, each with the name of the module."""
    opened: dict[str, str] = field(default_factory=dict)
    """Files that these name or read and no source names, each with the name of the module."""
    places: dict[Path, str] = field(default_factory=dict)
    """The place in the package of each file of data that a run has read."""
    _bases: dict[Path, str] = field(default_factory=dict)
    _shipped: list[str] = field(default_factory=list)
    _taken: list[Path] = field(default_factory=list)

    def __post_init__(self) -> None:
        for one in self.members:
            for file in lineage(one.name):
                if file.name != ROOT or _is_own(file.path):
                    self._take(file.path, file.name, "option" if file.name == ROOT else "experiment", one.name)
            name = f"{COMPOSED}/{one.key}.yaml"
            self.texts[name] = masked(one.sweep.config)
            self.programs.append(Program(name, "composed", one.name, one.sweep.title))
        for section in dict.fromkeys(one.section for one in self.members if one.section):
            path = find(section)
            if path is not None:
                self._take(path, section, "experiment", section)
        self._take_options()
        self._take_modules()
        self._place_data()

    def _take(self, path: Path, name: str, kind: str, of: str) -> None:
        folder = CONF if kind == "option" else EXPERIMENTS
        place = f"{folder}/{name}.yaml"
        if place not in self.texts:
            self._taken.append(path)
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
            name: path
            for folder in configs.folders()
            for group in GROUPS
            for path in sorted((folder / group).rglob("*.yaml"))
            if _is_own(path)
            # what a pack has beside the options that are chosen comes with its code
            and ((name := _option(path, folder, group)) in chosen or not _pack_with(path))
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
    def packs(self) -> list[str]:
        """The packages of other distributions' packs that a rebuild needs.

        These are packs whose classes, options or experiments are used, which a module of the study imports, or which
        answer requests of the core: nobody names these.
        """
        texts = [*self.texts.values(), *self._shipped]
        trees = ((ast.parse(content), PurePosixPath(name).parent.parts) for name, content in self.own.items())
        named = {
            *(name for text in texts for name in _TARGET.findall(text)),
            *(name for tree, folder in trees for name in imports(tree, folder)),
        }
        used = {*map(pack.from_elsewhere, named), *map(_pack_with, self._taken)}
        return [name for name in pack.distributions() if name in used or pack.packs()[name].offers]

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
                pending += imports(tree, path.relative_to(here).parent.parts)
                for file in named_in(tree, path.parent):
                    if Path(file).relative_to(here.resolve()).as_posix() not in self.texts:
                        self.named.setdefault(file, name)

    def _place_data(self) -> None:
        """Give each file that a run has read a place of its own: two files of one name are two files."""
        hashes: dict[str, Path] = {}
        named: dict[Path, list[str]] = {}
        for one in self.members:
            for choices, file in one.read:
                path = Path(file["path"]).resolve()
                hashes.setdefault(file["sha256"], path)
                named.setdefault(path, []).extend(texts_of(choices))
        elsewhere: list[Path] = []
        bases: dict[str, Path] = {}
        for path, texts in named.items():
            if place := self._fixed(path):
                self.places[path] = place
                continue
            elsewhere.append(path)
            for text in filter(None, texts):
                base = _resolved(text)
                if path.is_relative_to(base) and base != Path(base.anchor):
                    bases[text] = base
        # folders before what is in them, so that a file has one place
        for text, base in sorted(bases.items(), key=lambda item: len(item[1].parts)):
            self.written[text] = self._place_of(base)
        for path in elsewhere:
            self.places[path] = self._place_of(path)
        self._place_unread(hashes)

    def _place_unread(self, hashes: Mapping[str, Path]) -> None:
        """Give a place to files elsewhere that a text names and no run has read, e.g. since another has their bytes.

        A `DataError` if a rebuild would need a file that no run has recorded.
        """
        here = Path.cwd().resolve()
        stores = {str(Path(store).resolve()) for store in self.stores if Path(store).is_absolute()}
        named = (node.value for text in self.texts.values() for _, node in scalars(text))
        for bare in dict.fromkeys(str(value).removeprefix(SQLITE) for value in named):
            if bare in self.written or not _is_path(bare):
                continue
            path = _resolved(bare)
            if str(path) in stores:
                self.written[bare] = f"mlruns/{portable(path.name)}"
            elif place := self._fixed(path):
                self.written[bare] = place
            elif path.is_relative_to(here):
                self.written[bare] = path.relative_to(here).as_posix()
            else:
                same = hashes.get(file_hash(path)) if path.is_file() else None
                if same is None and path.is_file():
                    self._refuse_unread(bare)
                self.written[bare] = self.places[same] if same is not None else self._place_of(path)

    def _refuse_unread(self, file: str) -> None:
        for one in self.members:
            for key, node in scalars(self.texts[f"{COMPOSED}/{one.key}.yaml"]):
                if node.value == file and key.partition(".")[0] not in IGNORED:
                    raise DataError(Note("package_file_unread", experiment=one.name, file=file, key=key))

    def _fixed(self, path: Path) -> str | None:
        """Return the place of a file that the study's folder or a variable of the environment gives it."""
        for name, value in self._variables():
            base = Path(value).resolve()
            if value and path.is_relative_to(base) and base != Path(base.anchor):
                return _below(self.environment.setdefault(name, self._folder(name, base)), path.relative_to(base))
        return _inside(path)

    def _folder(self, name: str, base: Path) -> str:
        """Return the folder of the package that a variable of the environment names."""
        alone = not self.environment and not Path(DATA).exists()
        return _inside(base) or (DATA if alone else self._free(name.lower()))

    def _place_of(self, path: Path) -> str:
        """Return the place of a file or a folder from elsewhere."""
        above = next((base for base in (path, *path.parents) if base in self._bases), None)
        if above is not None:
            return _below(self._bases[above], path.relative_to(above))
        return self._bases.setdefault(path, self._free(path.name))

    def _free(self, name: str) -> str:
        """Return a place in `DATA` that no other file of the package and none of the study has."""
        place = PurePosixPath(DATA, portable(name))
        inner = Path.cwd() / DATA
        taken = [
            *self.places.values(),
            *self._bases.values(),
            *self.environment.values(),
            *(f"{DATA}/{path.name}" for path in (inner.iterdir() if inner.is_dir() else ())),
        ]
        return unused(str(place.with_suffix("")), taken, place.suffix)

    def place(self, file: str) -> str:
        """Return where a file of data is in the package, by its path on this computer."""
        path = Path(file).resolve()
        if path not in self.places:
            self.places[path] = self._fixed(path) or self._place_of(path)
        return self.places[path]

    def moved(self, text: str) -> str:
        """Return a text with the places in the package of the data that it names as the experiments do."""
        for before, after in sorted(self.written.items(), key=lambda item: -len(item[0])):
            text = text.replace(before, after)
        return text

    def without_paths(self, text: str) -> str:
        """Return a text without folders of this computer: data have their places in the package."""
        return self._without_folders(self.moved(text))

    def _without_folders(self, text: str) -> str:
        named = {str(_resolved(written)): place for written, place in self.written.items()}
        places = {str(path): place for path, place in self.places.items()}
        for path, place in sorted((named | places).items(), key=lambda item: -len(item[0])):
            text = _replaced(text, path, place)
        for name, folder in self.environment.items():
            text = _replaced(text, os.environ.get(name, ""), folder)
        return _replaced(_replaced(text, f"{Path.cwd()}{os.sep}", ""), str(Path.cwd()), ".")

    def set_at(self, one: Member, key: str, value: object, option: str) -> tuple[str, int]:
        """Return the file in the package and the line that set a key of an experiment to a value.

        The file is empty where the command sets it, and the line is 0 where no file of the package does.

        ``key``: the key that holds the value itself and takes it from no other. ``option``: of the key's group.
        """
        if any(word.lstrip("+").startswith(f"{key}=") for word in one.overrides):
            return "", 0
        group = key.partition(".")[0]
        places = [(f"{EXPERIMENTS}/{file.name}.yaml", key) for file in lineage(one.name)]
        places += [(f"{CONF}/{ROOT}.yaml", key), (f"{CONF}/{group}/{option}.yaml", key.removeprefix(f"{group}."))]
        for place, dotted in places:
            for path, scalar in scalars(self.texts.get(place, "")):
                if (path == dotted or path.endswith(f".{dotted}")) and scalar.value == str(value):
                    return place, scalar.start_mark.line + 1
        return f"{group}={option}", 0

    def lock_of(self, one: Member) -> tuple[str, bytes] | None:
        """Return the place and the content of the lock of an experiment's plan; None if none can be passed on.

        A lock is sealed, so that one that names folders of this computer cannot be passed on without them.
        """
        if one.locked is None:
            return None
        content = one.locked.path.read_bytes()
        if self._without_folders(content.decode()).encode() != content:
            return None
        return f"{EXPERIMENTS}/{one.name}{END}", content

    def holds(self, one: Member) -> bool:
        """Return whether an experiment has the words that were locked, and its data are where they were."""
        texts = [self.texts[f"{COMPOSED}/{one.key}.yaml"], *one.words]
        return all(self.moved(text) == text for text in texts) and all(
            place_of(file["path"]) == self.place(file["path"]) for _, file in one.read
        )

    def _variables(self) -> Iterator[tuple[str, str]]:
        """Yield each variable of the environment that the configurations read, with its value."""
        known: dict[str, str] = {}
        for text in (*self.texts.values(), *self._shipped):
            for name, otherwise in _VARIABLE.findall(text):
                known.setdefault(name, os.environ.get(name, otherwise))
        yield from known.items()


def _resolved(text: str) -> Path:
    return (Path.cwd() / text).resolve()


def _inside(path: Path) -> str | None:
    """Return the place below the working directory that the package can keep; None if there is none."""
    here = Path.cwd().resolve()
    parts = path.relative_to(here).parts if path.is_relative_to(here) else ()
    kept = parts and parts[0] not in _OURS and all(portable(part) == part for part in parts)
    return "/".join(parts) if kept else None


@cache
def scalars(text: str) -> list[tuple[str, yaml.ScalarNode]]:
    """Return the dotted key of every value of a file of YAML, with its node; items of a list have the list's key."""
    with suppress(yaml.YAMLError):
        return list(_pairs(yaml.compose(text, Loader=yaml.SafeLoader), ()))
    return []


def _pairs(node: Any, above: tuple[str, ...]) -> Iterator[tuple[str, yaml.ScalarNode]]:
    if isinstance(node, yaml.ScalarNode):
        yield ".".join(above), node
    elif isinstance(node, yaml.SequenceNode):
        for item in node.value:
            yield from _pairs(item, above)
    elif isinstance(node, yaml.MappingNode):
        for name, value in node.value:
            yield from _pairs(value, (*above, str(name.value)))


def _is_path(text: str) -> bool:
    """Return whether a value names a file or a folder that only this computer has at this place."""
    path = Path(text)
    if len(text) > MOST_LETTERS or "\n" in text or len(path.parts) < 2:
        return False
    if path.is_absolute():
        # the first folder tells a path from a sentence that begins with a stroke
        return len(path.parts) > 2 and Path(*path.parts[:2]).exists()
    return path.parts[0] == ".." and _resolved(text).exists()


def _is_own(path: Path) -> bool:
    """Return whether a file of configuration is the study's own, and no file of the package."""
    return not path.resolve().is_relative_to(configs.folders()[-1].parent.resolve())


def _option(path: Path, folder: Path, group: str) -> str:
    return f"{group}/{path.relative_to(folder / group).with_suffix('').as_posix()}"


def _pack_with(path: Path) -> str:
    """Return the package of another distribution's pack that has a file of configuration; empty if none has."""
    inside = (one for one in pack.distributions() if path.resolve().is_relative_to(pack.folder(one).resolve()))
    return next(inside, "")


def _is_shipped(dotted: str) -> bool:
    return dotted.partition(".")[0] == "digicarbon"


def _replaced(text: str, path: str, place: str) -> str:
    return text.replace(path, place) if len(Path(path).parts) > 1 and Path(path).is_absolute() else text


def _below(folder: str, rest: Path) -> str:
    return "/".join([folder, *(portable(part) for part in rest.parts)])


def _module_files(here: Path, dotted: str) -> Iterator[Path]:
    """Yield the file in the working directory of the longest part of a dotted name, and those of its packages."""
    parts = dotted.split(".")
    for length in range(1, len(parts) + 1):
        base = here.joinpath(*parts[:length])
        yield from (path for path in (base.with_suffix(".py"), base / "__init__.py") if path.is_file())


def imports(tree: ast.Module, package: Sequence[str]) -> list[str]:
    """Return the dotted names that a module of a package imports."""
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
