"""Evidence of one answer is kept and made again as a joint test is."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from kept_sweeps import artifact, counted, run, write

from digicarbon.packs.one_answer.sweep import evidence
from digicarbon.report.specification_curve import SpecificationCurve
from digicarbon.sweep import tables

pytestmark = pytest.mark.long


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch, project: Path) -> Counter[str]:
    """A folder with an experiment that was run once, and a count of what is made after that."""
    count: Counter[str] = Counter()
    counted(monkeypatch, count, tables, "joint_test", "joint")
    counted(monkeypatch, count, evidence, "evidence", "evidence")
    counted(monkeypatch, count, SpecificationCurve, "files", "picture")
    counted(monkeypatch, count, SpecificationCurve, "table", "table")
    write()
    run()
    assert count == {"joint": 1, "picture": 1, "table": 1}
    count.clear()
    return count


def test_evidence_is_kept_and_made_again_as_a_joint_test_is(made: Counter[str]) -> None:
    words = ["report=one_answer", "report.pictures=[]"]
    first = run(*words)
    assert made["evidence"] == 1
    run("report.decimals=3")
    run(*words)
    assert made["evidence"] == 1
    (file,) = artifact(first, "one_answer").glob("*/one_answer.json")
    file.write_text(file.read_text(encoding="utf-8").replace("1", "2"), encoding="utf-8")
    run(*words, "report.decimals=3")
    assert made["evidence"] == 2
    write(source={"seed": 2})
    run(*words)
    assert made["evidence"] == 3
