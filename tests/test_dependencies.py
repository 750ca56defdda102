"""What the package imports is declared, and what is declared is imported."""

from __future__ import annotations

import sys
import tomllib
from pathlib import Path

import pytest
from code_facts import distribution, imported
from conftest import REPOSITORY

from digicarbon.errors import ConfigError
from digicarbon.executor import DaskExecutor, Executor, RayExecutor, SlurmExecutor
from digicarbon.note import note_of

LOADED_BY_NAME = {"dask-jobqueue", "psycopg"}
"""Imported by a name in a text: by an executor of ours, and by SQLAlchemy."""


@pytest.mark.long
def test_every_import_is_declared_and_nothing_else() -> None:
    project = tomllib.loads(Path(REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    needed = {distribution(requirement) for requirement in project["dependencies"]}
    extras = project["optional-dependencies"]
    optional = {
        distribution(requirement)
        for extra in ("dask", "ray", "slurm", "team", "policies", "mcp", "readers")
        for requirement in extras[extra]
    }
    found = imported(REPOSITORY / "digicarbon")
    assert found - needed - optional == set()
    assert needed - found == set()
    assert optional - found == LOADED_BY_NAME


@pytest.mark.parametrize("executor", [DaskExecutor(), RayExecutor(), SlurmExecutor()])
def test_an_executor_names_the_packages_of_its_extra(executor: Executor, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("distributed", "dask_jobqueue", "ray"):
        monkeypatch.setitem(sys.modules, module, None)
    project = tomllib.loads(Path(REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    with pytest.raises(ConfigError) as caught, executor.crew():
        pass
    note = note_of(caught.value)
    needed = " ".join(f"'{one}'" for one in project["optional-dependencies"][note["option"]])
    assert str(note).endswith(f": pip install {needed}")
