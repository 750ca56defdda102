"""Rebuilds every table and figure of this package and compares every number with those in the folder `expected`.

    python run_all.py                      in a virtual environment that it makes in build/venv
    python run_all.py --here               with the Python packages that are installed already
    python run_all.py --only EXPERIMENT    one experiment; may be repeated
    python run_all.py --data FOLDER        data that the package does not contain are searched in this folder

It needs Python and nothing else. What it makes is in the folder `build`: a page with tables and figures for each
experiment, `comparison.csv` with every number, and `measured.json` with times and memory. Its exit status is 0 if no
number differs, 1 if one does, and 2 if it cannot run.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import platform
import shutil
import subprocess
import sys
import time
import venv
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
PLAN = "software/rebuild.json"
MANIFEST = "manifest.json"
BUILD = HERE / "build"
WORK = BUILD / ".study"


def main() -> int:
    """Rebuild the package; return the exit status."""
    options = arguments()
    try:
        plan = json.loads((HERE / PLAN).read_text(encoding="utf-8"))
        changes = changed()
    except (OSError, ValueError, KeyError) as error:
        return refuse(
            f"The package is not whole: {PLAN} or {MANIFEST} is missing or damaged ({error}). Unpack the whole package "
            "into one folder again."
        )
    names = [one["name"] for one in plan["experiments"]]
    unknown = [name for name in options.only if name not in names]
    if unknown:
        return refuse(f"There is no experiment {unknown[0]} in this package. There are: {', '.join(names)}.")
    chosen = [one for one in plan["experiments"] if not options.only or one["name"] in options.only]
    say(plan["simulated"])
    for name in changes:
        say(f"Changed since the package was made: {name}")
    data, problems = find_data(plan["data"], {one["name"] for one in chosen}, options.data)
    if problems:
        return refuse("\n".join(problems))
    if not options.here and sys.version_info[:3] < tuple(map(int, plan["least_python"].split("."))):
        return refuse(
            f"This is Python {platform.python_version()}; the recorded packages need {plan['least_python']} or later. "
            f"The numbers were computed with {plan['python']}: run this program with that one, e.g. from python.org."
        )
    try:
        prepare(plan, data)
        python = sys.executable if options.here else environment(plan)
    except (OSError, subprocess.CalledProcessError) as error:
        return refuse(f"The rebuild cannot begin: {error}")
    variables = {name: str((WORK / place).resolve()) for name, place in plan["environment"].items()}
    settings = {**os.environ, **variables, "PYTHONUTF8": "1"}
    if options.here:
        # those of the package, whether they are installed or not
        settings["PYTHONPATH"] = os.pathsep.join(filter(None, [unpacked(plan), settings.get("PYTHONPATH")]))
    each: dict[str, float] = {}
    start = time.perf_counter()
    for number, one in enumerate(chosen, 1):
        say(f"[{number}/{len(chosen)}] {one['name']}: {one['title']}")
        begin = time.perf_counter()
        if call([python, "-m", "digicarbon", "run", *one["words"]], settings) > 1:
            return refuse(f"{one['name']} failed; its output is above.")
        each[one["name"]] = round(time.perf_counter() - begin, 2)
    words = [word for one in chosen for word in ("--only", one["name"])]
    status = call(
        [python, "-m", "digicarbon.packs.deposit.package.check", str(HERE), str(BUILD), *words], settings, quiet=False
    )
    measured = {
        "python": platform.python_version(),
        "system": platform.platform(),
        "seconds": round(time.perf_counter() - start, 2),
        "peak_memory": peak_memory(),
        "experiments": each,
    }
    (BUILD / "measured.json").write_text(json.dumps(measured, indent=1) + "\n", encoding="utf-8")
    return status


def arguments() -> argparse.Namespace:
    """Return the flags of the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--here", action="store_true", help="use the installed packages")
    parser.add_argument("--only", metavar="EXPERIMENT", action="append", default=[], help="one experiment")
    parser.add_argument("--data", metavar="FOLDER", type=Path, help="where data that are not in the package lie")
    return parser.parse_args()


def changed() -> list[str]:
    """Return the files that are not as they were when the package was made."""
    files = json.loads((HERE / MANIFEST).read_text(encoding="utf-8"))["files"]
    return [name for name, sha256 in files.items() if digest(HERE / name) != sha256]


def digest(path: Path) -> str:
    """Return the SHA-256 of a file; empty if there is none."""
    if not path.is_file():
        return ""
    sha = hashlib.sha256()
    with path.open("rb") as file:
        for block in iter(lambda: file.read(1 << 20), b""):
            sha.update(block)
    return sha.hexdigest()


