"""The last step of a rebuild: pages of what was fitted, and its numbers against those of the package."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from digicarbon import page, recorded
from digicarbon.disk import folder as whole
from digicarbon.disk.files import put
from digicarbon.errors import DigicarbonError, counted
from digicarbon.page.words import Words
from digicarbon.recorded.differences import SAME, TOLERANCE
from digicarbon.recorded.numbers import (
    Compared,
    cells_of,
    compared,
    compared_cells,
    comparison,
    expected_of,
    largest_first,
    numbers_of,
)
from digicarbon.tracking import Tracking
from digicarbon.version import __version__

SHOWN = 10
"""How many differences are printed, the largest first."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Write pages and ``comparison.csv``, and print the verdict; return 1 if a number differs.

    ``arguments``: the folder of the package, the folder that it is built in, and ``--only EXPERIMENT``.
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
    unequal = largest_first(one for one in rows if not one.equal)
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
    version, experiments = expected_of(package)
    if __version__ != version:
        used = f"digicarbon {__version__} is installed; the package was made with {version}."
        sys.stdout.write(f"{used}\n")
    for one in experiments:
        if only and one.name not in only:
            continue
        sweep = recorded.sweep(Tracking(), one.name)
        report = recorded.report_of(sweep)
        words = Words(report.language or "en")
        section = page.section(sweep, one.name, report, False, words)
        whole.write(build / one.folder.name, page.files(section.title, [section], words)[0], "build")
        yield from compared(one.name, one.numbers, numbers_of(sweep))
        rebuilt = cells_of(section.table)
        for file in one.tables:
            yield from compared_cells(one.name, file, (one.folder / file).read_bytes(), rebuilt.get(file, b""))


if __name__ == "__main__":
    sys.exit(main())
