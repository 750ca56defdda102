"""The points of a sweep that its ``exclude`` drops, and those that cannot run, with an ``exclude`` for them."""

from __future__ import annotations

import itertools
import time
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import prod
from typing import Any

import yaml

from digicarbon.config.assemble import ComplicatedError, at, references
from digicarbon.config.compose import Composer
from digicarbon.config.files import GROUPS
from digicarbon.errors import COMMAND_LINE, ConfigError, DigicarbonError
from digicarbon.note import Note, cut, note_of, suggestion
from digicarbon.note.about import with_hint
from digicarbon.plan.choice import Block, Choice

Point = tuple[int, ...]


@dataclass(frozen=True)
class Remaining:
    """The points of a product that are not dropped; the last digit changes fastest.

    ``sizes``: the number of digits at each position. ``positions``: positions whose digits decide whether a point is
    dropped, ascending. ``dropped``: digits at these positions of the points that are dropped.
    """

    sizes: tuple[int, ...]
    positions: Sequence[int]
    dropped: Collection[Point]

    @property
    def dropped_count(self) -> int:
        """The number of points that are dropped."""
        return len(self.dropped) * self._free[0]

    @property
    def count(self) -> int:
        """The number of points that remain."""
        return prod(self.sizes) - self.dropped_count

    def __iter__(self) -> Iterator[Point]:
        """Yield the remaining points in order."""
        for point in itertools.product(*map(range, self.sizes)):
            if not self.dropped or tuple(point[position] for position in self.positions) not in self.dropped:
                yield point

    def point(self, index: int) -> Point:
        """Return the point that iteration yields as number ``index``, counted from 0."""
        point: list[int] = []
        prefix: Point = ()
        for position, size in enumerate(self.sizes):
            if position in self.positions:
                digit, index = self._digit(prefix, position, index)
                prefix = (*prefix, digit)
            else:
                digit, index = divmod(index, self._rest(prefix, position + 1))
            if digit >= size:
                raise IndexError(index)
            point.append(digit)
        return tuple(point)

    def _digit(self, prefix: Point, position: int, index: int) -> tuple[int, int]:
        for digit in range(self.sizes[position]):
            rest = self._rest((*prefix, digit), position + 1)
            if index < rest:
                return digit, index
            index -= rest
        raise IndexError(index)

    def _rest(self, prefix: Point, position: int) -> int:
        """Return how many points remain with fixed digits before a position; ``prefix`` holds the deciding digits."""
        return prod(self.sizes[position:]) - self._drops[prefix] * self._free[position]

    @cached_property
    def _drops(self) -> Counter[Point]:
        """The number of elements of `dropped` that begin with given digits."""
        lengths = range(len(self.positions) + 1)
        return Counter(point[:length] for point in self.dropped for length in lengths)

    @cached_property
    def _free(self) -> list[int]:
        """The number of ways to choose the digits that decide nothing, from each position to the end."""
        sizes = [1 if position in self.positions else size for position, size in enumerate(self.sizes)]
        return [prod(sizes[position:]) for position in range(len(sizes) + 1)]


COLUMN = 0
"""The position of the column in a choice's digits."""


def remaining(
    blocks: Sequence[Block], sizes: tuple[int, ...], rules: Sequence[Mapping[str, Any]], composer: Composer
) -> Remaining:
    """Return the points that no rule matches; points with equal values of the keys in the rules are checked once.

    ``blocks``: one per column. ``sizes``: how many digits a choice has at each position. ``rules``: values by key.
    Raises ConfigError if a rule has a key that no run has, or a value that an axis of the file does not have.
    """
    _refuse_unknown(rules, blocks, composer)
    _refuse_absent(rules, blocks, composer)
    position_sets = (_positions_of(key, blocks, composer, len(sizes)) for rule in rules for key in rule)
    positions = sorted(frozenset[int]().union(*position_sets))
    dropped = set()
    for digits in itertools.product(*(range(sizes[position]) for position in positions)):
        point = [0] * len(sizes)
        for position, digit in zip(positions, digits, strict=True):
            point[position] = digit
        choice = Choice(blocks[point[COLUMN]], tuple(point))
        if any(_matches(rule, choice, composer) for rule in rules):
            dropped.add(digits)
    return Remaining(sizes, positions, dropped)


