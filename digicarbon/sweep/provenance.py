"""The record of runs: choices as parameters, provenance as tags, and where the numbers come from.

The files, bytes and choices behind each panel are a record for MLflow of their own.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import time
from collections.abc import Callable, Container, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import lru_cache, partial
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import BaseModel

from digicarbon.config.files import SETTINGS as SETTINGS
from digicarbon.errors import DataError
from digicarbon.model.tested import Tested
from digicarbon.note import Note
from digicarbon.panel import Panel, variables_of
from digicarbon.plan.prepare import KINDS, PanelRecord, Prepared, Specs
from digicarbon.plan.reach import code_digest, own_code
from digicarbon.plan.runs import NOTHING, Plan, Run
from digicarbon.report import Labels
from digicarbon.report.claim import Claim
from digicarbon.report.focal import COLUMN
from digicarbon.result import Result, RunEffect
from digicarbon.secret import hidden, masked
from digicarbon.source import TABLES, InputFile, Inputs, WatchedInputs, datafolder
from digicarbon.spec import Spec, identity
from digicarbon.tracking import Data, Entry, Planned, Roster

if TYPE_CHECKING:
    import pandas as pd

    from digicarbon.sweep.engine import Fitted

T = TypeVar("T")


class Once:
    """Caches values by the identity of the objects that they depend on, because comparing their content takes longer.

    It keeps a reference to the objects, so that Python never reuses the identity of a deleted one.
    """

    def __init__(self) -> None:
        self._values: dict[Hashable, tuple[tuple[object, ...], Any]] = {}

    def __call__(self, what: Hashable, parts: tuple[object, ...], make: Callable[[], T]) -> T:
        """Return the cached value, and compute it on the first call.

        ``what``: the kind of value. ``parts``: the objects on which the value depends. ``make``: computes the value.
        """
        key = (what, *map(id, parts))
        if key not in self._values:
            self._values[key] = (parts, make())
        value: T = self._values[key][1]
        return value


MOST_DATA = 20
"""How many data sets of a sweep its own run in MLflow lists; its runs have one each."""
RECORD = "data.json"
"""The record's name among the files of a sweep."""
MOST_INDENTED = 500
"""The largest number of runs whose record has a line for each value."""
VERSION = 2
"""Version of the record's layout."""
FINGERPRINT = "digicarbon.data_fingerprint"
"""The tag that carries a run's fingerprint."""
DATA_DIGEST, WEIGHTS_DIGEST = "digicarbon.data_digest", "digicarbon.weights_digest"
"""The tags that carry digests of a run's panel and of its weights."""
CODE = "digicarbon.code"
"""The tag that carries the SHA-256 of the code that computes a run's numbers."""
SEEDS = "digicarbon.seeds"
"""The tag that carries the seeds of a run, by the key that sets them, as JSON."""
GROUPS = ("source", "measure", "outcome", "panel", "sample")
"""The choices that make a panel."""
PLAIN = frozenset((str, int, float, bool, type(None)))
COMPUTING = ("inference", "model", "diagnostic")
"""Those that make the estimates of it."""


SEEDED = tuple(kind for kind in KINDS if kind != "inference")
"""Groups that draw from a seed of their own; models take that of ``inference`` by reference."""


@dataclass(frozen=True)
class Ledger:
    """The record of a sweep's data.

    ``fingerprints``: by the label of the run. ``tags``: by the label of the run: its fingerprint, code and seeds as
    tags of MLflow; equal ones are one object. ``fingerprint``: of the whole sweep: that of its runs, or a hash of all
    where they differ. ``files``: contents by name: the record `RECORD`, and the components of measures
    (``measure/<option>/…``).
    """

    fingerprints: Mapping[str, str]
    tags: Mapping[str, Mapping[str, str]]
    fingerprint: str
    files: Mapping[str, str]


