"""`digicarbon export`: recorded runs as a folder that a referee can check in Stata or R."""

from __future__ import annotations

import platform
import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd

from digicarbon.cli.stored import stored
from digicarbon.disk import folder
from digicarbon.disk.cells import plain_table
from digicarbon.errors import ConfigError, DataError
from digicarbon.note import Note
from digicarbon.note.ending import Caught
from digicarbon.note.language import said
from digicarbon.plan.prepare import Preparation
from digicarbon.recorded import Recorded, file_of, find
from digicarbon.recorded import sweep as sweep_of
from digicarbon.recorded.again import COLUMNS, Again
from digicarbon.replication import Case, DataSets, case_of, do_file, r_script
from digicarbon.replication.data import DataSet
from digicarbon.replication.readme import Facts, environment, expected, readme
from digicarbon.script import Names
from digicarbon.secret import masked
from digicarbon.sweep.provenance import RECORD
from digicarbon.sweep.statement import stating
from digicarbon.tracking import VERSIONS, Tracking, decode, provenance, store_results
from digicarbon.weights import Weights

RUNS_A_SCRIPT = 50
"""Largest number of runs in a script; more runs give several scripts."""


@dataclass(frozen=True, eq=False)
class Exported:
    """Recorded runs, ready to be written.

    ``places``: by the number of the run. ``configs``: composed configurations by the number of the run. ``uncounted``:
    notes on runs that are not exported. ``statements``: what packs say of the plan, e.g. of its lock.
    """

    cases: list[Case]
    sets: DataSets
    places: dict[int, DataSet]
    configs: dict[int, str]
    uncounted: list[Note]
    simulated: bool
    statements: Sequence[str]


def export(run: str, experiment: str, to: str, overrides: Sequence[str]) -> int:
    """Write data, weights, configurations and scripts of a run or of a sweep to a new folder; return 0.

    ``run``: a run (its id, the beginning of its id, or its label) or an experiment: the sweep that a report takes, of
    those with at least one finished run. ``experiment``: experiment in which a label is searched; may be empty. ``to``:
    the folder. ``overrides``: e.g. ``tracking=server``. Raises ConfigError if the folder exists and is not empty;
    DigicarbonError if there is no such run, or its data have changed since the fit.
    """
    target = _free(to)
    tracking, recorded = stored(run, experiment, overrides, finished=True)
    exported = _exported(tracking, recorded)
    if not exported.cases:
        more = Note("export_left_out", said=exported.uncounted) if exported.uncounted else ""
        raise DataError(Note("export_nothing", run=recorded.label, more=more))
    folder.write(target, _files(tracking, recorded, exported), "--to")
    runs, sets = len(exported.cases), len(exported.sets)
    done = Note("exported", runs=runs, experiment=recorded.experiment, folder=to, sets=sets)
    sys.stdout.writelines(f"{said(note)}\n" for note in (done, *exported.uncounted))
    return 0


def _free(to: str) -> Path:
    """Return the path of the folder to write; it must not exist or must be empty."""
    path = Path(to)
    if path.is_file():
        raise ConfigError(Note("export_to_is_file", file=to))
    if path.is_dir() and any(path.iterdir()):
        raise ConfigError(Note("export_to_not_empty", folder=to))
    return path


def _exported(tracking: Tracking, recorded: Recorded) -> Exported:
    columns = ["run_id", "label", "status", "config", "result"]
    table = store_results(tracking, recorded.parent_id, [*columns, *COLUMNS])
    if recorded.run_id != recorded.parent_id:
        table = table[table["run_id"] == recorded.run_id]
    whole = sweep_of(tracking, recorded.parent_id)
    order = {run_id: place for place, (_, run_id) in enumerate(whole.fitted)}
    table = table.sort_values("run_id", key=lambda ids: ids.map(order), kind="stable")
    preparation, sets = Preparation(), DataSets()
    cases: list[Case] = []
    places: dict[int, DataSet] = {}
    configs: dict[int, str] = {}
    failed, unreadable, diagnostics, simulated = 0, 0, 0, False
    for record in table.to_dict("records"):
        row = {str(key): value for key, value in record.items()}
        if row["status"] != "FINISHED":
            failed += 1
            continue
        if not row["result"]:
            unreadable += 1
            continue
        again = _again(preparation, row)
        case = case_of(len(cases) + 1, row["run_id"], row["label"], again.specs, again.prepared, decode(row["result"]))
        if case is None:
            diagnostics += 1
            continue
        cases.append(case)
        places[case.number] = sets.place(case.extract.index, case.extract.columns)
        configs[case.number] = row["config"]
        simulated |= again.prepared.simulated
    notes = (
        (failed, Note("export_failed", runs=failed)),
        (unreadable, Note("export_unread", runs=unreadable)),
        (diagnostics, Note("export_diagnostics", runs=diagnostics)),
    )
    statements = [str(whole.statements.get(one.head, one.nothing)) for one in stating()]
    return Exported(cases, sets, places, configs, [one for number, one in notes if number], simulated, statements)


