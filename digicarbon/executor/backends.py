"""Where runs are fitted: joblib's backends, on this machine and on others.

Each kind of executor is a class with its own YAML; the engine knows `Executor` only. A user's own kind opens any
joblib backend in `Executor.crew`.
"""

from __future__ import annotations

import logging
import os
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Annotated, Any, ClassVar, Literal
from urllib.parse import urlsplit

from pydantic import Field, field_validator, model_validator

from digicarbon.errors import ConfigError
from digicarbon.executor.orphan import end_with
from digicarbon.note import Note
from digicarbon.spec import Spec

Whole = Annotated[int, Field(ge=0)]
Seconds = Annotated[float, Field(gt=0, strict=False)]
_DASK = ("distributed>=2025.1", "dask>=2025.1")
REQUIRED = {"dask": _DASK, "ray": ("ray>=2.40",), "slurm": (*_DASK, "dask-jobqueue>=0.9")}
"""What an option needs beside the package itself; ``pyproject.toml`` has the same under its name."""


class Executor(Spec):
    """Base of all executors.

    Attributes
    ----------
    batch : int
        Runs in one task; 0 lets their duration decide.
    timeout : float or None
        Seconds that one run may take; a run that takes longer is recorded as failed. None waits.
    """

    role: ClassVar[str] = "executor"
    remote: ClassVar[bool] = False
    """Whether workers may be on other machines, which know neither ``./mine.py`` nor this machine's files."""

    batch: Whole = 0
    timeout: Seconds | None = None

    @property
    def here(self) -> bool:
        """Whether runs are fitted in this process alone."""
        return False

    @property
    def isolates(self) -> bool:
        """Whether a run that ends its process leaves this process alive."""
        return True

    def width(self) -> int:
        """Return how many runs this machine fits at the same time; at least 1."""
        return 1

    @contextmanager
    def crew(self) -> Iterator[Any]:
        """Give an open ``joblib.Parallel`` that hands out results in the order in which they are ready.

        Raises
        ------
        ConfigError
            If no workers are available.
        """
        raise TypeError(f"{type(self).__name__} does not say how its workers start; define `crew`.")
        yield  # a generator, as the context manager needs one

    def losses(self) -> tuple[type[BaseException], ...]:
        """Return what `crew` raises when a worker is lost."""
        from joblib.externals.loky.process_executor import BrokenProcessPool

        return (BrokenProcessPool,)


class LocalExecutor(Executor):
    """How runs are spread over this machine.

    Attributes
    ----------
    backend : {"loky", "threading", "sequential"}
        joblib's backend: worker processes, threads, or this process alone.
    n_jobs : int
        Workers; -1 takes every core.
    timeout : float or None
        Seconds that one run may take. With ``sequential`` runs are then fitted one by one in a process that can be
        stopped; threads cannot.
    """

    backend: Literal["loky", "threading", "sequential"] = "loky"
    n_jobs: int = -1

    @field_validator("n_jobs")
    @classmethod
    def _some_worker(cls, n_jobs: int) -> int:
        if n_jobs == 0:
            raise ValueError(Note("executor_no_worker"))
        return n_jobs

    @model_validator(mode="after")
    def _stoppable(self) -> LocalExecutor:
        if self.timeout is not None and self.backend == "threading":
            raise ValueError(Note("executor_thread_timeout", key="timeout"))
        return self

    @property
    def here(self) -> bool:
        """Whether runs are fitted in this process alone."""
        return self.backend == "sequential"

    @property
    def isolates(self) -> bool:
        """Whether a run that ends its process leaves this process alive."""
        return self.backend == "loky" or self.timeout is not None

    def width(self) -> int:
        """Return how many runs this machine fits at the same time; at least 1."""
        from joblib import effective_n_jobs

        return 1 if self.here else max(1, effective_n_jobs(self.n_jobs))

    @contextmanager
    def crew(self) -> Iterator[Any]:
        """Give an open ``joblib.Parallel``."""
        from joblib import Parallel

        workers = {"initializer": end_with, "initargs": (os.getpid(),)} if self.backend == "loky" else {}
        with Parallel(n_jobs=self.n_jobs, backend=self.backend, **AS_READY, **workers) as parallel:
            yield parallel


AS_READY: dict[str, Any] = {"return_as": "generator_unordered", "batch_size": 1}
"""How `Executor.crew` opens ``joblib.Parallel``: the engine makes tasks large enough itself."""


