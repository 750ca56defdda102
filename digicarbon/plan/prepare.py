"""From a run's configuration to its checked specifications, panel and weights; shared work is done once."""

from __future__ import annotations

from collections.abc import Callable, Container, Hashable, Iterable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from itertools import chain
from typing import Any, TypeVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from digicarbon.country import country
from digicarbon.diagnostic import Diagnostic, NoDiagnostic
from digicarbon.errors import ConfigError, DataError, DigicarbonError
from digicarbon.inference import Inference
from digicarbon.measure import Measure
from digicarbon.model import Model, ignored_by
from digicarbon.model.base import weights_decided
from digicarbon.note import Note, cut, note_of, notes_of
from digicarbon.note.about import first_of, key_of, note_of_said, of_file, under, with_file
from digicarbon.outcome import Outcome
from digicarbon.panel import (
    LOG_PREFIX,
    Assembled,
    ColumnError,
    Index,
    Panel,
    PanelDesign,
    Selection,
    UnknownColumnError,
    label,
    parse,
    variables_of,
    without_logarithms,
)
from digicarbon.panel.making import hidden
from digicarbon.result import Result
from digicarbon.sample import Sample
from digicarbon.source import Inputs, Source
from digicarbon.spec import Builder, Spec, identity
from digicarbon.weights import Islands, Weights, WeightsSpec
from digicarbon.weights.nearby import NearbyWeights, NoWeights, nearby

T = TypeVar("T")

UNIT_NOTE = Note("money_in_10k")
MOST_IDENTITIES = 10_000
"""The largest number of specifications whose identity is cached; a sweep has few, except for models."""

KINDS: Mapping[str, type[Spec]] = {
    "source": Source,
    "measure": Measure,
    "outcome": Outcome,
    "panel": PanelDesign,
    "sample": Sample,
    "weights": WeightsSpec,
    "inference": Inference,
    "model": Model,
    "diagnostic": Diagnostic,
}


@dataclass(frozen=True)
class Specs:
    """The checked specifications of one run."""

    source: Source
    measure: Measure
    outcome: Outcome
    panel: PanelDesign
    sample: Sample
    weights: WeightsSpec | None
    inference: Inference
    model: Model
    diagnostic: Diagnostic

    @cached_property
    def terms(self) -> tuple[str, ...]:
        """All columns that the run reads, without repetition."""
        return tuple(dict.fromkeys([*self.model.terms, *self.diagnostic.terms]))

    @property
    def optional_weights(self) -> bool:
        """Whether the run does without weights where none fit: another W then makes no other specification."""
        return not (self.model.uses_weights or self.diagnostic.takes_weights)

    @cached_property
    def ignored(self) -> frozenset[str]:
        """Fields that the model ignores; none with a diagnostic, which may read any because it fits more models."""
        return ignored_by(self.model) if isinstance(self.diagnostic, NoDiagnostic) else frozenset()

    @cached_property
    def shape(self) -> tuple[Hashable, ...]:
        """All that `lacks` depends on; a sweep has a few."""
        return (*(type(getattr(self, group)) for group in KINDS), self.optional_weights, self.ignored)

    def lacks(self, key: str) -> bool:
        """Return whether a key has no effect: a field that the kind lacks or ignores, or weights that it does not take.

        A field of ``inference`` counts as the field of the model with the same name.
        """
        group, _, name = key.partition(".")
        spec = getattr(self, group, None)
        if group == "weights" and (spec is None or (self.optional_weights and not isinstance(spec, NoWeights))):
            return True
        if spec is None or not name or "." in name:
            return False
        if group in ("model", "inference") and name in self.ignored:
            return True
        # not `model_fields`: its look-up is slow, and this runs for every key of every run
        return name not in type(spec).__pydantic_fields__

    def idle(self, key: str) -> bool:
        """Return whether a key of ``inference`` has no effect, or no model reads it and it means nothing by itself."""
        name = key.partition(".")[2]
        return self.lacks(key) or (name in self.inference.void and name not in type(self.model).__pydantic_fields__)


