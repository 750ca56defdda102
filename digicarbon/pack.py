"""Packs: features that stand upright beside the core, found by their declarations.

A pack is a folder with all of a feature: its kernel, models, diagnostics, reports, pictures, simulated sources, scripts
and words. Its ``__init__.py`` declares a `Pack` named ``PACK``. The core finds the packs in the folder ``packs``, and
those of other distributions by the entry point ``digicarbon.packs``, which names such a module. The core imports
nothing of a pack by name.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache, partial
from importlib import import_module
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from importlib.metadata import Distribution

ENTRY_POINTS = "digicarbon.packs"
_broken: dict[str, BrokenPackError] = {}
_FOLDER = Path(__file__).parent / "packs"
_ROOT = "digicarbon."


class BrokenPackError(ImportError):
    """A pack of another distribution cannot be loaded, or declares what it does not have."""

    def __init__(self, package: str, reason: str) -> None:
        super().__init__(f"the pack {package} (distribution {distribution(package)}) cannot be loaded: {reason}")
        self.package = package
        self.reason = reason


@dataclass(frozen=True, eq=False)
class Pack:
    """What a pack declares; modules are named from the pack's own package on, e.g. ``model.quantile``.

    Attributes
    ----------
    names : mapping of str to mapping of str to str
        What the pack adds to a room of the core, e.g. to ``model``: names, and the module that defines each. A
        configuration then names ``digicarbon.model.PanelQuantile``.
    former : mapping of str to str
        Modules that were elsewhere in earlier versions, without ``digicarbon.``, and where they are in the pack; those
        in them follow. A module that has the same place in the pack as it had in the core need not be named.
    offers : mapping of str to str
        What the pack does where the core, or another pack, asks for it: the name of the request, and a module with the
        name of a function or an object in it, e.g. ``diagnostic.spatial_choice:log_marginal``. Who asks says what it
        takes.
    """

    names: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    former: Mapping[str, str] = field(default_factory=dict)
    offers: Mapping[str, str] = field(default_factory=dict)


@cache
def packs() -> Mapping[str, Pack]:
    """Return the packs by the names of their packages: those that come with digicarbon, then others."""
    own = [f"{_ROOT}packs.{file.parent.name}" for file in sorted(_FOLDER.glob("*/__init__.py"))]
    known: dict[str, Pack] = {name: import_module(name).PACK for name in own}
    for package in distributions():
        try:
            with _loading(package):
                known[package] = _declared(package)
        except BrokenPackError as error:
            _broken[package] = error
    return known


def refuse_broken() -> None:
    """Raise a `BrokenPackError` if a pack of another distribution was left out since it cannot be loaded."""
    packs()
    for error in _broken.values():
        raise error


@contextmanager
def _loading(package: str) -> Iterator[None]:
    """Turn any error of a pack's modules into one that names the pack; those that come with digicarbon stay."""
    try:
        yield
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        if package.startswith(_ROOT) or isinstance(error, BrokenPackError):
            raise
        raise BrokenPackError(package, f"{type(error).__name__}: {error}") from error


def _declared(package: str) -> Pack:
    """Return the declaration of a pack of another distribution, whose modules are all there."""
    declared = import_module(package).PACK
    if not isinstance(declared, Pack):
        raise BrokenPackError(package, f"PACK in {package} is no digicarbon.pack.Pack")
    named = [module for names in declared.names.values() for module in names.values()]
    for module in dict.fromkeys([*named, *(place.partition(":")[0] for place in declared.offers.values())]):
        if find_spec(f"{package}.{module}") is None:
            raise BrokenPackError(package, f"PACK names the module {module}, but there is no {package}.{module}")
    return declared


@cache
def distributions() -> Mapping[str, Distribution | None]:
    """Return the distributions of the packs of others by the names of their packages."""
    # slow to import, and not needed for a version or a help
    from importlib.metadata import entry_points

    return {point.value: point.dist for point in sorted(entry_points(group=ENTRY_POINTS), key=lambda one: one.value)}


def home(room: str, name: str) -> tuple[str, str] | None:
    """Return the pack that adds a name to a room of the core, and its module that defines it; None if none does.

    ``room``: for example ``digicarbon.model``.
    """
    room = room.removeprefix(_ROOT)
    for package, pack in packs().items():
        if (module := pack.names.get(room, {}).get(name)) is not None:
            return package, module
    return None


def named(package: str) -> str:
    """Return the name of a pack, e.g. ``policies``; a pack of another distribution has its package's name."""
    return package.removeprefix(f"{_ROOT}packs.")


