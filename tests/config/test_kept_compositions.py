"""What Hydra composed is kept, and composed anew where a file or a variable may have changed it."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from hydra._internal.config_loader_impl import ConfigLoaderImpl
from kept_sweeps import counted
from test_compose import write

from digicarbon.config import memory
from digicarbon.config.compose import Composer, loader


@pytest.fixture
def compositions(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """How often Hydra composes, with nothing kept at first."""
    count: Counter[str] = Counter()
    monkeypatch.setattr(memory, "_COMPOSED", {})
    counted(monkeypatch, count, ConfigLoaderImpl, "load_configuration", "composed")
    return count


def base(*overrides: str) -> dict[str, object]:
    return dict(Composer(loader(), "table3_baseline", overrides).requested)


def test_a_composition_is_made_once(compositions: Counter[str]) -> None:
    first = base("inference=cluster")
    assert base("inference=cluster") == first
    assert compositions["composed"] == 1
    assert base("inference=classic") != first
    assert compositions["composed"] == 2


def test_the_result_is_the_callers_own(compositions: Counter[str]) -> None:
    composer = Composer(loader(), "table3_baseline")
    composer.base.sample.first = 2013
    assert Composer(loader(), "table3_baseline").base.sample.first != 2013
    assert compositions["composed"] == 1


def test_a_file_that_changes_or_appears_counts(compositions: Counter[str]) -> None:
    first = base()
    write("conf/sample/full.yaml", "# mine\n_target_: digicarbon.sample.Sample\nfirst: 2013\n")
    assert base() != first
    write("conf/sample/full.yaml", "# mine\n_target_: digicarbon.sample.Sample\nfirst: 20140\n")
    assert "20140" in str(base()["sample"])
    Path("conf/sample/full.yaml").unlink()
    assert base() == first
    assert compositions["composed"] == 3


def test_a_variable_of_the_environment_counts(compositions: Counter[str], monkeypatch: pytest.MonkeyPatch) -> None:
    write("experiments/mine.yaml", "defaults: [config, override weights: '${oc.env:OURS}', _self_]\n")
    for name in ("w1_adjacency", "k_nearest"):
        monkeypatch.setenv("OURS", name)
        assert Composer(loader(), "mine").chosen["weights"] == name


def test_few_are_kept(compositions: Counter[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "MOST", 2)
    for name in ("classic", "cluster", "wild"):
        base(f"inference={name}")
    assert len(memory._COMPOSED) == 1
