"""`digicarbon ui`: MLflow's own interface on the project's store, and the end of all processes of its server."""

from __future__ import annotations

import errno
import os
import secrets
import signal
import socket
import subprocess
import sys
import threading
import time
import webbrowser
from collections.abc import Mapping, Sequence
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path
from types import FrameType
from urllib.parse import quote, urlencode

from digicarbon.cli.command import say
from digicarbon.config.compose import Composer, loader
from digicarbon.config.files import ROOT, UNNAMED, command_line
from digicarbon.errors import DataError
from digicarbon.note import Note
from digicarbon.secret import masked
from digicarbon.tracking import SHARED, VIEW, Tracking, described, follow, opening, refuse_unreadable

KNOWN = "3.17."
"""The MLflow whose `mlflow ui` is known to start no more than what `quick` starts."""
QUIET = {
    # nobody starts jobs at a page to look at, and MLflow's job runner is eight more processes
    "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
    # a page has one reader, and each worker loads MLflow anew
    "MLFLOW_WORKERS": "1",
    # MLflow's own debt, nothing that a reader can change
    "PYTHONWARNINGS": "ignore:starlette.middleware.wsgi is deprecated",
    "MLFLOW_DISABLE_TELEMETRY": "true",
}
"""Variables of a server, where the user has not set them."""


def ui(words: Sequence[str], host: str | None, port: str | None) -> int:
    """Open MLflow's own interface on the project's store; return its exit status.

    ``words``: an experiment, overrides such as ``tracking=server``, and further flags of ``mlflow ui``. ``host``,
    ``port``: the server's; by default those of MLflow. Raises DataError if there is no store yet; TrackingError if it
    cannot be read.
    """
    from digicarbon.sweep import sweep

    plain = version("mlflow").startswith(KNOWN) and not _changed(os.environ)
    rest = list(words)
    name = rest.pop(0) if rest and not rest[0].startswith("-") and "=" not in rest[0] else ROOT
    overrides = [word for word in rest if "=" in word and not word.startswith("-")]
    flags = [word for word in rest if word not in overrides]
    tracking = sweep.settings(Composer(loader(), name, overrides)).tracking
    uri = tracking.uri
    if uri.startswith(("http://", "https://")):
        say(Note("store_is_server", uri=masked(uri)))
        return 0
    if uri.startswith("sqlite:///") and not Path(uri.removeprefix("sqlite:///")).exists():
        first = command_line("run", name, overrides)
        raise DataError(Note("ui_no_store", store=masked(uri), command=first))
    refuse_unreadable(uri)
    follow(uri)
    address, port_number = host or "127.0.0.1", port or "5000"
    given = [*flags, *([] if host is None else ["--host", host])]
    _refuse_used_port(address, port_number, [*([] if name == ROOT else [name]), *overrides, *given])
    page = f"http://{address}:{port_number}/{_view(tracking, name)}"
    say(Note("look_at", page=page))
    if sys.stdout.isatty():
        threading.Thread(target=_browse, args=(address, int(port_number), page), daemon=True).start()
    # anybody on this machine can list the arguments of a process, yet not its environment
    if plain and not flags:
        return _served(quick(address, port_number), **settings_of_server(opening(uri)))
    given += [] if port is None else ["--port", port]
    return _served([sys.executable, "-m", "mlflow", "ui", *given], MLFLOW_BACKEND_STORE_URI=opening(uri))


def quick(host: str, port: str) -> list[str]:
    """Return the command that `mlflow ui` starts, which takes it as long as the server itself takes to start."""
    return [
        *(sys.executable, "-m", "uvicorn", "--host", host, "--port", port, "--workers", "1"),
        *("--log-level", "warning", "mlflow.server.fastapi_app:app"),
    ]


def settings_of_server(uri: str) -> dict[str, str]:
    """Return the variables that `mlflow ui` hands to its server of a store."""
    return {
        "_MLFLOW_SERVER_FILE_STORE": uri,
        "_MLFLOW_SERVER_REGISTRY_STORE": uri,
        "_MLFLOW_SERVER_ARTIFACT_ROOT": "mlflow-artifacts:/",
        "_MLFLOW_SERVER_SERVE_ARTIFACTS": "true",
        "_MLFLOW_SERVER_ARTIFACT_DESTINATION": "./mlartifacts",
        "_MLFLOW_SERVER_BOOT_ID": secrets.token_hex(16),
        "_MLFLOW_IN_JOB_EXECUTOR": "false",
        "_MLFLOW_SGI_NAME": "uvicorn",
        "MLFLOW_SERVER_SECRETS_CACHE_TTL": "60",
        "MLFLOW_SERVER_SECRETS_CACHE_MAX_SIZE": "1000",
        "MLFLOW_SERVER_X_FRAME_OPTIONS": "SAMEORIGIN",
        "MLFLOW_ENABLE_WORKSPACES": "false",
        "MLFLOW_TRACKING_URI": uri,
        "MLFLOW_REGISTRY_URI": uri,
    }


