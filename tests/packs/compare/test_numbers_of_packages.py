"""The numbers of two packages, which are no more than a list of experiments and a file of numbers for each."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from digicarbon.packs.compare.packages import against, frame_of, package_of, said_of
from digicarbon.recorded.numbers import NUMBERS, PLAN, WHOLE, Numbers, written


def package(folder: Path, experiments: Mapping[str, Numbers]) -> str:
    """Write a package and return its folder."""
    for name, numbers in experiments.items():
        file = folder / "expected" / name / NUMBERS
        file.parent.mkdir(parents=True)
        file.write_bytes(written(numbers))
    plan = {"version": "1.0", "experiments": [{"name": name, "folder": name} for name in experiments]}
    (folder / PLAN).parent.mkdir()
    (folder / PLAN).write_text(json.dumps(plan), encoding="utf-8")
    return str(folder)


def test_runs_of_one_side_are_named_and_count_for_no_difference(tmp_path: Path) -> None:
    then = {"shared": {"b": 1.0, "se": 0.5}, "gone": {"b": 2.0}, WHOLE: {"p": 0.25}}
    now = {"shared": {"b": 1.0, "se": 0.5}, "new": {"b": 3.0}, "newer": {"b": 4.0}}
    one = package_of(package(tmp_path / "one", {"table": then, "old": {"shared": {"b": 9.0}}}))
    other = package_of(package(tmp_path / "other", {"table": now}))
    result = against(one, other)
    assert result.runs == 1
    assert result.alone == {"A": ["gone"], "B": ["new", "newer"]}
    assert {(row.run, row.number) for row in result.rows} == {("shared", "b"), ("shared", "se"), (WHOLE, "p")}
    assert [note.text("en") for note in said_of(one, other, result)] == [
        "3 numbers of 1 run: 1 differs by more than 1e-10, 1 by more than 1e-06.",
        "1 run only in A: gone.",
        "2 runs only in B: new; newer.",
        "1 experiment only in A: old.",
        "A package has no record of where its numbers come from: two recorded sweeps also say why they moved.",
    ]
    frame = frame_of(result).set_index("run")
    assert frame.loc[["gone", "new", "newer"], "difference"].isna().all()
    assert frame.loc[[WHOLE], "difference"].tolist() == [1.0]
    assert not frame.loc[["shared"], "difference"].any()
