"""A spool that was changed, damaged or put there by somebody else: a sentence, and nothing is written elsewhere."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from entries import of
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import TEMPORARILY_UNAVAILABLE

from digicarbon.__main__ import main
from digicarbon.errors import TrackingError
from digicarbon.tracking import Store, Tracking, _connection, _spool, absolute
from digicarbon.tracking import _database as database
from digicarbon.tracking import _rows as rows
from digicarbon.tracking import _store as recording
from digicarbon.tracking._results import read_part, write_part

Capture = pytest.CaptureFixture[str]
NOBODY = 65534


@pytest.fixture(autouse=True)
def far(project: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder whose store is written by the public client, out of the spool, as a server is."""
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    monkeypatch.setattr(_spool.tempfile, "gettempdir", lambda: str(elsewhere))
    monkeypatch.setattr(database, "HEADS", frozenset())
    monkeypatch.setattr(recording, "PAUSE", 0.0)
    return project


def begun() -> Store:
    store = Store(Tracking(), "x")
    store.open("A title", "model: {}\n", {}, "k")
    return store


def recorded(uri: str = "sqlite:///mlruns/mlflow.db") -> set[str]:
    """Hashes of all runs of the store that are whole."""
    client = MlflowClient(tracking_uri=absolute(uri))
    experiments = [one.experiment_id for one in client.search_experiments()]
    found = client.search_runs(experiments, "attributes.status = 'FINISHED'")
    return {run.data.tags["digicarbon.hash"] for run in found if "digicarbon.hash" in run.data.tags}