@dataclass(frozen=True, slots=True)
class PanelRecord:
    """What is recorded of a run's panel, so that a hundred thousand runs neither keep their panels nor make them again.

    ``digest``: of all its columns, in their order. ``terms``: the digest of the columns that models read, sorted by
    name.
    """

    index: Index
    digest: str
    terms: str

    @classmethod
    def of(cls, panel: Panel, expanded: Iterable[str]) -> PanelRecord:
        """Return the record of a panel with the columns that its run's terms are made of."""
        return cls(panel.index, panel.digest, panel.digest_of(sorted(set(expanded))))


@dataclass(frozen=True, eq=False)
class SharedPanel:
    """The data shared by runs with the same source, measure, outcome, panel design and sample.

    ``inputs``: the data from which the panel was made. ``selection``: the full panel and the rows of the sample; it
    makes the panel of a run. ``said``: notes of measure, outcome and source. ``in_10k_cny``: the measure's columns, if
    models take them in 10k CNY. ``left_out``: units that the panel leaves out because of a choice such as a policy, not
    because of gaps.
    """

    inputs: Inputs
    selection: Selection
    said: tuple[Note, ...]
    in_10k_cny: frozenset[str] = frozenset()
    left_out: frozenset[str] = frozenset()
    _digests: dict[tuple[tuple[str, ...], tuple[str, ...]], str] = field(default_factory=dict, init=False, repr=False)
    _records: dict[tuple[str, ...], PanelRecord] = field(default_factory=dict, init=False, repr=False)
    _notes: dict[tuple[str, ...], tuple[Note, ...]] = field(default_factory=dict, init=False, repr=False)
    _shared_notes: dict[tuple[Note, ...], tuple[Note, ...]] = field(default_factory=dict, init=False, repr=False)

    def panel(self, terms: tuple[str, ...]) -> Panel:
        """Return the sample with all terms, without gaps.

        Raises DataError if a term cannot be made or a value is missing.
        """
        with _naming(self.inputs):
            return self.selection.take(terms)

    def digest(self, terms: tuple[str, ...], optional_terms: tuple[str, ...] = ()) -> str:
        """Return the digest of the panel's columns for the terms, and of the optional ones that it has.

        Raises the same errors as `panel`.
        """
        key = (terms, optional_terms)
        if key not in self._digests:
            panel = self.panel(terms)
            behind = [name for term in terms for name in hidden(term) if panel.has(name)]
            behind += [name for name in optional_terms if panel.has(name)]
            origins = [panel.origins[term].digest for term in terms if term in panel.origins]
            expanded = panel.expanded(terms)
            self._digests[key] = panel.digest_of((*expanded, *behind), origins)
            self._records[terms] = PanelRecord.of(panel, expanded)
        return self._digests[key]

    def record(self, terms: tuple[str, ...]) -> PanelRecord:
        """Return the record of the panel for the terms.

        Raises the same errors as `panel`.
        """
        if terms not in self._records:
            panel = self.panel(terms)
            self._records[terms] = PanelRecord.of(panel, panel.expanded(terms))
        return self._records[terms]

    def notes(self, terms: tuple[str, ...]) -> tuple[Note, ...]:
        """Return the notes for every table of a run with these terms; equal ones are one object."""
        if terms not in self._notes:
            notes = self._notes_of(terms)
            self._notes[terms] = self._shared_notes.setdefault(notes, notes)
        return self._notes[terms]

    def _notes_of(self, terms: tuple[str, ...]) -> tuple[Note, ...]:
        rule = self.selection.design
        # then no row was dropped, and a report on thousands of runs needs no panel for its notes
        complete = rule.gaps == "refuse" and rule.log != "drop"
        unit = (UNIT_NOTE,) if self._has_power_of_money(terms) else ()
        return (*unit, *(() if complete else self._gap_notes(self.panel(terms))), *self.said)

    def _has_power_of_money(self, terms: tuple[str, ...]) -> bool:
        """Return whether a term is a power of the logarithm of a measure in 10k CNY."""
        powers = [factor for term in terms if "^" in term for factor in parse(term) or () if factor.power > 1]
        names = [factor.atom.variable for factor in powers]
        return any(name.startswith(LOG_PREFIX) and name.removeprefix(LOG_PREFIX) in self.in_10k_cny for name in names)

    def _gap_notes(self, panel: Panel) -> tuple[Note, ...]:
        """Return a note on the units or rows that the rules for gaps dropped."""
        full, in_sample, rule = self.selection.panel, self.selection.keep, self.selection.design
        if rule.gaps == "drop_units":
            lost = sorted((self._all_units - set(full.units)) | (self._sample_units - set(panel.units)))
            count = len(lost) + len(panel.units)
            return (Note("units_lacking", units=len(lost), every=count, lost=cut(lost)),) if lost else ()
        rows = int(in_sample.sum())
        if rows == len(panel.index):
            return ()
        return (Note("rows_lacking", rows=rows - len(panel.index), every=rows),)

    @cached_property
    def _all_units(self) -> set[str]:
        return {label(unit) for unit in self.inputs.frame["unit"]} - self.left_out

    @cached_property
    def _sample_units(self) -> set[str]:
        full = self.selection.panel
        return {full.units[code] for code in np.unique(full.unit_codes[self.selection.keep])}