class _OnDask(Executor):
    """Runs on Dask's workers."""

    remote: ClassVar[bool] = True

    def losses(self) -> tuple[type[BaseException], ...]:
        """Return what a cluster raises when a worker is lost, or the scheduler."""
        from asyncio import CancelledError

        from distributed import KilledWorker
        from distributed.comm import CommClosedError

        return (KilledWorker, CommClosedError, CancelledError, OSError)


class DaskExecutor(_OnDask):
    """Runs on a Dask cluster.

    Attributes
    ----------
    address : str or None
        The scheduler, e.g. ``tcp://10.0.0.5:8786``; None starts a cluster of worker processes on this machine.
    workers : int
        Worker processes of a cluster on this machine; 0 takes every core.
    wait : float
        Seconds to wait for the scheduler and its first worker.
    timeout : float or None
        As in `Executor`. A worker that holds a run for longer ends itself; give each worker one thread, and have a
        nanny start it again (Dask's default).
    """

    reaches: ClassVar[tuple[str, ...]] = ("address",)

    address: str | None = None
    workers: Whole = 0
    wait: Seconds = 60.0

    @contextmanager
    def crew(self) -> Iterator[Any]:
        """Give an open ``joblib.Parallel`` on the cluster."""
        with ExitStack() as stack:
            yield stack.enter_context(_on_dask(self._client(stack), self.wait))

    def _client(self, stack: ExitStack) -> Any:
        distributed = _import("distributed", "dask")
        # a run that ends its worker must not end three more before the engine fits it alone
        import dask

        stack.enter_context(dask.config.set({"distributed.scheduler.allowed-failures": 0}))
        cluster: Any = self.address
        if cluster is None:
            cluster = stack.enter_context(
                distributed.LocalCluster(
                    n_workers=self.workers or None,
                    threads_per_worker=1,
                    dashboard_address=None,
                    host="127.0.0.1",
                    # the engine reports what happens to a lost worker's runs
                    silence_logs=logging.CRITICAL,
                )
            )
        try:
            return stack.enter_context(distributed.Client(cluster, timeout=self.wait, set_as_default=False))
        except OSError as error:
            raise ConfigError(
                Note("executor_no_scheduler", key="executor.address", address=self.address, seconds=self.wait)
            ) from error


class SlurmExecutor(_OnDask):
    """Runs on Dask workers that Slurm starts as jobs.

    Attributes
    ----------
    queue : str or None
        Slurm's partition; None takes the default one.
    cores : int
        Worker processes of one job.
    memory : str
        Of one job, e.g. ``8GB``.
    walltime : str
        Of one job, ``HH:MM:SS``.
    jobs : int
        Jobs to start.
    extra : tuple of str
        Further lines of the job script's head, without ``#SBATCH``, e.g. ``--account=econ``.
    prologue : tuple of str
        Shell commands before the workers start, e.g. ``module load python``.
    wait : float
        Seconds to wait for the first worker.
    """

    reaches: ClassVar[tuple[str, ...]] = ("extra", "prologue")

    queue: str | None = None
    cores: Annotated[int, Field(ge=1)] = 8
    memory: str = "8GB"
    walltime: str = "01:00:00"
    jobs: Annotated[int, Field(ge=1)] = 1
    extra: Annotated[tuple[str, ...], Field(strict=False)] = ()
    prologue: Annotated[tuple[str, ...], Field(strict=False)] = ()
    wait: Seconds = 600.0

    @contextmanager
    def crew(self) -> Iterator[Any]:
        """Give an open ``joblib.Parallel`` on the workers of the jobs."""
        distributed = _import("distributed", "slurm")
        with ExitStack() as stack:
            cluster = stack.enter_context(self._cluster())
            cluster.scale(jobs=self.jobs)
            client = stack.enter_context(distributed.Client(cluster, timeout=self.wait, set_as_default=False))
            yield stack.enter_context(_on_dask(client, self.wait))

    def script(self) -> str:
        """Return the job script that is handed to Slurm."""
        with self._cluster() as cluster:
            return str(cluster.job_script())

    def _cluster(self) -> Any:
        jobqueue = _import("dask_jobqueue", "slurm")
        return jobqueue.SLURMCluster(
            queue=self.queue,
            cores=self.cores,
            # one thread each: a run may have to be stopped, and the numeric libraries use one thread anyway
            processes=self.cores,
            memory=self.memory,
            walltime=self.walltime,
            job_extra_directives=list(self.extra),
            job_script_prologue=list(self.prologue),
            scheduler_options={"dashboard_address": None},
        )


