"""Programs that tests start and stop: an MLflow server, a PostgreSQL cluster of their own."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from conftest import skip

PATIENCE = 120.0


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Server:
    """``mlflow server`` on this machine, which can be stopped and started again at the same address."""

    def __init__(self, folder: Path, backend: str) -> None:
        self.folder, self.backend, self.port = folder, backend, free_port()
        self.uri = f"http://127.0.0.1:{self.port}"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        command = [sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(self.port)]
        command += ["--workers", "1", "--backend-store-uri", self.backend]
        command += ["--artifacts-destination", str(self.folder / "artifacts")]
        with (self.folder / "server.log").open("ab") as log:
            self._process = subprocess.Popen(
                command, cwd=self.folder, stdout=log, stderr=log, start_new_session=os.name != "nt"
            )
        until = time.monotonic() + PATIENCE
        while time.monotonic() < until:
            try:
                with urllib.request.urlopen(f"{self.uri}/health", timeout=2):
                    return
            except (urllib.error.URLError, OSError):
                time.sleep(0.2)
        raise RuntimeError((self.folder / "server.log").read_text(encoding="utf-8", errors="replace")[-3000:])

    def stop(self) -> None:
        if self._process is not None:
            if os.name == "nt":
                self._process.terminate()
            else:
                os.killpg(self._process.pid, 15)
            self._process.wait(timeout=60)
            self._process = None


def _postgresql_programs() -> Path | None:
    """The folder of initdb and pg_ctl: Debian keeps them off the path."""
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    found = shutil.which("initdb")
    folders += [Path(found).resolve().parent] if found else []
    return next((folder for folder in folders if (folder / "pg_ctl").exists()), None)


class Postgresql:
    """A PostgreSQL cluster in a folder, stopped after; its programs refuse to run as root."""

    def __init__(self, folder: Path, programs: Path) -> None:
        self.folder, self.programs, self.port = folder / "cluster", programs, free_port()
        self.folder.mkdir()
        self._user = "postgres" if os.name != "nt" and os.geteuid() == 0 else None
        if self._user:
            folder.chmod(0o755)
            shutil.chown(self.folder, self._user)
        self._call("initdb", "-D", str(self.folder), "-U", "digicarbon", "-A", "trust", "-E", "UTF8", "--locale=C")
        self.uri = f"postgresql+psycopg://digicarbon:secret@127.0.0.1:{self.port}/postgres"

    def start(self) -> None:
        options = f"-p {self.port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={self.folder}"
        self._call("pg_ctl", "-D", str(self.folder), "-l", str(self.folder / "log"), "-w", "-o", options, "start")

    def stop(self) -> None:
        self._call("pg_ctl", "-D", str(self.folder), "-m", "immediate", "-w", "stop")

    def _call(self, program: str, *arguments: str) -> None:
        done = subprocess.run(
            [str(self.programs / program), *arguments],
            cwd=self.folder,
            user=self._user,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            timeout=PATIENCE,
        )
        if done.returncode:
            raise RuntimeError(f"{program}: {done.stderr.decode(errors='replace')}")


@contextmanager
def postgresql() -> Iterator[Postgresql]:
    """Start a cluster and stop it after, or skip where there is no PostgreSQL."""
    programs = _postgresql_programs()
    if programs is None:
        skip("PostgreSQL is not installed (Debian: apt-get install postgresql)")
        raise AssertionError
    # pytest's own folders are closed to the user that PostgreSQL runs as
    with tempfile.TemporaryDirectory() as folder:
        cluster = Postgresql(Path(folder), programs)
        cluster.start()
        yield cluster
        cluster.stop()
