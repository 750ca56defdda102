"""From the points of a sweep to checked runs. Nothing is fitted here."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from digicarbon.config.compose import Composer
from digicarbon.config.files import ROOT
from digicarbon.errors import ConfigError, DigicarbonError, no_end
from digicarbon.note import Note, cut, note_of
from digicarbon.note.about import at, first_of, group_of, key_of, note_of_said, with_key
from digicarbon.note.ending import ended
from digicarbon.plan.choice import COMMAND_LINE, Axis, Choice, as_text
from digicarbon.plan.expand import expand, flat
from digicarbon.plan.impossible import Impossible
from digicarbon.plan.prepare import Prepared, Specs, Workshop, specify
from digicarbon.plan.reach import code_digest
from digicarbon.spec import Spec, as_default, identity, own_classes, refuse_unknown

NOTHING = "none"
"""What a run has at a key that means nothing for it: weights that its model does not take, a field that it ignores."""
MOST_REASONS = 3
"""So many choices that cannot run are named where none can."""
NO_NUMBERS = ("title", "report", "executor", "tracking")
"""Keys whose choice leaves a sweep what it is."""


@dataclass(frozen=True, eq=False, slots=True)
class Run:
    """One specification, checked against its panel and weights.

    Attributes
    ----------
    label : str
        Unique within the sweep.
    choice : Choice
    options : mapping of str to str
        The option of each config group.
    specs : Specs
    prepared : Prepared
    key : str
        Content hash: equal for runs that fit the same model to the same numbers.
    composer : Composer
        Puts the configuration together.
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
        """The composed configuration, as plain values; put together on each call, and for reading only."""
        return self.composer.config(self.choice.values)

    @property
    def recorded(self) -> Mapping[str, Any]:
        """The same without secrets, as it is recorded."""
        return self.composer.recorded(self.choice.values)

    def has(self, key: str) -> Any:
        """Return a run's option of a group or its value of a dotted key.

        `NOTHING` stands where the key means nothing for the run, and None is returned where that cannot be told.
        """
        if self.specs.lacks(key):
            return NOTHING
        group, _, field = key.partition(".")
        if not field:
            return self.options.get(group)
        value = getattr(getattr(self.specs, group, None), field, None)
        return None if isinstance(value, Mapping | Spec) else value


@dataclass
class Plan:
    """What an experiment would run.

    Attributes
    ----------
    name : str
    runs : list of Run
        Each distinct fit once, in the order of the experiment.
    same : mapping of str to list of str
        Labels that came to the same fit, by the label that is run.
    skipped : list of (str, str)
        Choices from a ``glob`` that cannot run, with the reason.
    failed : mapping of str to Note
        Why a column cannot run, by the column; the others can.
    failed_count : int
        How many choices are theirs.
    excluded : int
        Combinations left out by ``exclude``.
    left : int
        Combinations that it leaves, of which ``draw`` takes some.
    remarks : list of Note
        What a user may not have meant: choices that take the place of others, a draw of more than there is.
    overrides : tuple of str
        What the command line changes of an experiment; nothing for runs without one.
    """

    name: str
    title: str
    runs: list[Run] = field(default_factory=list)
    same: dict[str, list[str]] = field(default_factory=dict)
    skipped: list[tuple[str, Note]] = field(default_factory=list)
    failed: dict[str, Note] = field(default_factory=dict)
    failed_count: int = 0
    excluded: int = 0
    left: int = 0
    remarks: list[Note] = field(default_factory=list)
    overrides: tuple[str, ...] = ()

    @property
    def chosen_count(self) -> int:
        """How many choices there are, those that come to the same fit and those that cannot run among them."""
        return len(self.runs) + sum(map(len, self.same.values())) + len(self.skipped) + self.failed_count

    @property
    def drawn(self) -> bool:
        """Whether the choices are a draw of what is left."""
        return self.chosen_count < self.left

    def twins(self, run: Run) -> list[str]:
        """Return the named columns that came to the same fit as a run of another column."""
        if run.choice.column is None:
            return []
        return [label for label in dict.fromkeys(self.same.get(run.label, ())) if label != run.label]

    @cached_property
    def varied(self) -> Sequence[str]:
        """The keys that some run of a complete plan chooses, in the order of the experiment."""
        blocks = {id(run.choice.block): run.choice.block for run in self.runs}.values()
        return list(
            dict.fromkeys(key for block in blocks for key in (*block.fixed, *(axis.key for axis, _ in block.axes)))
        )

    def chosen(self, run: Run) -> dict[str, Any]:
        """Return what a run has at each key that some run chooses: its choice, or what its files say."""
        values = run.choice.values
        # what a model ignores is one fit under all of its values
        found = {key: NOTHING if run.specs.lacks(key) else value for key, value in values.items()}
        others = {key: run.has(key) for key in self.varied if key not in values}
        return found | {key: value for key, value in others.items() if value is not None}