def find_data(files: list[dict[str, Any]], chosen: set[str], folder: Path | None) -> tuple[dict[str, Path], list[str]]:
    """Return where the data of chosen experiments lie, by their places in the package, and what is wrong.

    Files that the package does not contain are searched in the folder, if there is one.
    """
    found: dict[str, Path] = {}
    problems: list[str] = []
    if folder is not None and not folder.is_dir():
        return found, [f"--data: there is no folder {folder}."]
    beside: dict[str, list[Path]] = {}
    for path in [] if folder is None else sorted(folder.rglob("*")):
        beside.setdefault(path.name, []).append(path)
    for one in files:
        if not chosen & set(one["experiments"]):
            continue
        candidates = [HERE / one["place"], *beside.get(one["name"], [])]
        there = [path for path in candidates if path.is_file()]
        right = [path for path in there if digest(path) == one["sha256"]]
        if right:
            found[one["place"]] = right[0]
            continue
        is_right = f"The right file has {one['bytes']} bytes and the SHA-256 {one['sha256']}."
        if there:
            problems.append(f"{there[0]} is not the file that the numbers come from. {is_right}")
        else:
            problems.append(
                f"Data are missing: {one['name']}, of the source {one['source']}. Put it at {one['place']} in this "
                f"folder. {one['how']} {is_right}"
            )
    if problems:
        problems.append("Or name the folder that the data are in: python run_all.py --data FOLDER")
    return found, problems


def prepare(plan: dict[str, Any], data: dict[str, Path]) -> None:
    """Make a study in the folder `build/.study`, with an empty store."""
    for path in (WORK, *(BUILD / one["folder"] for one in plan["experiments"])):
        shutil.rmtree(path, ignore_errors=True)
    WORK.mkdir(parents=True)
    for place, path in [*((name, HERE / name) for name in plan["study"]), *data.items()]:
        target = WORK / place
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, target)


def unpacked(plan: dict[str, Any]) -> str:
    """Return a folder with the code of the packs that are part of the package."""
    folder = BUILD / ".packs"
    shutil.rmtree(folder, ignore_errors=True)
    for name in plan["packs"]:
        shutil.unpack_archive(HERE / name, folder, "zip")
    return str(folder)


def environment(plan: dict[str, Any]) -> str:
    """Return the Python of a virtual environment with the packages of the lock file, which is made once."""
    wanted = plan["python"].split(".")[:2]
    if list(map(str, sys.version_info[:2])) != wanted:
        say(f"The numbers were computed with Python {plan['python']}; this is {platform.python_version()}.")
    folder = BUILD / "venv"
    python = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    # of another place, Python or list of packages it would be another environment
    wheels = [str(HERE / name) for name in (plan["wheel"], *plan["packs"])]
    parts = [str(folder), sys.version, *(digest(Path(file)) for file in (HERE / plan["lock"], *wheels))]
    made = folder / "made.json"
    if made.is_file() and json.loads(made.read_text(encoding="utf-8")) == parts:
        say("The environment in build/venv has these packages already.")
        return str(python)
    say("Installing the packages of software/requirements.lock ...")
    venv.EnvBuilder(with_pip=True, clear=True).create(folder)
    install = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*install, "-r", str(HERE / plan["lock"]), *wheels], check=True)
    made.write_text(json.dumps(parts), encoding="utf-8")
    return str(python)


def call(words: list[str], settings: dict[str, str], quiet: bool = True) -> int:
    """Run a program in the study's folder and return its exit status; what it prints is shown if it fails."""
    done = subprocess.run(
        words, cwd=WORK, env=settings, capture_output=quiet, text=True, encoding="utf-8", errors="replace", check=False
    )
    if quiet and done.returncode > 1:
        say(done.stdout, done.stderr)
    return done.returncode


def peak_memory() -> int | None:
    """Return the bytes that the largest program so far has used; None where the system does not tell."""
    try:
        import resource
    except ImportError:
        return None
    size = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    return size if sys.platform == "darwin" else size * 1024


def refuse(sentence: str) -> int:
    """Print why the rebuild cannot be done, and return the exit status."""
    sys.stderr.write(f"{sentence}\n")
    return 2


def say(*sentences: str) -> None:
    """Print what is not empty, at once."""
    sys.stdout.write("".join(f"{one.rstrip()}\n" for one in sentences if one))
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
