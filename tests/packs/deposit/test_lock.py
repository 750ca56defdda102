"""Locked plans: every change after a lock is named, and the outcome is in no hash."""

from __future__ import annotations

import http.server
import json
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml
from conftest import skip

from digicarbon.__main__ import main
from digicarbon.config.compose import Composer, loader
from digicarbon.config.files import find
from digicarbon.packs.deposit.lock import content, digest
from digicarbon.packs.deposit.lock.changes import _both
from digicarbon.packs.deposit.lock.data import Reader
from digicarbon.packs.deposit.lock.file import path_of, read, sealed
from digicarbon.packs.deposit.lock.grid import Grid
from digicarbon.packs.deposit.lock.stamp import StampError, query, stamped
from digicarbon.packs.deposit.lock.stamp import read as answer
from digicarbon.plan.runs import plan
from digicarbon.sweep.sweep import settings_for

pytestmark = pytest.mark.long

CHINESE = ("北京", "天津", "上海", "重庆", "河北", "山西", "辽宁", "吉林", "江苏", "浙江", "安徽", "福建")
YEARS = range(2008, 2016)


def table(units: tuple[Any, ...] = CHINESE, gaps: int = 0) -> pd.DataFrame:
    """Return a panel with an outcome, a regressor, two controls, and a series that nobody reads."""
    random = np.random.default_rng(4)
    rows = [(unit, year) for unit in units for year in YEARS]
    frame = pd.DataFrame(rows, columns=["area", "year"])
    for name in ("y", "x", "a", "b", "unread"):
        frame[name] = random.normal(size=len(frame)).round(3)
    return frame.drop(index=random.choice(len(frame), gaps, replace=False)).reset_index(drop=True)


SPEC: dict[str, Any] = {
    "defaults": ["config", {"override source": "mine"}, {"override measure": "none"}, {"override outcome": "none"}],
    "model": {"y": "y", "x": ["x"], "controls": ["a", "b"]},
    "inference": {"draws": 19, "intervals": False},
    "grid": {"model": ["twfe", "fe"], "inference": ["wild", "cluster"]},
}
SOURCE = {"_target_": "digicarbon.source.TableSource", "path": "data.csv", "unit": "area", "time": "year"}


@pytest.fixture
def study(project: Path) -> Callable[..., Path]:
    """Writes a study's files."""

    def write(frame: pd.DataFrame, **changes: Any) -> Path:
        (project / "conf" / "source").mkdir(parents=True, exist_ok=True)
        (project / "experiments").mkdir(exist_ok=True)
        (project / "conf" / "source" / "mine.yaml").write_text(yaml.safe_dump(SOURCE), encoding="utf-8")
        frame.to_csv(project / "data.csv", index=False)
        spec = {**SPEC, **changes, "defaults": [*SPEC["defaults"], "_self_"]}
        text = yaml.safe_dump(spec, allow_unicode=True)
        (project / "experiments" / "mine.yaml").write_text(text, encoding="utf-8")
        return project

    return write


def locked(*words: str) -> int:
    return main(["lock", "mine", *words])


def named(capsys: pytest.CaptureFixture[str], *words: str) -> list[str]:
    """Return the lines on changes."""
    capsys.readouterr()
    assert locked("--check", *words) == 1
    out = [line.strip() for line in capsys.readouterr().out.splitlines()]
    return [" ".join(line.split()).partition("; first noticed")[0] for line in out if "; first noticed" in line]


def at(frame: pd.DataFrame, unit: Any, year: int) -> pd.Series:
    return (frame["area"] == unit) & (frame["year"] == year)


# ---- the data


def test_the_values_of_the_outcome_are_in_no_hash_of_the_lock(
    study: Callable[..., Path], capsys: pytest.CaptureFixture[str]
) -> None:
    frame = table()
    study(frame)
    assert locked() == 0
    first = read(path_of("mine"))
    assert first is not None
    data = first.latest["content"]["data"]["mine"]
    assert data["only_outcome"] == ["y"]
    assert sorted(data["grids"]["series"]["series"]) == ["a", "b", "x"]
    # the file holds the outcome, so that its hash would be one of the outcome
    assert data["files"] == {"data.csv": {"holds_outcome": True}}
    frame["y"] = np.random.default_rng(9).normal(size=len(frame))
    study(frame)
    assert locked("--check") == 0
    assert "unchanged" in capsys.readouterr().out
    Path(first.path).unlink()
    assert locked() == 0
    second = read(path_of("mine"))
    assert second is not None
    assert second.latest["content"] == first.latest["content"]


@pytest.mark.parametrize(
    ("units", "gaps"), [(CHINESE, 0), (CHINESE, 9), (tuple(range(11, 23)), 9), (tuple(map(float, range(3, 15))), 0)]
)
def test_one_changed_cell_is_named_with_series_unit_and_period(
    study: Callable[..., Path], capsys: pytest.CaptureFixture[str], units: tuple[Any, ...], gaps: int
) -> None:
    frame = table(units, gaps)
    changes = {"panel": {"gaps": "keep"}} if gaps else {}
    study(frame, **changes)
    assert locked() == 0
    row = frame.iloc[17]
    frame.loc[17, "a"] += 0.001
    study(frame, **changes)
    unit = row["area"] if isinstance(row["area"], str) else int(row["area"])
    assert named(capsys) == [f"data a is no longer the same in 1 cell: {unit} in {int(row['year'])}"]


def test_the_extra_period_of_a_lag_is_locked_too(
    study: Callable[..., Path], capsys: pytest.CaptureFixture[str]
) -> None:
    frame = table()
    model = {"y": "y", "x": ["L.x"], "controls": ["a", "b"]}
    study(frame, model=model)
    assert locked() == 0
    # no row of the model is of the first year, but the lag of the second is
    frame.loc[at(frame, "辽宁", 2008), "x"] = 7.0
    study(frame, model=model)
    assert named(capsys) == ["data x is no longer the same in 1 cell: 辽宁 in 2008"]