def ledger(runs: Sequence[Run]) -> Ledger:
    """Return the record of the data of a sweep's runs.

    Raises DataError if a measure cannot name its components.
    """
    origins = _Origins()
    tags = {run.label: origins.tags(run) for run in runs}
    prints = {label: of_run[FINGERPRINT] for label, of_run in tags.items()}
    groups: dict[str, list[Run]] = {}
    for run in runs:
        groups.setdefault(origins.choices(run), []).append(run)
    measure_files, folders = _measure_files([alike[0] for alike in groups.values()])
    data = []
    for alike in groups.values():
        each = {prints[run.label]: run for run in reversed(alike)}
        by_print = {key: _own(run, origins) for key, run in reversed(each.items())}
        series = {
            name: digest for run in each.values() for name, digest in origins.series(run.specs, run.prepared).items()
        }
        more = {"series": series, "code": list(_code(alike, origins)), "artifacts": folders[alike[0].label]}
        data.append({**_entry(list(each.values())), **more, "runs": by_print})
    # to indent it takes long, and a record of thousands of runs has tens of thousands of lines
    indent = 1 if len(runs) <= MOST_INDENTED else None
    record = json.dumps({"version": VERSION, "data": data}, ensure_ascii=False, indent=indent)
    several = sorted(set(prints.values()))
    whole = several[0] if len(several) == 1 else _hash(several)
    return Ledger(prints, tags, whole, {RECORD: record + "\n", **measure_files})


def fingerprint(specs: Specs, prepared: Prepared) -> str:
    """Return the SHA-256 of all data of a run.

    It covers the bytes of the files from which the columns of the run come, the choices of source, measure, outcome,
    panel and sample, the panel itself (units, periods, rows, and names and values of the columns that model and
    diagnostic read), and the weights if they are taken. It does not cover where files are, what they are called, fields
    that decide no number (`Spec.no_numbers`), and files that were read for other columns.

    ``prepared``: the data that ``specs`` describe.
    """
    return _Origins().fingerprint(specs, prepared)


def seeds(specs: Specs) -> dict[str, int]:
    """Return every seed that a run does not ignore, by dotted key, e.g. ``{"source.seed": 1}``."""
    return _kept(specs, _seeds("", ((group, getattr(specs, group)) for group in SEEDED)))


def _kept(specs: Specs, every: Iterable[tuple[str, int]]) -> dict[str, int]:
    return {key: value for key, value in every if key.removeprefix("model.") not in specs.ignored}


def _seeds(place: str, fields: Iterable[tuple[str, object]]) -> Iterator[tuple[str, int]]:
    for name, value in fields:
        if name == "seed" and isinstance(value, int):
            yield f"{place}{name}", value
        elif type(value) in PLAIN or type(value) is tuple:
            # nearly all values, and asked first, since a sweep has millions
            continue
        elif isinstance(value, Spec):
            yield from _seeds(f"{place}{name}.", vars(value).items())
        elif isinstance(value, Mapping):
            yield from _seeds(f"{place}{name}.", value.items())


def today(path: str, sha256: str) -> str:
    """Return the present state of a recorded file: ``same``, ``changed`` or ``not there``."""
    try:
        return "same" if datafolder.file_hash(Path(path)) == sha256 else "changed"
    except OSError:
        return "not there"


