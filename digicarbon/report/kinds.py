"""Kinds of choices, and the parts of a multiverse that follow from them (Del Giudice and Gangestad 2021).

This module alone decides which runs are counted together. An experiment names the kinds under ``kinds``:

- *equivalent* (type E): all values are equally good; runs of all values are counted together;
- *nonequivalent* (type N): values differ in what they measure, or in how valid they are; runs of the main value are
  counted, those of other values are shown apart;
- *uncertain* (type U): nobody knows which value is right; each value is a multiverse of its own.

A part is a combination of values of uncertain and of nonequivalent choices. Shares, medians, joint tests and whatever
else takes many runs together are computed within a main part, never over several.

A sweep and a recorded sweep both have a roster, from which `multiverse_of` makes the parts; every report gets them
before its table and its files are made, as `Report.multiverse`, which is None where everything is counted together.

Labels are those of `Record.label`, of records with ``again`` false. A run on which an uncertain or nonequivalent choice
has no effect, such as weights in a model without W, is in the parts of all its values: each part is what an experiment
with these values alone would be. A part also knows the runs that failed.
"""

from __future__ import annotations

import itertools
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Protocol

import numpy as np

from digicarbon.arrays import BoolArray
from digicarbon.errors import ConfigError
from digicarbon.note import Note, cut, suggestion
from digicarbon.report.focal import AS_CONFIGURED, COLUMN, members_of, text_of
from digicarbon.report.labels import Labels

if TYPE_CHECKING:
    from digicarbon.plan.runs import Plan

KindName = Literal["equivalent", "nonequivalent", "uncertain"]
KINDS: tuple[KindName, ...] = ("equivalent", "nonequivalent", "uncertain")
LETTERS: Mapping[str, str] = {"equivalent": "E", "nonequivalent": "N", "uncertain": "U"}
"""What pictures call the kinds."""
MOST_KEYS = 12
"""Largest number of keys or values that an error names."""


class Member(Protocol):
    """A run as a roster has it."""

    @property
    def label(self) -> str:
        """Its label."""

    @property
    def values(self) -> Mapping[str, Any]:
        """Its choices."""

    @property
    def column(self) -> str | None:
        """The experiment's column that it belongs to."""

    @property
    def lacking(self) -> Collection[str]:
        """The keys that have no effect on it."""

    @property
    def also(self) -> Sequence[Mapping[str, Any]]:
        """Further choices with the same fit: the values in which they may differ."""


class Members(Protocol):
    """All runs of a sweep with what the experiment says of its choices."""

    @property
    def runs(self) -> Sequence[Member]:
        """The runs, failed ones among them."""

    @property
    def kinds(self) -> Mapping[str, Any]:
        """As `recorded` writes them."""

    @property
    def claim(self) -> Mapping[str, Any]:
        """The claim; empty if there is none."""


@dataclass(frozen=True)
class Kind:
    """What values of a choice, as `text_of` writes them, are to each other; of nonequivalent ones the first is main."""

    name: KindName
    values: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Part:
    """Runs that may be counted together.

    ``name``: what tells the part from others, as in the label of a run; empty where nothing does. ``choices``: its
    value of each uncertain and each nonequivalent choice. ``main``: whether it is counted: it has the main value of
    each nonequivalent choice. ``labels``: the labels of its runs, failed ones among them. ``beside``: of a part that is
    shown apart, the name of the main part with the same uncertain choices; else its own name.
    """

    name: str
    choices: Mapping[str, str]
    main: bool
    labels: frozenset[str]
    beside: str = ""

    def of(self, labels: Sequence[str]) -> BoolArray:
        """Return which of the runs with these labels are in the part."""
        return np.array([label in self.labels for label in labels], dtype=np.bool_)


