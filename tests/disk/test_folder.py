"""A folder of a page is written whole or not at all."""

from __future__ import annotations

from pathlib import Path

import pytest

from digicarbon.disk import folder as room
from digicarbon.disk.folder import write
from digicarbon.errors import ConfigError


def contents(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_what_was_written_before_is_replaced_and_nothing_of_it_is_left(tmp_path: Path) -> None:
    target = tmp_path / "a" / "页"
    write(target, {"index.html": b"1", "old/table.md": b"x"})
    write(target, {"index.html": b"2", "new/table.md": b"y"})
    assert {name: text for name, text in contents(target).items() if name != "manifest.json"} == {
        "index.html": b"2",
        "new/table.md": b"y",
    }
    assert [path.name for path in target.parent.iterdir()] == ["页"]


@pytest.mark.parametrize("fails", [0, 1, 2])
def test_a_disk_that_takes_no_more_leaves_what_was_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fails: int
) -> None:
    target = tmp_path / "page"
    write(target, {"index.html": b"1"})
    before = contents(target)
    calls: list[int] = []

    def fsync(_: int) -> None:
        calls.append(1)
        if len(calls) > fails:
            raise OSError(28, "No space left on device")

    monkeypatch.setattr(room.os, "fsync", fsync)
    with pytest.raises(ConfigError, match=r"page cannot be written \(No space left on device\)"):
        write(target, {"index.html": b"2", "more.txt": b"3"})
    assert contents(target) == before
    assert [path.name for path in tmp_path.iterdir()] == ["page"]


def test_a_damaged_manifest_makes_all_files_foreign(tmp_path: Path) -> None:
    write(tmp_path / "page", {"index.html": b"1"})
    (tmp_path / "page" / "manifest.json").write_text("{")
    with pytest.raises(ConfigError, match="holds files that digicarbon did not write"):
        write(tmp_path / "page", {"index.html": b"2"})


def test_a_folder_that_is_kept_is_neither_refused_nor_lost(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = tmp_path / "out"
    write(target, {"a.txt": b"first"}, keep="build")
    (target / "build/.study").mkdir(parents=True)
    (target / "build/.study/log.txt").write_text("rebuilt")
    with pytest.raises(ConfigError, match="build"):
        write(target, {"a.txt": b"second"})
    write(target, {"a.txt": b"second", "b.txt": b"new"}, keep="build")
    assert {path.name: path.read_text() for path in target.rglob("*.txt")} == {
        "a.txt": "second",
        "b.txt": "new",
        "log.txt": "rebuilt",
    }
    (target / "builder.txt").write_text("mine")
    with pytest.raises(ConfigError, match=r"builder\.txt"):
        write(target, {"a.txt": b"third"}, keep="build")
    (target / "builder.txt").unlink()
    replace = Path.replace

    def fails(self: Path, to: Path) -> Path:
        if Path(to) == target and not self.name.endswith("-before"):
            raise OSError("no")
        return replace(self, to)

    monkeypatch.setattr(Path, "replace", fails)
    with pytest.raises(ConfigError):
        write(target, {"a.txt": b"third"}, keep="build")
    assert (target / "a.txt").read_text() == "second"
    assert (target / "build/.study/log.txt").read_text() == "rebuilt"
    assert [path.name for path in tmp_path.iterdir()] == ["out"]
