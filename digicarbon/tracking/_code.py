"""Tags on what computed: machine, package versions, git commit."""

from __future__ import annotations

import getpass
import json
import platform
import subprocess
from collections.abc import Mapping
from contextlib import suppress
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from types import MappingProxyType

import digicarbon

PACKAGES = ("numpy", "scipy", "pandas", "linearmodels", "spreg", "libpysal", "mlflow", "hydra-core", "joblib")


@cache
def provenance() -> Mapping[str, str]:
    """Return tags on the code: package versions, and git commit and dirty flag of the working directory."""
    tags = {
        "digicarbon.version": digicarbon.__version__,
        "mlflow.source.name": "digicarbon",
        "mlflow.source.type": "LOCAL",
        "digicarbon.host": platform.node(),
    }
    with suppress(OSError, KeyError, ImportError):
        tags["mlflow.user"] = getpass.getuser()
    found = {}
    for package in PACKAGES:
        with suppress(PackageNotFoundError):
            found[package] = version(package)
    tags["digicarbon.packages"] = json.dumps(found)
    commit = _git("rev-parse", "HEAD")
    if commit:
        tags["mlflow.source.git.commit"] = commit
        tags["digicarbon.git_dirty"] = str(bool(_git("status", "--porcelain")))
    return MappingProxyType(tags)


def _git(*arguments: str) -> str:
    try:
        done = subprocess.run(["git", *arguments], capture_output=True, text=True, encoding="utf-8", timeout=10)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""
