"""The user's own modules as this process loaded them, so that workers compute with the same code.

A worker that starts during a sweep would import the current file, which may have changed, and record its numbers under
the digest of the planned code. The loaded source is therefore sent to the worker, which imports it instead of the file.
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

    ``name``: the name under which it is imported. ``file``: its path.
    """

    name: str
    file: str
    content: bytes


PROCESS = secrets.token_hex(8)
"""An id that distinguishes this process from all others on all machines."""
_OURS = ("digicarbon", "hydra_plugins", "__main__")
_stored: dict[str, tuple[ModuleSpec | None, Source]] = {}
_sent: dict[str, Source] = {}
_lock = threading.RLock()


def remember(name: str) -> None:
    """Store the source of a module just loaded, and of the loaded modules of the working directory.

    ``name``: the name of a loaded module; its source is read again only after the module is reloaded.
    """
    module = sys.modules.get(name)
    if module is not None and not _is_stored(module):
        _store(module)
        remember_local()


def remember_local() -> None:
    """Store the source of the loaded modules of the working directory."""
    here = Path.cwd().resolve()
    packages = tuple(f"{sysconfig.get_path(name)}{os.sep}" for name in ("stdlib", "platstdlib", "purelib", "platlib"))
    installed = f"{os.sep}site-packages{os.sep}"
    for module in list(sys.modules.values()):
        place = getattr(module, "__file__", None)
        # almost all modules are ours or installed packages, which their names and paths alone identify
        if not place or place.startswith(packages) or installed in place:
            continue
        if module.__name__.partition(".")[0] in _OURS or not Path(place).resolve().is_relative_to(here):
            continue
        if not _is_stored(module):
            _store(module)


def sources() -> tuple[Source, ...]:
    """Return the stored sources of modules that are still loaded."""
    return tuple(
        source for name, (_, source) in _stored.items() if name in sys.modules and _is_stored(sys.modules[name])
    )


def contents() -> dict[str, bytes]:
    """Return the content of `sources` by file."""
    return {source.file: source.content for source in sources()}


def install(sent: Sequence[Source]) -> None:
    """Make this process import modules from the sources sent to it, not from their files.

    ``sent``: if one differs from the source in use, all modules in ``sent`` are unloaded, and imported again on the
    next use.
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


def _is_stored(module: ModuleType) -> bool:
    # reloading keeps the module object, but replaces its `__spec__`
    known = _stored.get(module.__name__)
    return known is not None and known[0] is getattr(module, "__spec__", None)


def _store(module: ModuleType) -> None:
    file = getattr(module, "__file__", None)
    if file and file.endswith(".py") and Path(file).is_file():
        source = Source(module.__name__, file, Path(file).read_bytes())
        _stored[module.__name__] = getattr(module, "__spec__", None), source
