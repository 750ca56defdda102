"""Packages that load what is asked of them, and old paths of what has moved, which configurations go on naming."""

from __future__ import annotations

import pickle
import subprocess
import sys
from importlib import import_module
from types import ModuleType

import pytest

from digicarbon.errors import ConfigError
from digicarbon.packs.china.importer.nbs import NbsImporter
from digicarbon.spec import locate

MOVED = [
    "importer.CeadsApparentImporter", "importer.CeadsEnergyImporter", "importer.CeadsSectoralImporter",
    "importer.NbsImporter", "importer.io_mrio.IOMrioImporter", "importer.io_provincial.IOProvincialImporter",
    "source.SimulatedSource", "weights.AdjacencyWeights",
]  # fmt: skip


@pytest.mark.parametrize("path", MOVED)
def test_an_old_path_names_the_class_in_its_new_home(path: str) -> None:
    found = locate(f"digicarbon.{path}", "key")
    assert isinstance(found, type)
    assert found.__module__.startswith("digicarbon.packs.china.")
    assert pickle.loads(pickle.dumps(found)) is found


def test_one_class_has_one_identity() -> None:
    assert locate("digicarbon.importer.NbsImporter", "key") is NbsImporter


def test_a_misspelt_old_name_shows_the_nearest() -> None:
    with pytest.raises(ConfigError, match=r"has no class 'NbsImportr'\. Did you mean 'NbsImporter'\?"):
        locate("digicarbon.importer.NbsImportr", "importer")


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
    code = (
        "import digicarbon.diagnostic.moran\nfrom digicarbon.diagnostic import moran\nassert callable(moran), moran\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_package_loads_what_is_asked_of_it_alone() -> None:
    code = (
        "import sys\nfrom digicarbon.model import PanelRegression\n"
        "assert 'digicarbon.packs.gmm.model.dynamic_panel' not in sys.modules\n"
        "assert not any(name.startswith(('scipy.linalg', 'scipy.sparse', 'scipy.special')) for name in sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
