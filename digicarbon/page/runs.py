"""The table of all runs: compact columns for the page's script, and the full table as CSV."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from markupsafe import Markup

from digicarbon.disk.cells import plain_table
from digicarbon.page.words import Words
from digicarbon.recorded import RecordedSweep
from digicarbon.report.focal import text_of
from digicarbon.report.labels import Labels

NUMBERS = (
    ("metrics.focal.coef", "coef"),
    ("metrics.focal.se", "se"),
    ("metrics.focal.p", "p"),
    ("metrics.focal.direct", "direct"),
    ("metrics.focal.direct.p", "direct p"),
    ("metrics.focal.indirect", "indirect"),
    ("metrics.focal.indirect.p", "indirect p"),
    ("metrics.focal.total", "total"),
    ("metrics.focal.total.p", "total p"),
    ("metrics.rho", "rho"),
    ("metrics.nobs", "nobs"),
    ("metrics.r2_within", "r2_within"),
    ("metrics.loglik", "loglik"),
)
"""Columns of a sweep's rows that the table shows if any run has them, and their names."""
FEW = 5
"""Up to so many choices are shown to the left of the estimates."""
DIGITS = 9
"""Significant digits that the page keeps; runs.csv has all of them."""


def payload(sweep: RecordedSweep, focal: Mapping[str, str], base: str, words: Words, labels: Labels) -> Markup:
    """Return the table of runs as JSON that is safe inside a page.

    Parameters
    ----------
    sweep : RecordedSweep
    focal : mapping of str to str
        The focal term of each run by label.
    base : str
        The address of a run in MLflow without its id.
    words : Words
    labels : Labels
        The names of terms.
    """
    names, hashes, planned = _listed(sweep)
    rows = sweep.rows.reindex(hashes)
    columns = [_run_column(names, planned, words)]
    states = [_state(status, words) for status in rows["status"]]
    # if all have finished, the head of the page says so
    if set(states) - {words("finished")}:
        columns.append({**_texts(words("state"), states), "state": True, "finished": words("finished")})
    choices = [
        _texts(key, [text_of(values[key]) if key in values else "" for values in planned])
        for key in dict.fromkeys(key for values in planned for key in values)
    ]
    metrics = [(column, name) for column, name in NUMBERS if column in rows and rows[column].notna().any()]
    estimates = [_numbers(name, rows[column], words) for column, name in metrics]
    estimates.append(_numbers("seconds", (rows["end"] - rows["start"]) / 1000, words))
    term = [_texts(words("term"), [labels(focal[name]) if name in focal else "" for name in names])] if focal else []
    # with many choices, estimates come first, so that they are visible
    first = 0 if len(choices) <= FEW else sum(name in ("coef", "se", "p") for _, name in metrics)
    columns += [*term, *estimates[:first], *choices, *estimates[first:]] if first else [*choices, *term, *estimates]
    content = {
        "ids": ["" if run_id != run_id else run_id for run_id in rows["run_id"]],
        "base": base,
        "columns": columns,
        "words": words.listed("any", "filter", "filter_number", "of", "sort", "most_printed"),
    }
    text = json.dumps(content, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    # a script element ends at the first </, even within quotes
    return Markup(text.replace("<", "\\u003c"))


def table(sweep: RecordedSweep) -> bytes:
    """Return all runs with all params and metrics as CSV, in the order of the experiment."""
    names, hashes, _ = _listed(sweep)
    rows = sweep.rows.reindex(hashes)
    columns = [name for name in rows.columns if name.startswith(("params.", "metrics."))]
    error = rows["error"].map(lambda text: text.partition("\n")[0] if isinstance(text, str) else "")
    seconds = (rows["end"] - rows["start"]) / 1000
    head = pd.DataFrame(
        {"run": names, "run_id": rows["run_id"], "status": rows["status"], "error": error, "seconds": seconds}
    )
    content: str = plain_table(pd.concat([head, rows[columns]], axis="columns")).to_csv(index=False)
    return content.encode("utf-8-sig")


def _listed(sweep: RecordedSweep) -> tuple[list[str], list[str], list[Mapping[str, Any]]]:
    """Return label, hash and varied values of each run and each twin, in the order of the experiment."""
    every = [(label, run) for run in sweep.roster.runs for label in (run.label, *run.twins)]
    return [label for label, _ in every], [run.hash for _, run in every], [run.values for _, run in every]


def _run_column(names: Sequence[str], planned: Sequence[Mapping[str, Any]], words: Words) -> dict[str, Any]:
    """Return the names of runs: labels without the content of other columns, or else numbers."""
    short = [_own_name(name, values) for name, values in zip(names, planned, strict=True)]
    if any(short):
        return {**_texts(words("run"), short), "run": True}
    return {**_numbers("run", pd.Series(range(1, len(names) + 1)), words), "run": True, "digits": 0}


def _own_name(label: str, values: Mapping[str, Any]) -> str:
    """Return a label without the keys that have a column; empty if nothing is left."""
    places = [place for key in values if (place := f", {label}".find(f", {key}=")) >= 0]
    return label[: max(min(places) - 2, 0)] if places else label


def _state(status: Any, words: Words) -> str:
    if not isinstance(status, str):
        return words("not_fitted")
    return words("finished" if status == "FINISHED" else "failed")


def _texts(head: str, texts: Sequence[str]) -> dict[str, Any]:
    known: dict[str, int] = {}
    codes = [known.setdefault(text, len(known)) for text in texts]
    return {"head": head, "values": list(known), "codes": codes}


def _numbers(name: str, numbers: Iterable[Any], words: Words) -> dict[str, Any]:
    values = np.asarray(list(numbers), dtype=float)
    word, _, statistic = name.partition(" ")
    head = f"{words(word)}, {words(statistic)}" if statistic else words(word)
    whole = bool(np.all(np.isnan(values) | (values == np.floor(values))))
    return {
        "head": head,
        "numbers": [_rounded(value) for value in values.tolist()],
        "digits": 0 if whole else 3 if name == "seconds" else 4,
    }


def _rounded(value: float) -> float | int | None:
    if not math.isfinite(value):
        return None
    return int(value) if value == int(value) and abs(value) < 1e15 else float(f"{value:.{DIGITS}g}")