def _changed(environment: Mapping[str, str]) -> set[str]:
    """Return the user's own settings of MLflow, which its command reads."""
    given = {(name, value) for name, value in environment.items() if name.startswith("MLFLOW_")}
    return {name for name, _ in given - QUIET.items() if name != "MLFLOW_TRACKING_URI"}


def _refuse_used_port(host: str, port: str, words: Sequence[str]) -> None:
    """Raise a `DataError` if another program uses a port of this machine; ``words`` are the command's arguments."""
    with suppress(ValueError, OverflowError), socket.socket() as probe:
        if os.name == "posix":
            # a port whose last server has just ended is free
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, int(port)))
        except OSError as error:
            # mlflow itself reports other faults of an address
            if error.errno == errno.EADDRINUSE:
                command = command_line("ui", words=[*words, "--port", str(int(port) + 1)])
                raise DataError(Note("ui_port_taken", port=port, host=host, command=command)) from error


def _served(command: Sequence[str], **variables: str) -> int:
    """Run a server until it or this command ends, then end all its processes; return its exit status."""
    signals = [one for name in ("SIGINT", "SIGTERM", "SIGHUP") if (one := getattr(signal, name, None)) is not None]
    main_thread = threading.current_thread() is threading.main_thread()
    before = {one: signal.signal(one, _stop) for one in signals} if main_thread else {}
    # a separate process group, since the server starts processes that outlive it
    server = subprocess.Popen(command, env={**QUIET, **os.environ, **variables}, start_new_session=True)
    try:
        return server.wait()
    except _StoppedError as stopped:
        return 128 + stopped.number
    finally:
        for one in before:
            signal.signal(one, signal.SIG_IGN)
        _end_group(server)
        for one, handler in before.items():
            signal.signal(one, handler)


class _StoppedError(Exception):
    """A signal requested the end of this command."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


def _stop(number: int, frame: FrameType | None) -> None:
    raise _StoppedError(number)


def _end_group(server: subprocess.Popen[bytes]) -> None:
    """End a process and all that it started; kill them if they have not ended within some seconds."""
    for name in ("SIGTERM", "SIGKILL"):
        if hasattr(os, "killpg"):
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(server.pid, getattr(signal, name))
        elif name == "SIGTERM":
            server.terminate()
        else:
            server.kill()
        with suppress(subprocess.TimeoutExpired):
            server.wait(timeout=5)
            _await_group(server.pid)


def _await_group(group: int) -> None:
    """Wait until a process group is empty, a few seconds at most."""
    for _ in range(50):
        try:
            os.killpg(group, 0)
        except (AttributeError, ProcessLookupError, PermissionError):
            return
        time.sleep(0.1)


def _view(tracking: Tracking, name: str) -> str:
    """Return the part of an address that shows the runs of an experiment; empty if the store has none of that name.

    A store of an earlier version has no view of the experiment: the address then has its filter and order.
    """
    found = described(tracking.uri, tracking.experiment or (UNNAMED if name == ROOT else name))
    if found is None:
        return ""
    identifier, tags = found
    query = {"workflowType": "machine_learning"}
    if f"{SHARED}{VIEW}" in tags:
        query |= {"viewStateShareKey": VIEW}
    else:
        query |= {
            "searchFilter": "tags.\"digicarbon.kind\" = 'specification'",
            "orderByKey": "metrics.`focal.effect`",
            "orderByAsc": "true",
        }
    return f"#/experiments/{identifier}/runs?{urlencode(query, quote_via=quote)}"


def _browse(host: str, port: int, page: str) -> None:
    """Open a page when its server answers, within a minute and a half."""
    for _ in range(180):
        with suppress(OSError), socket.create_connection((host, port), timeout=1):
            webbrowser.open(page)
            return
        time.sleep(0.5)
