"""From a run's configuration to checked specifications, its panel and its weights, shared work done once."""

from __future__ import annotations

from collections.abc import Callable, Container, Hashable, Iterator, Mapping
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
from digicarbon.errors import DataError, DigicarbonError
from digicarbon.inference import Inference
from digicarbon.measure import Measure
from digicarbon.model import Model, ignored_by
from digicarbon.note import Note, cut, note_of, notes_of
from digicarbon.note.about import key_of, note_of_said, of_file, under, with_file
from digicarbon.outcome import Outcome
from digicarbon.panel import (
    LOG_PREFIX,
    ColumnError,
    Panel,
    PanelDesign,
    Selection,
    UnknownColumnError,
    label,
    parse,
    variables_of,
)
from digicarbon.sample import Sample
from digicarbon.source import Inputs, Source
from digicarbon.spec import Builder, Spec, identity
from digicarbon.weights import Islands, Weights, WeightsSpec

T = TypeVar("T")

UNIT_NOTE = Note("money_in_10k")
MOST_IDENTITIES = 10_000
"""Specifications whose identity is remembered; a sweep has few, but for models."""

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

    @property
    def terms(self) -> tuple[str, ...]:
        """All columns that the run reads, each once."""
        return tuple(dict.fromkeys([*self.model.terms, *self.diagnostic.terms]))

    @cached_property
    def ignored(self) -> frozenset[str]:
        """Fields of the model that mean nothing here; a diagnostic may read any, since it fits models around this."""
        return ignored_by(self.model) if isinstance(self.diagnostic, NoDiagnostic) else frozenset()

    def lacks(self, key: str) -> bool:
        """Return whether a dotted key means nothing here: a field that a kind has not or ignores, weights it takes not.

        A field of ``inference`` is what models take under its name.
        """
        group, _, name = key.partition(".")
        spec = getattr(self, group, None)
        if group == "weights" and spec is None:
            return True
        if spec is None or not name or "." in name:
            return False
        if group in ("model", "inference") and name in self.ignored:
            return True
        # not `model_fields`, whose look-up takes long for what is asked of every key of every run
        return name not in type(spec).__pydantic_fields__


@dataclass(frozen=True, eq=False)
class Stage:
    """What runs of the same source, measure, outcome, panel design and sample share.

    Attributes
    ----------
    inputs : Inputs
        What the panel was made from.
    selection : Selection
        The full panel and the rows of the sample; it makes the panel of a run.
    said : tuple of str
        Notes of measure, outcome and source.
    in_10k_cny : frozenset of str
        The measure's columns, if models take them in 10k CNY.
    """

    inputs: Inputs
    selection: Selection
    said: tuple[Note, ...]
    in_10k_cny: frozenset[str] = frozenset()
    _digests: dict[tuple[str, ...], str] = field(default_factory=dict, init=False, repr=False)

    def panel(self, terms: tuple[str, ...]) -> Panel:
        """Return the sample with the terms made and complete.

        Raises
        ------
        DataError
            If a term cannot be made or a value is missing.
        """
        with _naming(self.inputs):
            return self.selection.take(terms)

    def digest(self, terms: tuple[str, ...]) -> str:
        """Return the digest of what `panel` makes, of the columns that the terms stand for; raises as it does."""
        if terms not in self._digests:
            panel = self.panel(terms)
            self._digests[terms] = panel.digest_of(panel.expanded(terms))
        return self._digests[terms]

    def notes(self, terms: tuple[str, ...]) -> tuple[Note, ...]:
        """Return what belongs under every table of a run with these terms."""
        rule = self.selection.design
        # nothing can be left out then: a report on thousands of runs needs no panel for its notes
        complete = rule.gaps == "refuse" and rule.log != "drop"
        unit = (UNIT_NOTE,) if self._has_power_of_money(terms) else ()
        return (*unit, *(() if complete else self._left_out(self.panel(terms))), *self.said)

    def _has_power_of_money(self, terms: tuple[str, ...]) -> bool:
        """Return whether a term is a power of the logarithm of a measure in 10k CNY."""
        powers = [factor for term in terms if "^" in term for factor in parse(term) or () if factor.power > 1]
        names = [factor.atom.variable for factor in powers]
        return any(name.startswith(LOG_PREFIX) and name.removeprefix(LOG_PREFIX) in self.in_10k_cny for name in names)

    def _left_out(self, panel: Panel) -> tuple[Note, ...]:
        """Return a note on what the rules for gaps took away."""
        full, chosen, rule = self.selection.panel, self.selection.keep, self.selection.design
        if rule.gaps == "drop_units":
            lost = sorted((self._every - set(full.units)) | (self._sampled - set(panel.units)))
            count = len(lost) + len(panel.units)
            return (Note("units_lacking", units=len(lost), every=count, lost=cut(lost)),) if lost else ()
        rows = int(chosen.sum())
        if rows == len(panel.index):
            return ()
        return (Note("rows_lacking", rows=rows - len(panel.index), every=rows),)

    @cached_property
    def _every(self) -> set[str]:
        return {label(unit) for unit in self.inputs.frame["unit"]}

    @cached_property
    def _sampled(self) -> set[str]:
        full = self.selection.panel
        return {full.units[code] for code in np.unique(full.unit_codes[self.selection.keep])}


