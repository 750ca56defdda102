"""What packs add to tests of all models and diagnostics: `tests/packs/NAME/cases_of_pack.py`, where a pack has one."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

PACKS = Path(__file__).parent / "packs"


@cache
def _modules() -> tuple[ModuleType, ...]:
    return tuple(map(_loaded, sorted(PACKS.glob("*/cases_of_pack.py"))))


def _loaded(file: Path) -> ModuleType:
    name = f"cases_of_{file.parent.name}"
    spec = importlib.util.spec_from_file_location(name, file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    # dataclasses look up the module that defines them
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def of_packs(name: str) -> Iterator[Any]:
    """Yield what the packs have under a name, pack by pack."""
    yield from (getattr(module, name) for module in _modules() if hasattr(module, name))


def merged(name: str) -> dict[Any, Any]:
    """Return the mappings that the packs have under a name as one."""
    return {key: value for one in of_packs(name) for key, value in one.items()}


def listed(name: str) -> list[Any]:
    """Return the items of the lists that the packs have under a name."""
    return [item for one in of_packs(name) for item in one]
