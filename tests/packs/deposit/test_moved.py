"""A package on any computer: restricted files stay out, paths are gone, locks and seeds say what holds."""

from __future__ import annotations

import csv
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from digicarbon.__main__ import main
from digicarbon.errors import DataError
from digicarbon.packs.deposit.lock.file import digest
from digicarbon.packs.deposit.package.data import refuse_restricted
from digicarbon.packs.deposit.package.facts import DataFile, Source

pytestmark = pytest.mark.long

Capture = pytest.CaptureFixture[str]
EXPERIMENT = """# {name}
defaults: [config, override source: {source}, override measure: none, override outcome: none,
  override model: twfe, override inference: wild, override executor: sequential, _self_]
model: {{y: y, x: [x], controls: []}}
inference: {{draws: 19}}
title: {name}
"""
SOURCE = "# {name}\n_target_: digicarbon.source.TableSource\npath: {path}\nunit: city\ntime: year\n"
ANSWERS = """data:
  inside:
    files: [data/panel.csv, other/panel.csv]
    share: true
    access: none
    url: none
  closed:
    share: false
    access: Ask the office.
    url: none
"""


def frame(number: int) -> pd.DataFrame:
    draw = np.random.default_rng(number)
    rows = [(city, year) for city in "ABCDEFGH" for year in range(2001, 2007)]
    columns = {name: draw.normal(size=len(rows)).round(6) for name in ("y", "x", "z")}
    return pd.DataFrame(rows, columns=["city", "year"]).assign(**columns)


def study(folder: Path) -> Path:
    """Make a study with three files of one name: one inside, and two elsewhere, of which one is restricted."""
    here = folder / "study"
    for part in (here / "experiments", here / "conf/source", here / "data", here / "mlruns", folder / "secure"):
        part.mkdir(parents=True)
    (folder / "other").mkdir()
    frame(1).to_csv(here / "data/panel.csv", index=False)
    frame(1).to_csv(folder / "other/panel.csv", index=False)
    frame(2).to_csv(folder / "secure/panel.csv", index=False)
    (here / "conf/source/inside.yaml").write_text(SOURCE.format(name="inside", path="data/panel.csv"))
    (here / "conf/source/closed.yaml").write_text(SOURCE.format(name="closed", path=folder / "secure/panel.csv"))
    own = EXPERIMENT.format(name="own", source="inside")
    (here / "experiments/own.yaml").write_text(own.replace("draws: 19", "draws: 19, seed: 7"))
    (here / "experiments/closed.yaml").write_text(EXPERIMENT.format(name="closed", source="closed"))
    grid = "columns: {}\ngrid:\n  model.controls: [[], [z]]\n  model: [twfe, pooled]\n"
    (here / "experiments/many.yaml").write_text(EXPERIMENT.format(name="many", source="inside") + grid)
    twins = f"columns: {{A: {{}}, B: {{source.path: {folder}/other/panel.csv}}}}\n"
    (here / "experiments/twins.yaml").write_text(EXPERIMENT.format(name="twins", source="inside") + twins)
    (here / "experiments/all.yaml").write_text("# all\ndefaults: [config]\nexperiments: [own, closed, many]\n")
    (here / "experiments/package.yaml").write_text(ANSWERS)
    return here


