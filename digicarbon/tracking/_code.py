"""Tags on the origin of a computation: machine, package versions, git commit."""

from __future__ import annotations

import getpass
import json
import platform
import re
import subprocess
from collections.abc import Mapping
from contextlib import suppress
from functools import cache
from importlib.metadata import PackageNotFoundError, distribution, version
from types import MappingProxyType

from digicarbon.version import __version__

PACKAGES = ("numpy", "scipy", "pandas", "linearmodels", "spreg", "libpysal", "mlflow", "hydra-core", "joblib")

DRAW = ("matplotlib", "shapely", "geopandas", "cnmaps")
"""Packages that take part in pictures."""

COMMIT = "mlflow.source.git.commit"
"""Tag of a run: the commit of the working directory."""
VERSION, VERSIONS, DIRTY = "digicarbon.version", "digicarbon.packages", "digicarbon.git_dirty"
"""Tags of a run: our version, those of packages as JSON, and whether the commit lacks changes."""
_VERSION = re.compile(r"^Version: (\S+)", re.MULTILINE)
READ = ("conf", "experiments", "*.py")
"""What a run may read of a working directory, as git's path patterns."""


@cache
def versions() -> Mapping[str, str]:
    """Return the versions of the packages that compute and draw, as far as they are installed."""
    found = {}
    for package in (*PACKAGES, *DRAW):
        with suppress(PackageNotFoundError):
            # the rest of the file, licences and descriptions, takes long to parse
            match = _VERSION.search(distribution(package).read_text("METADATA") or "")
            found[package] = match[1] if match else version(package)
    return MappingProxyType(found)


@cache
def provenance() -> Mapping[str, str]:
    """Return tags on the code: package versions, and git commit and dirty flag of the working directory."""
    tags = {
        VERSION: __version__,
        "mlflow.source.name": "digicarbon",
        "mlflow.source.type": "LOCAL",
        "digicarbon.host": platform.node(),
    }
    with suppress(OSError, KeyError, ImportError):
        tags["mlflow.user"] = getpass.getuser()
    tags[VERSIONS] = json.dumps({name: found for name, found in versions().items() if name in PACKAGES})
    commit = _git("rev-parse", "HEAD")
    if commit:
        tags[COMMIT] = commit
        tags[DIRTY] = str(uncommitted())
    return MappingProxyType(tags)


def recorded_versions(tags: Mapping[str, str]) -> dict[str, str]:
    """Return the versions of digicarbon and of packages, by the tags of a run."""
    return {"digicarbon": tags.get(VERSION, ""), **json.loads(tags.get(VERSIONS, "{}"))}


def uncommitted() -> bool:
    """Return whether the working directory's repository differs from its commit in something that may change numbers.

    Such a difference is a change of a file that git tracks, outside ``mlruns``, or an untracked and not ignored file
    that a run may read: in ``conf`` or ``experiments``, or Python.
    """
    changed = ("status", "--porcelain", "--untracked-files=no", "--", ":/", ":(exclude)mlruns")
    new = ("ls-files", "--others", "--exclude-standard", "--", *READ, ":(exclude)mlruns")
    return bool(_git(*changed) or _git(*new))


def commit_named(name: str) -> str:
    """Return the commit that Git knows by a name, e.g. a tag or ``HEAD~1``; empty if there is none."""
    return "" if name.startswith("-") else _git("rev-parse", "--verify", "--quiet", f"{name}^{{commit}}")


def _git(*arguments: str) -> str:
    try:
        process = subprocess.run(["git", *arguments], capture_output=True, text=True, encoding="utf-8", timeout=10)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return process.stdout.strip() if process.returncode == 0 else ""