class RayExecutor(Executor):
    """Runs on a Ray cluster.

    Attributes
    ----------
    address : str or None
        The cluster, e.g. ``ray://10.0.0.5:10001`` or ``auto``; None starts Ray on this machine.
    n_jobs : int
        Workers; -1 takes every core of the cluster.
    """

    reaches: ClassVar[tuple[str, ...]] = ("address",)

    remote: ClassVar[bool] = True

    address: str | None = None
    n_jobs: int = -1

    @contextmanager
    def crew(self) -> Iterator[Any]:
        """Give an open ``joblib.Parallel`` on the cluster."""
        ray = _import("ray", "ray")
        from joblib import Parallel, parallel_config, register_parallel_backend
        from ray.util.joblib.ray_backend import RayBackend

        _refuse_silent(self.address)
        ours = not ray.is_initialized()
        if ours:
            try:
                ray.init(address=self.address, log_to_driver=False, logging_level="ERROR", include_dashboard=False)
            except (ConnectionError, ValueError, RuntimeError) as error:
                raise ConfigError(
                    Note("executor_no_ray", key="executor.address", address=self.address, reason=str(error))
                ) from error
        register_parallel_backend("digicarbon_ray", _with_losses(RayBackend))
        try:
            with parallel_config(backend="digicarbon_ray"), Parallel(n_jobs=self.n_jobs, **AS_READY) as parallel:
                yield parallel
        finally:
            if ours:
                ray.shutdown()

    def losses(self) -> tuple[type[BaseException], ...]:
        """Return what Ray raises when a worker or the cluster is lost."""
        from ray.exceptions import RayError

        return (RayError, ConnectionError)


def _refuse_silent(address: str | None) -> None:
    """Refuse an address that does not answer; Ray would try for minutes."""
    parts = urlsplit(address if address and "://" in address else f"//{address or ''}")
    if parts.hostname is None or parts.port is None:
        return
    try:
        socket.create_connection((parts.hostname, parts.port), timeout=10).close()
    except OSError as error:
        raise ConfigError(
            Note("executor_ray_deaf", key="executor.address", address=address, reason=str(error))
        ) from error


@contextmanager
def _on_dask(client: Any, wait: float) -> Iterator[Any]:
    from joblib import Parallel, parallel_config, register_parallel_backend
    from joblib._dask import DaskDistributedBackend

    register_parallel_backend("digicarbon_dask", _with_losses(DaskDistributedBackend))
    try:
        client.wait_for_workers(1, timeout=wait)
    except TimeoutError as error:
        raise ConfigError(Note("executor_no_dask_worker", key="executor.wait", seconds=wait)) from error
    settings: dict[str, Any] = {"client": client, "wait_for_workers_timeout": wait}
    with parallel_config(backend="digicarbon_dask", **settings), Parallel(n_jobs=-1, **AS_READY) as parallel:
        yield parallel


def _with_losses(base: Any) -> Any:
    """Return a joblib backend that raises when a worker is lost; joblib's own waits for ever or returns the error."""

    def submit(self: Any, func: Any, callback: Any = None) -> Any:
        future = base.submit(self, func, callback)
        future.add_done_callback(lambda done: done.exception() and callback(done.exception()))
        return future

    def retrieve_result_callback(self: Any, out: Any) -> Any:
        if isinstance(out, BaseException):
            raise out
        return base.retrieve_result_callback(self, out)

    members: dict[str, Any] = {
        "retrieve_result_callback": retrieve_result_callback,
        # joblib turns it off for all pools, since some pools do not report when a result is ready
        "supports_return_generator": True,
    }
    if base.__name__ == "DaskDistributedBackend":
        members["submit"] = submit
    return type(f"Telling{base.__name__}", (base,), members)


def _import(module: str, option: str) -> Any:
    from importlib import import_module

    try:
        return import_module(module)
    except ImportError as error:
        package = module.replace("_", "-")
        install = " ".join(f"'{one}'" for one in REQUIRED[option])
        raise ConfigError(
            Note("executor_needs_package", group="executor", option=option, package=package, install=install)
        ) from error
