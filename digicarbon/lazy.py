"""Packages whose names are loaded on first use (PEP 562), because a command needs only a few of their modules."""

from __future__ import annotations

import ast
import sys
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any


def lazy(package: str, moved: Mapping[str, str] | None = None, also: str = "") -> None:
    """Load the names that a package imports under ``if TYPE_CHECKING:`` on first use.

    They are listed there once, for type checkers, editors and this function.

    Parameters
    ----------
    package : str
        The name of the package; its ``__init__.py`` calls this function.
    moved : mapping of str to str, optional
        Names that moved to other modules, and the module of each: configurations, stored runs and users' own classes
        may still use the old place.
    also : str
        A module all of whose functions moved there from this package.
    """
    module = sys.modules[package]
    content = ast.parse(Path(str(module.__file__)).read_bytes())
    homes = {
        alias.asname or alias.name: (str(node.module), alias.name)
        for block in content.body
        if isinstance(block, ast.If)
        for node in block.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    if homes:
        module.__dict__["__all__"] = list(homes)
    module.__dict__["_homes"] = homes | {name: (home, name) for name, home in (moved or {}).items()}
    module.__dict__["_also"] = also
    module.__class__ = _Package


class _Package(ModuleType):
    """A package that loads its names on first use."""

    _homes: Mapping[str, tuple[str, str]]
    _also: str

    def __getattr__(self, name: str) -> Any:
        if name in self._homes:
            home, item = self._homes[name]
            value = getattr(import_module(home), item)
        else:
            value = None if name.startswith("_") or not self._also else getattr(import_module(self._also), name, None)
            # what the other module imports is none of its functions
            if getattr(value, "__module__", "") != self._also or not self._also:
                raise AttributeError(f"module '{self.__name__}' has no attribute '{name}'")
        self.__dict__[name] = value
        return value

    def __setattr__(self, name: str, value: object) -> None:
        # `digicarbon.diagnostic.moran` stays the function even after the module of that name is loaded
        if not (isinstance(value, ModuleType) and name in self._homes):
            super().__setattr__(name, value)

    def __dir__(self) -> list[str]:
        return sorted({*vars(self), *self._homes})