@dataclass
class _Origins:
    """Finds the origins of runs, and computes what they share once: a sweep can have 100,000 runs."""

    _once: Once = field(default_factory=Once)
    _tags: dict[tuple[str, str, str], Mapping[str, str]] = field(default_factory=dict)

    def tags(self, run: Run) -> Mapping[str, str]:
        specs = run.specs
        computing = (type(specs.model), type(specs.diagnostic))
        values = (
            self.fingerprint(specs, run.prepared),
            self._once("code", computing, lambda: code_digest(*computing)),
            json.dumps(self._seeds(specs)),
        )
        return self._tags.setdefault(values, dict(zip((FINGERPRINT, CODE, SEEDS), values, strict=True)))

    def fingerprint(self, specs: Specs, prepared: Prepared) -> str:
        shared = _panel_specs(specs)

        def make() -> str:
            weights = None if prepared.weights is None else prepared.weights.digest
            choices = [
                self._once("numbers", (spec,), partial(identity, spec, frozenset(spec.no_numbers))) for spec in shared
            ]
            files = _hashes(self.files(specs, prepared))
            data = {"files": files, "choices": choices, "panel": prepared.record.terms}
            return _hash({"data": data, "weights": weights})

        return self._once(("fingerprint", prepared.terms), (*shared, prepared.shared, prepared.weights), make)

    def _seeds(self, specs: Specs) -> dict[str, int]:
        result: dict[str, int] = {}
        for group in SEEDED:
            spec = getattr(specs, group)
            result |= self._once("seeds", (spec,), partial(dict, _seeds("", [(group, spec)])))
        return _kept(specs, result.items())

    def choices(self, run: Run) -> str:
        """Return a key of runs that are recorded together: equal options, fields and files."""
        prepared = run.prepared

        def make() -> str:
            fields = [identity(spec, spec.left_to_models) for spec in _panel_specs(run.specs)]
            return _hash([_options(run), fields, _hashes(prepared.inputs.files)])

        # runs that share a panel differ in no field that makes it
        return self._once("choices", (run.options, prepared.shared), make)

    def files(self, specs: Specs, prepared: Prepared) -> tuple[InputFile, ...]:
        """Return the files from which the run's columns are computed."""
        inputs = prepared.inputs
        if not inputs.files:
            return ()
        names_read = self._read(specs, inputs, prepared)
        return tuple(file for file in inputs.files if names_read & set(file.series))

    def _read(self, specs: Specs, inputs: Inputs, prepared: Prepared) -> frozenset[str]:
        """Return the names of the inputs from which the run's columns are computed."""
        names = [*variables_of(specs.terms), *specs.model.optional_terms, *specs.sample.variables]
        direct = self._once("made", (prepared.shared,), lambda: series_of(specs, inputs))
        return direct | set(specs.panel.columns_behind(names, inputs.frame.columns))

    def series(self, specs: Specs, prepared: Prepared) -> dict[str, str]:
        """Return the digest of each input behind the run's columns, its regions and its weights; none without files.

        Rows in another order, and other inputs of the same file, change no digest.
        """
        inputs = prepared.inputs
        if not inputs.files:
            return {}
        weights = () if specs.weights is None or prepared.weights is None else specs.weights.made_of
        further = [*(name for name, _ in weights), *([inputs.regions] if specs.sample.regions else ())]
        known = set(inputs.frame.columns)
        behind = specs.panel.columns_behind(further, known)
        names = (self._read(specs, inputs, prepared) | set(behind)) & {*known, TABLES} - {"unit", "time"}
        frame = self._once("sorted", (inputs,), lambda: inputs.frame.sort_values(["unit", "time"]))
        return {
            name: self._once(("series", name), (inputs,), partial(_series, name, frame, inputs))
            for name in sorted(names)
        }


def _panel_specs(specs: Specs) -> tuple[Spec, ...]:
    return tuple(getattr(specs, group) for group in GROUPS)


def series_of(specs: Specs, inputs: Inputs) -> frozenset[str]:
    """Return the names of the inputs that measure and outcome read."""
    watched = WatchedInputs.of(inputs)
    specs.measure.transformed(watched)
    specs.outcome.compute(watched)
    return frozenset(watched.taken)


def _series(name: str, frame: pd.DataFrame, inputs: Inputs) -> str:
    """Return the digest of an input with its units and periods; tables go by the bytes of their files."""
    if name not in frame:
        return _hash(_hashes(file for file in inputs.files if name in file.series))
    text = frame[["unit", "time", name]].to_csv(index=False, header=False, lineterminator="\n")
    return hashlib.sha256(text.encode()).hexdigest()


def _hashes(files: Iterable[InputFile]) -> list[str]:
    return sorted(file.sha256 for file in files)


def _every_field(spec: Spec) -> dict[str, Any]:
    return {"class": f"{type(spec).__module__}.{type(spec).__qualname__}", **spec.model_dump(mode="json")}


