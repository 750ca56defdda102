"""A table from a file or a DataFrame in one line: formulas become an experiment, which is planned and fitted as any."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pandas as pd

from digicarbon.config import flat
from digicarbon.config.compose import Composer, loader
from digicarbon.config.describe import find_option
from digicarbon.config.files import UNNAMED, unsaved
from digicarbon.config.written import in_python
from digicarbon.errors import ConfigError
from digicarbon.model._formula import Formula, is_time, read
from digicarbon.note import Note, cut
from digicarbon.panel import variables_of
from digicarbon.plan.prepare import fitted
from digicarbon.plan.runs import plan
from digicarbon.report import Table
from digicarbon.report import table as side_by_side
from digicarbon.result import Result
from digicarbon.source import TableSource
from digicarbon.weights import Weights

OPTIONS = {"none": "pooled", "unit": "fe", "time": "fe_time", "two_way": "twfe"}
"""The option of the linear model with these effects."""
_INSTRUMENTED = "iv"


def experiment(
    data: str, formulas: Sequence[str], choices: Mapping[str, Any], focal: Sequence[str] = (), title: str = ""
) -> dict[str, Any]:
    """Return the short experiment that formulas are.

    ``data``: a file. ``formulas``: ``outcome ~ terms | effects`` or ``outcome ~ terms | effects | endogenous ~
    instruments``; the first is that of the table, others have a column each. ``choices``: further keys of the
    experiment, e.g. ``{"model": "sdm", "weights": "neighbours.csv"}``, which count. ``focal``: names of the focal
    variables; by default the first term's.

    Raises ConfigError if a formula cannot be read or has none of the focal variables; DataError if the file cannot be
    read, or its columns of units and periods cannot be found.
    """
    # words of the table itself, e.g. a sheet, stand in its mapping
    fields = {
        word: choices[word] for word, key in flat.WORDS.items() if key.startswith("source.") and choices.get(word)
    }
    keys = {**choices.get(flat.DATA, {}), **fields}
    parts = [_parts(formula) for formula in formulas]
    if not keys.keys() & {"unit", "time"}:
        keys |= _named(parts[0][0]) or {}
    source = {"path": data, **keys}
    named = _keys(TableSource(**source), parts)
    columns = [_choices(main, instruments, named, choices, focal) for main, instruments in parts]
    first, *others = columns
    content: dict[str, Any] = {"data": source if keys else data}
    if title:
        content = {"title": title, **content}
    content |= first | {key: value for key, value in choices.items() if key not in (flat.DATA, *fields)}
    if others:
        content["columns"] = {"(1)": {}} | {
            f"({number})": {key: value for key, value in one.items() if first.get(key) != value}
            | {key: _without(key) for key in first if key not in one}
            for number, one in enumerate(others, start=2)
        }
    return content


def _without(key: str) -> Any:
    return [] if key in ("controls", "absorb", "instruments", "endogenous") else None


def _parts(formula: str) -> tuple[Formula, tuple[tuple[str, ...], tuple[str, ...]] | None]:
    """Return a formula, and the endogenous terms and instruments of its third part, if it has one."""
    if "~" not in formula:
        raise ConfigError(Note("formula_without_outcome", key="formula", formula=formula))
    head, bar, last = formula.rpartition("|")
    try:
        if bar and "~" in last and "~" in head:
            left, _, right = last.partition("~")
            sides = [read(f"outcome ~ {side}").terms for side in (left, right)]
            return read(re.sub(r"\|\s*0\s*$", "", head)), (sides[0], sides[1])
        return read(formula), None
    except ValueError as error:
        raise ConfigError(_of(error)) from error


def _of(error: ValueError) -> Note | str:
    note = error.args[0] if error.args else str(error)
    return note if isinstance(note, Note) else str(note)


def _named(formula: Formula) -> dict[str, str] | None:
    """Return the columns of units and periods that the effects of a formula name; None where they do not say which."""
    names = formula.absorbed or ()
    times = [name for name in names if is_time(name)]
    others = [name for name in names if name not in times]
    return {"unit": others[0], "time": times[0]} if len(names) == 2 and len(times) == 1 else None


def _keys(source: TableSource, parts: Sequence[tuple[Formula, object]]) -> dict[str, str]:
    """Return which effect the names of a file's columns of units and periods stand for."""
    if not any(formula.absorbed for formula, _ in parts):
        return {}
    inputs = source.load()
    return {inputs.unit_name: "unit", inputs.time_name: "time"}