def plan(composer: Composer, command_axes: Sequence[Axis] = (), workshop: Workshop | None = None) -> Plan:
    """Expand an experiment, and build and check every run against its panel and weights.

    Raises
    ------
    DigicarbonError
        If a run that was named by hand cannot run; the message names it.
    """
    shop = workshop or Workshop()
    choices, excluded, left = expand(composer, command_axes)
    remarks = _remarks(composer, choices)
    made = Plan(
        composer.name,
        str(composer.sweep_keys()["title"] or ""),
        excluded=excluded,
        left=left,
        remarks=remarks,
        overrides=_overrides(composer, command_axes),
    )
    if made.overrides and "title" not in composer.given:
        made.title = f"{made.title or composer.name} ({', '.join(made.overrides)})"
    by_key: dict[str, Run] = {}
    impossible = Impossible(len(choices))
    for choice in choices:
        if impossible.enough(choice):
            break
        try:
            run = check(composer, choice, shop)
        except DigicarbonError as error:
            if choice.globbed:
                made.skipped.append((choice.label, note_of(error)))
            else:
                impossible.add(choice, error)
            continue
        impossible.pass_(choice)
        if run.key in by_key:
            made.same.setdefault(by_key[run.key].label, []).append(choice.label)
            continue
        by_key[run.key] = run
        made.runs.append(run)
    for column, found in impossible.columns.items():
        made.failed[column] = _why(composer, column, found)
        made.failed_count += len(found)
    if not made.failed:
        impossible.refuse()
    if not made.runs:
        if not made.skipped:
            raise ConfigError(Note("all_excluded", excluded=excluded), f"{composer.where('exclude')}, exclude")
        more = len(made.skipped) - min(len(made.skipped), MOST_REASONS)
        raise ConfigError(
            Note(
                "no_option_can_run",
                excluded=Note("exclude_leaves_out", excluded=excluded) if excluded else "",
                reasons=[Note("of_label", label=label, said=why) for label, why in made.skipped[:MOST_REASONS]],
                others=Note("more_cannot_either", more=more) if more else "",
            ),
            composer.files[0].shown if composer.files else COMMAND_LINE,
        )
    return made


def _overrides(composer: Composer, command_axes: Sequence[Axis]) -> tuple[str, ...]:
    """Return what the command line changes of what an experiment fits."""
    if composer.name == ROOT:
        return ()
    plain = [word for word in composer.overrides if word.split("=")[0].lstrip("+~").split(".")[0] not in NO_NUMBERS]
    return (*plain, *(str(Note("swept", key=axis.key, values=cut(map(as_text, axis.values)))) for axis in command_axes))


def _why(composer: Composer, column: str, found: Sequence[tuple[Choice, DigicarbonError]]) -> Note:
    """Return why a column cannot run, with the file that it stands in."""
    choice, error = found[0]
    file = composer.column_file(column) or COMMAND_LINE
    if len(found) == 1:
        return Note("column_cannot_run", column=column, file=file, why=error)
    return Note("column_never_runs", column=column, file=file, choices=len(found), label=choice.label, why=error)


def _remarks(composer: Composer, choices: Sequence[Choice]) -> list[Note]:
    """Return what is to be said of the choices of a sweep before they are checked."""
    hidden: dict[tuple[str, str], list[str]] = {}
    for block in {id(choice.block): choice.block for choice in choices}.values():
        for axis in (axis for axis, _ in block.axes if axis.key in block.fixed):
            hidden.setdefault((axis.key, axis.place), []).append(str(block.column))
    said = [
        Note("takes_place_of_columns", place=place, columns=cut(columns), key=key)
        for (key, place), columns in hidden.items()
    ]
    said += _inherited_columns(composer, choices)
    said += _merged_columns(composer, choices)
    wanted = (composer.sweep_keys()["draw"] or {}).get("n", 0)
    if wanted > len(choices):
        said.append(Note("all_are_drawn", key="draw.n", wanted=wanted, choices=len(choices)))
    return said


def _inherited_columns(composer: Composer, choices: Sequence[Choice]) -> list[Note]:
    """Return the note on which columns come from which file; none where all are of one."""
    by_file: dict[str, list[str]] = {}
    for column in dict.fromkeys(choice.column for choice in choices if choice.column is not None):
        by_file.setdefault(composer.column_file(column) or COMMAND_LINE, []).append(column)
    if len(by_file) < 2:
        return []
    own = composer.files[0].shown if composer.files else ""
    inherited = {file: cut(columns) for file, columns in by_file.items() if file not in (own, COMMAND_LINE)}
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
    """Return a note for each column that several files have, with the choices that stay from a further one."""
    found = []
    blocks = {choice.column: choice.block for choice in choices if choice.column is not None}
    for column, block in blocks.items():
        values = block.fixed
        taken: set[str] = set()
        nearest_file = ""
        for file in composer.files_of("columns"):
            here = {str(label): content for label, content in (file.content.get("columns") or {}).items()}
            if not isinstance(here.get(column), Mapping):
                if column in here:
                    break
                continue
            content = flat(here[column])
            stays = [f"{key}={as_text(values[key])}" for key in content if key not in taken and key in values]
            if nearest_file and stays:
                found.append(
                    Note("column_keeps", column=column, file=nearest_file, choices=cut(stays), other=file.shown)
                )
            nearest_file = nearest_file or file.shown
            taken |= set(content)
    return found


