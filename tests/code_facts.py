"""What the source of the package says of itself: imports, places that read words, places that know an estimator."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator, Sequence
from importlib.metadata import packages_distributions
from pathlib import Path

DECIDING = {"startswith", "endswith", "removeprefix", "removesuffix", "find", "index"}
CUTTING = DECIDING | {"partition", "rpartition", "split"}
PATTERNS = {"match", "fullmatch", "search", "findall", "finditer"}
READERS = ("note", "importer", "_failures.py")
"""Rooms and files that may read words: old sentences, notes of imported files, errors of stores and servers."""
PLACES = re.compile(r"""(?i)province|["'`]region["'`]|\bregion(\[|\s*[!=]=)|\(region\)|\bby=region\b""")
"""A province, or ``region`` as the name of a column: quoted, in a formula or in a condition."""
CELLS = {"decision", "note", "null"}
"""Columns of tables that hold notes."""
ESTIMATORS = {"DynamicPanel", "GroupedRegression", "NoModel", "PanelIV", "PanelRegression", "SpatialPanel"}


def sources(package: Path) -> Iterator[tuple[Path, ast.Module]]:
    """Yield each file below a package with its syntax tree."""
    for path in sorted(package.rglob("*.py")):
        yield path.relative_to(package), ast.parse(path.read_text(encoding="utf-8"))


def distribution(requirement: str) -> str:
    """Return the name of a distribution in its usual spelling, without versions and extras."""
    return re.sub(r"[-_.]+", "-", re.split(r"[\s\[<>=!~;]", requirement, maxsplit=1)[0]).lower()


def imported(package: Path) -> set[str]:
    """Return the distributions whose modules a package imports."""
    by_module = packages_distributions()
    modules = set()
    for _, tree in sources(package):
        for node in ast.walk(tree):
            match node:
                case ast.Import(names=names):
                    modules |= {alias.name.partition(".")[0] for alias in names}
                case ast.ImportFrom(module=str(module), level=0):
                    modules.add(module.partition(".")[0])
    others = modules - sys.stdlib_module_names - {"digicarbon", "hydra_plugins"}
    # MLflow comes in three distributions
    return {distribution("mlflow" if module == "mlflow" else by_module.get(module, [module])[0]) for module in others}


def readings(package: Path) -> list[str]:
    """Return the places that search, cut or compare the words of a note or an error."""
    places = []
    for path, tree in sources(package):
        if {*path.parts[:-1], path.name}.intersection(READERS):
            continue
        for node in ast.walk(tree):
            if isinstance(node, ast.Compare) and any(isinstance(op, ast.In | ast.NotIn) for op in node.ops):
                reads = isinstance(node.left, ast.Constant) and any(is_note(one) for one in node.comparators)
            elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                # what another package's error says may be cut, e.g. to its first line, but decides nothing
                verbs = DECIDING if is_error(node.func.value) else CUTTING
                cuts = node.func.attr in verbs and is_note(node.func.value)
                # a pattern, compiled or not, that is held against a note
                reads = cuts or (node.func.attr in PATTERNS and any(is_note(one) for one in node.args))
            elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "str":
                # the words of a cell are made by a report, which knows the language
                reads = bool(node.args) and is_cell(node.args[0])
            else:
                reads = False
            if reads:
                places.append(f"{path}:{node.lineno}")
    return places


def users(package: Path, module: str) -> set[str]:
    """Return the files that import a module."""
    return {
        path.as_posix()
        for path, tree in sources(package)
        for node in ast.walk(tree)
        if (isinstance(node, ast.ImportFrom) and node.module == module)
        or (isinstance(node, ast.Import) and module in {alias.name for alias in node.names})
    }


def ladders(package: Path) -> list[str]:
    """Return the places outside the models' own room that ask whether a model is of some class."""
    places = []
    for path, tree in sources(package):
        for node in ast.walk(tree):
            asks = isinstance(node, ast.Call) and getattr(node.func, "id", "") in ("isinstance", "issubclass")
            names = {inner.id for inner in ast.walk(node) if isinstance(inner, ast.Name)} if asks else set()
            if names & ESTIMATORS and not {"model", "script"} & set(path.parts[:-1]):
                places.append(f"{path}:{node.lineno}")
    return places


def places_named(package: Path, rooms: Sequence[str]) -> list[str]:
    """Return the lines outside some rooms that name a province, or a column of regions that no source declares."""
    lines = []
    for path, _ in sources(package):
        if not _within(path, rooms):
            text = (package / path).read_text(encoding="utf-8")
            lines += [f"{path}:{n}" for n, line in enumerate(text.splitlines(), 1) if PLACES.search(line)]
    return lines


def codes_made(package: Path, rooms: Sequence[str]) -> set[str]:
    """Return the texts in code outside some rooms: the codes of notes and errors are among them."""
    return {
        node.value
        for path, tree in sources(package)
        if not _within(path, rooms)
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }


def _within(path: Path, rooms: Sequence[str]) -> bool:
    return any(path.is_relative_to(room) for room in rooms)


def is_note(node: ast.expr) -> bool:
    """Return whether an expression is called a note or an error, e.g. ``result.notes[0]`` or ``str(error)``."""
    return bool(re.fullmatch(r"(\w+_)?notes?", called(node))) or is_error(node) or is_cell(node)


def is_cell(node: ast.expr) -> bool:
    """Return whether an expression is a cell or column of notes, e.g. ``row["note"]`` or ``frame.loc[x, "null"]``."""
    if not isinstance(node, ast.Subscript):
        return False
    keys = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
    return any(isinstance(key, ast.Constant) and key.value in CELLS for key in keys)


def is_error(node: ast.expr) -> bool:
    """Return whether an expression is called an error."""
    return bool(re.fullmatch(r"(\w+_)?errors?", called(node)))


def called(node: ast.expr) -> str:
    """Return what an expression is called, without what is done to it."""
    if isinstance(node, ast.Call) and node.args and isinstance(node.func, ast.Name) and node.func.id == "str":
        return called(node.args[0])
    if isinstance(node, ast.Subscript):
        return called(node.value)
    return node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else ""


CLOCKS = {"clock_gettime", "monotonic", "perf_counter", "process_time", "thread_time", "time"}
"""Functions of `time` that read a clock, and with ``_ns`` at their end in whole nanoseconds."""


def clocks_asserted(folder: Path) -> list[str]:
    """Return the assertions below a folder that compare the reading of a clock, or what is made of one."""
    places = []
    for path, tree in sources(folder):
        lines = set()
        functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
        rest = ast.Module([node for node in tree.body if not isinstance(node, ast.FunctionDef | ast.ClassDef)], [])
        for scope in (rest, *functions):
            made: set[str] = set()
            while found := {name for node in ast.walk(scope) if reads_clock(node, made) for name in given(node)} - made:
                made |= found
            for node in ast.walk(scope):
                if isinstance(node, ast.Assert):
                    compared = [part for part in ast.walk(node.test) if isinstance(part, ast.Compare)]
                    if any(of_clock(part, made) for one in compared for part in ast.walk(one)):
                        lines.add(node.lineno)
        places += [f"{path.as_posix()}:{line}" for line in sorted(lines)]
    return places


def reads_clock(node: ast.AST, made: set[str]) -> bool:
    """Return whether an assignment gives something that is made of a clock's reading, or of what is made of one."""
    if not isinstance(node, ast.Assign | ast.AnnAssign | ast.AugAssign | ast.NamedExpr) or node.value is None:
        return False
    return any(of_clock(part, made) for part in ast.walk(node.value))


def given(node: ast.AST) -> set[str]:
    """Return the names that an assignment gives."""
    targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
    inner = (part for target in targets if target is not None for part in ast.walk(target))
    return {part.id for part in inner if isinstance(part, ast.Name)}


def of_clock(node: ast.AST, made: set[str]) -> bool:
    """Return whether an expression reads a clock, or is one of some names."""
    if isinstance(node, ast.Call) and not node.args:
        return called(node.func).removesuffix("_ns") in CLOCKS
    return isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load) and node.id in made