def test_a_value_that_goes_or_comes_is_a_changed_cell(
    study: Callable[..., Path], capsys: pytest.CaptureFixture[str]
) -> None:
    frame, rule = table(gaps=5), {"gaps": "keep"}
    study(frame, panel=rule)
    assert locked() == 0
    row = frame.iloc[30]
    study(frame.drop(index=30), panel=rule)
    lines = named(capsys)
    where = f"{row['area']} in {row['year']}"
    cells = [f"{name} is no longer the same in 1 cell: {where}" for name in ("y", "a", "b", "x")]
    assert lines == [f"data whether y has a value: {cells[0]}", *(f"data {one}" for one in cells[1:])]


def test_an_outcome_that_is_emptied_is_a_change(study: Callable[..., Path], capsys: pytest.CaptureFixture[str]) -> None:
    frame = table()
    study(frame, panel={"gaps": "drop_units"})
    assert locked() == 0
    frame.loc[at(frame, "山西", 2011), "y"] = None
    study(frame, panel={"gaps": "drop_units"})
    assert named(capsys) == ["data whether y has a value: y is no longer the same in 1 cell: 山西 in 2011"]


def test_several_changes_at_once_are_each_named(study: Callable[..., Path], capsys: pytest.CaptureFixture[str]) -> None:
    frame = table()
    study(frame, exclude=[{"model": "fe", "inference": "wild"}])
    assert locked() == 0
    frame.loc[at(frame, "北京", 2010), "x"] += 1
    frame.loc[at(frame, "江苏", 2014), "x"] += 1
    frame.loc[at(frame, "福建", 2008), "b"] += 1
    frame.loc[at(frame, "福建", 2009), "unread"] += 1
    study(frame, exclude=[{"model": "fe", "inference": "cluster"}], sample={"first": 2009})
    lines = named(capsys, "inference.seed=5", "model.controls=[b]")
    assert "seed the seed inference.seed was 1 and is 5 (command line)" in lines
    assert 'choice model.controls was ["a", "b"] and is ["b"] (command line)' in lines
    assert any(line.startswith("exclude exclude was ") and "cluster" in line for line in lines)
    assert any(line.startswith("choice sample.first was null and is 2009 (experiments/mine.yaml)") for line in lines)
    assert "data b is no longer the same in 1 cell: 福建 in 2008" in lines
    assert "data x is no longer the same in 2 cells: 北京 in 2010, 江苏 in 2014" in lines
    assert len(lines) == 6


def test_cells_of_any_pattern_are_named_or_bounded() -> None:
    """Whatever the cells, all that changed are among those that are named, and few others are."""
    from digicarbon.packs.deposit.lock.changes import _cells

    random = np.random.default_rng(0)
    frame = table().rename(columns={"area": "unit", "year": "time"})
    part = Grid.of_frame(frame).whole
    before = {"units": part.units, "periods": part.periods}
    hashes = part.print("a")
    exact = 0
    for _ in range(200):
        rows = random.choice(len(frame), int(random.integers(1, 5)), replace=False)
        other = frame.copy()
        other.loc[rows, "a"] += random.normal(size=len(rows))
        note = _cells("a", hashes, before, Grid.of_frame(other).whole)
        assert note is not None
        true = {(frame["unit"][row], str(frame["time"][row])) for row in rows}
        if note.code == "lock_cells":
            assert {(cell["unit"], cell["period"]) for cell in note["cells"]} == true
            exact += 1
        else:
            assert note["least"] <= len(true) <= note["most"]
            assert {unit for unit, _ in true} == set(note["units"])
            assert {period for _, period in true} == set(note["periods"])
    assert exact > 190


def test_units_and_periods_that_come_or_go_are_named_and_the_rest_is_still_compared(
    study: Callable[..., Path], capsys: pytest.CaptureFixture[str]
) -> None:
    frame = table()
    study(frame)
    assert locked() == 0
    more = frame[frame["area"] == "北京"].assign(area="新疆")
    changed = frame.copy()
    changed.loc[at(changed, "山西", 2011), "x"] += 1
    study(pd.concat([changed, more]))
    assert named(capsys) == [
        "data units of mine: none went, 新疆 came",
        "data x is no longer the same in 1 cell: 山西 in 2011",
    ]
    study(changed[changed["year"] > 2008])
    assert named(capsys) == ["data periods of mine: 2008 went, none came", "data x has other values in 2011"]
    study(changed[changed["area"] != "上海"])
    assert named(capsys) == ["data units of mine: 上海 went, none came", "data x has other values in 山西"]


def test_a_series_that_the_outcome_shares_with_others_is_locked_and_named(
    study: Callable[..., Path], capsys: pytest.CaptureFixture[str]
) -> None:
    derive = {"derive": {"rate": "y / a"}}
    model = {"y": "rate", "x": ["x"], "controls": ["a"]}
    frame = table().assign(a=lambda one: one["a"].abs() + 1)
    study(frame, panel=derive, model=model)
    assert locked() == 0
    assert "both the outcome and others are made of a" in capsys.readouterr().out
    frame.loc[at(frame, "天津", 2012), ["a", "y"]] += 1
    study(frame, panel=derive, model=model)
    assert named(capsys) == ["data a is no longer the same in 1 cell: 天津 in 2012"]


