"""A rebuild of a package before it is handed out: its verdict, its time and its memory."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from digicarbon.disk import folder
from digicarbon.errors import DataError
from digicarbon.note import Note
from digicarbon.packs.deposit.package.build import BUILD, DRIVER

SHOWN = 20
"""How many lines of a failed rebuild are shown."""


def rebuilt(files: Mapping[str, bytes], data: Mapping[str, str]) -> tuple[str, Mapping[str, Any]]:
    """Rebuild a package with the installed packages; return the verdict and what was measured.

    ``files``: the contents of the package. ``data``: the place in the package of each file of data, by its path on this
    computer; those that are not passed on are needed, too. Raises DataError if a number differs, or the package cannot
    be rebuilt.
    """
    with tempfile.TemporaryDirectory(prefix="digicarbon_package-") as scratch:
        target = Path(scratch) / "package"
        folder.write(target, files, "--rebuild")
        for path, place in data.items():
            own = target / place
            own.parent.mkdir(parents=True, exist_ok=True)
            own.write_bytes(Path(path).read_bytes())
        words = [sys.executable, str(target / DRIVER), "--here"]
        done = subprocess.run(words, capture_output=True, text=True, encoding="utf-8", errors="replace", check=False)
        if done.returncode:
            said = f"{done.stdout}{done.stderr}".strip().splitlines()[-SHOWN:]
            raise DataError(Note("lines", lines=[Note("package_not_rebuilt"), *said]))
        measured: Mapping[str, Any] = json.loads((target / BUILD / "measured.json").read_text(encoding="utf-8"))
        return done.stdout.strip().splitlines()[-1], measured