def of(target: str) -> str:
    """Return the name of the pack that a class comes from, by the path that names it; empty if from none."""
    room, _, name = target.rpartition(".")
    if (added := home(room, name)) is not None:
        return named(added[0])
    if room.startswith(_ROOT) and not _has(_FOLDER.parent, room.removeprefix(_ROOT)):
        target = _moved(room) or target
    return next((named(package) for package in packs() if f"{target}.".startswith(f"{package}.")), "")


def distribution(package: str) -> str:
    """Return the name of the distribution that announces a pack, by the pack's package; the package if it has none."""
    known = distributions().get(package)
    return package if known is None else str(known.metadata["Name"])


def from_elsewhere(target: str) -> str:
    """Return the package of another distribution's pack that has a class or a module; empty if none has."""
    package = of(target)
    return package if package in distributions() else ""


def offered(request: str) -> list[Any]:
    """Return what packs offer to a request, in the order of the packs; an empty list if none does."""
    places = [(package, pack.offers[request]) for package, pack in packs().items() if request in pack.offers]
    return [_object(package, place) for package, place in places]


def _object(package: str, place: str) -> Any:
    module, _, name = place.partition(":")
    return item_of(package, module, name)


def item_of(package: str, module: str, name: str) -> Any:
    """Return what a module of a pack defines under a name.

    Raises BrokenPackError if the module of another distribution's pack cannot be loaded, or has no such name.
    """
    with _loading(package):
        return getattr(import_module(f"{package}.{module}"), name)


def words(table: str) -> Iterator[str]:
    """Yield the content of the file ``words/TABLE.csv`` of each pack that has one."""
    for package in packs():
        file = folder(package) / "words" / f"{table}.csv"
        if file.is_file():
            yield file.read_text(encoding="utf-8")


def places() -> list[Path]:
    """Return the folders of packs that come with other distributions: each may have ``conf`` and ``experiments``."""
    return [folder(package) for package in packs() if package in distributions()]


def folder(package: str) -> Path:
    """Return the folder of a pack, by the name of its package."""
    return Path(str(sys.modules[package].__file__)).parent


def names(room: str) -> list[str]:
    """Return the names that packs add to a room of the core."""
    room = room.removeprefix(_ROOT)
    return [name for pack in packs().values() for name in pack.names.get(room, {})]


def _moved(module: str) -> str | None:
    """Return where a module is now that an earlier version had in the core; None if no pack has it."""
    place = module.removeprefix(_ROOT)
    for package, pack in packs().items():
        for before, now in pack.former.items():
            if f"{place}.".startswith(f"{before}."):
                return f"{package}.{now}{place.removeprefix(before)}".replace("..", ".").rstrip(".")
        if _has(_FOLDER / package.rpartition(".")[2], place):
            return f"{package}.{place}"
    return None


def _has(folder: Path, place: str) -> bool:
    """Return whether a folder has a module or a package of that place."""
    path = folder / place.replace(".", "/")
    return path.with_suffix(".py").is_file() or (path / "__init__.py").is_file()


class _Former(MetaPathFinder, Loader):
    """Finds modules under the names that they had in earlier versions; asked only for what is found nowhere else."""

    def find_spec(self, name: str, path: Sequence[str] | None, target: ModuleType | None = None) -> ModuleSpec | None:
        """Return a specification of a module that is in a pack now."""
        if not name.startswith(_ROOT) or name.startswith(f"{_ROOT}packs."):
            return None
        moved = _moved(name)
        if moved is None:
            return None
        spec = ModuleSpec(name, self, loader_state=moved)
        spec.submodule_search_locations = []
        return spec

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        """Return a module that hands on what the module in the pack has."""
        return ModuleType(spec.name)

    def exec_module(self, module: ModuleType) -> None:
        """Import the module in the pack."""
        assert module.__spec__ is not None
        module.__dict__["__getattr__"] = partial(_attribute, import_module(module.__spec__.loader_state))


def _attribute(module: ModuleType, name: str) -> Any:
    """Return what a module has, or what its pack adds to the core under that name: some packages named their class."""
    if not hasattr(module, name):
        for package, pack in packs().items():
            places = [names[name] for names in pack.names.values() if name in names]
            if places and f"{module.__name__}.".startswith(f"{package}."):
                return getattr(import_module(f"{package}.{places[0]}"), name)
    return getattr(module, name)


sys.meta_path.append(_Former())