def test_a_changed_weight_is_named_by_its_row(study: Callable[..., Path], capsys: pytest.CaptureFixture[str]) -> None:
    ring = pd.DataFrame({"unit": CHINESE, "neighbour": [*CHINESE[1:], CHINESE[0]], "weight": 1.0})
    node = {"_target_": "digicarbon.weights.EdgeWeights", "path": "w.csv", "weight": "weight"}
    changes = {"weights": {}, "grid": {"model": ["sdm"]}}
    folder = study(table(), **changes)
    (folder / "conf" / "weights").mkdir()
    (folder / "conf" / "weights" / "ring.yaml").write_text(yaml.safe_dump(node), encoding="utf-8")
    ring.to_csv(folder / "w.csv", index=False)
    words = ("weights=ring", "inference=classic")
    assert locked(*words) == 0
    ring.loc[3, "weight"] = 2.0
    ring.to_csv(folder / "w.csv", index=False)
    (line,) = named(capsys, *words)
    # both ends of the link, and no other row
    assert line.startswith("weights the spatial weights ring, 12 units")
    assert line.endswith("have other rows: 重庆, 河北") or line.endswith("have other rows: 河北, 重庆")


# ---- the plan


def test_a_changed_option_names_the_option_and_not_all_of_its_fields(
    study: Callable[..., Path], capsys: pytest.CaptureFixture[str]
) -> None:
    study(table())
    assert locked() == 0
    study(table(), grid={"model": ["twfe", "pooled"], "inference": ["wild", "cluster"]})
    lines = named(capsys)
    assert lines == ["choice grid.model was twfe, fe and is twfe, pooled (experiments/mine.yaml)"]


def test_other_combinations_of_the_same_values_are_a_change(
    study: Callable[..., Path], capsys: pytest.CaptureFixture[str]
) -> None:
    columns = {"A": {"model": "twfe", "inference": "wild"}, "B": {"model": "fe", "inference": "cluster"}}
    study(table(), grid={}, columns=columns)
    assert locked() == 0
    study(table(), grid={}, columns={"A": {**columns["A"], "model": "fe"}, "B": {**columns["B"], "model": "twfe"}})
    assert [line for line in named(capsys) if "columns.A" in line]


COLUMNS = {"A": {"model": "twfe"}, "B": {"model": "fe", "model.controls": ["a"]}}


def own_option(project: Path, option: str, /, **fields: Any) -> None:
    """Write an option of the study's own."""
    (project / "conf" / option).parent.mkdir(exist_ok=True)
    (project / "conf" / f"{option}.yaml").write_text(yaml.safe_dump(fields), encoding="utf-8")


def option_of(name: str) -> dict[str, Any]:
    """Return the fields of an option."""
    path = find(name)
    assert path is not None
    fields: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return fields


@pytest.mark.parametrize(
    ("changes", "words", "line"),
    [
        ({"columns": {**COLUMNS, "A": {"model": "pooled"}}}, (), "columns.A: model was twfe and is pooled (FILE)"),
        (
            {"columns": {**COLUMNS, "B": {"model": "fe", "model.controls": ["b"]}}},
            (),
            'columns.B: model.controls was ["a"] and is ["b"] (FILE)',
        ),
        (
            {"columns": {"A": COLUMNS["A"]}},
            (),
            'columns.B was {"model": "fe", "model.controls": ["a"]} and is not there (FILE)',
        ),
        ({}, ("columns.A.model=pooled",), "columns.A: model was twfe and is pooled (command line)"),
        ({}, ("+grid.inference=[classic]",), "grid.inference was not there and is classic (command line)"),
        ({"grid": {"sample.first": [2008, 2009]}}, (), "grid.sample.first was not there and is 2008, 2009 (FILE)"),
        ({}, ("sample.first=2008,2009",), "sample.first was null and is 2008, 2009 (command line)"),
        ({}, ("inference=cluster",), "inference was mine and is cluster (command line)"),
        ({"sample": {"first": 2009}}, (), "sample.first was null and is 2009 (FILE)"),
        ({}, ("sample.first=2009",), "sample.first was null and is 2009 (command line)"),
    ],
)
def test_one_change_is_one_line_with_its_place(
    study: Callable[..., Path],
    capsys: pytest.CaptureFixture[str],
    changes: dict[str, Any],
    words: tuple[str, ...],
    line: str,
) -> None:
    defaults = [*SPEC["defaults"], {"override inference": "mine"}]
    plain = {"grid": {}, "inference": {}, "columns": COLUMNS, "defaults": defaults}
    folder = study(table(), **plain)
    own_option(folder, "inference/mine", **option_of("inference/robust"))
    spec = yaml.safe_load((folder / "experiments" / "mine.yaml").read_text(encoding="utf-8"))
    spec["defaults"] = [*defaults, "_self_"]
    file = folder / "experiments" / "mine.yaml"
    file.write_text(yaml.safe_dump(spec), encoding="utf-8")
    assert locked() == 0
    file.write_text(yaml.safe_dump({**spec, **changes}), encoding="utf-8")
    assert named(capsys, *words) == [f"choice {line.replace('FILE', 'experiments/mine.yaml')}"]


def test_an_edited_option_names_its_field_and_its_file_beside_another_column(
    study: Callable[..., Path], capsys: pytest.CaptureFixture[str]
) -> None:
    folder = study(table(), grid={}, columns={"A": {"model": "own"}, "B": {"model": "fe"}})
    shipped = option_of("model/twfe")
    own_option(folder, "model/own", **shipped)
    assert locked() == 0
    own_option(folder, "model/own", **{**shipped, "effects": "unit"})
    study(table(), grid={}, columns={"A": {"model": "own"}, "B": {"model": "pooled"}})
    assert named(capsys) == [
        "choice columns.B: model was fe and is pooled (experiments/mine.yaml)",
        "choice model.effects was two_way and is unit (conf/model/own.yaml)",
    ]


