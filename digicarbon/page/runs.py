"""The table of all runs: compact columns for the page's script, and the full table as CSV."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from markupsafe import Markup
from numpy.typing import NDArray

from digicarbon.disk.cells import plain_table
from digicarbon.page import again
from digicarbon.page.counts import BAD, Listed
from digicarbon.page.moves import option
from digicarbon.page.overview import Overview
from digicarbon.page.words import Words
from digicarbon.plan.runs import NOTHING
from digicarbon.recorded import RecordedSweep
from digicarbon.report.focal import effect_of, text_of
from digicarbon.report.kinds import Multiverse, with_letter
from digicarbon.report.labels import Labels
from digicarbon.sweep.effects import Effects

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
STATISTICS = ("threshold_1", "mediated_share", "delta", "bias_adjusted", "rv", "rv_level")
"""Statistics of models and diagnostics that the table shows after these, by the words that tables have for them."""
FEW = 5
"""Up to so many choices are shown to the left of the estimates."""
NO_ID = " " * 32
"""Stands for the id of a run that is not recorded."""
UNUSED = "–"
"""The value of a choice that a run's model does not use."""
_TYPES = ("<u1", "<u2", "<u4")


def packed(values: NDArray[Any]) -> str:
    """Return numbers as the page's script reads them: their type, and their bytes in base 64."""
    if values.dtype.kind == "f":
        kind = "<f8"
    else:
        most = int(values.max(initial=0))
        kind = next(name for name in _TYPES if most <= np.iinfo(name).max)
    return f"{kind[1:]}:{base64.b64encode(values.astype(kind).tobytes()).decode()}"


