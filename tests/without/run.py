"""Run the core's tests in a copy of the repository from which packs are deleted.

    python tests/without/run.py policies                     # one pack; or several; or `all`
    python tests/without/run.py all tests/sweep -n 2         # words after the packs go to pytest

With a pack go its tests, the options of `conf/` whose class it has, the experiments that choose one of these, and the
field that it adds to a panel. The default experiment has the data of the simulated country; where the pack of that
country is deleted, the data that it drew are read from a file by `recorded_country`.
"""

from __future__ import annotations

import itertools
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import yaml

from digicarbon import pack
from digicarbon.config.flat import in_full
from digicarbon.panel.making import makers

HERE = Path(__file__).resolve().parent
REPOSITORY = HERE.parent.parent
OWN = sorted(file.parent.name for file in (REPOSITORY / "digicarbon" / "packs").glob("*/__init__.py"))
OF_ALL = ("tests/docs/test_*.py", "tests/packs/**/test_*.py", "tests/test_wheel.py")
"""Tests of pages and of the wheel, which are of all packs together, and those of packs, but for cases of the others."""
OF_CORE = {
    "china": [("source", name) for name in ("china", "china_2007", "china_folder")],
    "exploratory": [("report", name) for name in ("geary", "getis_ord")],
    "left_dependence": [("report", "left_dependence")],
    "placebo": [("report", "placebo")],
}
"""Options whose class is the core's, and whose data only the pack can read, or whose table only the pack makes."""
DRAWN = [("source", f"simulated{name}") for name in ("", "_fe", "_w1", "_w2", "_regions", "_nonlinear")]
STANDING = {"china": [*DRAWN, ("weights", "w1_adjacency")]}
"""Options of the default experiment and of its relatives, for which `recorded_country` has classes."""


def copy_without(packs: Sequence[str], target: Path) -> None:
    """Copy the repository into an empty folder, without packs and what belongs to them."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=REPOSITORY,
        capture_output=True,
        check=True,
        encoding="utf-8",
    )
    for name in filter(None, listed.stdout.split("\0")):
        if (REPOSITORY / name).is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(REPOSITORY / name, target / name)
    for name in packs:
        shutil.rmtree(target / "digicarbon" / "packs" / name)
        shutil.rmtree(target / "tests" / "packs" / name)
    for pattern in OF_ALL:
        for path in sorted(target.glob(pattern)):
            path.unlink()
    options = dict(options_of(packs))
    if "china" in packs:
        options = {path: choice for path, choice in options.items() if choice not in STANDING["china"]}
        stand_in = target / "tests" / "without" / "recorded_country"
        subprocess.run(
            [sys.executable, HERE / "draw.py", stand_in / "neighbours.pickle"], env=environment(REPOSITORY), check=True
        )
        announce(stand_in.parent, stand_in.name)
        (stand_in / "words").mkdir()
        kept = {f"{group}={name}" for group, name in STANDING["china"]}
        words = (REPOSITORY / "digicarbon" / "packs" / "china" / "words" / "labels.csv").read_text("utf-8").splitlines()
        rows = [words[0], *(line for line in words if line.split(",")[0] in kept or line.split(",")[1] == "choice")]
        (stand_in / "words" / "labels.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
        for path in (target / "experiments").glob("*.yaml"):
            path.write_text(re.sub(r"(?m)^instead:.*\n", "", path.read_text("utf-8")), "utf-8")
    for path in options:
        (target / path).unlink()
    design = target / "conf" / "panel" / "study.yaml"
    for field in fields_of(packs):
        design.write_text(re.sub(rf"(?m)^{field}:.*\n", "", design.read_text("utf-8")), "utf-8")
    drop_experiments(target / "experiments", set(options.values()), set(fields_of(packs)))


def options_of(packs: Sequence[str]) -> Iterator[tuple[Path, tuple[str, str]]]:
    """Yield the files of options whose class is in one of the packs, with group and name."""
    for path in sorted((REPOSITORY / "conf").rglob("*.yaml")):
        target = re.search(r"(?m)^_target_: (\S+)", path.read_text(encoding="utf-8"))
        choice = (path.parent.name, path.stem)
        if choice in [one for name in packs for one in OF_CORE.get(name, ())] or (
            target and pack.of(target[1]) in packs
        ):
            yield path.relative_to(REPOSITORY), choice


def fields_of(packs: Sequence[str]) -> list[str]:
    """Return the fields that packs add to a panel's design."""
    return [maker.field for maker in makers() if pack.of(f"{type(maker).__module__}.{type(maker).__name__}") in packs]


def drop_experiments(folder: Path, options: set[tuple[str, str]], fields: set[str]) -> None:
    """Delete the experiments that choose one of the options or fields, and those that begin with or list such one."""
    contents: dict[Path, Any] = {
        path: in_full(yaml.safe_load(path.read_text(encoding="utf-8")), path) for path in folder.glob("*.yaml")
    }
    left = options | {("panel", field) for field in fields}
    gone = {path for path, content in contents.items() if left & set(choices(content))}
    while True:
        names = {path.stem for path in gone}
        more = {
            path
            for path, content in contents.items()
            if names & {str(name) for name in [*content.get("defaults", ()), *content.get("experiments", ())]}
        }
        if more <= gone:
            break
        gone |= more
    for path in gone:
        path.unlink()


def choices(node: Any) -> Iterator[tuple[str, str]]:
    """Yield each pair of a key and a text that a file has, in lists and below dotted keys too."""
    if isinstance(node, dict):
        for key, value in node.items():
            group = str(key).removeprefix("override ").removeprefix("/").split("@")[0]
            for text in value if isinstance(value, list | dict) else [value]:
                yield group.split(".")[0], str(text)
            if "." in str(key):
                yield group.split(".")[0], group.split(".")[1]
            yield from choices(value)
    elif isinstance(node, list):
        for item in node:
            yield from choices(item)


def announce(folder: Path, package: str) -> None:
    """Leave what an installation of a pack leaves beside it: an entry point."""
    about = folder / f"{package}-0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 0\n", encoding="utf-8")
    (about / "entry_points.txt").write_text(f"[{pack.ENTRY_POINTS}]\n{package} = {package}\n", encoding="utf-8")


def main(words: Sequence[str]) -> int:
    """Make the copy, run the tests there, and return the status of pytest."""
    known = {*OWN, "all"}
    names = list(itertools.takewhile(known.__contains__, words))
    if not names:
        sys.exit(f"{__doc__}\nPacks: {', '.join(OWN)}, all")
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder)
        copy_without(OWN if "all" in names else names, copy)
        command = [sys.executable, "-m", "pytest", *words[len(names) :]]
        return subprocess.run(command, cwd=copy, env=environment(copy), check=False).returncode


def environment(copy: Path) -> dict[str, str]:
    """Return the environment in which a copy is the package that is imported."""
    places = (copy, copy / "digicarbon" / "plugins", copy / "tests" / "without")
    return {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, places)), "DIGICARBON_WHOLE": str(REPOSITORY)}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
