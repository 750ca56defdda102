"""`digicarbon ui`: MLflow's own interface on the project's store, and the end of all processes of its server."""

from __future__ import annotations

import errno
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import webbrowser
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from types import FrameType
from urllib.parse import quote, urlencode

from digicarbon.cli.command import terminal
from digicarbon.config.compose import Composer, loader
from digicarbon.config.files import ROOT, UNNAMED, command_line
from digicarbon.errors import DataError
from digicarbon.note import Note
from digicarbon.secret import masked
from digicarbon.tracking import VIEW, Tracking


def ui(words: Sequence[str], host: str | None, port: str | None) -> int:
    """Open MLflow's own interface on the project's store; return its exit status.

    Parameters
    ----------
    words : sequence of str
        An experiment, overrides such as ``tracking=server``, and further flags of ``mlflow ui``.
    host, port : str, optional
        The server's; by default those of MLflow.

    Raises
    ------
    DataError
        If there is no store yet.
    TrackingError
        If it cannot be read.
    """
    from digicarbon.sweep import sweep
    from digicarbon.tracking import follow, opening, refuse_unreadable

    rest = list(words)
    name = rest.pop(0) if rest and not rest[0].startswith("-") and "=" not in rest[0] else ROOT
    overrides = [word for word in rest if "=" in word and not word.startswith("-")]
    flags = [word for word in rest if word not in overrides]
    flags += [] if host is None else ["--host", host]
    tracking = sweep.settings(Composer(loader(), name, overrides)).tracking
    uri = tracking.uri
    if uri.startswith(("http://", "https://")):
        terminal().print(f"The store is a server; open {masked(uri)} in a browser.", soft_wrap=True)
        return 0
    if uri.startswith("sqlite:///") and not Path(uri.removeprefix("sqlite:///")).exists():
        first = command_line("run", name, overrides)
        raise DataError(Note("ui_no_store", store=masked(uri), command=first))
    refuse_unreadable(uri)
    follow(uri)
    address, port_number = host or "127.0.0.1", port or "5000"
    _refuse_used_port(address, port_number, [*([] if name == ROOT else [name]), *overrides, *flags])
    page = f"http://{address}:{port_number}/{_view(tracking, name)}"
    terminal().print(f"Look at {page}", soft_wrap=True)
    if sys.stdout.isatty():
        threading.Thread(target=_browse, args=(address, int(port_number), page), daemon=True).start()
    flags += [] if port is None else ["--port", port]
    # anybody on this machine can list the arguments of a process, yet not its environment
    return _served([sys.executable, "-m", "mlflow", "ui", *flags], MLFLOW_BACKEND_STORE_URI=opening(uri))


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
    # nobody starts jobs at a page to look at, and MLflow's job runner is eight more processes
    without_jobs = {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
    server = subprocess.Popen(command, env={**without_jobs, **os.environ, **variables}, start_new_session=True)
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
    from digicarbon.recorded import experiment_id, has_view

    identifier = experiment_id(tracking, tracking.experiment or (UNNAMED if name == ROOT else name))
    if not identifier:
        return ""
    query = {"workflowType": "machine_learning"}
    if has_view(tracking, identifier):
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
