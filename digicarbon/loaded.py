"""The user's own modules as this process has loaded them, and how workers compute with these and no others.

A worker that starts while a sweep lasts would import a file as it is then, and its numbers would stand under the digest
of the code that was planned. What was loaded is therefore sent along, and a worker imports it instead of the file.
"""

from __future__ import annotations

import os
import secrets
import sys
import sysconfig
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, SourceFileLoader
from importlib.util import spec_from_file_location
from pathlib import Path
from types import CodeType, ModuleType


@dataclass(frozen=True)
class Source:
    """A module's source.

    Attributes
    ----------
    name : str
        As it is imported.
    file : str
        Where it stood.
    content : bytes
    """

    name: str
    file: str
    content: bytes


PROCESS = secrets.token_hex(8)
"""Tells this process from all others, on whatever machine."""
_remembered: dict[str, tuple[ModuleSpec | None, Source]] = {}
_sent: dict[str, Source] = {}
_lock = threading.RLock()


def remember(name: str) -> None:
    """Keep the source of a module, and of those of the working directory, as they have just been loaded.

    Parameters
    ----------
    name : str
        Of a module that is loaded; nothing is read again until it is loaded anew.
    """
    module = sys.modules.get(name)
    if module is not None and not _is_remembered(module):
        _remember(module)
        remember_local()


def remember_local() -> None:
    """Keep the source of the loaded modules of the working directory."""
    here = Path.cwd().resolve()
    packages = tuple(f"{sysconfig.get_path(name)}{os.sep}" for name in ("stdlib", "platstdlib", "purelib", "platlib"))
    for module in list(sys.modules.values()):
        place = getattr(module, "__file__", None)
        # almost every module is a package's: these are told by their paths alone
        if place and not place.startswith(packages) and _is_local(module, here) and not _is_remembered(module):
            _remember(module)


def sources() -> tuple[Source, ...]:
    """Return what was remembered of the modules that are loaded still."""
    return tuple(
        source for name, (_, source) in _remembered.items() if name in sys.modules and _is_remembered(sys.modules[name])
    )


def contents() -> dict[str, bytes]:
    """Return the same by file."""
    return {source.file: source.content for source in sources()}


def install(sent: Sequence[Source]) -> None:
    """Have this process import modules as they were sent, whatever their files hold.

    Parameters
    ----------
    sent : sequence of Source
        A module that is loaded otherwise is forgotten, with all the others, and imported anew when it is asked for.
    """
    with _lock:
        if all(_sent.get(source.name) == source for source in sent):
            return
        for source in sent:
            _sent[source.name] = source
            sys.modules.pop(source.name, None)
        if not any(isinstance(finder, _Finder) for finder in sys.meta_path):
            sys.meta_path.insert(0, _Finder())


class _Finder(MetaPathFinder):
    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        source = _sent.get(fullname)
        return None if source is None else spec_from_file_location(fullname, source.file, loader=_Loader(source))


class _Loader(SourceFileLoader):
    def __init__(self, source: Source) -> None:
        super().__init__(source.name, source.file)
        self._content = source.content

    def get_code(self, fullname: str) -> CodeType:
        code: CodeType = self.source_to_code(self._content, self.path)
        return code


def _is_remembered(module: ModuleType) -> bool:
    # a module that is loaded anew keeps its identity, but for its specification
    known = _remembered.get(module.__name__)
    return known is not None and known[0] is getattr(module, "__spec__", None)


def _remember(module: ModuleType) -> None:
    file = getattr(module, "__file__", None)
    if file and file.endswith(".py") and Path(file).is_file():
        source = Source(module.__name__, file, Path(file).read_bytes())
        _remembered[module.__name__] = getattr(module, "__spec__", None), source


def _is_local(module: ModuleType, here: Path) -> bool:
    """Return whether a module stands in the working directory and is not installed."""
    place = Path(str(module.__file__))
    if module.__name__.split(".")[0] in ("digicarbon", "hydra_plugins", "__main__") or "site-packages" in place.parts:
        return False
    return place.resolve().is_relative_to(here)
