"""The last step of a rebuild: numbers in the store of this folder against those of a package."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from digicarbon import page, recorded
from digicarbon.disk.files import put
from digicarbon.errors import DigicarbonError, counted
from digicarbon.package.build import EXPECTED, PLAN
from digicarbon.package.numbers import (
    NUMBERS,
    Compared,
    cells_of,
    compared,
    compared_cells,
    comparison,
    numbers_of,
    read,
)
from digicarbon.page.words import Words
from digicarbon.tracking import Tracking

SHOWN = 10
"""How many differences are printed, the largest first."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Compare, write ``comparison.csv`` and print the verdict; return 1 if a number differs.

    Parameters
    ----------
    arguments : sequence of str, optional
        The folder of the package, the folder that it is built in, and ``--only EXPERIMENT``.
    """
    parser = argparse.ArgumentParser(prog="digicarbon.package.check")
    parser.add_argument("package", type=Path)
    parser.add_argument("build", type=Path)
    parser.add_argument("--only", action="append", default=[])
    options = parser.parse_args(arguments)
    try:
        rows = list(_rows(options.package, options.only))
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
    out.write(f"{len(unequal)} of {counted(len(rows), 'number')} {'differs' if len(unequal) == 1 else 'differ'}.\n")
    return int(bool(unequal))


def _rows(package: Path, only: Sequence[str]) -> Iterator[Compared]:
    plan = json.loads((package / PLAN).read_text(encoding="utf-8"))
    for one in plan["experiments"]:
        name = one["name"]
        if only and name not in only:
            continue
        folder = package / EXPECTED / one["folder"]
        sweep = recorded.sweep(Tracking(), name)
        yield from compared(name, read((folder / NUMBERS).read_bytes()), numbers_of(sweep))
        section = page.section(sweep, name, recorded.report_of(sweep), False, Words("en"))
        rebuilt = cells_of(section.table)
        for file in one["tables"]:
            yield from compared_cells(name, file, (folder / file).read_bytes(), rebuilt.get(file, b""))


if __name__ == "__main__":
    sys.exit(main())
