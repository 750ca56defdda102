"""Old paths of what has moved: configurations, stored runs and users' classes go on naming them."""

from __future__ import annotations

import pickle

import pytest

from digicarbon.china.importer.nbs import NbsImporter
from digicarbon.errors import ConfigError
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
    assert found.__module__.startswith("digicarbon.china.")
    assert pickle.loads(pickle.dumps(found)) is found


def test_one_class_has_one_identity() -> None:
    assert locate("digicarbon.importer.NbsImporter", "key") is NbsImporter


def test_a_misspelt_old_name_shows_the_nearest() -> None:
    with pytest.raises(ConfigError, match=r"has no class 'NbsImportr'\. Did you mean 'NbsImporter'\?"):
        locate("digicarbon.importer.NbsImportr", "importer")