def test_a_shipped_option_that_another_version_changes_is_named_with_both_versions(
    study: Callable[..., Path], capsys: pytest.CaptureFixture[str]
) -> None:
    study(table(), grid={"model": ["twfe", "fe"]})
    assert locked() == 0
    file = path_of("mine")
    node = json.loads(file.read_bytes())
    version = node["versions"][0]
    version["software"]["digicarbon"] = "0.0.9"
    version["content"]["options"]["model"]["fields"]["twfe"]["model.effects"] = "unit"
    version["content"]["runs"]["sha256"] = "0" * 64
    del version["hash"]
    node["versions"] = [sealed(version)]
    file.write_text(json.dumps(node), encoding="utf-8")
    (line,) = named(capsys)
    assert line.startswith(
        "choice the shipped option model=twfe has another model.effects: unit in version 0.0.9, two_way in"
    )


def test_long_values_are_shown_where_they_differ(
    study: Callable[..., Path], capsys: pytest.CaptureFixture[str]
) -> None:
    names = [f"control_{number:02}" for number in range(30)]
    frame = table().assign(**{name: table()["a"] for name in names})
    grid = {"model.controls": [names, ["a"]], "model": ["twfe"], "model.collinear": ["drop"]}
    study(frame, grid=grid)
    assert locked() == 0
    study(frame, grid={**grid, "model.controls": [[*names[:20], "b", *names[21:]], ["a"]]})
    (line,) = named(capsys)
    before, _, after = line.partition(" and is ")
    assert before.startswith("choice grid.model.controls was …")
    assert '"control_20"' in before
    assert '"control_19", "b"' in after


def test_a_sample_that_is_chosen_by_the_outcome_is_named(
    study: Callable[..., Path], capsys: pytest.CaptureFixture[str]
) -> None:
    study(table(), sample={"query": "y > -1"}, panel={"gaps": "keep"})
    assert locked() == 0
    assert "the sample chooses rows by the outcome: y" in capsys.readouterr().out
    for sample in ({"query": "x > -1"}, {"trim": [0.01, 0.01], "outliers_of": ["x"]}):
        study(table(), sample=sample, panel={"gaps": "keep"})
        assert locked("--again", "--why", "another sample") == 0
        assert "by the outcome" not in capsys.readouterr().out
    study(table(), sample={"trim": [0.01, 0.01]}, panel={"gaps": "keep"})
    assert locked("--again", "--why", "another sample") == 0
    assert "the sample chooses rows by the outcome: y" in capsys.readouterr().out


def test_a_sample_that_is_chosen_by_what_the_outcome_is_made_of_is_named(
    study: Callable[..., Path], capsys: pytest.CaptureFixture[str]
) -> None:
    frame = table().assign(a=lambda one: one["a"].abs() + 1)
    rest = {
        "panel": {"derive": {"rate": "y / a"}, "gaps": "keep"},
        "model": {"y": "rate", "x": ["x"], "controls": ["a"]},
    }
    study(frame, sample={"query": "y > -1"}, **rest)
    assert locked() == 0
    assert "the sample chooses rows by the outcome: y" in capsys.readouterr().out
    # a regressor that the outcome shares
    study(frame, sample={"query": "a < 3"}, **rest)
    assert locked("--again", "--why", "another sample") == 0
    assert "by the outcome" not in capsys.readouterr().out


def test_a_unit_that_changes_its_region_is_a_change(
    study: Callable[..., Path], capsys: pytest.CaptureFixture[str]
) -> None:
    frame = table(units=tuple("ABCDEFGHIJKL"))
    frame["belt"] = frame["area"].map(lambda unit: "east" if unit < "H" else "west")
    folder = study(frame, sample={"regions": ["east"]})
    source = yaml.safe_dump({**SOURCE, "regions": "belt"})
    (folder / "conf/source/mine.yaml").write_text(source, encoding="utf-8")
    assert locked() == 0
    frame.loc[frame["area"] == "H", "belt"] = "east"
    frame.to_csv(folder / "data.csv", index=False)
    (line,) = named(capsys)
    assert line.startswith("data belt is no longer the same in 8 cells: H in 2008")


OWN_WEIGHTS = """
import numpy as np
import digicarbon as dc
from digicarbon.weights import WeightsSpec

class Alike(WeightsSpec):
    \"\"\"Weights by the likeness of a column.\"\"\"
    column: str = "a"

    def compute(self, panel):
        means = panel.frame()[self.column].groupby(level=0).mean().loc[list(panel.units)].to_numpy()
        apart = abs(means[:, None] - means) + np.eye(len(means))
        return dc.Weights.from_matrix((1 - np.eye(len(means))) / apart, panel.units, name="alike")
"""


