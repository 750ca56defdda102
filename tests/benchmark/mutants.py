"""Changes of single places in a pack's code, each of which its tests must notice.

Run: python tests/benchmark/mutants.py PACK … [--seed 1] [--count 10] [--limit 900]

Places are drawn by a seed from the operators, comparisons, numbers and truth values inside the functions of each pack,
pictures aside: most of their numbers are widths and shades, which people look at.
Each change is made in a copy of the checkout, where the pack's tests run until the first one fails. Tests that take
longer than the limit, in seconds, count as failed. The end status is 1 where a change was not noticed.
"""

from __future__ import annotations

import argparse
import ast
import os
import random
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parents[2]
OPERATORS: dict[type[ast.AST], tuple[str, str]] = {
    ast.Add: ("+", "-"),
    ast.Sub: ("-", "+"),
    ast.Mult: ("*", "/"),
    ast.Div: ("/", "*"),
    ast.And: ("and", "or"),
    ast.Or: ("or", "and"),
    ast.Lt: ("<", "<="),
    ast.LtE: ("<=", "<"),
    ast.Gt: (">", ">="),
    ast.GtE: (">=", ">"),
    ast.Eq: ("==", "!="),
    ast.NotEq: ("!=", "=="),
}


@dataclass(frozen=True)
class Change:
    """A text that stands in a file between two offsets, and what is put there."""

    path: Path
    start: int
    stop: int
    new: str

    def apply(self, folder: Path) -> str:
        """Change the file in a folder, and return the line before and after."""
        path, text = folder / self.path, (HERE / self.path).read_text()
        changed = text[: self.start] + self.new + text[self.stop :]
        path.write_text(changed)
        line = text.count("\n", 0, self.start)
        old, new = (content.splitlines()[line].strip() for content in (text, changed))
        return f"{self.path}:{line + 1}\n  - {old}\n  + {new}"


def places(path: Path) -> Iterator[Change]:
    """Yield the changes that may be made in a file."""
    text = (HERE / path).read_text()
    starts = [0]
    for line in text.encode().splitlines(keepends=True):
        starts.append(starts[-1] + len(line))
    source = text.encode()

    def offset(line: int, column: int) -> int:
        return len(source[: starts[line - 1] + column].decode())

    def between(left: ast.expr, right: ast.expr, operator: ast.AST) -> Iterator[Change]:
        if type(operator) not in OPERATORS:
            return
        old, new = OPERATORS[type(operator)]
        start = offset(left.end_lineno or 0, left.end_col_offset or 0)
        place = text.find(old, start, offset(right.lineno, right.col_offset))
        if place >= 0:
            yield Change(path, place, place + len(old), new)

    def inside(node: ast.AST) -> Iterator[ast.AST]:
        """Yield what is computed: neither annotations nor texts."""
        yield node
        for name, value in ast.iter_fields(node):
            if name in ("annotation", "returns", "decorator_list"):
                continue
            for child in value if isinstance(value, list) else [value]:
                if isinstance(child, ast.AST) and not isinstance(child, ast.JoinedStr):
                    yield from inside(child)

    functions = [node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.FunctionDef)]
    found: dict[tuple[int, int], Change] = {}
    for node in (node for function in functions for statement in function.body for node in inside(statement)):
        options: list[Change] = []
        if isinstance(node, ast.BinOp):
            options += between(node.left, node.right, node.op)
        elif isinstance(node, ast.BoolOp):
            options += between(node.values[0], node.values[1], node.op)
        elif isinstance(node, ast.Compare):
            options += between(node.left, node.comparators[0], node.ops[0])
        elif isinstance(node, ast.Constant) and isinstance(node.value, (bool, int, float)):
            start = offset(node.lineno, node.col_offset)
            stop = offset(node.end_lineno or 0, node.end_col_offset or 0)
            new = str(not node.value) if isinstance(node.value, bool) else str(node.value + 1)
            options.append(Change(path, start, stop, new))
        found |= {(change.start, change.stop): change for change in options}
    yield from found.values()


def copied(folder: Path) -> Path:
    """Copy the files that git knows into a folder."""
    listed = subprocess.run(["git", "ls-files"], cwd=HERE, capture_output=True, text=True, check=True)
    for name in listed.stdout.splitlines():
        if (HERE / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(HERE / name, folder / name)
    return folder


def noticed(folder: Path, tests: list[str], limit: float) -> bool:
    """Return whether a test fails in the copy."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(folder), str(folder / "digicarbon" / "plugins")])}
    command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", "-m", "not outside", *tests]
    try:
        ended = subprocess.run(command, cwd=folder, env=environment, capture_output=True, timeout=limit, check=False)
    except subprocess.TimeoutExpired:
        return True
    return ended.returncode != 0


def main() -> int:
    """Change places of packs, run their tests, and say what was noticed."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("packs", nargs="+")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--count", type=int, default=10)
    parser.add_argument("--limit", type=float, default=900.0)
    options, left = parser.parse_args(), 0
    with tempfile.TemporaryDirectory() as name:
        folder = copied(Path(name))
        for pack in options.packs:
            files = sorted((HERE / "digicarbon" / "packs" / pack).rglob("*.py"))
            files = [file for file in files if "picture" not in file.parts]
            changes = [change for file in files for change in places(file.relative_to(HERE))]
            tests = [f"tests/packs/{pack}"]
            if noticed(folder, tests, options.limit):
                sys.exit(f"The tests of {pack} fail before anything is changed.")
            for change in random.Random(f"{options.seed} {pack}").sample(changes, min(options.count, len(changes))):
                lines = change.apply(folder)
                dead = noticed(folder, tests, options.limit)
                left += not dead
                sys.stdout.write(f"{'noticed' if dead else 'NOT NOTICED'} {pack} {lines}\n")
                sys.stdout.flush()
                shutil.copy2(HERE / change.path, folder / change.path)
    return int(left > 0)


if __name__ == "__main__":
    sys.exit(main())
