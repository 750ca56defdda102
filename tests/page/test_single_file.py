"""A page that is a single file is written whole or not at all, and over nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest

from digicarbon.errors import ConfigError
from digicarbon.page import write_one
from digicarbon.page.site import OURS


def test_a_single_file_is_whole_or_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "a" / "页.html"
    page = OURS + b'0.1">'
    write_one(file, page)
    write_one(file, page + b"2")

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("digicarbon.disk.files.os.fsync", full)
    with pytest.raises(ConfigError, match="No space left on device"):
        write_one(file, page + b"3")
    assert [(one.name, one.read_bytes()) for one in file.parent.iterdir()] == [("页.html", page + b"2")]
    with pytest.raises(ConfigError, match="is no page that a report wrote"):
        write_one(file.parent, page)