@dataclass(frozen=True, eq=False, slots=True)
class Prepared:
    """The data to which a run's model is fitted.

    The panel is made on each access, so that a hundred thousand runs do not hold as many panels.

    ``terms``: all columns that the run reads. ``weights``: for the sample's units; None if neither model nor diagnostic
    takes weights. ``remarks``: what measure, outcome, weights and sample together give a reader to know.
    ``optional_terms``: columns that the model reads where the panel has them.
    """

    shared: SharedPanel
    terms: tuple[str, ...]
    weights: Weights | None
    remarks: tuple[Note, ...] = ()
    optional_terms: tuple[str, ...] = ()

    @property
    def panel(self) -> Panel:
        """The sample with every term of the run, without gaps."""
        return self.shared.panel(self.terms)

    @property
    def record(self) -> PanelRecord:
        """What is recorded of the panel."""
        return self.shared.record(self.terms)

    @property
    def digest(self) -> str:
        """The digest of the columns that the run reads; equal for runs with the same numbers and labels."""
        return self.shared.digest(self.terms, self.optional_terms)

    @property
    def simulated(self) -> bool:
        """Whether the data are simulated."""
        return self.shared.inputs.simulated

    @property
    def notes(self) -> tuple[Note, ...]:
        """The notes for every table of this run."""
        notes = self.shared.notes(self.terms)
        if self.weights is None and not self.remarks:
            # runs that share an object share what is made of it
            return notes
        return (*(() if self.weights is None else self.weights.notes), *self.remarks, *notes)

    @property
    def inputs(self) -> Inputs:
        """The data from which the panel was made."""
        return self.shared.inputs


def _not_read(model: Model) -> Note | None:
    """Return what a table says of a model that has no field for standard errors, or none for its p values."""
    fields, of = type(model).model_fields, type(model).__name__
    if "cov" not in fields:
        return Note("own_errors", of=of)
    return None if "test" in fields else Note("own_p_values", of=of)


def fitted(specs: Specs, prepared: Prepared) -> Result:
    """Return the result of a run with that of its diagnostic, as the worker of a sweep makes it."""
    panel, weights = prepared.panel, prepared.weights
    # a diagnostic fits models of its own
    with weights_decided():
        result = specs.model.described(specs.model.fit(panel, weights), panel)
        if result.terms and (lacking := _not_read(specs.model)):
            result = replace(result, notes=(*result.notes, lacking))
        return specs.diagnostic.added(result, panel, weights)