def _choices(
    formula: Formula,
    instrumented: tuple[tuple[str, ...], tuple[str, ...]] | None,
    keys: Mapping[str, str],
    given: Mapping[str, Any],
    focal: Sequence[str],
) -> dict[str, Any]:
    """Return the choices that a formula is."""
    endogenous, instruments = instrumented or ((), ())
    if twice := [term for term in endogenous if term in formula.terms]:
        raise ConfigError(Note("endogenous_twice", terms=cut(twice), formula=formula.text))
    terms = (*endogenous, *formula.terms)
    variables = set(focal) or set(variables_of(endogenous or terms[:1]))
    x = [term for term in terms if variables & _names(term)]
    if lacking := [name for name in focal if not any(name in _names(term) for term in terms)]:
        raise ConfigError(Note("focal_not_there", names=cut(lacking), formula=formula.text, terms=cut(terms, 20)))
    chosen: dict[str, Any] = {"y": formula.y, "x": x, "controls": [term for term in terms if term not in x]}
    if instruments:
        chosen |= {"model": _INSTRUMENTED, "instruments": list(instruments), "endogenous": list(endogenous)}
    absorbed = formula.absorbed
    if absorbed is not None:
        own = {keys[name] for name in absorbed if name in keys}
        effects = "two_way" if len(own) == 2 else next(iter(own), "none")
        further = [*(name for name in absorbed if name not in keys), *formula.interactions]
        if "model" in given or instruments:
            # some models have two-way effects by definition, and no field for them
            if effects != "two_way" or _has_effects(str(given.get("model", _INSTRUMENTED))):
                chosen["effects"] = effects
        else:
            chosen["model"] = OPTIONS[effects]
        chosen |= {"absorb": further} if further else {}
        chosen |= {"trends": formula.trends} if formula.trends else {}
    elif "model" not in given and not instruments:
        chosen["model"] = OPTIONS["none"]
    return chosen


def _has_effects(model: str) -> bool:
    """Return whether a model has a field for its fixed effects; an option that does not exist is refused later."""
    try:
        return "effects" in find_option("model", model).spec.model_fields
    except ConfigError:
        return True


def _names(term: str) -> set[str]:
    """Return what a term may be called: itself, its variables, and the columns that these are logarithms of."""
    variables = variables_of([term])
    return {term, *variables, *(name.removeprefix("ln_") for name in variables)}


@contextmanager
def composed(content: Mapping[str, Any]) -> Iterator[str]:
    """Let a short experiment be found under the name that this yields, as if it were a file of the user."""
    with tempfile.TemporaryDirectory(prefix="digicarbon-") as folder:
        path = Path(folder) / flat.FOLDER
        path.mkdir()
        (path / f"{UNNAMED}.yaml").write_text("\n".join(flat.lines(content)) + "\n", encoding="utf-8")
        with unsaved(path):
            yield UNNAMED