def test_own_weights_that_read_the_outcome_are_named(
    study: Callable[..., Path], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = study(table(), weights={}, grid={"weights": ["by_y", "by_a"], "model": ["sdm"]})
    (folder / "alike.py").write_text(OWN_WEIGHTS, encoding="utf-8")
    monkeypatch.syspath_prepend(str(folder))
    for name in ("y", "a"):
        own_option(folder, f"weights/by_{name}", _target_="alike.Alike", column=name)
    assert locked("inference=classic") == 0
    out = capsys.readouterr().out
    assert "weights that change with the values of the outcome: by_y\n" in out
    made = read(path_of("mine"))
    assert made is not None
    hashes = [one["digest"][:6] for one in made.latest["content"]["weights"].values()]
    assert len(set(hashes)) == 2
    assert all(f", 12 units (hash {one})" in out for one in hashes)
    assert locked("inference=classic", "--check") == 0
    words = "by which by_y choose or weigh observations"
    assert words in " ".join(capsys.readouterr().out.split())


def test_a_lock_has_no_folder_of_this_computer(
    study: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder, elsewhere = study(table()), tmp_path_factory.mktemp("elsewhere") / "data"
    elsewhere.mkdir()
    (folder / "data.csv").rename(elsewhere / "data.csv")
    words = f"source.path={elsewhere / 'data.csv'}"
    assert locked(words) == 0
    text = path_of("mine").read_text(encoding="utf-8")
    assert "data/data.csv" in text
    assert "elsewhere" not in text
    assert locked(words, "--check") == 0


def test_a_claim_on_an_unknown_term_is_refused(study: Callable[..., Path], capsys: pytest.CaptureFixture[str]) -> None:
    claim = {"quantity": "coefficient", "sign": "negative", "share": 0.8}
    study(table(), claim={**claim, "term": "nosuch"})
    assert locked() == 2
    error = capsys.readouterr().err
    assert "claim.term: no model has the term nosuch." in error
    assert "experiments/mine.yaml" in error
    study(table(), claim={**claim, "term": "x"})
    assert locked() == 0


def test_the_order_of_columns_values_and_keys_is_no_change(
    study: Callable[..., Path], capsys: pytest.CaptureFixture[str]
) -> None:
    grid = {"model": ["twfe", "fe"], "inference": ["wild", "cluster"]}
    study(table(), columns=COLUMNS, grid={"inference": grid["inference"]})
    assert locked() == 0
    study(table(), columns=dict(reversed(COLUMNS.items())), grid={"inference": ["cluster", "wild"]})
    assert locked("--check") == 0


def test_a_look_at_changes_of_the_command_line_is_not_kept(study: Callable[..., Path]) -> None:
    study(table())
    assert locked() == 0
    text = path_of("mine").read_bytes()
    assert locked("--check", "inference.seed=5") == 1
    assert path_of("mine").read_bytes() == text
    study(table(), sample={"first": 2009})
    assert locked("--check") == 1
    assert path_of("mine").read_bytes() != text


def test_with_kinds_the_order_of_values_decides_what_is_counted(
    study: Callable[..., Path], capsys: pytest.CaptureFixture[str]
) -> None:
    grid = {"model": ["twfe", "fe"], "inference": ["cluster"]}
    study(table(), grid=grid, kinds={"model": "nonequivalent"})
    assert locked() == 0
    study(table(), grid={**grid, "model": ["fe", "twfe"]}, kinds={"model": "nonequivalent"})
    assert named(capsys) == ["choice grid.model was twfe, fe and is fe, twfe (experiments/mine.yaml)"]
    study(table(), grid=grid, kinds={"model": "uncertain"})
    assert named(capsys) == ["choice kinds.model was nonequivalent and is uncertain (experiments/mine.yaml)"]


def test_a_claim_that_is_made_or_changed_is_named(
    study: Callable[..., Path], capsys: pytest.CaptureFixture[str]
) -> None:
    claim = {"quantity": "coefficient", "sign": "negative", "share": 0.8}
    study(table(), claim=claim)
    assert locked() == 0
    study(table(), claim={**claim, "share": 0.7})
    assert named(capsys) == ["choice claim.share was 0.8 and is 0.7 (experiments/mine.yaml)"]


MINE = """
from digicarbon.model import PanelRegression

class Own(PanelRegression):
    \"\"\"A regression.\"\"\"

    def bonus(self):
        return 1
"""


def test_an_edited_class_of_the_study_is_named_with_its_file(
    study: Callable[..., Path], capsys: pytest.CaptureFixture[str]
) -> None:
    folder = study(table(), grid={}, inference={}, columns={"A": {"model": "own"}, "B": {"model": "twfe"}})
    own_option(folder, "model/own", **{**option_of("model/twfe"), "_target_": "mine.Own"})
    command = [sys.executable, "-m", "digicarbon", "lock", "mine"]
    (folder / "mine.py").write_text(MINE, encoding="utf-8")
    subprocess.run(command, check=True, capture_output=True)
    (folder / "mine.py").write_text(MINE + "# a comment\n", encoding="utf-8")
    assert subprocess.run([*command, "--check"], check=False, capture_output=True).returncode == 0
    (folder / "mine.py").write_text(MINE.replace("return 1", "return 2"), encoding="utf-8")
    done = subprocess.run([*command, "--check"], check=False, capture_output=True, text=True)
    assert done.returncode == 1
    changed = [line for line in done.stdout.splitlines() if "first noticed" in line]
    assert len(changed) == 1
    assert "mine.py has other code of Own" in changed[0]


def test_other_bytes_of_a_file_are_named_while_all_numbers_are_the_same(
    study: Callable[..., Path], capsys: pytest.CaptureFixture[str]
) -> None:
    """The outcome comes from a file of its own, whose bytes are not compared."""
    frame = table().rename(columns={"area": "unit"})
    folder = study(table())
    node = {"_target_": "digicarbon.source.FolderSource", "folder": ".", "required": ["x", "y"]}
    entries = {name: {"path": f"{name}.csv", "unit": "unit"} for name in "xy"}
    own_option(folder, "source/mine", **node, files=entries, further=["x", "y"])
    files = {"x.csv": frame.drop(columns="y"), "y.csv": frame[["unit", "year", "y"]]}
    for name, own in files.items():
        own.to_csv(folder / name, index=False)
    assert locked() == 0
    lock = read(path_of("mine"))
    assert lock is not None
    assert lock.latest["content"]["data"]["mine"]["only_outcome"] == ["y"]
    files["y.csv"].iloc[::-1].to_csv(folder / "y.csv", index=False)
    assert locked("--check") == 0
    files["x.csv"].iloc[::-1].to_csv(folder / "x.csv", index=False)
    assert named(capsys) == ["file the file x.csv has other bytes"]


def test_words_and_looks_are_no_change(study: Callable[..., Path], capsys: pytest.CaptureFixture[str]) -> None:
    study(table(), title="One")
    assert locked() == 0
    study(table(), title="Another", report={"language": "zh", "decimals": 2}, labels={"x": "Digital"})
    assert locked("--check", "--language", "en") == 0
    assert "unchanged" in capsys.readouterr().out


def test_a_drawn_sweep_whose_seed_changes_names_the_seed(
    study: Callable[..., Path], capsys: pytest.CaptureFixture[str]
) -> None:
    grid = {"model": ["twfe", "fe"], "model.controls": {"subsets": ["a", "b"]}}
    study(table(), grid=grid, draw={"n": 4, "seed": 1})
    assert locked() == 0
    study(table(), grid=grid, draw={"n": 4, "seed": 2})
    assert "seed the seed draw.seed was 1 and is 2 (experiments/mine.yaml)" in named(capsys)


# ---- versions


def test_a_lock_is_not_overwritten_and_a_new_version_keeps_the_old_ones(
    study: Callable[..., Path], capsys: pytest.CaptureFixture[str]
) -> None:
    study(table())
    assert locked() == 0
    file = path_of("mine")
    text = file.read_bytes()
    assert locked() == 0
    assert file.read_bytes() == text
    study(table(), model={"y": "y", "x": ["x"], "controls": ["a"]})
    assert locked() == 2
    error = capsys.readouterr().err
    assert "locked already and has changed since: model.controls" in error
    assert json.loads(file.read_bytes())["versions"] == json.loads(text)["versions"]
    assert locked("--again") == 2
    assert "--why" in capsys.readouterr().err
    assert locked("--again", "--why", "b came too late") == 0
    lock = read(file)
    assert lock is not None
    assert [version["why"] for version in lock.versions] == ["", "b came too late"]
    assert lock.versions[0] == json.loads(text)["versions"][0]
    assert lock.versions[1]["earlier"] == lock.versions[0]["hash"]
    assert not lock.broken
    assert locked("--check") == 0
    assert "It had been locked 1 time before; the reason to lock it again: b came too late" in capsys.readouterr().out


def test_an_edited_version_proves_nothing(study: Callable[..., Path], capsys: pytest.CaptureFixture[str]) -> None:
    study(table())
    assert locked() == 0
    file = path_of("mine")
    node = json.loads(file.read_bytes())
    node["versions"][0]["time"] = "2001-01-01T00:00:00Z"
    file.write_text(json.dumps(node), encoding="utf-8")
    assert locked("--check") == 1
    assert "proves nothing: version 1 of its file was edited" in capsys.readouterr().out
    file.write_text("{", encoding="utf-8")
    assert locked("--check") == 2
    assert "cannot be read" in capsys.readouterr().err


def test_a_hash_covers_every_value_of_a_version() -> None:
    version = {"time": "t", "why": "", "content": {"a": [1, {"b": "c"}]}, "earlier": ""}
    assert sealed(version)["hash"] == digest(sealed(version))
    for change in ({"time": "u"}, {"why": "x"}, {"content": {"a": [1, {"b": "d"}]}}, {"earlier": "z"}):
        assert digest({**version, **change}) != digest(version)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--check",), "is not locked; `digicarbon lock mine` locks it"),
        (("--again", "--why", "x"), "is not locked yet"),
        (("--check", "--tag"), "--check compares only"),
        (("--why", "x"), "give both --again and the reason"),
    ],
)
def test_what_cannot_be_done_is_said(
    study: Callable[..., Path], capsys: pytest.CaptureFixture[str], words: tuple[str, ...], said: str
) -> None:
    study(table())
    assert locked(*words) == 2
    assert said in capsys.readouterr().err
    assert not path_of("mine").exists()


