"""Temporary folders: removed by their maker, or by the next one once the maker is gone."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from digicarbon.disk.files import Scratch

MAKER = """
import sys
from digicarbon.disk.files import Scratch

made = Scratch()
(made.path / "stage.joblib").write_bytes(bytes(1000))
print(made.path, flush=True)
sys.stdin.read()
"""


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def test_a_folder_goes_with_its_context(temporary: Path) -> None:
    with Scratch() as made:
        (made.path / "file").touch()
        assert made.path.parent == temporary
    assert list(temporary.iterdir()) == []


def test_the_folder_of_another_stays_as_long_as_its_process_lives(temporary: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", MAKER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as maker:
        assert maker.stdout is not None
        folder = Path(maker.stdout.readline().strip())
        Scratch().close()
        assert (folder / "stage.joblib").exists()
        maker.kill()
        maker.wait()
        assert folder.is_dir()
        Scratch().close()
    assert list(temporary.iterdir()) == []


def test_what_is_not_ours_stays(temporary: Path) -> None:
    (temporary / "digicarbon-results").mkdir()
    (temporary / "other.lock").touch()
    Scratch().close()
    assert sorted(path.name for path in temporary.iterdir()) == ["digicarbon-results", "other.lock"]
