"""What a sweep shows at its end: the report's table and pictures, and all estimates in one file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from digicarbon.errors import DigicarbonError
from digicarbon.files import ROOT
from digicarbon.plan import Plan, Run
from digicarbon.report import Record, Report, Table, attributed
from digicarbon.result import Result


@dataclass(frozen=True)
class Shown:
    """The report of a sweep.

    Attributes
    ----------
    table : Table or None
        None if every run failed, or if the report refuses.
    refusal : DigicarbonError or None
        Why there is no table.
    pictures : tuple of str
        Names of the report's own files.
    files : mapping of str to str or bytes
        Contents by name: table, estimates and pictures.
    """

    table: Table | None
    refusal: DigicarbonError | None
    pictures: tuple[str, ...]
    files: Mapping[str, str | bytes]


def show(planned: Plan, report: Report, results: Mapping[int, Result]) -> Shown:
    """Make the report of a sweep; fitted runs are recorded whatever it says.

    Parameters
    ----------
    planned : Plan
    report : Report
    results : mapping of int to Result
        By position of the run in the plan.
    """
    records = [record for index, result in sorted(results.items()) for record in _records(planned, index, result)]
    pictures, lacking = _pictures(planned, report, records)
    table, refusal = _table_or_refusal(planned, report, records, lacking)
    files: dict[str, str | bytes] = {**pictures}
    if table is not None:
        files |= {"table.md": table.to_markdown(), "table.csv": table.cells.to_csv()}
    if table is not None and table.below is not None:
        files["table_below.csv"] = table.below.cells.to_csv()
    every = estimates(planned.runs, results)
    if not every.empty:
        files["estimates.csv"] = every.to_csv(index=False)
    return Shown(table, refusal, tuple(pictures), files)


def store_name(planned: Plan) -> str:
    """Return what MLflow and a table without title call the sweep."""
    return "digicarbon" if planned.name == ROOT else planned.name


def estimates(runs: Sequence[Run], results: Mapping[int, Result]) -> pd.DataFrame:
    """Return all coefficients: term, coef, se, stat, p, low, high, and label and hash of the run."""
    found = [(runs[index], result) for index, result in sorted(results.items()) if len(result.terms)]
    if not found:
        return pd.DataFrame()
    columns: dict[str, list[np.ndarray]] = {}
    for _, result in found:
        # not a number for a parameter at its boundary, as in Result.estimates
        variance = np.diag(result.covariance)
        se = np.sqrt(np.where(variance >= 0, variance, np.nan))
        for name, values in result.inference.columns(result.coef, se).items():
            columns.setdefault(name, []).append(values)
    counts = [len(result.terms) for _, result in found]
    return pd.DataFrame(
        {
            "term": [term for _, result in found for term in result.terms],
            **{name: np.concatenate(parts) for name, parts in columns.items()},
            "run": np.repeat(np.array([run.label for run, _ in found], dtype=object), counts),
            "hash": np.repeat(np.array([run.key for run, _ in found], dtype=object), counts),
        }
    )


def _table_or_refusal(
    planned: Plan, report: Report, records: Sequence[Record], notes: Sequence[str]
) -> tuple[Table | None, DigicarbonError | None]:
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
    return planned.title or store_name(planned)


def _records(planned: Plan, index: int, result: Result) -> list[Record]:
    """Return a run as the report sees it, once more for each named column that came to the same fit."""
    run = planned.runs[index]
    twins = [label for label in planned.same.get(run.label, []) if run.choice.column and label != run.label]
    fitted = (run.prepared.panel, run.prepared.simulated)
    labels = (run.label, *dict.fromkeys(twins))
    return [Record(label, run.options, run.choice.values, result, *fitted) for label in labels]
