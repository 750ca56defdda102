"""What the package imports is declared, and what is declared is imported."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

from conftest import REPOSITORY

PLANNED = {"spreg"}
"""Fixed for this project; the models with further endogenous variables will import it."""
LOADED_BY_NAME = {"dask-jobqueue", "psycopg"}
"""Imported by a name in a text: by an executor of ours, and by SQLAlchemy."""


def _name(requirement: str) -> str:
    return re.sub(r"[-_.]+", "-", re.split(r"[\s\[<>=!~;]", requirement, maxsplit=1)[0]).lower()


def _imported() -> set[str]:
    by_module = packages_distributions()
    modules = set()
    for file in (REPOSITORY / "digicarbon").rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            match node:
                case ast.Import(names=names):
                    modules |= {alias.name.partition(".")[0] for alias in names}
                case ast.ImportFrom(module=str(module), level=0):
                    modules.add(module.partition(".")[0])
    others = modules - sys.stdlib_module_names - {"digicarbon", "hydra_plugins"}
    # MLflow comes in three distributions
    return {_name("mlflow" if module == "mlflow" else by_module.get(module, [module])[0]) for module in others}


def test_every_import_is_declared_and_nothing_else() -> None:
    project = tomllib.loads(Path(REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    needed = {_name(requirement) for requirement in project["dependencies"]}
    extras = project["optional-dependencies"]
    optional = {_name(requirement) for extra in ("dask", "ray", "slurm", "team") for requirement in extras[extra]}
    imported = _imported()
    assert imported - needed - optional == set()
    assert needed - imported == PLANNED
    assert optional - imported == LOADED_BY_NAME
