"""No test asserts how long something takes: a slower machine would fail it. Speeds are in tests/benchmark/."""

from __future__ import annotations

from pathlib import Path

import pytest
from code_facts import clocks_asserted
from conftest import REPOSITORY


@pytest.mark.long
def test_no_test_compares_the_reading_of_a_clock() -> None:
    found = clocks_asserted(REPOSITORY / "tests")
    assert [place for place in found if not place.startswith("benchmark/")] == []


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("start = time.process_time()\nwork()\nassert time.process_time() - start < 3\n", 3),
        ("begun = perf_counter_ns()\ntook: int = perf_counter_ns() - begun\nassert 5 > took // 10 ** 9\n", 3),
        ("start = monotonic()\ntook = monotonic() - start\nshort = round(took)\nassert not (a and short > 1)\n", 4),
        ("assert (took := time.time() - start) <= LIMIT\n", 1),
    ],
)
def test_such_a_comparison_is_found(tmp_path: Path, text: str, line: int) -> None:
    (tmp_path / "test_it.py").write_text(text, encoding="utf-8")
    assert clocks_asserted(tmp_path) == [f"test_it.py:{line}"]


@pytest.mark.parametrize(
    "text",
    [
        "start = time.monotonic()\nwhile time.monotonic() - start < 60:\n    work()\nassert done == 3\n",
        "process.communicate(timeout=120)\nassert process.returncode == 0\n",
        "assert found.breusch_pagan_time.p < 0.05\n",
        "assert time(3) < 5\n",
    ],
)
def test_a_guard_that_waits_is_none(tmp_path: Path, text: str) -> None:
    (tmp_path / "test_it.py").write_text(text, encoding="utf-8")
    assert clocks_asserted(tmp_path) == []