def fit(
    data: pd.DataFrame | str | Path | None = None,
    formula: str | pd.DataFrame | Path | None = None,
    /,
    *,
    weights: Any = None,
    model: str | None = None,
    focal: str | Sequence[str] = (),
    **choices: Any,
) -> Result:
    """Fit one model to a table of data, with the defaults, notes and numbers of an experiment file.

    Parameters
    ----------
    data : DataFrame, str or Path
        A row per unit and period, or a file of it; it may also follow the formula, as in R.
    formula : str
        ``outcome ~ terms | effects``, e.g. ``"ln_ci ~ ln_digital + ln_pgdp | city + year"``; a third part
        ``endogenous ~ instruments`` gives instruments. Terms are those of `digicarbon.PanelRegression`'s formula.
    weights : Weights, DataFrame, str or Path, optional
        Spatial weights, a table of them (square, pairs or places), a file, or the name of an option, e.g.
        ``"k_nearest"``.
    model : str, optional
        An option of models, e.g. ``"sdm"``; by default the linear model with the effects of the formula.
    focal : str or sequence of str
        The variables of interest; by default that of the first term.
    **choices
        Further words of an experiment file, e.g. ``cluster="time"``, ``sample={"first": 2013}``.

    Returns
    -------
    Result

    Raises
    ------
    DigicarbonError
        If a formula, a word, the data or the weights are wrong; the sentence says what to change.
    """
    own, text = _in_order((data, formula), choices, "formula")
    if own is None or text is None:
        raise ConfigError(Note("fit_call", call=_call("fit", choices)))
    (result,) = _fits(own, [text], weights, model, focal, choices)
    return result


def table(
    data: pd.DataFrame | str | Path | Sequence[object] | None = None,
    formulas: str | Sequence[str] | Mapping[str, str] | pd.DataFrame | Path | None = None,
    /,
    title: str = "",
    *,
    labels: Sequence[str] = (),
    weights: Any = None,
    model: str | None = None,
    focal: str | Sequence[str] = (),
    choices: Mapping[str, Any] | None = None,
    **layout: Any,
) -> Table:
    """Return a regression table: of formulas that are fitted to data, or of results.

    Parameters
    ----------
    data : DataFrame, str or Path; or a sequence of results
        A row per unit and period, or a file of it. A sequence of results is shown side by side: of digicarbon, or fits
        of linearmodels, pyfixest, spreg and statsmodels; see `digicarbon.report.table`, whose arguments follow it.
    formulas : str, sequence of str or mapping
        A column each; see `fit`. A mapping has the heads of the columns as keys.
    title : str
    labels : sequence of str
        The heads of the columns; by default (1), (2), …
    weights, model, focal
        As in `fit`, for all columns.
    choices : mapping, optional
        Further words of an experiment file.
    **layout
        Fields of the table, e.g. ``decimals=3``, and ``words``, ``language``, ``unit``, ``time`` of results.

    Returns
    -------
    Table
        ``table.save("table3.docx")`` writes it; the suffix chooses the format.

    Raises
    ------
    DigicarbonError
        If a formula, a word, the data or the weights are wrong.
    """
    own, texts = _in_order((data, formulas), layout, "formulas")
    if own is None:
        raise ConfigError(Note("fit_call", call=_call("table", layout)))
    if isinstance(texts, Mapping):
        labels, texts = labels or tuple(texts), tuple(texts.values())
    elif isinstance(texts, str) or texts is None:
        texts = () if texts is None else (texts,)
    if not isinstance(own, pd.DataFrame | str | Path):
        if not isinstance(own, Iterable) or not isinstance(texts, Sequence):
            raise ConfigError(Note("results_no_list", call="table([one, other])"))
        # the heads of columns may be the second argument
        return side_by_side(list(own), labels or tuple(texts), title, **layout)
    results = _fits(own, texts, weights, model, focal, choices or {})
    return side_by_side(results, labels, title, **layout)


def _in_order(positional: Sequence[Any], keywords: dict[str, Any], name: str) -> tuple[Any, Any]:
    """Return the data and the formulas of a call, in whichever order they are given, with a name or without one.

    ``keywords``: those of the call, from which both are taken. ``name``: what formulas are called there.
    """
    data, formulas = keywords.pop("data", None), keywords.pop(name, None)
    for one in positional:
        if one is None:
            continue
        if formulas is None and (data is not None or _is_formula(one)):
            formulas = one
        elif data is None:
            data = one
        else:
            raise ConfigError(Note("fit_call", call='fit(data, "y ~ x | unit + time")'))
    return data, formulas


