"""The digest of the code that a run can reach; changes that affect no number change no hash."""

from __future__ import annotations

import ast
import hashlib
import importlib.util
import re
import sys
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from digicarbon.loaded import contents, remember
from digicarbon.spec import Spec

PACKAGE = Path(__file__).parents[1]
ROOMS = ("numeric", "model", "diagnostic")
"""Sub-packages that compute. Columns and weights enter a run's hash by their values, whatever code made them."""
_TOKENS = re.compile(
    r'''\#[^\n]*|"""[\s\S]*?"""|r"""[\s\S]*?"""|\'\'\'[\s\S]*?\'\'\'|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*\''''
)
"""Comments, and texts to avoid comments inside them. Alternatives that begin with a letter are found quickest."""


@dataclass(frozen=True)
class _Source:
    """The relevant parts of a file: a hash of its code, and (module, name) of each import.

    ``imports`` also has those for type checkers only, ``needed`` does not. A relative one begins with its dots.
    """

    digest: str
    imports: tuple[tuple[str, str], ...]
    needed: frozenset[tuple[str, str]]


def code_digest(*classes: type[Spec]) -> str:
    """Return the SHA-256 of the code that ``classes`` can reach, without comments and docstrings.

    This covers the modules of this package in `ROOMS`, and the user's own modules in the working directory. Other
    packages are not covered: their versions are recorded with each run.

    ``*classes``: the classes of a model and a diagnostic.
    """
    digests = {name: _source(content, _is_ours(name)).digest for name, content in _reached(classes)}
    return hashlib.sha256("\n".join(f"{name} {digests[name]}" for name in sorted(digests)).encode()).hexdigest()


def own_file(cls: type) -> str:
    """Return the name of the file of a user's own class; empty for one that comes with digicarbon."""
    module = cls.__module__
    if module.partition(".")[0] in ("digicarbon", "builtins"):
        return ""
    return Path(str(getattr(sys.modules.get(module), "__file__", None) or f"{module}.py")).name


def own_code(cls: type[Spec]) -> dict[str, str]:
    """Return the SHA-256 of each of the user's own modules that a class can reach, by file, as in `code_digest`.

    Files are named by their modules, e.g. ``study/columns.py``; none for a class that comes with digicarbon.
    """
    if not own_file(cls):
        return {}
    sources = {name: content for name, content in _reached([cls]) if not name.startswith("digicarbon.")}
    return {_place(name): _source(sources[name], ours=False).digest for name in sorted(sources)}


def _place(name: str) -> str:
    """Return the file of a user's own module, from the folder in which its name begins."""
    place = name.replace(".", "/")
    return f"{place}/__init__.py" if _is_package(name) else f"{place}.py"


def package_digest() -> str:
    """Return the SHA-256 of all files that compute; equal in processes with the same version of the package."""
    files = sorted(
        file for room in ROOMS for part in (room, f"packs/*/{room}") for file in PACKAGE.glob(f"{part}/**/*.py")
    )
    sha = hashlib.sha256()
    for file in files:
        sha.update(file.read_bytes())
    return sha.hexdigest()


def _reached(classes: Sequence[type[Spec]]) -> Iterator[tuple[str, bytes]]:
    """Yield the name and the content of each module that classes can reach."""
    pending = sorted({base.__module__ for cls in classes for base in cls.__mro__ if issubclass(base, Spec)})
    for name in pending:
        if not name.startswith("digicarbon."):
            remember(name)
    # for modules in the working directory the loaded code counts, even if the files have changed since
    loaded = contents()
    packages = {name.partition(".")[0] for name in pending}
    seen: set[str] = set()
    imported: set[tuple[str, str]] = set()
    while pending:
        name = pending.pop()
        content = None if name in seen else _content(name, packages, loaded)
        seen.add(name)
        if content is not None:
            yield name, content
            # most modules import the same names
            needed = _source(content, _is_ours(name)).needed
            new = {(_absolute(module, name), item) for module, item in needed} - imported
            imported |= new
            pending += [_home(*one) for one in new]


def _absolute(module: str, within: str) -> str:
    """Return a module's name in full; one that begins with dots is relative to the module that imports it."""
    if not module.startswith("."):
        return module
    package = within if _is_package(within) else within.rpartition(".")[0]
    rest = module.lstrip(".")
    base = package.rsplit(".", len(module) - len(rest) - 1)[0]
    return f"{base}.{rest}" if rest else base


def _is_package(name: str) -> bool:
    return hasattr(sys.modules.get(name), "__path__")