def test_a_lock_needs_an_experiment(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["lock"]) == 2
    assert "Name an experiment" in capsys.readouterr().err
    assert main(["lock", "table3_baselin"]) == 2
    assert "There is no experiment 'table3_baselin'. Did you mean 'table3_baseline'?" in capsys.readouterr().err


# ---- later commands


def test_tables_pages_and_tags_say_locked_or_what_was_changed_and_since_when(
    study: Callable[..., Path], capsys: pytest.CaptureFixture[str]
) -> None:
    from mlflow import MlflowClient

    study(table(), inference={"draws": 19, "intervals": False}, grid={"model": ["fe"]})
    assert main(["run", "mine"]) == 0
    assert "locked" not in capsys.readouterr().out
    assert locked() == 0
    seen = "1 run of this experiment or of its outcome was already recorded in this store when it was locked"
    assert seen in capsys.readouterr().out
    assert main(["run", "mine"]) == 0
    assert seen in capsys.readouterr().out
    assert main(["run", "mine", "inference.seed=3"]) == 0
    out = capsys.readouterr().out
    assert "The plan has changed since its lock, which has the date " in out
    assert "; first noticed on " in out
    assert "the seed inference.seed was 1 and is 3 (command line)." in out
    # recorded before, shown again, and still said
    assert main(["run", "mine", "inference.seed=3"]) == 0
    again = capsys.readouterr().out
    assert "Nothing to fit" in again
    assert "the seed inference.seed was 1 and is 3 (command line)." in again
    assert main(["report", "mine", "--out", "out", "report.language=zh"]) == 0
    page = Path("out/index.html").read_text(encoding="utf-8")
    assert "方案自锁定以来" in page
    assert "锁定文件的日期为" in page
    client = MlflowClient(tracking_uri="sqlite:///mlruns/mlflow.db")
    ids = [one.experiment_id for one in client.search_experiments()]
    tags = [run.data.tags["digicarbon.lock"] for run in client.search_runs(ids) if "digicarbon.lock" in run.data.tags]
    assert sorted(tag.split()[0] for tag in tags) == ["changed", "unchanged"]