@pytest.fixture(scope="module")
def packaged(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, Path]]:
    """The study, whose plans are locked, and its package."""
    folder = tmp_path_factory.mktemp("moved")
    here = study(folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(here)
        for name in ("own", "closed"):
            assert main(["lock", name]) == 0
        assert main(["run", "all"]) == 0
        assert main(["lock", "many"]) == 0
        assert main(["run", "many"]) == 0
        assert main(["package", "all", "--to", str(folder / "package")]) == 0
        yield here, folder / "package"


def texts(folder: Path) -> Iterator[tuple[str, bytes]]:
    """Yield every file of a package, those within archives, too."""
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            yield path.relative_to(folder).as_posix(), path.read_bytes()
            if zipfile.is_zipfile(path):
                with zipfile.ZipFile(path) as archive:
                    yield from ((f"{path.name}/{name}", archive.read(name)) for name in archive.namelist())


def test_files_of_one_name_stay_apart_and_none_is_restricted(packaged: tuple[Path, Path]) -> None:
    here, package = packaged
    restricted = (here.parent / "secure/panel.csv").read_bytes()
    wanted = json.loads((package / "software/rebuild.json").read_text(encoding="utf-8"))["data"]
    places = {one["place"]: (one["sha256"], one["shared"]) for one in wanted}
    assert places["data/panel.csv"] == (hashlib.sha256((here / "data/panel.csv").read_bytes()).hexdigest(), True)
    assert places["data/panel_2.csv"] == (hashlib.sha256(restricted).hexdigest(), False)
    assert len(places) == 2
    assert (package / "data/panel.csv").read_bytes() == (here / "data/panel.csv").read_bytes()
    assert not [name for name, content in texts(package) if restricted in content]
    assert "path: data/panel_2.csv" in (package / "conf/source/closed.yaml").read_text(encoding="utf-8")


def test_closed_data_have_no_hash_but_of_whole_files_and_no_range(packaged: tuple[Path, Path]) -> None:
    here, package = packaged
    record = json.loads((package / "data.json").read_text(encoding="utf-8"))["data"]

    def hashes(name: str) -> set[str]:
        return set(re.findall(r"\b[0-9a-f]{64}\b", json.dumps(record[name])))

    whole = hashlib.sha256((here.parent / "secure/panel.csv").read_bytes()).hexdigest()
    assert hashes("closed") == {whole}
    assert record["closed"][0]["series"] == ["x", "y"]
    # what may be passed on has all of them
    assert len(hashes("own")) > 3
    with (package / "codebook.csv").open(encoding="utf-8", newline="") as file:
        ranges = {(row["source"], row["variable"]): row["least"] for row in csv.DictReader(file)}
    assert {name: bool(least) for (source, name), least in ranges.items() if source == "closed"} == {
        "x": False,
        "y": False,
    }
    assert float(ranges["inside", "x"]) == frame(1)["x"].min()
    (line,) = [
        line
        for line in (package / "codebook.md").read_text(encoding="utf-8").splitlines()
        if line.startswith("| `x`") and "| closed |" in line
    ]
    assert f"{frame(2)['x'].min():.6g}" not in line
    readme = (package / "README.md").read_text(encoding="utf-8")
    assert "neither the least and greatest values of variables nor hashes of single series" in readme


def test_bytes_of_a_restricted_file_are_refused_under_any_name() -> None:
    hidden = DataFile("panel.csv", "data/p.csv", hashlib.sha256(b"secret").hexdigest(), 6, 1, (), False, ())
    blank = Source("a", "source", "", False, "", (), 1, 1, "", (), (), (hidden,), "instructions", ())
    refuse_restricted([blank], {"expected/a.csv": b"secrets"})
    with pytest.raises(DataError, match=r"expected/a\.csv would have the bytes of panel\.csv, which may not be passed"):
        refuse_restricted([blank], {"expected/a.csv": b"secret"})


def test_bytes_that_one_source_shares_and_another_does_not_are_left_out(tmp_path: Path) -> None:
    here = study(tmp_path)
    shutil.copy(here / "data/panel.csv", tmp_path / "secure/panel.csv")
    before = Path.cwd()
    os.chdir(here)
    try:
        assert main(["run", "own"]) == main(["run", "closed"]) == 0
        assert main(["package", "own", "closed", "--to", "../package"]) == 0
    finally:
        os.chdir(before)
    assert (
        not [path for path in (tmp_path / "package/data").rglob("*")] if (tmp_path / "package/data").exists() else True
    )


def test_no_byte_of_a_package_names_this_computer(packaged: tuple[Path, Path], tmp_path: Path, capsys: Capture) -> None:
    here, package = packaged
    folder = str(here.parent).encode()
    assert not [name for name, content in texts(package) if folder in content]
    # one fit stands for two files with the same bytes
    assert main(["lock", "twins"]) == main(["run", "twins"]) == 0
    assert main(["package", "twins", "--to", str(tmp_path / "twins")]) == 0
    written = (tmp_path / "twins/experiments/twins.yaml").read_text(encoding="utf-8")
    assert "columns: {A: {}, B: {source.path: data/panel.csv}}" in written
    assert not [name for name, content in texts(tmp_path / "twins") if folder in content]
    # an older lock, which may have paths
    lock = here / "experiments/twins.lock.json"
    node = json.loads(lock.read_text(encoding="utf-8"))
    node["versions"][0]["software"]["folder"] = str(here)
    lock.write_text(json.dumps(node), encoding="utf-8")
    assert main(["run", "twins"]) == 0
    assert main(["package", "twins", "--to", str(tmp_path / "older")]) == 0
    assert not (tmp_path / "older/experiments/twins.lock.json").exists()
    readme = (tmp_path / "older/README.md").read_text(encoding="utf-8")
    assert "The lock's file is not in the package, since it names folders of the authors' computer." in readme
    assert not [name for name, content in texts(tmp_path / "older") if folder in content]


def test_a_file_that_no_run_has_recorded_is_refused(packaged: tuple[Path, Path], capsys: Capture) -> None:
    here = packaged[0]
    other = here.parent / "other/more.csv"
    # an empty line more: other bytes with the same numbers
    other.write_bytes((here / "data/panel.csv").read_bytes() + b"\n")
    text = (here / "experiments/twins.yaml").read_text().replace("other/panel.csv", "other/more.csv")
    (here / "experiments/third.yaml").write_text(text)
    assert main(["run", "third"]) == 0
    capsys.readouterr()
    assert main(["package", "third", "--to", "../third"]) == 2
    said = capsys.readouterr().err
    assert f"third: columns.B.source.path names {other}, but no recorded run has read it" in said


def test_locks_are_in_the_package_and_rebuilt_tables_say_the_same(packaged: tuple[Path, Path], tmp_path: Path) -> None:
    here, package = packaged
    for name in ("own", "many"):
        file = f"experiments/{name}.lock.json"
        # when a change was noticed may be added later
        own, copied = (json.loads((one / file).read_text(encoding="utf-8"))["versions"] for one in (here, package))
        assert copied == own
    folder = tmp_path / "elsewhere"
    shutil.copytree(package, folder)
    words = [sys.executable, str(folder / "run_all.py"), "--here", "--data", str(here.parent / "secure")]
    done = subprocess.run(words, capture_output=True, text=True, encoding="utf-8", check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    for name in ("own", "many"):
        expected, rebuilt = (
            [
                line
                for line in (folder / part / name / "table.txt").read_text("utf-8").splitlines()
                if "its lock" in line
            ]
            for part in ("expected", "build")
        )
        assert expected
        assert rebuilt == expected


def test_no_hash_of_a_value_that_may_not_be_passed_on_is_in_the_package(packaged: tuple[Path, Path]) -> None:
    here, package = packaged
    locks = ((here / f"experiments/{name}.lock.json").read_text(encoding="utf-8") for name in ("closed", "own"))
    closed, shared = (set(re.findall(r"\b[0-9a-f]{16,}\b", text)) for text in locks)
    # which cells have a value is the same in both
    hashes = closed - shared
    assert len(hashes) > 50
    found = [(name, word) for name, content in texts(package) for word in hashes if word.encode() in content]
    # the file as a whole is named, so that who gets it elsewhere can tell that it is the right one
    whole = hashlib.sha256((here.parent / "secure/panel.csv").read_bytes()).hexdigest()
    assert {word for _, word in found} <= {whole}
    readme = (package / "README.md").read_text(encoding="utf-8")
    assert "The lock's file is not in the package, since it has hashes of values of data that may" in readme
    # locks of data that may are
    assert (package / "experiments/own.lock.json").is_file()
    assert (package / "expected/own/lock.json").is_file()


def test_a_lock_that_proves_nothing_is_told_and_one_after_the_runs_too(
    packaged: tuple[Path, Path], tmp_path: Path, capsys: Capture
) -> None:
    here, package = packaged
    runs = "6 runs of this experiment or of its outcome were already recorded in this store when it was locked"
    assert runs in (package / "README.md").read_text(encoding="utf-8")
    top = (package / "checklists/TOP.md").read_text(encoding="utf-8")
    row = next(line for line in top.splitlines() if line.startswith("| 3."))
    assert "| no | What tables say of the plan of many: The plan is unchanged since its lock, which has the " in row
    assert runs in row
    assert main(["package", "own", "--to", str(tmp_path / "own")]) == 0
    top = (tmp_path / "own/checklists/TOP.md").read_text(encoding="utf-8")
    assert "| **only the authors know** | The plan of 1 experiment has a lock, the first with the date 20" in top
    assert "No run of y is recorded in this store before that date." in top
    lock = here / "experiments/own.lock.json"
    whole = lock.read_text(encoding="utf-8")
    time = json.loads(whole)["versions"][0]["time"]
    try:
        lock.write_text(whole.replace(time, "2020-01-01T00:00:00Z"), encoding="utf-8")
        capsys.readouterr()
        assert main(["package", "own", "--to", str(tmp_path / "forged")]) == 2
        said = capsys.readouterr().err
        assert "own: the lock own.lock.json is not the one that was there when it was run last" in said
        assert main(["run", "own"]) == 0
        assert main(["package", "own", "--language", "zh", "--to", str(tmp_path / "forged")]) == 0
    finally:
        lock.write_text(whole, encoding="utf-8")
        assert main(["run", "own"]) == 0
    nothing = "proves nothing: version 1 of its file was edited after it was sealed."
    for name in ("README.md", "checklists/TOP.md", "ro-crate-metadata.json"):
        assert nothing in (tmp_path / "forged" / name).read_text(encoding="utf-8"), name
    assert "已无证明力" in (tmp_path / "forged/README.zh.md").read_text(encoding="utf-8")
    top = (tmp_path / "forged/checklists/TOP.md").read_text(encoding="utf-8")
    assert "| no |" in next(line for line in top.splitlines() if line.startswith("| 3."))
    lock.unlink()
    try:
        assert main(["package", "own", "--to", str(tmp_path / "gone")]) == 2
    finally:
        lock.write_text(whole, encoding="utf-8")


def test_a_lock_with_another_date_is_no_proof(packaged: tuple[Path, Path], tmp_path: Path) -> None:
    here = packaged[0]
    lock = here / "experiments/many.lock.json"
    whole = lock.read_text(encoding="utf-8")
    node = json.loads(whole)
    # as somebody would who knows how it is sealed
    version = {**node["versions"][0], "time": "2019-01-01T00:00:00Z", "fitted_before": {"runs": 0, "first": ""}}
    node["versions"] = [{**version, "hash": digest(version)}]
    try:
        lock.write_text(json.dumps(node), encoding="utf-8")
        assert main(["run", "many"]) == 0
        assert main(["package", "many", "--to", str(tmp_path / "dated"), "--language", "zh"]) == 0
    finally:
        lock.write_text(whole, encoding="utf-8")
        assert main(["run", "many"]) == 0
    for name in ("checklists/TOP.md", "checklists/TOP.zh.md"):
        text = (tmp_path / "dated" / name).read_text(encoding="utf-8")
        row = next(line for line in text.splitlines() if line.startswith("| 3."))
        assert "| yes |" not in row
        assert "| 是 |" not in row
        assert "2019-01-01" in row
    for name, content in texts(tmp_path / "dated"):
        assert b"before the outcome was read" not in content, name


def test_runs_before_the_date_of_a_lock_from_elsewhere_are_told(packaged: tuple[Path, Path], tmp_path: Path) -> None:
    here = packaged[0]
    lock = here / "experiments/many.lock.json"
    whole = lock.read_text(encoding="utf-8")
    node = json.loads(whole)
    # the time of a lock has whole seconds, and the study was run and locked within one
    time = datetime.fromisoformat(node["versions"][0]["time"]) + timedelta(seconds=1)
    version = {**node["versions"][0], "fitted_before": {"runs": 0, "first": ""}, "time": time.isoformat()}
    node["versions"] = [{**version, "hash": digest(version)}]
    try:
        lock.write_text(json.dumps(node), encoding="utf-8")
        assert main(["run", "many"]) == 0
        assert main(["package", "many", "--to", str(tmp_path / "later")]) == 0
    finally:
        lock.write_text(whole, encoding="utf-8")
        assert main(["run", "many"]) == 0
    top = (tmp_path / "later/checklists/TOP.md").read_text(encoding="utf-8")
    row = next(line for line in top.splitlines() if line.startswith("| 3."))
    assert "| no |" in row
    assert re.search(r"\d+ runs of y are recorded in this store before the date of the lock, the first on 20", row)


def test_a_seed_is_named_by_the_key_that_sets_it_and_the_command_changes_it(packaged: tuple[Path, Path]) -> None:
    package = packaged[1]
    readme = (package / "README.md").read_text(encoding="utf-8")
    lines = (package / "experiments/own.yaml").read_text(encoding="utf-8").splitlines()
    number = next(place for place, line in enumerate(lines, 1) if "seed: 7" in line)
    assert f"| `inference.seed` | 7 | own | `experiments/own.yaml` | {number} |" in readme
    assert "| `inference.seed` | 1 | closed | (`inference=wild` of digicarbon) |  |" in readme
    assert "model.seed" not in readme
    assert "e.g. `digicarbon run own inference.seed=8`" in readme
    assert main(["run", "own", "inference.seed=8"]) == 0


def test_the_crate_lists_every_key_that_varies_with_its_values(packaged: tuple[Path, Path]) -> None:
    graph = json.loads((packaged[1] / "ro-crate-metadata.json").read_text(encoding="utf-8"))["@graph"]
    chosen = {one["name"]: one["value"] for one in graph if one["@id"].startswith("#run-many-choice")}
    assert chosen == {"model": ["twfe", "pooled"], "model.controls": ["[]", "[z]"]}


def test_a_package_that_is_not_whole_is_no_difference_and_none_is_no_word(
    packaged: tuple[Path, Path], tmp_path: Path
) -> None:
    folder = tmp_path / "part"
    shutil.copytree(packaged[1], folder)
    words = [sys.executable, str(folder / "run_all.py"), "--here"]
    done = subprocess.run(words, capture_output=True, text=True, encoding="utf-8", check=False)
    assert done.returncode == 2
    assert "Put it at data/panel_2.csv in this folder. Ask the office. The right file has" in done.stderr
    for name in ("manifest.json", "software/rebuild.json"):
        (folder / name).unlink()
        done = subprocess.run(words, capture_output=True, text=True, encoding="utf-8", check=False)
        assert done.returncode == 2, name
        assert done.stderr.startswith("The package is not whole: software/rebuild.json or manifest.json is missing")
        assert "Traceback" not in done.stderr


def test_columns_that_cannot_run_are_counted_as_failed(packaged: tuple[Path, Path]) -> None:
    here = packaged[0]
    columns = "columns: {A: {}, B: {model.x: [nowhere]}}\n"
    (here / "experiments/partly.yaml").write_text(EXPERIMENT.format(name="partly", source="inside") + columns)
    main(["run", "partly"])
    assert main(["package", "partly", "--to", "../partly"]) == 0
    readme = (here.parent / "partly/README.md").read_text(encoding="utf-8")
    assert "- `digicarbon run partly`: partly; 1 run, 1 failed; last run on" in readme
    assert "The package holds 1 experiment with 1 run, which makes 1 table and 0 figures." in readme


def test_answers_that_contradict_each_other_are_refused(packaged: tuple[Path, Path], capsys: Capture) -> None:
    file = packaged[0] / "experiments/package.yaml"
    whole = file.read_text(encoding="utf-8")
    file.write_text("may_share: false\n" + ANSWERS, encoding="utf-8")
    capsys.readouterr()
    try:
        assert main(["package", "own", "--to", "../contradicted"]) == 2
    finally:
        file.write_text(whole, encoding="utf-8")
    said = capsys.readouterr().err
    assert (
        "package.may_share: false says that data may not be passed on, but `share: true` is answered for inside" in said
    )