def payload(
    sweep: RecordedSweep,
    listed: Sequence[Listed],
    overview: Overview,
    address: str,
    key: str,
    words: Words,
    labels: Labels,
) -> Markup:
    """Return the table of runs as JSON that is safe inside a page.

    ``address`` is that of a run in MLflow without its id, empty if no server is known; ``key`` is that of the section,
    for links to runs within the page.
    """
    names = [run.label for run in listed]
    rows = sweep.rows.reindex(["" if run.run is None else run.run.hash for run in listed])
    columns = [_run_column(listed, words, labels)]
    states = [run.state for run in listed]
    # if all are alike, the count at the top says so
    if len(set(states)) > 1:
        state = _texts(words("state"), [words(f"state_{one}") for one in states])
        columns.append({**state, "bad": [words(f"state_{one}") for one in BAD]})
    choices = _choices(sweep, listed, rows, labels)
    metrics = [(column, name) for column, name in NUMBERS if column in rows and rows[column].notna().any()]
    # the numbers of the answer come first
    effects, focal = overview.effects, overview.focal
    asked = effects.run_effect.quantity
    leading = {"coef", "se", "p"} if asked == "coefficient" else {asked, f"{asked} p"}
    metrics.sort(key=lambda metric: metric[1] not in leading)
    fits = ["" if run.run is None else run.run.label for run in listed]
    shown = {name: rows[column].to_numpy(dtype=np.float64) for column, name in metrics}
    # the coefficient of a model without spatial lags is its direct and its total effect, on the curve, too
    for place, name in ((0, asked), (2, f"{asked} p")):
        if name in shown:
            own = np.array([effects.by_label[label][place] if label in effects.by_label else np.nan for label in fits])
            shown[name] = np.where(np.isnan(shown[name]), own, shown[name])
    estimates = [_numbers(_head(name, words), values) for name, values in shown.items()]
    further = {name: rows[column] for name in STATISTICS if (column := f"metrics.{name}") in rows}
    estimates += [_numbers(labels.word(name), values) for name, values in further.items() if values.notna().any()]
    estimates.append(_numbers(words("seconds"), (rows["end"] - rows["start"]) / 1000, 3))
    terms = [labels(focal[name]) if name in focal else "" for name in names]
    term = [_texts(words("term"), terms)] if focal else []
    # with many choices, estimates come first, so that they are visible
    first = 0 if len(choices) <= FEW else sum(name in leading for _, name in metrics)
    columns += [*term, *estimates[:first], *choices, *estimates[first:]] if first else [*choices, *term, *estimates]
    content = {
        "runs": len(listed),
        "key": key,
        "ids": "".join(run_id if isinstance(run_id, str) else NO_ID for run_id in rows["run_id"]),
        "base": address,
        "columns": columns,
        "effect": _effect(effects, names, words, labels) if len(effects) > 1 else None,
        "parts": _parts(sweep.multiverse, listed, labels),
        "again": again.commands(sweep),
        "words": words.listed(*SCRIPT),
    }
    text = json.dumps(content, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    # a script element ends at the first </, even within quotes
    return Markup(text.replace("<", "\\u003c"))


SCRIPT = (
    *("any", "filter", "filter_number", "of", "sort", "most_printed", "clear"),
    *("estimates", "negative", "positive", "significant", "median", "selected", "curve_label", "curve_run"),
    *("run", "p", "interval", "choices", "again", "again_file", "again_compare", "copy", "copied", "one_run", "mlflow"),
    *("share_of", "no_runs", "all_values", "apart", "part", "one_part"),
)
"""Words of the page's script."""


def table(sweep: RecordedSweep) -> bytes:
    """Return all runs with all params and metrics as CSV, in the order of the experiment.

    Where choices have kinds, two columns say in which parts a run is, and whether it is counted there.
    """
    every = [(label, run.hash) for run in sweep.roster.runs for label in (run.label, *run.twins)]
    rows = sweep.rows.reindex([key for _, key in every])
    columns = [name for name in rows.columns if name.startswith(("params.", "metrics."))]
    error = rows["error"].map(lambda text: text.partition("\n")[0] if isinstance(text, str) else "")
    seconds = (rows["end"] - rows["start"]) / 1000
    names = [label for label, _ in every]
    head = pd.DataFrame(
        {"run": names, "run_id": rows["run_id"], "status": rows["status"], "error": error, "seconds": seconds}
    )
    if sweep.multiverse is not None and sweep.multiverse.kinds:
        owners = [run.label for run in sweep.roster.runs for _ in (run.label, *run.twins)]
        parts = sweep.multiverse.names_by_label
        head["part"] = ["; ".join(parts.get(owner, ())) for owner in owners]
        head["counted"] = sweep.multiverse.counted(owners)
    content: str = plain_table(pd.concat([head, rows[columns]], axis="columns")).to_csv(index=False)
    return content.encode("utf-8-sig")


def _parts(multiverse: Multiverse | None, listed: Sequence[Listed], labels: Labels) -> list[dict[str, Any]]:
    """Return which runs may be counted together; empty where all may."""
    if multiverse is None or multiverse.whole:
        return []
    owners = ["" if run.run is None else run.run.label for run in listed]
    return [
        {
            "name": labels.head(part.name or ", ".join(f"{key}={value}" for key, value in part.choices.items())),
            "apart": not part.main,
            "members": packed(part.of(owners).astype(np.int64)),
        }
        for part in multiverse.parts
    ]


def _effect(effects: Effects, names: Sequence[str], words: Words, labels: Labels) -> dict[str, Any]:
    """Return the effects of listed runs; where their units differ, in standard errors."""
    none = np.full(len(effects.columns), np.nan)
    coef, se, p, low, high = np.array([effects.by_label.get(name, none) for name in names]).T
    if effects.mixed:
        coef = coef / se
        low = high = np.full_like(coef, np.nan)
    name = effect_of(effects.quantity).text(words.language, labels)
    return {
        "name": words("in_errors", effect=name) if effects.mixed else name,
        "level": effects.level,
        **{
            part: packed(values)
            for part, values in zip(("coef", "p", "low", "high"), (coef, p, low, high), strict=True)
        },
    }


def _choices(
    sweep: RecordedSweep, listed: Sequence[Listed], rows: pd.DataFrame, labels: Labels
) -> list[dict[str, Any]]:
    """Return a column for each varied key: words, and what selects a value on the command line and in YAML."""
    keys = list(dict.fromkeys(key for run in sweep.roster.runs for key in run.values))
    params = {key: rows[f"params.{key}"].tolist() for key in keys if f"params.{key}" in rows}
    known: dict[str, dict[str, int]] = {key: {} for key in keys}
    values: dict[str, list[tuple[str, str, str]]] = {key: [] for key in keys}
    codes = np.zeros((len(keys), len(listed)), dtype=np.int64)
    for place, one in enumerate(listed):
        fields = {key: column[place] for key, column in params.items()}
        chosen = {} if one.run is None else again.chosen(one.run, fields)
        for number, key in enumerate(keys):
            content = repr(chosen[key]) if key in chosen else repr((one.values.get(key),))
            code = known[key].get(content)
            if code is None:
                code = known[key][content] = len(known[key])
                said = _said(key, one.values.get(key), key in chosen, labels)
                own = (again.word(key, chosen[key]), again.line(key, chosen[key])) if key in chosen else ("", "")
                values[key].append((said, *own))
            codes[number, place] = code
    return [
        {
            "head": with_letter(key, sweep.multiverse, labels),
            "key": key,
            "values": [said for said, _, _ in values[key]],
            "codes": packed(codes[number]),
            "set": [word for _, word, _ in values[key]],
            "lines": [line for _, _, line in values[key]],
        }
        for number, key in enumerate(keys)
    ]


def _said(key: str, value: Any, chosen: bool, labels: Labels) -> str:
    """Return what a run's value of a choice is called."""
    if value is None:
        return ""
    return UNUSED if value == NOTHING and not chosen else option(labels, key, text_of(value))


def _run_column(listed: Sequence[Listed], words: Words, labels: Labels) -> dict[str, Any]:
    """Return the names of runs: labels without the content of other columns, numbered if several are alike."""
    short = [labels.column(_own_name(run.label, run.values)) for run in listed]
    if any(short):
        if len(set(short)) < len(short):
            short = [f"{number} {name}" for number, name in enumerate(short, 1)]
        return {**_texts(words("run"), short), "run": True}
    return {**_numbers(words("run"), range(1, len(listed) + 1)), "run": True}


def _own_name(label: str, values: Mapping[str, Any]) -> str:
    """Return a label without the keys that have a column; empty if nothing is left."""
    places = [place for key in values if (place := f", {label}".find(f", {key}=")) >= 0]
    return label[: max(min(places) - 2, 0)] if places else label


def _texts(head: str, texts: Sequence[str]) -> dict[str, Any]:
    known: dict[str, int] = {}
    codes = [known.setdefault(text, len(known)) for text in texts]
    return {"head": head, "values": list(known), "codes": packed(np.array(codes, dtype=np.int64))}


def _head(name: str, words: Words) -> str:
    word, _, statistic = name.partition(" ")
    return f"{words(word)}, {words(statistic)}" if statistic else words(word)


def _numbers(head: str, numbers: Iterable[Any], digits: int = 4) -> dict[str, Any]:
    values = np.asarray(list(numbers), dtype=np.float64)
    values[~np.isfinite(values)] = np.nan
    whole = bool(np.all(np.isnan(values) | (values == np.floor(values))))
    return {"head": head, "numbers": packed(values), "digits": 0 if whole else digits}