def specify(config: Mapping[str, Any], builder: Builder | None = None) -> Specs:
    """Build every specification of a run from plain values; runs share one object for equal specifications.

    ``config``: as returned by `digicarbon.config.compose.Composer.config`. ``builder``: holds the specifications of
    earlier runs. Raises ConfigError if a class or field is wrong.
    """
    common = builder or Builder()
    specs: dict[str, Any] = {}
    for name, kind in KINDS.items():
        if name not in ("weights", "diagnostic"):
            specs[name] = common.build(config[name], kind, name)
    specs["diagnostic"] = _diagnostic(config, common)
    column = specs["sample"].row_weights
    if column is not None and specs["model"].terms:
        config = _weighted(config, specs["model"], column)
        for name in ("model", "diagnostic"):
            try:
                specs[name] = common.build(config[name], KINDS[name], name)
            except ConfigError as error:
                raise error.anew(Note("matched_refused", key="sample.counts", said=note_of_said(error.said))) from error
    model = specs["model"]
    takes_weights = model.uses_weights or model.may_use_weights or specs["diagnostic"].takes_weights
    # a run that takes no weights does not check them, because their file may be missing
    specs["weights"] = common.build(config["weights"], WeightsSpec, "weights") if takes_weights else None
    return Specs(**specs)


def _diagnostic(config: Mapping[str, Any], builder: Builder) -> Any:
    """Return the run's diagnostic: of ``y`` where it is of the outcome's variable and ``outcome=none`` names none."""
    node, y = config["diagnostic"], config["model"].get("y")
    try:
        return builder.build(node, Diagnostic, "diagnostic")
    except ConfigError as error:
        if first_of(note_of_said(error.said)).code != "variables_unnamed" or not y or not isinstance(y, str):
            raise
    return builder.build({**node, "variables": [y]}, Diagnostic, "diagnostic")


def _weighted(config: Mapping[str, Any], model: Model, column: str) -> Mapping[str, Any]:
    """Return the configuration with rows that weigh by a column of the sample, in the model and a diagnostic of it.

    Raises ConfigError if the model has no weights of rows, or others.
    """
    key = "sample.counts"
    if "observation_weights" not in type(model).model_fields:
        raise ConfigError(Note("matched_not_weighted", key=key, column=column, model=type(model).__name__))
    weights = dict(model)["observation_weights"]
    if weights not in (None, column):
        raise ConfigError(Note("matched_weighted_twice", key=key, column=column, own=weights))
    weighted = {**config["model"], "observation_weights": column}
    diagnostic = config["diagnostic"]
    if diagnostic.get("model") == config["model"]:
        diagnostic = {**diagnostic, "model": weighted}
    return {**config, "model": weighted, "diagnostic": diagnostic}