def _choices(specs: Specs) -> dict[str, dict[str, Any]]:
    """Return the fields that define a panel; the terms that models read are recorded with each run."""
    result: dict[str, dict[str, Any]] = {}
    for group, spec in zip(GROUPS, _panel_specs(specs), strict=True):
        left = spec.left_to_models
        result[group] = {name: value for name, value in _every_field(spec).items() if name not in left}
    return result


def _options(run: Run) -> dict[str, str]:
    return {group: run.options.get(group, "") for group in GROUPS}


def _entry(runs: Sequence[Run]) -> dict[str, Any]:
    """Return the record of runs with the same files and choices."""
    first = runs[0]
    inputs = first.prepared.inputs
    return {
        "source": inputs.source,
        "simulated": inputs.simulated,
        "options": _options(first),
        "choices": _choices(first.specs),
        "files": [_file(file) for file in inputs.files],
        "names": {"unit": inputs.unit_name, "time": inputs.time_name},
        "panels": _panels(run.prepared.record for run in runs),
        "weights": _weights(runs),
    }


def _code(runs: Sequence[Run], origins: _Origins) -> Iterator[dict[str, Any]]:
    """Yield the user's own classes behind runs of the same panel, but for their weights, with the files of each.

    Those of models and diagnostics have the digests (`CODE`) of the runs that they compute.
    """
    specs = runs[0].specs
    for group, spec in zip(GROUPS, _panel_specs(specs), strict=True):
        yield from _classes(group, spec)
    known: dict[tuple[str, str], dict[str, Any]] = {}
    for run in runs:
        for group in COMPUTING:
            for item in _classes(group, getattr(run.specs, group)):
                kept = known.setdefault((group, item["class"]), {**item, "runs": {}})
                kept["runs"][origins.tags(run)[CODE]] = None
    yield from ({**item, "runs": list(item["runs"])} for item in known.values())


def _classes(group: str, spec: Spec | Mapping[str, Any] | Sequence[Any]) -> Iterator[dict[str, Any]]:
    """Yield each class of the user's own in a specification, and the files of its code with their digests."""
    if isinstance(spec, Spec):
        if files := own_code(type(spec)):
            yield {"group": group, "class": f"{type(spec).__module__}.{type(spec).__qualname__}", "files": files}
        spec = vars(spec)
    for value in spec.values() if isinstance(spec, Mapping) else spec:
        kind = type(value)
        # nearly all values are plain, which is asked first: a sweep has millions
        if kind in PLAIN or (kind is tuple and PLAIN.issuperset(map(type, value))):
            continue
        if isinstance(value, Spec | Mapping | tuple | list):
            yield from _classes(group, value)


def _own(run: Run, origins: _Origins) -> dict[str, Any]:
    """Return the record of the runs of one fingerprint."""
    prepared = run.prepared
    return {
        "panel": prepared.record.digest,
        "columns": list(run.specs.terms),
        "columns_digest": prepared.digest,
        "files": [file.path for file in origins.files(run.specs, prepared)],
        "series": list(origins.series(run.specs, prepared)),
        "weights": None if prepared.weights is None else prepared.weights.digest,
    }


def _panels(panels: Iterable[PanelRecord]) -> list[dict[str, Any]]:
    """Return units and periods of all panels; panels that differ only in their columns share an item."""
    shapes: dict[bytes, dict[str, Any]] = {}
    digests: dict[bytes, dict[str, None]] = {}
    for panel in panels:
        place = panel.index.digest
        if place not in shapes:
            shapes[place] = {
                "rows": len(panel.index),
                "units": list(map(str, panel.index.units)),
                "periods": list(map(str, panel.index.periods)),
            }
        digests.setdefault(place, {})[panel.digest] = None
    return [{**shape, "digests": list(digests[place])} for place, shape in shapes.items()]


def _weights(runs: Sequence[Run]) -> dict[str, dict[str, Any]]:
    """Return the weights that runs take, by digest."""
    result: dict[str, dict[str, Any]] = {}
    for run in runs:
        spec, weights = run.specs.weights, run.prepared.weights
        if spec is not None and weights is not None and weights.digest not in result:
            result[weights.digest] = {
                "option": run.options.get("weights", ""),
                "choices": _every_field(spec),
                "units": weights.n,
                "links": int(weights.matrix.nnz),
                "files": [asdict(InputFile.of(Path(file))) for file in spec.files],
                "code": list(_classes("weights", spec)),
            }
    return result


