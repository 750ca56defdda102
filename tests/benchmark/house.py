"""The house in numbers: names at the top, lines, a walk of five fits, places that read words or know an estimator.

``python tests/benchmark/house.py`` measures this repository. With a folder as its argument it measures the copy there,
installed in the environment of that Python.
"""

from __future__ import annotations

import ast
import os
import sys
import tempfile
import tomllib
from pathlib import Path
from types import FrameType

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from code_facts import distribution, imported, ladders, readings

REPOSITORY = Path(sys.argv[1]).resolve() if sys.argv[1:] else Path(__file__).resolve().parents[2]
PACKAGE = REPOSITORY / "digicarbon"
# the p values of the standard errors: the walk of earlier versions, which had no draws
COMMAND = ["run", "table7_spatial_w1", "executor=sequential", "inference=classic"]


def lines(file: Path) -> tuple[int, int]:
    """Return the lines of a file, and those without docstrings, comments and blanks."""
    text = file.read_text(encoding="utf-8")
    words: set[int] = set()
    for node in ast.walk(ast.parse(text)):
        # a text that stands alone
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            words |= set(range(node.lineno, (node.end_lineno or node.lineno) + 1))
    every = text.splitlines()
    code = [line for n, line in enumerate(every, 1) if n not in words and line.strip() and line.lstrip()[0] != "#"]
    return len(every), len(code)


def walk() -> tuple[int, int, int]:
    """Return files, functions and calls of the package in a command of five fits, after one that has made the store."""
    from digicarbon.__main__ import main

    calls: dict[tuple[str, str], int] = {}
    root = str(PACKAGE)

    def note(frame: FrameType, event: str, _: object) -> None:
        if event == "call" and frame.f_code.co_filename.startswith(root) and not frame.f_code.co_name.startswith("<"):
            key = frame.f_code.co_filename, frame.f_code.co_qualname
            calls[key] = calls.get(key, 0) + 1

    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        main(["run", "config", "executor=sequential"])
        sys.setprofile(note)
        try:
            main(COMMAND)
        finally:
            sys.setprofile(None)
            os.chdir(REPOSITORY)
    return len({file for file, _ in calls}), len(calls), sum(calls.values())


if __name__ == "__main__":
    files = [file for file in PACKAGE.rglob("*.py") if "plugins" not in file.parts]
    every, code = map(sum, zip(*map(lines, files), strict=True))
    top = [item.stem for item in PACKAGE.iterdir() if item.suffix == ".py" or (item / "__init__.py").exists()]
    walked = walk()
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted = [*project["dependencies"], *(one for extra in project["optional-dependencies"].values() for one in extra)]
    undeclared = imported(PACKAGE) - {distribution(requirement) for requirement in wanted}
    sys.stdout.write(f"names at the top: {len(top)}\nfiles: {len(files)}\nlines: {every}, {code} of them code\n")
    sys.stdout.write(f"{' '.join(COMMAND)}: {walked[0]} files, {walked[1]} functions, {walked[2]} calls\n")
    sys.stdout.write(f"places outside model/ that ask for a model's class: {len(ladders(PACKAGE))}\n")
    sys.stdout.write(f"places that read the words of a note or an error: {len(readings(PACKAGE))}\n")
    sys.stdout.write(f"undeclared imports: {len(undeclared)} {' '.join(sorted(undeclared))}\n")
