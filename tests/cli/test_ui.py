"""`digicarbon ui` starts what `mlflow ui` starts and says one line; nothing we start reports to MLflow's makers."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest
from conftest import REPOSITORY

from digicarbon.__main__ import main
from digicarbon.cli import ui

pytestmark = pytest.mark.long

STARTED = """
import json, os, sys
import mlflow.server
from mlflow.cli import cli

before = dict(os.environ)

class Process:
    pid = 1

    def wait(self):
        changed = {name: value for name, value in os.environ.items() if before.get(name) != value}
        sys.stdout.write("\\n" + json.dumps([self.command, {**changed, **self.variables}]))
        sys.stdout.flush()
        os._exit(0)

def start(command, extra_env, **settings):
    process = Process()
    process.command, process.variables = command, extra_env
    return process

mlflow.server._exec_cmd = start
cli.main(sys.argv[1:], standalone_mode=False)
"""
"""Prints the command and the variables that MLflow's own command would start a server with."""
MARKS = {"CI", "PYTEST_CURRENT_TEST", "GITHUB_ACTIONS", "DO_NOT_TRACK"}
"""Variables by which MLflow is silent, some of which are set where tests run."""
ASKED = "from mlflow.telemetry.utils import is_telemetry_disabled; print(is_telemetry_disabled())"


def _plain_environment() -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if name not in MARKS}
    return {name: value for name, value in kept.items() if not name.startswith("MLFLOW_")}


def test_it_starts_what_mlflow_itself_would_start(project: Path) -> None:
    store = "sqlite:///mlruns/mlflow.db"
    done = subprocess.run(
        [sys.executable, "-c", STARTED, "ui", "--host", "localhost", "--port", "5003"],
        env={**_plain_environment(), **ui.QUIET, "MLFLOW_BACKEND_STORE_URI": store},
        capture_output=True,
        text=True,
        check=True,
    )
    command, variables = json.loads(done.stdout.splitlines()[-1])
    ours = ui.settings_of_server(store)
    # one that is drawn for each start
    assert len(variables.pop("_MLFLOW_SERVER_BOOT_ID")) == len(ours.pop("_MLFLOW_SERVER_BOOT_ID"))
    assert variables == ours
    # ours says less
    place = command.index("--log-config")
    del command[place : place + 2]
    quick = ui.quick("localhost", "5003")
    place = quick.index("--log-level")
    del quick[place : place + 2]
    assert command == quick


def test_settings_of_mlflow_are_left_to_its_own_command() -> None:
    assert ui._changed({"PATH": "/", **ui.QUIET, "MLFLOW_TRACKING_URI": "http://x"}) == set()
    assert ui._changed({**ui.QUIET, "MLFLOW_WORKERS": "3"}) == {"MLFLOW_WORKERS"}
    assert ui._changed({"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "true"}) == {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION"}


def _printed(code: str, **variables: str) -> str:
    environment = {**_plain_environment(), **variables}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_mlflow_reports_unless_it_is_told_not_to() -> None:
    assert _printed(ASKED) == "False"
    assert _printed(ASKED, DO_NOT_TRACK="true") == "True"


@pytest.mark.parametrize(
    "module",
    sorted(
        ".".join(file.relative_to(REPOSITORY).with_suffix("").parts)
        for file in (REPOSITORY / "digicarbon").rglob("*.py")
        if "from mlflow" in file.read_text(encoding="utf-8")
    ),
)
def test_where_mlflow_is_imported_it_does_not_report(module: str) -> None:
    assert _printed(f"import {module}\n{ASKED}") == "True"


def test_who_wants_mlflow_to_report_can_have_it() -> None:
    assert _printed(f"import digicarbon.tracking\n{ASKED}", MLFLOW_DISABLE_TELEMETRY="false") == "False"


def test_a_server_that_we_start_does_not_report(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    for name in (*MARKS, "MLFLOW_DISABLE_TELEMETRY"):
        monkeypatch.delenv(name, raising=False)
    assert ui._served([sys.executable, "-c", ASKED]) == 0
    assert capfd.readouterr().out == "True\n"


@pytest.mark.outside  # MLflow's server takes seconds of a processor to start
@pytest.mark.skipif(os.name != "posix", reason="signals are those of POSIX")
def test_it_says_one_line_and_its_pages_do_not_report(project: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["run", "executor=sequential"]) == 0
    capfd.readouterr()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "digicarbon", "ui", "--port", str(port)]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=_plain_environment()
    ) as server:
        settings = json.loads(_answer(f"http://127.0.0.1:{port}/ajax-api/3.0/mlflow/ui-telemetry", server))
        found = json.loads(_answer(f"http://127.0.0.1:{port}/api/2.0/mlflow/experiments/get?experiment_id=1", server))
        server.send_signal(signal.SIGINT)
        said = server.communicate(timeout=600)[0]
        assert server.returncode == 128 + signal.SIGINT
    assert settings["disable_ui_telemetry"] is True
    assert found["experiment"]["name"] == "digicarbon"
    assert said.splitlines() == [said.strip()]
    assert said.startswith("Look at http://")


def _answer(address: str, server: subprocess.Popen[str]) -> bytes:
    """Return what a server answers, once it does."""
    while server.poll() is None:
        try:
            with urllib.request.urlopen(address, timeout=600) as page:
                return bytes(page.read())
        except OSError:
            time.sleep(0.2)
    return b""