def _file(file: InputFile) -> dict[str, Any]:
    return {"name": file.name, **asdict(file), "imports": _imports(Path(file.path))}


def _imports(path: Path) -> list[dict[str, Any]]:
    """Return the importer's own record of a file of a data folder; a damaged one is no reason to lose the run."""
    if path.suffix != ".parquet":
        return []
    try:
        return [asdict(record) for record in datafolder.provenance(path.parent, path.stem)]
    except DataError as error:
        return [{"kind": "unknown", "notes": [str(error)]}]


def _measure_files(runs: Iterable[Run]) -> tuple[dict[str, str], dict[str, list[str]]]:
    """Return the files of all measures, and their names by the label of the run that they belong to."""
    files: dict[str, str] = {}
    names: dict[str, list[str]] = {}
    places: dict[str, list[str]] = {}
    contents: dict[tuple[int, str], str] = {}
    for run in runs:
        measure = run.specs.measure
        key = id(run.prepared.inputs), identity(measure, measure.left_to_models)
        if key not in contents:
            artifacts = measure.artifacts(run.prepared.inputs)
            contents[key] = content = _hash(sorted(artifacts.items()))
            if content not in places:
                taken = {name.rpartition("/")[0] for name in files}
                folder = unused(f"measure/{run.options.get('measure', 'measure')}", taken, "{}_{}")
                places[content] = [f"{folder}/{name}" for name in artifacts]
                files |= dict(zip(places[content], artifacts.values(), strict=True))
        names[run.label] = places[contents[key]]
    return files, names


def unused(name: str, taken: Container[str], numbered: str = "{} ({})") -> str:
    """Return a name, with a number as in ``numbered`` if it is taken."""
    more = (numbered.format(name, number) for number in itertools.count(2))
    return next(one for one in itertools.chain([name], more) if one not in taken)


def _hash(content: object) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True, ensure_ascii=False).encode()).hexdigest()


SPARING = ("source", "panel", "sample")
"""Groups whose fields are params where they are not at their defaults."""
ROOMS = (*SPARING, "weights")
"""Groups besides the model whose fields are params."""
WEIGHTS, OF_DIAGNOSTIC, OF_FILTER = "weights", "diagnostic_weights", "filter_weights"
"""What params of weights are called that a model has, those of its diagnostic, and of the filter of its wild draws."""


def roster(planned: Plan, kinds: Mapping[str, Any] = MappingProxyType({}), claim: Claim | None = None) -> Roster:
    """Return what reports need to know of all runs before any is fitted, so that a page needs MLflow alone.

    ``kinds``: the kinds of its choices (`digicarbon.report.kinds.recorded`).
    """
    runs = [
        Planned(
            run.key,
            run.label,
            run.options,
            planned.chosen(run),
            tuple(planned.twins(run)),
            run.prepared.simulated,
            run.prepared.notes,
            run.choice.column,
            planned.lacking(run),
            _also(planned, run, kinds["named"]) if kinds else (),
        )
        for run in planned.runs
    ]
    drawn_from = planned.left if planned.drawn else 0
    stated = {} if claim is None else claim.recorded
    lost = 0 if claim is None else planned.failed_fits
    left_out = planned.skipped, planned.excluded, list(planned.failed.items())
    return Roster(runs, *left_out, drawn_from, kinds, stated, lost)


def _also(planned: Plan, run: Run, keys: Iterable[str]) -> tuple[Mapping[str, Any], ...]:
    """Return the choices that have the same fit as a run, where they differ from its own in one of some keys."""
    chosen = {**planned.chosen(run), COLUMN: run.choice.column}
    others = []
    for choice in planned.also.get(run.label, ()):
        values = {**choice.values, COLUMN: choice.column}
        named = {key: value for key in keys if (value := values.get(key, chosen.get(key))) is not None}
        if any(value != chosen.get(key) for key, value in named.items()) and named not in others:
            others.append(named)
    return tuple(others)