def _content(name: str, packages: Set[str], loaded: Mapping[str, bytes]) -> bytes | None:
    """Return the source of a module that enters the digest; None for any other."""
    if name.startswith("digicarbon."):
        file = _file(name)
        return file.read_bytes() if file is not None and _computes(name) else None
    place = str(getattr(sys.modules.get(name), "__file__", None) or "")
    if place in loaded:
        return loaded[place]
    is_own = name.partition(".")[0] in packages and place.endswith(".py") and Path(place).is_file()
    return Path(place).read_bytes() if is_own else None


def _computes(name: str) -> bool:
    _, room, *inner = name.split(".")
    if room == "packs":
        # a pack has rooms of the same names
        return len(inner) > 1 and inner[1] in ROOMS
    return room in ROOMS


def _home(module: str, item: str) -> str:
    """Return the module that defines a name, which a package may only re-export."""
    inner = f"{module}.{item}"
    if not module.startswith("digicarbon."):
        return inner if item and inner in sys.modules else module
    if item and _file(inner) is not None:
        return inner
    file = _file(module)
    if file is None or file.name != "__init__.py":
        return module
    return next((home for home, name in _source(file.read_bytes(), ours=True).imports if name == item), module)


@lru_cache(1024)
def _file(name: str) -> Path | None:
    """Return the file of a module of this package, or None if there is no such module."""
    path = PACKAGE.parent.joinpath(*name.split("."))
    return next((file for file in (path.with_suffix(".py"), path / "__init__.py") if file.is_file()), None)


def _is_ours(name: str) -> bool:
    return name.startswith("digicarbon.")


@lru_cache(1024)
def _source(content: bytes, ours: bool) -> _Source:
    """Return the relevant parts of a file; those of this package are found without parsing it, which takes longer."""
    return scanned(content) if ours else parsed(content)


def parsed(content: bytes) -> _Source:
    """Return the relevant parts of any file."""
    tree = ast.parse(content)
    text = importlib.util.decode_source(content)
    lines = text.split("\n")
    imports: dict[bool, list[tuple[str, str]]] = {False: [], True: []}
    pending: list[ast.AST] = [tree]
    typed: set[ast.AST] = set()
    while pending:
        node = pending.pop()
        match node:
            case ast.Import(names=names):
                imports[node in typed] += [(alias.name, "") for alias in names]
            case ast.ImportFrom(module=module, level=level, names=names):
                imports[node in typed] += [("." * level + (module or ""), alias.name) for alias in names]
            case ast.If(test=ast.Name(id="TYPE_CHECKING"), body=body):
                typed.update(body)
        pending += [inner for inner in ast.iter_child_nodes(node) if isinstance(inner, _HOLDERS)]
        for item in getattr(node, "body", None) or ():
            match item:
                # a text that is a whole statement computes nothing
                case ast.Expr(value=ast.Constant(value=str()), lineno=start, end_lineno=int(end), col_offset=column):
                    if not lines[start - 1][:column].strip():
                        lines[start - 1 : end] = [""] * (1 + end - start)
    code = _TOKENS.sub(lambda token: "" if token[0][0] == "#" else token[0], "\n".join(lines))
    return _Source(_digest(code), (*imports[False], *imports[True]), frozenset(imports[False]))


def scanned(content: bytes) -> _Source:
    """Return the relevant parts of a file as this package writes them; a test compares them with those of `parsed`.

    A docstring has three double quotes and lines of its own, and every import stands on lines of its own.
    """
    code = _TOKENS.sub(_kept, content.decode())
    typed = "".join(match[0] for match in _TYPED.finditer(code))
    needed = list(_imports(_TYPED.sub("", code)))
    return _Source(_digest(code), (*needed, *_imports(typed)), frozenset(needed))


def _kept(token: re.Match[str]) -> str:
    text = token[0]
    if text[0] == "#":
        return ""
    if text.startswith(('"""', 'r"""')):
        code, start, end = token.string, token.start(), token.end()
        if not code[code.rfind("\n", 0, start) + 1 : start].strip() and code[end : end + 1] in ("\n", ""):
            return ""
    return text


def _imports(code: str) -> Iterator[tuple[str, str]]:
    for match in _IMPORT.finditer(code):
        names = [name.split()[0] for name in match["names"].strip("()").split(",") if name.strip()]
        yield from ((match["module"], name) if match["module"] else (name, "") for name in names)


_IMPORT = re.compile(r"^[ ]*(?:from (?P<module>[\w.]+) )?import (?P<names>\([^)]*\)|[^(\n]+)$", re.MULTILINE)
_TYPED = re.compile(r"^(?P<indent>[ ]*)if TYPE_CHECKING:\n(?:(?P=indent)[ ]+[^\n]*\n|[ ]*\n)+", re.MULTILINE)


def _digest(code: str) -> str:
    plain = "\n".join(line.rstrip() for line in code.split("\n") if line.strip())
    return hashlib.sha256(plain.encode()).hexdigest()


_HOLDERS = (ast.stmt, ast.ExceptHandler, ast.match_case)