@dataclass(frozen=True, eq=False, slots=True)
class Prepared:
    """What a run is fitted to.

    The panel is made when it is asked for, so that a hundred thousand runs do not hold as many panels.

    Attributes
    ----------
    stage : Stage
    terms : tuple of str
        All columns that the run reads.
    weights : Weights or None
        For the sample's units; None where nothing takes them.
    """

    stage: Stage
    terms: tuple[str, ...]
    weights: Weights | None

    @property
    def panel(self) -> Panel:
        """The sample, with every term of the run complete."""
        return self.stage.panel(self.terms)

    @property
    def digest(self) -> str:
        """The digest of the columns that the run reads; equal for runs of the same numbers and labels."""
        return self.stage.digest(self.terms)

    @property
    def simulated(self) -> bool:
        """Whether the data are drawn by a computer."""
        return self.stage.inputs.simulated

    @property
    def notes(self) -> tuple[Note, ...]:
        """What belongs under every table of this run."""
        said = self.stage.notes(self.terms)
        return said if self.weights is None else (*self.weights.notes, *said)

    @property
    def inputs(self) -> Inputs:
        """What the panel was made from."""
        return self.stage.inputs


def specify(config: Mapping[str, Any], builder: Builder | None = None) -> Specs:
    """Build every specification of a run from plain values; equal ones of several runs are one object.

    Parameters
    ----------
    config : mapping
        As from `digicarbon.config.compose.Composer.config`.
    builder : Builder, optional
        Knows the specifications of earlier runs.

    Raises
    ------
    ConfigError
        If a class or field is wrong.
    """
    shared = builder or Builder()
    built: dict[str, Any] = {}
    for name, kind in KINDS.items():
        if name != "weights":
            built[name] = shared.build(config[name], kind, name)
    takes_weights = built["model"].uses_weights or built["diagnostic"].takes_weights
    # a run that takes no weights does not look at them: their file may be missing
    built["weights"] = shared.build(config["weights"], WeightsSpec, "weights") if takes_weights else None
    return Specs(**built)