class Preparation:
    """Prepares runs and caches the data that several runs share.

    ``fitted``: returns the content hashes of fitted runs, whose models and data have passed every check. ``builder``:
    holds the specifications of its runs.
    """

    def __init__(self, fitted: Callable[[], Container[str]] = frozenset) -> None:
        self.builder = Builder()
        self._load_fitted = fitted
        self._cache: dict[Hashable, Any] = {}
        self._identities: dict[int, tuple[Spec, str]] = {}
        self._checked: set[str] = set()

    def prepare(self, specs: Specs) -> Prepared:
        """Return the panel and the weights of a run, and make sure that all its columns can be made; see `check`.

        Raises ConfigError, DataError, WeightsError.
        """
        shared = self._shared_panel(specs)
        try:
            shared.digest(specs.terms, specs.model.optional_terms)
        except ColumnError as error:
            # e.g. the groups of a diagnostic or a term C(x): the user needs the key that names the column
            raise under(error, _named_by(specs, error.column)) from error
        if specs.weights is None:
            return Prepared(shared, specs.terms, None, optional_terms=specs.model.optional_terms)
        panel = shared.panel(specs.terms)
        weights = self._weights_of(specs, specs.weights, panel)
        remarks = () if weights is None else _of_outcome(specs, specs.weights, panel)
        return Prepared(shared, specs.terms, weights, remarks, specs.model.optional_terms)

    def _weights_of(self, specs: Specs, spec: WeightsSpec, panel: Panel) -> Weights | None:
        if not specs.optional_weights:
            return self._weights(specs, spec, panel)
        # whatever keeps weights from the panel (no file, other units) leaves the run without them; its notes say so
        weights = self._weights_or_refusal(specs, spec, panel)
        if isinstance(weights, DigicarbonError):
            # units without a place may be none of the sample
            return nearby(panel) if isinstance(spec, NearbyWeights) else None
        return weights

    def with_nearby(self, specs: Specs) -> Specs:
        """Return the specifications with neighbours that the panel shows, where the default weights do not fit it.

        Of a user's own table the default may be those neighbours, which nobody chose either: a note says so.
        """
        full = self._full(specs)
        may = specs.optional_weights and specs.model.may_use_weights and not isinstance(specs.weights, NoWeights)
        if not (may and NearbyWeights.seen(full)):
            return specs
        found_near = replace(specs, weights=NearbyWeights())
        found = None if specs.weights is None else self._weights_or_refusal(specs, specs.weights, full)
        if not isinstance(found, Weights):
            return found_near
        if not specs.source.own:
            return specs
        shown = self._weights_or_refusal(found_near, NearbyWeights(), full)
        return found_near if isinstance(shown, Weights) and shown.digest == found.digest else specs

    def refusal_of_weights(self, specs: Specs, prepared: Prepared) -> DigicarbonError | None:
        """Return why a run does without its weights; None where it has them, or takes none."""
        if specs.weights is None or isinstance(specs.weights, NoWeights) or prepared.weights is not None:
            return None
        weights = self._weights_or_refusal(specs, specs.weights, prepared.panel)
        return weights if isinstance(weights, DigicarbonError) else None

    def _weights_or_refusal(self, specs: Specs, spec: WeightsSpec, panel: Panel) -> Weights | DigicarbonError:
        def make() -> Weights | DigicarbonError:
            try:
                return self._weights(specs, spec, panel)
            except DigicarbonError as error:
                return error

        keys = self._keys(specs.source, specs.measure, specs.outcome, specs.panel, spec)
        return self.once(("weights or refusal", *keys, panel.units), make)

    def check(self, specs: Specs, prepared: Prepared, key: str = "") -> None:
        """Let model and diagnostic check their data, unless a run with this hash was checked or fitted before.

        Raises ConfigError, DataError, WeightsError, EstimationError.
        """
        if key in self._fitted or key in self._checked:
            return
        specs.model.check(prepared.panel, prepared.weights)
        specs.diagnostic.check(prepared.panel, prepared.weights)
        if key:
            self._checked.add(key)

    @cached_property
    def _fitted(self) -> Container[str]:
        return self._load_fitted()

    def completed(self, specs: Specs) -> Specs:
        """Return the specifications after the diagnostic has taken its open fields from the data."""
        diagnostic = specs.diagnostic
        if diagnostic.completed(()) is not diagnostic:
            names = [name for name in self._full(specs).names if name not in self._full(specs).text]
            diagnostic = diagnostic.completed(names)
        diagnostic = diagnostic.with_balance(partial(self._balance, specs))
        return specs if diagnostic is specs.diagnostic else replace(specs, diagnostic=diagnostic)

    def _balance(self, specs: Specs) -> pd.DataFrame | None:
        keys = self._keys(specs.source, specs.measure, specs.outcome, specs.panel, specs.sample)
        return self.once(("balance", *keys), lambda: specs.sample.balance(self._wide(specs)))

    def once(self, key: Hashable, make: Callable[[], T]) -> T:
        """Return the cached value of a key, and compute it on the first call."""
        if key not in self._cache:
            self._cache[key] = make()
        value: T = self._cache[key]
        return value

    def identity(self, spec: Spec) -> str:
        """Return a text that is equal for specifications of equal class and fields."""
        entry = self._identities.get(id(spec))
        if entry is None:
            if len(self._identities) >= MOST_IDENTITIES:
                self._identities.clear()
            # the specification is stored with its text, so that Python never reuses its id
            entry = self._identities[id(spec)] = spec, identity(spec, spec.left_to_models)
        return entry[1]

    def _keys(self, *specs: Spec) -> tuple[str, ...]:
        return tuple(map(self.identity, specs))

    def _shared_panel(self, specs: Specs) -> SharedPanel:
        def make() -> SharedPanel:
            inputs = self._inputs(specs.source)
            assembled = self._assembled(specs)
            if files := specs.panel.files:
                inputs = replace(inputs, files=(*inputs.files, *files))
            sources = (
                *(specs.measure.notes(inputs), specs.outcome.notes(inputs), inputs.notes),
                *(specs.sample.notes, specs.sample.remarks(self._wide(specs)), assembled.notes),
            )
            # a user's own measure or outcome may return sentences
            notes = notes_of(chain.from_iterable(sources))
            outliers = specs.sample if specs.sample.adjusts else None
            selection = Selection(specs.panel, *self._sampled(specs), outliers)
            frame = self._computed(specs.measure, specs.measure.transformed, specs.source)
            money = frozenset(frame.columns) - {"unit", "time"} if specs.measure.enters_in_10k_cny else frozenset()
            return SharedPanel(inputs, selection, notes, money, assembled.left_out)

        keys = self._keys(specs.source, specs.measure, specs.outcome, specs.panel, specs.sample)
        return self.once(("shared", *keys), make)

    def _inputs(self, source: Source) -> Inputs:
        def make() -> Inputs:
            with _to_correct(source):
                return source.load()

        return self.once(("inputs", *self._keys(source)), make)

    def _computed(self, spec: Spec, compute: Callable[[Inputs], pd.DataFrame], source: Source) -> pd.DataFrame:
        """Return the columns that a measure or an outcome computes from a source."""
        inputs = self._inputs(source)
        return self.once(("made", self.identity(source), self.identity(spec)), partial(compute, inputs))

    def _full(self, specs: Specs) -> Panel:
        """Return all units and periods of the study with raw series, measures and outcome."""
        return self._assembled(specs).panel

    def _assembled(self, specs: Specs) -> Assembled:
        """Return the panel of `_full`, with what a reader has to know of its policies."""

        def make() -> Assembled:
            inputs = self._inputs(specs.source)
            frame = inputs.frame
            for spec, compute in ((specs.measure, specs.measure.transformed), (specs.outcome, specs.outcome.compute)):
                frame = _joined(frame, self._computed(spec, compute, specs.source), inputs.source)
            with _naming(inputs):
                result = specs.panel.assembled(frame, inputs.unit_name, inputs.time_name, inputs.regions)
                return result._replace(panel=_with_groups(result.panel))

        return self.once(("panel", *self._keys(specs.source, specs.measure, specs.outcome, specs.panel)), make)

    def _wide(self, specs: Specs) -> Panel:
        """Return the full panel with the variables that the sample reads."""
        full, design = self._full(specs), specs.panel
        # a query can name a variable that no model uses
        return design.variables(full, [name for name in specs.sample.variables if design.can_make(full, name)])

    def _sampled(self, specs: Specs) -> tuple[Panel, NDArray[np.bool_]]:
        """Return the full panel with the columns that the sample makes, and which of its rows are in the sample."""
        full, sample, wide = self._full(specs), specs.sample, self._wide(specs)
        columns = sample.columns(wide)
        return full.with_columns(columns) if columns else full, sample.rows(wide)

    def _weights(self, specs: Specs, spec: WeightsSpec, panel: Panel) -> Weights:
        keys = self._keys(specs.source, specs.measure, specs.outcome, specs.panel, spec)

        def make() -> Weights:
            full = self._full(specs)
            # a file of weights belongs to the data
            with _to_correct(spec) if _reads_file(spec) else nullcontext():
                return spec.compute(full)

        weights = self.once(("weights", *keys), make)
        # a unit may have no neighbour in the sample: the specification's rule for islands holds for the subset, too
        islands: Islands = "keep" if getattr(spec, "islands", "refuse") == "keep" else "refuse"
        return self.once(("weights", *keys, panel.units), lambda: weights.restrict(panel.units, islands))