def _again(preparation: Preparation, row: Mapping[str, Any]) -> Again:
    """Return a run as it is prepared today, and refuse data that have changed."""
    with Caught() as caught:
        again = Again.of(preparation, row["config"], row["run_id"])
        again.refuse_other_data(row)
        return again
    raise DataError(Note("export_refused", run=row["run_id"], label=row["label"], reason=caught.note))


def _files(tracking: Tracking, recorded: Recorded, exported: Exported) -> dict[str, bytes]:
    """Return the contents of the folder by name."""
    names = Names()
    for data in exported.sets:
        for column in data.columns:
            names.give(column)
    weights: dict[str, Weights] = {}
    for case in exported.cases:
        for own in (*case.weights, *([] if case.filtered is None else [case.filtered])):
            weights.setdefault(own.digest, own)
    matrices = _matrix_names(weights)
    when = datetime.fromtimestamp(recorded.start / 1000, UTC).replace(tzinfo=None)
    files: dict[str, bytes] = {}
    for data in exported.sets:
        files[f"data/{data.name}.csv"] = data.csv(names)
        files[f"data/{data.name}.dta"] = data.dta(names, when)
    for digest, matrix in weights.items():
        files |= _weights(matrices[digest], matrix)
    digits = max(3, len(str(len(exported.cases))))
    config = {case.number: f"config/{case.number:0{digits}d}.yaml" for case in exported.cases}
    files |= {config[number]: masked(text).encode() for number, text in exported.configs.items()}
    parts = [exported.cases[start : start + RUNS_A_SCRIPT] for start in range(0, len(exported.cases), RUNS_A_SCRIPT)]
    scripts = []
    for number, part in enumerate(parts, 1):
        stem = "check" if len(parts) == 1 else f"check_{number}"
        files[f"{stem}.R"] = r_script(part, exported.places, names, matrices, f"{stem}.R").encode()
        files[f"{stem}.do"] = do_file(part, exported.places, names, matrices, f"{stem}.do").encode()
        scripts += [f"{stem}.R", f"{stem}.do"]
    title = recorded.tags.get("digicarbon.title") or recorded.label
    facts = Facts(
        title,
        recorded.experiment,
        recorded.parent_id,
        exported.simulated,
        tuple(map(str, exported.uncounted)),
        tuple(scripts),
        tuple(exported.statements),
    )
    tags = recorded.tags if VERSIONS in recorded.tags else find(tracking, exported.cases[0].run_id).tags
    versions, requirements = environment(tags, provenance(), platform.python_version())
    files |= {
        "README.txt": readme(facts, exported.cases, exported.places, names, matrices, config).encode(),
        "expected.csv": expected(exported.cases, exported.places, names).encode(),
        "environment.txt": versions.encode(),
        "requirements.txt": requirements.encode(),
        "experiment.yaml": masked(file_of(tracking, recorded.parent_id, "experiment.yaml")).encode(),
        RECORD: file_of(tracking, recorded.parent_id, RECORD).encode(),
    }
    return files


def _matrix_names(weights: Mapping[str, Weights]) -> dict[str, str]:
    """Return a name for each matrix: its own name in letters that Stata and R accept."""
    names, earlier = {}, set()
    for number, (digest, matrix) in enumerate(weights.items(), 1):
        preferred = "W_" + (re.sub(r"[^A-Za-z0-9]+", "_", matrix.name).strip("_")[:20] or str(number))
        name = preferred if preferred not in earlier else f"{preferred}_{number}"
        earlier.add(name)
        names[digest] = name
    return names


def _weights(name: str, weights: Weights) -> dict[str, bytes]:
    """Return a matrix as a square table and as a list of pairs; those by period below each other, with their period."""
    dense, pairs = _tables(weights)
    if weights.by_period:
        parts = {period: _tables(part) for period, part in weights.by_period.items()}
        dense, pairs = (
            pd.concat({period: tables[which] for period, tables in parts.items()}, names=["period"])
            .reset_index("period")
            .reset_index(drop=True)
            for which in (0, 1)
        )
    return {
        f"weights/{name}.csv": plain_table(dense).to_csv(index=False, lineterminator="\n").encode(),
        f"weights/{name}_long.csv": plain_table(pairs).to_csv(index=False, lineterminator="\n").encode(),
    }


def _tables(weights: Weights) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return a row for each unit, and a row for each pair."""
    dense = pd.DataFrame(weights.dense(), columns=list(weights.labels))
    dense.insert(0, "unit", list(weights.labels), allow_duplicates=True)
    cells = weights.matrix.tocoo()
    rows, columns = cells.coords
    pairs = pd.DataFrame(
        {
            "unit": [weights.labels[i] for i in rows],
            "neighbour": [weights.labels[j] for j in columns],
            "unit_id": rows + 1,
            "neighbour_id": columns + 1,
            "weight": cells.data,
        }
    )
    return dense, pairs
