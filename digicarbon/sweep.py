"""Experiment to runs to results, in parallel: workers fit, this process writes."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import pandas as pd
from omegaconf import OmegaConf

from digicarbon.compose import Composer, subject
from digicarbon.errors import Caught, ConfigError, DigicarbonError, EstimationError
from digicarbon.executor import Executor
from digicarbon.files import ROOT
from digicarbon.plan import Plan, Run, require
from digicarbon.provenance import FINGERPRINT, Ledger, ledger
from digicarbon.report import Record, Report, Table, attributed
from digicarbon.result import Result
from digicarbon.spec import Spec, build
from digicarbon.stage import Stages, Task
from digicarbon.tracking import Entry, Store, Tracking

S = TypeVar("S", bound=Spec)


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
    pictures : tuple of str
        Where the report's pictures and other files are.
    experiment, uri, parent_id : str
        Where MLflow has it.
    """

    table: Table | None
    failures: list[tuple[str, str]]
    done: int
    experiment: str
    uri: str
    parent_id: str
    pictures: tuple[str, ...] = ()


@dataclass(frozen=True)
class Settings:
    """What holds for a whole sweep: its table, its workers and its store."""

    report: Report
    executor: Executor
    tracking: Tracking


def settings(composer: Composer) -> Settings:
    """Build the specifications that hold for a whole sweep.

    Raises
    ------
    ConfigError
        If one is wrong; the message names the place.
    """
    lacking = composer.missing()

    def built(group: str, kind: type[S]) -> S:
        try:
            require([key for key in lacking if key.startswith(f"{group}.")], composer.chosen)
            return build(composer.node(group), kind, group)
        except ConfigError as error:
            raise ConfigError(f"{composer.where(subject(str(error)) or group)}: {error}") from error

    return Settings(built("report", Report), built("executor", Executor), built("tracking", Tracking))


