"""The engine: every run comes back once, whoever fits it, in whatever order and whatever happens to workers."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from joblib.externals.loky import get_reusable_executor

from digicarbon.config.compose import Composer, loader
from digicarbon.errors import ConfigError, Interrupt
from digicarbon.executor import DaskExecutor, Executor, LocalExecutor, RayExecutor, SlurmExecutor
from digicarbon.note import Note
from digicarbon.plan.expand import read_overrides
from digicarbon.plan.runs import Plan, plan
from digicarbon.result import Result
from digicarbon.sweep import engine
from digicarbon.sweep.engine import Fitted, Work, fitted
from digicarbon.sweep.shared import SharedPanels
from digicarbon.tracking import metrics

pytestmark = pytest.mark.long

TIMEOUT = 8.0
"""Seconds of a fit; the first of a process takes up to .7, with its imports, those of sleepers 60."""

MOODS = '''
import os
import signal
import time
from dataclasses import replace
from pathlib import Path

from digicarbon.model import PanelRegression

KEPT = []


class Moody(PanelRegression):
    """Does to its process what its mood says."""

    mood: str = "good"
    place: str = ""

    def fit(self, panel, weights=None):
        first = Path(self.place, self.mood)
        if self.mood == "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        if self.mood == "once" and not first.exists():
            first.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        if self.mood == "slow":
            first.touch()
            time.sleep(60)
            Path(self.place, "slept").touch()
        if self.mood.startswith("w"):
            Path(self.place, f"{self.mood}-{os.getpid()}").touch()
            time.sleep(0.4)
        if self.mood.startswith("grows"):
            KEPT.append(b"." * 400_000_000)
            time.sleep(1.2)
        if self.mood == "exit":
            raise SystemExit(3)
        found = super().fit(panel, weights)
        return replace(found, coef=found.coef * float("nan")) if self.mood == "lost" else found
'''


@pytest.fixture
def moody(folder: Path) -> Iterator[Path]:
    """A folder with a model of the user's own; worker processes that know another `mine` are sent home."""
    get_reusable_executor().shutdown(wait=True)
    (folder / "mine.py").write_text(MOODS, encoding="utf-8")
    (folder / "conf" / "model").mkdir(parents=True)
    (folder / "conf" / "model" / "moody.yaml").write_text(
        f"# moody\n_target_: mine.Moody\nmood: good\nplace: '{folder.as_posix()}'\n"
        "y: ${outcome.term}\nx: ${measure.terms}\ncontrols: []\n",
        encoding="utf-8",
    )
    yield folder
    get_reusable_executor().shutdown(wait=True)


MISCHIEF = '''
import os
import signal
import threading
import time
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd

from digicarbon.model import PanelRegression

STEP = 1.0


class Stop(BaseException):
    pass


class Silent(Exception):
    def __str__(self):
        raise ValueError


class Mischief(PanelRegression):
    """Does what its mood says."""

    mood: str = "good"
    place: str = ""

    def fit(self, panel, weights=None):
        if self.mood == "edit":
            # another version of this file, and a worker that is lost
            mine = Path(self.place, "mine.py")
            text = mine.read_text(encoding="utf-8")
            if "STEP = 1.0" in text:
                mine.write_text(text.replace("STEP = 1.0", "STEP = 2.0"), encoding="utf-8")
                os.kill(os.getpid(), signal.SIGKILL)
        if self.mood == "stop":
            raise Stop("enough")
        if self.mood == "interrupt":
            raise KeyboardInterrupt
        if self.mood == "silent":
            raise Silent
        if self.mood == "error":
            raise ValueError("half \\ud800")
        if self.mood == "halt":
            os.kill(os.getpid(), signal.SIGSTOP)
        if self.mood == "close":
            os.closerange(3, 512)
        if self.mood == "close and sleep":
            os.closerange(3, 512)
            time.sleep(60)
            Path(self.place, "slept").touch()
        found = super().fit(panel, weights)
        object.__setattr__(found, "coef", found.coef + step())
        if self.mood == "notes":
            words = [pd.Index([f"{letter}\\ud800"], dtype=object) for letter in "abc"]
            half = pd.DataFrame({0: pd.Series(words[1], dtype=object)}, dtype=object)
            half.columns, half.index = words[0], words[2]
            object.__setattr__(found, "notes", ("half \\ud800",))
            object.__setattr__(found, "statistics", {**found.statistics, "d\\ud800": 1.0})
            object.__setattr__(found, "tables", {"e\\ud800": half})
        if self.mood == "lock":
            object.__setattr__(found, "tables", {"lock": pd.DataFrame({"a": [threading.Lock()]})})
        return found


@cache
def step():
    # pickled by its name, unlike a plain function
    return STEP
'''