@dataclass(frozen=True, eq=False)
class Multiverse:
    """The runs of a sweep by part.

    ``kinds``: by key; choices without a kind are equivalent, and not here. ``parts``: main ones first, each in the
    order of its values. ``unnamed``: keys that vary and have no kind, if others have one.
    """

    references: ClassVar[tuple[str, ...]] = ("delgiudice2021",)

    kinds: Mapping[str, Kind]
    parts: tuple[Part, ...]
    unnamed: tuple[str, ...] = field(default=())

    @property
    def main(self) -> tuple[Part, ...]:
        """The parts that are counted."""
        return tuple(part for part in self.parts if part.main)

    @property
    def apart(self) -> tuple[Part, ...]:
        """The parts that are shown apart."""
        return tuple(part for part in self.parts if not part.main)

    @property
    def whole(self) -> bool:
        """Whether all runs are counted together."""
        return len(self.parts) == 1

    def kind(self, key: str) -> KindName:
        """Return the kind of a choice."""
        return self.kinds[key].name if key in self.kinds else "equivalent"

    def counted(self, labels: Sequence[str]) -> BoolArray:
        """Return which of the runs with these labels are in a main part."""
        return np.array([label in self._counted for label in labels], dtype=np.bool_)

    @cached_property
    def names_by_label(self) -> Mapping[str, Sequence[str]]:
        """The names of the parts that each run is in."""
        names: dict[str, list[str]] = {}
        for part in self.parts:
            for label in part.labels:
                names.setdefault(label, []).append(part.name)
        return names

    @cached_property
    def _counted(self) -> frozenset[str]:
        return frozenset[str]().union(*(part.labels for part in self.main))

    @property
    def notes(self) -> tuple[Note, ...]:
        """Notes on the kinds: what was counted together, and which choices have no kind."""
        if not self.kinds:
            return ()
        keys = {name: tuple(key for key, kind in self.kinds.items() if kind.name == name) for name in KINDS}
        by_kind = (
            (keys["equivalent"], Note("kinds_equivalent", keys=keys["equivalent"])),
            (keys["nonequivalent"], Note("kinds_nonequivalent", keys=keys["nonequivalent"])),
            (keys["uncertain"], Note("kinds_uncertain", keys=keys["uncertain"])),
        )
        notes = [Note("kinds_given", kinds=tuple(note for named, note in by_kind if named))]
        if self.unnamed:
            notes.append(Note("kinds_unnamed", keys=self.unnamed))
        return tuple(notes)


def with_letter(key: str, multiverse: Multiverse | None, words: Labels) -> str:
    """Return what a choice is called, with the letter of its kind where the experiment names one."""
    name = words.choice(key)
    if multiverse is None or key not in multiverse.kinds:
        return name
    letter = LETTERS[multiverse.kind(key)]
    return f"{name}（{letter}）" if words.language == "zh" else f"{name} ({letter})"


def multiverse_of(roster: Members) -> Multiverse | None:
    """Return the parts of a sweep; None where the experiment says nothing about kinds and makes no claim."""
    if not roster.kinds and not roster.claim:
        return None
    named = roster.kinds.get("named", {})
    kinds = {key: Kind(kind["kind"], tuple(kind["values"])) for key, kind in named.items()}
    return Multiverse(kinds, _parts(kinds, roster.runs), tuple(roster.kinds.get("unnamed", ())))


def _parts(kinds: Mapping[str, Kind], runs: Sequence[Member]) -> tuple[Part, ...]:
    dividing = {key: kind for key, kind in kinds.items() if kind.name != "equivalent"}
    labels: dict[tuple[str, ...], set[str]] = {}
    for run in runs:
        for values in ({**run.values, COLUMN: run.column}, *run.also):
            for cell in itertools.product(*(_values(key, kind, values, run) for key, kind in dividing.items())):
                labels.setdefault(cell, set()).add(run.label)
    order = {key: {value: place for place, value in enumerate(kind.values)} for key, kind in dividing.items()}

    def places(cell: tuple[str, ...]) -> list[int]:
        return [order[key].get(value, len(order[key])) for key, value in zip(dividing, cell, strict=True)]

    parts = []
    for cell in sorted(labels, key=places):
        choices = dict(zip(dividing, cell, strict=True))
        uncertain = {key: value for key, value in choices.items() if dividing[key].name == "uncertain"}
        others = {
            key: value
            for key, value in choices.items()
            if dividing[key].name == "nonequivalent" and value != dividing[key].values[0]
        }
        name = _named({**uncertain, **others})
        parts.append(Part(name, choices, not others, frozenset(labels[cell]), _named(uncertain)))
    parts.sort(key=lambda part: not part.main)
    return tuple(parts) or (Part("", {}, True, frozenset(run.label for run in runs)),)


def _values(key: str, kind: Kind, values: Mapping[str, Any], run: Member) -> Sequence[str]:
    """Return a run's value of a choice; all values of one that has no effect on it."""
    if key in run.lacking:
        return kind.values
    value = values.get(key)
    return (AS_CONFIGURED if value is None else text_of(value),)