def _is_formula(value: object) -> bool:
    """Return whether a value is a formula, or several."""
    if isinstance(value, Mapping):
        value = list(value.values())
    each = value if isinstance(value, list | tuple) else [value]
    return bool(each) and all(isinstance(one, str) and "~" in one for one in each)


def _call(verb: str, given: Mapping[str, Any]) -> str:
    """Return the call to write, with the variables that were given without a formula."""
    y, x, controls = (given.get(name, ()) for name in ("y", "x", "controls"))
    terms = [str(one) for part in (x, controls) for one in ([part] if isinstance(part, str) else part)]
    formula = f"{y} ~ {' + '.join(terms)}" if isinstance(y, str) and terms else "y ~ x"
    return f'{verb}(data, "{formula} | unit + time")'


def _fits(
    data: pd.DataFrame | str | Path,
    formulas: Sequence[str],
    weights: Any,
    model: str | None,
    focal: str | Sequence[str],
    choices: Mapping[str, Any],
) -> list[Result]:
    if not formulas:
        raise ConfigError(Note("no_formula", example="y ~ x | unit + time"))
    if not all(isinstance(formula, str) for formula in formulas):
        raise ConfigError(Note("formula_no_text", call='fit(data, "y ~ x | unit + time")'))
    named = {
        key: word for word, group in (("data", "source"), ("weights", "weights")) for key in (group, f"{group}.path")
    }
    frames = {f"{name}.parquet": name for name, one in (("data", data), ("weights", weights)) if _is_frame(one)}
    with tempfile.TemporaryDirectory(prefix="digicarbon-") as folder, in_python(formulas, named, frames):
        given = dict(choices) | ({} if model is None else {"model": model})
        if weights is not None:
            given["weights"] = _weights(weights, Path(folder))
        names = [focal] if isinstance(focal, str) else list(focal)
        content = experiment(_file(data, Path(folder), "data"), list(formulas), given, names)
        with composed(content) as name:
            runs = plan(Composer(loader(), name))
            for why in runs.failed.values():
                # a formula is named by itself, not as a column of an experiment that nobody wrote
                raise ConfigError(why["why"])
            if len(runs.runs) < len(formulas):
                raise ConfigError(Note("formulas_equal", formulas=len(formulas), fits=len(runs.runs)))
            return [fitted(run.specs, run.prepared) for run in runs.runs]


def _is_frame(value: object) -> bool:
    return isinstance(value, pd.DataFrame)


def _file(data: pd.DataFrame | str | Path, folder: Path, name: str) -> str:
    """Return a file of a table; a DataFrame is written to one."""
    if not isinstance(data, pd.DataFrame):
        return str(data)
    path = folder / f"{name}.parquet"
    frame = data if isinstance(data.index, pd.RangeIndex) and data.index.name is None else data.reset_index()
    # a file has one kind of cells in a column: numbers beside a text such as - are texts, as in a CSV
    frame = frame.rename(columns=str)
    mixed = [str(name) for name in frame if pd.api.types.infer_dtype(frame[name], skipna=True).startswith("mixed")]
    frame.assign(**{name: frame[name].map(str, na_action="ignore") for name in mixed}).to_parquet(path)
    return str(path)


def _weights(weights: Any, folder: Path) -> Any:
    """Return what an experiment says of weights: an option, a file, or fields."""
    if isinstance(weights, Weights):
        labels = list(weights.labels)
        # scaled anew, as weights of a sample are
        matrix = pd.DataFrame(weights.raw.toarray(), index=labels, columns=labels)
        name = re.sub(r"\W+", "_", str(weights.name)) or "weights"
        return {
            "path": _file(matrix.reset_index(), folder, name),
            "normalise": weights.normalisation,
            "islands": "keep",
        }
    if isinstance(weights, pd.DataFrame):
        return _file(weights, folder, "weights")
    return str(weights) if isinstance(weights, Path) else weights
