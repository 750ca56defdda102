"""Stores that fail while a sweep runs: a full disk, a read-only one, a server and a database that come back."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from conftest import skip
from laboratory import EVERY, Contents, Laboratory, each_once, ended, undisturbed, wait_for
from mlflow import MlflowClient

pytestmark = pytest.mark.outside

__all__ = ["undisturbed"]

WORKERS = ("executor.n_jobs=2", "executor.batch=2")
HERE = "executor=sequential"
FITS = len(EVERY)


def free_port() -> int:
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


# ---- disks


@dataclass
class Disk:
    """A small disk in memory, mounted for a test."""

    place: Path

    def mount(self, megabytes: int) -> None:
        self.place.mkdir(parents=True)
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", str(self.place)], check=True)

    def remount(self, mode: str) -> None:
        subprocess.run(["mount", "-o", f"remount,{mode}", str(self.place)], check=True)

    @contextmanager
    def read_only(self) -> Iterator[None]:
        """Let nothing new be opened for writing for a while; files that a command holds open it can write."""
        # a mount of its own over the place: the disk itself cannot be remounted while a lock is held on it
        subprocess.run(["mount", "--bind", str(self.place), str(self.place)], check=True)
        subprocess.run(["mount", "-o", "remount,bind,ro", str(self.place)], check=True)
        try:
            yield
        finally:
            subprocess.run(["umount", "-l", str(self.place)], check=True)

    def fill(self, leave: int) -> None:
        """Take all of the disk but so many bytes."""
        free = os.statvfs(self.place)
        with (self.place / "filler").open("wb") as filler:
            filler.write(b"0" * (free.f_bavail * free.f_frsize - leave))

    def clear(self) -> None:
        (self.place / "filler").unlink()

    def unmount(self) -> None:
        subprocess.run(["umount", "-l", str(self.place)], check=False)


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    if sys.platform != "linux" or os.geteuid() != 0:
        pytest.skip("a small disk can be mounted by root on Linux only")
    made = Disk(tmp_path / "disk")
    try:
        made.mount(24)
    except subprocess.CalledProcessError:
        pytest.skip("this machine does not let its root mount a disk")
    yield made
    made.unmount()


@pytest.fixture
def laboratory(tmp_path: Path) -> Iterator[Laboratory]:
    folder = tmp_path / "project"
    folder.mkdir()
    made = Laboratory(folder)
    made.furnish()
    yield made
    made.close()


def test_a_full_disk_is_a_sentence_and_no_run_is_lost(
    disk: Disk, laboratory: Laboratory, empty_store: Path, undisturbed: Contents
) -> None:
    shutil.copy(empty_store, disk.place / "mlflow.db")
    laboratory.uri = f"sqlite:///{disk.place / 'mlflow.db'}"
    artifacts = f"tracking.artifacts={disk.place / 'artifacts'}"
    laboratory.gate("closed")
    process = laboratory.start(*WORKERS, artifacts)
    laboratory.await_runs(2)
    disk.fill(leave=4096)
    laboratory.gate("open")
    said = ended(process, 2)
    assert "Traceback" not in said
    assert "full" in said or "No space left" in said
    disk.clear()
    laboratory.call(HERE, artifacts)
    each_once(laboratory.sweep(), undisturbed)
    # what the disk did not take was kept in the project's folder
    assert len(laboratory.last_fits) < FITS - 2


def test_a_project_on_a_full_disk(disk: Disk, laboratory: Laboratory, empty_store: Path, undisturbed: Contents) -> None:
    (laboratory.folder / "mlruns").symlink_to(disk.place, target_is_directory=True)
    shutil.copy(empty_store, disk.place / "mlflow.db")
    laboratory.gate("closed")
    process = laboratory.start(*WORKERS)
    laboratory.await_runs(2)
    disk.fill(leave=4096)
    laboratory.gate("open")
    said = ended(process, 2)
    assert "Traceback" not in said
    assert "full" in said or "No space left" in said
    disk.clear()
    laboratory.call(HERE)
    each_once(laboratory.sweep(), undisturbed)


def test_a_read_only_store_is_refused_before_anything_is_fitted(
    disk: Disk, laboratory: Laboratory, empty_store: Path, undisturbed: Contents
) -> None:
    (laboratory.folder / "mlruns").symlink_to(disk.place, target_is_directory=True)
    shutil.copy(empty_store, disk.place / "mlflow.db")
    disk.remount("ro")
    said = laboratory.call(*WORKERS, status=2)
    assert "tracking" in said
    assert len(laboratory.fits) == 0
    disk.remount("rw")
    laboratory.call(HERE)
    each_once(laboratory.sweep(), undisturbed)


@pytest.mark.parametrize("results", ["there", "elsewhere"])
def test_a_store_that_becomes_read_only_in_the_middle(
    disk: Disk, laboratory: Laboratory, empty_store: Path, undisturbed: Contents, results: str
) -> None:
    shutil.copy(empty_store, disk.place / "mlflow.db")
    laboratory.uri = f"sqlite:///{disk.place / 'mlflow.db'}"
    folder = {"there": disk.place, "elsewhere": laboratory.folder}[results] / "artifacts"
    artifacts = f"tracking.artifacts={folder}"
    laboratory.gate("closed")
    process = laboratory.start(*WORKERS, artifacts)
    laboratory.await_runs(2)
    before = len(laboratory.sweep().runs)
    with disk.read_only():
        laboratory.gate("open")
        said = ended(process, 2)
        assert "Traceback" not in said
        assert "read-only" in said
        assert "digicarbon deliver" in said
        kept = laboratory.waiting()
        assert kept > 0
        # the same command while it is still so: a sentence again, and what waits stays
        fits = len(laboratory.fits)
        assert "read-only" in laboratory.call(HERE, artifacts, status=2)
        assert len(laboratory.fits) == fits
        assert laboratory.waiting() == kept
    assert len(laboratory.sweep().runs) == before
    laboratory.call(HERE, artifacts)
    each_once(laboratory.sweep(), undisturbed)
    assert laboratory.waiting() == 0
    assert len(laboratory.last_fits) == FITS - before - kept


def test_a_project_whose_folder_becomes_read_only_in_the_middle(
    disk: Disk, laboratory: Laboratory, empty_store: Path, undisturbed: Contents
) -> None:
    (laboratory.folder / "mlruns").symlink_to(disk.place, target_is_directory=True)
    shutil.copy(empty_store, disk.place / "mlflow.db")
    laboratory.gate("closed")
    process = laboratory.start(*WORKERS)
    laboratory.await_runs(2)
    with disk.read_only():
        laboratory.gate("open")
        said = ended(process, 2)
        assert "Traceback" not in said
        assert "read-only" in said
    laboratory.call(HERE)
    each_once(laboratory.sweep(), undisturbed)
    # what the folder did not take was kept in the system's temporary folder
    assert len(laboratory.last_fits) < FITS - 2


# ---- an MLflow server


@dataclass
class Server:
    """An MLflow server on this machine that can be stopped and started again."""

    folder: Path
    port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None

    @property
    def uri(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        command = [sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(self.port)]
        command += ["--backend-store-uri", f"sqlite:///{self.folder / 'server.db'}", "--workers", "1"]
        command += ["--artifacts-destination", str(self.folder / "served")]
        with (self.folder / "server.txt").open("ab") as log:
            self.process = subprocess.Popen(command, cwd=self.folder, stdout=log, stderr=log, start_new_session=True)
        wait_for(self._answers, "the MLflow server")

    def stop(self) -> None:
        if self.process is not None:
            with suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
            self.process = None

    def _answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.uri}/health", timeout=5) as answer:
                return bool(answer.status == 200)
        except (urllib.error.URLError, OSError):
            return False


@pytest.fixture
def server(tmp_path: Path, empty_store: Path) -> Iterator[Server]:
    folder = tmp_path / "server"
    folder.mkdir()
    shutil.copy(empty_store, folder / "server.db")
    made = Server(folder)
    made.start()
    yield made
    made.stop()


def test_a_server_that_stops_and_comes_back_while_a_sweep_runs(
    server: Server, laboratory: Laboratory, undisturbed: Contents
) -> None:
    laboratory.uri = server.uri
    laboratory.gate("closed")
    process = laboratory.start(*WORKERS)
    laboratory.await_runs(2)
    server.stop()
    laboratory.gate("open")
    # fitting goes on without the server
    laboratory.await_fits(FITS)
    server.start()
    assert "Traceback" not in ended(process, None)
    laboratory.call(HERE)
    each_once(laboratory.sweep(), undisturbed)
    assert len(laboratory.fits) == FITS


def test_a_server_that_stays_away_until_the_next_call(
    server: Server, laboratory: Laboratory, undisturbed: Contents
) -> None:
    laboratory.uri = server.uri
    laboratory.gate("closed")
    process = laboratory.start(*WORKERS)
    laboratory.await_runs(2)
    server.stop()
    laboratory.gate("open")
    said = ended(process, None)
    assert "Traceback" not in said
    assert "does not answer" in said
    assert len(laboratory.fits) == FITS
    server.start()
    laboratory.call(HERE)
    each_once(laboratory.sweep(), undisturbed)
    assert len(laboratory.fits) == FITS


# ---- PostgreSQL


@dataclass
class Cluster:
    """A PostgreSQL cluster of its own, run by a user without rights."""

    folder: Path
    programs: Path
    port: int = field(default_factory=free_port)

    @property
    def uri(self) -> str:
        return f"postgresql+psycopg://digicarbon@127.0.0.1:{self.port}/postgres"

    def create(self) -> None:
        self.folder.mkdir()
        if os.geteuid() == 0:
            shutil.chown(self.folder, "nobody")
        self._call("initdb", "-D", self.folder / "data", "-U", "digicarbon", "-A", "trust", "-E", "UTF8", "--locale=C")

    def start(self) -> None:
        options = f"-p {self.port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={self.folder}"
        self._call("pg_ctl", "-D", self.folder / "data", "-l", self.folder / "log.txt", "-o", options, "-w", "start")

    def stop(self) -> None:
        self._call("pg_ctl", "-D", self.folder / "data", "-m", "immediate", "stop")

    def _call(self, program: str, *words: str | Path) -> None:
        user = "nobody" if os.geteuid() == 0 else None
        command = [str(self.programs / program), *map(str, words)]
        done = subprocess.run(command, cwd=self.folder, user=user, stdout=subprocess.DEVNULL, check=False)
        if done.returncode:
            raise RuntimeError(f"{program} ended with {done.returncode}")


def programs_of_postgres() -> Path | None:
    """The folder of PostgreSQL's programs, which Debian keeps off the path."""
    folders = [*sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)]
    found = shutil.which("initdb")
    folders += [Path(found).parent] if found else []
    return next((folder for folder in folders if (folder / "initdb").exists() and (folder / "pg_ctl").exists()), None)