def _with_groups(panel: Panel) -> Panel:
    """Return the panel with the known groups of its units, except where it has a column of that name."""
    home = country()
    known = [by for by in home.groups if not (panel.has(by) or home.without_group(by, panel.units))]
    groups = {by: [home.group(by, unit) for unit in panel.units] for by in known}
    return panel.with_text({by: np.array(names, dtype=object)[panel.unit_codes] for by, names in groups.items()})


@contextmanager
def _naming(inputs: Inputs) -> Iterator[None]:
    """Add the name of the user's file to errors about its content."""
    try:
        yield
    except UnknownColumnError as error:
        note = note_of_said(error.said)
        if remedy := inputs.absent.get(error.column, ""):
            cause = Note(
                "source_lacks_column", group="source", source=inputs.source, column=error.column, remedy=note_of(remedy)
            )
            note = _with_cause(note, cause)
        raise with_file(error.anew(note), inputs.file) from error
    except DataError as error:
        raise with_file(error, inputs.file) from error


def _with_cause(note: Note, cause: Note) -> Note:
    """Return a note with its keys, followed by another cause."""
    inner = dict(note.fields).get("said")
    return note.changed(said=_with_cause(inner, cause)) if isinstance(inner, Note) else cause


@contextmanager
def _to_correct(spec: Spec) -> Iterator[None]:
    """Mark errors about a file: the user has to correct the file, and no combination of choices is at fault.

    Errors about its content get the key of the field that names the file.
    """
    try:
        yield
    except DigicarbonError as error:
        error.to_correct = True
        fields = [name for name in ("path", "coordinates") if isinstance(getattr(spec, name, None), str)]
        if key_of(error) or not fields:
            raise
        raise under(of_file(error, getattr(spec, fields[0])), f"{spec.role}.{fields[0]}") from error


