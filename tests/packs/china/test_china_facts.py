"""The country that is known, and old paths of what came into this pack."""

from __future__ import annotations

import pickle

import pytest
from classic import GroupedRegression

from digicarbon import data
from digicarbon.country import country
from digicarbon.diagnostic import GroupComparison
from digicarbon.errors import ConfigError
from digicarbon.packs.china import facts
from digicarbon.packs.china.importer.nbs import NbsImporter
from digicarbon.source.datafolder import LONG, datasets
from digicarbon.spec import locate


def test_the_country_says_what_general_rooms_ask_for() -> None:
    home = country()
    assert home.grouping in home.groups
    assert set(home.groups) <= set(home.units.columns)
    for name, kind in datasets().items():
        columns = {*kind.keys, *kind.values}
        assert columns & {kind.unit, f"from_{kind.unit}"}, name
        assert kind.unit == ("unit" if name == LONG.name else home.column)


def test_groups_are_those_of_the_country_where_none_are_named() -> None:
    regression = GroupedRegression(y="y", x=("x",))
    assert regression.by == country().grouping
    assert GroupComparison(model=regression.without_groups).by == country().grouping


def test_facts_are_still_found_where_they_were() -> None:
    assert data.province("北京") == "Beijing"
    assert data.tiles is facts.tiles
    # what that module imports is none of its facts
    for name in ("pd", "nothing", "__wrapped__"):
        with pytest.raises(AttributeError, match=name):
            getattr(data, name)


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