class Workshop:
    """Prepares runs and keeps what several of them share.

    Parameters
    ----------
    fitted : callable, optional
        Returns the content hashes of runs that were fitted: their models and data have passed every check.

    Attributes
    ----------
    builder : Builder
        The specifications of its runs, equal ones once.
    """

    def __init__(self, fitted: Callable[[], Container[str]] = frozenset) -> None:
        self.builder = Builder()
        self._ask_fitted = fitted
        self._done: dict[Hashable, Any] = {}
        self._identities: dict[int, tuple[Spec, str]] = {}

    def prepare(self, specs: Specs) -> Prepared:
        """Return the stage and weights of a run, every column of which can be made; see `check`.

        Raises
        ------
        ConfigError, DataError, WeightsError
        """
        stage = self._stage(specs)
        try:
            stage.digest(specs.terms)
        except ColumnError as error:
            # the groups of a diagnostic, a term C(x): the user has to learn which key names the column
            raise under(error, _named_by(specs, error.column)) from error
        weights = None if specs.weights is None else self._weights(specs, specs.weights, stage.panel(specs.terms))
        return Prepared(stage, specs.terms, weights)

    def check(self, specs: Specs, prepared: Prepared, key: str = "") -> None:
        """Have model and diagnostic check what they are to be fitted to, unless a run of this hash was fitted.

        Raises
        ------
        ConfigError, DataError, WeightsError, EstimationError
        """
        if key in self._fitted:
            return
        specs.model.check(prepared.panel, prepared.weights)
        specs.diagnostic.check(prepared.panel, prepared.weights)

    @cached_property
    def _fitted(self) -> Container[str]:
        return self._ask_fitted()

    def completed(self, specs: Specs) -> Specs:
        """Return the specifications with what the diagnostic leaves to the data."""
        if specs.diagnostic.completed(()) is specs.diagnostic:
            return specs
        names = [name for name in self._full(specs).names if name not in self._full(specs).text]
        return replace(specs, diagnostic=specs.diagnostic.completed(names))

    def once(self, key: Hashable, make: Callable[[], T]) -> T:
        """Return what was made under a key, and make it the first time."""
        if key not in self._done:
            self._done[key] = make()
        found: T = self._done[key]
        return found

    def identity(self, spec: Spec) -> str:
        """Return a text that is equal for specifications of equal class and fields."""
        found = self._identities.get(id(spec))
        if found is None:
            if len(self._identities) >= MOST_IDENTITIES:
                self._identities.clear()
            # the specification is kept beside its text, so that no other one takes its id
            found = self._identities[id(spec)] = spec, identity(spec, spec.left_to_models)
        return found[1]

    def _keys(self, *specs: Spec) -> tuple[str, ...]:
        return tuple(map(self.identity, specs))

    def _stage(self, specs: Specs) -> Stage:
        def make() -> Stage:
            inputs = self._inputs(specs.source)
            rooms = (specs.measure.notes(inputs), specs.outcome.notes(inputs), inputs.notes, specs.sample.notes)
            # a measure or an outcome of one's own may give sentences
            said = notes_of(chain.from_iterable(rooms))
            adjust = specs.sample.adjust if specs.sample.adjusts else None
            selection = Selection(specs.panel, self._full(specs), self._chosen(specs), adjust)
            made = self._made(specs.measure, specs.measure.transformed, specs.source)
            money = frozenset(made.columns) - {"unit", "time"} if specs.measure.enters_in_10k_cny else frozenset()
            return Stage(inputs, selection, said, money)

        keys = self._keys(specs.source, specs.measure, specs.outcome, specs.panel, specs.sample)
        return self.once(("stage", *keys), make)

    def _inputs(self, source: Source) -> Inputs:
        def make() -> Inputs:
            with _to_correct(source):
                return source.load()

        return self.once(("inputs", *self._keys(source)), make)

    def _made(self, spec: Spec, compute: Callable[[Inputs], pd.DataFrame], source: Source) -> pd.DataFrame:
        """Return what a measure or an outcome makes of a source."""
        inputs = self._inputs(source)
        return self.once(("made", self.identity(source), self.identity(spec)), partial(compute, inputs))

    def _full(self, specs: Specs) -> Panel:
        """Return all units and periods of the study with raw series, measures and outcome."""

        def make() -> Panel:
            inputs = self._inputs(specs.source)
            frame = inputs.frame
            for spec, compute in (
                (specs.measure, specs.measure.transformed),
                (specs.outcome, specs.outcome.compute),
            ):
                frame = _joined(frame, self._made(spec, compute, specs.source), inputs.source)
            with _naming(inputs):
                return _with_groups(specs.panel.assemble(frame, inputs.unit_name, inputs.time_name))

        return self.once(("panel", *self._keys(specs.source, specs.measure, specs.outcome, specs.panel)), make)

    def _chosen(self, specs: Specs) -> NDArray[np.bool_]:
        """Return which rows of the full panel are in the sample."""
        full, sample, design = self._full(specs), specs.sample, specs.panel
        # a query can name a variable that no model uses
        new = [name for name in sample.variables if design.can_make(full, name)]
        return sample.rows(design.variables(full, new))

    def _weights(self, specs: Specs, spec: WeightsSpec, panel: Panel) -> Weights:
        keys = self._keys(specs.source, specs.measure, specs.outcome, specs.panel, spec)

        def make() -> Weights:
            full = self._full(specs)
            # a file of weights belongs to the data
            with _to_correct(spec) if _reads_file(spec) else nullcontext():
                return spec.compute(full)

        weights = self.once(("weights", *keys), make)
        # a region can leave a province without neighbour: the specification's own rule holds for the subset, too
        islands: Islands = "keep" if getattr(spec, "islands", "refuse") == "keep" else "refuse"
        return self.once(("weights", *keys, panel.units), lambda: weights.restrict(panel.units, islands))


