"""Packages whose names are loaded on first use (PEP 562), because a command needs only a few of their modules.

Names that they do not have themselves may be those of packs.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

from digicarbon import pack


def lazy(package: str) -> None:
    """Load the names that a package imports under ``if TYPE_CHECKING:`` on first use.

    They are listed there once, for type checkers, editors and this function.

    ``package``: the name of the package; its ``__init__.py`` calls this function.
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
    module.__dict__["_homes"] = homes
    module.__class__ = _Package


class _Package(ModuleType):
    """A package that loads its names on first use."""

    _homes: Mapping[str, tuple[str, str]]

    def __getattr__(self, name: str) -> Any:
        if name in self._homes:
            home, item = self._homes[name]
            value = getattr(import_module(home), item)
        else:
            added = None if name.startswith("__") else pack.home(self.__name__, name)
            if added is None:
                raise AttributeError(f"module '{self.__name__}' has no attribute '{name}'")
            value = pack.item_of(*added, name)
        self.__dict__[name] = value
        return value

    def __setattr__(self, name: str, value: object) -> None:
        # `digicarbon.diagnostic.moran` stays the function even after the module of that name is loaded
        if not (isinstance(value, ModuleType) and (name in self._homes or pack.home(self.__name__, name))):
            super().__setattr__(name, value)

    def __dir__(self) -> list[str]:
        return sorted({*vars(self), *self._homes, *pack.names(self.__name__)})
