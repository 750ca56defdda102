"""The software of a package: this computer, the versions in use, a lock file, and a wheel of digicarbon itself."""

from __future__ import annotations

import ast
import base64
import hashlib
import io
import os
import platform
import re
import sys
import zipfile
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from importlib.metadata import Distribution, PackageNotFoundError, distribution, packages_distributions
from pathlib import Path, PurePath
from typing import Any

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

from digicarbon import pack
from digicarbon.disk.cells import as_csv
from digicarbon.errors import DataError
from digicarbon.note import Note
from digicarbon.packs.deposit.package.facts import Package, Software
from digicarbon.packs.deposit.package.project import imports
from digicarbon.version import PACKAGE, __version__

FOLDER = "software"
LOCK_FILE = f"{FOLDER}/requirements.lock"
LICENCES = f"{FOLDER}/licences.csv"
CONTAINER = "Dockerfile"
OURS = "digicarbon"
EXTRAS = ("policies",)
"""Extras whose packages compute numbers; the lock file has them where they are installed."""
_HOME = PACKAGE
_DATE = (1980, 1, 1, 0, 0, 0)
"""Equal contents are an equal wheel."""
_COMPILED = (".so", ".pyd", ".dylib", ".dll")
_OF_PLACE = ("RECORD", "INSTALLER", "REQUESTED", "direct_url.json", "WHEEL", "METADATA", "entry_points.txt")
"""Files beside an installed distribution that are about this installation, or are written anew."""


@dataclass(frozen=True)
class _Pin:
    """An installed distribution, the conditions under which it is needed (none where it always is), and its extras."""

    installed: Distribution
    markers: frozenset[str]
    extras: frozenset[str]


def today(modules: Iterable[bytes], packs: Iterable[str] = ()) -> tuple[Software, dict[str, bytes]]:
    """Return this computer with its software, and the files that install the software.

    ``modules``: the authors' own modules, which may import packages that digicarbon does not need. ``packs``: the
    packages of the packs of other distributions that are used. Raises DataError if the rebuild could not install a
    pack.
    """
    wheels: dict[str, tuple[str, bytes] | None] = {}
    for package in packs:
        named, own = pack_wheel(package)
        wheels.setdefault(canonicalize_name(named), own)
    given = {named: own for named, own in wheels.items() if own is not None}
    more = tuple(sorted({*imported(modules), *wheels}))
    installed = packages(more)
    name, content = wheel()
    computer = Software(
        python=python(),
        system=f"{platform.system()} {platform.release()} {platform.machine()}",
        packages=installed,
        blas=_blas(),
        cpu=_cpu(),
        cores=os.cpu_count() or 1,
        memory=_memory(),
        wheel=f"{FOLDER}/{name}",
        lock_file=LOCK_FILE,
        licences=LICENCES,
        least_python=least_python(more),
        pack_wheels={named: f"{FOLDER}/{own[0]}" for named, own in given.items()},
    )
    files = {
        computer.wheel: content,
        **{f"{FOLDER}/{file}": inside for file, inside in given.values()},
        LOCK_FILE: lock_file(more, given),
        LICENCES: licences(installed),
        CONTAINER: docker_file(name, *(file for file, _ in given.values())),
    }
    return computer, files


def imported(modules: Iterable[bytes]) -> tuple[str, ...]:
    """Return the installed packages that modules of Python import themselves, digicarbon left out."""
    names = {name for content in modules for name in _imported_names(content)}
    if not names:
        # reading what is installed takes long
        return ()
    known = packages_distributions()
    every = {canonicalize_name(package) for name in names for package in known.get(name, ())}
    return tuple(sorted(every - {OURS}))


def _imported_names(content: bytes) -> set[str]:
    """Return the first parts of the names of the modules that a module imports, relative ones left out."""
    # a relative import begins with the empty name of its package
    return {name.partition(".")[0] for name in imports(ast.parse(content), ("",))} - {""}


def packages(more: tuple[str, ...] = ()) -> tuple[Package, ...]:
    """Return digicarbon and all installed packages that it and ``more`` need, in the order of their names."""
    found = dict(_closure(more))
    own = found.pop(OURS)
    direct = {canonicalize_name(need.name) for need, _ in _needs(own.installed, own.extras)} | set(more)
    return (
        _package(own.installed, True),
        *(_package(pin.installed, name in direct) for name, pin in sorted(found.items())),
    )


def licences(known: Sequence[Package]) -> bytes:
    """Return the licences of packages as CSV."""
    rows = ([one.name, one.version, one.licence, "yes" if one.direct else "no", one.url] for one in known)
    return as_csv(["package", "version", "licence", "required_itself", "url"], rows)


def lock_file(more: tuple[str, ...] = (), given: Collection[str] = ()) -> bytes:
    """Return the exact versions of all packages that digicarbon and ``more`` need, for pip, without those given."""
    lines = [
        "# Exact versions of everything that the numbers were computed with, for pip.",
        f"# Python {python()}, {platform.system()} {platform.machine()}",
    ]
    for name, pin in sorted(_closure(more).items()):
        if name != OURS and name not in given:
            only = f" ; {' or '.join(sorted(pin.markers))}" if pin.markers else ""
            lines.append(f"{pin.installed.metadata['Name']}=={pin.installed.version}{only}")
    return ("\n".join(lines) + "\n").encode()