@pytest.fixture
def mischief(moody: Path) -> Path:
    """The same with another model."""
    (moody / "mine.py").write_text(MISCHIEF, encoding="utf-8")
    model = moody / "conf" / "model" / "moody.yaml"
    model.write_text(model.read_text(encoding="utf-8").replace("mine.Moody", "mine.Mischief"), encoding="utf-8")
    return moody


def planned(*overrides: str) -> Plan:
    config_loader = loader()
    plain, axes = read_overrides(overrides, config_loader)
    return plan(Composer(config_loader, "config", plain), axes)


def outcome(made: Plan, executor: Executor, order: list[int] | None = None, own: bool = False) -> dict[str, Fitted]:
    """Fit a plan's runs; a run that came back twice or not at all is told."""
    runs = made.runs
    with SharedPanels(local=not executor.remote) as stages:
        work = Work(
            lambda index: stages.task(index, runs[index]),
            order or list(range(len(runs))),
            ["any"] * len(runs),
            executor,
            own,
        )
        every = [one for found in fitted(work) for one in found]
    assert sorted(one.index for one in every) == list(range(len(runs)))
    return {runs[one.index].label: one for one in every}


def numbers(found: dict[str, Fitted]) -> pd.Series:
    return pd.Series(
        {
            f"{label} {name}": value
            for label, one in sorted(found.items())
            if one.result is not None
            for name, value in metrics(one.result).items()
        }
    )


def test_an_estimate_that_is_no_number_is_a_failure(moody: Path) -> None:
    found = outcome(planned("model=moody", "model.mood=good,lost"), LocalExecutor(backend="sequential"))
    assert found["model.mood=good"].result is not None
    assert found["model.mood=lost"].result is None
    assert "is not a finite number" in found["model.mood=lost"].error


def test_workers_that_grow_are_replaced(moody: Path) -> None:
    """Loky ends them and warns in the thread that would start others; here, a warning is an error."""
    moods = ("good", "grows1", "grows2", "good2")
    found = outcome(planned("model=moody", f"model.mood={','.join(moods)}"), LocalExecutor(n_jobs=2, batch=1), own=True)
    assert all(one.result is not None for one in found.values())


def test_numbers_do_not_depend_on_backend_order_or_batch(folder: Path) -> None:
    made = planned("model=twfe,sdm", "measure=ddl,bea", "diagnostic=none,vif")
    first = numbers(outcome(made, LocalExecutor(backend="sequential")))
    order = [int(index) for index in np.random.default_rng(1).permutation(len(made.runs))]
    for executor in (
        LocalExecutor(backend="sequential"),
        LocalExecutor(backend="threading", n_jobs=2, batch=1),
        LocalExecutor(backend="threading", n_jobs=3),
        LocalExecutor(backend="loky", n_jobs=2, batch=3),
        LocalExecutor(backend="loky", n_jobs=2),
    ):
        found = numbers(outcome(made, executor, order))
        pd.testing.assert_series_equal(found, first, rtol=1e-10, atol=1e-14)


@pytest.mark.skipif(sys.platform == "win32", reason="kills by signal")
def test_a_worker_that_is_lost_once_costs_no_run(moody: Path) -> None:
    # no other run ends a process: what is lost with it might not have begun, and would then be lost once more
    made = planned("model=moody", "model.mood=good,once,a,b,c,d")
    found = outcome(made, LocalExecutor(n_jobs=2, batch=2), own=True)
    assert len(found) == 6
    assert not [label for label, one in found.items() if one.error]
    assert (moody / "once").exists()