MOST_VALUES = 30
"""Largest number of values of a choice that are named."""


def choices(content: Roster) -> dict[str, list[str]]:
    """Return what the runs of a sweep take at each key: the column, the keys that vary, and the groups' options.

    A value that a run ignores is left out. Of many values the first are named.
    """
    values: dict[str, dict[str, None]] = {"column": {}}
    known: dict[int, tuple[object, str]] = {}
    for run in content.runs:
        if run.column is not None:
            values["column"][run.column] = None
        for key, value in run.values.items():
            # runs share the objects of their values
            if id(value) not in known:
                known[id(value)] = (value, _param(value))
            values.setdefault(key, {})[known[id(value)][1]] = None
    for options in {id(run.options): run.options for run in content.runs}.values():
        for group, option in options.items():
            if group not in SETTINGS:
                values.setdefault(group, {})[option] = None
    named = {key: [value for value in texts if value != NOTHING] for key, texts in values.items()}
    return {key: first_named(texts) for key, texts in named.items() if texts}


def first_named(values: Sequence[str]) -> list[str]:
    """Return the first `MOST_VALUES` of some values, and how many more there are."""
    more = len(values) - MOST_VALUES
    return [*values[:MOST_VALUES], *([f"… {more} more"] if more > 0 else [])]


def data_name(run: Run) -> str:
    """Return what a run's data set is called: its source, the number of its units and its periods."""
    index = run.prepared.record.index
    return f"{run.options.get('source', 'data')} ({len(index.units)} units, {index.periods[0]} to {index.periods[-1]})"


def data_sets(runs: Sequence[Run]) -> list[Data]:
    """Return the first data sets of a sweep's runs."""
    panels: dict[tuple[int, tuple[str, ...]], Run] = {}
    for run in runs:
        panels.setdefault((id(run.prepared.shared), run.prepared.terms), run)
    return list(dict.fromkeys(map(_data, itertools.islice(panels.values(), MOST_DATA))))


def _data(run: Run) -> Data:
    panel = run.prepared.panel
    return Data(data_name(run), panel.digest[:36], _profile(panel))


def simulated_tag(runs: Sequence[Run]) -> dict[str, str]:
    """Return the tag for simulated data; empty if no data are."""
    return {"digicarbon.data": "SIMULATED"} if any(run.prepared.simulated for run in runs) else {}