def _matches(rule: Mapping[str, Any], choice: Choice, composer: Composer) -> bool:
    values = choice.values
    chosen: dict[str, Any] = {**composer.chosen, **values}
    unknown = set(rule) - set(chosen)
    if unknown:
        # a value that the sweep does not vary comes from an option's file
        config = composer.config(values)
        chosen |= {key: at(config, key.split(".")) for key in unknown}
    return all(chosen[key] == value for key, value in rule.items())


def _positions_of(key: str, blocks: Sequence[Block], composer: Composer, positions: int) -> frozenset[int]:
    """Return the positions whose digits can change the value of a key, directly or through interpolations."""
    if key in GROUPS:
        return frozenset(position for name, _, position in _settings(blocks) if name == key)
    all_positions = frozenset(range(positions))
    if any(composer.reaches_out(name, value) for name, value, _ in _settings(blocks) if name in GROUPS):
        return all_positions
    result: set[int] = set()
    seen = {key}
    pending = [key]
    while pending:
        name = pending.pop()
        result |= {position for other, _, position in _settings(blocks) if _decides(other, name)}
        try:
            keys = {reference for value in _values(name, blocks, composer) for reference in references(value)}
        except ComplicatedError:
            return all_positions
        pending += keys - seen
        seen |= keys
    return frozenset(result)


def _settings(blocks: Sequence[Block]) -> Iterator[tuple[str, Any, int]]:
    """Yield the choices of the sweep: key, value, and the position of the digit that decides the value."""
    for block in blocks:
        yield from ((key, value, COLUMN) for key, value in block.fixed.items())
    for axis, position in blocks[0].axes:
        yield from ((axis.key, value, position) for value in axis.values)


def _decides(chosen: str, key: str) -> bool:
    """Return whether a choice for the first key can change the value of the second."""
    return key == chosen or key.startswith(f"{chosen}.") or chosen.startswith(f"{key}.")


def _values(key: str, blocks: Sequence[Block], composer: Composer) -> Iterator[Any]:
    """Yield all possible values of a dotted key, interpolations unresolved."""
    group, *path = key.split(".")
    for name, value, _ in _settings(blocks):
        if name not in GROUPS and _decides(name, key):
            yield value
    for option in _options(group, blocks) | {None}:
        value = composer.merged({} if option is None else {group: option}).get(group)
        for name in path:
            if isinstance(value, dict):
                value = value.get(name)
        # a list counts as a whole
        yield value


def _options(group: str, blocks: Sequence[Block]) -> set[str]:
    return {str(value) for name, value, _ in _settings(blocks) if name == group}


def _refuse_absent(rules: Sequence[Mapping[str, Any]], blocks: Sequence[Block], composer: Composer) -> None:
    """Refuse an exclusion of a value that no run has, if an axis lists the values."""
    # an axis of the command line may intentionally be a part of the file's axis
    axes = {axis.key: axis for axis, _ in blocks[0].axes if axis.place != COMMAND_LINE}
    for key, value in (item for rule in rules for item in rule.items()):
        axis = axes.get(key)
        if axis is None or value in axis.values or any("${" in str(one) for one in axis.values):
            continue
        texts = [str(one) for one in axis.values]
        raise ConfigError(
            Note(
                "exclude_no_value",
                key=key,
                given=repr(value),
                place=axis.place,
                hint=suggestion(str(value), texts),
                values=cut(texts, 12),
            ),
            f"{composer.where('exclude')}, exclude",
        )


def _refuse_unknown(rules: Sequence[Mapping[str, Any]], blocks: Sequence[Block], composer: Composer) -> None:
    """Refuse an exclusion with a key that no run has; it would silently drop nothing."""
    for key in {key for rule in rules for key in rule if "." in key}:
        group, _, field = key.partition(".")
        varied = any(axis.key == group for axis, _ in blocks[0].axes)
        always = varied or all(group in block.fixed for block in blocks)
        options: set[str | None] = {*_options(group, blocks), *([] if always else [None])}
        known: set[str] = set()
        for option in options:
            known |= set(composer.merged({} if option is None else {group: option})[group])
        if field.split(".")[0] not in known:
            hint = suggestion(key, [f"{group}.{name}" for name in known])
            keys = cut((f"{group}.{name}" for name in known if name != "_target_"), 30)
            raise ConfigError(
                Note("exclude_no_key", key=key, hint=hint, keys=keys), f"{composer.where('exclude')}, exclude"
            )


MOST = 2000
"""The largest number of choices checked after the first one that cannot run."""
SECONDS = 5.0
"""The longest time, in seconds, spent on these checks."""
MOST_RULES = 4
"""The largest number of lines of ``exclude`` that are suggested."""


