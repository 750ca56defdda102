"""A sweep on which faults are tried: slow, with a model that misbehaves when a file asks for it, counted afterwards.

Everything is looked at from outside: the command line is started as a process of its own, runs are read from MLflow.
"""

from __future__ import annotations

import itertools
import json
import os
import shutil
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from urllib.request import url2pathname

import pytest
from mlflow import MlflowClient
from mlflow.entities import Run

from digicarbon.tracking._spool import Spool

CONTROLS = ("ln_pgdp", "ln_population", "ln_built_up_area", "ln_ter_sec")
EVERY = [list(some) for size in range(5) for some in itertools.combinations(CONTROLS, size)]
VICTIM = EVERY[5]
"""The controls of the run that misbehaves."""
GATED = EVERY[8:]
"""Those of the runs that wait while the gate is closed, so that a sweep stands still where a test wants it."""
Contents = dict[str, dict[str, float]]
"""All numbers of each fit by its hash."""
STORE = "sqlite:///mlruns/mlflow.db"

MINE = f'''
"""A model that does what orders.txt asks for, and waits while gate.txt says closed."""
import os
import signal
import time
from pathlib import Path

from digicarbon.model import PanelRegression

VICTIM = {VICTIM!r}
GATED = {GATED!r}


class Slow(PanelRegression):
    def fit(self, panel, weights=None):
        with open("fits.txt", "a", encoding="utf-8") as log:
            log.write(f"{{os.getpid()}},{{' '.join(self.controls)}}\\n")
        if list(self.controls) == VICTIM:
            obey(read("orders.txt"))
        while list(self.controls) in GATED and read("gate.txt") == "closed":
            time.sleep(0.05)
        return super().fit(panel, weights)


def read(name):
    return Path(name).read_text(encoding="utf-8")


def obey(order):
    if order == "die once" and not Path("died.txt").exists():
        Path("died.txt").write_text("", encoding="utf-8")
        os.kill(os.getpid(), signal.SIGKILL)
    if order == "die always":
        os.kill(os.getpid(), signal.SIGKILL)
    if order == "hang":
        time.sleep(600)
'''

MODEL = """\
# slow
_target_: mine.Slow
y: ${outcome.term}
x: ${measure.terms}
controls: ${outcome.controls}
cov: ${inference.cov}
"""


@dataclass(frozen=True)
class Sweep:
    """The runs of one parent: those that finished by content hash, and the others."""

    parent: Run
    runs: list[Run]

    @property
    def finished(self) -> list[Run]:
        return [run for run in self.runs if run.info.status == "FINISHED"]

    @property
    def failed(self) -> list[Run]:
        return [run for run in self.runs if run.info.status == "FAILED"]

    @property
    def contents(self) -> Contents:
        """All numbers of each fit by its hash."""
        return {run.data.tags["digicarbon.hash"]: run.data.metrics for run in self.finished}


class Command(subprocess.Popen[bytes]):
    """A command that was started, and the file of what it says."""

    def __init__(self, words: Sequence[str], said: Path, **settings: Any) -> None:
        self.said = said
        super().__init__(words, **settings)