class Entries:
    """Creates the entries of a sweep's runs for the store.

    ``record``: of the sweep's data. ``run_effect``: which number of a run is its effect; by default the total effect.
    """

    def __init__(self, record: Ledger, run_effect: RunEffect | None = None) -> None:
        self._record = record
        self._asked = run_effect or RunEffect()
        self._once = Once()

    def fitted(self, runs: Sequence[Run], fits: Sequence[Fitted]) -> list[Entry]:
        """Return the entries of runs that were fitted."""
        configs = [run.recorded for run in runs]
        params = [self.params(run) for run in runs]
        return [
            self._entry(run, config, params_of_run, one.result, one.start, one.end, why=one.why, error=one.error)
            for run, config, params_of_run, one in zip(runs, configs, params, fits, strict=True)
        ]

    def copied(self, run: Run, result: Result, run_id: str) -> Entry:
        """Return the entry of a run whose result another sweep has under ``run_id``."""
        now = time.time_ns() // 1_000_000
        return self._entry(run, run.recorded, self.params(run), result, now, now, reused_from=run_id)

    def _entry(
        self,
        run: Run,
        config: Mapping[str, Any],
        params: Mapping[str, str],
        result: Result | None,
        start: int,
        end: int,
        *,
        why: Note | None = None,
        error: str = "",
        reused_from: str = "",
    ) -> Entry:
        prepared = run.prepared
        tags = {
            "digicarbon.hash": run.key,
            "digicarbon.label": run.label,
            DATA_DIGEST: prepared.record.digest,
            **self._record.tags[run.label],
            **({WEIGHTS_DIGEST: prepared.weights.digest} if prepared.weights is not None and self._uses(run) else {}),
            **simulated_tag([run]),
        }
        if notes := prepared.notes:
            tags["mlflow.note.content"] = _page(notes)
        return Entry(
            label=run.label,
            params=params,
            tags=tags,
            config=config,
            result=result,
            error=hidden(error),
            start=start,
            end=end,
            data=self._once(("data", prepared.terms), (prepared.shared,), lambda: _data(run)),
            reused_from=reused_from,
            run_effect=self._asked,
            # of other software's text only the first line is shown
            why=why and why.with_texts(lambda text: hidden(text).partition("\n")[0]),
        )

    def params(self, run: Run) -> dict[str, str]:
        """Return the option of each group, every varied value, and the fields that matter.

        Fields of source, panel and sample at their defaults are left out, and so are fields that are not set or that
        the model ignores: in MLflow's comparisons they would be empty columns. The composed configuration has all.

        A choice is spelled as in the specification, whether it comes from a column, a grid or the model's own file.
        """
        specs = run.specs
        used = {key: option for key, option in run.options.items() if key not in SETTINGS}
        varied = {
            key: _param(value) for key, value in run.choice.values.items() if key not in used and not specs.lacks(key)
        }
        column = {"column": run.choice.column} if run.choice.column else {}
        result = {**varied, **column, **used}
        ignored = specs.ignored
        fields = ((key, value) for key, value in specs.model if value is not None and key not in ignored)
        result |= {f"model.{key}": _param(value) for key, value in fields}
        for room in ROOMS:
            spec = getattr(specs, room)
            if spec is not None:
                result |= self._once(room, (spec,), partial(_fields, room, spec))
        of_weights = [key for key in result if key.partition(".")[0] == "weights"]
        weights = {key: result.pop(key) for key in of_weights}
        for name in self._uses(run):
            result |= {f"{name}{key.removeprefix('weights')}": value for key, value in weights.items()}
        return result

    def _uses(self, run: Run) -> tuple[str, ...]:
        """Return the names under which a run's weights are recorded, by what uses them; none where nothing does."""
        model, weights = run.specs.model, run.prepared.weights
        if weights is None:
            return ()
        if model.uses_weights:
            return (WEIGHTS,)
        of_diagnostic = (OF_DIAGNOSTIC,) if run.specs.diagnostic.takes_weights else ()
        # the filter is that of a test whose null models have one
        filters = (
            isinstance(model, Tested)
            and model.may_use_weights
            and model.no_wild is None
            and model.filters(run.prepared.panel, weights)
        )
        return (*of_diagnostic, *((OF_FILTER,) if filters else ()))


@lru_cache(64)
def _page(notes: tuple[Note, ...]) -> str:
    """Return notes as the page of a run shows them: most runs of a sweep have the same ones."""
    return "\n\n".join(Labels("en").notes(notes))


def _fields(room: str, spec: Spec) -> dict[str, str]:
    fields = type(spec).model_fields
    return {
        f"{room}.{key}": _param(value)
        for key, value in spec
        if key in fields
        and value is not None
        and not isinstance(value, dict | BaseModel)
        and not (room in SPARING and value == fields[key].get_default())
    }


def _profile(panel: Panel) -> str:
    """Return what MLflow's page of a data set shows of a panel, as JSON."""
    rows, columns = len(panel.unit_codes), list(panel.names)
    # the page reads the first two by these names
    profile: dict[str, Any] = {"num_rows": rows, "num_elements": rows * len(columns)}
    profile |= {"units": len(panel.units), "periods": len(panel.periods), "columns": columns}
    return json.dumps(profile, ensure_ascii=False)


def _param(value: Any) -> str:
    if type(value) in PLAIN:
        return _plain_param(value)
    if isinstance(value, BaseModel):
        return masked(str(value.model_dump()))
    return masked(", ".join(map(str, value)) if isinstance(value, tuple | list) else str(value))


@lru_cache(4096, typed=True)
def _plain_param(value: str | float | bool | None) -> str:
    return masked(str(value))
