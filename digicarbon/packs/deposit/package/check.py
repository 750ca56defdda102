"""The last step of a rebuild: pages of what was fitted, and its numbers against those of the package."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from digicarbon import page, recorded
from digicarbon.disk import folder as whole
from digicarbon.disk.files import put
from digicarbon.errors import DigicarbonError, counted
from digicarbon.page.words import Words
from digicarbon.recorded.differences import TOLERANCE
from digicarbon.recorded.numbers import (
    EXPECTED,
    NUMBERS,
    PLAN,
    SAME,
    Compared,
    cells_of,
    compared,
    compared_cells,
    comparison,
    numbers_of,
    read,
)
from digicarbon.tracking import Tracking
from digicarbon.version import __version__

SHOWN = 10
"""How many differences are printed, the largest first."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Write pages and ``comparison.csv``, and print the verdict; return 1 if a number differs.

    Parameters
    ----------
    arguments : sequence of str, optional
        The folder of the package, the folder that it is built in, and ``--only EXPERIMENT``.
    """
    parser = argparse.ArgumentParser(prog="digicarbon.packs.deposit.package.check")
    parser.add_argument("package", type=Path)
    parser.add_argument("build", type=Path)
    parser.add_argument("--only", action="append", default=[])
    options = parser.parse_args(arguments)
    try:
        rows = list(_rows(options.package, options.build, options.only))
    except (DigicarbonError, OSError, ValueError) as error:
        sys.stderr.write(f"The numbers cannot be compared: {error}\n")
        return 2
    put(options.build / "comparison.csv", comparison(rows))
    unequal = sorted((one for one in rows if not one.equal), key=lambda one: -one.difference)
    out = sys.stdout
    for one in unequal[:SHOWN]:
        here, there = (text or "nothing" for text in (one.expected, one.rebuilt))
        out.write(f"DIFFERS {one.experiment}, {one.run}, {one.number}: expected {here}, rebuilt {there}\n")
    if len(unequal) > SHOWN:
        out.write(f"... and {len(unequal) - SHOWN} more, see build/comparison.csv\n")
    rounded = sum(one.equal and not one.exact for one in rows)
    if rounded:
        out.write(
            f"{counted(rounded, 'number')} {'is' if rounded == 1 else 'are'} equal to {SAME:g} only, all others to "
            f"{TOLERANCE:g}: another processor rounds otherwise.\n"
        )
    out.write(f"{len(unequal)} of {counted(len(rows), 'number')} {'differs' if len(unequal) == 1 else 'differ'}.\n")
    return int(bool(unequal))


def _rows(package: Path, build: Path, only: Sequence[str]) -> Iterator[Compared]:
    plan = json.loads((package / PLAN).read_text(encoding="utf-8"))
    if __version__ != plan["version"]:
        used = f"digicarbon {__version__} is installed; the package was made with {plan['version']}."
        sys.stdout.write(f"{used}\n")
    for one in plan["experiments"]:
        name = one["name"]
        if only and name not in only:
            continue
        folder = package / EXPECTED / one["folder"]
        sweep = recorded.sweep(Tracking(), name)
        report = recorded.report_of(sweep)
        words = Words(report.language or "en")
        section = page.section(sweep, name, report, False, words)
        whole.write(build / one["folder"], page.files(section.title, [section], words)[0], "build")
        yield from compared(name, read((folder / NUMBERS).read_bytes()), numbers_of(sweep))
        rebuilt = cells_of(section.table)
        for file in one["tables"]:
            yield from compared_cells(name, file, (folder / file).read_bytes(), rebuilt.get(file, b""))


if __name__ == "__main__":
    sys.exit(main())
