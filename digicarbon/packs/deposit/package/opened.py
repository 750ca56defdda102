"""Files that the authors' own modules open: what no source of data names belongs into a package, too."""

from __future__ import annotations

import ast
import os
import sys
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from types import FrameType

from digicarbon.errors import DataError
from digicarbon.note import Note

SYSTEM = ("/usr", "/etc", "/proc", "/sys", "/dev", "/lib")
"""Folders whose files come with a computer; a user's settings and caches are where a name begins with a dot."""
CODE = (".py", ".pyc", ".pyd", ".so")
_EVENTS = frozenset({"open", "sqlite3.connect"})
_watches: list[_Watch] = []


class _Watch:
    """Keeps what modules open, until it ends."""

    def __init__(self, modules: Collection[str]) -> None:
        self.modules = frozenset(modules)
        self.read: dict[str, str] = {}
        """The module by the path of the file."""
        self.made: set[str] = set()

    def hear(self, name: object, flags: int) -> None:
        module = self._module(sys._getframe(2))
        if module is None or not isinstance(name, str | bytes | os.PathLike):
            return
        path = os.path.realpath(os.fsdecode(name))
        # what a module writes first is no source of its numbers
        if flags & (os.O_CREAT | os.O_TRUNC):
            self.made.add(path)
        elif path not in self.made and not flags & os.O_WRONLY:
            self.read.setdefault(path, module)

    def _module(self, frame: FrameType | None) -> str | None:
        """Return the module nearest to the call; None if the call comes from elsewhere."""
        while frame is not None:
            if frame.f_code.co_filename in self.modules:
                return frame.f_code.co_filename
            frame = frame.f_back
        return None


@contextmanager
def opened_by(modules: Collection[str], stores: Collection[str]) -> Iterator[dict[str, str]]:
    """Note the files that modules open for reading within the block; nothing is watched without modules.

    Modules are files below the working directory, stores are folders of results, which are no data.

    Only what Python opens is seen: a library in another language may open files by itself.

    Yields what has, after the block, the name of the module by the path of each file that is data. Raises DataError if
    a file is outside the working directory, so that a package cannot hold it where the module looks for it.
    """
    data: dict[str, str] = {}
    if not modules:
        yield data
        return
    here = Path.cwd()
    names = {str(here / name): name for name in modules}
    watch = _Watch(names)
    _listen()
    _watches.append(watch)
    try:
        yield data
    finally:
        _watches.remove(watch)
    code = [sys.prefix, sys.base_prefix, str(Path(__file__).parents[1]), *stores]
    for path, module in watch.read.items():
        if not Path(path).is_file() or path.endswith(CODE) or _below(path, code) or "__pycache__" in Path(path).parts:
            continue
        if _below(path, [str(here)]):
            data[path] = names[module]
        elif not (_below(path, SYSTEM) or any(part.startswith(".") for part in Path(path).parts)):
            raise DataError(Note("package_reads_outside", module=names[module], file=path))


def named_in(tree: ast.Module, folder: Path) -> Iterator[str]:
    """Yield files below the working directory that texts in a module of a folder name: a library may open them."""
    here = Path.cwd()
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and not node.value.endswith(CODE):
            for place in (here / node.value, folder / node.value):
                # most texts are too long for the name of a file
                with suppress(OSError):
                    if place.is_file() and _below(path := os.path.realpath(place), [str(here)]):
                        yield path


def _below(path: str, folders: Collection[str]) -> bool:
    return any(Path(path).is_relative_to(os.path.realpath(folder)) for folder in folders)


@cache
def _listen() -> None:
    """Have Python report what it opens; it cannot be asked to stop."""
    sys.addaudithook(_hear)


def _hear(event: str, arguments: tuple[object, ...]) -> None:
    if _watches and event in _EVENTS:
        flags = arguments[2] if len(arguments) > 2 else 0
        for watch in _watches:
            watch.hear(arguments[0], flags if isinstance(flags, int) else 0)
