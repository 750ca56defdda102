"""Results in files: found by name, read in any order, whichever file and group of rows they are in."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from digicarbon.result import Result
from digicarbon.tracking import _results
from digicarbon.tracking._results import RESULTS, StoredResults, encode, merge, sources, write_part


def text(number: int) -> str:
    return encode(Result("ols", "y", ("x",), ("x",), np.array([float(number)]), np.eye(1)))


def part(folder: Path, numbers: range, **texts: str) -> Path:
    """A batch of runs whose coefficient is their number, some with another text."""
    ids = [f"r{number}" for number in numbers]
    columns = {
        "run_id": ids,
        "hash": [f"h{number}" for number in numbers],
        "result": [texts.get(name, text(number)) for name, number in zip(ids, numbers, strict=True)],
        "config": ["a: 1"] * len(ids),
    }
    return write_part(folder, pa.table({name: pa.array(values, pa.string()) for name, values in columns.items()}))


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """One file of an earlier end with several groups of rows, and two parts since."""
    monkeypatch.setattr(_results, "GROUP", 3)
    folder = tmp_path / _results.PARTS
    folder.mkdir()
    early = [part(folder, range(first, first + 2)) for first in (0, 2, 4, 6)]
    merge(early, tmp_path / RESULTS, lambda name: name)
    for path in early:
        path.unlink()
    part(folder, range(8, 10), r8="")
    part(folder, range(8, 12))
    return sources(tmp_path)


@pytest.mark.parametrize("by", ["run_id", "hash"])
def test_results_are_read_in_the_order_that_is_asked_for(files: list[Path], by: str) -> None:
    stored = StoredResults(files, by)
    assert len(files) == 3
    assert len(stored) == 12
    order = [11, 0, 5, 9, 3, 8, 1, 7]
    names = [f"{by[0]}{number}" for number in order]
    found = list(stored.read(names))
    assert [name for name, _ in found] == names
    assert [result.coef[0] for _, result in found] == order
    assert stored[names[2]].coef[0] == 5
    assert set(stored) == {f"{by[0]}{number}" for number in range(12)}
    assert "nothing" not in stored
    with pytest.raises(KeyError):
        stored["nothing"]


def test_what_cannot_be_read_is_left_out(tmp_path: Path) -> None:
    other = text(1).replace('"version": 1', '"version": 99')
    stored = StoredResults([part(tmp_path, range(4), r1=other, r2="")])
    assert list(stored) == ["r0", "r3"]


def test_few_results_are_in_memory_at_once(files: list[Path], monkeypatch: pytest.MonkeyPatch) -> None:
    decoded: list[str] = []
    monkeypatch.setattr(_results, "decode", decoded.append)
    stored = StoredResults(files)
    assert decoded == []
    reading = stored.read(f"r{number}" for number in range(12))
    for count in range(1, 5):
        next(reading)
        assert len(decoded) == count
