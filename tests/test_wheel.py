"""The wheel on its own: built, installed into a new environment, run from an empty folder."""

from __future__ import annotations

import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from conftest import REPOSITORY

pytestmark = pytest.mark.outside


def call(*command: str | Path, cwd: Path) -> str:
    done = subprocess.run(
        list(map(str, command)), cwd=cwd, capture_output=True, text=True, encoding="utf-8", check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("dist")
    call(sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", out, REPOSITORY, cwd=out)
    return next(out.glob("*.whl"))


FACTS = {
    "data": ("brief", "commands", "errors", "fuels", "labels", "notes", "old_notes", "page", "series", "units"),
    "packs/deposit/package": ("checklists", "questions", "words"),
    "packs/china/facts": (
        "adjacency",
        "ceads_fuels",
        "ceads_sectors",
        "changes",
        "indicators",
        "io_labels",
        "provinces",
        "sectors",
        "tiles",
    ),
}
"""The tables that ship: facts, never observations."""


def test_wheel_holds_configurations_and_plugin_and_no_data(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    assert "digicarbon/conf/config.yaml" in names
    assert "digicarbon/experiments/table3_baseline.yaml" in names
    assert "hydra_plugins/digicarbon/__init__.py" in names
    assert "digicarbon/py.typed" in names
    assert {"digicarbon/page/page.html.j2", "digicarbon/page/page.css", "digicarbon/page/runs.js"} <= set(names)
    tops = {name.split("/")[0] for name in names}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"digicarbon", "hydra_plugins"}
    assert not [name for name in names if "plugins/hydra_plugins" in name or name.startswith("tests")]
    tables = {name for name in names if name.endswith(".csv")}
    examples = {f"digicarbon/template/both/{name}.csv" for name in ("panel", "neighbours")}
    facts = {f"digicarbon/{room}/{name}.csv" for room, names in FACTS.items() for name in names}
    words = {
        name
        for name in tables
        if re.fullmatch(r"digicarbon/packs/\w+/words/(brief|commands|errors|labels|notes|page)\.csv", name)
    }
    assert len(words) >= len(list((REPOSITORY / "digicarbon" / "packs").glob("*/words/*.csv")))
    assert tables - words == facts | examples


def test_the_wheel_s_own_files_make_a_study_that_runs(wheel: Path, tmp_path: Path) -> None:
    package, work = tmp_path / "package", tmp_path / "work"
    work.mkdir()
    zipfile.ZipFile(wheel).extractall(package)
    program = work / "program.py"
    program.write_text(
        f"import sys\nsys.path.insert(0, {str(package)!r})\nimport digicarbon\n"
        f"assert digicarbon.__file__.startswith({str(package)!r})\n"
        "from digicarbon.__main__ import main\nif __name__ == '__main__':\n    sys.exit(main())\n",
        encoding="utf-8",
    )
    call(sys.executable, program, "new", "study", cwd=work)
    printed = call(sys.executable, program, "run", "main", "executor=sequential", cwd=work / "study")
    assert "EXAMPLE DATA (made up)" in printed
    assert "4 of 4 runs recorded" in printed


def test_installed_wheel_runs_from_an_empty_folder(wheel: Path, tmp_path: Path) -> None:
    environment, work = tmp_path / "venv", tmp_path / "work"
    work.mkdir()
    call(sys.executable, "-m", "venv", environment, cwd=tmp_path)
    bin_folder = environment / ("Scripts" if sys.platform == "win32" else "bin")
    # of a hundred packages a few are used: Python compiles those
    call(bin_folder / "pip", "install", "-q", "--no-compile", "-c", REPOSITORY / "constraints.txt", wheel, cwd=tmp_path)
    printed = call(bin_folder / "digicarbon", "run", "table3_baseline", cwd=work)
    assert "FE(7)" in printed
    assert "7 of 7 runs recorded" in printed
    assert [item.name for item in work.iterdir()] == ["mlruns"]
    assert "a page of 7 runs" in call(bin_folder / "digicarbon", "report", "table3_baseline", cwd=work)
    made = {item.name for item in (work / "out" / "table3_baseline").iterdir()}
    assert {"index.html", "table.docx", "table.xlsx", "table.tex", "runs.csv"} <= made
    # all that README shows needs no further package
    assert "1 experiment packaged" in call(
        bin_folder / "digicarbon", "package", "table3_baseline", "--to", "p", cwd=work
    )
    assert (work / "p" / "ro-crate-metadata.json").is_file()
    assert "exported" in call(bin_folder / "digicarbon", "export", "table3_baseline", "--to", "e", cwd=work)
