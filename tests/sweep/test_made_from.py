"""Joint tests, answers and pictures are kept as fits are: each is made again where something that it is of changes."""

from __future__ import annotations

import json
import os
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from kept_sweeps import EXPERIMENT, artifact, counted, run, write

from digicarbon.report.specification_curve import SpecificationCurve
from digicarbon.sweep import tables
from digicarbon.sweep.sweep import Finished

pytestmark = pytest.mark.long


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch, project: Path) -> Counter[str]:
    """A folder with an experiment that was run once, and a count of what is made after that."""
    count: Counter[str] = Counter()
    counted(monkeypatch, count, tables, "joint_test", "joint")
    counted(monkeypatch, count, SpecificationCurve, "files", "picture")
    counted(monkeypatch, count, SpecificationCurve, "table", "table")
    write()
    run()
    assert count == {"joint": 1, "picture": 1, "table": 1}
    count.clear()
    return count


def joint_file(finished: Finished, name: str = "joint.json") -> Path:
    (file,) = artifact(finished, "joint").glob(f"*/{name}")
    return file


def test_nothing_is_made_again_and_all_is_said_again(made: Counter[str]) -> None:
    again = run()
    assert made == {}
    assert [Path(place).name for place in again.pictures] == ["curve.svg"]
    assert all(Path(place).is_file() for place in again.pictures)
    assert again.table is not None
    assert again.table.with_notes().to_markdown() == artifact(again, "table.md").read_text(encoding="utf-8")
    assert any("under the null" in row or "joint" in row for row in map(str, again.table.cells.index))


@pytest.mark.parametrize(
    "words",
    [["report.pictures=[png]"], ["report.decimals=2"], ["report.language=zh"], ["+report.labels.ln_sector1=Mine"]],
)
def test_another_picture_takes_the_joint_test_that_is_there(made: Counter[str], words: list[str]) -> None:
    before = joint_file(run()).read_bytes()
    changed = run(*words)
    assert made == {"picture": 1, "table": 1}
    assert joint_file(changed).read_bytes() == before


@pytest.mark.parametrize(
    "words", [["report.draws=29"], ["report.seed=2"], ["report.level=0.1"], ["report.method=permutation"]]
)
def test_another_joint_test_is_made_and_then_kept(made: Counter[str], words: list[str]) -> None:
    run(*words)
    assert made == {"joint": 1, "picture": 1, "table": 1}
    run(*words)
    run()
    # the first one is in a folder of its own; table and picture are those of the last command
    assert made == {"joint": 1, "picture": 2, "table": 2}


@pytest.mark.parametrize(
    "changes",
    [
        {"grid": {**EXPERIMENT["grid"], "weights": ["w1_adjacency", "economic"]}},
        {"grid": {**EXPERIMENT["grid"], "measure": ["sector2", "sector1"]}},
        {"model": {"effects": "unit"}},
        {"source": {"seed": 2}},
        {"sample": {"last": 2016}},
        {"inference": {"draws": 29, "intervals": False}},
    ],
)
def test_other_runs_have_another_joint_test(made: Counter[str], changes: dict[str, Any]) -> None:
    write(**changes)
    run()
    assert made == {"joint": 1, "picture": 1, "table": 1}


def test_so_has_another_version_of_the_package(made: Counter[str], monkeypatch: pytest.MonkeyPatch) -> None:
    Path("package").mkdir()
    Path("package/changed.py").write_text("", encoding="utf-8")
    monkeypatch.setattr(tables, "PACKAGE", Path("package").absolute())
    run()
    run()
    assert made == {"joint": 1, "picture": 1, "table": 1}
    os.utime("package/changed.py", ns=(1, 1))
    run()
    assert made == {"joint": 2, "picture": 2, "table": 2}


def test_so_has_another_version_of_what_computes(made: Counter[str], monkeypatch: pytest.MonkeyPatch) -> None:
    versions = dict(tables.versions())
    assert {"numpy", "scipy", "matplotlib"} <= versions.keys()
    monkeypatch.setattr(tables, "versions", lambda: {**versions, "scipy": "0"})
    run()
    assert made == {"joint": 1, "picture": 1, "table": 1}


def test_other_fonts_draw_another_picture(made: Counter[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tables, "families", lambda: ("DejaVu Sans", "Another"))
    run()
    assert made == {"picture": 1, "table": 1}


@pytest.mark.parametrize("name", ["joint.json", "made_from.txt"])
@pytest.mark.parametrize("how", ["gone", "changed"])
def test_a_joint_test_that_was_changed_is_made_again(made: Counter[str], name: str, how: str) -> None:
    file = joint_file(run(), name)
    before = file.read_bytes()
    if how == "gone":
        file.unlink()
    else:
        file.write_bytes(before.replace(b"1", b"2"))
    run("report.decimals=3")
    assert made["joint"] == 1
    assert file.read_bytes() == before


@pytest.mark.parametrize("name", ["curve.svg", "table.md", "estimates.csv", "table.csv"])
def test_a_file_that_was_changed_is_made_again(made: Counter[str], name: str) -> None:
    file = artifact(run(), name)
    before = file.read_bytes()
    file.write_bytes(before[:-9])
    run()
    assert made == {"picture": 1, "table": 1}
    assert file.read_bytes() == before


def test_a_map_is_drawn_again_where_its_file_changes(project: Path) -> None:
    """Its polygons are no part of any run."""
    places = {name: [x, 0] for x, name in enumerate(("a", "b", "c", "d"))}

    def polygons(size: float) -> None:
        shapes = [
            {
                "type": "Feature",
                "properties": {"name": name},
                "geometry": {
                    "type": "Polygon",
                    "coordinates": [[[x, y], [x + size, y], [x + size, y + size], [x, y + size], [x, y]]],
                },
            }
            for name, (x, y) in places.items()
        ]
        content = {"type": "FeatureCollection", "features": shapes}
        Path("map.geojson").write_text(json.dumps(content), encoding="utf-8")

    rows = [f"{name},{year},{x + year % 7}" for x, name in enumerate(places) for year in range(2000, 2004)]
    Path("own.csv").write_text("\n".join(["unit,year,y", *rows]), encoding="utf-8")
    polygons(1.0)
    Path("experiments").mkdir()
    Path("experiments/small.yaml").write_text(
        "defaults: [config, override source: table, override measure: none, override outcome: none, "
        "override model: none, override diagnostic: values, override report: maps, _self_]\n"
        "source: {path: own.csv, unit: unit, time: year}\ndiagnostic: {variables: [y]}\n"
        "report: {shapes: map.geojson, pictures: [svg]}\n",
        encoding="utf-8",
    )
    first = {Path(place): Path(place).read_bytes() for place in run().pictures}
    assert first
    again = {Path(place): Path(place).stat().st_mtime_ns for place in run().pictures}
    assert again == {place: place.stat().st_mtime_ns for place in first}
    polygons(0.5)
    changed = {Path(place): Path(place).read_bytes() for place in run().pictures}
    assert changed.keys() == first.keys()
    assert changed != first