class Impossible:
    """The choices of a sweep that cannot run.

    ``choices``: the number of choices.
    """

    def __init__(self, choices: int) -> None:
        self._choices = choices
        self._possible: list[Choice] = []
        self._failures: list[tuple[Choice, DigicarbonError]] = []
        # by column: the other columns are checked even if one column cannot run
        self._counts: Counter[str | None] = Counter()
        self._start: dict[str | None, float] = {}
        self._stopped = False

    def enough(self, choice: Choice) -> bool:
        """Return whether enough choices of a column were checked to report what is wrong."""
        start = self._start.get(choice.column)
        if start is not None and (self._counts[choice.column] > MOST or time.monotonic() - start > SECONDS):
            self._stopped = True
        return self._stopped

    def add(self, choice: Choice, error: DigicarbonError) -> None:
        """Record a choice that cannot run, and the error."""
        self._start.setdefault(choice.column, time.monotonic())
        self._failures.append((choice, error))
        self._counts[choice.column] += 1

    def pass_(self, choice: Choice) -> None:
        """Record a choice that can run."""
        self._possible.append(choice)
        self._counts[choice.column] += choice.column in self._start

    @property
    def columns(self) -> dict[str, list[tuple[Choice, DigicarbonError]]]:
        """The choices of columns that cannot run at all, if every other column can; otherwise empty.

        It is also empty if the user has to correct a mistake, because going on would hide it.
        """
        failures: dict[str, list[tuple[Choice, DigicarbonError]]] = {}
        possible = {choice.column for choice in self._possible}
        for choice, error in self._failures:
            if self._stopped or error.to_correct or choice.column is None or choice.column in possible or not possible:
                return {}
            failures.setdefault(choice.column, []).append((choice, error))
        return failures

    def refuse(self) -> None:
        """Raise the error of the first choice that cannot run, with their number and an ``exclude`` that drops them.

        Raises DigicarbonError if any choice cannot run.
        """
        if not self._failures:
            return
        choice, error = self._failures[0]
        if choice.values:
            raise error.anew(
                Note("choice_cannot_run", label=choice.label, why=error, many=self._many(error), offer=self._offer())
            ) from error
        raise with_hint(with_hint(error, self._many(error)), self._offer()) from error

    def _many(self, first: DigicarbonError) -> Note | str:
        """Return the note on how many others cannot run."""
        if len(self._failures) == 1:
            return ""
        checked, size = len(self._failures) + len(self._possible), self._choices
        reason = note_of(first)
        same = sum(note_of(error) == reason for _, error in self._failures)
        more = len(self._failures) - same
        of = Note("first_choices", seen=checked, choices=size) if self._stopped else Note("every_choice", choices=size)
        others = Note("choices_otherwise", choices=more) if more else ""
        return Note("choices_alike", same=same, of=of, others=others)

    def _offer(self) -> Note | str:
        """Return a short exclusion that drops exactly the choices that cannot run, if there is one.

        There is none if the user has to correct a mistake, because dropping the choices would hide it.
        """
        if any(error.to_correct for _, error in self._failures):
            return ""
        failed = [choice.values for choice, _ in self._failures]
        rules = rules_for(failed, [choice.values for choice in self._possible])
        if not rules:
            return ""
        text = yaml.safe_dump(rules, default_flow_style=True, sort_keys=False, allow_unicode=True, width=10_000).strip()
        return Note("leave_it_out" if len(failed) == 1 else "leave_them_out", rules=text)


def rules_for(failed: Sequence[Mapping[str, Any]], passed: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return the shortest exclusion of one or two keys that matches all failed choices and no others.

    Choices are values by key, those that cannot run and those that can.
    """
    if not passed:
        return []
    keys = [key for key in failed[0] if all(key in values for values in (*failed, *passed))]
    for size in (1, 2):
        offers = []
        for names in itertools.combinations(keys, size):
            rules = {_code(values, names): {key: values[key] for key in names} for values in failed}
            if len(rules) <= MOST_RULES and rules.keys().isdisjoint({_code(values, names) for values in passed}):
                offers.append(list(rules.values()))
        if offers:
            return min(offers, key=len)
    return []


def _code(values: Mapping[str, Any], keys: Sequence[str]) -> tuple[str, ...]:
    return tuple(repr(values[key]) for key in keys)