def check(composer: Composer, choice: Choice, shop: Workshop) -> Run:
    """Build one choice's specifications and check them against its panel and weights.

    Raises
    ------
    DigicarbonError
        If the choice cannot run.
    """
    try:
        return _checked(composer, choice, shop)
    except DigicarbonError as error:
        raise _placed(error, composer, choice) from error


def _checked(composer: Composer, choice: Choice, shop: Workshop) -> Run:
    values = choice.values
    chosen = composer.options_of(values)
    lacking = composer.missing(values)
    if lacking:
        merged = composer.merged(values)
        for group in dict.fromkeys(key.split(".")[0] for key in lacking):
            refuse_unknown(merged[group], group)
        require([key for key in lacking if not key.startswith("weights.")], chosen, composer, choice)
    config = composer.config(values)
    own = own_classes(config)
    with no_end(lambda error: ended(error, Note("code_of", classes=cut(own)) if own else Note("code_of_run"))):
        specs = specify(config, shop.builder)
        if specs.weights is not None:
            require(lacking, chosen, composer, choice)
        specs = shop.completed(specs)
        prepared = shop.prepare(specs)
        key = content_hash(specs, prepared, shop)
        shop.check(specs, prepared, key)
    return Run(
        # a run without an experiment is called by its model: the root's name says nothing
        label=_run_label(choice, specs) or (chosen["model"] if composer.name == ROOT else composer.name),
        choice=choice,
        options=chosen,
        specs=specs,
        prepared=prepared,
        key=key,
        composer=composer,
    )


def require(keys: Sequence[str], options: Mapping[str, str], composer: Composer, choice: Choice | None = None) -> None:
    """Raise a `ConfigError` on the keys that have no value; it names the place that chooses what needs them."""
    for group in dict.fromkeys(key.split(".")[0] for key in keys):
        place = (choice and choice.place(group)) or composer.chooser(group)
        first, *others = [key for key in keys if key.startswith(f"{group}.")]
        fields = ", ".join(f"{key.removeprefix(f'{group}.')}: …" for key in (first, *others))
        words = " ".join(f"{key}=…" for key in (first, *others))
        raise ConfigError(
            Note(
                "required_by_option",
                key=first,
                group=group,
                option=options[group],
                more=Note("required_too", keys=cut(others)) if others else "",
                example=f"{group}: {{{fields}}}",
                overrides=words,
            ),
            place,
        )


def content_hash(specs: Specs, prepared: Prepared, workshop: Workshop | None = None) -> str:
    """Return the SHA-256 of all that decides a run's numbers.

    It covers the model and the diagnostic with their defaults, but for fields that the model ignores, the columns they
    read, the labels, the weights if they are taken, and the source of the code that computes. Columns and weights enter
    by their own digests, which runs that share them compute once.

    Parameters
    ----------
    specs : Specs
    prepared : Prepared
    workshop : Workshop, optional
        Remembers what runs share.
    """
    shop = workshop or Workshop()
    classes = (type(specs.model), type(specs.diagnostic))
    content = [
        # at their defaults, not left out: models that ignore nothing else keep the hash that they had
        identity(as_default(specs.model, specs.ignored)),
        identity(specs.diagnostic),
        specs.terms,
        prepared.digest,
        None if prepared.weights is None else prepared.weights.digest,
        # a sweep computes with the code that it has loaded
        shop.once(("code", *classes), lambda: code_digest(*classes)),
    ]
    return hashlib.sha256(json.dumps(content, ensure_ascii=False).encode()).hexdigest()


def _placed(error: DigicarbonError, composer: Composer, choice: Choice) -> DigicarbonError:
    """Return an error with its place, and with the key where the value that is wrong stands."""
    key = key_of(error)
    if error.where or not key:
        group = "" if error.where else group_of(error)
        return at(error, (choice.place(group) or composer.chooser(group)) if group else error.where)
    origin = composer.origin(key, choice.values)
    placed = at(error, choice.place(origin) or composer.where(origin, choice.values), origin)
    note = note_of_said(error.said)
    if origin == "inference.cov" and key == "model.cov" and first_of(note).code == "not_one_of":
        # the option of inference is not wrong in itself
        options = {group: str(choice.values.get(group, composer.chosen[group])) for group in ("inference", "model")}
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
    # what another part of a run hands over is not wrong in itself
    placed.to_correct = error.to_correct and origin.split(".")[0] == key.split(".")[0]
    return placed


def _run_label(choice: Choice, specs: Specs) -> str:
    """Return a choice's label without what means nothing for its model, e.g. weights that it does not take."""
    return choice.label_without(specs.lacks)