@pytest.fixture
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    pytest.importorskip("psycopg")
    programs = programs_of_postgres()
    if programs is None:
        skip("PostgreSQL is not installed (Debian: apt-get install postgresql)")
    # the user without rights must be able to reach it
    top = Path("/tmp") if os.geteuid() == 0 else tmp_path_factory.mktemp("postgres")
    made = Cluster(top / f"digicarbon_postgres_{os.getpid()}", programs)
    made.create()
    made.start()
    # its tables: not made by the first command while the test already looks for runs
    MlflowClient(tracking_uri=made.uri).search_experiments()
    yield made
    with suppress(RuntimeError):
        made.stop()
    shutil.rmtree(made.folder)


def test_a_database_that_stops_while_a_sweep_runs(
    cluster: Cluster, laboratory: Laboratory, undisturbed: Contents
) -> None:
    laboratory.uri = cluster.uri
    laboratory.gate("closed")
    process = laboratory.start(*WORKERS)
    laboratory.await_runs(2)
    cluster.stop()
    laboratory.gate("open")
    said = ended(process, None)
    assert "Traceback" not in said
    assert "tracking" in said
    fitted = len(laboratory.fits)
    cluster.start()
    laboratory.call(HERE)
    each_once(laboratory.sweep(), undisturbed)
    assert len(laboratory.fits) <= fitted + FITS - 2