def wheel() -> tuple[str, bytes]:
    """Return the name and the content of a wheel of this installation, whether it is editable or not."""
    installed = distribution(OURS)
    version = __version__
    metadata = re.sub(r"(?m)^Version: .*$", f"Version: {version}", installed.read_text("METADATA") or "", count=1)
    beside = {"METADATA": metadata, "entry_points.txt": "[console_scripts]\ndigicarbon = digicarbon.__main__:main\n"}
    return _wheel(f"{OURS}-{version}", dict(sorted(_own_files())), beside)


def _wheel(name: str, files: Mapping[str, bytes], beside: Mapping[str, str]) -> tuple[str, bytes]:
    """Return the name and the content of a wheel for all computers, with texts beside it in ``.dist-info``."""
    about = f"{name}.dist-info"
    kind = "Wheel-Version: 1.0\nGenerator: digicarbon\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    texts = {**beside, "WHEEL": kind}
    every = {**files, **{f"{about}/{file}": texts[file].encode() for file in sorted(texts)}}
    record = [f"{file},sha256={_short(content)},{len(content)}\n" for file, content in every.items()]
    every[f"{about}/RECORD"] = "".join([*record, f"{about}/RECORD,,\n"]).encode()
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for file, content in every.items():
            archive.writestr(zipfile.ZipInfo(file, _DATE), content, zipfile.ZIP_DEFLATED)
    return f"{name}-py3-none-any.whl", target.getvalue()


def pack_wheel(package: str) -> tuple[str, tuple[str, bytes] | None]:
    """Return the name of a pack's distribution with a wheel of it; None if an index of packages has it for pip.

    ``package``: the package of a pack of another distribution. Raises DataError if the pack is compiled for this
    computer and was installed from a folder or a file of it.
    """
    installed = pack.distributions()[package]
    if installed is None:
        raise DataError(Note("package_pack_without_name", pack=package))
    named = installed.metadata["Name"]
    files = dict(_pack_files(package, installed))
    if compiled := [file for file in files if file.endswith(_COMPILED)]:
        if installed.read_text("INSTALLER") and not installed.read_text("direct_url.json"):
            return named, None
        raise DataError(Note("package_pack_compiled", pack=package, distribution=named, file=compiled[0]))
    beside = {name: text for name in ("METADATA", "entry_points.txt") if (text := installed.read_text(name))}
    for file in installed.files or ():
        if file.parts[0].endswith(".dist-info") and file.name not in _OF_PLACE:
            beside["/".join(file.parts[1:])] = file.read_text()
    return named, _wheel(f"{re.sub(r'[-_.]+', '_', named)}-{installed.version}", files, beside)


def _pack_files(package: str, installed: Distribution) -> Iterator[tuple[str, bytes]]:
    """Yield the files of a pack's distribution as a wheel has them; an editable one has those that its code imports."""
    base = pack.folder(package).parents[package.count(".")]
    here = [file for file in installed.files or () if _is_code(file) and base.joinpath(file).is_file()]
    if any(file.parts[0] == package.partition(".")[0] for file in here):
        yield from ((file.as_posix(), base.joinpath(file).read_bytes()) for file in here)
        return
    pending, seen = [package.partition(".")[0]], set()
    while pending:
        name = pending.pop()
        seen.add(name)
        for path in _files(base / name) if (base / name).is_dir() else [base / f"{name}.py"]:
            content = path.read_bytes()
            yield path.relative_to(base).as_posix(), content
            for other in _imported_names(content) if path.suffix == ".py" else ():
                places = (base / other / "__init__.py", base / f"{other}.py")
                if other not in seen and other not in pending and any(map(Path.exists, places)):
                    pending.append(other)


def _is_code(file: PurePath) -> bool:
    return not (file.parts[0] == ".." or file.parts[0].endswith(".dist-info") or "__pycache__" in file.parts)


def python() -> str:
    """Return the version of Python; some systems write + behind theirs, which no container has."""
    return platform.python_version().rstrip("+")


def least_python(more: tuple[str, ...] = ()) -> str:
    """Return the earliest Python of this line of versions that the locked packages accept, e.g. 3.11.5."""
    about: list[Any] = [pin.installed.metadata.json for pin in _closure(more).values()]
    accepted = [SpecifierSet(one.get("requires_python") or "") for one in about]
    major, minor, micro = sys.version_info[:3]
    versions = (f"{major}.{minor}.{patch}" for patch in range(micro + 1))
    return next((one for one in versions if all(one in each for each in accepted)), python())