@dataclass
class Laboratory:
    """A project folder with the slow sweep, and the processes that were started in it."""

    folder: Path
    uri: str = STORE
    started: list[Command] = field(default_factory=list)
    environment: dict[str, str] = field(default_factory=dict)

    def furnish(self, names: Sequence[str] = ("faults",)) -> None:
        """Write the model and the experiments."""
        (self.folder / "conf" / "model").mkdir(parents=True)
        (self.folder / "experiments").mkdir()
        (self.folder / "mine.py").write_text(MINE, encoding="utf-8")
        (self.folder / "conf" / "model" / "slow.yaml").write_text(MODEL, encoding="utf-8")
        for name in names:
            experiment = {
                "defaults": ["config", {"override model": "slow"}, "_self_"],
                "grid": {"outcome.controls": EVERY},
            }
            (self.folder / "experiments" / f"{name}.yaml").write_text(json.dumps(experiment), encoding="utf-8")
        self.order("behave")
        self.gate("open")

    def order(self, words: str) -> None:
        """Say how the victim behaves: ``behave``, ``die once``, ``die always`` or ``hang``."""
        (self.folder / "orders.txt").write_text(words, encoding="utf-8")

    def gate(self, state: str) -> None:
        """Have the second half of the sweep wait (``closed``) or not (``open``)."""
        # whole or not at all: workers read it again and again
        (self.folder / "gate.new").write_text(state, encoding="utf-8")
        (self.folder / "gate.new").replace(self.folder / "gate.txt")

    def start(self, *words: str, experiment: str = "faults", sink: int | None = None) -> Command:
        """Start the command and go on; what it says goes into a file, or into ``sink``."""
        command = [sys.executable, "-m", "digicarbon", "run", experiment, *self._tracking(), *words]
        said = self.folder / f"said_{len(self.started)}.txt"
        with said.open("w", encoding="utf-8") as file:
            process = Command(
                command,
                said,
                cwd=self.folder,
                stdout=file if sink is None else sink,
                stderr=file if sink is None else sink,
                env={**os.environ, "PYTHONUTF8": "1", **self.environment},
            )
        self.started.append(process)
        return process

    def call(self, *words: str, experiment: str = "faults", status: int = 0) -> str:
        """Run the command to its end, and return what it said."""
        said = ended(self.start(*words, experiment=experiment), status)
        assert "Traceback" not in said
        return said

    def close(self) -> None:
        """End what is still running."""
        for process in self.started:
            if process.poll() is None:
                process.kill()
                process.wait()

    @property
    def fits(self) -> list[str]:
        """The specifications that were fitted, by their controls."""
        return [controls for _, _, controls in self._fits()]

    @property
    def last_fits(self) -> list[str]:
        """Those that the last command fitted in its own process; workers of a killed one may go on for a moment."""
        return [controls for pid, _, controls in self._fits() if int(pid) == self.started[-1].pid]

    def _fits(self) -> list[tuple[str, str, str]]:
        log = self.folder / "fits.txt"
        return [line.partition(",") for line in log.read_text(encoding="utf-8").splitlines()] if log.exists() else []

    def await_fits(self, count: int) -> None:
        """Wait until so many fits were begun."""
        wait_for(lambda: len(self.fits) >= count, f"{count} fits")

    def await_runs(self, count: int, experiment: str = "faults", seconds: float = 300) -> None:
        """Wait until so many runs are in the store."""
        wait_for(lambda: sum(len(sweep.runs) for sweep in self.sweeps(experiment)) >= count, f"{count} runs", seconds)

    def sweeps(self, experiment: str = "faults") -> list[Sweep]:
        """All sweeps of an experiment, the newest first; deleted runs do not count."""
        uri = self.uri
        if uri.startswith("sqlite:///"):
            path = self.folder / uri.removeprefix("sqlite:///")
            if not path.exists():
                return []
            uri = f"sqlite:///{path.as_posix()}"
        client = MlflowClient(tracking_uri=uri)
        found = client.get_experiment_by_name(experiment)
        if found is None:
            return []
        runs = list(
            client.search_runs([found.experiment_id], max_results=5000, order_by=["attributes.start_time DESC"])
        )
        parents = [run for run in runs if run.data.tags.get("digicarbon.kind") == "sweep"]
        return [
            Sweep(parent, [run for run in runs if run.data.tags.get("mlflow.parentRunId") == parent.info.run_id])
            for parent in parents
        ]

    def sweep(self, experiment: str = "faults") -> Sweep:
        """The only sweep of an experiment."""
        (only,) = self.sweeps(experiment)
        return only

    def waiting(self) -> int:
        """How many runs wait in the project's spools."""
        return sum(Spool(path.parent).waiting() for path in self.folder.glob("mlruns/spool/*/sweep.json"))

    def artifacts(self, run: Run) -> Path:
        """Return the folder of a run's artifacts."""
        uri = str(run.info.artifact_uri)
        return self.folder / (url2pathname(urlsplit(uri).path) if uri.startswith("file:") else uri)

    def _tracking(self) -> list[str]:
        if self.uri.startswith("http"):
            return ["tracking=server", f"tracking.uri={self.uri}"]
        return [] if self.uri == STORE else [f"tracking.uri={self.uri}"]


def ended(process: Command, status: int | None = 0) -> str:
    """Return what a process said after it ended with a status (None: any)."""
    process.wait(timeout=600)
    said = process.said.read_text(encoding="utf-8")
    assert status is None or process.returncode == status, f"status {process.returncode}\n{said}"
    return said


def wait_for(what: Callable[[], bool], name: str, seconds: float = 300) -> None:
    """Wait until something is so.

    Raises
    ------
    TimeoutError
        If it does not come.
    """
    end = time.monotonic() + seconds
    while not what():
        if time.monotonic() > end:
            raise TimeoutError(f"{name} did not come within {seconds} s")
        time.sleep(0.3)


def each_once(sweep: Sweep, expected: Contents) -> None:
    """Check by count and content that a sweep holds each fit of an undisturbed one exactly once, and nothing else."""
    counts = Counter(run.data.tags["digicarbon.hash"] for run in sweep.runs)
    assert set(counts.values()) == {1}, "a run is there more than once"
    assert sweep.failed == []
    assert sweep.contents.keys() == expected.keys()
    for key, numbers in expected.items():
        own = sweep.contents[key]
        assert own.keys() == numbers.keys()
        for name, value in numbers.items():
            assert abs(own[name] - value) <= 1e-10 * max(1.0, abs(value)), (key, name)
    assert sweep.parent.info.status == "FINISHED"
    assert sweep.parent.data.metrics["runs.done"] == len(expected)


@pytest.fixture(scope="session")
def undisturbed(tmp_path_factory: pytest.TempPathFactory, empty_store: Path) -> Contents:
    """All numbers of a sweep that nothing happened to, by content hash."""
    quiet = Laboratory(tmp_path_factory.mktemp("quiet"))
    (quiet.folder / "mlruns").mkdir()
    shutil.copy(empty_store, quiet.folder / "mlruns" / "mlflow.db")
    quiet.furnish()
    quiet.call("executor=sequential")
    contents = quiet.sweep().contents
    assert len(contents) == len(EVERY)
    assert len({numbers["coef.ln_e"] for numbers in contents.values()}) == len(EVERY)
    return contents