@pytest.mark.skipif(sys.platform == "win32", reason="kills by signal")
def test_lost_workers_cost_a_retry_and_what_ends_them_fails(moody: Path) -> None:
    made = planned("model=moody", "model.mood=good,kill,exit,a,b,c,d")
    found = outcome(made, LocalExecutor(n_jobs=2, batch=2), own=True)
    errors = {label: one.error.split("\n")[0] for label, one in found.items() if one.error}
    assert set(errors) == {"model.mood=kill", "model.mood=exit"}
    assert errors["model.mood=kill"] == str(Note("run_killed"))
    assert "asked to end the process (exit status 3)" in errors["model.mood=exit"]


@pytest.mark.skipif(sys.platform == "win32", reason="kills by signal")
def test_only_what_a_lost_worker_had_begun_is_fitted_alone(moody: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    alone: list[int] = []
    kept = engine._Engine._kept

    def noted(self: engine._Engine, index: int, cell: engine._Cell, deaths: int) -> Fitted:
        alone.append(index)
        return kept(self, index, cell, deaths)

    monkeypatch.setattr(engine._Engine, "_kept", noted)
    made = planned("model=moody", "model.mood=w1,w2,w3,once,w4,w5,w6,w7,w8,w9,w10,w11")
    found = outcome(made, LocalExecutor(n_jobs=2), own=True)
    assert not [label for label, one in found.items() if one.error]
    assert 1 <= len(alone) <= 2
    # the others are fitted by two workers, before and after
    assert len({path.name.split("-")[1] for number in range(6, 12) for path in moody.glob(f"w{number}-*")}) == 2


def test_runs_of_a_kind_that_nobody_has_seen_are_handed_out_one_by_one() -> None:
    pace = engine._Pace()
    for _ in range(3):
        pace.learn("fast", 0.001)
    kinds = ["fast"] * 10 + ["new"] * 10 + ["fast"] * 10
    work = Work(lambda index: pytest.fail("no task is made to plan"), range(30), kinds, LocalExecutor(n_jobs=2))
    made = engine._Engine(work, Path())
    made.pace = pace
    assert [len(chunk) for chunk in made._chunks(None)] == [10, *[1] * 10, 10]


def test_a_run_that_takes_too_long_is_stopped(moody: Path) -> None:
    made = planned("model=moody", "model.mood=good,slow,a,b")
    found = outcome(made, LocalExecutor(n_jobs=2, batch=2, timeout=TIMEOUT), own=True)
    assert (moody / "slow").exists()
    assert not (moody / "slept").exists()
    (label,) = [label for label, one in found.items() if one.error]
    assert label == "model.mood=slow"
    assert found[label].error.startswith("It took longer than 8 seconds (executor.timeout) and was stopped")
    assert "in fit" in found[label].error


def test_one_worker_and_one_run_are_kept_apart_from_this_process(moody: Path) -> None:
    made = planned("model=moody", "model.mood=kill")
    found = outcome(made, LocalExecutor(n_jobs=1), own=True)
    assert [one.error.startswith(str(Note("run_killed"))) for one in found.values()] == [True]


def test_sequential_with_a_timeout_can_stop_a_run(moody: Path) -> None:
    made = planned("model=moody", "model.mood=slow,good")
    found = outcome(made, LocalExecutor(backend="sequential", timeout=TIMEOUT), own=True)
    assert [label for label, one in found.items() if one.error] == ["model.mood=slow"]


def test_workers_compute_with_the_code_that_was_planned(mischief: Path) -> None:
    made = planned("model=moody", "model.mood=edit,a,b,c,d,e", "measure=ddl")
    before = numbers(outcome(planned("model=moody", "model.mood=a,b,c,d,e", "measure=ddl"), LocalExecutor(n_jobs=1)))
    for executor in (LocalExecutor(n_jobs=2, batch=1), LocalExecutor(backend="sequential", timeout=60.0)):
        (mischief / "mine.py").write_text(MISCHIEF, encoding="utf-8")
        found = outcome(made, executor, own=True)
        assert [one.error for one in found.values()] == [""] * 6
        assert "STEP = 2.0" in (mischief / "mine.py").read_text(encoding="utf-8")
        pd.testing.assert_series_equal(numbers(found)[before.index], before, rtol=1e-10, atol=1e-14)


@pytest.mark.outside
def test_workers_of_dask_compute_with_the_code_that_was_planned(mischief: Path) -> None:
    pytest.importorskip("distributed")
    made = planned("model=moody", "model.mood=edit,a,b,c,d,e", "measure=ddl")
    before = numbers(outcome(planned("model=moody", "model.mood=a,b,c,d,e", "measure=ddl"), LocalExecutor(n_jobs=1)))
    found = outcome(made, DaskExecutor(workers=2, batch=1), own=True)
    assert [one.error for one in found.values()] == [""] * 6
    assert "STEP = 2.0" in (mischief / "mine.py").read_text(encoding="utf-8")
    pd.testing.assert_series_equal(numbers(found)[before.index], before, rtol=1e-10, atol=1e-14)


def test_the_digest_is_that_of_the_code_that_is_loaded(mischief: Path) -> None:
    first = planned("model=moody", "measure=ddl").runs[0].key
    (mischief / "mine.py").write_text(MISCHIEF.replace("STEP = 1.0", "STEP = 2.0"), encoding="utf-8")
    assert planned("model=moody", "measure=ddl").runs[0].key == first
    sys.modules.pop("mine")
    assert planned("model=moody", "measure=ddl").runs[0].key != first


def test_another_version_of_digicarbon_on_a_worker_is_a_sentence(
    mischief: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = planned("model=moody", "measure=ddl")
    monkeypatch.setattr(engine, "package_digest", lambda: "of other files")
    (found,) = outcome(made, LocalExecutor(n_jobs=2), own=True).values()
    assert found.result is None
    assert found.error.startswith("The files of digicarbon are not the ones that the run was planned with")


SENTENCES = {
    "stop": "The code of Mischief raised Stop, which ends a process (enough); it must return a result or raise an",
    "interrupt": "The code of Mischief raised KeyboardInterrupt, which ends a process (without a reason)",
    "silent": "Silent: its text cannot be shown",
    "error": "ValueError: half \\ud800",
}


@pytest.mark.parametrize(
    "executor",
    [
        LocalExecutor(backend="sequential"),
        LocalExecutor(backend="threading", n_jobs=2, batch=1),
        LocalExecutor(n_jobs=2, batch=2),
        LocalExecutor(n_jobs=1),
    ],
    ids=["here", "threads", "processes", "one process"],
)
def test_whatever_a_run_raises_the_others_go_on(mischief: Path, executor: Executor) -> None:
    made = planned("model=moody", f"model.mood=good,{','.join(SENTENCES)},notes,b", "measure=ddl")
    found = outcome(made, executor, own=True)
    for mood, sentence in SENTENCES.items():
        error = found.pop(f"model.mood={mood}").error
        assert error.startswith(sentence)
        error.encode()
    assert [one.error for one in found.values()] == [""] * 3
    result = found["model.mood=notes"].result
    assert result is not None
    assert tuple(map(str, result.notes)) == ("half \\ud800",)
    assert result.statistics["d\\ud800"] == 1.0
    table = result.tables["e\\ud800"]
    assert table.to_dict() == {"a\\ud800": {"c\\ud800": "b\\ud800"}}


def test_half_letters_in_the_notes_of_cells_are_written_as_numbers() -> None:
    def half(letter: str) -> Result:
        cell, label = Note("all_equal", term=f"a{letter}"), Note("difference_of", first=f"b{letter}", second="c")
        return Result("x", "y", tables={"t": pd.DataFrame({"null": [cell]}, index=[label])})

    pd.testing.assert_frame_equal(engine._legible(half("\ud800")).tables["t"], half("\\ud800").tables["t"])


def test_a_result_that_cannot_be_sent_is_a_failure_of_its_own(mischief: Path) -> None:
    found = outcome(planned("model=moody", "model.mood=lock,a,b", "measure=ddl"), LocalExecutor(n_jobs=2), own=True)
    assert found.pop("model.mood=lock").error.startswith("A worker cannot send the result back: TypeError")
    assert [one.error for one in found.values()] == ["", ""]


def test_a_module_that_ends_workers_is_a_failure_of_its_runs(mischief: Path) -> None:
    ending = f"import os\nif os.getpid() != {os.getpid()}:\n    raise SystemExit(0)\n{MISCHIEF}"
    (mischief / "mine.py").write_text(ending, encoding="utf-8")
    found = outcome(planned("model=moody,fe", "measure=ddl"), LocalExecutor(n_jobs=2, batch=1), own=True)
    assert found["model=moody"].error.startswith(
        "A worker cannot read the run: A module that the run needs asked to end the process (exit status 0)"
    )
    assert found["model=fe"].error == ""


@pytest.mark.parametrize(
    "executor", [LocalExecutor(n_jobs=2, batch=1, timeout=TIMEOUT), LocalExecutor(n_jobs=1, timeout=TIMEOUT)]
)
def test_a_run_that_halts_its_process_or_closes_its_files_is_stopped(
    mischief: Path, monkeypatch: pytest.MonkeyPatch, executor: Executor
) -> None:
    monkeypatch.setattr(engine, "PATIENCE", 1.0)
    moods = ("halt", "close", "close and sleep", "a", "b")
    found = outcome(planned("model=moody", f"model.mood={','.join(moods)}", "measure=ddl"), executor, own=True)
    assert not (mischief / "slept").exists()
    assert found["model.mood=halt"].error.startswith("It took longer than 8 seconds (executor.timeout)")
    assert found["model.mood=close"].error or found["model.mood=close"].result is not None
    assert found["model.mood=close and sleep"].error
    assert [found[f"model.mood={mood}"].error for mood in "ab"] == ["", ""]


def test_the_user_s_own_interruption_is_no_failure_of_a_run(mischief: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = planned("model=fe", "measure=ddl")
    monkeypatch.setattr(type(made.runs[0].specs.model), "fit", raising(Interrupt))
    with pytest.raises(Interrupt):
        outcome(made, LocalExecutor(backend="sequential"))


def raising(kind: type[BaseException]) -> Callable[..., None]:
    def fit(*_: object) -> None:
        raise kind

    return fit


@pytest.mark.parametrize("given", [None, "a text"])
def test_a_fit_that_returns_no_result_says_so(mischief: Path, monkeypatch: pytest.MonkeyPatch, given: object) -> None:
    made = planned("model=fe", "measure=ddl")
    monkeypatch.setattr(type(made.runs[0].specs.model), "fit", lambda *_: given)
    (one,) = outcome(made, LocalExecutor(backend="sequential")).values()
    kind = type(given).__name__
    assert one.error.startswith(f"PanelRegression.fit returned {kind}; it must return a digicarbon Result.")


def test_chunks_follow_from_how_long_runs_take() -> None:
    pace = engine._Pace()
    assert pace.of("a") == engine.UNKNOWN
    for seconds in (5.0, 0.1, 0.3):
        pace.learn("a", seconds)
    # the first pays for imports
    assert pace.of("a") == pytest.approx(0.2)
    assert pace.of("b") == pytest.approx(0.2)
    work = Work(
        lambda index: pytest.fail("no task is made to plan"), range(1000), ["a"] * 1000, LocalExecutor(n_jobs=2)
    )
    made = engine._Engine(work, Path())
    made.pace = pace
    chunks = made._chunks(None)
    assert {len(chunk) for chunk in chunks} == {3}
    assert [index for chunk in chunks for index in chunk] == list(range(3 * 16))


@pytest.mark.parametrize(
    ("choice", "said"),
    [
        (lambda: LocalExecutor(backend="threading", timeout=5), "a thread cannot be stopped"),
        (lambda: LocalExecutor(n_jobs=0), "0 workers can do nothing"),
        (lambda: LocalExecutor(timeout=0), "timeout"),
    ],
)
def test_what_cannot_work_is_refused(choice: Callable[[], Executor], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        choice()


@pytest.mark.outside
def test_dask_with_two_worker_processes(moody: Path) -> None:
    pytest.importorskip("distributed")
    made = planned("model=moody", "model.mood=good,kill,a,b,c,d,e", "measure=ddl")
    plain = outcome(planned("model=moody", "model.mood=good,a,b,c,d,e", "measure=ddl"), LocalExecutor(n_jobs=1))
    found = outcome(made, DaskExecutor(workers=2, batch=2), own=True)
    assert [label for label, one in found.items() if one.error] == ["model.mood=kill"]
    pd.testing.assert_series_equal(numbers(found), numbers(plain), rtol=1e-10, atol=1e-14)


@pytest.mark.outside
def test_dask_at_an_address_fits_classes_that_its_workers_do_not_have(
    moody: Path, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    distributed = pytest.importorskip("distributed")
    made = planned("model=moody,sdm", "measure=ddl,bea")
    plain = numbers(outcome(made, LocalExecutor(n_jobs=1)))
    # workers that start elsewhere cannot import ./mine.py
    monkeypatch.setattr(sys, "path", [part for part in sys.path if Path(part).resolve() != moody.resolve()])
    monkeypatch.chdir(tmp_path_factory.mktemp("elsewhere"))
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, dashboard_address=None, host="127.0.0.1"
    ) as cluster:
        monkeypatch.chdir(moody)
        found = outcome(made, DaskExecutor(address=cluster.scheduler_address), own=True)
    assert [one.error for one in found.values()] == [""] * 4
    pd.testing.assert_series_equal(numbers(found), plain, rtol=1e-10, atol=1e-14)


@pytest.mark.outside
def test_a_scheduler_that_does_not_answer_is_a_sentence(folder: Path) -> None:
    pytest.importorskip("distributed")
    with pytest.raises(ConfigError, match=r"no Dask scheduler answers at tcp://127\.0\.0\.1:9"):
        outcome(planned("measure=ddl"), DaskExecutor(address="tcp://127.0.0.1:9", wait=1.0))


@pytest.mark.outside
def test_ray_on_this_machine(moody: Path) -> None:
    pytest.importorskip("ray")
    made = planned("model=moody", "model.mood=good,kill,a,b,c", "measure=ddl")
    plain = outcome(planned("model=moody", "model.mood=good,a,b,c", "measure=ddl"), LocalExecutor(n_jobs=1))
    found = outcome(made, RayExecutor(n_jobs=2, batch=1), own=True)
    assert [label for label, one in found.items() if one.error] == ["model.mood=kill"]
    pd.testing.assert_series_equal(numbers(found), numbers(plain), rtol=1e-10, atol=1e-14)


@pytest.mark.outside
def test_the_job_script_of_slurm() -> None:
    pytest.importorskip("dask_jobqueue")
    executor = SlurmExecutor(
        queue="long",
        cores=4,
        memory="16GB",
        walltime="02:00:00",
        extra=("--account=econ",),
        prologue=("module load python",),
    )
    lines = executor.script().splitlines()
    assert {
        "#SBATCH -p long",
        "#SBATCH --cpus-per-task=4",
        "#SBATCH --mem=15G",
        "#SBATCH -t 02:00:00",
        "#SBATCH --account=econ",
        "module load python",
    } <= set(lines)
    (start,) = [line for line in lines if "dask_worker" in line]
    assert "--nworkers 4" in start
    assert "--nthreads 1" in start


def test_signals_are_held_back_while_a_batch_is_written() -> None:
    from digicarbon.sweep.sweep import _Signals

    done = []

    def write() -> None:
        with _Signals() as signals:
            with signals.held():
                signal.raise_signal(signal.SIGINT)
                done.append("written")
            done.append("not reached")

    with pytest.raises(KeyboardInterrupt):
        write()
    assert done == ["written"]
