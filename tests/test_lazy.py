"""Packages that load what is asked of them, and old paths of what has moved, which configurations go on naming."""

from __future__ import annotations

import subprocess
import sys
from importlib import import_module
from types import ModuleType

import pytest

LAZY = [
    "diagnostic", "executor", "measure", "model", "outcome", "report", "report.picture", "source", "source.validation",
    "weights",
]  # fmt: skip


@pytest.mark.parametrize("name", LAZY)
def test_every_name_of_a_package_is_there(name: str) -> None:
    package = import_module(f"digicarbon.{name}")
    handed_on = package.__all__
    assert handed_on
    for item in handed_on:
        assert not isinstance(getattr(package, item), ModuleType), item
    assert set(handed_on) <= set(dir(package))
    with pytest.raises(AttributeError, match="has no attribute 'Mondel'"):
        _ = package.Mondel


def test_a_function_is_not_hidden_by_the_module_of_its_name() -> None:
    code = "import digicarbon.diagnostic.vif\nfrom digicarbon.diagnostic import vif\nassert callable(vif), vif\n"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_package_loads_what_is_asked_of_it_alone() -> None:
    code = (
        "import sys\nfrom digicarbon.model import PanelRegression\n"
        "assert 'digicarbon.model.panel_iv' not in sys.modules\n"
        "assert not any(name.startswith(('scipy.linalg', 'scipy.sparse', 'scipy.special')) for name in sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
