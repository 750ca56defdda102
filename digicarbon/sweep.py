"""Experiment to runs to results, in parallel: workers fit, this process writes."""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from types import TracebackType
from typing import Any

import pandas as pd
from omegaconf import OmegaConf

from digicarbon.compose import Composer
from digicarbon.diagnostic import Diagnostic
from digicarbon.errors import DigicarbonError
from digicarbon.executor import Executor
from digicarbon.model import Model
from digicarbon.panel import Panel
from digicarbon.plan import Plan, Run
from digicarbon.report import Record, Report, Table
from digicarbon.result import Result
from digicarbon.spec import build
from digicarbon.tracking import Entry, Store, Tracking
from digicarbon.weights import Weights


@dataclass(frozen=True, eq=False)
class Task:
    """What a worker needs to fit one run."""

    index: int
    model: Model
    diagnostic: Diagnostic
    panel: Panel
    weights: Weights | None


@dataclass(frozen=True, eq=False)
class Fitted:
    """What a worker hands back: a result, or the sentence and traceback of a failure."""

    index: int
    result: Result | None
    error: str
    start: int
    end: int


@dataclass
class Finished:
    """What a sweep left behind.

    Attributes
    ----------
    table : Table or None
        None if every run failed.
    failures : list of (str, str)
        Labels and sentences.
    done : int
    experiment, uri, parent_id : str
        Where MLflow has it.
    """

    table: Table | None
    failures: list[tuple[str, str]]
    done: int
    experiment: str
    uri: str
    parent_id: str


class _Caught(AbstractContextManager["_Caught"]):
    """Keeps whatever a run raises: one failing run must not stop the others."""

    text: str = ""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        if error is None or not isinstance(error, Exception):
            return False
        sentence = str(error) if isinstance(error, DigicarbonError) else f"{type(error).__name__}: {error}"
        self.text = sentence + "\n\n" + "".join(traceback.format_exception(kind, error, trace))
        return True


@dataclass
class _Collected:
    results: dict[int, Result] = field(default_factory=dict)
    failures: list[tuple[str, str]] = field(default_factory=list)


def run(
    composer: Composer, planned: Plan, progress: Callable[[int, int], None] = lambda done, total: None
) -> Finished:
    """Fit every run of a plan, write each to MLflow and make the comparison table.

    Parameters
    ----------
    composer : Composer
    planned : Plan
    progress : callable
        Called with the numbers of finished and of all runs.

    Raises
    ------
    DigicarbonError
        If the store cannot be opened or written, or a specification of report, executor or tracking is wrong.
    """
    config = composer.assemble({})
    executor = build(config["executor"], Executor, "executor")
    report = build(config["report"], Report, "report")
    store = Store(build(config["tracking"], Tracking, "tracking"), planned.name)
    store.start(planned.title, OmegaConf.to_yaml(composer.base), _simulated_tag(planned.runs))
    collected = _Collected()
    try:
        for finished in _fitted(planned.runs, executor):
            store.write([_entry(planned.runs[item.index], item) for item in finished])
            for item in finished:
                if item.result is None:
                    collected.failures.append((planned.runs[item.index].label, item.error.split("\n")[0]))
                else:
                    collected.results[item.index] = item.result
            progress(len(collected.results) + len(collected.failures), len(planned.runs))
        table = _table(planned, report, collected.results)
        files = {} if table is None else {"table.md": table.to_markdown(), "table.csv": table.cells.to_csv()}
        estimates = _all_estimates(planned.runs, collected.results)
        store.finish(files, estimates, len(collected.failures), len(collected.results))
    except BaseException:
        store.abort()
        raise
    return Finished(table, collected.failures, len(collected.results), store.name, store.uri, store.parent_id)