def docker_file(*wheels: str) -> bytes:
    """Return the description of a container with this version of Python, in which the package is rebuilt."""
    return (
        f'# docker build -t package . && docker run --rm -v "$PWD/build:/package/build" package\n'
        f"FROM python:{python()}-slim\n"
        "WORKDIR /package\n"
        f"COPY {FOLDER} {FOLDER}\n"
        f"RUN pip install --no-cache-dir -r {LOCK_FILE} {' '.join(f'{FOLDER}/{one}' for one in wheels)}\n"
        "COPY . .\n"
        'ENTRYPOINT ["python", "run_all.py", "--here"]\n'
    ).encode()


def _blas() -> str:
    """Return the library of linear algebra that NumPy uses, with its version."""
    # loads the library
    import numpy as np
    from threadpoolctl import threadpool_info

    known = [one for one in threadpool_info() if one["user_api"] == "blas"]
    if known:
        # the kernels for a processor decide the last digits
        named = (f"{one['internal_api']} {one['version']} ({one.get('architecture') or 'any'})" for one in known)
        return ", ".join(sorted(dict.fromkeys(named)))
    built: Any = np.show_config(mode="dicts")
    own = built["Build Dependencies"]["blas"]
    return f"{own['name']} {own.get('version', '')}".strip()


def _cpu() -> str:
    """Return the name of the processor, or its kind where the system does not tell the name."""
    with suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _memory() -> int | None:
    """Return the bytes of memory of this computer, None where the system does not tell."""
    if sys.platform != "win32":
        with suppress(ValueError, OSError, AttributeError):
            return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return None


def _package(installed: Distribution, direct: bool) -> Package:
    about: Any = installed.metadata.json
    classes = [line for line in about.get("classifier", ()) if line.startswith("License ::")]
    # some packages put the whole text of the licence there
    named = str(about.get("license") or "").strip().partition("\n")[0]
    licence = about.get("license_expression") or (classes[0].rpartition(" :: ")[2] if classes else named)
    links = [line.partition(", ")[2] for line in about.get("project_url", ())]
    url = about.get("home_page") or next(iter(links), "")
    return Package(about["name"], installed.version, licence, about.get("summary") or "", url, direct)


@cache
def _closure(more: tuple[str, ...] = ()) -> dict[str, _Pin]:
    """Return every installed distribution that digicarbon and further packages need, with other systems' conditions."""
    found: dict[str, _Pin] = {}
    pending: list[tuple[str, frozenset[str], frozenset[str]]] = [(OURS, frozenset(EXTRAS), frozenset())]
    pending += [(name, frozenset(), frozenset()) for name in more]
    while pending:
        name, extras, markers = pending.pop(0)
        key = canonicalize_name(name)
        known = found.get(key)
        if known is None:
            try:
                pin = _Pin(distribution(name), markers, extras)
            except PackageNotFoundError:
                continue
        else:
            # needed in more cases, or with more extras, than was known: what it needs itself is looked at again
            every = frozenset[str]() if not (markers and known.markers) else known.markers | markers
            pin = _Pin(known.installed, every, known.extras | extras)
            if (pin.markers, pin.extras) == (known.markers, known.extras):
                continue
        found[key] = pin
        for need, marker in _needs(pin.installed, pin.extras):
            pending.append((need.name, frozenset(need.extras), _joined(pin.markers, marker)))
    return found


def _needs(installed: Distribution, extras: frozenset[str]) -> Iterator[tuple[Requirement, str]]:
    """Yield what a distribution needs on this computer, each with its condition if that is not an extra."""
    for text in installed.requires or ():
        need = Requirement(text)
        marker = need.marker
        if marker is None:
            yield need, ""
        elif marker.evaluate({"extra": ""}):
            yield need, str(marker)
        elif any(marker.evaluate({"extra": extra}) for extra in extras):
            yield need, ""


def _joined(outer: frozenset[str], marker: str) -> frozenset[str]:
    if not outer or not marker:
        return outer or (frozenset([f"({marker})"]) if marker else frozenset())
    # packages may need each other in a circle
    return frozenset(one if marker in one else f"({one} and ({marker}))" for one in outer)


def _own_files() -> Iterator[tuple[str, bytes]]:
    """Yield the files of digicarbon as a wheel has them: configurations inside the package, plugins beside it."""
    # where it is editable, plugins are inside and configurations beside it
    folders = {OURS: _HOME, "hydra_plugins": _HOME / "plugins/hydra_plugins"}
    if (_HOME / "conf").is_dir():
        folders["hydra_plugins/digicarbon"] = _HOME.parent / "hydra_plugins/digicarbon"
    else:
        folders |= {f"{OURS}/{name}": _HOME.parent / name for name in ("conf", "experiments")}
    for place, folder in folders.items():
        for path in _files(folder):
            if place != OURS or not path.is_relative_to(_HOME / "plugins"):
                yield f"{place}/{path.relative_to(folder).as_posix()}", path.read_bytes()


def _files(folder: Path) -> list[Path]:
    every = sorted(path for path in folder.rglob("*") if path.is_file())
    return [path for path in every if "__pycache__" not in path.parts and path.suffix != ".pyc"]


def _short(content: bytes) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
