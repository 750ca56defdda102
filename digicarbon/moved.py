"""Old paths of what stands elsewhere now: configurations, stored runs and users' own classes go on naming them."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any


def moved(module: str, homes: Mapping[str, str]) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """Return a module's ``__getattr__`` and ``__dir__`` (PEP 562): a name is loaded from its new home on first use.

    Parameters
    ----------
    module : str
        The old home.
    homes : mapping of str to str
        The module that has each name now.
    """

    def find(name: str) -> Any:
        if name in homes:
            return getattr(import_module(homes[name]), name)
        raise AttributeError(f"module '{module}' has no attribute '{name}'")

    def names() -> list[str]:
        return sorted({*vars(sys.modules[module]), *homes})

    return find, names
