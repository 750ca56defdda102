"""Workers and commands that are killed: no run is lost, none is there twice."""

from __future__ import annotations

import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from laboratory import EVERY, GATED, VICTIM, Contents, Laboratory, each_once, ended, undisturbed

pytestmark = pytest.mark.long

__all__ = ["undisturbed"]

WORKERS = ("executor.n_jobs=2", "executor.batch=2")
HERE = "executor=sequential"
"""The second call of a sweep: who fits does not matter, and no worker has to start."""
FITS = len(EVERY)


@pytest.fixture
def laboratory(tmp_path: Path, empty_store: Path) -> Iterator[Laboratory]:
    made = Laboratory(tmp_path)
    (tmp_path / "mlruns").mkdir()
    shutil.copy(empty_store, tmp_path / "mlruns" / "mlflow.db")
    made.furnish()
    yield made
    made.close()


def test_a_worker_that_is_killed_costs_nothing(laboratory: Laboratory, undisturbed: Contents) -> None:
    laboratory.order("die once")
    laboratory.call(*WORKERS)
    assert (laboratory.folder / "died.txt").exists()
    each_once(laboratory.sweep(), undisturbed)


@pytest.mark.outside
def test_a_run_that_kills_every_worker_is_a_failure_of_its_own(laboratory: Laboratory, undisturbed: Contents) -> None:
    laboratory.order("die always")
    assert "1 run failed" in laboratory.call(*WORKERS, status=1)
    sweep = laboratory.sweep()
    (victim,) = sweep.failed
    assert victim.data.params["model.controls"] == ", ".join(VICTIM)
    assert "ended without an answer" in victim.data.tags["digicarbon.error"]
    assert len(sweep.finished) == FITS - 1
    laboratory.order("behave")
    laboratory.call(HERE)
    each_once(laboratory.sweep(), undisturbed)
    assert laboratory.last_fits == [" ".join(VICTIM)]


@pytest.mark.parametrize("who", [WORKERS, pytest.param((HERE,), marks=pytest.mark.outside)])
def test_a_run_that_hangs_is_stopped_and_tried_again(
    laboratory: Laboratory, undisturbed: Contents, who: tuple[str, ...]
) -> None:
    laboratory.order("hang")
    # generous: on a busy machine the first run of a process waits for imports
    said = laboratory.call(*who, "executor.timeout=25", status=1)
    assert "1 run failed" in said
    assert "It took longer than 25 seconds (executor.timeout) and was stopped" in said
    sweep = laboratory.sweep()
    (victim,) = sweep.failed
    assert victim.data.params["model.controls"] == ", ".join(VICTIM)
    assert "in obey" in (laboratory.artifacts(victim) / "error.txt").read_text(encoding="utf-8")
    assert len(sweep.finished) == FITS - 1
    # once: what was stopped in a worker is not fitted again before the next call
    assert laboratory.fits.count(" ".join(VICTIM)) == 1
    laboratory.order("behave")
    laboratory.call(HERE)
    assert laboratory.last_fits == [" ".join(VICTIM)]
    each_once(laboratory.sweep(), undisturbed)


def test_the_command_is_killed_and_called_again(laboratory: Laboratory, undisturbed: Contents) -> None:
    laboratory.gate("closed")
    process = laboratory.start(*WORKERS)
    laboratory.await_runs(2)
    process.send_signal(signal.SIGKILL)
    ended(process, -signal.SIGKILL)
    written = laboratory.sweep().finished
    assert 2 <= len(written) <= FITS // 2
    laboratory.gate("open")
    laboratory.call(HERE)
    each_once(laboratory.sweep(), undisturbed)
    assert len(laboratory.last_fits) == FITS - len(written)
    # what is there stays: it is neither fitted nor written anew
    assert {run.info.run_id for run in written} <= {run.info.run_id for run in laboratory.sweep().finished}
    assert "Nothing to fit" in laboratory.call(HERE)
    assert laboratory.last_fits == []
    each_once(laboratory.sweep(), undisturbed)


def test_a_killed_command_leaves_neither_workers_nor_folders_behind(laboratory: Laboratory, tmp_path: Path) -> None:
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    laboratory.environment["TMPDIR"] = str(temporary)
    laboratory.gate("closed")
    process = laboratory.start(*WORKERS, sink=subprocess.PIPE)
    laboratory.await_runs(2)
    process.kill()
    assert left_in(temporary)
    # a pipe is at its end when all who inherited it have ended; an idle worker of joblib stays for five minutes
    process.communicate(timeout=120)
    fits = len(laboratory.fits)
    laboratory.gate("open")
    laboratory.call(HERE)
    assert left_in(temporary) == []
    assert len(laboratory.fits) - fits == len(laboratory.last_fits)


def test_what_is_fitted_is_written_while_a_long_run_lasts(laboratory: Laboratory) -> None:
    laboratory.gate("closed")
    process = laboratory.start(HERE)
    quick = FITS - len(GATED)
    # those that were quick came in a burst; the next one lasts
    laboratory.await_fits(quick + 1)
    laboratory.await_runs(quick, seconds=60)
    process.kill()
    ended(process, -signal.SIGKILL)
    assert len(laboratory.sweep().finished) == quick
    laboratory.gate("open")
    laboratory.call(HERE)
    assert len(laboratory.last_fits) == len(GATED)


def left_in(folder: Path) -> list[str]:
    """What sweeps have in a folder of temporary files."""
    return sorted(path.name for path in folder.glob("digicarbon*"))


@pytest.mark.parametrize("sign", [signal.SIGINT, pytest.param(signal.SIGTERM, marks=pytest.mark.outside)])
def test_an_interrupted_sweep_keeps_what_is_fitted_and_says_how_to_go_on(
    laboratory: Laboratory, undisturbed: Contents, sign: signal.Signals
) -> None:
    laboratory.gate("closed")
    process = laboratory.start(*WORKERS)
    laboratory.await_runs(2)
    process.send_signal(sign)
    said = ended(process, 130)
    assert "Traceback" not in said
    sweep = laboratory.sweep()
    assert sweep.parent.info.status == "KILLED"
    left = FITS - len(sweep.finished)
    assert FITS // 2 <= left < FITS
    assert f"the {left} runs that are left" in said
    laboratory.gate("open")
    laboratory.call(HERE)
    each_once(laboratory.sweep(), undisturbed)
    assert len(laboratory.last_fits) == left


@pytest.mark.outside
def test_two_sweeps_at_once_on_a_store_that_is_not_there_yet(tmp_path: Path, undisturbed: Contents) -> None:
    laboratory = Laboratory(tmp_path)
    laboratory.furnish(names=("faults", "others"))
    both = [laboratory.start(*WORKERS, experiment=name) for name in ("faults", "others")]
    for process in both:
        ended(process)
    for name in ("faults", "others"):
        each_once(laboratory.sweep(name), undisturbed)


@pytest.mark.outside
def test_the_same_sweep_twice_at_once(laboratory: Laboratory, undisturbed: Contents) -> None:
    both = [laboratory.start(*WORKERS) for _ in range(2)]
    for process in both:
        assert "Traceback" not in ended(process, None)
    laboratory.call(HERE)
    for sweep in laboratory.sweeps():
        each_once(sweep, undisturbed)
