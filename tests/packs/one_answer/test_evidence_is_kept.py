"""Evidence of one answer is kept and made again as a joint test is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from digicarbon.config.compose import Composer, loader
from digicarbon.packs.one_answer.sweep import evidence
from digicarbon.plan.expand import read_overrides
from digicarbon.plan.runs import plan
from digicarbon.report.specification_curve import SpecificationCurve
from digicarbon.sweep import sweep, tables
from digicarbon.sweep.sweep import Finished

pytestmark = pytest.mark.long

EXPERIMENT: dict[str, Any] = {
    "defaults": ["config", {"override model": "sdm"}, {"override report": "curve"}, "_self_"],
    "grid": {"measure": ["sector1", "sector2"], "weights": ["w1_adjacency", "k_nearest"]},
    "model": {"effects": "two_way"},
    "inference": {"replications": 19, "intervals": False},
    "report": {"draws": 19, "pictures": ["svg"]},
    "executor": {"_target_": "digicarbon.executor.Sequential"},
}


def write(**changes: Any) -> None:
    content = {**EXPERIMENT, **changes}
    content.pop("executor")
    Path("experiments").mkdir(exist_ok=True)
    Path("experiments/small.yaml").write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")


def run(*words: str) -> Finished:
    config_loader = loader()
    plain, axes = read_overrides(["executor=sequential", *words], config_loader)
    composer = Composer(config_loader, "small", plain)
    return sweep.run(composer, plan(composer, axes))


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


def counted(monkeypatch: pytest.MonkeyPatch, count: Counter[str], where: Any, name: str, what: str) -> None:
    make: Callable[..., Any] = getattr(where, name)

    def counting(*args: Any, **more: Any) -> Any:
        count[what] += 1
        return make(*args, **more)

    monkeypatch.setattr(where, name, counting)


def artifact(finished: Finished, name: str) -> Path:
    return Path("mlruns/artifacts/small", finished.parent_id, "artifacts", name)


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
