"""The table of a sweep that nothing was added to is shown again; whatever changes it has it made anew."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path

import pytest

from digicarbon.config.compose import Composer, loader
from digicarbon.errors import ConfigError
from digicarbon.plan.expand import read_overrides
from digicarbon.plan.runs import plan
from digicarbon.report import Record, RegressionTable, Table
from digicarbon.sweep import sweep, tables
from digicarbon.sweep.sweep import Finished

pytestmark = pytest.mark.long

EXPERIMENT = """# two measures
defaults: [config, _self_]
grid:
  measure: [sector1, sector2]
"""


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch, project: Path) -> list[str]:
    """A folder with an experiment that was run once; the list grows with each table that is made after that."""
    (project / "experiments").mkdir(exist_ok=True)
    (project / "experiments" / "two.yaml").write_text(EXPERIMENT, encoding="utf-8")
    _run()
    tables: list[str] = []
    make = RegressionTable.table

    def counting(self: RegressionTable, title: str, records: Sequence[Record]) -> Table:
        tables.append(title)
        return make(self, title, records)

    monkeypatch.setattr(RegressionTable, "table", counting)
    return tables


def _run(*overrides: str, force: bool = False) -> Finished:
    config_loader = loader()
    plain, axes = read_overrides(overrides, config_loader)
    composer = Composer(config_loader, "two", plain)
    return sweep.run(composer, plan(composer, axes), force=force)


def _file(finished: Finished, name: str) -> Path:
    return Path("mlruns/artifacts/two", finished.parent_id, "artifacts", name)


def test_the_table_is_not_made_again(made: list[str]) -> None:
    again = _run()
    assert made == []
    assert again.kept == again.done == 2
    assert again.table is not None
    assert _file(again, "table.md").read_text(encoding="utf-8") == again.table.with_notes().to_markdown()
    assert again.place == str(_file(again, "table.csv").absolute())
    assert again.estimates == str(_file(again, "estimates.csv").absolute())
    again, afresh = _run().table, _run(force=True).table
    assert again is not None
    assert afresh is not None
    assert again.to_text() == afresh.to_text()


@pytest.mark.parametrize("override", ["report.language=zh", "report=signs"])
def test_what_is_shown_again_is_the_same(made: list[str], override: str) -> None:
    first, again = _run(override), _run(override)
    assert first.table is not None
    assert again.table is not None
    assert again.table.to_text() == first.table.to_text()
    assert again.table.to_latex() == first.table.to_latex()
    assert again.table.language == first.table.language


@pytest.mark.parametrize(
    "override",
    [
        "report.decimals=2",
        "report.language=zh",
        "+report.labels.ln_sector1=Mine",
        "title=Another title",
        "report=signs",
    ],
)
def test_another_report_is_made(made: list[str], override: str) -> None:
    plain, other = _run(), _run(override)
    assert plain.table is not None
    assert other.table is not None
    assert other.table.to_text() != plain.table.to_text()
    assert made != [] or override == "report=signs"


def test_another_order_is_another_table(made: list[str]) -> None:
    Path("experiments/two.yaml").write_text(
        EXPERIMENT.replace("[sector1, sector2]", "[sector2, sector1]"), encoding="utf-8"
    )
    other = _run()
    assert made == ["two"]
    assert other.kept == 2
    assert other.table is not None
    assert list(other.table.cells.columns) == ["digital services", "digital manufacturing"]
    assert other.table.names == ("measure=sector2", "measure=sector1")


@pytest.mark.parametrize("name", ["estimates.csv", "table.csv", "table.md", tables.RECORDED])
def test_a_file_that_is_gone_is_made_again(made: list[str], name: str) -> None:
    path = _file(_run(), name)
    content = path.read_bytes()
    path.unlink()
    _run()
    assert made == ["two"]
    assert path.read_bytes() == content


@pytest.mark.parametrize("content", ["", "{", "[]", "{}", '{"key": 1}', "\udcff"])
def test_a_damaged_record_is_made_again(made: list[str], content: str) -> None:
    path = _file(_run(), tables.RECORDED)
    right = path.read_bytes()
    path.write_text(content, encoding="utf-8", errors="surrogateescape")
    _run()
    assert made == ["two"]
    assert path.read_bytes() == right


def test_a_record_without_its_cells_is_made_again(made: list[str]) -> None:
    path = _file(_run(), tables.RECORDED)
    record = json.loads(path.read_bytes())
    del record["table"]["cells"]
    path.write_text(json.dumps(record), encoding="utf-8")
    _run()
    assert made == ["two"]


def test_another_version_of_the_package_makes_it_again(made: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    package = Path("package").absolute()
    package.mkdir()
    (package / "changed.py").write_text("", encoding="utf-8")
    monkeypatch.setattr(tables, "PACKAGE", package)
    _run()
    _run()
    assert made == ["two"]
    os.utime(package / "changed.py", ns=(1, 1))
    _run()
    assert made == ["two", "two"]


def test_a_picture_that_could_not_be_drawn_is_tried_again(made: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: RegressionTable, title: str, records: Sequence[Record]) -> dict[str, bytes]:
        raise ConfigError("there is no such font")

    with monkeypatch.context() as without:
        without.setattr(RegressionTable, "files", refuse)
        lacking = _run("report.decimals=2").table
    whole = _run("report.decimals=2").table
    assert lacking is not None
    assert whole is not None
    assert "there is no such font" in lacking.to_text()
    assert "there is no such font" not in whole.to_text()


def test_a_report_from_elsewhere_is_always_made(project: Path) -> None:
    class Mine(RegressionTable):
        pass

    assert tables.key_of(b"", "", RegressionTable())
    assert not tables.key_of(b"", "", Mine())