@pytest.fixture
def spool(far: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a sweep that has ended while its store did not answer."""
    with monkeypatch.context() as patch:
        patch.setattr(MlflowClient, "log_batch", _unavailable)
        store = begun()
        store.write([of("a"), of("b")])
        store.finish({"table.md": "| x |"}, failed=0, done=2)
    (folder,) = Path("mlruns/spool").iterdir()
    return folder


def _unavailable(*arguments: Any, **more: Any) -> Any:
    raise MlflowException("the server does not answer", TEMPORARILY_UNAVAILABLE)


_LOG_BATCH = MlflowClient.log_batch


def _refusing_numbers(client: MlflowClient, run_id: str, metrics: Sequence[Any] = (), **more: Any) -> Any:
    """Fail for runs, and not for the choices of a sweep that begins."""
    return _unavailable() if metrics else _LOG_BATCH(client, run_id, **more)


def contents(folder: Path) -> dict[str, bytes]:
    files = [path for path in folder.rglob("*") if path.is_file()]
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


@pytest.mark.parametrize("where", [[], ['tracking.uri="sqlite:///mlruns/o\'ther one.db"']])
def test_runs_that_wait_end_the_command_with_a_status_of_their_own(
    capfd: Capture, monkeypatch: pytest.MonkeyPatch, where: list[str]
) -> None:
    command = ["run", "-m", "executor=sequential", "source=simulated_fe", "measure=ddl,bea", *where]
    with monkeypatch.context() as patch:
        patch.setattr(MlflowClient, "log_batch", _refusing_numbers)
        assert main(command) == 3
    said = capfd.readouterr().err
    assert "2 runs are fitted but not delivered to the store; `digicarbon deliver" in said
    assert "Traceback" not in said
    # both sentences name the same command, and it works as it stands
    notice, last = re.findall(r"`(digicarbon deliver.*?)`", said)
    assert notice == last
    assert shlex.split(last) == ["digicarbon", "deliver", *where]
    assert main(shlex.split(last)[1:]) == 0
    store = where[0].removeprefix("tracking.uri=").strip('"') if where else "sqlite:///mlruns/mlflow.db"
    assert f"2 runs delivered to {store}." in capfd.readouterr().out
    assert len(recorded(store)) == 2
    assert main(command) == 0
    assert "Nothing to fit" in capfd.readouterr().out


def test_an_address_with_a_secret_is_not_part_of_a_command() -> None:
    sentence = str(_connection._later("postgresql+psycopg://me:secret@host/db"))
    assert "`digicarbon deliver` with its tracking.uri, delivers" in sentence


def owned_by_another(folder: Path) -> None:
    if not hasattr(os, "geteuid") or os.geteuid() != 0:
        pytest.skip("only root can give a folder to another user")
    os.chown(folder, NOBODY, NOBODY)


def made_a_link(folder: Path) -> None:
    target = folder.absolute().parents[len(folder.parts) - 1] / "target"
    shutil.move(folder, target)
    folder.symlink_to(target, target_is_directory=True)


@pytest.mark.parametrize("whose", [owned_by_another, made_a_link])
@pytest.mark.parametrize("home", [True, False])
def test_a_folder_of_another_is_neither_read_nor_written(
    spool: Path, capfd: Capture, whose: Callable[[Path], None], home: bool
) -> None:
    folder = spool.parent if home else spool
    whose(folder)
    before = contents(folder.resolve())
    assert len(before) == 6
    assert main(["deliver"]) == 0
    assert "0 runs delivered" in capfd.readouterr().out
    store = begun()
    assert store.parent_id == spool.name
    store.write([of("c")])
    store.finish({}, failed=0, done=1)
    assert recorded() == {"c"}
    assert contents(folder.resolve()) == before


@pytest.mark.parametrize("whose", [owned_by_another, made_a_link])
def test_a_sweep_with_no_place_of_its_own_is_refused_before_it_begins(
    spool: Path, capfd: Capture, whose: Callable[[Path], None]
) -> None:
    whose(spool.parent)
    _spool.fallback().mkdir(mode=0o777)
    _spool.fallback().chmod(0o777)
    with pytest.raises(TrackingError, match="belongs to another user or is open to others; remove it"):
        begun()
    assert not list(_spool.fallback().iterdir())


@pytest.mark.parametrize(
    "change",
    [
        {"artifacts": "VICTIM"},
        {"parent_id": "../../victim"},
        {"parent_id": "another"},
        {"parent_id": 1},
        {"more": "x"},
        {"uri": None},
    ],
)
def test_a_description_that_is_not_the_sweeps_delivers_nothing(
    spool: Path, far: Path, capfd: Capture, change: dict[str, Any]
) -> None:
    victim = far / "victim"
    victim.mkdir()
    (victim / "table.md").write_text("mine", encoding="utf-8")
    path = spool / "sweep.json"
    content = {**json.loads(path.read_text(encoding="utf-8")), **change}
    content["artifacts"] = content["artifacts"].replace("VICTIM", victim.as_uri())
    path.write_text(json.dumps(content), encoding="utf-8")
    assert main(["deliver"]) == (1 if "artifacts" in change else 0)
    said = capfd.readouterr()
    assert "0 runs delivered" in said.out
    assert ("it names another folder for results" in said.err) == ("artifacts" in change)
    assert contents(victim) == {"table.md": b"mine"}
    assert recorded() == set()


def changed(name: str, kind: Any = None, value: Any = None) -> Callable[[Path], None]:
    """Make a batch in which a column is another, or is not there."""

    def change(spool: Path) -> None:
        (part,) = spool.glob("*.arrow")
        table = read_part(part)
        position = table.column_names.index(name)
        other = table.remove_column(position)
        if kind is not None:
            other = table.set_column(position, name, pa.array([value] * table.num_rows, kind))
        part.unlink()
        write_part(spool, other)

    return change


def written(name: str, content: bytes) -> Callable[[Path], None]:
    def change(spool: Path) -> None:
        path = next(spool.glob("*.arrow")) if name == "batch" else spool / name
        path.write_bytes(content)

    return change


def linked(spool: Path) -> None:
    victim = Path("victim.txt")
    victim.write_text('["a"]\n', encoding="utf-8")
    (spool / "journal.jsonl").unlink(missing_ok=True)
    (spool / "journal.jsonl").symlink_to(victim.absolute())


DAMAGES = {
    "batch of no bytes": written("batch", b""),
    "batch of text": written("batch", b"no batch" * 100),
    "batch with another run's name": changed("run_id", pa.string(), "../../../victim"),
    "batch without its runs": changed("run_id"),
    "batch without a field": changed("label"),
    "batch with numbers for texts": changed("label", pa.int64(), 1),
    "batch with an empty field": changed("start", pa.int64()),
    "journal of bytes": written("journal.jsonl", b"\xff\xfe\n"),
    "journal of text": written("journal.jsonl", b"text\n"),
    "journal of numbers": written("journal.jsonl", b"[1]\n"),
    "journal of nothing": written("journal.jsonl", b"[]\n"),
    "journal of mappings": written("journal.jsonl", b'{"a": 1}\n'),
    "journal that is a link": linked,
    "end of no bytes": written("end.json", b""),
    "end of bytes": written("end.json", b"\xff"),
    "end that is a list": written("end.json", b"[1]"),
    "end with another key": written("end.json", b'{"failed": 0, "done": 2, "more": 1}'),
    "end with a text": written("end.json", b'{"failed": 0, "done": "two"}'),
    "end with metrics that are none": written("end.json", b'{"failed": 0, "done": 2, "metrics": [1]}'),
}


@pytest.mark.long
@pytest.mark.parametrize("name", DAMAGES)
def test_damage_is_a_sentence_and_nothing_is_delivered(spool: Path, far: Path, capfd: Capture, name: str) -> None:
    DAMAGES[name](spool)
    before = contents(spool)
    assert main(["deliver"]) == 1
    said = capfd.readouterr()
    assert "is damaged: it holds what digicarbon does not write there" in said.err
    assert "Traceback" not in said.err
    assert said.err.count("is damaged") == 1
    assert "0 runs delivered" in said.out
    # another store's command says it, too
    assert main(["deliver", "tracking.uri=sqlite:///other.db"]) == 1
    assert "is damaged" in capfd.readouterr().err
    with pytest.raises(TrackingError, match="is damaged"):
        begun()
    assert recorded() == set()
    assert contents(spool) | {"lock": b""} == before | {"lock": b""}
    assert not [path for path in far.rglob("*victim*") if path.is_dir()]
    if name.endswith("link"):
        assert Path("victim.txt").read_text(encoding="utf-8") == '["a"]\n'
    # what is moved away is fitted again
    spool.rename(far / "away")
    store = begun()
    store.write([of("a")])
    store.finish({}, failed=0, done=1)
    assert recorded() == {"a"}


def test_a_line_that_was_being_written_is_no_damage(spool: Path) -> None:
    (spool / "journal.jsonl").write_text('["a', encoding="utf-8")
    assert main(["deliver"]) == 0
    assert recorded() == {"a", "b"}


def test_a_sweep_that_goes_on_delivers_what_was_left_for_it(spool: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(MlflowClient, "log_batch", _unavailable)
        store = begun()
    assert "2 runs of x" in str(store.notices[1])
    store.finish({}, failed=0, done=2)
    assert recorded() == {"a", "b"}
    assert not spool.exists()


def test_rows_come_back_as_they_were_kept(far: Path) -> None:
    every = rows.batch([of("a"), of("b", config="x: 1")], "p", {})
    again = rows.rows(rows.table(every))
    assert [vars(one) for one in again] == [vars(one) for one in every]
