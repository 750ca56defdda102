"""The points of a sweep that its ``exclude`` drops."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from digicarbon.config.assemble import ComplicatedError, at, references
from digicarbon.config.compose import Composer
from digicarbon.config.files import GROUPS
from digicarbon.config.lattice import Remaining
from digicarbon.errors import ConfigError
from digicarbon.note import Note, cut, suggestion
from digicarbon.plan.choice import COMMAND_LINE, Block, Choice

COLUMN = 0
"""The position of the column in a choice's digits."""


def remaining(
    blocks: Sequence[Block], sizes: tuple[int, ...], rules: Sequence[Mapping[str, Any]], composer: Composer
) -> Remaining:
    """Return the points that no rule matches; points with equal values of the keys in the rules are checked once.

    Parameters
    ----------
    blocks : sequence of Block
        One per column.
    sizes : tuple of int
        How many digits a choice has at each position.
    rules : sequence of mapping
        Values by key.
    composer : Composer

    Raises
    ------
    ConfigError
        If a rule has a key that no run has, or a value that an axis of the file does not have.
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