def test_a_look_at_the_outcome_by_other_errors_of_another_experiment_is_seen(
    study: Callable[..., Path], capsys: pytest.CaptureFixture[str]
) -> None:
    study(table(), inference={"draws": 19, "intervals": False}, grid={"model": ["fe"]})
    text = Path("experiments/mine.yaml").read_text(encoding="utf-8")
    Path("experiments/first.yaml").write_text(text, encoding="utf-8")
    assert main(["run", "first", "inference=robust"]) == 0
    assert locked() == 0
    out = capsys.readouterr().out
    assert "1 run of this experiment or of its outcome was already recorded in this store when it was locked" in out


def test_a_change_keeps_the_day_on_which_it_was_noticed_first(
    study: Callable[..., Path], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    study(table())
    assert locked() == 0
    study(table(), inference={**SPEC["inference"], "seed": 3})
    for day in ("2031-01-01", "2031-02-02"):
        monkeypatch.setattr(
            import_module("digicarbon.packs.deposit.lock.state"), "now", lambda day=day: f"{day}T00:00:00Z"
        )
        assert locked("--check") == 1
        assert "first noticed on 2031-01-01" in capsys.readouterr().out


def test_a_damaged_lock_does_not_cost_the_runs(study: Callable[..., Path], capsys: pytest.CaptureFixture[str]) -> None:
    study(table(), grid={"model": ["fe"]})
    path_of("mine").write_text("no json", encoding="utf-8")
    assert main(["run", "mine", "inference=cluster"]) == 0
    assert "The plan was locked, but the lock cannot be read" in capsys.readouterr().out


def test_a_lock_of_2500_runs_counts_them_and_stays_small(project: Path) -> None:
    composer = Composer(loader(), "robustness", ["source=simulated"])
    planned = plan(composer)
    made = content(composer, planned, settings_for(composer, planned).report, Reader())
    assert made["runs"]["choices"] == 2500
    assert len(json.dumps(made)) < 100_000
    assert set(made["seeds"]) == {"draw.seed", "inference.seed", "report.seed", "source.seed"}
    assert "gdp" in made["data"]["simulated"]["outcome_and_others"]
    assert "co2_sectoral" in made["data"]["simulated"]["only_outcome"]


# ---- tags and stamps


def test_a_tag_of_git_holds_the_hash(study: Callable[..., Path], capsys: pytest.CaptureFixture[str]) -> None:
    study(table())
    assert locked("--tag") == 0
    assert "no Git repository with a commit. The lock is written." in capsys.readouterr().err
    for words in ("init -q", "config user.name a", "config user.email a@b.c", "commit -q --allow-empty -m one"):
        subprocess.run(["git", *words.split()], check=True)
    assert locked("--tag") == 0
    lock = read(path_of("mine"))
    assert lock is not None
    shown = subprocess.run(["git", "tag", "-n9"], check=True, capture_output=True, text=True).stdout
    assert f"SHA-256 {lock.hash}" in shown
    assert lock.stamps[lock.hash][0].startswith("tag of Git: lock/mine/")


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """A time stamping authority of OpenSSL on this machine: its address and its certificate."""
    if shutil.which("openssl") is None:
        skip("openssl is not installed here")
    folder = tmp_path_factory.mktemp("tsa")
    config = """
[req]
distinguished_name=dn
[dn]
[ext]
basicConstraints=CA:FALSE
keyUsage=nonRepudiation
extendedKeyUsage=critical,timeStamping
[tsa]
default_tsa=one
[one]
serial=serial
signer_digest=sha256
default_policy=1.2.3.4.1
digests=sha256
accuracy=secs:1
ess_cert_id_alg=sha256
"""
    (folder / "c.cnf").write_text(config)
    (folder / "serial").write_text("01")

    def openssl(words: str) -> None:
        subprocess.run(["openssl", *words.split()], cwd=folder, check=True, capture_output=True)

    made = "-newkey rsa:2048 -nodes -keyout k.pem -out c.pem -subj /CN=tsa -days 30"
    openssl(f"req -x509 {made} -config c.cnf -extensions ext")

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            (folder / "q.tsq").write_bytes(self.rfile.read(int(self.headers["Content-Length"])))
            openssl("ts -reply -queryfile q.tsq -out r.tsr -signer c.pem -inkey k.pem -config c.cnf")
            self.send_response(200)
            self.end_headers()
            self.wfile.write((folder / "r.tsr").read_bytes())

        def log_message(self, *_: object) -> None:
            pass

    with http.server.HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/", folder / "c.pem"
        server.shutdown()
        thread.join()


def test_openssl_verifies_the_time_stamp_of_a_lock(
    study: Callable[..., Path], authority: tuple[str, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    address, certificate = authority
    folder = study(table())
    assert locked("--tsa", address) == 0
    lock = read(path_of("mine"))
    assert lock is not None
    (stamp,) = (folder / "experiments").glob("*.tsr")
    verify = ["openssl", "ts", "-verify", "-in", str(stamp), "-CAfile", str(certificate), "-digest"]
    assert subprocess.run([*verify, lock.hash], capture_output=True).returncode == 0
    assert subprocess.run([*verify, "0" * 64], capture_output=True).returncode == 1
    assert time.strftime("time stamp of %Y-", time.gmtime()) in lock.stamps[lock.hash][0]
    assert locked("--check") == 0
    assert stamp.name in capsys.readouterr().out


def test_a_stamp_of_something_else_is_refused(authority: tuple[str, Path]) -> None:
    address, _ = authority
    made = stamped("ab" * 32, address)
    with pytest.raises(StampError, match="the stamp is of something else"):
        answer(made.answer, bytes.fromhex("cd" * 32), 1)
    with pytest.raises(StampError, match="the stamp is of something else"):
        answer(made.answer, bytes.fromhex("ab" * 32), 12345)
    with pytest.raises(StampError, match="no time stamp"):
        answer(b"<html>", bytes.fromhex("ab" * 32), 1)


@pytest.mark.parametrize("nonce", [0, 127, 128, 2**63 - 1])
def test_openssl_reads_the_query(tmp_path: Path, nonce: int) -> None:
    (tmp_path / "q").write_bytes(query(bytes.fromhex("ab" * 32), nonce))
    words = ["openssl", "ts", "-query", "-in", str(tmp_path / "q"), "-text"]
    shown = subprocess.run(words, capture_output=True, text=True, check=True).stdout
    assert "Hash Algorithm: sha256" in shown
    assert f"Nonce: 0x{nonce:02X}" in shown.replace("0x0", "0x00") or f"{nonce:X}" in shown
    assert "Certificate required: yes" in shown


def test_an_authority_that_is_not_there_costs_no_lock(
    study: Callable[..., Path], capsys: pytest.CaptureFixture[str]
) -> None:
    study(table())
    assert locked("--tsa", "http://127.0.0.1:9/") == 0
    assert "There is no time stamp" in capsys.readouterr().err
    assert locked("--tsa", "file:///etc/passwd") == 0
    assert "is no address that begins with http" in capsys.readouterr().err
    assert path_of("mine").exists()


def test_what_is_locked_is_counted_as_a_plan_counts_it(
    study: Callable[..., Path], capsys: pytest.CaptureFixture[str]
) -> None:
    """Fields of options are no keys that anybody chose, and excluded choices are said to be so."""
    grid = {"model": ["twfe", "fe"], "inference": ["wild", "cluster"], "model.controls": [["a"], ["a", "b"]]}
    study(table(), grid=grid, exclude=[{"model": "fe", "inference": "cluster"}])
    assert locked() == 0
    (line,) = [line.split() for line in capsys.readouterr().out.splitlines() if line.strip().startswith("choices")]
    assert " ".join(line) == "choices 8 choices: 6 fits, 2 left out by exclude; 3 keys with several values"
    assert main(["plan", "mine"]) == 0
    assert "8 choices: 6 fits, 2 left out by exclude." in capsys.readouterr().out


def test_a_change_names_references_as_labels_do(study: Callable[..., Path], capsys: pytest.CaptureFixture[str]) -> None:
    study(table(), columns={"FE": {"model.controls": ["${model.x.0}^2", "a"]}})
    assert locked() == 0
    study(table(), columns={"FE": {"model.controls": ["L.${model.x.0}"]}})
    lines = named(capsys)
    assert lines
    assert "$" not in "".join(lines)
    assert any('columns.FE: model.controls was ["model.x.0^2", "a"] and is ["L.model.x.0"]' in line for line in lines)
    # what would look the same is shown as the files have it
    changed = _both("${model.x.0}", "model.x.0")
    assert changed == {"then": "${model.x.0}", "now": "model.x.0"}


def test_another_report_is_one_change(study: Callable[..., Path], capsys: pytest.CaptureFixture[str]) -> None:
    study(table(), report={"quantity": "total"})
    spec = yaml.safe_load(Path("experiments/mine.yaml").read_text(encoding="utf-8"))
    spec["defaults"].insert(-1, {"override report": "curve"})
    Path("experiments/mine.yaml").write_text(yaml.safe_dump(spec), encoding="utf-8")
    assert locked() == 0
    assert named(capsys, "report=regression") == [
        "report report.option was curve and is regression (command line)",
    ]
    # a field of the same report is named as before
    (line,) = named(capsys, "report.quantity=direct")
    assert line == "report report.quantity was total and is direct (command line)"


def test_a_change_says_the_values_of_references(study: Callable[..., Path], capsys: pytest.CaptureFixture[str]) -> None:
    study(table(), grid={"model": ["twfe", "fe"]})
    assert locked() == 0
    out = " ".join(capsys.readouterr().out.split())
    # no model of these has a total effect
    assert "estimand coefficient of x on y" in out
    (line,) = named(capsys, "model.cov=robust")
    assert line == "choice model.cov was cluster and is robust (command line)"
    # the same value by another way
    (line,) = named(capsys, "model.cov=cluster")
    assert line == "choice model.cov was inference.cov and is cluster (command line)"
    capsys.readouterr()
    assert main(["plan", "mine", "-m", "model.cov=${inference.cov},robust"]) == 0
    out = capsys.readouterr().out
    assert "robust" in out
    assert "${" not in out


def test_runs_that_are_older_than_their_lock_say_so(
    study: Callable[..., Path], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    study(table(), inference={"draws": 19, "intervals": False}, grid={"model": ["fe"]})
    assert main(["run", "mine"]) == 0
    assert main(["export", "mine", "--to", "none"]) == 0
    assert "The plan has no lock." in Path("none/README.txt").read_text(encoding="utf-8")
    assert locked() == 0
    for folder, language, said in (
        ("one", "en", "These runs were recorded before the lock of their plan was made, which has the date "),
        ("two", "zh", "这些回归在其方案锁定之前就已记录"),
    ):
        assert main(["report", "mine", "--out", folder, f"report.language={language}"]) == 0
        assert said in Path(folder, "index.html").read_text(encoding="utf-8")
    assert main(["export", "mine", "--to", "later"]) == 0
    assert "These runs were recorded before the lock" in Path("later/README.txt").read_text(encoding="utf-8")
    # a lock that has an earlier date was not there, and nobody compared
    lock = read(path_of("mine"))
    assert lock is not None
    version = sealed({**lock.latest, "time": "2001-01-01T00:00:00Z"})
    node = json.loads(path_of("mine").read_text(encoding="utf-8"))
    path_of("mine").write_text(json.dumps({**node, "versions": [version]}), encoding="utf-8")
    assert main(["export", "mine", "--to", "earlier"]) == 0
    text = " ".join(Path("earlier/README.txt").read_text(encoding="utf-8").split())
    assert "These runs were recorded without the lock of their plan, which has the date 2001-01-01" in text