def _with_groups(panel: Panel) -> Panel:
    """Return the panel with the groups that are known of its units, if it has no column of that name."""
    home = country()
    if home.strangers(panel.units):
        return panel
    known = {by: [home.group(by, unit) for unit in panel.units] for by in home.groups if not panel.has(by)}
    return panel.with_text({by: np.array(of, dtype=object)[panel.unit_codes] for by, of in known.items()})


@contextmanager
def _naming(inputs: Inputs) -> Iterator[None]:
    """Put the name of the user's file before what is wrong with its content."""
    try:
        yield
    except UnknownColumnError as error:
        note = note_of_said(error.said)
        if remedy := inputs.absent.get(error.column, ""):
            column, said = error.column, note_of(remedy)
            note = _within(
                note, Note("source_lacks_column", group="source", source=inputs.source, column=column, remedy=said)
            )
        raise with_file(error.anew(note), inputs.file) from error
    except DataError as error:
        raise with_file(error, inputs.file) from error


def _within(note: Note, other: Note) -> Note:
    """Return another note in place of what is said behind the key or the keys of a note."""
    inner = dict(note.fields).get("said")
    return note.changed(said=_within(inner, other)) if isinstance(inner, Note) else other


@contextmanager
def _to_correct(spec: Spec) -> Iterator[None]:
    """Mark what goes wrong with a file: that is to be corrected, and no combination of choices is at fault.

    What the file holds is told of under the field that names the file.
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
    """Return the key of the model or diagnostic that names a column; an empty text where none does."""
    formula = getattr(specs.model, "formula", None)
    if formula is not None and column in formula:
        return "model.formula"
    for group, spec in (("model", specs.model), ("diagnostic", specs.diagnostic)):
        for name, value in spec:
            terms = (value,) if isinstance(value, str) else value if isinstance(value, tuple) else ()
            if column in map(_bare, variables_of([term for term in terms if isinstance(term, str)])):
                return f"{group}.{name}"
    return ""


def _bare(variable: str) -> str:
    """Return a variable without logarithms."""
    while variable.startswith(LOG_PREFIX):
        variable = variable.removeprefix(LOG_PREFIX)
    return variable


def _joined(frame: pd.DataFrame, made: pd.DataFrame, source: str) -> pd.DataFrame:
    """Return the series with those that a measure or outcome made."""
    both = [name for name in made.columns if name in frame.columns and name not in ("unit", "time")]
    other = [name for name in both if not made[name].reset_index(drop=True).equals(frame[name].reset_index(drop=True))]
    if other:
        raise DataError(Note("column_of_other_values", group="source", source=source, columns=cut(other)))
    new = made.drop(columns=both)
    if len(new.columns) == 2:
        return frame
    if new.duplicated(["unit", "time"]).any():
        # duplicates of the data are the panel's to report; a join would multiply them
        if frame.duplicated(["unit", "time"]).any():
            return frame
        raise DataError(Note("made_rows_twice"))
    return frame.merge(new, on=["unit", "time"], how="left", validate="many_to_one")