def fit(task: Task) -> Fitted:
    """Fit one run; never raises, so that the other runs of a chunk go on."""
    start = time.time_ns() // 1_000_000
    result: Result | None = None
    with _Caught() as caught:
        fitted = task.model.fit(task.panel, task.weights)
        result = replace(fitted, tables={**fitted.tables, **task.diagnostic.tables(task.panel, task.weights)})
    return Fitted(task.index, result, caught.text, start, time.time_ns() // 1_000_000)


def _fit_chunk(tasks: Sequence[Task]) -> list[Fitted]:
    from threadpoolctl import threadpool_limits

    # joblib's workers share the cores; a threaded BLAS in each would fight over them
    with threadpool_limits(1):
        return [fit(task) for task in tasks]


def _fitted(runs: Sequence[Run], executor: Executor) -> Iterator[list[Fitted]]:
    from joblib import Parallel, delayed

    tasks = [
        Task(index, run.specs.model, run.specs.diagnostic, run.prepared.panel, run.prepared.weights)
        for index, run in enumerate(runs)
    ]
    size = executor.chunk(len(tasks))
    chunks = [tasks[start : start + size] for start in range(0, len(tasks), size)]
    if executor.backend == "sequential" or len(chunks) == 1:
        # a worker process costs more to start than a handful of runs to fit
        yield from map(_fit_chunk, chunks)
        return
    parallel = Parallel(n_jobs=executor.n_jobs, backend=executor.backend, return_as="generator_unordered", batch_size=1)
    yield from parallel(delayed(_fit_chunk)(chunk) for chunk in chunks)


def _entry(run: Run, fitted: Fitted) -> Entry:
    panel = run.prepared.panel
    tags = {
        "digicarbon.hash": run.key,
        "digicarbon.label": run.label,
        "digicarbon.data_digest": panel.digest,
        **_simulated_tag([run]),
    }
    if run.prepared.notes:
        tags["mlflow.note.content"] = "\n\n".join(run.prepared.notes)
    profile = {"units": len(panel.units), "periods": len(panel.periods), "rows": len(panel.unit_codes)}
    return Entry(
        label=run.label,
        params=_params(run),
        tags=tags,
        config=OmegaConf.to_yaml(OmegaConf.create(dict(run.config))),
        result=fitted.result,
        error=fitted.error,
        start=fitted.start,
        end=fitted.end,
        data_name=run.options.get("source", "data"),
        data_digest=panel.digest[:36],
        data_profile=str(profile).replace("'", '"'),
    )


def _params(run: Run) -> dict[str, str]:
    """Return the option of each group, every varied value, and the fields of the model."""
    used = {key: option for key, option in run.options.items() if key not in ("executor", "tracking", "report")}
    if run.specs.weights is None:
        used.pop("weights", None)
    varied = {key: str(value) for key, value in run.choice.values.items() if key not in used}
    fields = {f"model.{key}": _plain(value) for key, value in run.specs.model.model_dump().items()}
    column = {"column": run.choice.column} if run.choice.column else {}
    return {**column, **used, **fields, **{key: value for key, value in varied.items() if not key.startswith("weights.")}}


def _plain(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, tuple | list) else str(value)


def _simulated_tag(runs: Sequence[Run]) -> dict[str, str]:
    return {"digicarbon.data": "SIMULATED"} if any(run.prepared.simulated for run in runs) else {}


def _table(planned: Plan, report: Report, results: Mapping[int, Result]) -> Table | None:
    records = [
        Record(planned.runs[index].label, planned.runs[index].options, planned.runs[index].choice.values, result)
        for index, result in sorted(results.items())
    ]
    if not records:
        return None
    table = report.table(planned.title or planned.name, records)
    notes = dict.fromkeys(note for run in planned.runs for note in run.prepared.notes)
    simulated = any(run.prepared.simulated for run in planned.runs)
    title = f"{table.title} (SIMULATED data)" if simulated else table.title
    return replace(table, title=title, notes=(*table.notes, *notes))


def _all_estimates(runs: Sequence[Run], results: Mapping[int, Result]) -> pd.DataFrame:
    frames = [
        results[index].estimates.reset_index().assign(run=runs[index].label, hash=runs[index].key)
        for index in sorted(results)
        if results[index].terms
    ]
    return pd.concat(frames, ignore_index=True) if frames else pd.DataFrame()