def run(composer: Composer, planned: Plan, progress: Callable[[int, int], None] = lambda done, total: None) -> Finished:
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
        If the store cannot be opened or written, a specification of report, executor or tracking is wrong, or the
        report cannot be made of these runs; the runs are recorded then.
    """
    chosen = settings(composer)
    kept = ledger(planned.runs)
    store = Store(chosen.tracking, _store_name(planned))
    tags = {FINGERPRINT: kept.fingerprint, **_simulated_tag(planned.runs)}
    store.open(planned.title, OmegaConf.to_yaml(composer.base), tags, resume=False, files=kept.files)
    results: dict[int, Result] = {}
    errors: dict[int, str] = {}
    try:
        for finished in _fitted(planned.runs, chosen.executor):
            store.write([_entry(planned.runs[item.index], item, kept) for item in finished])
            results |= {item.index: item.result for item in finished if item.result is not None}
            errors |= {item.index: item.error.split("\n")[0] for item in finished if item.result is None}
            progress(len(results) + len(errors), len(planned.runs))
        records = _all_records(planned, results)
        pictures, lacking = _pictures(planned, chosen.report, records)
        table, refusal = _table_or_refusal(planned, chosen.report, records, lacking)
        files: dict[str, str | bytes] = {**pictures}
        if table is not None:
            files |= {"table.md": table.to_markdown(), "table.csv": table.cells.to_csv()}
        if table is not None and table.below is not None:
            files["table_below.csv"] = table.below.cells.to_csv()
        estimates = _all_estimates(planned.runs, results)
        if not estimates.empty:
            files["estimates.csv"] = estimates.to_csv(index=False)
        places = store.finish(files, len(errors), len(results))
    except BaseException:
        store.abort()
        raise
    if refusal is not None:
        raise refusal
    failures = [(planned.runs[index].label, errors[index]) for index in sorted(errors)]
    shown = tuple(places[name] for name in pictures)
    return Finished(table, failures, len(results), store.name, store.uri, store.parent_id, shown)


def fit(task: Task) -> Fitted:
    """Fit one run; never raises, so that the other runs of a chunk go on."""
    start = time.time_ns() // 1_000_000
    result: Result | None = None
    with Caught() as caught:
        panel, weights = task.open()
        fitted = task.model.fit(panel, weights)
        result = replace(fitted, tables={**fitted.tables, **task.diagnostic.tables(panel, weights)})
    error = f"{caught.sentence}\n\n{caught.traceback}" if caught.sentence else ""
    return Fitted(task.index, result, error, start, time.time_ns() // 1_000_000)


def _fit_chunk(tasks: Sequence[Task]) -> list[Fitted]:
    from threadpoolctl import threadpool_limits

    # joblib's workers share the cores; a threaded BLAS in each would fight over them
    with threadpool_limits(1):
        return [fit(task) for task in tasks]


def _fitted(runs: Sequence[Run], executor: Executor) -> Iterator[list[Fitted]]:
    with Stages() as stages:
        yield from _in_chunks([stages.task(index, run) for index, run in enumerate(runs)], executor)


def _in_chunks(tasks: Sequence[Task], executor: Executor) -> Iterator[list[Fitted]]:
    from joblib import Parallel, delayed
    from joblib.externals.loky.process_executor import TerminatedWorkerError

    size = executor.chunk(len(tasks))
    chunks = [tasks[start : start + size] for start in range(0, len(tasks), size)]
    if executor.backend == "sequential" or len(chunks) == 1:
        # a worker process costs more to start than a handful of runs to fit
        yield from map(_fit_chunk, chunks)
        return
    parallel = Parallel(n_jobs=executor.n_jobs, backend=executor.backend, return_as="generator_unordered", batch_size=1)
    try:
        yield from parallel(delayed(_fit_chunk)(chunk) for chunk in chunks)
    except TerminatedWorkerError as error:
        raise EstimationError(
            "A worker process ended without an answer, probably for lack of memory; runs recorded before are kept. "
            "Choose fewer workers (executor.n_jobs=1) or executor=sequential."
        ) from error


def _entry(run: Run, fitted: Fitted, kept: Ledger) -> Entry:
    panel = run.prepared.panel
    tags = {
        "digicarbon.hash": run.key,
        "digicarbon.label": run.label,
        "digicarbon.data_digest": panel.digest,
        **kept.tags[run.label],
        **({} if run.prepared.weights is None else {"digicarbon.weights_digest": run.prepared.weights.digest}),
        **_simulated_tag([run]),
    }
    if run.prepared.notes:
        tags["mlflow.note.content"] = "\n\n".join(run.prepared.notes)
    profile = {"units": len(panel.units), "periods": len(panel.periods), "rows": len(panel.unit_codes)}
    return Entry(
        label=run.label,
        params=_params(run),
        tags=tags,
        config=run.config,
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
    rooms = {"source": run.specs.source, "panel": run.specs.panel, "sample": run.specs.sample}
    if run.specs.weights is not None:
        rooms["weights"] = run.specs.weights
    choices = {
        f"{room}.{key}": _plain(value)
        for room, spec in rooms.items()
        for key, value in spec.model_dump().items()
        if not isinstance(value, dict)
    }
    varied = {
        key: str(value)
        for key, value in run.choice.values.items()
        if key not in used and (run.specs.weights is not None or key.split(".")[0] != "weights")
    }
    fields = {f"model.{key}": _plain(value) for key, value in run.specs.model.model_dump().items()}
    column = {"column": run.choice.column} if run.choice.column else {}
    return {
        **column,
        **used,
        **fields,
        **choices,
        **varied,
    }


def _plain(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, tuple | list) else str(value)


def _simulated_tag(runs: Sequence[Run]) -> dict[str, str]:
    return {"digicarbon.data": "SIMULATED"} if any(run.prepared.simulated for run in runs) else {}


def _table_or_refusal(
    planned: Plan, report: Report, records: Sequence[Record], notes: Sequence[str]
) -> tuple[Table | None, DigicarbonError | None]:
    """Return the table, or why there is none: fitted runs are recorded whatever the report says."""
    try:
        return _table(planned, report, records, notes), None
    except DigicarbonError as error:
        return None, error


def _table(planned: Plan, report: Report, records: Sequence[Record], more: Sequence[str]) -> Table | None:
    if not records:
        return None
    table = report.table(_title(planned), records)
    notes = attributed([(run.label, run.prepared.notes) for run in planned.runs])
    simulated = any(run.prepared.simulated for run in planned.runs)
    title = f"{table.title} (SIMULATED data)" if simulated else table.title
    return replace(table, title=title, notes=(*table.notes, *more, *notes))


def _pictures(planned: Plan, report: Report, records: Sequence[Record]) -> tuple[Mapping[str, bytes], tuple[str, ...]]:
    """Return the report's further files, or a note that says why there are none: they never cost the table."""
    try:
        return (report.files(_title(planned), records) if records else {}), ()
    except DigicarbonError as error:
        return {}, (f"No pictures: {error}",)


def _title(planned: Plan) -> str:
    return planned.title or _store_name(planned)


def _store_name(planned: Plan) -> str:
    """Return what MLflow and a table without title call the sweep."""
    return "digicarbon" if planned.name == ROOT else planned.name


def _all_records(planned: Plan, results: Mapping[int, Result]) -> list[Record]:
    return [record for index, result in sorted(results.items()) for record in _records(planned, index, result)]


def _records(planned: Plan, index: int, result: Result) -> list[Record]:
    """Return a run as the report sees it, once more for each named column that came to the same fit."""
    run = planned.runs[index]
    twins = [label for label in planned.same.get(run.label, []) if run.choice.column and label != run.label]
    fitted = (run.prepared.panel, run.prepared.simulated)
    labels = (run.label, *dict.fromkeys(twins))
    return [Record(label, run.options, run.choice.values, result, *fitted) for label in labels]


def _all_estimates(runs: Sequence[Run], results: Mapping[int, Result]) -> pd.DataFrame:
    frames = [
        results[index].estimates.reset_index().assign(run=runs[index].label, hash=runs[index].key)
        for index in sorted(results)
        if results[index].terms
    ]
    return pd.concat(frames, ignore_index=True) if frames else pd.DataFrame()