def _named(choices: Mapping[str, str]) -> str:
    """Return choices as the label of a run has them."""
    texts = {key: value.replace(", ", ",") if value.startswith("[") else value for key, value in choices.items()}
    return ", ".join(value if key == COLUMN else f"{key}={value}" for key, value in texts.items())


# ---- what an experiment says


def recorded(node: Mapping[Any, Any] | None, planned: Plan, given: Collection[str] = ()) -> dict[str, Any]:
    """Return the kinds of an experiment with the values of its choices, as a sweep records them; empty without kinds.

    The node is ``kinds`` of the experiment. A choice that the command line holds fixed, one of the keys that are
    ``given``, need not vary. Raises ConfigError if a kind or a main value is unknown, or a key does not vary.
    """
    if not node:
        return {}
    values = _values_of(planned)
    varied = [key for key, own in values.items() if len(own) > 1]
    named: dict[str, Any] = {}
    for key, content in _flat(node):
        kind, main = _read(key, content)
        if key not in varied:
            if key in given or {"grid", "columns", "zip", "replace"} & {name.partition(".")[0] for name in given}:
                continue
            hint = suggestion(key, varied)
            listed = cut(varied, MOST_KEYS) or Note("nothing_varied")
            raise ConfigError(Note("kinds_not_varied", key=f"kinds.{key}", choice=key, hint=hint, varied=listed))
        own = values[key]
        if main is not None:
            # the order of a list is no choice
            main = next((value for value in own if members_of(value) == members_of(main)), main)
            if main not in own:
                hint = suggestion(main, own)
                listed = cut(own, MOST_KEYS)
                raise ConfigError(
                    Note("kinds_main_absent", key=f"kinds.{key}.main", main=main, choice=key, hint=hint, values=listed)
                )
            own = [main, *(value for value in own if value != main)]
        named[key] = {"kind": kind, "values": own}
    unnamed = [key for key in varied if key not in named]
    return {"named": named, "unnamed": unnamed}


def _flat(node: Mapping[Any, Any], above: str = "") -> Iterator[tuple[str, object]]:
    """Yield dotted keys with what is said of them; the command line writes them nested."""
    for name, content in node.items():
        key = f"{above}{name}"
        if isinstance(content, Mapping) and not {"kind", "main"} & set(content):
            yield from _flat(content, f"{key}.")
        else:
            yield key, content


def _read(key: str, content: object) -> tuple[str, str | None]:
    """Return the kind and the main value of a choice."""
    place = f"kinds.{key}"
    kind, main = content, None
    if isinstance(content, Mapping):
        if others := [str(name) for name in content if name not in ("kind", "main")]:
            hint = suggestion(others[0], ("kind", "main"))
            raise ConfigError(Note("kinds_field", key=place, field=others[0], hint=hint))
        kind, main = content.get("kind"), content.get("main")
        if main is not None and kind != "nonequivalent":
            raise ConfigError(Note("kinds_main_of_others", key=f"{place}.main", kind=str(kind)))
    if kind not in KINDS:
        hint = suggestion(str(kind), KINDS)
        raise ConfigError(Note("kinds_unknown", key=place, given=repr(kind), hint=hint, kinds=KINDS))
    return str(kind), None if main is None else text_of(main)


def _values_of(planned: Plan) -> dict[str, list[str]]:
    """Return the values of each choice of a sweep: those of a grid in its order, others in the order of the runs."""
    listed: dict[str, dict[str, None]] = {}
    for block in {id(run.choice.block): run.choice.block for run in planned.runs}.values():
        for axis, _ in block.axes:
            listed.setdefault(axis.key, {}).update(dict.fromkeys(map(text_of, axis.values)))
    there: dict[str, dict[str, None]] = {COLUMN: {}, **{key: {} for key in planned.varied}}
    for run in planned.runs:
        own, lacking = planned.chosen(run), planned.lacking(run)
        for choice in (run.choice, *planned.also.get(run.label, ())):
            if choice.column is not None:
                there[COLUMN][choice.column] = None
            values = own if choice is run.choice else choice.values
            for key in planned.varied:
                if key not in lacking:
                    value = values.get(key, own.get(key))
                    there[key][AS_CONFIGURED if value is None else text_of(value)] = None
    # a draw may begin with any value
    return {
        key: [
            *(value for value in listed.get(key, ()) if value in own),
            *(v for v in own if v not in listed.get(key, ())),
        ]
        for key, own in there.items()
    }
