"""From the points of a sweep to checked runs. Nothing is fitted here."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import islice
from typing import Any

from digicarbon.config import former, written, yaml_text
from digicarbon.config.compose import Composer
from digicarbon.config.files import REPLACEABLE, ROOT, UNNAMED
from digicarbon.errors import COMMAND_LINE, OTHER_NAMES, ConfigError, DigicarbonError, closest, no_end
from digicarbon.note import Note, cut, note_of
from digicarbon.note.about import at, first_of, group_of, key_of, note_of_said, with_key
from digicarbon.note.ending import ended
from digicarbon.plan.choice import Axis, Choice, as_text
from digicarbon.plan.contract import is_written, refuse_unhonoured
from digicarbon.plan.exclude import Impossible
from digicarbon.plan.expand import expand, flat
from digicarbon.plan.prepare import Preparation, Prepared, Specs, specify
from digicarbon.plan.reach import code_digest
from digicarbon.spec import Spec, as_default, identity, own_classes, refuse_unknown
from digicarbon.weights import WeightsSpec
from digicarbon.weights.nearby import NearbyWeights, NoWeights

NOTHING = "none"
"""The value of a run at a key without effect: weights that its model does not take, or a field that it ignores."""
MOST_REASONS = 3
"""The largest number of choices named in the error if none can run."""
TOGETHER = 64
"""Choices that are checked step by step together."""
QUICK = 0.03
"""Seconds within which these are checked, if several are taken."""
_ENCODER = json.JSONEncoder(ensure_ascii=False)
NO_NUMBERS = ("title", "labels", "report", "executor", "tracking")
"""Keys whose values change no number of a sweep."""


@dataclass(frozen=True, eq=False, slots=True)
class Run:
    """One specification, checked against its panel and weights.

    ``label``: unique within the sweep. ``options``: the option of each config group. ``key``: content hash: equal for
    runs that fit the same model to the same numbers. ``composer``: composes the configuration.
    """

    label: str
    choice: Choice
    options: Mapping[str, str]
    specs: Specs
    prepared: Prepared
    key: str
    composer: Composer

    @property
    def config(self) -> Mapping[str, Any]:
        """The composed configuration as plain values; composed on each access, and for reading only."""
        return self._with_nearby(self.composer.config(self.choice.values))

    @property
    def recorded(self) -> Mapping[str, Any]:
        """The configuration without secrets, as it is recorded."""
        return self._with_nearby(self.composer.recorded(self.choice.values))

    def _with_nearby(self, config: Mapping[str, Any]) -> Mapping[str, Any]:
        nearby = {"weights": {"_target_": "digicarbon.weights.NearbyWeights"}}
        return {**config, **nearby} if isinstance(self.specs.weights, NearbyWeights) else config

    def has(self, key: str) -> Any:
        """Return a run's option of a group or its value of a dotted key.

        It is `NOTHING` if the key has no effect on the run, and None if there is no single value.
        """
        if self.specs.lacks(key):
            return NOTHING
        group, _, field = key.partition(".")
        if not field:
            return self.options.get(group)
        value = getattr(getattr(self.specs, group, None), field, None)
        return None if isinstance(value, Mapping | Spec) else value


@dataclass(repr=False)
class Plan:
    """The runs of an experiment."""

    name: str
    title: str
    runs: list[Run] = field(default_factory=list)
    """One run per distinct fit, in the order of the experiment."""
    same: dict[str, list[str]] = field(default_factory=dict)
    """Labels of choices with the same fit, by the label of the run."""
    skipped: list[tuple[str, Note]] = field(default_factory=list)
    """Choices from a ``glob`` that cannot run, with the reason."""
    failed: dict[str, Note] = field(default_factory=dict)
    """The reason why a column cannot run, by column, if other columns can."""
    failed_count: int = 0
    """The number of choices in these columns."""
    failed_fits: int = 0
    """The number of fits that these would be: values that a model ignores make no further one."""
    excluded: int = 0
    """The number of combinations that ``exclude`` drops."""
    left: int = 0
    """The number of combinations that remain, of which ``draw`` takes some."""
    remarks: list[Note] = field(default_factory=list)
    """Possible mistakes of the user: choices that replace others, or a draw larger than the sweep."""
    overrides: tuple[str, ...] = ()
    """The changes that the command line makes to an experiment; empty for runs without one."""
    choices: Sequence[Choice] = ()
    """Every choice of the experiment, whether it can run or not, in its order: no data decide what is among them."""
    also: dict[str, list[Choice]] = field(default_factory=dict)
    """Of an experiment with kinds of choices: the choices behind `same`, by the label of the run."""
    kinds: Mapping[str, Any] = field(default_factory=dict)
    claim: Mapping[str, Any] = field(default_factory=dict)
    """`kinds`, `claim`: what the experiment says of its choices and of its result, as it is written; empty if it says
    nothing."""
    _lacking: dict[Any, tuple[str, ...]] = field(default_factory=dict, init=False, compare=False)

    def __repr__(self) -> str:
        left = {"skipped": len(self.skipped), "excluded": self.excluded, "columns that cannot run": len(self.failed)}
        more = "".join(f", {number} {name}" for name, number in left.items() if number)
        return f"Plan of {self.name}: {len(self.runs)} runs{more}"

    @property
    def chosen_count(self) -> int:
        """The number of choices, including those with the same fit and those that cannot run."""
        return len(self.runs) + sum(map(len, self.same.values())) + len(self.skipped) + self.failed_count

    @property
    def drawn(self) -> bool:
        """Whether the choices are a draw from the remaining combinations."""
        return self.chosen_count < self.left

    def twins(self, run: Run) -> list[str]:
        """Return the named columns with the same fit as a run of another column."""
        if run.choice.column is None:
            return []
        return [label for label in dict.fromkeys(self.same.get(run.label, ())) if label != run.label]

    @cached_property
    def varied(self) -> Sequence[str]:
        """The keys that at least one run of a complete plan chooses, in the order of the experiment."""
        blocks = {id(run.choice.block): run.choice.block for run in self.runs}.values()
        return list(
            dict.fromkeys(key for block in blocks for key in (*block.fixed, *(axis.key for axis, _ in block.axes)))
        )

    def chosen(self, run: Run) -> dict[str, Any]:
        """Return the value of a run at each key that some run chooses: its choice, or the value in its files."""
        values, lacking = run.choice.values, self.lacking(run)
        # all values of a field that the model ignores give the same fit
        choices = {key: NOTHING if key in lacking else value for key, value in values.items()} if lacking else values
        if len(choices) == len(self.varied):
            return choices
        others = {key: run.has(key) for key in self.varied if key not in values}
        return choices | {key: value for key, value in others.items() if value is not None}

    def lacking(self, run: Run) -> tuple[str, ...]:
        """Return the keys that some run chooses and that have no effect on this run: `chosen` says `NOTHING` there."""
        shape = run.specs.shape
        if shape not in self._lacking:
            self._lacking[shape] = tuple(filter(run.specs.lacks, self.varied))
        return self._lacking[shape]


def plan(composer: Composer, command_axes: Sequence[Axis] = (), preparation: Preparation | None = None) -> Plan:
    """Expand an experiment, and build and check every run against its panel and weights.

    Raises DigicarbonError if a run that was named by hand cannot run; the message names it.
    """
    preparation = preparation or Preparation()
    choices, excluded, left = expand(composer, command_axes)
    remarks = _remarks(composer, choices)
    result = Plan(
        composer.name,
        str(composer.sweep_keys()["title"] or ""),
        excluded=excluded,
        left=left,
        remarks=remarks,
        overrides=_overrides(composer, command_axes),
        choices=choices,
        kinds=composer.sweep_keys()["kinds"] or {},
        claim=composer.sweep_keys()["claim"] or {},
    )
    changes = [word.lstrip("+") for word in result.overrides if not _takes_away(word)]
    if changes and "title" not in composer.given:
        result.title = f"{result.title or composer.name} ({', '.join(changes)})"
    by_key: dict[str, Run] = {}
    impossible = Impossible(len(choices))
    for choice, run in checks(composer, choices, preparation):
        if impossible.enough(choice):
            break
        if isinstance(run, DigicarbonError):
            if choice.globbed:
                result.skipped.append((choice.label, note_of(run)))
            else:
                impossible.add(choice, run)
            continue
        impossible.pass_(choice)
        # without a W by choice a run is another one than with one that it could do without
        same = f"{run.key} without" if isinstance(run.specs.weights, NoWeights) else run.key
        if run.specs.optional_weights and run.prepared.weights is not None:
            # of runs that differ only in weights that they could do without, the first is fitted
            same = content_hash(run.specs, replace(run.prepared, weights=None), preparation)
        if same in by_key:
            result.same.setdefault(by_key[same].label, []).append(choice.label)
            if result.kinds:
                result.also.setdefault(by_key[same].label, []).append(choice)
            continue
        by_key[same] = run
        result.runs.append(run)
    for column, failures in impossible.columns.items():
        result.failed[column] = _why(composer, column, failures)
        result.failed_count += len(failures)
        result.failed_fits += len({_fit(composer, choice, preparation) for choice, _ in failures})
    if not result.failed:
        impossible.refuse()
    if not result.runs:
        if not result.skipped:
            raise ConfigError(Note("all_excluded", excluded=excluded), f"{composer.where('exclude')}, exclude")
        more = len(result.skipped) - min(len(result.skipped), MOST_REASONS)
        raise ConfigError(
            Note(
                "no_option_can_run",
                excluded=Note("exclude_leaves_out", excluded=excluded) if excluded else "",
                reasons=[Note("of_label", label=label, said=why) for label, why in result.skipped[:MOST_REASONS]],
                others=Note("more_cannot_either", more=more) if more else "",
            ),
            composer.files[0].shown if composer.files else COMMAND_LINE,
        )
    result.remarks += [
        *_former(composer, result),
        *_idle(composer, result),
        *_without_weights(composer, result, preparation),
    ]
    return result


def _former(composer: Composer, planned: Plan) -> Iterator[Note]:
    """Yield notes on keys that had another name, or another meaning, in earlier versions."""
    for file in composer.files:
        if str(file.path.resolve()) in yaml_text.FORMER:
            yield Note("former_name", key=former.FIELD, now=former.NOW, place=file.shown)
    key = former.current(f"model.{former.FIELD}")
    if key in {*planned.varied, *composer.given} or any(file.sets(key) for file in composer.files):
        for model in dict.fromkeys(type(run.specs.model) for run in planned.runs):
            if now := model.former.get(former.NOW):
                yield Note("former_meaning", key=key, now=f"model.{now}", model=model.__name__)


def _overrides(composer: Composer, command_axes: Sequence[Axis]) -> tuple[str, ...]:
    """Return the changes of the command line to the numbers of an experiment."""
    if composer.name == ROOT:
        return ()
    plain = [word for word in composer.overrides if word.split("=")[0].lstrip("+~").split(".")[0] not in NO_NUMBERS]
    return (*plain, *(str(Note("swept", key=axis.key, values=cut(map(as_text, axis.values)))) for axis in command_axes))


def _takes_away(word: str) -> bool:
    """Return whether a change leaves out parts of the experiment, e.g. ``grid=null``, and chooses nothing."""
    key, _, value = word.lstrip("+").partition("=")
    return key == "replace" or (key in REPLACEABLE and value in ("null", "", "{}", "[]"))


def _why(composer: Composer, column: str, failures: Sequence[tuple[Choice, DigicarbonError]]) -> Note:
    """Return the reason why a column cannot run, with its file."""
    choice, error = failures[0]
    file = composer.column_file(column) or COMMAND_LINE
    if len(failures) == 1:
        return Note("column_cannot_run", column=column, file=file, why=error)
    return Note("column_never_runs", column=column, file=file, choices=len(failures), label=choice.label, why=error)


def _fit(composer: Composer, choice: Choice, preparation: Preparation) -> tuple[str, ...]:
    """Return what is equal for choices of a column that would be one fit."""
    try:
        lacks = specify(composer.config(choice.values), preparation.builder).lacks
    except DigicarbonError:
        # nobody knows what a model that cannot be built ignores
        return (choice.label,)
    return tuple(f"{key}={as_text(value)}" for key, value in choice.values.items() if not lacks(key))


def _remarks(composer: Composer, choices: Sequence[Choice]) -> list[Note]:
    """Return the remarks on the choices of a sweep before they are checked."""
    hidden: dict[tuple[str, str], list[str]] = {}
    for block in {id(choice.block): choice.block for choice in choices}.values():
        for axis in (axis for axis, _ in block.axes if axis.key in block.fixed):
            hidden.setdefault((axis.key, axis.place), []).append(str(block.column))
    notes = [
        Note("takes_place_of_columns", place=place, columns=cut(columns), key=key)
        for (key, place), columns in hidden.items()
    ]
    notes += _inherited_columns(composer, choices)
    notes += _merged_columns(composer, choices)
    size = (composer.sweep_keys()["draw"] or {}).get("n", 0)
    if size > len(choices):
        notes.append(Note("all_are_drawn", key="draw.n", wanted=size, choices=len(choices)))
    if composer.unshown:
        keys = [f"report.{key}" for key in composer.unshown]
        notes.append(
            Note("fields_of_own_report", report=composer.chosen["report"], keys=keys, where=composer.where(keys[0]))
        )
    return notes


def _idle(composer: Composer, planned: Plan) -> list[Note]:
    """Return notes on words of the command that change nothing of any run: a W that none takes, fields all ignore."""
    weights, fields = [], []
    for word in composer.overrides:
        key = word.lstrip("+").partition("=")[0]
        group = key.partition(".")[0]
        if group == "weights" and all(run.specs.weights is None for run in planned.runs):
            weights.append(word)
        elif group == "inference" and key != group and all(run.specs.idle(key) for run in planned.runs):
            fields.append(word)
    notes = [Note("weights_idle", words=tuple(weights))] if weights else []
    return notes + ([Note("fields_idle", words=tuple(fields))] if fields else [])


def _without_weights(composer: Composer, planned: Plan, preparation: Preparation) -> list[Note]:
    """Return notes on runs that do without the W that a file chooses, by reason."""
    labels: dict[Note, list[str]] = {}
    for run in planned.runs if _files_with_weights(composer) else ():
        refusal = preparation.refusal_of_weights(run.specs, run.prepared)
        if refusal is not None:
            labels.setdefault(note_of(refusal), []).append(run.label)
    return [Note("without_its_weights", labels=cut(names), why=why) for why, names in labels.items()]


def _files_with_weights(composer: Composer) -> bool:
    """Return whether a file of the user chooses weights, or says something of them."""
    return any(file.name != ROOT and ("weights" in file.content or file.chooses("weights")) for file in composer.files)


def _inherited_columns(composer: Composer, choices: Sequence[Choice]) -> list[Note]:
    """Return a note on the files that the columns come from; none if all come from one file."""
    by_file: dict[str, list[str]] = {}
    for column in dict.fromkeys(choice.column for choice in choices if choice.column is not None):
        by_file.setdefault(composer.column_file(column) or COMMAND_LINE, []).append(column)
    if len(by_file) < 2:
        return []
    file_of_experiment = composer.files[0].shown if composer.files else ""
    here = (file_of_experiment, COMMAND_LINE)
    inherited = {file: cut(columns) for file, columns in by_file.items() if file not in here}
    parts = [
        Note("columns_inherited" if number else "begins_columns_inherited", columns=columns, file=file)
        for number, (file, columns) in enumerate(inherited.items())
    ]
    parts += [
        Note("columns_of_file" if parts else "begins_columns_of_file", columns=cut(columns), file=file)
        for file, columns in by_file.items()
        if file not in inherited
    ]
    return [Note("columns_of_files", parts=parts)]


def _merged_columns(composer: Composer, choices: Sequence[Choice]) -> list[Note]:
    """Return a note for each column that several files set, with the choices that remain from a farther file."""
    notes = []
    blocks = {choice.column: choice.block for choice in choices if choice.column is not None}
    for column, block in blocks.items():
        values = block.fixed
        known: set[str] = set()
        nearest_file = ""
        for file in composer.files_of("columns"):
            columns = {str(label): content for label, content in (file.content.get("columns") or {}).items()}
            if not isinstance(columns.get(column), Mapping):
                if column in columns:
                    break
                continue
            content = flat(columns[column])
            inherited = [f"{key}={as_text(values[key])}" for key in content if key not in known and key in values]
            if nearest_file and inherited:
                notes.append(
                    Note("column_keeps", column=column, file=nearest_file, choices=cut(inherited), other=file.shown)
                )
            nearest_file = nearest_file or file.shown
            known |= set(content)
    return notes


def checks(
    composer: Composer, choices: Iterable[Choice], preparation: Preparation
) -> Iterator[tuple[Choice, Run | DigicarbonError]]:
    """Build each choice's specifications, check them against its panel and weights, and yield its run or its error."""
    rest, number = iter(choices), 1
    while some := [_Check(composer, preparation, choice) for choice in islice(rest, number)]:
        start = time.perf_counter()
        # each step is taken for all of them before the next one, so that its code stays in the processor's cache
        for step in _STEPS:
            for one in some:
                if one.error is None:
                    one.take(step)
        # the first choices may be wrong, which nobody should wait for
        number = min(2 * number, TOGETHER) if time.perf_counter() - start < QUICK else max(number // 2, 1)
        yield from ((one.choice, one.error or one.run) for one in some)


@dataclass(eq=False)
class _Check:
    """A choice that is checked step by step."""

    composer: Composer
    preparation: Preparation
    choice: Choice
    error: DigicarbonError | None = None

    def take(self, step: Callable[[_Check], None]) -> None:
        """Take a step, and keep its error with the place."""
        try:
            try:
                step(self)
            except BaseException:
                with no_end(self._ended):
                    raise
        except DigicarbonError as error:
            self.error = _placed(error, self.composer, self.choice)
            if self.error is not error:
                self.error.__cause__ = error

    def compose(self) -> None:
        """Compose the configuration."""
        values = self.choice.values
        self.chosen = self.composer.options_of(values)
        self.missing = self.composer.missing(values)
        if self.missing:
            merged = self.composer.merged(values)
            for group in dict.fromkeys(key.split(".")[0] for key in self.missing):
                refuse_unknown(merged[group], group)
            needed = [key for key in self.missing if not key.startswith("weights.")]
            require(needed, self.chosen, self.composer, self.choice)
        self.config = self.composer.config(values)

    def specify(self) -> None:
        """Build the specifications."""
        specs = specify(self.config, self.preparation.builder)
        if specs.weights is not None and (not specs.optional_weights or self._gives_weights):
            require(self.missing, self.chosen, self.composer, self.choice)
        elif any(key.startswith("weights.") for key in self.missing):
            # nobody names the file of weights that the run does without
            specs = replace(specs, weights=None)
        else:
            # what this model does not read may still be wrong, and another model of the sweep reads it
            self.preparation.builder.build(self.config["weights"], WeightsSpec, "weights")
        if isinstance(specs.weights, NoWeights) and not specs.optional_weights:
            group = "model" if specs.model.uses_weights else "diagnostic"
            facts = {"group": group, "option": self.chosen[group]}
            raise ConfigError(
                Note("needs_weights", **facts), self.choice.place("weights") or self.composer.chooser("weights")
            )
        needs = specs.weights is not None and not specs.optional_weights
        if needs and specs.source.own and not self._weights_chosen:
            group = "model" if specs.model.uses_weights else "diagnostic"
            # a formula on a command line has no file to write in
            line = Note("write_flag" if self.composer.name == UNNAMED else "write_line", file="neighbours.csv")
            raise ConfigError(
                Note("weights_unchosen", group=group, option=self.chosen[group], line=line),
                self.choice.place(group) or self.composer.chooser(group),
            )
        refuse_unhonoured(specs.model, specs.inference, self.composer, self.choice, self.chosen)
        self.specs = self.preparation.completed(specs)

    @property
    def _gives_weights(self) -> bool:
        """Whether the command line says something of weights: a run then has them, or is refused."""
        return any(key.partition(".")[0] == "weights" for key in self.composer.given)

    @property
    def _weights_chosen(self) -> bool:
        """Whether anything but the default sentence says something of weights."""
        return self._gives_weights or "weights" in self.choice.values or _files_with_weights(self.composer)

    def prepare(self) -> None:
        """Prepare the data."""
        if not self._weights_chosen:
            self.specs = self.preparation.with_nearby(self.specs)
        self.prepared = self.preparation.prepare(self.specs)
        if self._gives_weights:
            refusal = self.preparation.refusal_of_weights(self.specs, self.prepared)
            if refusal is not None:
                raise refusal

    def name(self) -> None:
        """Compute the content hash."""
        self.key = content_hash(self.specs, self.prepared, self.preparation)

    def check(self) -> None:
        """Let model and diagnostic check the data."""
        self.preparation.check(self.specs, self.prepared, self.key)

    @property
    def run(self) -> Run:
        """The run, after every step."""
        # a run without an experiment has the name of its model, because the root's name says nothing
        name = self.chosen["model"] if self.composer.name == ROOT else self.composer.name
        # keys that have no effect on the model, e.g. weights that it does not take, are no part of the label
        label = self.choice.label_without(self.specs.lacks) or name
        return Run(label, self.choice, self.chosen, self.specs, self.prepared, self.key, self.composer)

    def _ended(self, error: BaseException) -> DigicarbonError:
        classes = own_classes(self.config)
        return ended(error, Note("code_of", classes=cut(classes)) if classes else Note("code_of_run"))


_STEPS = (_Check.compose, _Check.specify, _Check.prepare, _Check.name, _Check.check)


def require(keys: Sequence[str], options: Mapping[str, str], composer: Composer, choice: Choice | None = None) -> None:
    """Raise a `ConfigError` about the keys without a value; it names the place that chooses the option."""
    for group in dict.fromkeys(key.split(".")[0] for key in keys):
        place = (choice and choice.place(group)) or composer.chooser(group)
        first, *others = [key for key in keys if key.startswith(f"{group}.")]
        fields = ", ".join(f"{key.removeprefix(f'{group}.')}: …" for key in (first, *others))
        words = " ".join(f"{key}=…" for key in (first, *others))
        # fields of a model are words of a short file
        example = fields if group == "model" and written.is_short(place) else f"{group}: {{{fields}}}"
        raise ConfigError(
            Note(
                "required_by_option",
                key=first,
                group=group,
                option=options[group],
                more=Note("required_too", keys=cut(others)) if others else "",
                example=example,
                overrides=words,
            ),
            place,
        )


_NAMES_OF_OPTIONS = ("name", "type", "kind", "method", "option", "estimator")
"""What the option of a group is called elsewhere."""


def content_hash(specs: Specs, prepared: Prepared, preparation: Preparation | None = None) -> str:
    """Return the SHA-256 of everything that determines a run's numbers.

    It covers the model and the diagnostic with their defaults, without fields that the model ignores; the columns that
    they read; the labels; the weights if they are used; and the source of the code that computes. Columns and weights
    enter by their own digests, which are computed once and shared by runs.

    ``preparation``: caches the data that runs share.
    """
    preparation = preparation or Preparation()
    classes = (type(specs.model), type(specs.diagnostic))
    content = [
        # set to their defaults, not dropped, so that models keep the hash of earlier versions
        identity(as_default(specs.model, specs.ignored)),
        identity(specs.diagnostic),
        specs.terms,
        prepared.digest,
        None if prepared.weights is None else prepared.weights.digest,
        # a sweep computes with the code that it loaded, so one digest is enough
        preparation.once(("code", *classes), lambda: code_digest(*classes)),
    ]
    return hashlib.sha256(_ENCODER.encode(content).encode()).hexdigest()


def _line_of_option(composer: Composer, choice: Choice, key: str) -> Note | str:
    """Return the line to write where a mapping names an option of its group, as ``model: {name: sdm}`` does."""
    group, _, field = key.partition(".")
    value = composer.merged(choice.values).get(group, {}).get(field)
    if field not in (*_NAMES_OF_OPTIONS, group) or not isinstance(value, str):
        return ""
    option = closest(value, composer.options(group), OTHER_NAMES)
    return Note("option_by_word", group=group, option=option) if option else ""


def _placed(error: DigicarbonError, composer: Composer, choice: Choice) -> DigicarbonError:
    """Return an error with its place, and with the key that sets the wrong value."""
    key = key_of(error)
    if error.where or not key:
        group = "" if error.where else group_of(error)
        return at(error, (choice.place(group) or composer.chooser(group)) if group else error.where)
    origin = composer.origin(key, choice.values)
    if key == "model.y" and composer.options_of(choice.values)["outcome"] == "none" and origin != key:
        # no outcome has a term: what is missing is the y of the user's own file
        own = composer.files[0].shown if composer.files and composer.name != ROOT else COMMAND_LINE
        return at(error, choice.place(key) or own)
    placed = at(error, choice.place(origin) or composer.where(origin, choice.values), origin)
    note = note_of_said(error.said)
    first = first_of(note)
    if first.code == "no_field" and (line := _line_of_option(composer, choice, key)):
        return at(error.anew(first.changed(hint=line)), placed.where)
    options = {group: str(choice.values.get(group, composer.chosen[group])) for group in ("inference", "model")}
    at_odds = origin == "inference.cov" and key == "model.cov" and first.code == "not_one_of"
    if at_odds and is_written(origin, composer, choice):
        allowed, value = (with_key(first, origin)[name] for name in ("allowed", "given"))
        offered = tuple(one.strip("'") for one in allowed)
        facts = {"value": value.strip("'"), "offered": offered, "why": ""}
        placed = error.anew(Note("request_unoffered", key=origin, model=options["model"], **facts), placed.where)
    elif first.code == "not_offered" and key.startswith("model."):
        facts = {name: value for name, value in first.fields if name not in ("of", "key")}
        placed = error.anew(Note("request_unoffered", key=origin, model=options["model"], **facts), placed.where)
    elif at_odds:
        # the option of inference is valid, but not for this model
        chosen = choice.place("inference") or choice.place("model") or composer.chooser("inference")
        placed = error.anew(
            Note(
                "option_at_odds",
                group="inference",
                option=options["inference"],
                model=options["model"],
                said=with_key(note, origin),
            ),
            chosen,
        )
    # a value from another group is valid, but not for this key
    placed.to_correct = error.to_correct and origin.split(".")[0] == key.split(".")[0]
    return placed