def _reads_file(spec: WeightsSpec) -> bool:
    return hasattr(spec, "path") or isinstance(getattr(spec, "coordinates", None), str)


def _named_by(specs: Specs, column: str) -> str:
    """Return the key of the model or diagnostic that names a column; an empty text if there is none."""
    formula = getattr(specs.model, "formula", None)
    if formula is not None and column in formula:
        return "model.formula"
    for group, spec in (("model", specs.model), ("diagnostic", specs.diagnostic)):
        # a field for one column says more than a list that may be made of it
        for name, value in sorted(spec, key=lambda field: not isinstance(field[1], str)):
            terms = (value,) if isinstance(value, str) else value if isinstance(value, tuple) else ()
            if column in map(without_logarithms, variables_of([term for term in terms if isinstance(term, str)])):
                return f"{group}.{name}"
    return ""


def _joined(frame: pd.DataFrame, new: pd.DataFrame, source: str) -> pd.DataFrame:
    """Return the series together with the columns of a measure or outcome."""
    common = [name for name in new.columns if name in frame.columns and name not in ("unit", "time")]
    other = [name for name in common if not new[name].reset_index(drop=True).equals(frame[name].reset_index(drop=True))]
    if other:
        raise DataError(Note("column_of_other_values", group="source", source=source, columns=cut(other)))
    added = new.drop(columns=common)
    if len(added.columns) == 2:
        return frame
    if added.duplicated(["unit", "time"]).any():
        # the panel reports duplicates in the data; a join would multiply them
        if frame.duplicated(["unit", "time"]).any():
            return frame
        raise DataError(Note("made_rows_twice"))
    return frame.merge(added, on=["unit", "time"], how="left", validate="many_to_one")


def _of_outcome(specs: Specs, weights: WeightsSpec, panel: Panel) -> tuple[Note, ...]:
    """Return a note on weights that are made of what the outcome is divided by, in periods of the sample."""
    shared = [
        column
        for column, window in weights.made_of
        if column in specs.outcome.divided_by
        and (window is None or panel.index.calendar.within(window[0], window[1], "weights.window").any())
    ]
    if not shared or specs.outcome.term != specs.model.y:
        return ()
    return (Note("weights_of_outcome", column=shared[0], y=specs.model.y),)
